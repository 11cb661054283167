"""Means over the trials of each condition, with standard errors and numbers of trials; NaN is missing."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..validation import Array


@dataclass(frozen=True, eq=False)
class Averages:
    """Each (condition, time, unit): ``mean``, its standard error ``sem``, and the number of trials behind them.

    ``mean`` is NaN without a trial, ``sem`` with fewer than two.
    """

    mean: Array
    sem: Array
    n_trials: Array

    @property
    def variance(self) -> Array:
        """Variance over trials (n − 1), (condition, time, unit)."""
        return np.asarray(np.square(self.sem) * self.n_trials)


def averages(values: Array, codes: Array, n_conditions: int) -> Averages:
    """Return the averages of (trial, time, unit) float64 over the trials of each condition 0 … ``n_conditions`` − 1."""
    shape = (n_conditions, *values.shape[1:])
    mean, sem, n_trials = np.empty(shape), np.empty(shape), np.empty(shape, np.int64)
    for code in range(n_conditions):
        own = values[codes == code]  # a copy, free to be changed
        missing = np.isnan(own)
        count: Any = len(own)
        if missing.any():
            own[missing] = 0
            count = count - missing.sum(axis=0)
        n_trials[code] = count
        mean[code] = divide(own.sum(axis=0), n_trials[code])
        own -= mean[code]
        own[missing] = 0
        squares = np.einsum("itu,itu->tu", own, own)
        sem[code] = np.sqrt(divide(squares, (n_trials[code] - 1) * n_trials[code]))
    return Averages(mean, sem, n_trials)


def sums(values: Array, codes: Array, n_conditions: int) -> Array:
    """Return the sums of (trial, …) over the trials of each condition, (condition, …)."""
    return np.stack([values[codes == code].sum(axis=0) for code in range(n_conditions)])


def divide(top: Any, bottom: Any) -> Array:
    """Return ``top / bottom``, NaN where ``bottom`` is not above 0."""
    top, bottom = np.broadcast_arrays(np.asarray(top, dtype=float), bottom)
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0))
