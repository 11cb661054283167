"""Columns of other packages' tables, as an archive can hold them."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def storable(values: Any) -> Array | None:
    """Return a column of numbers, truth values or text; None when it holds something else.

    >>> storable(np.array(["a", "b"], dtype=object)).tolist(), storable(np.array([{}], dtype=object))
    (['a', 'b'], None)
    """
    column = np.asarray(values)
    if column.dtype.kind in "OT" and all(isinstance(value, str) for value in column.flat):
        column = column.astype(str)
    if column.ndim != 1 or not column.size or column.dtype.kind not in "biufcU":
        return None
    odd = column.dtype.kind == "f" and column.dtype.itemsize not in (4, 8)
    return column.astype(np.float64) if odd else column
