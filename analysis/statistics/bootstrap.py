"""Bootstrap intervals, of independent values and of values in groups within groups."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..validation import Array
from .intervals import INTERVALS, Interval, bounds
from .nesting import Nesting
from .streams import generators

RESAMPLED = ("all", "outermost")

_BLOCK_ENTRIES = 2**20


def bootstrap_interval(
    values: Any,
    statistic: Callable[..., Any] = np.mean,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    *,
    interval: str = "percentile",
) -> Interval:
    """Return a statistic of independent values with its bootstrap interval.

    Parameters
    ----------
    values : (n, …)
        Independent along the first axis.
    statistic : callable
        Maps values (m, …) to a number or array; called with ``axis=0`` when it takes an ``axis``. Means are fast.
    n_resamples : int
    seed : int
    level : float
        Confidence of the interval, between 0 and 1.
    interval : {"percentile", "expanded", "bca"}
        "percentile": quantiles of the resampled statistic; too narrow for few values (for a mean, by the factor
        √((n − 1)/n) · z/t). "expanded": quantiles further out, which undo that for means (Hesterberg 2015; with
        fewer than ~8 values they are close to the extremes: take more resamples). "bca": corrected for bias and skew
        (Efron 1987), for n ≳ 20.

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        If values have fewer than two entries, or the statistic is not finite. NaN in ``values`` is refused for the
        default mean; another statistic may handle it.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    O(n_resamples · entries) and memory of n_resamples statistics. Source: Efron and Tibshirani 1993.

    Examples
    --------
    >>> found = bootstrap_interval(np.arange(20.0), np.median)
    >>> float(found.estimate), float(found.low), float(found.high)
    (9.5, 5.5, 13.5)
    """
    return _bootstrap(values, [], statistic, n_resamples, seed, level, interval, outermost_only=False)


def hierarchical_bootstrap(
    values: Any,
    groups: Any,
    statistic: Callable[..., Any] = np.mean,
    n_resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    *,
    interval: str = "percentile",
    resampled: str = "all",
) -> Interval:
    """Return a statistic of values that lie in groups within groups, with its bootstrap interval.

    A resample draws outermost groups with replacement, then groups within each of those, and so on down to values:
    values of one network or seed are not independent, and treating them as such makes intervals far too narrow.

    Parameters
    ----------
    values : (n, …)
    groups : (level, n), or one (n,) per level
        Labels, outermost level first (seed, then network). An inner label counts within its outer group only.
    statistic, n_resamples, seed, level, interval
        As for :func:`bootstrap_interval`; "expanded" and "bca" count outermost groups. The default, the mean over all
        values, weighs groups by their size; for equal weights average within groups first.
    resampled : {"all", "outermost"}
        "all" draws at every level (Saravanan, Berman and Sober 2020). Inner spread then counts twice, once in the
        spread of the group means and once more: intervals are safe, and wide when inner spread dominates.
        "outermost" draws whole outermost groups, which for groups of equal size gives the right variance of a mean up
        to the factor (G − 1)/G (Davison and Hinkley 1997, §3.8), which ``interval="expanded"`` removes.

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        As :func:`bootstrap_interval`; labels that do not match the values, or fewer than two outermost groups.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    With "all" and groups of equal size, the variance of the resampled mean is the sum over levels of
    (mean over parents of the variance among their children's means) / (number of children at that level).
    "outermost" has the first term only. Time as :func:`bootstrap_interval`.

    Examples
    --------
    >>> seeds, networks = np.repeat([0, 1, 2], 4), np.tile([0, 0, 1, 1], 3)
    >>> found = hierarchical_bootstrap(np.arange(12.0), [seeds, networks])
    >>> float(found.estimate), bool(found.low < 3 < 8 < found.high)
    (5.5, True)
    """
    validation.choice("resampled levels", resampled, RESAMPLED)
    levels = list(groups)
    if not levels:
        raise InputError("groups: expected labels of at least one level, found none; see bootstrap_interval")
    if np.ndim(levels[0]) == 0:
        levels = [groups]
    outermost_only = resampled == "outermost"
    return _bootstrap(values, levels, statistic, n_resamples, seed, level, interval, outermost_only=outermost_only)


def _bootstrap(
    values: Any,
    groups: Sequence[Any],
    statistic: Callable[..., Any],
    n_resamples: int,
    seed: int,
    level: float,
    interval: str,
    *,
    outermost_only: bool,
) -> Interval:
    validation.choice("interval", interval, INTERVALS)
    n_resamples = validation.whole_number("n_resamples", n_resamples, least=1)
    if not isinstance(level, (float, np.floating)) or not 0 < level < 1:
        raise ConfigurationError(f"level: expected a confidence between 0 and 1, found {level!r}")
    data = _values(values, statistic)
    nesting = Nesting(len(data), groups)
    if nesting.n_outermost < 2:
        counted = "outermost group" if groups else "value"
        raise InputError(f"values: expected at least 2 {counted}s to draw from, found {nesting.n_outermost}")
    draws = (nesting.draw(each, outermost_only=outermost_only) for each in generators(seed, "bootstrap", n_resamples))
    apply = _along_first_axis(statistic)
    estimate = _finite(apply(data), "of the data")
    resamples = _finite(_means(data, draws) if statistic is np.mean else _each(data, draws, apply), "of a resample")

    def jackknife() -> Array:
        groups_left_out = (nesting.without(group) for group in range(nesting.n_outermost))
        return _finite(_each(data, groups_left_out, apply), "without one unit")

    low, high = bounds(estimate, resamples, level, interval, nesting.n_outermost, jackknife)
    return Interval(estimate[()], low, high, resamples, level)


def _values(values: Any, statistic: Callable[..., Any]) -> Array:
    found = np.asarray(validation.sliceable("values", values)[...])
    validation.real_numbers("values", found)
    if found.ndim < 1 or not found.size:
        raise InputError(f"values: expected shape (n, …) with no empty axis, found {found.shape}")
    if statistic is np.mean:
        validation.finite("values", found)
    return found.astype(np.float64)


def _along_first_axis(statistic: Callable[..., Any]) -> Callable[[Array], Array]:
    try:
        takes_axis = "axis" in inspect.signature(statistic).parameters
    except (ValueError, TypeError):  # compiled functions need not have a signature
        takes_axis = False
    if takes_axis:
        return lambda sample: np.asarray(statistic(sample, axis=0), dtype=np.float64)
    return lambda sample: np.asarray(statistic(sample), dtype=np.float64)


def _each(data: Array, draws: Iterator[Array], apply: Callable[[Array], Array]) -> Array:
    return np.stack([apply(data[rows]) for rows in draws])


def _means(data: Array, draws: Iterator[Array]) -> Array:
    """Return the mean of each draw: how often each value was drawn, times the values, in one product."""
    flat = data.reshape(len(data), -1)
    size = max(1, _BLOCK_ENTRIES // len(data))
    found, counts = [], []
    for rows in draws:
        counts.append(np.bincount(rows, minlength=len(data)) / len(rows))
        if len(counts) == size:
            found.append(np.stack(counts) @ flat)
            counts = []
    if counts:
        found.append(np.stack(counts) @ flat)
    return np.concatenate(found).reshape(-1, *data.shape[1:])


def _finite(values: Array, of_what: str) -> Array:
    if not np.isfinite(values).all():
        value = values[~np.isfinite(values)].flat[0]
        raise InputError(f"statistic: returned {value} {of_what}; expected finite numbers")
    return values
