"""The time series of an NWB file: find them, choose one, and take its samples when they are needed."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ...errors import ArchiveError, InputError, unknown_name
from ..guest import Guest, place
from .tables import region_rows

Array = npt.NDArray[Any]

_FOLDERS = ("processing", "acquisition", "analysis", "stimulus")


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
    """One time series.

    Attributes
    ----------
    path, kind
        Where it is in the file, and its NWB type.
    shape
        (sample, …).
    group
        The series in the file.
    """

    path: str
    kind: str
    shape: tuple[int, ...]
    group: h5py.Group

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The path of the group that holds it."""
        return self.path.rpartition("/")[0]


class Samples:
    """The samples of a series in its unit, read when they are sliced along time."""

    def __init__(self, guest: Guest, series: Series, dataset: h5py.Dataset) -> None:
        self._guest, self._dataset = guest, dataset
        self.shape = series.shape
        self._scale = _factor(guest, dataset, "conversion", 1.0)
        self._offset = _factor(guest, dataset, "offset", 0.0)
        channels = guest.child(series.group, "channel_conversion")
        if isinstance(channels, h5py.Dataset) and guest.shape(channels) == series.shape[1:2]:
            self._scale = self._scale * guest.read(channels).astype(np.float64)
        self.unit = guest.text(dataset, "unit")
        self._plain = bool(np.all(self._scale == 1) and self._offset == 0)
        self.dtype = np.dtype(guest.dtype(dataset) if self._plain else np.float64)

    def __getitem__(self, rows: slice) -> Array:
        found = self._guest.read(self._dataset, rows)
        return found if self._plain else found * self._scale + self._offset


def find_series(guest: Guest) -> list[Series]:
    """Return every time series that keeps its numbers in this file, in order of its path."""
    found = []
    for folder in _FOLDERS:
        item = guest.find(f"/{folder}")
        if isinstance(item, h5py.Group):
            found += list(_below(guest, item, 1, set()))
    return found


def _below(guest: Guest, group: h5py.Group, depth: int, seen: set[int]) -> Iterator[Series]:
    guest.budget.descend(place(group), depth)
    address = guest.address(group)
    if address in seen:
        return
    seen.add(address)
    kind = guest.text(group, "neurodata_type")
    names = guest.names(group)
    if "data" in names and ("timestamps" in names or "starting_time" in names):
        data = guest.listed(group, "data")
        if isinstance(data, h5py.Dataset) and guest.dtype(data).kind in "biuf" and data.shape and 0 not in data.shape:
            yield Series(place(group), kind, tuple(int(length) for length in data.shape), group)
        return
    for name in sorted(names):
        inner = guest.listed(group, name)
        if isinstance(inner, h5py.Group):
            yield from _below(guest, inner, depth + 1, seen)


def choose_series(guest: Guest, known: list[Series], wanted: str | None) -> Series:
    """Return the series of a name or path; without one the only signal of several channels, or ``activity``.

    Raises
    ------
    InputError
        If there is none of that name, or several.
    ArchiveError
        If none was asked for and the file leaves several, or none.
    """
    if wanted is not None:
        path = f"/{wanted.strip('/')}"
        matches = [series for series in known if series.path == path or series.name == wanted]
        if len(matches) != 1:
            names = [series.path if matches else series.name for series in (matches or known)]
            raise InputError(f"{guest.path}: series: {unknown_name('time series', wanted, names)}")
        return matches[0]
    usable = [series for series in known if len(series.shape) == 2 and series.shape[1] > 1]
    named = [series for series in usable if series.name == "activity"]
    chosen = named if len(named) == 1 else usable
    if len(chosen) != 1:
        shown = ", ".join(f"{series.path} {series.shape}" for series in (usable or known)[:12]) or "no time series"
        raise ArchiveError(f"{guest.path}: found no spike times and {shown}, expected one; give series=NAME")
    return chosen[0]


def samples_of(guest: Guest, series: Series) -> Samples:
    """Return the samples of a series.

    Raises
    ------
    ArchiveError
        If they lie outside the file or cannot be what they claim.
    """
    dataset = guest.child(series.group, "data")
    if not isinstance(dataset, h5py.Dataset):
        raise guest.refusal(f"{series.path}/data", "no dataset", "the samples")
    guest.shape(dataset)
    return Samples(guest, series, dataset)


def stamps_of(guest: Guest, series: Series) -> Array:
    """Return (sample,) seconds of the session's clock.

    Raises
    ------
    ArchiveError
        If the series has neither timestamps nor a starting time and rate.
    """
    stamps = guest.child(series.group, "timestamps")
    if isinstance(stamps, h5py.Dataset):
        return guest.numbers(stamps)
    start = guest.child(series.group, "starting_time")
    rate = _factor(guest, start, "rate", 0.0) if isinstance(start, h5py.Dataset) else 0.0
    if not isinstance(start, h5py.Dataset) or guest.shape(start) not in ((), (1,)) or not rate > 0:
        raise guest.refusal(series.path, "no timestamps, and no starting_time with a rate", "one of them")
    guest.budget.spend(8 * series.shape[0], f"{series.path}: sample times")
    return np.asarray(float(guest.numbers(start).item()) + np.arange(series.shape[0]) / rate)


def channel_columns(guest: Guest, series: Series) -> dict[str, Array]:
    """Return what the file says of each channel: columns of its regions of interest or electrodes."""
    for name in ("rois", "electrodes"):
        region = guest.child(series.group, name)
        if isinstance(region, h5py.Dataset) and guest.shape(region) == series.shape[1:2]:
            columns = region_rows(guest, region, guest.read(region))
            return {**columns, **({"area": columns["location"]} if "location" in columns else {})}
    return {}


def _factor(guest: Guest, dataset: h5py.Dataset, name: str, default: float) -> Any:
    value = guest.attribute(dataset, name)
    number = np.ravel(value)
    return float(number[0]) if number.size == 1 and number.dtype.kind in "iuf" else default
