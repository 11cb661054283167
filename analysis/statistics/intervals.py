"""Confidence intervals read from a bootstrap distribution."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..validation import Array

INTERVALS = ("percentile", "expanded", "bca")


@dataclass(frozen=True, eq=False)
class Interval:
    """A statistic with its bootstrap interval.

    ``estimate``, ``low`` and ``high`` (…) are the statistic of the data and the bounds of the interval of confidence
    ``level``; ``resamples`` (resample, …) is the statistic of every resample.
    """

    estimate: Any
    low: Any
    high: Any
    resamples: Array
    level: float = 0.95


def bounds(
    estimate: Array, resamples: Array, level: float, kind: str, n_units: int, jackknife: Callable[[], Array]
) -> tuple[Any, Any]:
    """Return the lower and upper bound, each (…), of an interval of one of :data:`INTERVALS`.

    Parameters
    ----------
    estimate : (…)
    resamples : (resample, …)
    level : float
    kind : str
    n_units : int
        How many independent units were drawn from.
    jackknife : callable
        Returns the statistic without each unit, (unit, …); called for "bca" only.
    """
    tail = (1 - level) / 2
    if kind == "bca":
        low, high = _bca_levels(estimate, resamples, tail, jackknife())
        ranked = np.sort(resamples, axis=0)
        return _quantile(ranked, low), _quantile(ranked, high)
    if kind == "expanded":
        tail = _expanded_tail(tail, n_units)
    low, high = np.quantile(resamples, [tail, 1 - tail], axis=0)
    return low[()], high[()]


def _expanded_tail(tail: float, n: int) -> float:
    """Return the tail that makes the interval of a mean as wide as Student's (Hesterberg 2015)."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))


def _bca_levels(estimate: Array, resamples: Array, tail: float, left_out: Array) -> tuple[Array, Array]:
    """Return the quantile levels of the BCa interval, each (…), as Efron 1987 defines them."""
    from scipy.special import ndtr, ndtri

    n = len(resamples)
    below = ((resamples < estimate).sum(axis=0) + (resamples <= estimate).sum(axis=0)) / (2 * n)
    # An estimate beyond all resamples would give an infinite bias: half a resample is the least that n can tell.
    bias = ndtri(np.clip(below, 0.5 / n, 1 - 0.5 / n))
    influence = left_out.mean(axis=0) - left_out
    spread = 6 * (influence**2).sum(axis=0) ** 1.5
    skew = np.divide((influence**3).sum(axis=0), spread, out=np.zeros_like(spread), where=spread > 0)
    low, high = (ndtr(bias + (bias + edge) / (1 - skew * (bias + edge))) for edge in (ndtri(tail), ndtri(1 - tail)))
    return low, high


def _quantile(ranked: Array, level: Array) -> Any:
    """Return quantiles of sorted values (resample, …) at a level for each entry, (…), by linear interpolation."""
    place = level * (len(ranked) - 1)
    lower = np.floor(place).astype(np.intp)
    upper = np.minimum(lower + 1, len(ranked) - 1)
    before, after = (np.take_along_axis(ranked, at[np.newaxis], axis=0)[0] for at in (lower, upper))
    return (before + (place - lower) * (after - before))[()]
