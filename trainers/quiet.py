"""The dynamics of networks of spiking units while none spikes: all that a search for fixed points can mean there.

The step of such a network jumps at threshold, so that points where it rests are searched for where it is smooth. With
spikes held at 0, what is left of the step has a single point where it rests, known in closed form; that point is a
fixed point of the network if no unit is above threshold there, and otherwise the input keeps units spiking.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import InputError
from ..results import Array
from .model import Model, StateVariable


class QuietDynamics(ABC):
    """The step of one network on its states without spikes, in float64.

    Parameters
    ----------
    model : one network, without a member axis; a copy is kept
    variables : names of its state variables that spikes only act on; all others are held at 0

    Raises
    ------
    InputError
        If the model has a member axis.
    """

    def __init__(self, model: Model, variables: Sequence[str]) -> None:
        if model.members is not None:
            raise InputError("quiet dynamics: expected one network, without a member axis")
        self.model = copy.deepcopy(model).to("cpu", torch.float64).requires_grad_(requires_grad=False)
        self._parts = [part for part in model.state_layout if part.name in variables]
        self._kept = torch.cat([torch.arange(part.start, part.stop) for part in self._parts])

    @property
    def state_size(self) -> int:
        """Length of the state."""
        return len(self._kept)

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The named parts of the state, in the order of the model's own."""
        found, start = [], 0
        for part in self._parts:
            stop = start + part.stop - part.start
            found.append(StateVariable(part.name, start, stop))
            start = stop
        return tuple(found)

    def parts(self, state: Tensor) -> dict[str, Tensor]:
        """Return the state variables of states (…, state) by name."""
        return {part.name: part.of(state) for part in self.state_layout}

    def full_state(self, state: Tensor) -> Tensor:
        """Return states (…, state) as states of the model, without spikes and what they leave behind."""
        full = state.new_zeros(*state.shape[:-1], self.model.state_size)
        return full.index_copy(-1, self._kept, state)

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        """Return the state one step later if no unit spikes: (trial, state), (trial, input) → (trial, state)."""
        return self.model.step(self.full_state(state), input).index_select(-1, self._kept)

    @abstractmethod
    def fixed_point(self, input: Tensor) -> Tensor:
        """Return the one state that rests under constant inputs (…, input), (…, state), in closed form."""

    @abstractmethod
    def distance_to_threshold(self, state: Tensor) -> Tensor:
        """Return (threshold − membrane potential) / threshold of each unit, (…, unit); below 0 it would spike."""

    @abstractmethod
    def jacobian_lipschitz(self, states: Array, radii: Array) -> Array:
        """Return how fast ∂step/∂state can change in balls around states (k, state) with radii (k,), (k,).

        It bounds ‖J(x) − J(y)‖₂ / ‖x − y‖ and is what ``find_fixed_points(…, lipschitz=…)`` takes, so that its
        certificates are proofs.
        """
