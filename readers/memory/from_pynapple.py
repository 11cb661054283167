"""A recording from pynapple objects: spike trains or signals on the session's clock, cut into trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ..aligned import Aligned
from ..alignment import align_samples, align_spikes
from ..events import Events, epoch_of_trials, intervals_of_trials
from ..naming import clean
from ..recording import Recording
from .columns import storable

Array = npt.NDArray[Any]


def is_pynapple(data: Any) -> bool:
    """Return whether an object has times and values as a Tsd, or spike trains as a TsGroup."""
    return hasattr(data, "time_support") and (_is_signal(data) or _is_group(data))


def _is_signal(data: Any) -> bool:
    return hasattr(data, "t") and hasattr(data, "d")


def _is_group(data: Any) -> bool:
    return isinstance(data, Mapping) and all(hasattr(train, "t") for train in data.values())


def _is_intervals(data: Any) -> bool:
    return hasattr(data, "start") and hasattr(data, "end") and not hasattr(data, "t")


def from_pynapple(
    data: Any,
    *,
    trials: Any = None,
    window: tuple[float, float] | None = None,
    bin: float | None = None,
    epochs: Mapping[str, Any] | None = None,
) -> Recording:
    """Return the recording in a pynapple TsGroup (spikes), Tsd, TsdFrame or TsdTensor (signals).

    Parameters
    ----------
    data
        The object; its metadata become columns of the units. Bins outside its time support are NaN.
    trials
        An IntervalSet (its metadata become trial columns), a Ts, or (trial,) seconds: what time 0 of each trial is.
        None takes the whole session as one trial on its own clock.
    window
        (start, stop) seconds around it; None is the length of the intervals.
    bin
        Seconds: spikes are counted (default 0.02), signals averaged (default: samples as they are).
    epochs
        Name → IntervalSet.

    Raises
    ------
    InputError
        If the object is of another kind, or window, bin and trials do not fit it.
    """
    if not is_pynapple(data):
        hint = "; give intervals as trials=…" if _is_intervals(data) else ""
        raise InputError(f"found {type(data).__name__}, expected spike trains or a signal with times{hint}")
    support = np.stack([_edges(data.time_support, name) for name in ("start", "end")], axis=1)
    if _is_group(data):
        found, events = _spikes(data, support, trials, window, bin)
        names = list(data)
    else:
        found, events = _signal(data, trials, window, bin)
        names = list(getattr(data, "columns", range(found.values.shape[2])))
    fields: dict[str, Any] = {}
    for name, intervals in (epochs or {}).items():
        starts, stops = (_edges(intervals, edge) for edge in ("start", "end"))
        pairs = intervals_of_trials(starts, stops, events, found.span)
        if pairs is None:
            raise InputError(f"epochs[{name!r}]: a trial holds several of its intervals, expected one")
        edges = epoch_of_trials(pairs[:, 0], pairs[:, 1], found.span, found.step)
        if edges is None:
            raise InputError(f"epochs[{name!r}]: none of its intervals lies in a trial")
        fields[clean(name)] = edges
    identity = storable(np.array([str(name) for name in names]) if isinstance(names[0], str) else np.asarray(names))
    units = {**({} if identity is None else {"unit_id": identity}), **_metadata(data, "unit")}
    return Recording(
        found.values, found.time, trials={**events.columns, **found.columns}, units=units, epochs=fields,
        attrs={"read_as": [f"pynapple {type(data).__name__}: {found.how}"]},
        array_units={"activity": "spikes"} if _is_group(data) else {},
    )  # fmt: skip


def _spikes(data: Any, support: Array, trials: Any, window: Any, bin: float | None) -> tuple[Aligned, Events]:
    trains = [np.asarray(data[name].t, np.float64) for name in data]
    events = _events(trials, float(support[0, 0]), float(support[-1, 1]))
    return align_spikes(trains, events, window=window, bin=bin, observed=[support] * len(trains)), events


def _signal(data: Any, trials: Any, window: Any, bin: float | None) -> tuple[Aligned, Events]:
    stamps, values = np.asarray(data.t, np.float64), np.asarray(data.d)
    if values.ndim > 2:
        raise InputError(f"found a signal of shape {values.shape}, expected (time,) or (time, unit)")
    step = float(np.median(np.diff(stamps))) if len(stamps) > 1 else 1.0
    events = _events(trials, stamps[0], stamps[-1] + step)
    return align_samples(stamps, values.reshape(len(stamps), -1), events, window=window, bin=bin), events


def _events(trials: Any, start: float, stop: float) -> Events:
    if trials is None:
        return Events(np.zeros(1), np.array([start]), np.array([stop]))
    if _is_intervals(trials):
        starts = _edges(trials, "start")
        return Events(starts, starts, _edges(trials, "end"), _metadata(trials, "trial"))
    times = np.asarray(trials.t if hasattr(trials, "t") else trials, np.float64)
    if times.ndim != 1 or not times.size:
        raise InputError(f"trials: found shape {times.shape}, expected intervals or (trial,) seconds")
    return Events(times)


def _edges(intervals: Any, name: str) -> Array:
    if not _is_intervals(intervals):
        raise InputError(f"found {type(intervals).__name__}, expected intervals with start and end")
    return np.asarray(getattr(intervals, name), np.float64).ravel()


def _metadata(data: Any, axis: str) -> dict[str, Array]:
    """Return the columns of an object's metadata; the mean rate, which pynapple adds, is none."""
    table: Any = getattr(data, "metadata", None)
    found: dict[str, Array] = {}
    for name in getattr(table, "columns", ()):
        column = storable(np.asarray(table[name])) if name != "rate" else None
        if column is not None:
            found[clean(str(name), {axis, f"{axis}_id", *found})] = column
    return found
