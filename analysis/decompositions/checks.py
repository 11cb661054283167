"""What the decompositions accept: tensors, ranks, masks. One check, one sentence each."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array


def tensor_and_mask(tensor: Any, mask: Any = None, *, name: str = "tensor") -> tuple[Array, Array | None]:
    """Return the tensor in float64, hidden entries as 0, and the mask; None when nothing is hidden.

    Raises
    ------
    InputError
        If the tensor has not three axes of real, where observed finite, numbers, or the mask does not fit it.
    """
    found = np.asarray(validation.sliceable(name, tensor)[...])
    if found.ndim != 3 or 0 in found.shape:
        raise InputError(f"{name}: expected three axes, none of them empty, found shape {found.shape}")
    validation.real_numbers(name, found)
    values = np.ascontiguousarray(found, dtype=np.float64)
    shown = None if mask is None else observed(mask, values.shape)
    bad = ~np.isfinite(values) if shown is None else ~np.isfinite(values) & shown
    validation.refuse(name, values, bad, "finite numbers: hide missing entries with mask=numpy.isfinite(tensor)")
    return (values, None) if shown is None else (np.where(shown, values, 0.0), shown)


def observed(mask: Any, shape: tuple[int, ...]) -> Array | None:
    """Return ``mask`` as booleans of ``shape`` (True is observed), None when it hides nothing."""
    found = np.asarray(mask)
    if found.dtype != np.bool_:
        raise InputError(f"mask: expected booleans (True is an observed entry), found dtype {found.dtype}")
    if found.shape != shape:
        raise InputError(f"mask: expected the tensor's shape {shape}, found {found.shape}")
    return None if found.all() else found


def no_hidden_fibre(mask: Array | None, axes: Sequence[int]) -> None:
    """Refuse a mask that hides every entry of a fibre along one of ``axes``: nothing there could be fitted."""
    for axis in axes if mask is not None else ():
        assert mask is not None
        hidden = ~mask.any(axis=axis)
        if hidden.any():
            where: list[Any] = [int(index) for index in np.argwhere(hidden)[0]]
            where.insert(axis, slice(None))
            shown = ", ".join(":" if isinstance(index, slice) else str(index) for index in where)
            raise InputError(
                f"mask: the whole fibre [{shown}] along axis {axis} is hidden; expected an observed entry in each"
            )


def no_hidden_slice(mask: Array | None) -> None:
    """Refuse a mask that hides a whole slice: no data would bear on that row of a factor."""
    for axis in range(3) if mask is not None else ():
        assert mask is not None
        hidden = ~mask.any(axis=tuple(other for other in range(3) if other != axis))
        if hidden.any():
            raise InputError(
                f"mask: the whole slice {int(np.flatnonzero(hidden)[0])} of axis {axis} is hidden; "
                "expected an observed entry in each"
            )


def three_ranks(name: str, value: Any) -> tuple[Any, Any, Any]:
    """Return the three entries of ``value``."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str) or len(value) != 3:
        raise InputError(f"{name}: expected three whole numbers, one per axis, found {value!r}")
    return value[0], value[1], value[2]


def unfolding_limit(shape: Sequence[int], axis: int) -> int:
    """Return the largest rank that the unfolding along ``axis`` can have."""
    return min(shape[axis], math.prod(shape) // shape[axis])


def tolerance(value: Any) -> float:
    """Return a tolerance of at least 0 as a float."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise InputError(f"tolerance: expected a number of at least 0, found {value!r}")
    return number
