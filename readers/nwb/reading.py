"""Read a recording from an NWB file: choose what the activity is, cut it into trials, keep what is known of it."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArchiveError, InputError
from ..aligned import Aligned
from ..alignment import DEFAULT_BIN, align_samples, align_spikes, trials_within
from ..events import Events
from ..guest import Guest
from ..limits import MAX_BYTES
from ..naming import clean
from ..recording import Recording
from .intervals import INVALID, epochs_of, events_of, interval_tables, touches_invalid
from .metadata import session_metadata
from .series import Series, channel_columns, choose_series, find_series, samples_of, stamps_of
from .tables import NwbTable
from .units import NwbUnits, read_units

Array = npt.NDArray[Any]

_CHANNELS = ("inputs", "outputs", "targets", "mask")
_MAX_NAMED = 100


def why_not_nwb(path: Path) -> str:
    """Return why a file is no NWB file of version 2, empty when it is one."""
    with path.open("rb") as file:
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            return "no HDF5 signature"
    try:
        with Guest(path) as guest:
            version = guest.text(guest.file, "nwb_version")
    except ArchiveError as error:
        return f"unreadable HDF5 ({str(error).removeprefix(f'{path}: ')})"
    if not version:
        return "HDF5 without the attribute 'nwb_version'"
    return "" if version.lstrip("NWB-").startswith("2") else f"NWB of version {version}; convert it to version 2"


def read_nwb(
    path: Path,
    *,
    align: str | None = None,
    window: tuple[float, float] | None = None,
    bin: float | None = None,
    series: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Recording:
    """Return the spikes or one time series of an NWB file, cut into trials.

    Parameters
    ----------
    path
        The file, NWB 2.
    align
        What time 0 of a trial is: a column of the trials (``go_time``), a table of intervals (its start times), or
        ``table.column``. None is the start of each trial. Rows without a time are left out.
    window
        (start, stop) seconds around it. None is the length of the trials: what a shorter trial lacks is NaN, and
        its length is in the trial column ``n_samples``. In a file without trials it is the part of the session.
    bin
        Seconds. Spikes are counted in bins (default 0.02; the edges are those of ``numpy.histogram``), series are
        averaged in them (default: samples as they are).
    series
        The time series that is the activity, by name or path. None is the spikes of the units; in a file without
        spikes the only series of several channels.
    max_bytes
        The most that all that is read and made may take in memory.

    Returns
    -------
    Recording
        ``attrs["read_as"]`` says how the file was understood, ``attrs["left_out"]`` what of it is not here. Other
        series with the same times in the same place become states, inputs, outputs or targets by name.

    Raises
    ------
    ArchiveError
        If the file is damaged, unsafe or too large, or leaves open what the activity is.
    InputError
        If an option names nothing in the file, or its window holds no data.
    """
    with Guest(path, max_bytes) as guest:
        return _Session(guest, align, window).recording(bin, series)


class _Session:
    """One NWB file while it is read."""

    def __init__(self, guest: Guest, align: str | None, window: tuple[float, float] | None) -> None:
        self.guest, self.window = guest, window
        self.tables = interval_tables(guest)
        self.known = find_series(guest)
        self.trials = events_of(guest, self.tables, align)
        self.notes: list[str] = []
        self.used: set[str] = set()
        self.left_out: list[str] = []

    def recording(self, bin: float | None, wanted: str | None) -> Recording:
        units = read_units(self.guest, spikes=wanted is None)
        if wanted is None and units is not None and units.trains is not None and any(map(len, units.trains)):
            found, events, fields = self._spikes(units, bin)
        else:
            found, events, fields = self._signal(choose_series(self.guest, self.known, wanted), units, bin)
        own = self.trials[1] if self.trials else None
        epochs, outside = epochs_of(self.guest, self.tables, own, events, found.span, found.step)
        self.left_out += outside + self._unused(own)
        attrs = {**session_metadata(self.guest), "read_as": self.notes}
        if self.left_out:
            rest = len(self.left_out) - _MAX_NAMED
            attrs["left_out"] = self.left_out[:_MAX_NAMED] + ([f"… and {rest} more"] if rest > 0 else [])
        columns = {**events.columns, **found.columns}
        invalid = touches_invalid(self.tables, events, found.span)
        if invalid is not None:
            columns[INVALID] = invalid
            self.notes.append(
                f"{invalid.sum()} of {len(invalid)} trials touch {INVALID}: the trial column of that name says which"
            )
        return Recording(found.values, found.time, trials=columns, epochs=epochs, attrs=attrs, **fields)

    def _spikes(self, units: NwbUnits, bin: float | None) -> tuple[Aligned, Events, dict[str, Any]]:
        assert units.trains is not None
        if self.trials is None:
            spikes = [train for train in units.trains if len(train)]
            begin, end = min(train.min() for train in spikes), max(train.max() for train in spikes)
            step = bin or DEFAULT_BIN
            events = self._whole(step * np.floor(begin / step), step * (np.floor(end / step) + 1))
        else:
            events = self._kept()
        found = align_spikes(
            units.trains, events, window=self.window, bin=bin, observed=units.observed, spend=self.guest.budget.spend
        )
        self.notes.insert(0, f"activity: spikes of /units, {found.how}")
        self.left_out += units.left_out
        columns = _unit_columns(units.columns, len(units.trains))
        return found, events, {"units": columns, "array_units": {"activity": "spikes"}}

    def _signal(
        self, series: Series, units: NwbUnits | None, bin: float | None
    ) -> tuple[Aligned, Events, dict[str, Any]]:
        if len(series.shape) > 2:
            raise InputError(
                f"{self.guest.path}: series: {series.path} has shape {series.shape}, expected (time, unit)"
            )
        stamps = stamps_of(self.guest, series)
        if self.trials is None:
            events = self._whole(stamps[0], stamps[-1] + (np.median(np.diff(stamps)) if len(stamps) > 1 else 1.0))
        else:
            events = self._kept(stamps)
        found = self._aligned(series, stamps, events, bin)
        self.notes.insert(0, f"activity: {series.path} ({series.kind}), {found.how}")
        if found.values.ndim == 2:
            found = dataclasses.replace(found, values=found.values[:, :, None])
        columns = channel_columns(self.guest, series)
        if not columns and units is not None and units.n_units == found.values.shape[2]:
            columns = units.columns
        fields = {"units": _unit_columns(columns, found.values.shape[2]), **self._beside(series, stamps, events, bin)}
        unit = samples_of(self.guest, series).unit
        return found, events, {**fields, "array_units": {"activity": unit} if unit else {}}

    def _beside(self, chosen: Series, stamps: Array, events: Events, bin: float | None) -> dict[str, Any]:
        """Return the series with the same times in the same group, as states or channels."""
        fields: dict[str, Any] = {"states": {}}
        for series in self.known:
            if series.parent != chosen.parent or series is chosen or series.shape[0] != chosen.shape[0]:
                continue
            if not np.array_equal(stamps_of(self.guest, series), stamps):
                continue
            values = self._aligned(series, stamps, events, bin).values
            values = values[:, :, None] if values.ndim == 2 and series.name != "mask" else values
            if series.name in _CHANNELS:
                fields[series.name] = values
            else:
                fields["states"][clean(series.name, {"trial", "time", "unit"})] = values
            self.notes.append(f"{series.name}: {series.path} ({series.kind})")
        return fields

    def _aligned(self, series: Series, stamps: Array, events: Events, bin: float | None) -> Aligned:
        self.used.add(series.path)
        samples = samples_of(self.guest, series)
        try:
            return align_samples(stamps, samples, events, window=self.window, bin=bin, spend=self.guest.budget.spend)
        except ArchiveError:
            raise
        except InputError as error:
            raise InputError(f"{self.guest.path}: {series.path}: {error}") from error

    def _whole(self, start: float, stop: float) -> Events:
        """Return the whole session as one trial on its own clock."""
        self.notes.append("no trials: the session is one, times are those of its clock")
        return Events(np.zeros(1), np.array([float(start)]), np.array([float(stop)]))

    def _kept(self, stamps: Array | None = None) -> Events:
        """Return the trials with a time and, of a signal, with data."""
        assert self.trials is not None
        events, _, notes = self.trials
        self.notes += notes
        if stamps is None:
            return events
        within = trials_within(stamps, events, self.window)
        if not within.any():
            raise InputError(f"{self.guest.path}: no trial lies within the data, {stamps[0]:g} to {stamps[-1]:g} s")
        if not within.all():
            self.notes.append(
                f"{(~within).sum()} of {len(within)} trials outside the data left out: "
                f"{np.flatnonzero(~within)[:12].tolist()}"
            )
        return events.take(np.flatnonzero(within))

    def _unused(self, own: str | None) -> list[str]:
        """Return the series that were not read and the columns of the trials that are not in the recording."""
        unread = [f"{series.path} ({series.kind})" for series in self.known if series.path not in self.used]
        table: NwbTable | None = self.tables.get(own) if own else None
        columns = [f"{table.path}/{name}" for name in (*table.ragged, *table.left_out)] if table else []
        return [*columns, *unread]


def _unit_columns(columns: dict[str, Array], n_units: int) -> dict[str, Array]:
    found: dict[str, Array] = {}
    for name, values in columns.items():
        if values.shape == (n_units,):
            found[clean(name, {"unit", *found})] = values
    return found
