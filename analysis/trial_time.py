"""The time axis of trials: times of samples, and which samples of each trial an epoch covers."""

from typing import Any

import numpy as np

from ..errors import InputError
from .validation import Array

# Of a sample interval: so that 0.1 + 0.2 is 0.3.
_ROUNDING = 1e-6


def sample_times(time: Any, n_samples: int) -> tuple[Array, str]:
    """Return the times of samples and their unit: seconds when given, else the numbers of the samples."""
    if time is None:
        return np.arange(n_samples, dtype=float), "sample"
    times = np.asarray(time, dtype=float)
    if times.shape != (n_samples,) or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise InputError(f"time: expected {n_samples} increasing times in seconds, one per sample of the activity")
    return times, "s"


def samples_of(time: Array, epoch: Any, n_trials: int, name: str, *, every: bool = False) -> Array:
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
    every
        Whether each trial needs a sample in it, or one of them is enough.

    Raises
    ------
    InputError
        If the epoch has another shape, or covers no sample of any trial (of every trial).
    """
    try:
        edges = np.asarray(epoch, dtype=float)
    except (TypeError, ValueError):
        edges = np.empty(0)
    if edges.shape not in ((2,), (n_trials, 2)):
        raise InputError(
            f"{name}: expected (start, stop) in seconds, or one such row for each of {n_trials} trials, found {epoch!r}"
        )
    edges = np.broadcast_to(edges, (n_trials, 2))
    shifted = edges - rounding(time)
    inside: Array = (time >= shifted[:, :1]) & (time < shifted[:, 1:])
    empty = ~inside.any(axis=1)
    if empty.all() or (every and empty.any()):
        trial = int(np.argmax(empty))
        which = f"no sample of trial {trial} lies" if every else "no sample lies"
        shown = f"{edges[trial, 0]:g} ≤ t < {edges[trial, 1]:g} s"
        example = " (trial 0)" if np.ndim(epoch) > 1 and not every else ""
        raise InputError(f"{name}: {which} in {shown}{example}; times go from {time[0]:g} to {time[-1]:g} s")
    return inside


def rounding(time: Array) -> float:
    """Return the difference of times that counts as none, s."""
    return _ROUNDING * float(np.diff(time).min()) if len(time) > 1 else 0.0
