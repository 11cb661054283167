"""A table: named columns of one length, each with a unit."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError, unknown_name
from ..hdf5.nodes import checked_name
from ..hdf5.values import stored_type

Array = npt.NDArray[Any]


class Table(Mapping[str, Array]):
    """An immutable mapping from column name to a one-dimensional array, all of one length.

    Parameters
    ----------
    columns
        Name → array, or (array, unit). Numbers, booleans or text. A table is copied with its units.

    Raises
    ------
    InputError
        If a column is not one-dimensional, is empty, has another length than the first, or cannot be stored.

    Examples
    --------
    >>> table = Table({"angle": ([0.0, 1.57], "rad"), "correct": [True, False]})
    >>> table["angle"].tolist(), table.units["angle"], table.n_rows
    ([0.0, 1.57], 'rad', 2)
    """

    __slots__ = ("_columns", "_units")

    def __init__(self, columns: Mapping[str, Any] | None = None) -> None:
        given = dict(columns or {})
        self._units: dict[str, str] = dict(columns.units) if isinstance(columns, Table) else {}
        self._columns: dict[str, Array] = {}
        for name, value in given.items():
            checked_name(name, "table")
            if isinstance(value, tuple) and len(value) == 2 and _is_unit(*value):
                value, self._units[name] = value
            self._columns[name] = self._checked(name, value)

    def _checked(self, name: str, value: Any) -> Array:
        column = np.asarray(value).view()
        if column.ndim != 1 or column.size == 0:
            raise InputError(f"column {name!r}: found shape {column.shape}, expected one axis of length 1 or more")
        if self._columns and len(column) != self.n_rows:
            first = next(iter(self._columns))
            raise InputError(f"column {name!r}: found {len(column)} rows, expected {self.n_rows} as in {first!r}")
        if column.dtype.kind != "U":
            stored_type(column.dtype, f"column {name!r}")
        column.flags.writeable = False
        return column

    def __getitem__(self, name: str) -> Array:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        same = self.keys() == other.keys() and all(self.unit(name) == other.unit(name) for name in self)
        return same and all(_equal(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = [f"{name} [{self._units[name]}]" if self.unit(name) else name for name in self]
        return f"Table({self.n_rows} rows: {', '.join(shown)})"

    @property
    def units(self) -> Mapping[str, str]:
        """The unit of each column that has one."""
        return dict(self._units)

    @property
    def n_rows(self) -> int:
        """The length of the columns, 0 for a table without any."""
        return len(next(iter(self._columns.values()))) if self._columns else 0

    def unit(self, name: str) -> str:
        """Return the unit of a column, empty when it has none."""
        return self._units.get(name, "")

    def column(self, name: str) -> Array:
        """Return a column.

        Raises
        ------
        InputError
            If there is none of that name; the nearest name is suggested.
        """
        if name not in self._columns:
            raise InputError(unknown_name("column", name, self._columns))
        return self._columns[name]

    def take(self, index: Any) -> "Table":
        """Return the rows that ``index`` selects: a slice, a boolean or an integer array."""
        return Table({name: (column[index], self.unit(name)) for name, column in self._columns.items()})


def _is_unit(value: Any, unit: Any) -> bool:
    """Return whether a pair is (column, unit) and not a column of two texts."""
    return isinstance(unit, str) and not isinstance(value, (str, int, float, complex, np.generic))


def _equal(first: Array, second: Array) -> bool:
    missing = first.dtype.kind in "fc" and second.dtype.kind in "fc"
    return np.array_equal(first, second, equal_nan=missing)
