"""Sparse matrices as MATLAB keeps them, by column."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..limits import Budget

Array = npt.NDArray[Any]


def full_matrix(budget: Budget, where: str, n_rows: int, data: Array, rows: Array, ends: Array) -> Array:
    """Return the full matrix of MATLAB's compressed columns: values, their rows, and where each column begins.

    Raises
    ------
    ArchiveError
        If it is too large, or rows and columns do not fit.
    """
    n_columns = max(0, len(ends) - 1)
    counts: Array = np.diff(ends.astype(np.int64))
    fits = len(data) == len(rows) == counts.sum() and not (counts < 0).any()
    if n_rows < 0 or not fits or (len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < n_rows):
        raise budget.refusal(where, "a sparse matrix whose rows and columns do not fit", "an undamaged file")
    budget.spend(8 * n_rows * n_columns, where)
    full = np.zeros((n_rows, n_columns), np.result_type(data.dtype, np.float64))
    full[rows.astype(np.int64), np.repeat(np.arange(n_columns), counts)] = data
    return full
