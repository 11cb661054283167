"""Peri-stimulus time histograms of spike times."""

import dataclasses
from typing import Any

import numpy as np

from ...errors import InputError
from ...results import digest_arrays
from ..validation import Array
from .average import condition_codes, psth
from .averages import sums
from .record import PSTH


def psth_of_spikes(
    times: Any, events: Any, window: tuple[float, float], bin: float, labels: Any = None, **options: Any
) -> PSTH:
    """Return the firing rates of units around events, Hz.

    Parameters
    ----------
    times : sequence of (spike,), or one (spike,)
        Spike times of each unit, s, in any order.
    events : (trial,)
        s, on the same clock.
    window : (start, stop)
        s from the event, a whole number of bins.
    bin : float
        s. A spike on an edge belongs to the bin that begins there, one on the last edge to the last bin.
    labels : (trial,), optional
        The condition of each event.
    **options
        ``kernel``, ``width``, ``interval``, ``level``, ``baseline``, ``normalize``, ``floor``, ``softening``,
        ``n_resamples`` and ``seed`` of :func:`psth`; the baseline is counted from the event. "softening" and "floor"
        are in Hz.

    Raises
    ------
    InputError
        If a time is NaN or infinite, the window is no whole number of bins, or as :func:`psth`.

    Notes
    -----
    ``counts`` of the result are those of ``numpy.histogram`` for each event, summed. Spikes are placed by arithmetic
    and counted by ``numpy.bincount``: time and memory grow with the spikes in windows and with events · bins · units.
    Every event counts as observed in the whole window; for gaps in the recording use the readers, which mark them
    with NaN, and :func:`psth`.

    Examples
    --------
    >>> found = psth_of_spikes([[0.1, 1.05, 1.25]], [0.0, 1.0], (0.0, 0.3), 0.1)
    >>> found.counts[0, :, 0].tolist(), found.mean[0, :, 0].round(6).tolist()
    ([1, 1, 1], [5.0, 5.0, 5.0])
    """
    from ...readers.counts import bin_edges, count_spikes

    reserved = {"align", "window", "quantity"} & set(options)
    if reserved:
        raise InputError(f"{min(reserved)}: events and window say what is cut out, and rates are in Hz")
    trains = _trains(times)
    edges = bin_edges(window, bin)
    moments = np.asarray(events, dtype=float)
    if moments.ndim != 1 or not len(moments):
        raise InputError(f"events: expected (trial,) times in seconds, at least one, found shape {moments.shape}")
    counts = count_spikes(trains, moments, edges)
    codes, conditions = condition_codes(labels, len(moments))
    # The gamma bands need counts, everything else is linear: counts are averaged and then divided by the bin.
    options = {name: value * bin if name in ("floor", "softening") and value is not None else value
               for name, value in {"softening": 5.0, **options}.items()}  # fmt: skip
    centres = (edges[:-1] + edges[1:]) / 2
    found = psth(counts, centres, None if labels is None else labels, quantity="rate (Hz)", **options)
    per_second = 1 / bin if found.parameters["normalize"] in ("raw", "subtract") else 1.0
    scaled = {name: getattr(found, name) * per_second for name in ("mean", "sem")}
    if found.low is not None and found.high is not None:
        scaled |= {"low": found.low * per_second, "high": found.high * per_second}
    return dataclasses.replace(
        found, **scaled, counts=np.rint(sums(counts.astype(np.float64), codes, len(conditions))).astype(np.int64),
        aligned=True, parameters={**found.parameters, "bin": bin, "window": [float(edge) for edge in window]},
        input_digest=digest_arrays([*trains, moments, codes, edges]),
    )  # fmt: skip


def _trains(times: Any) -> list[Array]:
    """Return one array of spike times for each unit; a flat list of numbers is one unit."""
    items = times if isinstance(times, np.ndarray) else list(times)
    if len(items) and np.ndim(items[0]) == 0:
        return [np.asarray(items, dtype=float)]
    if not len(items):
        raise InputError("times: expected the spike times of at least one unit, found none")
    return [np.asarray(train, dtype=float) for train in items]
