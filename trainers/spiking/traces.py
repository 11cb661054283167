"""Eligibility traces, one per synapse: explicit for inspection, or carried forward with O(B·N·(N + K)) memory.

Within unit p the derivative of its state by the weight of synapse q → p follows ::

    εᵛ_t = (α − ϑ ψ_{t−1}) εᵛ_{t−1} + ϑ β ψ_{t−1} εᵇ_{t−1} + (1 − α) s_t
    εᵇ_t = (1 − ρ) ψ_{t−1} εᵛ_{t−1} + (ρ − (1 − ρ) β ψ_{t−1}) εᵇ_{t−1}
    e_t  = ψ_t (εᵛ_t − β εᵇ_t)

where s is the source's spike of the step before, or the input count. Costs N + K times the adjoint form.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import ConfigurationError
from .adjoint import PlainRun
from .signals import LearningSignal, filtered_backward, unit_signals

if TYPE_CHECKING:
    from .model import SpikingNetwork


class EligibilityTraces:
    """The traces of all synapses of a batch, moved forward one step at a time.

    ``value`` is e (…, trial, unit, source), sources being the inputs and then the units.
    """

    def __init__(self, model: "SpikingNetwork", like: Tensor) -> None:
        config = model.config
        self.config = config
        self.strength = model.adaptation_strength.unsqueeze(-1)
        shape = (*like.shape, config.n_inputs + config.n_units)
        self.by_voltage, self.by_adaptation = like.new_zeros(shape), like.new_zeros(shape)
        self.psi = like.new_zeros(*like.shape, 1)

    def advance(self, input: Tensor, spikes_before: Tensor, psi: Tensor) -> Tensor:
        """Return e of the next step from its input, the spikes of the step before and its ψ, (…, trial, channel)."""
        config, before, strength = self.config, self.psi, self.strength
        alpha, rho = config.membrane_decay, config.adaptation_decay
        source = torch.cat([input, spikes_before], dim=-1).unsqueeze(-2)
        local = before * (self.by_voltage - strength * self.by_adaptation)  # the trace of the step before
        self.by_voltage = alpha * self.by_voltage - config.threshold * local + (1 - alpha) * source
        self.by_adaptation = rho * self.by_adaptation + (1 - rho) * local
        self.psi = psi.unsqueeze(-1)
        return self.psi * (self.by_voltage - strength * self.by_adaptation)


def eligibility(run: PlainRun) -> Iterator[Tensor]:
    """Yield e (member, trial, unit, source) of each step of a recorded run."""
    traces = EligibilityTraces(run.model, run.psi[..., 0, :])
    before = torch.zeros_like(run.psi[..., 0, :])
    for input, spikes, psi in zip(run.inputs.unbind(-2), run.spikes.unbind(-2), run.psi.unbind(-2), strict=True):
        yield traces.advance(input, before, psi)
        before = spikes.to(psi)


def explicit_gradients(run: PlainRun, signal: LearningSignal) -> dict[str, Tensor]:
    """Return the gradients of the rules with local traces from every trace of every step, all kept: the definition.

    Raises
    ------
    ConfigurationError
        For BPTT, whose gradient is no sum of local traces.
    """
    _refuse_bptt(signal, "traces")
    signals = unit_signals(run.model, run.psi, signal)
    traces = torch.stack(list(eligibility(run)), dim=2)  # (member, trial, time, unit, source)
    return _named(
        run.model, torch.einsum("mbtp,mbtps->mps", signals.direct + signals.modulation, traces)
    ) | _readout_gradients(run, signal)


def online_gradients(run: PlainRun, signal: LearningSignal, noise: Tensor | None) -> dict[str, Tensor]:
    """Return the same gradients with every sum over time carried forward: memory does not grow with time.

    The network is run again step by step beside its traces, because a task's loss is a function of all its outputs; of
    the run only the outputs and mean spikes are used, which say the error.

    Raises
    ------
    ConfigurationError
        For BPTT, which has no such form of this cost.
    """
    _refuse_bptt(signal, "online")
    model = run.model
    learning = _OnlineSums(model, signal, run.inputs.shape[1])
    state, recurrent = model.initial_state(run.inputs.shape[1]), model.recurrent()
    spiking = model.state_layout[2]
    traces = EligibilityTraces(model, spiking.of(state))
    noises = [None] * run.inputs.shape[-2] if noise is None else noise.unbind(-2)
    with torch.no_grad():
        for input, error, draw in zip(run.inputs.unbind(-2), signal.error.unbind(-2), noises, strict=True):
            before = spiking.of(state)
            state = model.advance(state, input, draw, recurrent)
            psi = model.pseudo_derivative(state)
            learning.add(traces.advance(input, before, psi), psi, model.rates(state), error)
    return _named(model, learning.total) | {"output_weight": learning.output, "output_bias": signal.error.sum((1, 2))}


class _OnlineSums:
    """Filtered traces and the gradient that they have added up to."""

    def __init__(self, model: "SpikingNetwork", signal: LearningSignal, trials: int) -> None:
        self.signal, self.decay = signal, model.config.readout_decay
        self.scale = signal.gain * (1 - model.config.membrane_decay)
        sources = model.config.n_inputs + model.config.n_units
        like = signal.feedback
        self.total = like.new_zeros(*like.shape[:1], like.shape[2], sources)
        self.output = torch.zeros_like(like)
        traces = like.new_zeros(like.shape[0], trials, like.shape[2], sources)
        self.filtered, self.before = traces, traces
        self.mean_psi = like.new_zeros(like.shape[0], trials, like.shape[2])
        if signal.coupling is not None:
            # What unit p would sense of class k: Σ_j C_pj F_kj ψ_j, as one matrix per class, (member, output, j, p).
            self.per_class = signal.feedback.unsqueeze(-1) * signal.coupling.mT.unsqueeze(1)
            self.waiting = traces.new_zeros(like.shape[0], like.shape[1], *traces.shape[1:])

    def add(self, trace: Tensor, psi: Tensor, rates: Tensor, error: Tensor) -> None:
        """Take in a step: traces (member, trial, unit, source), ψ, filtered spikes, error (member, trial, output)."""
        signal, decay = self.signal, self.decay
        filtered_before = self.filtered
        self.filtered = decay * self.filtered + (1 - decay) * trace
        self.total += signal.constant.unsqueeze(-1) * trace.sum(1)
        has_error = bool(error.any())
        if has_error:
            self.output += error.mT @ rates
            self.total += ((error @ signal.feedback).unsqueeze(-1) * self.filtered).sum(1)
        if signal.coupling is not None and signal.filtered:
            self.mean_psi = decay * self.mean_psi + (1 - decay) * psi
            if has_error:
                sensed = ((error @ signal.feedback) * self.mean_psi) @ signal.coupling.mT
                self.total += self.scale * (sensed.unsqueeze(-1) * filtered_before).sum(1)
        elif signal.coupling is not None:
            sensed = psi.unsqueeze(1) @ self.per_class  # (member, output, trial, unit)
            self.waiting = decay * self.waiting + (1 - decay) * sensed.unsqueeze(-1) * self.before.unsqueeze(1)
            if has_error:
                self.total += self.scale * torch.einsum("mbk,mkbps->mps", error, self.waiting)
            if signal.secrete_constant:
                constant = (signal.constant.unsqueeze(1) * psi) @ signal.coupling.mT
                self.total += self.scale * (constant.unsqueeze(-1) * self.before).sum(1)
        self.before = trace


def _named(model: "SpikingNetwork", gradient: Tensor) -> dict[str, Tensor]:
    """Return the gradient (member, unit, source) as those of the two weight matrices."""
    off_diagonal = 1 - torch.eye(model.config.n_units).to(gradient)
    inputs, units = gradient.tensor_split([model.config.n_inputs], dim=-1)
    return {"input_weight": inputs, "recurrent_weight": units * off_diagonal}


def _readout_gradients(run: PlainRun, signal: LearningSignal) -> dict[str, Tensor]:
    filtered = filtered_backward(signal.error, run.model.config.readout_decay)
    weight = torch.einsum("mbtk,mbtp->mkp", filtered, run.spikes.to(filtered))
    return {"output_weight": weight, "output_bias": signal.error.sum((1, 2))}


def _refuse_bptt(signal: LearningSignal, form: str) -> None:
    if signal.through_weights:
        raise ConfigurationError(f"rule.form = '{form}': bptt has the forms adjoint and autograd")
