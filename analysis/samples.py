"""Samples as rows: from trials to rows, and through rows in chunks."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..errors import InputError
from . import validation
from .validation import Array, Samples

# float32 sums lose digits over many rows: sum this many, then go on in float64.
_FLOAT32_ROWS = 64


@dataclasses.dataclass(frozen=True)
class Centre:
    """Mean of every feature (float64), and whether any feature varies at all."""

    mean: Array
    varies: bool


def flatten_samples(activity: Any, *, mask: Any = None) -> Array:
    """Return activity (trial, time, unit) as a matrix (samples, units), padding dropped.

    One row per trial and time, trial by trial. Rows whose units are all NaN are the padding of ragged
    trials and are dropped. Two arrays whose padding differs give rows that no longer correspond: pass the
    same ``mask`` of common samples for both.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Any real dtype, kept; lazily read arrays are read.
    mask : bool array (trial, time), optional
        True keeps the sample. Padding is dropped whether or not the mask keeps it.

    Returns
    -------
    array (samples, units)
        A new array, or a view when nothing is dropped.

    Raises
    ------
    InputError
        If ``activity`` is not (trial, time, unit) of real numbers, a kept sample has NaN in some units but
        not in all, the mask does not fit, or no sample is left.

    Examples
    --------
    >>> import numpy as np
    >>> activity = np.ones((2, 3, 4))
    >>> activity[1, 2] = np.nan  # the second trial is shorter
    >>> flatten_samples(activity).shape
    (5, 4)
    """
    found = validation.trajectories("activity", activity)
    rows = found.reshape(-1, found.shape[2])
    missing = np.isnan(rows) if found.dtype.kind == "f" else np.zeros(rows.shape, dtype=bool)
    keep = ~missing.all(axis=1)
    if mask is not None:
        kept = np.asarray(mask)
        if kept.dtype != np.bool_ or kept.shape != found.shape[:2]:
            raise InputError(
                f"mask: expected bool of shape {found.shape[:2]}, found {kept.dtype} of shape {kept.shape}"
            )
        keep &= kept.reshape(-1)
    partial = missing.any(axis=1) & keep
    if partial.any():
        row = int(np.argmax(partial))
        trial, time = divmod(row, found.shape[1])
        unit = int(np.argmax(missing[row]))
        raise InputError(
            f"activity: found NaN at index ({trial}, {time}, {unit}) beside units with values; "
            "expected padding (NaN in every unit) or data: mask the sample or drop the unit"
        )
    if not keep.any():
        raise InputError("activity: no samples are left after dropping padding and masked samples")
    return rows if keep.all() else rows[keep]


def row_chunks(count: int, rows: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of consecutive chunks of at most ``rows`` of ``count`` rows."""
    for start in range(0, count, rows):
        yield start, min(start + rows, count)


def read(array: Samples, start: int, stop: int) -> Array:
    """Return rows ``start`` to ``stop`` of an array that may be on disk."""
    return np.asarray(array[start:stop])


def centre(name: str, array: Samples, *, rows: int) -> Centre:
    """Return the feature means of ``array``, read in chunks of ``rows``, refusing NaN and infinity."""
    total = np.zeros(array.shape[1])
    first, varies = None, False
    for start, stop in row_chunks(array.shape[0], rows):
        chunk = read(array, start, stop)
        if first is None:
            first = chunk[0].copy()
        # Exact, unlike a variance, which rounding keeps above zero for constants such as 0.1.
        varies = varies or bool((chunk != first).any())
        sums = _column_sums(chunk)
        if not np.isfinite(sums).all():
            validation.finite(name, chunk, offset=start)
            raise out_of_range(name)
        total += sums
    return Centre(mean=total / array.shape[0], varies=varies)


_OVERFLOW = (
    "values overflow or underflow when multiplied; divide them by their standard deviation first "
    "(and use float64): similarity does not change"
)


def out_of_range(name: str) -> InputError:
    """Return the error for finite values too large or too small to be squared."""
    return InputError(f"{name}: {_OVERFLOW}")


def _column_sums(chunk: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        if chunk.dtype != np.float32 or not chunk.flags.c_contiguous:
            return np.asarray(chunk.sum(axis=0, dtype=np.float64))
        whole = len(chunk) // _FLOAT32_ROWS * _FLOAT32_ROWS
        blocks = chunk[:whole].reshape(-1, _FLOAT32_ROWS, chunk.shape[1])
        sums: Array = (np.ones(_FLOAT32_ROWS, np.float32) @ blocks).sum(axis=0, dtype=np.float64)
        sums += chunk[whole:].sum(axis=0, dtype=np.float64)
        return sums
