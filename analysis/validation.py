"""Input checks shared by every analysis: one check, one sentence each."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, InputError, unknown_name

Array = npt.NDArray[Any]
Samples = Any
"""An array, or an object that becomes one when sliced (an ``h5py.Dataset``), of shape (samples, features)."""


def sliceable(name: str, array: Any) -> Any:
    """Return ``array`` itself when it can be sliced into arrays (NumPy, h5py), else as a NumPy array."""
    if isinstance(array, np.ma.MaskedArray):
        raise InputError(f"{name}: masked arrays are not supported; drop or fill the masked entries first")
    if isinstance(array, np.ndarray):
        return array
    if isinstance(getattr(array, "dtype", None), np.dtype) and hasattr(array, "__getitem__"):
        return array
    try:
        return np.asarray(array)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"{name}: expected an array of numbers, found {type(array).__name__}: {error}") from error


def real_numbers(name: str, array: Any) -> None:
    """Refuse arrays that do not hold real numbers."""
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name}: expected real numbers, found dtype {array.dtype}")


def samples_matrix(name: str, array: Any, *, least: int = 2) -> Samples:
    """Return ``array`` after checking that it is (samples, features) with at least ``least`` samples."""
    found = sliceable(name, array)
    shape = tuple(np.shape(found)) if isinstance(found, np.ndarray) else tuple(found.shape)
    if len(shape) == 3:
        raise InputError(
            f"{name}: expected (samples, features), found shape {shape}; "
            "turn (trial, time, unit) into samples with analysis.flatten_samples"
        )
    if len(shape) != 2:
        raise InputError(f"{name}: expected a matrix (samples, features), found shape {shape}")
    real_numbers(name, found)
    if shape[1] < 1:
        raise InputError(f"{name}: expected at least 1 feature (column), found shape {shape}")
    if shape[0] < least:
        raise InputError(f"{name}: expected at least {least} samples (rows), found shape {shape}")
    return found


def trajectories(name: str, array: Any) -> Array:
    """Return ``array`` in memory after checking that it is (trial, time, unit) with no empty axis."""
    found = np.asarray(sliceable(name, array)[...])
    if found.ndim != 3 or 0 in found.shape:
        raise InputError(f"{name}: expected (trial, time, unit) with no empty axis, found shape {found.shape}")
    real_numbers(name, found)
    return found


def finite(name: str, array: Array, *, offset: int = 0) -> None:
    """Refuse NaN and infinity; ``offset`` is the first axis' index of ``array[0]`` in the whole array."""
    wanted = "finite numbers: drop those samples, or mask them with analysis.flatten_samples"
    refuse(name, array, ~np.isfinite(array), wanted, offset=offset)


def refuse(name: str, array: Array, bad: Array, expected: str, *, offset: int = 0) -> None:
    """Refuse an array with entries that are ``bad``, naming the first and what was expected in its place.

    Raises
    ------
    InputError
        If any entry is bad; ``offset`` is as in :func:`finite`.
    """
    if bad.any():
        first = np.unravel_index(int(np.argmax(bad)), bad.shape)
        where = ", ".join(str(int(index) + (offset if axis == 0 else 0)) for axis, index in enumerate(first))
        raise InputError(f"{name}: found {array[first]} at index ({where}); expected {expected}")


def same_samples(names: Sequence[str], arrays: Sequence[Samples]) -> int:
    """Return the number of samples that all ``arrays`` share."""
    expected = int(arrays[0].shape[0])
    for name, array in zip(names[1:], arrays[1:], strict=True):
        if array.shape[0] != expected:
            raise InputError(
                f"{name}: has {array.shape[0]} samples, {names[0]} has {expected}; "
                "row i of every array must be the same sample"
            )
    return expected


def same_shape(name: str, array: Array, reference_name: str, reference: Array) -> None:
    """Refuse an array whose shape differs from that of the reference."""
    if array.shape != reference.shape:
        raise InputError(f"{name}: has shape {array.shape}, {reference_name} has {reference.shape}; expected the same")


def sample_mask(name: str, mask: Any, shape: tuple[int, ...]) -> Array:
    """Return a boolean mask (trial, time, unit) of ``shape`` from a mask of that shape or (trial, time)."""
    found = np.asarray(mask)
    if found.dtype != np.bool_:
        raise InputError(f"{name}: expected booleans (True keeps the entry), found dtype {found.dtype}")
    if found.shape not in (shape[:2], shape):
        raise InputError(f"{name}: expected shape {shape[:2]} or {shape}, found {found.shape}")
    return np.broadcast_to(found if found.ndim == 3 else found[:, :, np.newaxis], shape)


def label_codes(name: str, labels: Any, n: int, items: str = "trials") -> tuple[Array, Array]:
    """Return the different labels, sorted, and the number 0, 1, … of that of each item, (n,).

    Raises
    ------
    InputError
        If there is not one label for each of the ``n`` items, or one is NaN.
    """
    found = np.asarray(labels)
    if found.shape != (n,):
        raise InputError(f"{name}: expected one label for each of {n} {items}, found shape {found.shape}")
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise InputError(f"{name}: found nan at index {int(np.argmax(np.isnan(found)))}; drop {items} without a label")
    levels, codes = np.unique(found, return_inverse=True)
    return levels, codes


def choice(kind: str, value: object, valid: Iterable[str]) -> None:
    """Refuse a name that is not one of ``valid``, suggesting the nearest."""
    valid = tuple(valid)
    if value not in valid:
        raise InputError(unknown_name(kind, value, valid))


def positive(name: str, value: Any) -> float:
    """Return ``value`` as a float after checking that it is finite and above zero."""
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected a positive number, found {value!r}") from error
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name}: expected a positive number, found {value!r}")
    return number


def whole_number(name: str, value: Any, *, least: int, most: int | None = None) -> int:
    """Return an option as an int after checking that it is a whole number from ``least`` to ``most``."""
    number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not number or value < least or (most is not None and value > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise ConfigurationError(f"{name}: expected a whole number {limits}, found {value!r}")
    return int(value)


def distinct_names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Return one distinct name per array: ``names``, or "1", "2", … when None."""
    if names is None:
        return tuple(str(index + 1) for index in range(count))
    found = tuple(str(name) for name in names)
    if len(found) != count:
        raise InputError(f"names: expected {count} names, one per array, found {len(found)}")
    repeated = sorted({name for name in found if found.count(name) > 1})
    if repeated:
        raise InputError(f"names: expected distinct names, found {repeated[0]!r} more than once")
    return found
