"""Elman networks with the wiring of a connectome.

::

    h_t = f(W_in x_t + b_in + U h_{t−1} + b_rec)        y_t = W_out h_t + b_out        h_{−1} = 0

U is zero wherever the template is, at the start and after any training. Source: Goulas, Damicelli and Hilgetag, Neural
Networks 142:608–618 (2021).
"""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from .. import leaky_kernel
from ..activations import ACTIVATIONS
from ..model import Generators, Model, StateVariable, Trajectory, linear
from .config import ConnectomeConfig
from .graph import spectral_radius
from .initialization import draw_weights, effective_scheme, masked, remapped
from .null_models import fully_connected, radius_factor, randomized

Shapes = dict[str, tuple[int, ...]]
Dims = dict[str, tuple[str, ...]]
Draws = dict[str, np.ndarray]


class ConnectomeNetwork(Model):
    """One-layer Elman network whose recurrent weights exist where a template has connections.

    Constants are the ``template`` (unit, unit_pre) in the direction of the recurrent weights, which units are
    ``excitatory`` under Dale's law, and the ``area`` of each unit.
    """

    family = "connectome"
    kind = "elman"
    activity_variable = "h"
    config: ConnectomeConfig
    template: Tensor
    excitatory: Tensor
    area: Tensor
    input_weight: Tensor
    input_bias: Tensor
    recurrent_weight: Tensor
    recurrent_bias: Tensor
    output_weight: Tensor
    output_bias: Tensor

    constants = ("template", "excitatory", "area")

    @cached_property
    def n_units(self) -> int:
        """Number of neurons."""
        return self.config.n_units or self.config.template().n_neurons

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The state is h, one number per unit."""
        return (StateVariable("h", 0, self.n_units),)

    def parameter_shapes(self) -> Shapes:
        """Return the shape of each parameter of one network."""
        n, k, o = self.n_units, self.config.n_inputs, self.config.n_outputs
        shapes: Shapes = {
            "input_weight": (n, k), "input_bias": (n,), "recurrent_weight": (n, n), "recurrent_bias": (n,),
            "output_weight": (o, n), "output_bias": (o,), "template": (n, n), "area": (n,),
        }  # fmt: skip
        return shapes if self.config.dale is None else shapes | {"excitatory": (n,)}

    def parameter_dims(self) -> Dims:
        """Return the name of each axis of each parameter; sources are the last axis."""
        dims: Dims = {
            "input_weight": ("unit", "input"), "input_bias": ("unit",), "recurrent_weight": ("unit", "unit_pre"),
            "recurrent_bias": ("unit",), "output_weight": ("output", "unit"), "output_bias": ("output",),
            "template": ("unit", "unit_pre"), "area": ("unit",), "excitatory": ("unit",),
        }  # fmt: skip
        return {name: dims[name] for name in self.parameter_shapes()}

    def initial_parameters(self, generator: np.random.Generator) -> Draws:
        """Draw weights, then the null model, and put the recurrent weights where the template wants them."""
        config = self.config
        scheme = effective_scheme(config.initialization, config.nonlinearity, strict=config.strict_initialization)
        own = config.template()
        templated = config.randomize != "full"
        drawn = draw_weights(scheme, own.n_neurons, config.n_inputs, config.n_outputs, generator, templated=templated)
        null = randomized(own, config.randomize, generator).weights if templated else fully_connected(own.n_neurons)
        found: Draws = {
            "input_weight": drawn.input, "input_bias": drawn.input_bias, "recurrent_bias": drawn.recurrent_bias,
            "output_weight": drawn.output, "output_bias": drawn.output_bias, "template": self._directed(null),
            "area": own.areas.astype(float),
        }  # fmt: skip
        recurrent = drawn.recurrent
        if config.dale is not None:
            found["excitatory"] = (generator.permutation(own.n_neurons) < round(config.dale * own.n_neurons)).astype(
                float
            )
            recurrent = np.abs(recurrent) * np.where(found["excitatory"] > 0, 1.0, -1.0)
        found["recurrent_weight"] = self._scaled(self._placed(recurrent, found["template"]), recurrent, own.weights)
        return found

    def _directed(self, template: np.ndarray) -> np.ndarray:
        """Return a matrix whose rows are sources as (unit, unit_pre): as it is, against the connectome, or turned."""
        return template if self.config.reverse else np.ascontiguousarray(template.T)

    def _placed(self, recurrent: np.ndarray, template: np.ndarray) -> np.ndarray:
        return remapped(recurrent, template) if self.config.remap else masked(recurrent, template)

    def _scaled(self, placed: np.ndarray, recurrent: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Return the weights with the spectral radius that the options ask for."""
        config = self.config
        if config.spectral_radius is not None:
            return placed * (config.spectral_radius / spectral_radius(placed))
        if config.match_radius:
            reference = self._placed(recurrent, self._directed(own))
            return placed * radius_factor(placed, reference)
        return placed

    def wired(self) -> Tensor:
        """Return the recurrent weights (…, unit, unit_pre), zero where the template is: so are their gradients."""
        return self.recurrent_weight * (self.template != 0)

    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return h one step later."""
        drive = linear(self.with_member_axis(input, 2), self.input_weight, self.input_bias)
        return ACTIVATIONS[self.config.nonlinearity].function(drive + linear(state, self.wired(), self.recurrent_bias))

    def run(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Trajectory:
        """Return the trajectory of the fast run; see :mod:`~dynascope.trainers.leaky_kernel`."""
        activation = ACTIVATIONS[self.config.nonlinearity]
        leak = leaky_kernel.Leak(activation.function, activation.slope, 1.0, 0.0)
        bias = self.input_bias + self.recurrent_bias
        weights = (self.wired(), self.input_weight, bias, self.output_weight, self.output_bias)
        inputs = inputs.transpose(-3, -2)
        if self.members is None:
            batched = leaky_kernel.Weights(*(weight[None] for weight in weights))
            states, outputs = leaky_kernel.run(leak, inputs[None], state[None], None, batched)
            states, outputs = states[0], outputs[0]
        else:
            states, outputs = leaky_kernel.run(leak, inputs, state, None, leaky_kernel.Weights(*weights))
        return Trajectory(states.transpose(-3, -2), outputs.transpose(-3, -2))

    def readout(self, state: Tensor) -> Tensor:
        """Return the number, or the logits of the classes, (…, output) from states (…, state)."""
        return linear(state, self.output_weight, self.output_bias)

    def after_update(self, learning_rate: float, generators: Generators) -> None:
        """Keep Dale's law: weights that would change their sign become zero."""
        if self.config.dale is None:
            return
        with torch.no_grad():
            excitatory = self.excitatory.unsqueeze(-2) > 0
            weight = self.recurrent_weight
            weight.copy_(torch.where(excitatory, weight.clamp(min=0), weight.clamp(max=0)))

    def jacobian(self) -> Any:
        """Return the formula ∂h'/∂h = diag(f'(a)) U, for one network."""
        return self._jacobian if self.members is None else None

    @torch.no_grad()
    def _jacobian(self, state: Tensor, input: Tensor) -> Tensor:
        wired = self.wired()
        drive = linear(input, self.input_weight, self.input_bias) + linear(state, wired, self.recurrent_bias)
        return ACTIVATIONS[self.config.nonlinearity].slope(drive).unsqueeze(-1) * wired

    def jacobian_lipschitz(self) -> float | None:
        """Return c max_i ‖u_i‖ ‖U‖₂ with c a Lipschitz constant of f' and u_i the rows of U; None where f' jumps."""
        curvature = ACTIVATIONS[self.config.nonlinearity].curvature
        if curvature is None or self.members is not None:
            return None
        wired = self.wired().detach()
        longest = float(torch.linalg.vector_norm(wired, dim=-1).max())
        return curvature * longest * float(torch.linalg.matrix_norm(wired, 2))

    def unit_columns(self) -> dict[str, Any]:
        """Return the area of each unit, by number and, where the connectome is at hand, by name, and its sign."""
        area = self.area.detach().cpu().numpy().astype(int)
        columns: dict[str, Any] = {"area_index": area}
        names = self._area_names()
        if names is not None:
            columns["area"] = np.array(names)[area]
        if self.config.dale is not None:
            columns["sign"] = np.where(self.excitatory.detach().cpu().numpy() > 0, 1, -1)
        return columns

    def _area_names(self) -> tuple[str, ...] | None:
        try:
            return self.config.load().names
        except InputError:
            return None
