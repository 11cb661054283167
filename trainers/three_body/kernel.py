"""Compiled forward and backward runs of the low-rank networks on the CPU; ``step`` stays the definition.

The kernels hold the trials of a batch in the innermost axis, arrays are (time, unit, trial): every operation
is then a product of a row of trials with one weight, which the compiler turns into vector instructions, and
reductions over trials need no gathers. One forward run costs O(T·B·N·(K + O + 2R1 + 3R2)) operations and T·B·N
evaluations of tanh; the backward run about twice the operations and no tanh, since 1 − r² is its derivative.

Covered: form ``rate``, φ = tanh, readout ψ = tanh linear or identity. ``model.py`` is used for all else.
"""

from typing import Any

import numba
import numpy as np
import torch
from numba.extending import overload
from torch import Tensor

_COMPILE: dict[str, Any] = {
    "cache": True,
    # Not all of "fast": NaN and infinity must survive, so that a diverged network is seen.
    "fastmath": {"contract", "reassoc", "nsz"},
    # Python's check for division by zero would keep the loops from becoming vector instructions.
    "error_model": "numpy",
}

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
        q = np.float32(1) + s * (
            np.float32(_Q1) + s * (np.float32(_Q2) + s * (np.float32(_Q3) + s * np.float32(_Q4)))
        )
        y = x * p / q
        y = np.float32(1) if y > np.float32(1) else y
        return np.float32(-1) if y < np.float32(-1) else y

    return exact if x == numba.types.float64 else rational


@numba.njit(**_COMPILE, inline="always")
def _add(row: Any, weight: Any, other: Any) -> None:
    for b in range(row.shape[0]):
        row[b] += weight * other[b]


@numba.njit(**_COMPILE, inline="always")
def _dot(row: Any, other: Any, zero: Any) -> Any:
    total = zero
    for b in range(row.shape[0]):
        total += row[b] * other[b]
    return total


@numba.njit(**_COMPILE)
def _project(weights: Any, rows: Any, out: Any) -> None:
    """Set out (R, trial) to weightsᵀ rows for weights (unit, R) and rows (unit, trial)."""
    out[:] = 0
    for i in range(weights.shape[0]):
        for q in range(weights.shape[1]):
            _add(out[q], weights[i, q], rows[i])


@numba.njit(**_COMPILE, inline="always")
def _sum(row: Any, zero: Any) -> Any:
    total = zero
    for b in range(row.shape[0]):
        total += row[b]
    return total


@numba.njit(**_COMPILE)
def run_forward(
    inputs: Any, noise: Any, alpha: Any, weights: Any, x: Any, r: Any, pairs: Any, left: Any, right: Any, y: Any
) -> None:
    """Fill x, r (T+1, N, B), the projections pairs (T, R1, B), left and right (T, R2, B), and y (T, O, B).

    ``x[0]`` holds the initial state. ``weights`` is (w_in, b_in, two_left, two_right, three_left, three_middle, three_right, w_out, b_out) with the scale
    factors c1 and c2 in the left factors; ``noise`` is σ ξ (T, N, B), or empty.
    """
    w_in, b_in, two_left, two_right, three_left, three_middle, three_right, w_out, b_out = weights
    steps, units, trials = r.shape[0] - 1, r.shape[1], r.shape[2]
    triple = np.empty((three_left.shape[1], trials), x.dtype)
    drive = np.empty(trials, x.dtype)
    for i in range(units):
        for b in range(trials):
            r[0, i, b] = _tanh(x[0, i, b])
    for t in range(steps):
        _project(two_right, r[t], pairs[t])
        _project(three_middle, r[t], left[t])
        _project(three_right, r[t], right[t])
        for q in range(three_left.shape[1]):
            for b in range(trials):
                triple[q, b] = left[t, q, b] * right[t, q, b]
        for i in range(units):
            drive[:] = b_in[i]
            for k in range(w_in.shape[1]):
                _add(drive, w_in[i, k], inputs[t, k])
            for q in range(two_left.shape[1]):
                _add(drive, two_left[i, q], pairs[t, q])
            for q in range(three_left.shape[1]):
                _add(drive, three_left[i, q], triple[q])
            now, after, rate = x[t, i], x[t + 1, i], r[t + 1, i]
            for b in range(trials):
                after[b] = now[b] + alpha * (drive[b] - now[b])
            if noise.shape[0]:
                for b in range(trials):
                    after[b] += noise[t, i, b]
            for b in range(trials):
                rate[b] = _tanh(after[b])
        for o in range(w_out.shape[0]):
            y[t, o, :] = b_out[o]
            for i in range(units):
                _add(y[t, o], w_out[o, i], r[t + 1, i])


@numba.njit(**_COMPILE)
def run_backward(
    inputs: Any, alpha: Any, weights: Any, r: Any, pairs: Any, left: Any, right: Any,
    grad_x: Any, grad_r: Any, grad_y: Any, grads: Any, grad_start: Any,
) -> None:  # fmt: skip
    """Add the gradients of the weights to ``grads`` and set that of the initial state, (N, B).

    ``grad_x``, ``grad_r`` (T, N, B) and ``grad_y`` (T, O, B) are the derivatives of the loss with respect to what
    the forward run returned; each may be empty. With λ_t = dL/dx_t and everything per trial::

        dL/dr_t = grad_r + W_outᵀ grad_y + what the next step sends back
        λ_t     = dL/dr_t (1 − r_t²) + grad_x + (1 − α) λ_{t+1}
    """
    w_in, b_in, two_left, two_right, three_left, three_middle, three_right, w_out, b_out = weights
    d_in, d_b, d_two_left, d_two_right, d_three_left, d_three_middle, d_three_right, d_out, d_bout = grads
    steps, units, trials = r.shape[0] - 1, r.shape[1], r.shape[2]
    zero, one = alpha * 0, alpha * 0 + 1
    flow = np.zeros((units, trials), r.dtype)  # λ of the step after
    back = np.zeros((units, trials), r.dtype)  # dL/dr sent back through the recurrent drive
    pull = np.empty((units, trials), r.dtype)  # dL/ds = α λ
    triple = np.empty((three_left.shape[1], trials), r.dtype)
    d_pair = np.empty((two_left.shape[1], trials), r.dtype)
    d_triple = np.empty((three_left.shape[1], trials), r.dtype)
    d_left = np.empty((three_left.shape[1], trials), r.dtype)
    d_right = np.empty((three_left.shape[1], trials), r.dtype)
    for t in range(steps - 1, -1, -1):
        for q in range(three_left.shape[1]):
            for b in range(trials):
                triple[q, b] = left[t, q, b] * right[t, q, b]
        if grad_y.shape[0]:
            for o in range(w_out.shape[0]):
                d_bout[o] += _sum(grad_y[t, o], zero)
        for i in range(units):
            sent, rate, lam, push = back[i], r[t + 1, i], flow[i], pull[i]
            if grad_r.shape[0]:
                _add(sent, one, grad_r[t, i])
            if grad_y.shape[0]:
                for o in range(w_out.shape[0]):
                    _add(sent, w_out[o, i], grad_y[t, o])
                    d_out[o, i] += _dot(grad_y[t, o], rate, zero)
            for b in range(trials):
                lam[b] = sent[b] * (one - rate[b] * rate[b]) + (one - alpha) * lam[b]
            if grad_x.shape[0]:
                _add(lam, one, grad_x[t, i])
            for b in range(trials):
                push[b] = alpha * lam[b]
            d_b[i] += _sum(push, zero)
            for k in range(w_in.shape[1]):
                d_in[i, k] += _dot(push, inputs[t, k], zero)
            for q in range(two_left.shape[1]):
                d_two_left[i, q] += _dot(push, pairs[t, q], zero)
            for q in range(three_left.shape[1]):
                d_three_left[i, q] += _dot(push, triple[q], zero)
        _project(two_left, pull, d_pair)
        _project(three_left, pull, d_triple)
        for q in range(three_left.shape[1]):
            for b in range(trials):
                d_left[q, b] = d_triple[q, b] * right[t, q, b]
                d_right[q, b] = d_triple[q, b] * left[t, q, b]
        for i in range(units):
            sent, rate = back[i], r[t, i]
            sent[:] = zero
            for q in range(two_left.shape[1]):
                _add(sent, two_right[i, q], d_pair[q])
                d_two_right[i, q] += _dot(rate, d_pair[q], zero)
            for q in range(three_left.shape[1]):
                _add(sent, three_middle[i, q], d_left[q])
                _add(sent, three_right[i, q], d_right[q])
                d_three_middle[i, q] += _dot(rate, d_left[q], zero)
                d_three_right[i, q] += _dot(rate, d_right[q], zero)
    for i in range(units):
        for b in range(trials):
            grad_start[i, b] = back[i, b] * (one - r[0, i, b] * r[0, i, b]) + (one - alpha) * flow[i, b]


class LowRankTrajectory(torch.autograd.Function):
    """States, rates and outputs of a low-rank network, differentiable by the compiled backward run.

    ``apply(alpha, inputs, start, noise, *weights)`` with a leading member axis on everything: inputs (member, trial,
    time, input), start (member, trial, unit), noise (member, trial, time, unit) or None, and the nine weights of
    :func:`run_forward`. Returns states and rates (member, trial, time, unit) and outputs (member, trial, time, output).
    """

    @staticmethod
    def forward(ctx: Any, alpha: float, inputs: Tensor, start: Tensor, noise: Tensor | None, *weights: Tensor) -> Any:
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
        r = np.empty_like(x)
        projections = [np.empty((members, steps, size, trials), dtype) for size in (two, three, three)]
        y = np.empty((members, steps, weights[7].shape[1], trials), dtype)
        scale = dtype.type(alpha)
        for k in range(members):
            member = tuple(weight[k] for weight in flat)
            saved = [array[k] for array in projections]
            run_forward(given[k], disturbance[k], scale, member, x[k], r[k], *saved, y[k])
        ctx.saved = (scale, given, flat, r, projections)
        return tuple(torch.from_numpy(array).permute(0, 3, 1, 2) for array in (x[:, 1:], r[:, 1:], y))

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> Any:
        """Run backward in time from the derivatives of the loss by states, rates and outputs."""
        scale, given, flat, r, projections = ctx.saved
        members, units, trials = r.shape[0], r.shape[2], r.shape[3]
        empty = np.zeros((members, 0, units, trials), r.dtype)
        arrived = [empty if gradient is None else _time_major(gradient) for gradient in upstream]
        grads = [np.zeros_like(weight) for weight in flat]
        start = np.empty((members, units, trials), r.dtype)
        for k in range(members):
            run_backward(
                given[k], scale, tuple(weight[k] for weight in flat), r[k], *(array[k] for array in projections),
                *(array[k] for array in arrived), tuple(grad[k] for grad in grads), start[k],
            )  # fmt: skip
        return (
            None, None, torch.from_numpy(start).transpose(1, 2), None, *(torch.from_numpy(grad) for grad in grads)
        )  # fmt: skip


def _numpy_dtype(tensor: Tensor) -> np.dtype[Any]:
    return np.dtype(np.float64 if tensor.dtype == torch.float64 else np.float32)


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _time_major(tensor: Tensor) -> np.ndarray:
    """Return (member, trial, time, channel) as a contiguous array (member, time, channel, trial)."""
    return tensor.detach().permute(0, 2, 3, 1).contiguous().numpy()
