"""The largest of many discriminants at every test time: in single precision, and in double where that is too close.

Single precision is twice as fast and decides nearly all trials. A bound on its rounding says which it does not decide;
those few are computed again, so that the answer is that of double precision.
"""

from dataclasses import dataclass

import numpy as np

from ..samples import row_chunks
from ..validation import Array

# Numbers in the largest block of discriminant values: 2 MB of float32.
_BLOCK = 2**19
# Above this share of close calls a block is cheaper to compute in double precision altogether.
_FEW = 0.01
_ROUNDING = 2.0**-24


@dataclass(frozen=True, eq=False)
class Tested:
    """Test trials of a fold, ``trials`` among all the activity ``values`` (trial, window, unit).

    ``single`` (tested trial, window, unit) is the same divided by ``scale``, at most 1 long, as float32.
    """

    values: Array
    trials: Array
    single: Array
    scale: float


def tested_trials(values: Array, trials: Array) -> Tested:
    """Return some trials of the activity (trial, window, unit) with their copy in single precision."""
    chosen = values[trials]
    longest = float(np.sqrt(np.einsum("ijk,ijk->ij", chosen, chosen, dtype=np.float64).max()))
    scale = longest if longest > 0 else 1.0
    return Tested(values, trials, np.asarray(chosen / scale, dtype=np.float32), scale)


def predicted_classes(weights: Array, shifts: Array, tested: Tested) -> Array:
    """Return the class (set, trial, test time) whose discriminant is largest, the first where they tie.

    It is weights · activity + shift, ``weights`` (set, class, unit), ``shifts`` (set, class, test time).
    """
    # Only differences from the first class matter.
    weights = np.ascontiguousarray((weights[:, 1:] - weights[:, :1]).transpose(1, 0, 2))
    shifts = (shifts[:, 1:] - shifts[:, :1]).transpose(1, 0, 2)  # (class, set, test time)
    n, count, p = tested.single.shape
    others, n_sets = weights.shape[:2]
    lengths = np.sqrt(np.square(weights).sum(axis=2).max(axis=0)) * tested.scale
    unit = np.maximum(lengths, np.abs(shifts).max(axis=(0, 2)))[:, None]
    unit[unit == 0] = 1
    single = (weights * (tested.scale / unit)).astype(np.float32), (shifts / unit).astype(np.float32)
    # A product of vectors of length 1 or less errs by p + 1 roundings at most, whatever the order of its sums (Higham
    # 2002, Accuracy and Stability, section 3.1); inputs and shift add five. A difference has two values.
    margin = np.float32(2 * (p + 8) * _ROUNDING)
    chosen = np.empty((n_sets, n, count), np.min_scalar_type(others))
    trials = max(1, min(n, _BLOCK // (others * count)))
    sets = max(1, _BLOCK // (others * trials * count))
    for first, last in row_chunks(n, trials):
        rows, trial_rows = tested.single[first:last].reshape(-1, p), tested.trials[first:last]
        for start, stop in row_chunks(n_sets, sets):
            values = single[0][:, start:stop].reshape(-1, p) @ rows.T
            values = values.reshape(others, stop - start, last - first, count)
            values += single[1][:, start:stop, None]
            part = chosen[start:stop, first:last]
            close = _first_largest(values, margin, part)
            _decide(close, part, weights[:, start:stop], shifts[:, start:stop], tested.values, trial_rows)
    return chosen


def _first_largest(values: Array, margin: np.float32, chosen: Array) -> Array:
    """Write the index of the largest of 0 and ``values`` (class − 1, …) into ``chosen``; return where two are close."""
    best = values.max(axis=0)
    np.maximum(best, 0, out=best)
    best -= margin
    near = best <= 0
    candidates = near.astype(np.uint8 if len(values) < 255 else np.uint32)
    chosen[...] = 0
    for index, value in enumerate(values, start=1):
        np.greater_equal(value, best, out=near)
        candidates += near
        chosen += near * chosen.dtype.type(index)
    close: Array = candidates > 1
    return close


def _decide(close: Array, chosen: Array, weights: Array, shifts: Array, values: Array, rows: Array) -> None:
    """Compute in double precision where ``close`` (set, trial, test time); the trials are ``rows`` of ``values``."""
    count = int(np.count_nonzero(close))
    if not count:
        return
    if count > _FEW * close.size:
        exact = values[rows].astype(np.float64).reshape(-1, values.shape[2])
        found = (weights.reshape(-1, values.shape[2]) @ exact.T).reshape(*weights.shape[:2], *close.shape[1:])
        found += shifts[:, :, None]
        chosen[...] = np.argmax(np.concatenate([np.zeros((1, *found.shape[1:])), found]), axis=0)
        return
    places = np.nonzero(close)
    for start, stop in row_chunks(count, max(1, _BLOCK // (weights.shape[0] * weights.shape[2]))):
        sets, trials, times = (place[start:stop] for place in places)
        exact = values[rows[trials], times].astype(np.float64)
        found = np.einsum("cfp,fp->cf", weights[:, sets], exact) + shifts[:, sets, times]
        chosen[sets, trials, times] = np.argmax(np.concatenate([np.zeros((1, len(sets))), found]), axis=0)
