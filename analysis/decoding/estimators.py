"""Decoders that scikit-learn fits: one fit for each fold, training time and label set, one prediction for all times."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..validation import Array
from .folds import Folds
from .linear import FixedShrinkage, NearestCentroid, OwnCovariance, Ridge
from .predictions import Block, Predict, linear_predictions
from .windows import Windows


def predictor(windows: Windows, decoder: Any, *, standardize: bool = False) -> Predict:
    """Return the function from folds and label sets to predictions, for a closed-form decoder or an estimator."""
    if isinstance(decoder, (FixedShrinkage, OwnCovariance, Ridge, NearestCentroid)):
        return lambda folds, labels: linear_predictions(windows, decoder, folds, labels, standardize=standardize)
    return lambda folds, labels: _estimator_predictions(windows, _pipeline(decoder, standardize), folds, labels)


def _pipeline(estimator: Any, standardize: bool) -> Any:  # noqa: FBT001
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), estimator) if standardize else estimator


def _estimator_predictions(windows: Windows, estimator: Any, folds: Folds, labels: Array) -> Iterator[Block]:
    for index, (train, test) in enumerate(folds):
        training, tested = windows.activity(train), windows.activity(test)
        for time in range(windows.count):
            for row, codes in enumerate(labels):
                fitted, converged = fit(estimator, training[:, time], codes[train])
                chosen = fitted.predict(tested.reshape(-1, tested.shape[2])).reshape(tested.shape[:2])
                fold, at, label_set = (slice(entry, entry + 1) for entry in (index, time, row))
                yield Block(fold, test, at, label_set, np.asarray(chosen)[None, None], int(not converged))


def fit(estimator: Any, rows: Array, codes: Array) -> tuple[Any, bool]:
    """Return a fitted copy of ``estimator``, and whether it converged."""
    from sklearn.base import clone
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        fitted = clone(estimator).fit(rows, codes)
    others = [warning for warning in caught if not issubclass(warning.category, ConvergenceWarning)]
    for warning in others:
        warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return fitted, len(others) == len(caught)
