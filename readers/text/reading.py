"""Read a recording from a text file: which of the two layouts it has, and what its columns are."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArchiveError, InputError
from ..arrays import Wishes, arrange
from ..limits import MAX_BYTES, Budget
from ..recording import Recording
from .lines import SUFFIXES, as_column, read_rows
from .long import long_recording

Array = npt.NDArray[Any]

_LAYOUTS = ("long", "matrix")


def why_not_text(path: Path) -> str:
    """Return why a file is no table of text, empty when it looks like one."""
    if path.suffix.lower() not in SUFFIXES:
        return f"no table of text by its name (expected {', '.join(SUFFIXES)})"
    with path.open("rb") as file:
        begin = file.read(4096)
    if b"\0" in begin:
        return "no text"
    lines = [line for line in begin.splitlines() if line.strip() and not line.startswith(b"#")]
    return "" if len(lines) > 1 else f"a table of {len(lines)} rows, expected two or more"


def read_text(
    path: Path,
    *,
    layout: str | None = None,
    delimiter: str | None = None,
    trial: str = "trial",
    time: str = "time",
    unit: str = "unit",
    value: str | None = None,
    axes: str | None = None,
    dt: float | None = None,
    time_unit: str = "s",
    window: tuple[float, float] | None = None,
    bin: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Recording:
    """Return the recording in a file of delimited text.

    *Long*: a header and one row for each value (columns trial, time, unit, value) or for each spike (trial, time,
    unit). Further columns that do not vary within a trial become trial columns, those that do not vary within a unit
    unit columns. *Matrix*: one row for each sample of one trial and one column for each unit, with or without a header
    of unit names; a column of times is recognised by its name.

    Parameters
    ----------
    path
        The file. Lines that begin with ``#`` are comments.
    layout
        ``"long"`` or ``"matrix"``; None is long when the header has the columns ``time`` and ``unit``.
    delimiter
        Between fields; None finds out.
    trial, time, unit, value
        Names of columns. Without a column ``trial`` there is one trial; ``value`` is by default ``value`` or ``rate``
        or ``activity``, and without it rows are spikes.
    axes
        Of a matrix: ``"time,unit"`` (default), ``"unit,time"``, ``"trial,unit"`` or ``"trial,time"``.
    dt
        The sample interval of a matrix without times.
    time_unit
        Of times and ``dt``: s, ms or us.
    window, bin
        Seconds, for spikes: (start, stop), by default the times that occur, and the width of the bins (default 0.02).
    max_bytes
        The most that the table may take in memory.

    Raises
    ------
    ArchiveError
        If the file is no text, too large, or its rows differ in length.
    InputError
        If a column is missing, holds no numbers, or a value comes twice.
    """
    budget = Budget(path, max_bytes)
    rows = read_rows(path, delimiter, budget)
    if not rows:
        raise ArchiveError(f"{path}: found no rows, expected a table")
    if layout not in (None, *_LAYOUTS):
        raise InputError(f"layout: found {layout!r}, expected {' or '.join(_LAYOUTS)}")
    header = [] if _is_numeric(rows[0]) else rows.pop(0)
    if not rows:
        raise ArchiveError(f"{path}: found a header and no rows")
    if layout == "long" or (layout is None and {time, unit} <= set(header)):
        if len(set(header)) != len(header):
            raise InputError(f"{path}: header: a name comes twice in {header}")
        columns = {
            name: as_column(list(fields), budget) for name, fields in zip(header, zip(*rows, strict=True), strict=True)
        }
        names = {"trial": trial, "time": time, "unit": unit, "value": value}
        return long_recording(path, columns, names, time_unit=time_unit, window=window, bin=bin, spend=budget.spend)
    return _matrix(path, header, rows, time, Wishes(axes=axes, dt=dt, time_unit=time_unit), budget)


def _matrix(
    path: Path, header: list[str], rows: list[list[str]], time: str, wishes: Wishes, budget: Budget
) -> Recording:
    try:
        table = np.array([[field or "nan" for field in row] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise InputError(
            f"{path}: {error}; a matrix holds only numbers, a long table has the columns time and unit"
        ) from None
    values: dict[str, Any] = {}
    names = list(header)
    if time in names:
        values["time"] = table[:, names.index(time)]
        table = np.delete(table, names.index(time), axis=1)
        names.remove(time)
    axes = wishes.axes or "time,unit"
    if names and axes.replace(" ", "").endswith(",unit"):
        values["units.name"] = np.array(names, dtype=str)
    chosen = Wishes(activity="activity", axes=axes, dt=wishes.dt, time_unit=wishes.time_unit)
    return arrange(path, {"activity": table, **values}, chosen, trust_order=True, spend=budget.spend)


def _is_numeric(row: list[str]) -> bool:
    try:
        [float(field or "nan") for field in row]
    except ValueError:
        return False
    return True
