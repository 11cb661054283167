"""The fast run of leaky networks: one autograd function, its backward run written out; ``step`` is the definition.

With α = 1 they are Elman networks.

Arrays are time-major. A step reads one row [h | x | 1] per trial, so that the drive of a step is one matrix product and
the gradients of all weights are a single one over steps and trials at the end. With a_t the drive, z_t the logits and
λ_t = dL/dh_t::

    h_t = (1 − α) h_{t−1} + α f(a_t)         a_t = [W_rec | W_in | b] [h_{t−1} | x_t | 1]ᵀ + σ ξ_t
    z_t = W_out h_t + b_out
    λ_t = ∂L/∂h_t + W_outᵀ ∂L/∂z_t + (1 − α) λ_{t+1} + α W_recᵀ δ_{t+1}           δ_t = λ_t f'(a_t)
    dL/d[W_rec | W_in | b] = α Σ_t δ_t [h_{t−1} | x_t | 1]

Cost: three products of 2 T B N (N + K + 1) operations, most of the time at the sizes in use, and memory of 3 T B N
numbers (rows, drives, δ). Members run one after the other: a network's numbers do not depend on those beside it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

# Rows are multiples of this many numbers long, so that all begin where matrix products read fastest.
_ALIGNMENT = 16


class Leak(NamedTuple):
    """What a step does with its drive: f and f', the factor α and the standard deviation σ of the noise."""

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    alpha: float
    noise_std: float


class Weights(NamedTuple):
    """W_rec, W_in, b, W_out and b_out, each (member, unit or output, …)."""

    recurrent: Tensor
    input: Tensor
    bias: Tensor
    output: Tensor
    output_bias: Tensor


def run(leak: Leak, inputs: Tensor, start: Tensor, noise: Tensor | None, weights: Weights) -> tuple[Tensor, Tensor]:
    """Return states (member, time, trial, unit) and logits (member, time, trial, output) of leaky networks.

    ``inputs`` are (member, time, trial, input), ``start`` (member, trial, unit) the states before the first step, and
    ``noise`` (member, time, trial, unit) is standard normal or None.
    """
    given = (inputs, start, noise, *weights)
    if torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in given):
        found: tuple[Tensor, Tensor] = LeakyTrajectory.apply(leak, *given)  # type: ignore[no-untyped-call]
        return found
    return _forward(leak, _rows(inputs, start), noise, weights, None)


def run_forward(leak: Leak, joined: Tensor, rows: Tensor, noise: Tensor | None, drives: Tensor | None) -> None:
    """Fill the states into ``rows`` (time + 1, trial, column) and, if it is given, ``drives`` (time, trial, unit).

    ``joined`` is [W_rec | W_in | b], (unit, column); ``rows`` holds inputs, ones and the state before the first step.
    """
    states, transposed = rows[..., : len(joined)], joined.mT
    scratch = rows.new_empty(rows.shape[1], len(joined))
    for t in range(len(rows) - 1):
        drive = scratch if drives is None else drives[t]
        if noise is None:
            torch.mm(rows[t], transposed, out=drive)
        else:
            torch.addmm(noise[t], rows[t], transposed, beta=leak.noise_std, out=drive)
        torch.lerp(states[t], leak.function(drive), leak.alpha, out=states[t + 1])


def run_backward(
    leak: Leak, weights: Weights, drives: Tensor, arrived: tuple[Tensor | None, Tensor | None], deltas: Tensor
) -> Tensor:
    """Fill δ (time, trial, unit) and return dL/d(state before the first step), (trial, unit).

    ``arrived`` is what reaches states and logits from outside, (time, trial, unit) and (time, trial, output).
    """
    by_states, by_logits = arrived
    flow = drives.new_zeros(drives.shape[1:])
    for t in range(len(drives) - 1, -1, -1):
        flow.mul_(1 - leak.alpha)
        if t + 1 < len(drives):
            flow.addmm_(deltas[t + 1], weights.recurrent, alpha=leak.alpha)
        if by_logits is not None:
            flow.addmm_(by_logits[t], weights.output)
        if by_states is not None:
            flow.add_(by_states[t])
        torch.mul(flow, leak.slope(drives[t]), out=deltas[t])
    return flow.mul_(1 - leak.alpha).addmm_(deltas[0], weights.recurrent, alpha=leak.alpha)


class LeakyTrajectory(torch.autograd.Function):
    """States and logits of leaky networks, differentiable by :func:`run_backward`; arguments as in :func:`run`."""

    @staticmethod
    def forward(
        ctx: Any, leak: Leak, inputs: Tensor, start: Tensor, noise: Tensor | None, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run forward in time and keep the drives."""
        ctx.set_materialize_grads(False)
        weights, rows = Weights(*parameters), _rows(inputs, start)
        drives = rows.new_empty(*inputs.shape[:-1], start.shape[-1])
        found = _forward(leak, rows, noise, weights, drives)
        ctx.leak = leak
        ctx.save_for_backward(rows, drives, *weights)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_states: Tensor | None, by_logits: Tensor | None) -> Any:
        """Run backward in time from the derivatives of the loss by states and logits."""
        leak: Leak = ctx.leak
        rows, drives, *parameters = ctx.saved_tensors
        weights = Weights(*parameters)
        by_logits = None if by_logits is None else by_logits.contiguous()
        deltas, starts, gradients = torch.empty_like(drives), [], []
        for k in range(len(rows)):
            member = Weights(*(weight[k] for weight in weights))
            own_states, own_logits = (None if tensor is None else tensor[k] for tensor in (by_states, by_logits))
            starts.append(run_backward(leak, member, drives[k], (own_states, own_logits), deltas[k]))
            gradients.append(_weight_gradients(leak, member, rows[k], deltas[k], own_logits))
        by_inputs = leak.alpha * (deltas @ weights.input.unsqueeze(1)) if ctx.needs_input_grad[1] else None
        by_noise = leak.alpha * leak.noise_std * deltas if ctx.needs_input_grad[3] else None
        return None, by_inputs, torch.stack(starts), by_noise, *map(torch.stack, zip(*gradients, strict=True))


def _forward(
    leak: Leak, rows: Tensor, noise: Tensor | None, weights: Weights, drives: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Run every member forward from prepared rows; return states and logits."""
    joined = torch.cat([weights.recurrent, weights.input, weights.bias.unsqueeze(-1)], dim=-1)
    joined = functional.pad(joined, (0, rows.shape[-1] - joined.shape[-1]))
    for k in range(len(rows)):
        own_noise, own_drives = (None if tensor is None else tensor[k] for tensor in (noise, drives))
        run_forward(leak, joined[k], rows[k], own_noise, own_drives)
    states = rows[:, 1:, :, : joined.shape[1]]
    members = zip(weights.output_bias, states.flatten(1, 2), weights.output, strict=True)
    logits = torch.stack([torch.addmm(bias, flat, weight.mT) for bias, flat, weight in members])
    return states, logits.view(*states.shape[:3], -1)


def _rows(inputs: Tensor, start: Tensor) -> Tensor:
    """Return rows [h | x | 1 | 0…] (member, time + 1, trial, column), with states before the first step only."""
    members, steps, trials, channels = inputs.shape
    units = start.shape[-1]
    columns = -(-(units + channels + 1) // _ALIGNMENT) * _ALIGNMENT
    rows = inputs.new_empty(members, steps + 1, trials, columns)
    rows[:, 0, :, :units] = start
    rows[:, :-1, :, units : units + channels] = inputs
    rows[..., units + channels] = 1
    rows[..., units + channels + 1 :] = 0
    return rows


def _weight_gradients(
    leak: Leak, weights: Weights, rows: Tensor, deltas: Tensor, by_logits: Tensor | None
) -> tuple[Tensor, ...]:
    """Return the gradients of one network's weights, in their order."""
    units, channels = weights.input.shape
    joined = leak.alpha * (deltas.flatten(0, 1).mT @ rows[:-1].flatten(0, 1))
    found = (joined[:, :units], joined[:, units : units + channels], joined[:, units + channels])
    if by_logits is None:
        return *found, torch.zeros_like(weights.output), torch.zeros_like(weights.output_bias)
    flat = by_logits.flatten(0, 1)
    return *found, flat.mT @ rows[1:, :, :units].flatten(0, 1), flat.sum(0)
