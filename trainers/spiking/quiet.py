"""A spiking network whose units are silent: voltages and adaptation decay linearly, towards (W_in u, 0)."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ...results import Array
from ..quiet import QuietDynamics

if TYPE_CHECKING:
    from .model import SpikingNetwork


class QuietSpikingDynamics(QuietDynamics):
    """The linear map of (voltage, adaptation), 2 N numbers."""

    model: "SpikingNetwork"

    def __init__(self, model: "SpikingNetwork") -> None:
        super().__init__(model, ("voltage", "adaptation"))

    def fixed_point(self, input: Tensor) -> Tensor:
        """Return (W_in u, 0) of constant inputs u (…, input)."""
        voltage = input.to(self.model.dtype) @ self.model.input_weight.mT
        return torch.cat([voltage, torch.zeros_like(voltage)], dim=-1)

    def distance_to_threshold(self, state: Tensor) -> Tensor:
        """Return (ϑ + β b − v) / ϑ of each unit, (…, unit); below 0 it would spike."""
        parts, threshold = self.parts(state), self.model.config.threshold
        raised = threshold + self.model.adaptation_strength * parts["adaptation"]
        return (raised - parts["voltage"]) / threshold

    def jacobian_lipschitz(self, states: Array, radii: Array) -> Array:
        """Return 0 for each ball: the map is linear."""
        return np.zeros(len(states))
