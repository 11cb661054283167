"""Conditions on a circle: angles of a period, their order and spacing, and rotation to a preferred one."""

from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array

# Angles closer than this share of the period are the same.
_SAME = 1e-6


def checked_angles(angles: Any, n: int, period: float) -> Array:
    """Return (n,) float angles reduced to [0, period), after checking that there are ``n`` finite numbers.

    Raises
    ------
    InputError
        If they are not n finite real numbers or the period is not positive.
    """
    period = validation.positive("period", period)
    found = np.asarray(angles)
    if found.shape != (n,):
        raise InputError(f"angles: expected one for each of {n} trials, found shape {found.shape}")
    if found.dtype.kind not in "biuf":
        raise InputError(f"angles: expected numbers, found {found.dtype}; for names use alignment='ranked'")
    found = found.astype(np.float64)
    if not np.isfinite(found).all():
        index = int(np.argmax(~np.isfinite(found)))
        raise InputError(f"angles: found {found[index]} at index {index}; expected finite numbers: drop that trial")
    reduced = np.mod(found, period)
    # A hair below the period is 0: 2π − 1e-12 and 0 are one condition.
    return np.asarray(np.where(period - reduced < _SAME * period, 0.0, reduced))


def distinct_angles(angles: Array, period: float) -> tuple[Array, Array]:
    """Return the distinct angles, sorted, and the index of each trial's."""
    order = np.argsort(angles, kind="stable")
    ranked = angles[order]
    starts = np.concatenate([[True], np.diff(ranked) > _SAME * period])
    codes = np.empty(len(angles), dtype=np.intp)
    codes[order] = np.cumsum(starts) - 1
    return ranked[starts], codes


def refuse_uneven(conditions: Array, period: float) -> None:
    """Refuse conditions that do not go round the circle in equal steps: rotated ones would not correspond."""
    expected = conditions[0] + np.arange(len(conditions)) * period / len(conditions)
    if len(conditions) < 3 or np.abs(conditions - expected).max() > 1e-3 * period / len(conditions):
        shown = ", ".join(f"{value:.4g}" for value in conditions[:9]) + (", …" if len(conditions) > 9 else "")
        raise InputError(
            f"angles: expected at least 3 in equal steps round a circle of period {period:.6g}, found {shown}; for "
            "degrees pass period=360, for the numbers 0 … 7 of eight locations period=8, else alignment='ranked'"
        )


def signed_distance(angles: Array, centre: Array, period: float) -> Array:
    """Return angles − centre on the circle, in [−period / 2, period / 2)."""
    return np.asarray(np.mod(angles - centre + period / 2, period) - period / 2)


def centred_positions(n_conditions: int) -> Array:
    """Return the steps from the preferred condition, −n/2 … n/2; an even circle shows its far end on both sides."""
    half = n_conditions // 2
    return np.arange(-half, half + 1)
