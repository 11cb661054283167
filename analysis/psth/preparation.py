"""From trials on one time axis to smoothed trials around a moment of each, a block of units at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..samples import row_chunks
from ..trial_time import rounding, sample_times
from ..validation import Array
from .smoothing import Smoothing, even_step, no_infinity, recorded_spans, smoothing

# Numbers in the largest temporary array: 32 MB of float64.
BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Block:
    """Some units: ``units`` says which, ``whole`` (trial, time, unit) are smoothed trials, ``cut`` the chosen part."""

    units: slice
    whole: Array
    cut: Array


@dataclass(frozen=True, eq=False)
class Preparation:
    """What is done to trials before they are averaged.

    Attributes
    ----------
    activity : ndarray, shape (trial, time, unit)
    whole_time : ndarray, shape (time,)
        Of ``activity``.
    time : ndarray, shape (cut time,)
        Of the result: the same clock, or the time from each trial's moment.
    time_unit : str
        "s" or "sample".
    samples : ndarray of int, shape (trial, cut time)
        Which sample of a trial is shown when; −1 where there is none.
    smoothing : Smoothing or None
    spans : ndarray of int, shape (trial, 2)
        Of the recorded samples of each trial; only for smoothing.
    aligned : bool
    n_left_out : int
        Trials without a moment to align to.
    """

    activity: Array
    whole_time: Array
    time: Array
    time_unit: str
    samples: Array
    smoothing: Smoothing | None
    spans: Array
    aligned: bool
    n_left_out: int

    def blocks(self) -> Iterator[Block]:
        """Yield the units block by block."""
        n_trials, n_samples, n_units = self.activity.shape
        size = max(1, BLOCK // (n_trials * max(n_samples, len(self.time))))
        for start, stop in row_chunks(n_units, size):
            whole = self.activity[:, :, start:stop].astype(np.float64)
            if self.smoothing is not None:
                whole = self.smoothing.apply(whole, self.spans)
            yield Block(slice(start, stop), whole, self.cut(whole))

    def cut(self, whole: Array) -> Array:
        """Return what is shown of (trial, time, …) float64, NaN where there is no sample."""
        if (self.samples >= 0).all() and not np.ptp(self.samples, axis=0).any():
            first, last = int(self.samples[0, 0]), int(self.samples[0, -1])
            return whole[:, first : last + 1]
        taken = whole[np.arange(len(whole))[:, np.newaxis], self.samples]
        taken[self.samples < 0] = np.nan
        return taken


def prepare(
    activity: Any,
    time: Any,
    *,
    kernel: str | None = None,
    width: float = 0.05,
    align: Any = None,
    window: Any = None,
) -> Preparation:
    """Return the checked activity with its smoothing, alignment and window; see :func:`psth` for the arguments."""
    found = validation.trajectories("activity", activity)
    no_infinity("activity", found)
    whole_time, time_unit = sample_times(time, found.shape[1])
    chosen = smoothing(kernel, width, whole_time)
    n_left_out = 0
    if align is None:
        inside = _inside(whole_time, window)
        shown, samples = whole_time[inside], np.broadcast_to(inside, (len(found), len(inside)))
    else:
        moments = _moments(align, len(found))
        n_left_out = int(np.isnan(moments).sum())
        shown, samples = _around(whole_time, moments, window)
    return Preparation(
        activity=found, whole_time=whole_time, time=shown, time_unit=time_unit,
        samples=samples, smoothing=chosen,
        spans=np.zeros((len(found), 2), int) if chosen is None else recorded_spans(found),
        aligned=align is not None, n_left_out=n_left_out,
    )  # fmt: skip


def _inside(time: Array, window: Any) -> Array:
    """Return the samples start ≤ t < stop, all without a window."""
    if window is None:
        return np.arange(len(time))
    start, stop = _edges(window)
    slack = rounding(time)
    inside = np.flatnonzero((time >= start - slack) & (time < stop - slack))
    if not len(inside):
        raise InputError(
            f"window: no sample lies in {start:g} ≤ t < {stop:g} s; times go from {time[0]:g} to {time[-1]:g} s"
        )
    return inside


def _around(time: Array, moments: Array, window: Any) -> tuple[Array, Array]:
    """Return times from the moments and which samples are nearest to them, (trial, cut time), −1 for none."""
    step = even_step(time, "align=…")
    known = ~np.isnan(moments)
    centre = np.round((np.where(known, moments, time[0]) - time[0]) / step).astype(np.int64)
    if window is None:
        first, stop = -int(centre[known].max()), len(time) - int(centre[known].min())
    else:
        begin, end = _edges(window)
        first, stop = (int(np.ceil(edge / step - 1e-6)) for edge in (begin, end))
    samples = centre[:, np.newaxis] + np.arange(first, stop)
    samples[(samples < 0) | (samples >= len(time)) | ~known[:, np.newaxis]] = -1
    if not (samples >= 0).any():
        shown = "" if window is None else f" from {window[0]:g} to {window[1]:g} s"
        raise InputError(f"window: no trial has a sample{shown} around its moment; are align and time one clock?")
    return np.arange(first, stop) * step, samples


def _moments(align: Any, n_trials: int) -> Array:
    try:
        found = np.asarray(align, dtype=float)
    except (TypeError, ValueError):
        found = np.empty((0, 0))
    if found.shape not in ((), (n_trials,)):
        raise InputError(
            f"align: expected one time in seconds, or one for each of {n_trials} trials, found shape {np.shape(align)}"
        )
    if np.isinf(found).any() or np.isnan(found).all():
        raise InputError("align: expected times in seconds, NaN for trials without one; found none, or an infinite one")
    return np.broadcast_to(found, (n_trials,))


def _edges(window: Any) -> tuple[float, float]:
    try:
        start, stop = (float(edge) for edge in window)
    except (TypeError, ValueError):
        raise InputError(f"window: expected (start, stop) in seconds, found {window!r}") from None
    if not (np.isfinite([start, stop]).all() and start < stop):
        raise InputError(f"window: expected start < stop, found ({start:g}, {stop:g})")
    return start, stop
