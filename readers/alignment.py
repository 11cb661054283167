"""Cut continuous data into trials: spike times into counts, sampled signals into samples or means of bins."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..hdf5.nodes import Sliceable
from .aligned import Aligned, Spend, free
from .counts import count_spikes, place_in_bins
from .events import Events, Window, trial_lengths

Array = npt.NDArray[Any]

DEFAULT_BIN = 0.02
# Trials whose samples lie this near to each other, in sample intervals, have one time axis.
_SAME_PATTERN = 1e-3


def align_spikes(
    trains: Sequence[Array],
    events: Events,
    *,
    window: Any = None,
    bin: float | None = None,
    observed: Sequence[Array] | None = None,
    spend: Spend = free,
) -> Aligned:
    """Return spike counts (trial, time, unit) in bins around each event.

    Parameters
    ----------
    trains
        For each unit (spike,) seconds.
    events
        The moments, with the trials' begins and ends if ``window`` is None: bins that a trial does not cover
        whole are NaN.
    window
        (start, stop) seconds from the moment, a whole number of bins.
    bin
        Seconds; None is 0.02.
    observed
        For each unit (interval, 2) seconds in which it was recorded, none where that is not known: bins outside
        are NaN, for no spike was seen there and no silence either.
    spend
        Called with the bytes that will be needed.

    Raises
    ------
    InputError
        If window, bin or a spike time is impossible, or all trials lie outside the recording.
    """
    step = DEFAULT_BIN if bin is None else float(bin)
    chosen = Window.around(events, window)
    edges = chosen.edges(step)
    shape = (len(events.times), len(edges) - 1, len(trains))
    spend(12 * shape[0] * shape[1] * shape[2], "counts of shape " + str(shape))
    counts = count_spikes(trains, events.times, edges)
    valid = chosen.covers(edges[:-1], edges[1:])
    counts[~valid] = np.nan
    known: dict[bytes, Array] = {}  # many units were recorded at the same times
    for unit, intervals in enumerate(observed or ()):
        if len(intervals):
            key = intervals.tobytes()
            if key not in known:
                known[key] = ~_inside(intervals, events.times, edges)
            counts[known[key], unit] = np.nan
    if np.isnan(counts).all():
        raise InputError(
            f"window ({chosen.start:g}, {chosen.stop:g}) s: no unit was recorded then, or no trial is as long as a bin"
        )
    return Aligned.in_bins(counts, edges, trial_lengths(valid), f"counts in bins of {step:g} s")


def _inside(intervals: Array, moments: Array, edges: Array) -> Array:
    """Return (trial, bin) bool: bins that lie within one of the intervals, or within several that touch."""
    slack = 1e-6 * (edges[1] - edges[0])
    ordered = intervals[np.argsort(intervals[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    begins = np.append(True, ordered[1:, 0] > reach[:-1] + slack)
    starts, stops = ordered[begins, 0], reach[np.append(np.flatnonzero(begins)[1:] - 1, -1)]
    from_, to = moments[:, None] + edges[:-1] + slack, moments[:, None] + edges[1:] - slack
    own = np.searchsorted(starts, from_, side="right") - 1
    return np.asarray((own >= 0) & (to <= stops[own]))


def align_samples(
    stamps: Array,
    data: Sliceable,
    events: Events,
    *,
    window: Any = None,
    bin: float | None = None,
    spend: Spend = free,
) -> Aligned:
    """Return a sampled signal (trial, time, …) around each event; only what is needed is read.

    Without ``bin`` samples are taken as they are. If trials were sampled at different moments, the nearest sample
    of an even grid is taken; where none is within half an interval, as outside the data, the result is NaN.

    Parameters
    ----------
    stamps
        (sample,) increasing seconds.
    data
        (sample, …) array.
    events, window, spend
        As in :func:`align_spikes`.
    bin
        Seconds: the result is the mean of the samples in each bin, NaN in a bin without any.

    Raises
    ------
    InputError
        If times do not increase, window or bin are impossible, or a trial lies wholly outside the data.
    """
    _check_stamps(stamps, data)
    interval = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 1.0
    chosen = Window.around(events, window)
    outside = ~trials_within(stamps, events, window)
    if outside.any():
        trial = int(np.argmax(outside))
        moment = events.times[trial]
        raise InputError(
            f"window ({chosen.start:g}, {chosen.stop:g}) s: trial {trial} asks for {moment + chosen.start:g} to "
            f"{moment + chosen.stop:g} s and the data go from {stamps[0]:g} to {stamps[-1]:g} s"
        )
    if bin is not None:
        return _means(stamps, data, events, chosen, bin, spend)
    slack = 1e-6 * interval
    limits = np.clip(chosen.bounds, chosen.start, chosen.stop)
    first, last = (np.searchsorted(stamps, events.times + edge - slack) for edge in limits.T)
    pattern = _pattern(stamps, events.times, first, last)
    if pattern is not None:
        rows = first[:, None] + np.arange(len(pattern))
        valid = rows < last[:, None]
        how = "samples as they are"
    else:
        pattern = chosen.start + interval * np.arange(max(1, round((chosen.stop - chosen.start) / interval)))
        wanted = events.times[:, None] + pattern
        rows = np.searchsorted(stamps, wanted - interval / 2)
        distance = np.abs(stamps[np.minimum(rows, len(stamps) - 1)] - wanted)
        valid = (distance <= interval / 2 + slack) & chosen.covers(pattern, pattern + interval)
        how = f"nearest samples of a grid, at most {1e3 * distance[valid].max(initial=0):.2g} ms away"
    values = _picked(data, rows, valid, spend)
    return Aligned.at(values, pattern, trial_lengths(valid), how)


def trials_within(stamps: Array, events: Events, window: Any = None) -> Array:
    """Return (trial,) bool: the trials whose window holds some of the sampled time."""
    chosen = Window.around(events, window)
    interval = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 1.0
    begin, end = events.times + chosen.start, events.times + chosen.stop
    return np.asarray((end > stamps[0]) & (begin < stamps[-1] + interval))


def _picked(data: Sliceable, rows: Array, valid: Array, spend: Spend) -> Array:
    """Return the rows of ``data`` (trial, time, …), NaN where they are not valid, read trial by trial."""
    found = _nans(rows.shape, data, spend)
    for trial, (own, use) in enumerate(zip(rows, valid, strict=True)):
        if use.any():
            low, high = int(own[use].min()), int(own[use].max()) + 1
            found[trial, use] = np.asarray(data[low:high])[own[use] - low]
    return found


def _means(stamps: Array, data: Sliceable, events: Events, chosen: Window, bin: float, spend: Spend) -> Aligned:
    edges = chosen.edges(bin)
    found = _nans((len(events.times), len(edges) - 1), data, spend)
    valid = chosen.covers(edges[:-1], edges[1:])
    for trial, moment in enumerate(events.times):
        low, high = np.searchsorted(stamps, [moment + edges[0] - bin, moment + edges[-1] + bin])
        since = stamps[low:high] - moment
        bins = place_in_bins(since, edges)
        own = np.flatnonzero((bins >= 0) & (since < edges[-1]) & valid[trial, bins])
        if len(own):
            begins = np.flatnonzero(np.diff(bins[own], prepend=-1))
            sums = np.add.reduceat(np.asarray(data[low:high])[own], begins, axis=0, dtype=np.float64)
            sizes = np.diff(np.append(begins, len(own)))
            found[trial, bins[own][begins]] = sums / sizes.reshape(-1, *(1,) * (sums.ndim - 1))
    return Aligned.in_bins(found, edges, trial_lengths(valid), f"means of bins of {bin:g} s")


def _nans(shape: tuple[int, ...], data: Sliceable, spend: Spend) -> Array:
    shape = (*shape, *(int(length) for length in data.shape[1:]))
    dtype = np.dtype(np.float32 if data.dtype == np.float32 else np.float64)
    spend(int(np.prod(shape, dtype=object)) * dtype.itemsize, f"activity of shape {shape}")
    return np.full(shape, np.nan, dtype)


def _pattern(stamps: Array, moments: Array, first: Array, last: Array) -> Array | None:
    """Return the sample times from the moment that all trials share, None when they differ."""
    lengths = last - first
    longest = int(np.argmax(lengths))
    if lengths[longest] < 1:
        return None
    pattern = stamps[first[longest] : last[longest]] - moments[longest]
    step = np.diff(pattern).min() if len(pattern) > 1 else np.inf
    for moment, begin, length in zip(moments, first, lengths, strict=True):
        own = stamps[begin : begin + length] - moment
        if length and np.abs(own - pattern[:length]).max() > _SAME_PATTERN * step:
            return None
    return np.asarray(pattern)


def _check_stamps(stamps: Array, data: Sliceable) -> None:
    if stamps.shape != (data.shape[0],) or not len(stamps):
        raise InputError(f"found {len(stamps)} sample times for {data.shape[0]} samples, expected one for each")
    bad = ~(np.diff(stamps) > 0)
    if bad.any():
        index = int(np.argmax(bad)) + 1
        raise InputError(f"sample times: sample {index} at {stamps[index]} s is not after the one before")
