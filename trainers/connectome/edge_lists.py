"""Connectomes from tables of connections (CSV): one row names the source, the target and the weight."""

import csv
import math
from pathlib import Path

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from .data import Connectome

_DUPLICATES = ("last", "sum")


def read_edge_list(
    path: str | Path,
    *,
    value_column: int | None = None,
    header: bool = False,
    duplicates: str = "last",
    delimiter: str = ",",
) -> Connectome:
    """Return the connectome of a table whose rows read ``source, target, …, weight, …``.

    Names are stripped of blanks, rows with an empty cell are left out, and areas are numbered in the order in which
    they first appear, the source before the target of a row. Connections that are not in the table are 0.

    Parameters
    ----------
    path
        The table, UTF-8.
    value_column
        Column of the weight, counted from 0 or, below 0, from the end; None for the last one that is a number in every
        row.
    header
        Whether the first row holds titles.
    duplicates
        A connection listed twice has its ``last`` weight, or the ``sum`` of all.
    delimiter
        Between cells.

    Raises
    ------
    InputError
        If the file cannot be read, holds no connection, lacks the column in a row, or has no number there.
    ConfigurationError
        If ``duplicates`` is unknown.
    """
    if duplicates not in _DUPLICATES:
        raise ConfigurationError(unknown_name("duplicates", duplicates, _DUPLICATES))
    path = Path(path)
    rows = _rows(path, delimiter)[int(header) :]
    rows = [(line, cells) for line, cells in rows if all(cells)]
    if not rows:
        raise InputError(f"{path}: expected rows of source, target and weight, found none without empty cells")
    column = _last_number(path, rows) if value_column is None else value_column
    numbers: dict[str, int] = {}
    connections: dict[tuple[int, int], float] = {}
    for line, cells in rows:
        weight = _weight(path, line, cells, column)
        source, target = (numbers.setdefault(name, len(numbers)) for name in cells[:2])
        before = connections.get((source, target), 0.0) if duplicates == "sum" else 0.0
        connections[source, target] = before + weight
    weights = np.zeros((len(numbers), len(numbers)))
    weights[tuple(np.array(list(connections)).T)] = list(connections.values())
    return Connectome(name=path.stem, weights=weights, names=tuple(numbers), source=str(path.resolve()))


def _rows(path: Path, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return the number of each line and its stripped cells; blank lines are left out."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter)
            return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot read this table: {error}") from error


def _last_number(path: Path, rows: list[tuple[int, list[str]]]) -> int:
    width = min(len(cells) for _, cells in rows)
    for column in range(width - 1, 1, -1):
        if all(_is_number(cells[column]) for _, cells in rows):
            return column
    raise InputError(f"{path}: no column from the third on is a number in every row; does the table have a header?")


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _weight(path: Path, line: int, cells: list[str], column: int) -> float:
    if not -len(cells) <= column < len(cells) or len(cells) < 3:
        raise InputError(f"{path}, line {line}: expected a column {column}, found {len(cells)} columns")
    if not _is_number(cells[column]):
        raise InputError(f"{path}, line {line}: expected a finite number as weight, found '{cells[column]}'")
    return float(cells[column])
