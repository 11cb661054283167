"""Which samples of each trial an epoch covers, and means over them that leave missing samples out."""

from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array

# Of a sample interval: so that 0.1 + 0.2 is 0.3.
_ROUNDING = 1e-6


def samples_of(time: Array, epoch: Any, n_trials: int, name: str) -> Array:
    """Return which samples of each trial an epoch covers, (trial, time) bool.

    Parameters
    ----------
    time
        (time,) increasing, s.
    epoch
        (start, stop), s, or (trial, 2) where trials differ, with NaN for a trial that lacks it; start ≤ t < stop.
    n_trials
        Number of trials.
    name
        What to call the epoch in errors.

    Raises
    ------
    InputError
        If the epoch has another shape, or covers no sample of any trial.
    """
    try:
        edges = np.asarray(epoch, dtype=float)
    except (TypeError, ValueError):
        edges = np.empty(0)
    if edges.shape not in ((2,), (n_trials, 2)):
        raise InputError(
            f"{name}: expected (start, stop) in seconds, or one such row for each of {n_trials} trials, found {epoch!r}"
        )
    edges = np.broadcast_to(edges, (n_trials, 2)) - rounding(time)
    inside: Array = (time >= edges[:, :1]) & (time < edges[:, 1:])
    if not inside.any():
        shown = f"{edges[0, 0]:g} ≤ t < {edges[0, 1]:g} s" + (" (trial 0)" if np.ndim(epoch) > 1 else "")
        raise InputError(f"{name}: no sample lies in {shown}; times go from {time[0]:g} to {time[-1]:g} s")
    return inside


def rounding(time: Array) -> float:
    """Return the difference of times that counts as none, s."""
    return _ROUNDING * float(np.diff(time).min()) if len(time) > 1 else 0.0


def sums_over(values: Array, inside: Array) -> tuple[Array, Array, Array]:
    """Return number, sum and sum of squares of the samples in an epoch, each (trial, unit); NaN counts as missing.

    ``values`` are (trial, time, unit), ``inside`` (trial, time) bool. Samples that no trial needs are not looked at.
    """
    needed = np.flatnonzero(inside.any(axis=0))
    span = slice(int(needed[0]), int(needed[-1]) + 1)
    part = values[:, span]
    known = inside[:, span, np.newaxis] & ~np.isnan(part)
    part = np.where(known, part, 0)
    return known.sum(axis=1), part.sum(axis=1), np.square(part).sum(axis=1)


def means_over(values: Array, inside: Array) -> Array:
    """Return the mean of the samples in an epoch, (trial, unit), NaN where none is known; as :func:`sums_over`."""
    count, total, _ = sums_over(values, inside)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
