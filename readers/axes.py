"""Which axis of an array is which: declared by the user, or found from the lengths of what belongs to each."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy.typing as npt

from ..errors import InputError, unknown_name

Array = npt.NDArray[Any]
Axes = tuple[str, ...]

STANDARD: Axes = ("trial", "time", "unit")


def parse_axes(given: str | Sequence[str]) -> Axes:
    """Return the names of axes from ``"unit,time,trial"`` or a list: some of trial, time, unit, none twice.

    Raises
    ------
    InputError
        If a name is another one or comes twice, or there is none.

    Examples
    --------
    >>> parse_axes("unit, time, trial")
    ('unit', 'time', 'trial')
    """
    names = tuple(name.strip() for name in (given.split(",") if isinstance(given, str) else given))
    for name in names:
        if name not in STANDARD:
            raise InputError(f"axes: {unknown_name('axis', name, STANDARD)}")
    if len(set(names)) != len(names) or not names:
        raise InputError(f"axes: found {','.join(names)!r}, expected each of trial, time, unit at most once")
    return names


def standard_order(array: Array, axes: Axes, where: str) -> Array:
    """Return the array as (trial, time, unit); an axis that is not named has length 1.

    Axes of length 1 at the end, which MATLAB drops, are put back, and those in excess are dropped.

    Raises
    ------
    InputError
        If the array has more or fewer axes than are named.
    """
    shape = array.shape
    if len(shape) < len(axes):
        shape = (*shape, *(1,) * (len(axes) - len(shape)))
    elif len(shape) > len(axes):
        long = tuple(length for length in shape if length > 1)
        shape = long if len(long) == len(axes) or array.size != 1 else (1,) * len(axes)
    if len(shape) != len(axes):
        raise InputError(f"{where}: found shape {array.shape}, expected {len(axes)} axes ({', '.join(axes)})")
    full = (*axes, *(name for name in STANDARD if name not in axes))
    array = array.reshape(shape + (1,) * (len(full) - len(axes)))
    return array.transpose([full.index(name) for name in STANDARD])


def infer_axes(
    shape: Sequence[int], *, n_samples: int | None, trial_lengths: Collection[int], unit_lengths: Collection[int]
) -> Axes | None:
    """Return the axes of an array when lengths leave one answer, None when they leave none or several.

    Parameters
    ----------
    shape
        Of the array: two or three axes.
    n_samples
        How many sample times there are, None when they are not known.
    trial_lengths, unit_lengths
        Lengths of vectors that are known to belong to trials, to units, or (in both) to either.

    Examples
    --------
    >>> infer_axes((30, 100, 12), n_samples=100, trial_lengths={12}, unit_lengths=set())
    ('unit', 'time', 'trial')
    """
    possible = {
        "time": [axis for axis, length in enumerate(shape) if length == n_samples],
        "trial": [axis for axis, length in enumerate(shape) if length in trial_lengths],
        "unit": [axis for axis, length in enumerate(shape) if length in unit_lengths],
    }
    names = STANDARD if len(shape) == 3 else ("time", "unit") if n_samples is not None else ("trial", "unit")
    fitting = [order for order in _orders(names) if _score(order, possible) == _needed(names, possible)]
    return fitting[0] if len(fitting) == 1 and _needed(names, possible) >= len(names) - 1 else None


def _orders(names: Sequence[str]) -> list[Axes]:
    if len(names) == 1:
        return [tuple(names)]
    return [
        (first, *rest) for index, first in enumerate(names) for rest in _orders([*names[:index], *names[index + 1 :]])
    ]


def _score(order: Axes, possible: dict[str, list[int]]) -> int:
    """Return how many axes have a length that speaks for their name."""
    return sum(axis in possible[name] for axis, name in enumerate(order))


def _needed(names: Sequence[str], possible: dict[str, list[int]]) -> int:
    return sum(bool(possible[name]) for name in names)
