"""What learning uses, as state variables of a recording: eligibility traces, learning signals, secretion."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import InputError, unknown_name
from ..task import Batch, Task
from .adjoint import PlainRun, run_plainly
from .signals import unit_signals
from .traces import eligibility

if TYPE_CHECKING:
    from .model import SpikingNetwork
    from .rules import SpikingRule

#: learning signal L (without what modulation adds), what units secrete and sense, ψ, and e of each synapse
NAMES = ("pseudo_derivative", "eligibility", "learning_signal", "secretion", "modulation")


def learning_states(
    model: "SpikingNetwork", names: Sequence[str], task: Task, batch: Batch, rule: "SpikingRule", steps: slice
) -> dict[str, Tensor]:
    """Return the named quantities of one network, (trial, step, unit), in the given steps.

    ``eligibility`` is (trial, step, unit, source), sources being the inputs and then the units: N (N + K) numbers per
    step and trial, so choose few of them. Learning signals are derivatives of the mean loss over the trials recorded.

    Raises
    ------
    InputError
        For an unknown name, or a network with current noise.
    """
    for name in names:
        if name not in NAMES:
            raise InputError(unknown_name("state", name, [*(part.name for part in model.state_layout), *NAMES]))
    if model.noise_size():
        raise InputError("learning states: a network with model.noise_std has no second run like the first")
    run = run_plainly(model.batched(), batch.inputs, None, for_gradients=True)
    found: dict[str, Tensor] = {}
    if "pseudo_derivative" in names:
        found["pseudo_derivative"] = run.psi[0, :, steps]
    if "eligibility" in names:
        found["eligibility"] = _traces(run, steps)
    if {"learning_signal", "secretion", "modulation"} & {*names}:
        _, signal = rule.signal(run.model, task, batch, run)
        signals = unit_signals(run.model, run.psi, signal)
        every = {"learning_signal": signals.direct, "secretion": signals.secretion, "modulation": signals.modulation}
        found |= {name: values[0, :, steps] for name, values in every.items() if name in names}
    return found


def _traces(run: PlainRun, steps: slice) -> Tensor:
    kept = [trace[0] for t, trace in enumerate(eligibility(run)) if steps.start <= t < steps.stop]
    return torch.stack(kept, dim=1)
