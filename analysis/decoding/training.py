"""The training trials of several folds at one time, and the factorisation that all their label sets share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..validation import Array
from .projected_ridge import Factorisation, ManySolves, OneSolve, times


@dataclass(frozen=True, eq=False)
class TrainingTrials:
    """The training trials of some folds, ``indices`` (fold, place).

    Folds with fewer trials than others are filled up with trial ``n_trials``, which does not exist: silence.
    """

    indices: Array
    n_trials: int

    @cached_property
    def present(self) -> Array:
        """1 for a trial, 0 where there is none (fold, place)."""
        return (self.indices < self.n_trials).astype(np.float64)

    @cached_property
    def pairs(self) -> Array:
        """Where the product of two trials is among the flattened products of all trials (fold, place, place)."""
        pairs: Array = self.indices[:, :, None] * (self.n_trials + 1) + self.indices[:, None, :]
        return pairs

    def of(self, columns: Array) -> Array:
        """Return columns (…, trial) of the training trials, (fold, …, place); −1 where there is none."""
        padded = np.concatenate([columns, np.full((*columns.shape[:-1], 1), -1)], axis=-1)
        return np.moveaxis(padded[..., self.indices], -2, 0)


def training_trials(train: Sequence[Array], n_trials: int) -> TrainingTrials:
    """Return the training trials of folds as one array."""
    indices = np.full((len(train), max(map(len, train))), n_trials)
    for row, trials in zip(indices, train, strict=True):
        row[: len(trials)] = trials
    return TrainingTrials(indices, n_trials)


class Moment:
    """All trials at one window, ``rows`` (trial, unit) float64, with the silent trial at the end."""

    def __init__(self, activity: Array) -> None:
        self.rows = np.zeros((len(activity) + 1, activity.shape[1]))
        self.rows[:-1] = activity

    @cached_property
    def gram(self) -> Array:
        """Inner products of all trials (trial, trial)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self.rows @ self.rows.T)

    def training(self, trials: TrainingTrials, *, many: bool) -> "TrainingSets":
        """Return training trials of some folds, factorised for one label set or for ``many``."""
        factorisation = ManySolves if many else OneSolve
        if self.rows.shape[1] < trials.indices.shape[1]:
            rows = self.rows[trials.indices]
            with np.errstate(over="ignore", invalid="ignore"):
                scatter = rows.transpose(0, 2, 1) @ rows
            return TrainingSets(self, trials, factorisation(scatter, over_trials=False))
        # Taking by one flat index is eight times faster than by rows and columns.
        return TrainingSets(self, trials, factorisation(self.gram.take(trials.pairs), over_trials=True))

    def weights(self, trials: TrainingTrials, columns: Array) -> Array:
        """Return columns over trials (fold, place, set, class) as weights of units (fold, set, class, unit)."""
        n_folds, _, n_sets, n_classes = columns.shape
        spread = np.zeros((n_folds, len(self.rows), n_sets * n_classes))
        np.put_along_axis(spread, trials.indices[:, :, None], columns.reshape(*columns.shape[:2], -1), axis=1)
        flat = spread.transpose(0, 2, 1).reshape(-1, len(self.rows)) @ self.rows
        return flat.reshape(n_folds, n_sets, n_classes, -1)

    def standardized(self, trials: Array) -> tuple["Moment", Array]:
        """Return all trials with units divided by their deviation over ``trials``, and these deviations (unit,).

        Units that do not vary are left as they are.
        """
        rows = self.rows[trials]
        scale = rows.std(axis=0)
        scale[scale <= 10 * np.finfo(np.float64).eps * np.abs(rows).max(axis=0)] = 1
        return Moment(self.rows[:-1] / scale), scale


@dataclass(frozen=True, eq=False)
class TrainingSets:
    """Training trials of some folds at one window, and their factorisation."""

    moment: Moment
    trials: TrainingTrials
    factor: Factorisation

    def rotated(self, columns: Array) -> Array:
        """Return columns over trials (fold, place, set, column) in the coordinates of the factorisation."""
        if not self.factor.over_trials:
            columns = times(self.moment.rows[self.trials.indices].transpose(0, 2, 1), columns)
        return self.factor.rotate(columns)

    @cached_property
    def _basis(self) -> Array:
        """The rows that rotated columns are coordinates of (fold, axis, unit)."""
        if self.factor.over_trials:
            return self.factor.onto(self.moment.rows[self.trials.indices])
        return self.factor.onto(np.eye(self.moment.rows.shape[1])[None])

    def weights(self, rotated: Array) -> Array:
        """Return rotated columns (fold, axis, set, class) as weights of units (fold, set, class, unit)."""
        if isinstance(self.factor, OneSolve):  # rotation does nothing, and one product serves all folds
            if self.factor.over_trials:
                return self.moment.weights(self.trials, rotated)
            return np.ascontiguousarray(rotated.transpose(0, 2, 3, 1))
        flat = rotated.reshape(*rotated.shape[:2], -1).transpose(0, 2, 1) @ self._basis
        return np.asarray(flat).reshape(len(flat), *rotated.shape[2:], -1)
