"""The cross-temporal scheme of a published study of maturing networks: decoders are tested on their training trials."""

import numpy as np

from ..validation import Array
from .estimators import fit
from .folds import Folds
from .windows import Windows


def published_scores(windows: Windows, estimator: object, folds: Folds) -> Array:
    """Return the accuracy (1, train time, test time): at its own time on held-out trials, elsewhere on all trials.

    Neighbouring times share most of a trial's noise, so that cells near the diagonal are too high: with slow noise and
    nothing to decode far above chance. For comparison with published figures only.
    """
    ((train, test),) = folds
    everyone = windows.activity(np.arange(len(folds.codes)))
    n, count, p = everyone.shape
    scores = np.empty((1, count, count))
    for time in range(count):
        fitted, _ = fit(estimator, everyone[train, time], folds.codes[train])
        right = fitted.predict(everyone.reshape(-1, p)).reshape(n, count) == folds.codes[:, None]
        scores[0, time] = right.mean(axis=0)
        scores[0, time, time] = right[test, time].mean()
    return scores


def first_of_each_class(codes: Array, count: int = 2) -> tuple[Array, Array]:
    """Return (train, test) trials: the first ``count`` of each class test."""
    rank = np.empty(len(codes), np.int64)
    for label in np.unique(codes):
        members = np.flatnonzero(codes == label)
        rank[members] = np.arange(len(members))
    return np.flatnonzero(rank >= count), np.flatnonzero(rank < count)
