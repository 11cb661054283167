"""The rows and columns of a text file."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ArchiveError
from ..limits import OBJECT_BYTES, Budget
from ..storage import printable

Array = npt.NDArray[Any]

SUFFIXES = (".csv", ".tsv", ".txt", ".dat")
_SNIFFED = 65_536
# Python keeps a field of a few digits in about 60 bytes, a row's list in 56 and 8 for each field.
_EXPANSION = 32


def read_rows(path: Path, delimiter: str | None, budget: Budget) -> list[list[str]]:
    """Return the rows of a file as lists of fields, without empty lines and lines that begin with ``#``.

    Raises
    ------
    ArchiveError
        If it is too large, no UTF-8 text, or rows differ in length.
    """
    budget.spend(_EXPANSION * path.stat().st_size, "text")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            mark = delimiter or _delimiter(file.read(_SNIFFED))
            file.seek(0)
            kept = (line for line in file if line.strip() and not line.startswith("#"))
            rows = (
                [line.split() for line in kept]
                if mark == " "
                else [[field.strip() for field in row] for row in csv.reader(kept, delimiter=mark)]
            )
    except (UnicodeDecodeError, csv.Error, TypeError) as error:
        raise ArchiveError(f"{path}: no table of text ({error})") from error
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise budget.refusal(f"row {number + 1}", f"{len(row)} fields", f"{len(rows[0])} as in the first row")
    return rows


def _delimiter(sample: str) -> str:
    """Return what divides the fields of most lines into the same number: comma, tab, semicolon or spaces."""
    lines = [line for line in sample.splitlines()[:20] if line.strip() and not line.startswith("#")][:-1] or [sample]

    def fields(mark: str) -> list[int]:
        return [len(line.split() if mark == " " else line.split(mark)) for line in lines]

    best = max("\t,; ", key=lambda mark: (len(set(fields(mark))) == 1, min(fields(mark))))
    return best if min(fields(best)) > 1 else ","


def as_column(fields: list[str], budget: Budget) -> Array:
    """Return a column as whole numbers, numbers (an empty field is NaN), truth values or text."""
    lowered = {field.lower() for field in set(fields[:1000])}
    if lowered <= {"true", "false"} and {field.lower() for field in fields} <= {"true", "false"}:
        return np.array([field.lower() == "true" for field in fields])
    for kind in (np.int64, np.float64):
        try:
            return np.array([field or "nan" for field in fields] if kind is np.float64 else fields, dtype=kind)
        except (ValueError, OverflowError):
            continue
    budget.spend(len(fields) * (OBJECT_BYTES + 4 * max(map(len, fields))), "text")
    return np.array([printable(field) for field in fields], dtype=str)
