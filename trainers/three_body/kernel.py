"""Compiled forward and backward runs of the low-rank networks on the CPU; ``step`` stays the definition.

The kernels hold the trials of a batch in the innermost axis, arrays are (time, unit, trial): every operation
is then a product of a row of trials with one weight, which the compiler turns into vector instructions, and
reductions over trials need no gathers. One forward run costs O(T·B·N·(K + O + 2R1 + 3R2)) operations and T·B·N
evaluations of tanh; the backward run about twice the operations and no tanh, since 1 − tanh² is its derivative.

Both forms run the same code on other arrays. ``r`` is what the drive and the readout see, ``s`` where the drive pulls:
in form ``rate`` r = tanh(x) is kept and s is empty, in form ``voltage`` r is x itself and s = tanh(drive) is kept.

Covered: φ = tanh, readout ψ = tanh linear or identity. ``model.py`` is used for all else.
"""

from typing import Any

import numba
import numpy as np
import torch
from numba.extending import overload
from torch import Tensor

from ..compilation import COMPILE

# tanh x = x P(x²)/Q(x²) on [−9, 9], coefficients fitted by iteratively reweighted least squares of the relative
# error (2e-8 at most); in float32 arithmetic the result is within 4e-7 of tanh, three units in the last place.
_LIMIT = 9.0
_P0, _P1, _P2 = 0.9999999795153417, 0.133810262747309, 0.0034955887551940037
_P3, _P4 = 2.0609089113969315e-05, 1.3354665944981904e-08
_Q1, _Q2 = 0.4671434188428971, 0.02587698488658961
_Q3, _Q4 = 0.0003285635678753244, 7.77656110245257e-07


def _tanh(x: Any) -> Any:
    return np.tanh(x)


@overload(_tanh, inline="never")
def _tanh_overload(x: Any) -> Any:
    def exact(x: Any) -> Any:
        return np.tanh(x)

    def rational(x: Any) -> Any:
        # Written so that NaN passes through both comparisons.
        limit = np.float32(_LIMIT)
        x = limit if x > limit else x
        x = -limit if x < -limit else x
        s = x * x
        p = np.float32(_P0) + s * (
            np.float32(_P1) + s * (np.float32(_P2) + s * (np.float32(_P3) + s * np.float32(_P4)))
        )
        q = np.float32(1) + s * (np.float32(_Q1) + s * (np.float32(_Q2) + s * (np.float32(_Q3) + s * np.float32(_Q4))))
        y = x * p / q
        y = np.float32(1) if y > np.float32(1) else y
        return np.float32(-1) if y < np.float32(-1) else y

    return exact if x == numba.types.float64 else rational


@numba.njit(**COMPILE, inline="always")
def _set_tanh(row: Any, other: Any) -> None:
    for b in range(row.shape[0]):
        row[b] = _tanh(other[b])


@numba.njit(**COMPILE, inline="always")
def _add(row: Any, weight: Any, other: Any) -> None:
    for b in range(row.shape[0]):
        row[b] += weight * other[b]


@numba.njit(**COMPILE, inline="always")
def _dot(row: Any, other: Any) -> Any:
    total = row.dtype.type(0)
    for b in range(row.shape[0]):
        total += row[b] * other[b]
    return total


@numba.njit(**COMPILE, inline="always")
def _sum(row: Any) -> Any:
    total = row.dtype.type(0)
    for b in range(row.shape[0]):
        total += row[b]
    return total


@numba.njit(**COMPILE)
def _multiply(out: Any, rows: Any, others: Any) -> None:
    for q in range(out.shape[0]):
        row, left, right = out[q], rows[q], others[q]
        for b in range(out.shape[1]):
            row[b] = left[b] * right[b]


@numba.njit(**COMPILE)
def _project(weights: Any, rows: Any, out: Any) -> None:
    """Set out (R, trial) to weightsᵀ rows for weights (unit, R) and rows (unit, trial)."""
    out[:] = 0
    for i in range(weights.shape[0]):
        for q in range(weights.shape[1]):
            _add(out[q], weights[i, q], rows[i])


@numba.njit(**COMPILE)
def run_forward(
    inputs: Any, noise: Any, alpha: Any, weights: Any, x: Any, r: Any, s: Any, projections: Any, y: Any
) -> None:
    """Fill x, r (T+1, N, B) and s (T, N, B), the projections (T, R, B) and y (T, O, B) of one network.

    ``x[0]`` holds the initial state and ``noise`` is σ ξ (T, N, B), or empty. An empty ``s`` says form ``rate``.
    ``weights`` is (W_in, b_in, M, N, L, M', N', W_out, b_out), with the scale factors c1 and c2 in M and L;
    ``projections`` is (Nᵀr, M'ᵀr, N'ᵀr).
    """
    two_right, three_middle, three_right, w_out, b_out = weights[3], weights[5], weights[6], weights[7], weights[8]
    pairs, middle, right = projections
    products = np.empty(middle.shape[1:], x.dtype)
    voltage = s.shape[0] > 0
    if not voltage:
        for i in range(x.shape[1]):
            _set_tanh(r[0, i], x[0, i])
    for t in range(r.shape[0] - 1):
        _project(two_right, r[t], pairs[t])
        _project(three_middle, r[t], middle[t])
        _project(three_right, r[t], right[t])
        _multiply(products, middle[t], right[t])
        _advance(inputs[t], alpha, weights, x[t], x[t + 1], s[t : t + 1], pairs[t], products)
        if noise.shape[0]:
            x[t + 1] += noise[t]
        if not voltage:
            for i in range(x.shape[1]):
                _set_tanh(r[t + 1, i], x[t + 1, i])
        for o in range(w_out.shape[0]):
            y[t, o, :] = b_out[o]
            for i in range(x.shape[1]):
                _add(y[t, o], w_out[o, i], r[t + 1, i])


@numba.njit(**COMPILE)
def _advance(inputs: Any, alpha: Any, weights: Any, x: Any, after: Any, s: Any, pairs: Any, products: Any) -> None:
    """Set ``after`` (N, B) to x + α (s − x), s = W_in u + b_in + M pairs + L products or its tanh, kept in ``s``."""
    w_in, b_in, two_left, three_left = weights[0], weights[1], weights[2], weights[4]
    drive = np.empty(x.shape[1], x.dtype)
    for i in range(x.shape[0]):
        drive[:] = b_in[i]
        for k in range(w_in.shape[1]):
            _add(drive, w_in[i, k], inputs[k])
        for q in range(two_left.shape[1]):
            _add(drive, two_left[i, q], pairs[q])
        for q in range(three_left.shape[1]):
            _add(drive, three_left[i, q], products[q])
        if s.shape[0]:
            _set_tanh(s[0, i], drive)
            drive[:] = s[0, i]
        now, then = x[i], after[i]
        for b in range(x.shape[1]):
            then[b] = now[b] + alpha * (drive[b] - now[b])


@numba.njit(**COMPILE)
def run_backward(
    inputs: Any, alpha: Any, weights: Any, r: Any, s: Any, projections: Any, arrived: Any, grads: Any, grad_start: Any
) -> None:
    """Add the gradients of one network's weights to ``grads`` and set that of its initial state, (N, B).

    ``arrived`` holds the derivatives of the loss by x, r (T, N, B) and y (T, O, B); each may be empty. Per trial, with
    λ_t = dL/dx_t::

        dL/dr_t = (derivative by r_t) + W_outᵀ (derivative by y_t) + what the next step sends back
        λ_t     = dL/dr_t (1 − r_t²) + (derivative by x_t) + (1 − α) λ_{t+1}

    In form ``voltage`` dL/dr_t enters λ_t as it is, and the drive's derivative is α λ_t (1 − s_t²) in place of α λ_t.
    """
    pairs, middle, right = projections
    one = alpha * 0 + 1
    flow = np.zeros(r.shape[1:], r.dtype)  # λ of the step after
    back = np.zeros(r.shape[1:], r.dtype)  # dL/dr sent back through the recurrent drive
    pull = np.empty(r.shape[1:], r.dtype)  # derivative of the loss by the drive
    products = np.empty(middle.shape[1:], r.dtype)
    for t in range(r.shape[0] - 2, -1, -1):
        _receive(t, weights, r[t + 1], arrived, grads, back)
        _carry(one, alpha, back, r[t + 1], s[t : t + 1], flow)
        if arrived[0].shape[0]:
            flow += arrived[0][t]
        for i in range(r.shape[1]):
            lam, push = flow[i], pull[i]
            for b in range(r.shape[2]):
                push[b] = alpha * lam[b]
            if s.shape[0]:
                target = s[t, i]
                for b in range(r.shape[2]):
                    push[b] *= one - target[b] * target[b]
        _multiply(products, middle[t], right[t])
        _drive_gradients(inputs[t], pairs[t], products, pull, grads)
        _send_back(weights, r[t], middle[t], right[t], pull, grads, back)
    _carry(one, alpha, back, r[0], s[:1], flow)
    grad_start[:] = flow


@numba.njit(**COMPILE)
def _carry(one: Any, alpha: Any, back: Any, r: Any, s: Any, flow: Any) -> None:
    """Turn λ of the step after, in ``flow`` (N, B), into λ of this step but for what arrives at x from outside."""
    for i in range(r.shape[0]):
        sent, rate, lam = back[i], r[i], flow[i]
        if s.shape[0]:
            for b in range(r.shape[1]):
                lam[b] = sent[b] + (one - alpha) * lam[b]
        else:
            for b in range(r.shape[1]):
                lam[b] = sent[b] * (one - rate[b] * rate[b]) + (one - alpha) * lam[b]


@numba.njit(**COMPILE)
def _receive(t: Any, weights: Any, r: Any, arrived: Any, grads: Any, back: Any) -> None:
    """Add to ``back`` (N, B) what arrives at the rates of step t from outside, and note the readout's gradients."""
    _, by_rates, by_outputs = arrived
    w_out, d_out, d_bout = weights[7], grads[7], grads[8]
    if by_rates.shape[0]:
        back += by_rates[t]
    if by_outputs.shape[0]:
        for o in range(w_out.shape[0]):
            d_bout[o] += _sum(by_outputs[t, o])
            for i in range(r.shape[0]):
                _add(back[i], w_out[o, i], by_outputs[t, o])
                d_out[o, i] += _dot(by_outputs[t, o], r[i])


@numba.njit(**COMPILE)
def _drive_gradients(inputs: Any, pairs: Any, products: Any, pull: Any, grads: Any) -> None:
    """Add the gradients of W_in, b_in and the left factors of one step."""
    d_in, d_bias, d_two_left, d_three_left = grads[0], grads[1], grads[2], grads[4]
    for i in range(pull.shape[0]):
        d_bias[i] += _sum(pull[i])
        for k in range(d_in.shape[1]):
            d_in[i, k] += _dot(pull[i], inputs[k])
        for q in range(d_two_left.shape[1]):
            d_two_left[i, q] += _dot(pull[i], pairs[q])
        for q in range(d_three_left.shape[1]):
            d_three_left[i, q] += _dot(pull[i], products[q])


@numba.njit(**COMPILE)
def _send_back(weights: Any, r: Any, middle: Any, right: Any, pull: Any, grads: Any, back: Any) -> None:
    """Set ``back`` to what the drive sends to the rates before it, and add the gradients of the right factors."""
    two_left, two_right, three_left, three_middle, three_right = weights[2:7]
    d_two_right, d_three_middle, d_three_right = grads[3], grads[5], grads[6]
    d_pairs = np.empty((two_left.shape[1], r.shape[1]), r.dtype)
    d_products, d_middle, d_right = np.empty_like(middle), np.empty_like(middle), np.empty_like(middle)
    _project(two_left, pull, d_pairs)
    _project(three_left, pull, d_products)
    _multiply(d_middle, d_products, right)
    _multiply(d_right, d_products, middle)
    back[:] = 0
    for i in range(r.shape[0]):
        for q in range(two_right.shape[1]):
            _add(back[i], two_right[i, q], d_pairs[q])
            d_two_right[i, q] += _dot(r[i], d_pairs[q])
        for q in range(three_middle.shape[1]):
            _add(back[i], three_middle[i, q], d_middle[q])
            _add(back[i], three_right[i, q], d_right[q])
            d_three_middle[i, q] += _dot(r[i], d_middle[q])
            d_three_right[i, q] += _dot(r[i], d_right[q])


class LowRankTrajectory(torch.autograd.Function):
    """States, rates and outputs of a low-rank network, differentiable by the compiled backward run.

    ``apply(form, alpha, inputs, start, noise, *weights)`` with a leading member axis on everything: inputs (member,
    trial, time, input), start (member, trial, unit), noise (member, trial, time, unit) or None, and the nine weights
    of :func:`run_forward`. Returns states and rates (member, trial, time, unit), outputs (member, trial, time, output).
    """

    @staticmethod
    def forward(
        ctx: Any, form: str, alpha: float, inputs: Tensor, start: Tensor, noise: Tensor | None, *weights: Tensor
    ) -> Any:
        """Run forward in time, keeping the rates and projections for the backward run."""
        ctx.set_materialize_grads(False)
        dtype = _numpy_dtype(inputs)
        given = _time_major(inputs)
        members, steps, _, trials = given.shape
        units, two, three = weights[0].shape[1], weights[2].shape[2], weights[4].shape[2]
        disturbance = np.zeros((members, 0, units, trials), dtype) if noise is None else _time_major(noise)
        flat = [_array(weight) for weight in weights]
        x = np.empty((members, steps + 1, units, trials), dtype)
        x[:, 0] = start.detach().transpose(1, 2).numpy()
        voltage = form == "voltage"
        r = x if voltage else np.empty_like(x)
        s = np.empty((members, steps if voltage else 0, units, trials), dtype)
        projections = [np.empty((members, steps, size, trials), dtype) for size in (two, three, three)]
        y = np.empty((members, steps, weights[7].shape[1], trials), dtype)
        scale = dtype.type(alpha)
        for k in range(members):
            member = tuple(weight[k] for weight in flat)
            saved = tuple(array[k] for array in projections)
            run_forward(given[k], disturbance[k], scale, member, x[k], r[k], s[k], saved, y[k])
        ctx.saved = (scale, given, flat, r, s, projections)
        return tuple(torch.from_numpy(array).permute(0, 3, 1, 2) for array in (x[:, 1:], r[:, 1:], y))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> Any:
        """Run backward in time from the derivatives of the loss by states, rates and outputs."""
        scale, given, flat, r, s, projections = ctx.saved
        members, units, trials = r.shape[0], r.shape[2], r.shape[3]
        empty = np.zeros((members, 0, units, trials), r.dtype)
        arrived = [empty if gradient is None else _time_major(gradient) for gradient in upstream]
        grads = [np.zeros_like(weight) for weight in flat]
        start = np.empty((members, units, trials), r.dtype)
        for k in range(members):
            one = [tuple(array[k] for array in group) for group in (flat, projections, arrived, grads)]
            run_backward(given[k], scale, one[0], r[k], s[k], *one[1:], start[k])
        return (
            None, None, None, torch.from_numpy(start).transpose(1, 2), None, *(torch.from_numpy(grad) for grad in grads)
        )  # fmt: skip


def run_differentiably(
    form: str, alpha: float, inputs: Tensor, start: Tensor, noise: Tensor | None, weights: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return states, rates and outputs; see :class:`LowRankTrajectory`."""
    found: tuple[Tensor, Tensor, Tensor] = LowRankTrajectory.apply(form, alpha, inputs, start, noise, *weights)  # type: ignore[no-untyped-call]
    return found


def _numpy_dtype(tensor: Tensor) -> np.dtype[Any]:
    return np.dtype(np.float64 if tensor.dtype == torch.float64 else np.float32)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _time_major(tensor: Tensor) -> np.ndarray:
    """Return (member, trial, time, channel) as a contiguous array (member, time, channel, trial)."""
    return tensor.detach().permute(0, 2, 3, 1).contiguous().numpy()
