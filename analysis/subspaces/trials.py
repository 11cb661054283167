"""Activity as trials: its padding, its conditions and their means."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..trial_time import sample_times
from ..validation import Array

_LARGEST = 1e75


@dataclass(frozen=True, eq=False)
class Trials:
    """Activity ``values`` (trial, time, unit) float64, NaN where ``valid`` (trial, time) is False."""

    values: Array
    valid: Array

    @property
    def samples(self) -> Array:
        """The valid samples, (sample, unit), trial by trial."""
        return self.values[self.valid]

    def each(self) -> Iterator[Array]:
        """Yield the valid samples of every trial, (sample, unit)."""
        return (values[valid] for values, valid in zip(self.values, self.valid, strict=True))

    def refuse_padding(self, name: str) -> None:
        """Refuse trials of different lengths, for analyses that need every time of every trial."""
        if not self.valid.all():
            trial, time = (int(index) for index in np.argwhere(~self.valid)[0])
            raise InputError(
                f"{name}: trial {trial} has no sample at time {time} (NaN in every unit); expected trials of equal "
                "length: choose an epoch that all trials have"
            )


@dataclass(frozen=True, eq=False)
class Conditions:
    """The condition of each trial: ``codes`` (trial,) are indices into ``names``."""

    names: tuple[str, ...]
    codes: Array

    @property
    def counts(self) -> Array:
        """Number of trials of each condition."""
        return np.bincount(self.codes, minlength=len(self.names))


def read_trials(name: str, activity: Any) -> Trials:
    """Return activity (trial, time, unit) as float64 with its padding marked.

    Raises
    ------
    InputError
        If it is not (trial, time, unit) of real numbers, a sample has NaN in some units but not in all, holds an
        infinite value or one that cannot be multiplied, or every unit is constant.
    """
    values = validation.trajectories(name, activity).astype(np.float64)
    missing = np.isnan(values)
    valid = np.asarray(~missing.all(axis=2))
    partial = (missing & valid[:, :, np.newaxis]) | np.isinf(values)
    wanted = "finite numbers, or padding (NaN in every unit): mask the sample or drop the unit"
    validation.refuse(name, values, partial, wanted)
    if not valid.any():
        raise InputError(f"{name}: every sample is NaN; expected activity")
    _refuse_extremes(name, values[valid])
    return _varying(f"{name}:", Trials(values, valid))


def conditions_of(labels: Any, n_trials: int) -> Conditions:
    """Return the conditions of labels (trial,), sorted."""
    values, codes = validation.label_codes("labels", labels, n_trials)
    return Conditions(tuple(str(value) for value in values), codes)


def condition_means(trials: Trials, conditions: Conditions) -> Trials:
    """Return the mean of each condition's valid samples, (condition, time, unit); NaN where there is none."""
    member = (conditions.codes == np.arange(len(conditions.names))[:, np.newaxis]).astype(np.float64)
    counts = member @ trials.valid
    filled = np.where(trials.valid[:, :, np.newaxis], trials.values, 0.0)
    sums = (member @ filled.reshape(len(filled), -1)).reshape(len(member), *filled.shape[1:])
    valid = counts > 0
    means = np.divide(sums, counts[:, :, np.newaxis], out=np.full_like(sums, np.nan), where=valid[:, :, np.newaxis])
    return _varying("labels: the means of conditions do not differ in any unit or time;", Trials(means, valid))


def _refuse_extremes(name: str, samples: Array) -> None:
    """Refuse values whose fourth powers, or whose differences' fourth powers, leave the range of floats."""
    largest, spread = np.abs(samples).max(), np.ptp(samples, axis=0).max()
    if largest > _LARGEST or 0 < spread < 1 / _LARGEST:
        raise InputError(
            f"{name}: values up to {largest:.3g} that differ by up to {spread:.3g} overflow or underflow when "
            "multiplied; expected other units of measurement: divide them by their standard deviation"
        )


def _varying(prefix: str, trials: Trials) -> Trials:
    samples = trials.samples
    if bool((samples == samples[0]).all()):
        raise InputError(f"{prefix} every unit is constant, so there is no variance to describe")
    return trials


def times_if_given(time: Any, n_samples: int) -> Array | None:
    """Return times (time,) in seconds, checked; None when there are none."""
    return None if time is None else sample_times(time, n_samples)[0]


def time_step(time: Any, n_samples: int) -> float:
    """Return the step between equally spaced times, s, after checking that there are at least 3."""
    times = times_if_given(time, n_samples)
    if times is None or n_samples < 3:
        raise InputError(f"time: expected the times of at least 3 samples in seconds, found {n_samples} samples")
    steps = np.diff(times)
    if np.ptp(steps) > 1e-6 * steps.mean():
        raise InputError(f"time: steps differ ({steps.min():.6g} to {steps.max():.6g} s); expected equal steps")
    return float(steps.mean())


def stratified_folds(codes: Array, n_folds: int, generator: np.random.Generator) -> Array:
    """Return the fold (trial,) of each trial: trials of every condition are dealt out evenly, in random order."""
    order = generator.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    folds = np.empty(len(codes), dtype=np.intp)
    # Dealing goes on from one condition to the next, so folds differ by one trial at most.
    folds[order] = np.arange(len(codes)) % n_folds
    return folds
