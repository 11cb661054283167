"""What all cells of the oculomotor family share: input drive, time-major runs, readout, start and what is trained.

Source: "Emergence of prefrontal neuron maturation properties by training recurrent neural networks in cognitive tasks",
iScience 24:103178 (2021). A cell has one set of weights W_in, W_rec, b per gate, named by a prefix; what its step adds
is in leaky.py and gated.py.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ..initial_weights import xavier
from ..model import Generators, Model, StateVariable, Trajectory, linear
from .config import OculomotorConfig
from .penalties import Penalties

Shapes = dict[str, tuple[int, ...]]
Dims = dict[str, tuple[str, ...]]
Draws = dict[str, np.ndarray]

# Steps of a run that keeps no states: its noise, states and outputs stay in the cache.
_BLOCK = 16


class OculomotorModel(Model):
    """Base of the cells. h is the activity and what the readout sees."""

    family = "oculomotor"
    activity_variable = "h"
    #: prefixes of the weight sets, grouped as the gates share one kernel: how they start and what counts as a matrix
    kernels: ClassVar[tuple[tuple[str, ...], ...]] = (("",),)
    #: what the bias of a weight set starts from; 0 where it is not named
    start_biases: ClassVar[dict[str, float]] = {}
    config: OculomotorConfig
    output_weight: Tensor
    output_bias: Tensor

    @abstractmethod
    def advance(self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]) -> Tensor:
        """Return the state one step later from the input drives of all gates and :meth:`recurrent_weights`."""

    @property
    def gates(self) -> tuple[str, ...]:
        """The prefixes of the weight sets, in the order in which their drives lie side by side."""
        return tuple(prefix for kernel in self.kernels for prefix in kernel)

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The state is h, one number per unit."""
        return (StateVariable("h", 0, self.config.n_units),)

    # Parameters.

    def parameter_shapes(self) -> Shapes:
        """Return the shape of each parameter of one network."""
        config = self.config
        shapes = self.cell_shapes()
        shapes |= {"output_weight": (config.n_outputs, config.n_units), "output_bias": (config.n_outputs,)}
        return shapes | self.penalties.constant_shapes(shapes)

    def cell_shapes(self) -> Shapes:
        """Return the shapes of the cell's parameters."""
        n, k = self.config.n_units, self.config.n_inputs
        shapes: Shapes = {}
        for gate in self.gates:
            shapes |= {f"{gate}input_weight": (n, k), f"{gate}recurrent_weight": (n, n), f"{gate}recurrent_bias": (n,)}
        return shapes

    def parameter_dims(self) -> Dims:
        """Return the name of each axis of each parameter; sources are the last axis."""
        dims: Dims = self.cell_dims() | {"output_weight": ("output", "unit"), "output_bias": ("output",)}
        return dims | self.penalties.constant_dims(dims)

    def cell_dims(self) -> Dims:
        """Return the axis names of the cell's parameters."""
        dims: Dims = {}
        for gate in self.gates:
            dims[f"{gate}input_weight"] = ("unit", "input")
            dims[f"{gate}recurrent_weight"] = ("unit", "unit_pre")
            dims[f"{gate}recurrent_bias"] = ("unit",)
        return dims

    def weight_matrices(self) -> tuple[tuple[str, ...], ...]:
        """Return the names of the parameters that make up each matrix, as penalties count them; biases are none."""
        fused = [
            tuple(f"{gate}{what}_weight" for gate in kernel for what in ("input", "recurrent"))
            for kernel in self.kernels
        ]
        return (*fused, ("output_weight",))

    def initial_parameters(self, generator: np.random.Generator) -> Draws:
        """Draw the cell's weights, then the readout (Glorot), then which entries a penalty holds back."""
        config = self.config
        drawn = self.draw_cell(generator)
        drawn["output_weight"] = xavier((config.n_outputs, config.n_units), config.n_units, config.n_outputs, generator)
        drawn["output_bias"] = np.zeros(config.n_outputs)
        return drawn | self.penalties.constants(drawn, generator)

    def draw_cell(self, generator: np.random.Generator) -> Draws:
        """Draw each kernel from the Glorot distribution of a matrix (K + N, N · gates); biases start as named."""
        n, k = self.config.n_units, self.config.n_inputs
        drawn: Draws = {}
        for kernel in self.kernels:
            for gate in kernel:
                joined = xavier((n, k + n), k + n, len(kernel) * n, generator)
                drawn[f"{gate}input_weight"], drawn[f"{gate}recurrent_weight"] = np.split(joined, [k], axis=1)
                drawn[f"{gate}recurrent_bias"] = np.full(n, self.start_biases.get(gate, 0.0))
        return drawn

    # What is trained.

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the parameters that training can change."""
        return tuple(name for name in super().weights if self._can_train(name))

    def freeze(self, names: Sequence[str]) -> None:
        """Exclude the named parameters from training, and those that ``config.trained`` leaves out."""
        untrained = [name for name, _ in self.named_parameters() if not self._can_train(name)]
        super().freeze([*names, *untrained])

    def _can_train(self, name: str) -> bool:
        if self.penalties.is_constant(name):
            return False
        return self.config.trained == "all" or name.endswith("input_weight")

    def trained_weight(self, name: str) -> Tensor:
        """Return a parameter such that gradients reach only those entries that ``config.trained`` lets change.

        An entry whose gradient is exactly zero at every step stays where it is under every optimiser in use.
        """
        value = self.weight(name)
        if self.config.trained != "rule_input" or not name.endswith("input_weight"):
            return value
        n = self.config.n_sensory
        return torch.cat([value[..., :n].detach(), value[..., n:]], dim=-1)

    # Dynamics.

    def noise_size(self) -> int:
        """Return N when the dynamics are noisy, else 0."""
        return self.config.n_units if self.config.recurrent_noise else 0

    def draw_noise(self, batch: int, steps: int, generator: torch.Generator | Generators | None) -> Tensor | None:
        """Return standard normal numbers (…, batch, steps, noise), time-major in memory, or None."""
        drawn = super().draw_noise(steps, batch, generator)
        return None if drawn is None else drawn.transpose(-3, -2)

    def input_weights(self) -> tuple[Tensor, Tensor]:
        """Return W_in (…, gate · unit, input) and b (…, gate · unit) of all gates."""
        weights = [self.trained_weight(f"{gate}input_weight") for gate in self.gates]
        biases = [self.weight(f"{gate}recurrent_bias") for gate in self.gates]
        return _joined(weights, dim=-2), _joined(biases, dim=-1)

    def recurrent_weights(self) -> tuple[Tensor, ...]:
        """Return W_rec of each kernel, (…, gate · unit, unit_pre)."""
        return tuple(
            _joined([self.weight(f"{gate}recurrent_weight") for gate in kernel], dim=-2) for kernel in self.kernels
        )

    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the state one step later; ``noise`` is standard normal, (…, trial, unit)."""
        drive = linear(self.with_member_axis(input, 2), *self.input_weights())
        return self.advance(state, drive, noise, self.recurrent_weights())

    def run(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Trajectory:
        """Return the trajectory of the loop over time, in arrays that are time-major in memory."""
        noise = None if noise is None else noise.transpose(-3, -2)
        states, outputs = self.run_time_major(inputs.transpose(-3, -2), state, noise)
        return Trajectory(states.transpose(-3, -2), outputs.transpose(-3, -2))

    def run_time_major(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return states and outputs (…, time, trial, …); the input drives of all steps are one product."""
        recurrent = self.recurrent_weights()
        drives = linear(inputs, *self.input_weights()).unbind(-3)
        noises = [None] * len(drives) if noise is None else noise.unbind(-3)
        visited = []
        for drive, draw in zip(drives, noises, strict=True):
            state = self.advance(state, drive, draw, recurrent)
            visited.append(state)
        states = torch.stack(visited, dim=-3)
        return states, self.readout(states)

    def respond(
        self, inputs: Tensor, state: Tensor | None = None, generator: torch.Generator | Generators | None = None
    ) -> Trajectory:
        """Run the model for its loss; without gradients and costs of activity in short blocks that keep no states."""
        if torch.is_grad_enabled() or self.config.l1_activity or self.config.l2_activity:
            return super().respond(inputs, state, generator)
        outputs = []
        for block in torch.split(inputs, _BLOCK, dim=-2):
            trajectory = self(block, state, generator)
            state = trajectory.states[..., -1, :]
            outputs.append(trajectory.outputs)
        return Trajectory(trajectory.states[..., :0, :], torch.cat(outputs, dim=-2))

    def rates(self, state: Tensor) -> Tensor:
        """Return h (…, unit), what the readout sees."""
        return self.state_layout[-1].of(state)

    def activity(self, states: Tensor) -> Tensor:
        """Return h (…, unit)."""
        return self.rates(states)

    def readout(self, state: Tensor) -> Tensor:
        """Return sigmoid(W_out h + b_out), or the logits, (…, output) from states (…, state)."""
        return self.outputs_of(linear(self.rates(state), self.output_weight, self.output_bias))

    def outputs_of(self, logits: Tensor) -> Tensor:
        """Return the outputs (…, output) that the readout makes of W_out h + b_out."""
        return torch.sigmoid(logits) if self.config.readout == "sigmoid" else logits

    # Penalties.

    @property
    def penalties(self) -> Penalties:
        """The costs of activity and weights that the configuration asks for."""
        return Penalties(self.config, self.weight_matrices())

    def regularization(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return the penalties by name, each (member,)."""
        return self.penalties.of(self, trajectory)


def _joined(tensors: Sequence[Tensor], dim: int) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors), dim=dim)
