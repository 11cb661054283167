"""The gradient of a recorded run, backward in time: O(N) state per trial, O(B·T·N) memory, for every rule.

For a fixed unit the eligibility traces of all its synapses obey one linear recursion, so that their sum with a learning
signal L' can be taken backward instead of forward, one number per unit in place of one per synapse::

    g_t  = L'_t − ϑ λᵛ_{t+1} + (1 − ρ) λᵇ_{t+1}   [+ (1 − α) Wᵀ λᵛ_{t+1}: BPTT]
    λᵛ_t = ψ_t g_t + α λᵛ_{t+1}          λᵇ_t = −β ψ_t g_t + ρ λᵇ_{t+1}
    ∂E/∂W = (1 − α) Σ λᵛ_t z_{t−1}ᵀ      ∂E/∂W_in = (1 − α) Σ λᵛ_t x_tᵀ
"""

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .signals import LearningSignal, filtered_backward, unit_signals

if TYPE_CHECKING:
    from .model import SpikingNetwork

# Steps whose outer products are formed by one matrix product.
_STEPS = 250
# Trials whose signals are held at once: bounds the memory of a gradient.
_TRIALS = 32


@dataclasses.dataclass(frozen=True)
class PlainRun:
    """A run of a batch by the loop over ``step``: outputs, and with them what its gradient needs.

    Attributes
    ----------
    outputs : (member, trial, time, output)
    mean_spikes : (member, unit), spikes per step
    psi, spikes : (member, trial, time, unit), pseudo-derivatives and spikes (bytes); empty in time if not kept
    """

    model: "SpikingNetwork"
    inputs: Tensor
    outputs: Tensor
    mean_spikes: Tensor
    psi: Tensor
    spikes: Tensor

    def gradients(self, signal: LearningSignal) -> dict[str, Tensor]:
        """Return the gradient of each weight by name."""
        blocks = [slice(first, first + _TRIALS) for first in range(0, self.psi.shape[1], _TRIALS)]
        parts = [self._block_gradients(block, signal) for block in blocks]
        found = {name: torch.stack([part[name] for part in parts]).sum(0) for name in parts[0]}
        found["recurrent_weight"] *= 1 - torch.eye(self.psi.shape[-1]).to(self.psi)
        return found

    def _block_gradients(self, block: slice, signal: LearningSignal) -> dict[str, Tensor]:
        """Return the gradients of some trials; only here are there several arrays of (trial, time, unit)."""
        signal = dataclasses.replace(signal, error=signal.error[:, block])
        psi, spikes = self.psi[:, block], self.spikes[:, block]
        signals = unit_signals(self.model, psi, signal)
        total = signals.direct + signals.modulation
        received = recursion(self.model, psi, total, through_weights=signal.through_weights)
        received *= 1 - self.model.config.membrane_decay
        filtered = filtered_backward(signal.error, self.model.config.readout_decay)
        return {
            "input_weight": _outer(received, self.inputs[:, block]),
            "recurrent_weight": _outer(received[..., 1:, :], spikes[..., :-1, :]),
            "output_weight": _outer(filtered, spikes),
            "output_bias": signal.error.sum((1, 2)),
        }


@torch.no_grad()
def run_plainly(model: "SpikingNetwork", inputs: Tensor, noise: Tensor | None, *, for_gradients: bool) -> PlainRun:
    """Run networks with a member axis over ``inputs`` (member, trial, time, input), keeping what is needed."""
    inputs, recurrent = inputs.to(model.dtype), model.recurrent()
    state = model.initial_state(inputs.shape[1])
    count = torch.zeros_like(model.state_layout[2].of(state))
    noises = [None] * inputs.shape[-2] if noise is None else noise.unbind(-2)
    shape = (*inputs.shape[:2], inputs.shape[2] if for_gradients else 0, model.config.n_units)
    psi, spikes = state.new_empty(shape), state.new_empty(shape, dtype=torch.uint8)
    outputs = []
    for t, (input, draw) in enumerate(zip(inputs.unbind(-2), noises, strict=True)):
        state = model.advance(state, input, draw, recurrent)
        outputs.append(model.readout(state))
        now = model.state_layout[2].of(state)
        count += now
        if for_gradients:
            psi[..., t, :] = model.pseudo_derivative(state)
            spikes[..., t, :] = now
    mean = count.mean(1) / inputs.shape[-2]
    return PlainRun(model, inputs, torch.stack(outputs, dim=-2), mean, psi, spikes)


def recursion(model: "SpikingNetwork", psi: Tensor, total: Tensor, *, through_weights: bool) -> Tensor:
    """Return λᵛ (member, trial, time, unit) from ψ and the learning signal L' of the same shape."""
    config = model.config
    alpha, rho, strength = config.membrane_decay, config.adaptation_decay, model.adaptation_strength
    weights = (1 - alpha) * model.recurrent().detach()
    by_voltage = torch.zeros_like(psi[..., 0, :])
    by_adaptation = torch.zeros_like(by_voltage)
    found = torch.empty_like(psi)
    for t in reversed(range(psi.shape[-2])):
        arrived = total[..., t, :] - config.threshold * by_voltage + (1 - rho) * by_adaptation
        if through_weights:
            arrived = arrived + by_voltage @ weights
        pulled = psi[..., t, :] * arrived
        by_voltage = pulled + alpha * by_voltage
        by_adaptation = rho * by_adaptation - strength * pulled
        found[..., t, :] = by_voltage
    return found


def _outer(targets: Tensor, sources: Tensor) -> Tensor:
    """Return Σ over trials and steps of targets sourcesᵀ, (member, target, source), a block of steps at a time."""
    steps = range(0, targets.shape[-2], _STEPS)
    parts = []
    for first in steps:
        left, right = (part[..., first : first + _STEPS, :].flatten(1, 2) for part in (targets, sources))
        parts.append(left.mT @ right.to(left))
    return torch.stack(parts).sum(0)
