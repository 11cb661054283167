"""Learning signals: what the error tells each unit, directly and through the units that it drives.

Every rule is one gradient recursion (:mod:`.adjoint`) fed with another signal. Directly, unit p receives ::

    L_{p,t} = Σ_k F_{kp} ẽ_{k,t} + constant_p          ẽ_t = (1 − κ) Σ_{s ≥ t} κ^{s−t} ∂E/∂y_s

with the feedback F = W_out (or a random matrix) and the rate penalty's constant part. A unit secretes a_j = L_j ψ_j,
and what unit p senses one step after its spike adds (1 − α) Σ_j C_pj a_{j,t+1}: e-prop has C = 0, MDGL and its
relatives the C of :func:`coupling`.
"""

import dataclasses
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from .model import SpikingNetwork


@dataclasses.dataclass(frozen=True)
class LearningSignal:
    """What a rule needs beside the run itself; all arrays have a leading member axis.

    Attributes
    ----------
    error : (member, trial, time, output), derivative of the task's loss by the outputs
    feedback : (member, output, unit), F
    constant : (member, unit), the rate penalty's derivative by each spike
    coupling : (member, unit p, unit j), C; None is 0
    gain : factor of the coupled term
    secrete_constant : whether ``constant`` is secreted too
    through_weights : whether gradients also run backward through the recurrent weights (BPTT)
    filtered : whether the coupled term is that of the causal approximation (online MDGL)
    """

    error: Tensor
    feedback: Tensor
    constant: Tensor
    coupling: Tensor | None = None
    gain: float = 1.0
    secrete_constant: bool = False
    through_weights: bool = False
    filtered: bool = False


def coupling(model: "SpikingNetwork", kind: str) -> Tensor | None:
    """Return C (member, p, j), the gain with which unit p senses what unit j secretes.

    ``none``: 0 (e-prop). ``weights``: the weight from p to j. ``cell_types``: the mean weight of the existing synapses
    from p's type to j's type, where the synapse p → j exists (MDGL). ``nonlocal``: the mean of all pairs of the two
    types, absent synapses included, for every pair (NL-MDGL). The types are excitatory and inhibitory; the mean of no
    synapses is 0.
    """
    if kind == "none":
        return None
    weights = model.recurrent().detach().mT
    if kind == "weights":
        return weights
    if model.config.wiring == "none":
        raise ConfigurationError(
            "rule mdgl has gains between cell types: expected a model.wiring with signs, not 'none'"
        )
    types = torch.stack([model.unit_sign > 0, model.unit_sign < 0], dim=-1).to(weights)  # (member, unit, type)
    exists = (weights != 0).to(weights)
    counted = exists if kind == "cell_types" else torch.ones_like(weights)
    totals, counts = (types.mT @ matrix @ types for matrix in (weights, counted))
    means = torch.where(counts > 0, totals / counts.clamp_min(1), 0)
    spread = types @ means @ types.mT
    return spread * exists if kind == "cell_types" else spread


def filtered_backward(error: Tensor, decay: float) -> Tensor:
    """Return ẽ_t = (1 − κ) Σ_{s ≥ t} κ^{s−t} error_s along the time axis, the last but one."""
    later = torch.zeros_like(error[..., 0, :])
    found = []
    for now in reversed(((1 - decay) * error).unbind(-2)):
        later = now + decay * later
        found.append(later)
    return torch.stack(found[::-1], dim=-2)


@dataclasses.dataclass(frozen=True)
class UnitSignals:
    """Signals of every unit in every step, (member, trial, time, unit): L, a, and what modulation adds to L."""

    direct: Tensor
    secretion: Tensor
    modulation: Tensor


def unit_signals(model: "SpikingNetwork", psi: Tensor, signal: LearningSignal) -> UnitSignals:
    """Return the signals that reach the units, given their pseudo-derivatives ψ (member, trial, time, unit)."""
    config = model.config
    direct = filtered_backward(signal.error, config.readout_decay) @ signal.feedback.unsqueeze(1)
    constant = signal.constant[:, None, None]
    secretion = (direct + constant if signal.secrete_constant else direct) * psi
    direct += constant
    if signal.coupling is None:
        return UnitSignals(direct, secretion, direct.new_zeros(()).expand_as(direct))
    received = _filtered_secretion(model, psi, signal) if signal.filtered else secretion
    sensed = received @ (signal.gain * (1 - config.membrane_decay) * signal.coupling.mT.unsqueeze(1))
    if signal.filtered:
        sensed = filtered_backward(sensed, config.readout_decay)
    # Sensed a step later by the traces of this step; after the last step there is nothing to sense.
    return UnitSignals(direct, secretion, functional.pad(sensed[..., 1:, :], (0, 0, 0, 1)))


def _filtered_secretion(model: "SpikingNetwork", psi: Tensor, signal: LearningSignal) -> Tensor:
    """Return M_j ψ̄_j, the error at each unit's output times its filtered pseudo-derivative (spec: online variant)."""
    decay = model.config.readout_decay
    mean = torch.zeros_like(psi[..., 0, :])
    means = []
    for now in psi.unbind(-2):
        mean = decay * mean + (1 - decay) * now
        means.append(mean)
    return (signal.error @ signal.feedback.unsqueeze(1)) * torch.stack(means, dim=-2)
