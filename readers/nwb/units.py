"""The sorted units of an NWB file: their spikes, when they were recorded, and what is known of each."""

import dataclasses
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..guest import Guest, place
from .tables import NwbTable, ragged_column, read_table, region_rows

Array = npt.NDArray[Any]

_ELECTRODES = "/general/extracellular_ephys/electrodes"


@dataclasses.dataclass(frozen=True, eq=False)
class NwbUnits:
    """The table of units.

    Attributes
    ----------
    trains
        For each unit its spike times in seconds; None when the file keeps none.
    observed
        For each unit (interval, 2) seconds of recording, empty where that is not said.
    columns
        Name → (unit,) values; ``area`` is where the unit's electrode is, when the table itself does not say.
    left_out
        Columns that are not in these.
    n_units
        Their number.
    """

    trains: list[Array] | None
    observed: list[Array]
    columns: dict[str, Array]
    left_out: list[str]
    n_units: int


def read_units(guest: Guest, *, spikes: bool = True) -> NwbUnits | None:
    """Return the units of the file, None when it has no such table; without ``spikes`` those are not read.

    Raises
    ------
    ArchiveError
        If the table is damaged or too large.
    """
    group = guest.find("/units")
    if not isinstance(group, h5py.Group):
        return None
    table = read_table(guest, group)
    if not table.n_rows:
        return None
    taken = {"spike_times", "obs_intervals", "electrodes"}
    trains = _numbers(guest, table, "spike_times", ()) if spikes and "spike_times" in table.ragged else None
    observed = _numbers(guest, table, "obs_intervals", (2,)) if trains and "obs_intervals" in table.ragged else []
    columns = {**_electrode_columns(guest, table), **table.columns}
    left_out = [*table.left_out, *(name for name in table.ragged if name not in taken)]
    return NwbUnits(
        trains,
        observed,
        columns,
        [f"{table.path}/{name}" for name in left_out],
        table.n_rows,
    )


def _numbers(guest: Guest, table: NwbTable, name: str, inner: tuple[int, ...]) -> list[Array]:
    """Return a ragged column of numbers as float64, each list of shape (entry, *inner)."""
    lists = ragged_column(guest, table, name)
    for found in lists[:1]:
        if found.dtype.kind not in "iuf" or found.shape[1:] != inner:
            described = f"values of type {found.dtype} and shape {found.shape}"
            raise guest.refusal(f"{table.path}/{name}", described, "numbers" + " in pairs" * bool(inner))
    return [found.astype(np.float64, copy=False) for found in lists]


def _electrode_columns(guest: Guest, table: NwbTable) -> dict[str, Array]:
    """Return where units are: by the first electrode of each, or by the group of electrodes that saw it."""
    found: dict[str, Array] = {}
    region = guest.child(table.group, "electrodes")
    if isinstance(region, h5py.Dataset) and "electrodes" in table.ragged:
        lists = ragged_column(guest, table, "electrodes")
        group = guest.find(_ELECTRODES)
        known = read_table(guest, group) if isinstance(group, h5py.Group) else None
        if all(len(rows) for rows in lists):
            columns = region_rows(guest, region, np.array([rows[0] for rows in lists]), known)
            found = {
                new: columns[old] for new, old in (("area", "location"), ("group", "group_name")) if old in columns
            }
    column = guest.child(table.group, "electrode_group")
    if "area" not in found and isinstance(column, h5py.Dataset) and "electrode_group" in table.columns:
        groups = [guest.dereference(reference, place(column)) for reference in guest.references(column)]
        found["area"] = np.array(["" if item is None else guest.text(item, "location") for item in groups], dtype=str)
    for name in ("location", "brain_area", "brain_region"):
        if name in table.columns and not np.any(found.get("area", np.array("")) != ""):
            found["area"] = table.columns[name]
    return {name: values for name, values in found.items() if values.dtype.kind != "U" or np.any(values != "")}
