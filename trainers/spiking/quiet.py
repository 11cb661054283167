"""The dynamics of a spiking network while no unit spikes: all that a search for fixed points can mean here.

The step of a spiking network jumps at threshold, so that points where it rests are searched for where it is smooth:
without spikes voltages, adaptation and filtered spikes decay linearly towards (W_in u, 0, 0). That point is a fixed
point of the network if no voltage there reaches its threshold ϑ; otherwise the input keeps it spiking.
"""

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import InputError

if TYPE_CHECKING:
    from .model import SpikingNetwork


@dataclasses.dataclass(frozen=True, eq=False)
class QuietDynamics:
    """The linear map of (voltage, adaptation, filtered), 3 N numbers, of one network whose units are all silent."""

    model: "SpikingNetwork"

    def __post_init__(self) -> None:
        if self.model.members is not None:
            raise InputError("quiet dynamics: expected one network, without a member axis")

    @property
    def state_size(self) -> int:
        """Length of the state, 3 N."""
        return 3 * self.model.config.n_units

    def step(self, state: Tensor, input: Tensor) -> Tensor:
        """Return the state one step later: (trial, state), (trial, input) → (trial, state)."""
        config = self.model.config
        voltage, adaptation, filtered = state.chunk(3, dim=-1)
        current = input.to(state) @ self.model.input_weight.detach().to(state).mT
        voltage = config.membrane_decay * voltage + (1 - config.membrane_decay) * current
        return torch.cat([voltage, config.adaptation_decay * adaptation, config.readout_decay * filtered], dim=-1)

    def distance_to_threshold(self, state: Tensor) -> Tensor:
        """Return (threshold − voltage) / ϑ of each unit, (…, unit); below 0 where a unit would spike."""
        config = self.model.config
        voltage, adaptation, _ = state.chunk(3, dim=-1)
        raised = config.threshold + self.model.adaptation_strength.to(state) * adaptation
        return (raised - voltage) / config.threshold
