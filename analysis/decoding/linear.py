"""Decoders in closed form: linear discriminant analysis, ridge regression on the labels, nearest centroid.

Each fits the training trials of some folds at one time, for one or many sets of labels, and answers with linear
discriminants. Codes of training trials are (fold, set, place): 0, 1, … for classes, −1 where there is no trial.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from ..samples import row_chunks
from ..validation import Array
from . import covariance
from .projected_ridge import projected_solutions, within_class_solutions
from .training import Moment, TrainingSets, TrainingTrials, training_trials

# Scatter within classes below this share of all scatter is rounding: the classes do not vary.
_NO_SCATTER = 1e-12
# Numbers in the largest temporary array of leave-one-out solutions: 32 MB.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Discriminants:
    """The class of a trial is the one with the largest weights · activity + offset, the first where they tie.

    ``weights`` (fold, set, class, unit) act on activity minus its mean at the training time; ``offsets`` (fold, set,
    class). ``degenerate`` counts the fits whose classes do not vary, where the nearest centroid stands in.
    """

    weights: Array
    offsets: Array
    degenerate: int = 0


Fit = Callable[[Array], Discriminants]
"""Codes of training trials → discriminants."""


class LinearDecoder(Protocol):
    """A decoder with a closed form."""

    leaves_one_out: ClassVar[bool]
    """Whether :meth:`leave_one_out` is there; without it each trial left out takes a fit."""

    def prepare(self, moment: Moment, trials: TrainingTrials, n_classes: int, *, many: bool) -> Fit:
        """Return the fit to training trials; ``many`` says that it will see more than one set of labels."""
        ...

    def leave_one_out(self, moment: Moment, codes: Array, n_classes: int) -> Discriminants:
        """Return the discriminants fitted without each trial in turn, (1, trial, class, unit), by one factorisation."""
        ...


@dataclass(frozen=True)
class FixedShrinkage:
    """Linear discriminant analysis with covariance (1 − γ) S + γ tr(S)/p I, S within classes, weighted by class size.

    Class probabilities are those of the training trials. As scikit-learn's ``LinearDiscriminantAnalysis`` with
    ``solver="lsqr"``, but where no trial differs from others of its class: the limit is the nearest class mean.
    """

    shrinkage: float
    leaves_one_out: ClassVar[bool] = True

    def prepare(self, moment: Moment, trials: TrainingTrials, n_classes: int, *, many: bool) -> Fit:
        """See :class:`LinearDecoder`."""
        sets = moment.training(trials, many=many)

        def fit(codes: Array) -> Discriminants:
            return self._discriminants(sets, _members(codes, n_classes))

        return fit

    def leave_one_out(self, moment: Moment, codes: Array, n_classes: int) -> Discriminants:
        """See :class:`LinearDecoder`. A trial left out is one more direction that the scatter loses."""
        n = len(codes)
        sets = moment.training(_everyone(n), many=True)
        members = _members(codes[None, None], n_classes)
        parts = [
            self._discriminants(sets, _without_each(members, start, stop), _unit_vectors(n, start, stop))
            for start, stop in row_chunks(n, max(1, _BLOCK // (n * (n_classes + 1))))
        ]
        weights = np.concatenate([part.weights for part in parts], axis=1)
        offsets = np.concatenate([part.offsets for part in parts], axis=1)
        return Discriminants(weights, offsets, sum(part.degenerate for part in parts))

    def _discriminants(self, sets: TrainingSets, members: Array, left_out: Array | None = None) -> Discriminants:
        counts = members.sum(axis=1)  # (fold, set, class)
        roots, n = np.sqrt(counts), counts.sum(axis=2)
        n_classes, p = counts.shape[2], sets.moment.rows.shape[1]
        columns = members / roots[:, None]
        projected = sets.rotated(columns if left_out is None else np.concatenate([columns, left_out], axis=3))
        lifted = sets.factor.lift(projected)
        total = sets.factor.traces[:, None]
        within = total - np.einsum("fasc,fasc->fs", projected, lifted)
        flat = within <= _NO_SCATTER * total
        # All of it times n: (1 − γ) scatter + γ tr(scatter)/p I.
        ridge = self.shrinkage / p * np.where(flat, 1.0, within)
        solutions, products = within_class_solutions(
            sets.factor, projected, lifted, n_classes, 1 - self.shrinkage, ridge
        )
        weights = sets.weights(solutions * (n[..., None] / roots)[:, None])
        log_shares = np.log(counts / n[..., None])
        offsets = log_shares - np.einsum("fscc->fsc", products) * (n[..., None] / (2 * counts))
        if flat.any():
            nearest = _centroids(sets.moment, sets.trials, members)
            weights[flat] = nearest.weights[flat]
            offsets[flat] = np.where(total[..., None] > 0, nearest.offsets, log_shares)[flat]
        return Discriminants(weights, offsets, int(flat.sum()))


@dataclass(frozen=True)
class OwnCovariance:
    """Linear discriminant analysis whose covariance shares nothing between label sets.

    ``automatic``: the shrinkage of Ledoit and Wolf in each class, units standardised; otherwise none. As scikit-learn's
    ``LinearDiscriminantAnalysis`` with ``solver="lsqr"`` and ``shrinkage="auto"`` or None.
    """

    automatic: bool
    leaves_one_out: ClassVar[bool] = False

    def prepare(self, moment: Moment, trials: TrainingTrials, n_classes: int, *, many: bool) -> Fit:
        """See :class:`LinearDecoder`."""

        def fit(codes: Array) -> Discriminants:
            shape = (*codes.shape[:2], n_classes)
            weights, offsets, degenerate = np.empty((*shape, moment.rows.shape[1])), np.empty(shape), 0
            for fold, of_fold in enumerate(codes):
                here = trials.present[fold] > 0
                rows = moment.rows[trials.indices[fold, here]]
                for label_set, row in enumerate(of_fold):
                    found = covariance.discriminants(rows, row[here], n_classes, automatic=self.automatic)
                    weights[fold, label_set], offsets[fold, label_set] = found[:2]
                    degenerate += found[2]
            return Discriminants(weights, offsets, degenerate)

        return fit

    def leave_one_out(self, moment: Moment, codes: Array, n_classes: int) -> Discriminants:
        """There is none."""
        raise NotImplementedError


@dataclass(frozen=True)
class Ridge:
    """Ridge regression of ±1, each class against the others: scikit-learn's ``RidgeClassifier``."""

    alpha: float
    leaves_one_out: ClassVar[bool] = True

    def prepare(self, moment: Moment, trials: TrainingTrials, n_classes: int, *, many: bool) -> Fit:
        """See :class:`LinearDecoder`. The matrix does not depend on labels: one Cholesky factor serves all sets."""
        sets = moment.training(trials, many=False)
        seen = trials.present[:, :, None, None]

        def fit(codes: Array) -> Discriminants:
            return self._discriminants(sets, seen, seen * (2 * _members(codes, n_classes) - 1))

        return fit

    def leave_one_out(self, moment: Moment, codes: Array, n_classes: int) -> Discriminants:
        """See :class:`LinearDecoder`."""
        n = len(codes)
        sets = moment.training(_everyone(n), many=False)
        seen = _without_each(np.ones((1, n, 1, 1)), 0, n)
        targets = 2 * _members(codes[None, None], n_classes) - 1
        return self._discriminants(sets, seen, seen * targets, _unit_vectors(n, 0, n))

    def _discriminants(
        self, sets: TrainingSets, seen: Array, targets: Array, left_out: Array | None = None
    ) -> Discriminants:
        """``seen`` (fold, place, 1 or set, 1) is 1 for training trials; ``targets`` (fold, place, set, class)."""
        n = seen.sum(axis=1)
        means = targets.sum(axis=1) / n  # (fold, set, class)
        mean_rows = sets.moment.weights(sets.trials, seen / n[:, None])  # (fold, 1 or set, 1, unit)
        constant = seen / np.sqrt(n)[:, None]
        columns = constant if left_out is None else np.concatenate([constant, left_out], axis=3)
        solutions = projected_solutions(
            sets.factor,
            sets.rotated(columns),
            sets.rotated(targets - seen * means[:, None]),
            np.full((len(n), 1), self.alpha),
        )
        weights = sets.weights(solutions)
        return Discriminants(weights, means - (weights @ mean_rows.swapaxes(2, 3))[..., 0])


@dataclass(frozen=True)
class NearestCentroid:
    """The class whose mean is nearest: scikit-learn's ``NearestCentroid``."""

    leaves_one_out: ClassVar[bool] = True

    def prepare(self, moment: Moment, trials: TrainingTrials, n_classes: int, *, many: bool) -> Fit:
        """See :class:`LinearDecoder`."""

        def fit(codes: Array) -> Discriminants:
            return _centroids(moment, trials, _members(codes, n_classes))

        return fit

    def leave_one_out(self, moment: Moment, codes: Array, n_classes: int) -> Discriminants:
        """See :class:`LinearDecoder`."""
        n = len(codes)
        return _centroids(moment, _everyone(n), _without_each(_members(codes[None, None], n_classes), 0, n))


def _centroids(moment: Moment, trials: TrainingTrials, members: Array) -> Discriminants:
    """Return the discriminants of the nearest mean; ``members`` (fold, place, set, class) is 1 for those of a class."""
    means = moment.weights(trials, members / members.sum(axis=1, keepdims=True))
    return Discriminants(means, -np.square(means).sum(axis=-1) / 2)


def _members(codes: Array, n_classes: int) -> Array:
    """Return 1 where a training trial is of a class, else 0, (fold, place, set, class)."""
    return np.asarray(codes.swapaxes(1, 2)[..., None] == np.arange(n_classes), dtype=np.float64)


def _everyone(n: int) -> TrainingTrials:
    return training_trials([np.arange(n)], n)


def _without_each(columns: Array, start: int, stop: int) -> Array:
    """Return columns (1, trial, 1, column) without trial ``start``, …, ``stop`` − 1, (1, trial, left out, column)."""
    left = np.repeat(columns, stop - start, axis=2)
    left[:, np.arange(start, stop), np.arange(stop - start)] = 0
    return left


def _unit_vectors(n: int, start: int, stop: int) -> Array:
    """Return the unit vectors of trials ``start``, …, ``stop`` − 1 (1, trial, left out, 1)."""
    vectors = np.zeros((1, n, stop - start, 1))
    vectors[:, np.arange(start, stop), np.arange(stop - start)] = 1
    return vectors
