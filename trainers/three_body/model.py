"""The common dynamics of the three-body family; each class adds its recurrent drive in full.py, lowrank.py, gru.py.

Source: "Beyond linear summation: Three-Body RNNs for modeling complex neural and biological systems".
With recurrent drive rec(·) and input drive h = W_in u + b_in::

    form rate      r = φ(x)   s = rec(r) + h             y = W_out ψ(x) + b_out
    form voltage   r = x      s = φ(rec(r) + h)          y = W_out x + b_out
    mode cont      x' = x + σ ξ + α (s − x)              mode disc   x' = s
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..activations import ACTIVATIONS
from ..initial_weights import xavier
from ..model import Model, StateVariable, linear
from .config import ThreeBodyConfig

Shapes = dict[str, tuple[int, ...]]
Dims = dict[str, tuple[str, ...]]
Draws = dict[str, np.ndarray]


class ThreeBodyModel(Model):
    """Base of the family: everything but the recurrent drive."""

    family = "three_body"
    config: ThreeBodyConfig
    input_weight: Tensor
    input_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor

    # How W_in, b_in and W_out start: keys of START.
    input_start: ClassVar[str] = "xavier"
    bias_start: ClassVar[str] = "default"
    output_start: ClassVar[str] = "xavier"

    @abstractmethod
    def recurrent_shapes(self) -> Shapes:
        """Return the shapes of the recurrent parameters."""

    @abstractmethod
    def recurrent_dims(self) -> Dims:
        """Return the axis names of the recurrent parameters."""

    @abstractmethod
    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw the recurrent parameters of one network."""

    @abstractmethod
    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return rec(r), (…, trial, unit) from r (…, trial, unit)."""

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The state is x, one number per unit."""
        return (StateVariable("x", 0, self.config.n_units),)

    def input_groups(self) -> tuple[str, ...]:
        """Return the name prefixes of the input weights: one set, or one per gate."""
        return ("",)

    def parameter_shapes(self) -> Shapes:
        """Return the shape of each parameter of one network."""
        config = self.config
        shapes = self.recurrent_shapes()
        for group in self.input_groups():
            shapes[f"{group}input_weight"] = (config.n_units, config.n_inputs)
            if config.input_bias:
                shapes[f"{group}input_bias"] = (config.n_units,)
        if config.readout == "linear":
            shapes["output_weight"] = (config.n_outputs, config.n_units)
            if config.output_bias:
                shapes["output_bias"] = (config.n_outputs,)
        return shapes

    def parameter_dims(self) -> Dims:
        """Return the name of each axis of each parameter."""
        dims = self.recurrent_dims()
        for group in self.input_groups():
            dims |= {f"{group}input_weight": ("unit", "input"), f"{group}input_bias": ("unit",)}
        dims |= {"output_weight": ("output", "unit"), "output_bias": ("output",)}
        return {name: dims[name] for name in self.parameter_shapes()}

    def initial_parameters(self, generator: np.random.Generator) -> Draws:
        """Draw the initial parameters of one network, recurrent ones first."""
        drawn = self.draw_recurrent(generator)
        for name, shape in self.parameter_shapes().items():
            if name not in drawn:
                drawn[name] = self._draw(name, shape, generator)
        return drawn

    def _draw(self, name: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
        config = self.config
        if name.endswith("input_weight"):
            return START[self.input_start](shape, config.n_inputs, config.n_units, generator)
        if name.endswith("input_bias"):
            return START[self.bias_start](shape, config.n_inputs, config.n_units, generator)
        if name == "output_weight":
            return START[self.output_start](shape, config.n_units, config.n_outputs, generator)
        return START["default"](shape, config.n_units, config.n_outputs, generator)

    def noise_size(self) -> int:
        """Return N when the leaky dynamics are noisy, else 0; the map has no noise."""
        noisy = self.config.noise_std > 0 and self.config.mode == "cont"
        return self.config.n_units if noisy else 0

    def input_drive(self, input: Tensor, group: str = "") -> Tensor:
        """Return W_in u + b_in, (…, unit) from u (…, input)."""
        bias = getattr(self, f"{group}input_bias") if self.config.input_bias else None
        return linear(input, getattr(self, f"{group}input_weight"), bias)

    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return x one step later; ``noise`` is standard normal, (…, trial, unit)."""
        return self.advance(state, self.input_drive(self.with_member_axis(input, 2)), noise)

    def advance(self, x: Tensor, drive: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return x one step later from the input drive h."""
        return self.leak(x, self.target(x, drive), noise)

    def target(self, x: Tensor, drive: Tensor) -> Tensor:
        """Return s, where the leaky dynamics pull x and where the map puts it."""
        phi = ACTIVATIONS[self.config.nonlinearity].function
        if self.config.form == "rate":
            return self.recurrent_drive(phi(x)) + drive
        return phi(self.recurrent_drive(x) + drive)

    def leak(self, x: Tensor, s: Tensor, noise: Tensor | None) -> Tensor:
        """Return x + σ ξ + α (s − x), or s in mode ``disc``."""
        if self.config.mode == "disc":
            return s
        moved = torch.lerp(x, s, self.config.alpha)
        return moved if noise is None else moved + self.config.noise_std * noise

    def run_steps(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Tensor:
        """Return the states of the loop over time, with the input drive of all steps computed at once."""
        noises = [None] * inputs.shape[-2] if noise is None else noise.unbind(-2)
        visited = []
        for drive, draw in zip(self.input_drive(inputs).unbind(-2), noises, strict=True):
            state = self.advance(state, drive, draw)
            visited.append(state)
        return torch.stack(visited, dim=-2)

    def rates(self, state: Tensor) -> Tensor:
        """Return what the readout sees: ψ(x) in form ``rate``, x in form ``voltage``."""
        if self.config.form == "voltage":
            return state
        return ACTIVATIONS[self.config.output_nonlinearity].function(state)

    def readout(self, state: Tensor) -> Tensor:
        """Return y, (…, output) from x (…, unit)."""
        return self.read_rates(self.rates(state))

    def read_rates(self, rates: Tensor) -> Tensor:
        """Return W_out r + b_out, or the first units' r itself with the identity readout."""
        if self.config.readout == "identity":
            return rates[..., : self.config.n_outputs]
        bias = self.output_bias if self.config.output_bias else None
        return linear(rates, self.output_weight, bias)

    def activity(self, states: Tensor) -> Tensor:
        """Return the rates φ(x), or x in form ``voltage``."""
        return states if self.config.form == "voltage" else ACTIVATIONS[self.config.nonlinearity].function(states)

    def drive_jacobian(self, r: Tensor) -> Tensor | None:
        """Return ∂rec/∂r, (trial, unit, unit) or (unit, unit) if r does not matter; None when there is no formula."""
        return None

    def jacobian(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        """Return the formula of ∂step/∂x where the drive has one.

        With K = ∂rec/∂r, ∂s/∂x is K(φ(x)) diag(φ'(x)) in form ``rate``, diag(φ'(rec(x) + h)) K(x) in ``voltage``.
        """
        if self.members is not None or self.drive_jacobian(self.initial_state(1)) is None:
            return None
        return self._jacobian

    @torch.no_grad()
    def _jacobian(self, state: Tensor, input: Tensor) -> Tensor:
        phi = ACTIVATIONS[self.config.nonlinearity]
        if self.config.form == "rate":
            kernel = self.drive_jacobian(phi.function(state))
            slopes = phi.slope(state)[:, None, :]
        else:
            kernel = self.drive_jacobian(state)
            slopes = phi.slope(self.recurrent_drive(state) + self.input_drive(input))[:, :, None]
        assert kernel is not None  # jacobian() hands this method out only where there is a formula
        pulled = kernel * slopes
        if self.config.mode == "disc":
            return pulled
        alpha = self.config.alpha
        pulled *= alpha
        pulled.diagonal(dim1=-2, dim2=-1).add_(1 - alpha)
        return pulled

    def jacobian_lipschitz(self) -> float | None:
        """Return a Lipschitz constant of the Jacobian, known for φ = tanh in form ``rate``.

        The drive's Jacobian is K(r) diag(φ'(x)) with r = φ(x), |φ'| ≤ 1 and |φ''| ≤ 4/(3√3).
        """
        if self.config.form != "rate" or self.config.nonlinearity != "tanh" or self.members is not None:
            return None
        bound = self.drive_lipschitz()
        if bound is None:
            return None
        return bound * (self.config.alpha if self.config.mode == "cont" else 1.0)

    def drive_lipschitz(self) -> float | None:
        """Return a Lipschitz constant of the Jacobian of rec(tanh(x)) by x, or None."""
        return None

    def two_body_scale(self) -> float:
        """Return c1 of the low-rank classes: 1/N in mode ``cont``, 1 in mode ``disc``."""
        return 1 / self.config.n_units if self.config.mode == "cont" else 1.0

    def three_body_scale(self) -> float:
        """Return c2 of the low-rank classes: 1/N² in mode ``cont``, 1 in mode ``disc``."""
        return self.two_body_scale() ** 2


def _normal(shape: tuple[int, ...], fan_in: int, fan_out: int, generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=shape)


def _wide(shape: tuple[int, ...], fan_in: int, fan_out: int, generator: np.random.Generator) -> np.ndarray:
    return generator.normal(scale=4.0, size=shape)


def _zero(shape: tuple[int, ...], fan_in: int, fan_out: int, generator: np.random.Generator) -> np.ndarray:
    return np.zeros(shape)


def _default(shape: tuple[int, ...], fan_in: int, fan_out: int, generator: np.random.Generator) -> np.ndarray:
    bound = 1 / np.sqrt(fan_in)
    return generator.uniform(-bound, bound, shape)


START = {"normal": _normal, "wide": _wide, "zero": _zero, "xavier": xavier, "default": _default}
