"""What the tests compare: one number per trial and unit (and time), with the condition of each trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..trial_time import sample_times, samples_of
from ..validation import Array


@dataclass(frozen=True)
class Factor:
    """A condition of the trials: its name, its levels in sorted order and each trial's level (an index)."""

    name: str
    levels: Array
    codes: Array

    @property
    def level_names(self) -> tuple[str, ...]:
        """The levels as text."""
        return tuple(str(level) for level in self.levels.tolist())


def response_array(name: str, values: Any, *, check_finite: bool = True) -> Array:
    """Return ``values`` in memory after checking that it is (trial,), (trial, unit) or (trial, time, unit), finite.

    With ``check_finite=False`` the caller checks, from sums that it makes anyway, and calls :func:`refuse_non_finite`.
    """
    found = np.asarray(validation.sliceable(name, values)[...])
    if found.ndim not in (1, 2, 3) or 0 in found.shape:
        raise InputError(
            f"{name}: expected (trial,), (trial, unit) or (trial, time, unit) with no empty axis, "
            f"found shape {found.shape}"
        )
    validation.real_numbers(name, found)
    if check_finite:
        refuse_non_finite(name, found)
    return found


def refuse_non_finite(name: str, values: Array) -> None:
    """Refuse NaN and infinity, naming the first."""
    validation.refuse(name, values, ~np.isfinite(values), "finite numbers: drop that trial, time or unit")


def with_both_axes(values: Array) -> Array:
    """Return ``values`` as (trial, time, unit), missing axes of length 1."""
    return values.reshape(len(values), -1, values.shape[-1] if values.ndim > 1 else 1)


def factor(name: str, labels: Any, n_trials: int, *, least: int = 2) -> Factor:
    """Return a factor after checking that there is one label per trial and at least ``least`` levels."""
    found = np.asarray(labels)
    if found.dtype.kind not in "biufUS":
        found = found.astype(str)
    levels, codes = validation.label_codes(name, found, n_trials)
    if len(levels) < least:
        shown = ", ".join(str(level) for level in levels.tolist())
        raise InputError(f"{name}: expected at least {least} different labels, found {len(levels)} ({shown})")
    return Factor(name, levels, codes)


def factors_of(factors: Any, n_trials: int) -> tuple[Factor, ...]:
    """Return the factors of a mapping from name to labels; a plain array of labels is the factor "condition"."""
    named = factors if isinstance(factors, Mapping) else {"condition": factors}
    if not named:
        raise InputError("factors: expected at least one, as in {'stimulus': labels}")
    for name in named:
        if not isinstance(name, str) or not name or ":" in name:
            raise InputError(f"factors: expected names without ':' (it joins interactions), found {name!r}")
    return tuple(factor(name, labels, n_trials) for name, labels in named.items())


def epoch_means(name: str, activity: Any, time: Any, epoch: Any, what: str) -> Array:
    """Return the mean of activity (trial, time, unit) over an epoch, (trial, unit) float64.

    Parameters
    ----------
    activity
        (trial, time, unit). NaN outside the epoch (the padding of short trials) is not looked at.
    time
        (time,) s, increasing; None counts samples, and epochs with them.
    epoch
        (start, stop) in s, or (trial, 2) where trials differ; samples with start ≤ t < stop.
    what
        What to call the epoch in errors.

    Raises
    ------
    InputError
        If shapes disagree, a trial has no sample in the epoch, or there is NaN or infinity in it.
    """
    array = validation.sliceable(name, activity)
    shape = tuple(array.shape)
    if len(shape) != 3 or 0 in shape:
        raise InputError(f"{name}: expected (trial, time, unit) with no empty axis, found shape {shape}")
    validation.real_numbers(name, array)
    times, _ = sample_times(time, shape[1])
    inside = samples_of(times, epoch, shape[0], what, every=True)
    # Only what lies between the first and the last sample that any trial needs is read.
    first, last = np.flatnonzero(inside.any(axis=0))[[0, -1]]
    part, inside = np.asarray(array[:, first : last + 1]), inside[:, first : last + 1]
    bad = ~np.isfinite(part) & inside[:, :, np.newaxis]
    if bad.any():
        trial, sample, unit = (int(index) for index in np.argwhere(bad)[0])
        raise InputError(
            f"{name}: found {part[trial, sample, unit]} at index ({trial}, {sample + int(first)}, {unit}), in {what}; "
            "expected finite numbers: drop that trial or unit, or choose another epoch"
        )
    if inside.all():
        return np.asarray(part.mean(axis=1, dtype=np.float64))
    kept = np.where(inside[:, :, np.newaxis], part, 0)
    return np.asarray(kept.sum(axis=1, dtype=np.float64) / inside.sum(axis=1)[:, np.newaxis])
