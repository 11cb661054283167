"""The leaky network of the published study, with its two ways for inputs to enter."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .. import leaky_kernel
from ..activations import ACTIVATIONS, Activation
from ..initial_weights import xavier
from ..model import linear
from .gains import GAINS
from .model import Dims, Draws, OculomotorModel, Shapes


class LeakyRNN(OculomotorModel):
    """Leaky network: h' = (1 − α) h + α f(W_rec h + W_in x + b + σ ξ).

    With ``separate_input`` W_in x + b is W_s x_s + b_s + W_r Q x_r + b: the sensory channels x_s and the rule channels
    x_r have a layer each, and Q is a constant rotation or 1.
    """

    kind = "leaky_rnn"
    recurrent_weight: Tensor
    recurrent_bias: Tensor
    sensory_input_weight: Tensor
    sensory_bias: Tensor
    rule_input_weight: Tensor
    rule_mixing: Tensor

    @property
    def activation(self) -> Activation:
        """The nonlinearity f."""
        return ACTIVATIONS[self.config.activation]

    def cell_shapes(self) -> Shapes:
        """Return the shapes of recurrent weights, bias and input layers."""
        shapes, config = super().cell_shapes(), self.config
        if config.separate_input:
            del shapes["input_weight"]
            shapes |= {"sensory_input_weight": (config.n_units, config.n_sensory), "sensory_bias": (config.n_units,)}
            shapes["rule_input_weight"] = (config.n_units, config.n_rules)
            if config.mix_rule:
                shapes["rule_mixing"] = (config.n_rules, config.n_rules)
        return shapes

    def cell_dims(self) -> Dims:
        """Return the axis names of recurrent weights, bias and input layers."""
        dims = super().cell_dims() | {
            "sensory_input_weight": ("unit", "sensory_input"),
            "sensory_bias": ("unit",),
            "rule_input_weight": ("unit", "rule"),
            "rule_mixing": ("rule", "rule_pre"),
        }
        return {name: dims[name] for name in self.cell_shapes()}

    def weight_matrices(self) -> tuple[tuple[str, ...], ...]:
        """Return the matrices that penalties count: with ``separate_input`` each layer is one."""
        if not self.config.separate_input:
            return super().weight_matrices()
        return (("sensory_input_weight",), ("rule_input_weight",), ("recurrent_weight",), ("output_weight",))

    def draw_cell(self, generator: np.random.Generator) -> Draws:
        """Draw the input weights, then the recurrent ones; biases are zero."""
        config, n = self.config, self.config.n_units
        drawn: Draws = {}
        if config.separate_input:
            drawn["sensory_input_weight"] = xavier((n, config.n_sensory), config.n_sensory, n, generator)
            drawn["sensory_bias"] = np.zeros(n)
            if config.mix_rule:
                drawn["rule_mixing"] = random_orthogonal(config.n_rules, generator)
            drawn["rule_input_weight"] = xavier((n, config.n_rules), config.n_rules, n, generator)
        else:
            gain = GAINS[config.activation].input if config.input_gain is None else config.input_gain
            drawn["input_weight"] = gain * generator.normal(size=(n, config.n_inputs)) / np.sqrt(config.n_inputs)
        gain = GAINS[config.activation].recurrent if config.recurrent_gain is None else config.recurrent_gain
        drawn["recurrent_weight"] = gain * RECURRENT_STARTS[config.recurrent_start](n, generator)
        drawn["recurrent_bias"] = np.zeros(n)
        return drawn

    def _can_train(self, name: str) -> bool:
        if name == "rule_mixing":
            return False
        if self.config.separate_input and self.config.trained == "rule_input":
            return name == "rule_input_weight"
        return super()._can_train(name) or (self.config.trained == "input" and name == "sensory_bias")

    def trained_weight(self, name: str) -> Tensor:
        """Return a parameter such that gradients reach only what ``config.trained`` lets change."""
        return self.weight(name) if self.config.separate_input else super().trained_weight(name)

    def input_weights(self) -> tuple[Tensor, Tensor]:
        """Return W_in (…, unit, input) and b (…, unit), also with ``separate_input``."""
        if not self.config.separate_input:
            return super().input_weights()
        rule: Tensor = self.rule_input_weight
        if self.config.mix_rule:
            rule = rule @ self.rule_mixing
        return torch.cat([self.sensory_input_weight, rule], dim=-1), self.recurrent_bias + self.sensory_bias

    def advance(self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]) -> Tensor:
        """Return h one step later."""
        total = linear(state, recurrent[0]) + drive
        if noise is not None:
            total = total + self.config.noise_std * noise
        return torch.lerp(state, self.activation.function(total), self.config.alpha)

    def run_time_major(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return states and outputs (…, time, trial, …) of :mod:`~dynascope.trainers.leaky_kernel`."""
        activation, config = self.activation, self.config
        leak = leaky_kernel.Leak(activation.function, activation.slope, config.alpha, config.noise_std)
        weights = (self.recurrent_weight, *self.input_weights(), self.output_weight, self.output_bias)
        if self.members is not None:
            states, logits = leaky_kernel.run(leak, inputs, state, noise, leaky_kernel.Weights(*weights))
            return states, self.outputs_of(logits)
        noise = None if noise is None else noise[None]
        batched = leaky_kernel.Weights(*(weight[None] for weight in weights))
        states, logits = leaky_kernel.run(leak, inputs[None], state[None], noise, batched)
        return states[0], self.outputs_of(logits[0])

    def jacobian(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the formula ∂h'/∂h = (1 − α) 1 + α diag(f'(a)) W_rec, for one network."""
        return self._jacobian if self.members is None else None

    @torch.no_grad()
    def _jacobian(self, state: Tensor, input: Tensor) -> Tensor:
        drive = linear(input, *self.input_weights()) + linear(state, self.recurrent_weight)
        pulled = (self.config.alpha * self.activation.slope(drive)).unsqueeze(-1) * self.recurrent_weight
        pulled.diagonal(dim1=-2, dim2=-1).add_(1 - self.config.alpha)
        return pulled

    def jacobian_lipschitz(self) -> float | None:
        """Return α c max_i ‖w_i‖ ‖W_rec‖₂, with w_i the rows of W_rec and c a Lipschitz constant of f'.

        Two Jacobians differ by α diag(f'(a) − f'(a')) W_rec, and |a_i − a_i'| ≤ ‖w_i‖ ‖h − h'‖. None where f' jumps.
        """
        curvature = self.activation.curvature
        if curvature is None or self.members is not None:
            return None
        weight = self.recurrent_weight.detach()
        longest = float(torch.linalg.vector_norm(weight, dim=-1).max())
        return self.config.alpha * curvature * longest * float(torch.linalg.matrix_norm(weight, 2))


def random_orthogonal(n: int, generator: np.random.Generator) -> np.ndarray:
    """Draw an orthogonal matrix (n, n) from the Haar distribution.

    The factor Q of a matrix of normal numbers, with the signs that make the diagonal of R positive, is uniform on the
    orthogonal group (Mezzadri 2007).
    """
    q, r = np.linalg.qr(generator.normal(size=(n, n)))
    rotated: np.ndarray = q * np.sign(np.diag(r))
    return rotated


def _gaussian(n: int, generator: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray = generator.normal(size=(n, n)) / np.sqrt(n)
    return drawn


def _identity(n: int, generator: np.random.Generator) -> np.ndarray:
    return np.eye(n)


RECURRENT_STARTS: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
    "orthogonal": random_orthogonal,
    "gaussian": _gaussian,
    "identity": _identity,
}
