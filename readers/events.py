"""The trials of a continuous recording: moments to align to, with what is known of each, and epochs around them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .counts import bin_edges

Array = npt.NDArray[Any]

_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Events:
    """One moment for each trial, in seconds of the session's clock.

    Attributes
    ----------
    times
        (trial,) the moments that become zero.
    starts, stops
        (trial,) when each trial begins and ends, or None when only moments are known.
    columns
        Name → (trial,) array, or (array, unit).
    rows
        (trial,) which row of a table each is, or None.
    """

    times: Array
    starts: Array | None = None
    stops: Array | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    rows: Array | None = None

    def take(self, rows: Array) -> "Events":
        """Return the chosen trials."""
        columns = {
            name: (value[0][rows], value[1]) if isinstance(value, tuple) else value[rows]
            for name, value in self.columns.items()
        }
        starts, stops, own = (None if part is None else part[rows] for part in (self.starts, self.stops, self.rows))
        return Events(self.times[rows], starts, stops, columns, own)

    @property
    def bounds(self) -> Array:
        """(trial, 2) begin and end of each trial from its moment; infinite when not known."""
        unknown = np.full(len(self.times), np.inf)
        starts = -unknown if self.starts is None else self.starts - self.times
        stops = unknown if self.stops is None else self.stops - self.times
        return np.stack([starts, stops], axis=1)


@dataclasses.dataclass(frozen=True, eq=False)
class Window:
    """The time around each moment that is cut out.

    Attributes
    ----------
    start, stop
        Seconds from the moment.
    bounds
        (trial, 2) seconds from the moment: what of it belongs to each trial.
    """

    start: float
    stop: float
    bounds: Array

    @classmethod
    def around(cls, events: Events, window: Any = None) -> "Window":
        """Return the given window, or without one the longest trial, others ending where they end.

        Raises
        ------
        InputError
            If the window is no pair of increasing seconds, or there is none and trials have no ends.
        """
        if window is None:
            bounds = events.bounds
            if not np.isfinite(bounds).all():
                raise InputError("window: trials have no known begin and end; give window=(start, stop) in seconds")
            return cls(float(bounds[:, 0].min()), float(bounds[:, 1].max()), bounds)
        try:
            start, stop = (float(edge) for edge in window)
        except (TypeError, ValueError):
            raise InputError(f"window: found {window!r}, expected (start, stop) in seconds") from None
        if not (np.isfinite([start, stop]).all() and start < stop):
            raise InputError(f"window: found ({start:g}, {stop:g}) s, expected start < stop")
        return cls(start, stop, np.tile([-np.inf, np.inf], (len(events.times), 1)))

    def edges(self, bin: float) -> Array:
        """Return the edges of the bins; a window that follows from the trials is cut to whole bins.

        Raises
        ------
        InputError
            If a given window is not a whole number of bins, or trials are shorter than a bin.
        """
        if np.isinf(self.bounds).any():
            return bin_edges((self.start, self.stop), bin)
        longest = self.stop - self.start
        if not 0 < bin <= longest * (1 + _ROUNDING):
            raise InputError(
                f"bin: found {bin:g} s, expected more than 0 and no more than the longest trial, {longest:g} s"
            )
        return bin_edges((self.start, self.start + bin * np.floor(longest / bin + _ROUNDING)), bin)

    def covers(self, starts: Array, stops: Array) -> Array:
        """Return (trial, time) bool: which samples, each from its start to its stop, lie within the trial."""
        slack = _ROUNDING * float(np.min(stops - starts))
        return np.asarray((starts >= self.bounds[:, :1] - slack) & (stops <= self.bounds[:, 1:] + slack))


def trial_lengths(valid: Array) -> dict[str, Array]:
    """Return the column ``n_samples`` when trials of (trial, time) ``valid`` samples differ in length only."""
    lengths = valid.sum(axis=1)
    padded = np.arange(valid.shape[1]) < lengths[:, None]
    return {"n_samples": lengths} if not valid.all() and np.array_equal(padded, valid) else {}


def epoch_of_trials(starts: Array, stops: Array, span: tuple[float, float], step: float) -> Array | None:
    """Return (2,) or (trial, 2) seconds of an epoch cut to ``span``; NaN for trials without it, None if all are.

    ``starts`` and ``stops`` are (trial,) seconds from the moment.
    """
    outside = np.isnan(starts) | np.isnan(stops) | (stops < span[0]) | (starts > span[1]) | (stops < starts)
    edges = np.stack([np.maximum(starts, span[0]), np.minimum(stops, span[1])], axis=1)
    edges[outside] = np.nan
    if outside.all():
        return None
    same = not outside.any() and bool((np.ptp(edges, axis=0) <= _ROUNDING * step).all())
    return np.asarray(edges[0]) if same else edges


def intervals_of_trials(starts: Array, stops: Array, events: Events, span: tuple[float, float]) -> Array | None:
    """Return (trial, 2) seconds from the moment of the interval in each trial's span, NaN where there is none.

    None when a trial has several: they cannot be one epoch.
    """
    found = np.full((len(events.times), 2), np.nan)
    for trial, moment in enumerate(events.times):
        rows = np.flatnonzero((stops > moment + span[0]) & (starts < moment + span[1]))
        if len(rows) > 1:
            return None
        if len(rows):
            found[trial] = starts[rows[0]] - moment, stops[rows[0]] - moment
    return found
