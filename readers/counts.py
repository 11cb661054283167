"""Spike counts: how many events of each unit fall into each bin of each trial."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError

Array = npt.NDArray[Any]

# Spikes in windows that are placed at once: what is made of them stays in the processor's cache.
_BLOCK = 2**15
_ROUNDING = 1e-6
MAX_BINS = 10_000_000


def bin_edges(window: tuple[float, float], bin: float) -> Array:
    """Return (bin + 1,) edges from the start of ``window`` to its stop, in steps of ``bin`` seconds.

    Raises
    ------
    InputError
        If the window is not a whole number of bins, or either is not positive.
    """
    start, stop = (float(edge) for edge in window)
    if not (np.isfinite([start, stop, bin]).all() and stop > start and bin > 0):
        raise InputError(f"window ({start:g}, {stop:g}) s, bin {bin:g} s: expected start < stop and a bin above 0")
    n_bins = round(min((stop - start) / bin, MAX_BINS + 1))
    if n_bins > MAX_BINS:
        raise InputError(f"bin {bin:g} s: found more than {MAX_BINS} bins in ({start:g}, {stop:g}) s, expected fewer")
    if n_bins < 1 or abs(n_bins * bin - (stop - start)) > _ROUNDING * bin:
        whole = max(1, int((stop - start) / bin))
        raise InputError(
            f"window ({start:g}, {stop:g}) s: not a whole number of bins of {bin:g} s; "
            f"expected, for example, a stop at {start + whole * bin:g} s"
        )
    return np.asarray(start + bin * np.arange(n_bins + 1))


def count_spikes(spike_times: Sequence[Any], events: Any, edges: Any, *, dtype: npt.DTypeLike = np.float32) -> Array:
    """Return (trial, time, unit): the spikes of each unit in each bin around each event.

    Equal to ``numpy.histogram(spike_times[unit] - events[trial], edges)`` for each unit and trial: a spike on an
    edge belongs to the bin that begins there, one on the last edge to the last bin. Spikes are placed by arithmetic
    (no search for each); time grows with the spikes and the size of the result, memory with the latter.

    Parameters
    ----------
    spike_times
        For each unit (spike,) seconds, in any order.
    events
        (trial,) seconds.
    edges
        (bin + 1,) seconds from the event, evenly spaced: see :func:`bin_edges`.
    dtype
        Type of the result; float32 is exact below 16.7 million spikes in a bin.

    Raises
    ------
    InputError
        If a spike time or event is NaN or infinite, naming where, or edges are not even.

    Examples
    --------
    >>> count_spikes([[0.1, 1.05, 1.25], [2.0]], [0.0, 1.0], [0.0, 0.1, 0.2, 0.3])[:, :, 0]
    array([[0., 1., 0.],
           [1., 0., 1.]], dtype=float32)
    """
    events = _finite(events, "events")
    edges = _even(edges)
    counts = np.zeros((len(events), len(edges) - 1, len(spike_times)), dtype)
    # A subtraction may round a time onto an edge: windows are searched a little wider.
    slack = 4 * np.finfo(float).eps * (np.abs(events).max(initial=0) + np.abs(edges).max() + edges[-1] - edges[0])
    windows = (events[:, None] + [edges[0] - slack, edges[-1] + slack]).ravel()
    trains: list[Array] = []
    bounds: list[Array] = []
    n_waiting = 0
    for unit, times in enumerate(spike_times):
        trains.append(_sorted(times, f"spike_times[{unit}]"))
        bounds.append(np.searchsorted(trains[-1], windows).reshape(-1, 2))
        n_waiting += int((bounds[-1][:, 1] - bounds[-1][:, 0]).sum())
        if counts.size and (n_waiting >= _BLOCK or unit == len(spike_times) - 1):
            _add(counts, trains, np.stack(bounds), unit + 1 - len(trains), events, edges)
            trains, bounds, n_waiting = [], [], 0
    return counts


def _add(counts: Array, trains: Sequence[Array], bounds: Array, first: int, events: Array, edges: Array) -> None:
    """Count the spikes of some units, of which ``first`` is the first.

    ``bounds`` (unit, trial, 2) are where each window begins and ends among the spikes of each unit.
    """
    lengths = bounds[..., 1] - bounds[..., 0]
    ends = np.cumsum(lengths)
    rows = np.repeat(bounds[..., 0].ravel() - (ends - lengths.ravel()), lengths.ravel()) + np.arange(ends[-1])
    parts = np.split(rows, ends[len(events) - 1 :: len(events)][:-1])
    times = np.concatenate([train[part] for train, part in zip(trains, parts, strict=True)])
    times -= np.repeat(np.tile(events, len(trains)), lengths.ravel())
    bins = place_in_bins(times, edges)
    _, n_bins, n_units = counts.shape
    first_cells = np.arange(first, first + len(trains))[:, None] + np.arange(len(events)) * (n_bins * n_units)
    cells = np.repeat(first_cells.ravel(), lengths.ravel())
    if bins.min(initial=0) < 0:
        bins, cells = bins[bins >= 0], cells[bins >= 0]
    cells += bins * n_units
    # np.bincount would count every empty cell too, in int64.
    np.add.at(counts.reshape(-1), cells, counts.dtype.type(1))


def place_in_bins(times: Array, edges: Array) -> Array:
    """Return the bin of each finite time, −1 outside, with the edges of ``numpy.histogram``.

    Edges are evenly spaced, so that a quotient gives the bin or, by rounding, its neighbour; the edges decide.
    """
    n_bins = len(edges) - 1
    quotient = times - edges[0]
    quotient *= n_bins / (edges[-1] - edges[0])
    np.clip(np.floor(quotient, out=quotient), -1, n_bins, out=quotient)
    bins: Array = quotient.astype(np.int64)
    around = np.concatenate([[-np.inf], edges, [np.inf]])
    bins -= times < around[bins + 1]
    bins += times >= around[bins + 2]
    if bins.max(initial=0) == n_bins:
        bins[times == edges[-1]] = n_bins - 1
        bins[bins == n_bins] = -1
    return bins


def _finite(times: Any, name: str) -> Array:
    found = np.asarray(times, np.float64)
    if found.ndim != 1:
        raise InputError(f"{name}: found shape {found.shape}, expected one axis of seconds")
    if not np.isfinite(found).all():
        index = int(np.argmin(np.isfinite(found)))
        raise InputError(f"{name}[{index}] is {found[index]}, expected finite seconds")
    return found


def _sorted(times: Any, name: str) -> Array:
    """Return increasing times; where they increase already, finite ends are enough to know that all are finite."""
    found = np.asarray(times, np.float64)
    if found.ndim == 1 and np.isfinite(found[:1]).all() and (found[1:] >= found[:-1]).all():
        return found if np.isfinite(found[-1:]).all() else _finite(found, name)
    return np.sort(_finite(found, name))


def _even(edges: Any) -> Array:
    found = _finite(edges, "edges")
    steps = np.diff(found)
    if len(found) < 2 or steps.min() <= 0 or np.ptp(steps) > _ROUNDING * steps.mean():
        raise InputError("edges: expected two or more, increasing in equal steps")
    return found
