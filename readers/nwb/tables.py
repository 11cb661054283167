"""The tables of an NWB file: columns of one length, ragged columns, columns that refer to other objects."""

import dataclasses
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..guest import Guest, place

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class NwbTable:
    """One table.

    Attributes
    ----------
    path
        Where it is in the file.
    n_rows
        The number of rows.
    columns
        Name → (row,) numbers, truth values or text; for a column of references the names of what they refer to.
    ragged
        Names of columns with a list in each row, to be read by :func:`ragged_column`.
    left_out
        Column → why it is in neither.
    group
        The table in the file.
    """

    path: str
    n_rows: int
    columns: dict[str, Array]
    ragged: tuple[str, ...]
    left_out: dict[str, str]
    group: h5py.Group

    def numbers(self, name: str) -> Array | None:
        """Return a column of numbers as float64, None when there is none of that name and kind."""
        column = self.columns.get(name)
        return None if column is None or column.dtype.kind not in "iuf" else column.astype(np.float64)


def read_table(guest: Guest, group: h5py.Group) -> NwbTable:
    """Return a table of the file.

    Raises
    ------
    ArchiveError
        If it has no column ``id``, or a column is damaged or too large.
    """
    path = place(group)
    identifiers = guest.child(group, "id")
    if not isinstance(identifiers, h5py.Dataset):
        raise guest.refusal(path, "no column 'id'", "a table as NWB 2 defines it")
    n_rows = int(np.prod(guest.shape(identifiers)))
    columns: dict[str, Array] = {}
    ragged: list[str] = []
    left_out: dict[str, str] = {}
    for name in ["id", *_column_names(guest, group)]:
        column = guest.child(group, name)
        if guest.child(group, f"{name}_index") is not None:
            if guest.child(group, f"{name}_index_index") is None:
                ragged.append(name)
            else:
                left_out[name] = "lists of lists"
        elif not isinstance(column, h5py.Dataset):
            left_out[name] = "no values"
        elif guest.shape(column) != (n_rows,):
            left_out[name] = f"shape {guest.shape(column)}, not ({n_rows},)"
        elif h5py.check_ref_dtype(guest.dtype(column)) is h5py.Reference:
            columns[name] = _names_of(guest, column)
        elif guest.dtype(column).kind in "OV" and h5py.check_string_dtype(guest.dtype(column)) is None:
            left_out[name] = f"values of type {guest.dtype(column)}"
        elif n_rows:
            columns[name] = guest.read(column)
    return NwbTable(path, n_rows, columns, tuple(ragged), left_out, group)


def ragged_column(guest: Guest, table: NwbTable, name: str) -> list[Array]:
    """Return the list of each row of a ragged column.

    Raises
    ------
    ArchiveError
        If the index of the rows does not fit the values.
    """
    values, index = guest.child(table.group, name), guest.child(table.group, f"{name}_index")
    if not isinstance(values, h5py.Dataset) or not isinstance(index, h5py.Dataset):
        raise guest.refusal(f"{table.path}/{name}", "no values or no index", "both")
    if guest.dtype(index).kind not in "iu":
        raise guest.refusal(f"{table.path}/{name}_index", f"values of type {guest.dtype(index)}", "whole numbers")
    ends = guest.numbers(index)
    data = guest.read(values)
    if ends.shape != (table.n_rows,) or not data.ndim or (np.diff(ends, prepend=0) < 0).any() or ends[-1] > len(data):
        raise guest.refusal(
            f"{table.path}/{name}_index",
            f"{ends.size} ends up to {ends.max(initial=0):.0f}",
            f"{table.n_rows} that rise to at most {data.size}, the number of values",
        )
    return np.split(data, ends.astype(np.int64))[: len(ends)]


def region_rows(guest: Guest, region: h5py.Dataset, rows: Array, known: NwbTable | None = None) -> dict[str, Array]:
    """Return the columns of the table that a region refers to, at ``rows``; none when a row is not in it.

    ``known`` is taken for the table when the region does not say which it is.
    """
    table = known
    target = guest.attribute(region, "table")
    if isinstance(target, h5py.Reference):
        group = guest.dereference(target, f"{place(region)}, attribute 'table'")
        table = read_table(guest, group) if isinstance(group, h5py.Group) else known
    if table is None or rows.dtype.kind not in "iu" or (len(rows) and not 0 <= rows.min() <= rows.max() < table.n_rows):
        return {}
    return {name: column[rows] for name, column in table.columns.items()}


def _column_names(guest: Guest, group: h5py.Group) -> list[str]:
    given = guest.attribute(group, "colnames")
    if given is None:
        return [name for name in guest.names(group) if name != "id" and not name.endswith("_index")]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in np.ravel(given)]


def _names_of(guest: Guest, column: h5py.Dataset) -> Array:
    """Return the names of the objects that a column refers to."""
    found = [guest.dereference(reference, place(column)) for reference in guest.references(column)]
    return np.array(["" if item is None else place(item).rpartition("/")[2] for item in found], dtype=str)
