"""The trials of an NWB file: which moments to align to, and which intervals become epochs."""

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ..events import Events, epoch_of_trials, intervals_of_trials
from ..guest import Guest
from ..naming import clean
from .tables import NwbTable, ragged_column, read_table

Array = npt.NDArray[Any]

# The column in which we export the zero of each trial's own clock.
TIME_ZERO = "time_zero"
# The table of times that NWB wants left out of analyses.
INVALID = "invalid_times"
_TRIALS = "trials"
_BEGINS = ("_start_time", "_start", "_onset_time", "_onset", "_on_time")
_ENDS = ("_stop_time", "_stop", "_end_time", "_end", "_offset_time", "_offset", "_off_time")


def interval_tables(guest: Guest) -> dict[str, NwbTable]:
    """Return the tables of intervals by name: ``trials``, ``epochs`` and others."""
    folder = guest.find("/intervals")
    found: dict[str, NwbTable] = {}
    for name in guest.names(folder) if isinstance(folder, h5py.Group) else ():
        group = guest.child(folder, name)
        if isinstance(group, h5py.Group):
            table = read_table(guest, group)
            if table.n_rows and table.numbers("start_time") is not None:
                found[name] = table
    return found


def events_of(guest: Guest, tables: dict[str, NwbTable], align: str | None) -> tuple[Events, str, list[str]] | None:
    """Return the moments to align to, the table they are from, and notes; None when the file has no trials.

    Parameters
    ----------
    guest, tables
        The file and its tables of intervals.
    align
        A column of the trials, a table of intervals (its start times), or ``table.column``. None is the start of
        each trial, or its own clock's zero where the file has one.

    Raises
    ------
    InputError
        If there is no such column or table, or it holds no times. Rows without a time are left out and noted.
    """
    if align is None and _TRIALS not in tables:
        return None
    name, column = _alignment(guest, tables, align)
    table = tables[name]
    moments = table.numbers(column)
    if moments is None:
        raise InputError(f"{guest.path}: align: {table.path}/{column} holds no times")
    stops = table.numbers("stop_time")
    hidden = {TIME_ZERO, *(key for pair in _pairs(table).values() for key in pair)}
    columns = {clean(key, {"trial"}): values for key, values in table.columns.items() if key not in hidden}
    with_unit = {key: (values, "s") if key.endswith("_time") and values.dtype.kind == "f" else values
                 for key, values in columns.items()}  # fmt: skip
    events = Events(moments, table.numbers("start_time"), stops, with_unit, np.arange(table.n_rows))
    notes = [f"trials: rows of {table.path}, time 0 at {column}"]
    missing = ~np.isfinite(moments)
    if missing.all():
        raise InputError(f"{guest.path}: align: {table.path}/{column} is NaN in every row")
    if missing.any():
        notes.append(
            f"{missing.sum()} of {len(missing)} trials without a {column} left out: "
            f"rows {_shown(np.flatnonzero(missing))}"
        )
        events = events.take(np.flatnonzero(~missing))
    return events, name, notes


def _alignment(guest: Guest, tables: dict[str, NwbTable], align: str | None) -> tuple[str, str]:
    """Return the table and column that ``align`` names."""
    if align is None:
        return _TRIALS, TIME_ZERO if TIME_ZERO in tables[_TRIALS].columns else "start_time"
    if _TRIALS in tables and align in tables[_TRIALS].columns:
        return _TRIALS, align
    if align in tables:
        return align, "start_time"
    name, _, column = align.rpartition(".")
    if name in tables and column in tables[name].columns:
        return name, column
    columns = [
        key if table == _TRIALS else f"{table}.{key}"
        for table, known in tables.items()
        for key in known.columns
        if known.numbers(key) is not None
    ]
    raise InputError(f"{guest.path}: align: {unknown_name('column or interval', align, [*tables, *columns])}")


def epochs_of(
    guest: Guest, tables: dict[str, NwbTable], own: str | None, events: Events, span: tuple[float, float], step: float
) -> tuple[dict[str, Array], list[str]]:
    """Return the epochs within ``span`` seconds of the moments, and what could not be one.

    Pairs of columns of the trials (``cue_start_time``, ``cue_stop_time``) and other tables of intervals become epochs;
    a single time (``go_time``) becomes an epoch of no length, to align to.
    """
    epochs: dict[str, Array] = {}
    left_out: list[str] = []
    if own is not None:
        rows = events.rows
        for name, columns in {**_singles(tables[own]), **_pairs(tables[own])}.items():
            begin, end = (tables[own].numbers(column) for column in (columns[0], columns[-1]))
            assert begin is not None
            assert end is not None
            found = epoch_of_trials(begin[rows] - events.times, end[rows] - events.times, span, step)
            if found is not None:
                epochs[clean(name, epochs)] = found
    for name, table in tables.items():
        for label, starts, stops in _labelled(guest, name, table) if name not in (own, _TRIALS, INVALID) else ():
            pairs = intervals_of_trials(starts, stops, events, span)
            if pairs is None:
                left_out.append(f"{table.path} ({label}: several in one trial)")
                continue
            found = epoch_of_trials(pairs[:, 0], pairs[:, 1], span, step)
            if found is not None:
                epochs[clean(label, epochs)] = found
            else:
                left_out.append(f"{table.path} ({label}: outside the trials)")
    return epochs, left_out


def touches_invalid(tables: dict[str, NwbTable], events: Events, span: tuple[float, float]) -> Array | None:
    """Return (trial,) bool: whose span holds some of the file's invalid times; None when it states none."""
    table = tables.get(INVALID)
    starts, stops = (table.numbers(name) for name in ("start_time", "stop_time")) if table else (None, None)
    if starts is None or stops is None:
        return None
    begin, end = (events.times[:, None] + edge for edge in span)
    return np.asarray(((stops > begin) & (starts < end)).any(axis=1))


def _pairs(table: NwbTable) -> dict[str, tuple[str, ...]]:
    """Return name → (column of begins, column of ends) for epochs that are columns of the trials."""
    found: dict[str, tuple[str, ...]] = {}
    for begin in table.columns:
        for suffix in _BEGINS:
            name = begin.removesuffix(suffix)
            ends = [f"{name}{end}" for end in _ENDS if table.numbers(f"{name}{end}") is not None]
            if name and name != begin and ends and table.numbers(begin) is not None and name not in found:
                found[name] = (begin, ends[0])
    return found


def _singles(table: NwbTable) -> dict[str, tuple[str, ...]]:
    """Return name → (column,) for moments of the trials that are no part of a pair."""
    taken = {"start_time", "stop_time", *(column for pair in _pairs(table).values() for column in pair)}
    names = [name for name in table.columns if name.endswith("_time") and name not in taken]
    return {name.removesuffix("_time"): (name,) for name in names if _are_moments(table, name)}


def _are_moments(table: NwbTable, name: str) -> bool:
    """Return whether a column lies within its trials: a reaction time is a duration and does not."""
    values, starts, stops = (table.numbers(column) for column in (name, "start_time", "stop_time"))
    if values is None or starts is None or stops is None or np.isnan(values).all():
        return False
    return bool((((values >= starts) & (values <= stops)) | np.isnan(values)).all())


def _labelled(guest: Guest, name: str, table: NwbTable) -> list[tuple[str, Array, Array]]:
    """Return (label, starts, stops) of a table of intervals: one for each tag, or all under the table's name."""
    starts, stops = table.numbers("start_time"), table.numbers("stop_time")
    if starts is None or stops is None:
        return []
    if "tags" not in table.ragged:
        return [(name, starts, stops)]
    tags = np.array([str(row[0]) if len(row) else name for row in ragged_column(guest, table, "tags")])
    return [(str(tag), starts[tags == tag], stops[tags == tag]) for tag in np.unique(tags)]


def _shown(rows: Array) -> str:
    return ", ".join(map(str, rows[:12])) + (" …" if len(rows) > 12 else "")
