"""Intervals around the mean over trials: Student's, bootstrap, and exact-like ones for Poisson counts."""

from typing import Any

import numpy as np

from ...errors import ConfigurationError
from .. import validation
from ..samples import row_chunks
from ..statistics import bootstrap_interval
from ..statistics.intervals import bounds
from ..validation import Array
from .averages import Averages, divide

INTERVALS = ("sem", "bootstrap", "poisson")

# Numbers in the resampled means that are kept at once.
_BLOCK = 2**22


def confidence(level: Any) -> float:
    """Return a level of confidence after checking that it lies between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.floating)) or not 0 < level < 1:
        raise ConfigurationError(f"level: expected a confidence between 0 and 1, found {level!r}")
    return float(level)


def percent(level: float) -> str:
    """Return a level of confidence as text.

    >>> percent(0.95)
    '95 %'
    """
    return f"{100 * level:g} %"


def student(mean: Array, sem: Array, n_trials: Array, level: float) -> tuple[Array, Array]:
    """Return mean ∓ t · standard error, with the quantile of Student's t for n − 1; NaN with fewer than two trials."""
    from scipy.special import stdtrit

    # A quantile is far slower than an average: one for each number of trials.
    freedom = np.arange(1, max(int(n_trials.max(initial=0)), 2))
    quantiles = np.concatenate([[np.nan, np.nan], stdtrit(freedom, (1 + level) / 2)])
    reach = quantiles[n_trials] * sem
    return mean - reach, mean + reach


def bootstrap(values: Array, codes: Array, found: Averages, *, level: float, n_resamples: int, seed: int) -> Any:
    """Return bounds from drawing the trials of each condition again, each (condition, time, unit).

    Quantiles are moved out for the number of trials ("expanded", Hesterberg 2015). All units see the same draws. NaN
    for conditions, or samples, with fewer than two trials.
    """
    low, high = (np.full(found.mean.shape, np.nan) for _ in range(2))
    for code in range(len(found.mean)):
        own = values[codes == code]
        own = own[~np.isnan(own).all(axis=(1, 2))]
        if len(own) < 2:
            continue
        size = max(1, _BLOCK // (n_resamples * own.shape[1]))
        for start, stop in row_chunks(own.shape[2], size):
            part = own[:, :, start:stop]
            low[code, :, start:stop], high[code, :, start:stop] = _resampled(part, level, n_resamples, seed)
    few = found.n_trials < 2
    low[few] = high[few] = np.nan
    return low, high


def _resampled(values: Array, level: float, n_resamples: int, seed: int) -> tuple[Array, Array]:
    known = ~np.isnan(values)
    if known.all():
        interval = bootstrap_interval(values, n_resamples=n_resamples, seed=seed, level=level, interval="expanded")
        return interval.low, interval.high
    # The mean of the known samples of a draw is a ratio of two means over all its trials.
    both = np.stack([np.where(known, values, 0), known.astype(float)], axis=1)
    drawn = bootstrap_interval(both, n_resamples=n_resamples, seed=seed, level=level).resamples
    means = divide(drawn[:, 0], drawn[:, 1])
    # A draw without any known sample says nothing: it stands at the estimate.
    centre = divide(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))
    means = np.where(np.isnan(means), np.nan_to_num(centre), means)
    return bounds(centre, means, level, "expanded", len(values), lambda: means)


def poisson(mean: Array, n_trials: Array, spread: Array, level: float) -> tuple[Array, Array]:
    """Return bounds of the rate behind mean counts, each (condition, time, unit).

    For a total K of n trials: quantiles of the gamma distribution of shape K + ½ (Jeffreys), whose coverage is the
    level on average over rates with n · rate ≳ 3 and above it below; 0 is the lower bound where nothing was counted.

    Parameters
    ----------
    mean : (condition, time, unit)
        Counts per sample, smoothed or not.
    n_trials : (condition, time, unit)
    spread : (condition, time, unit)
        Variance of a smoothed count over that of a single one: 1 without smoothing. A smoothed total over ``spread``
        has the mean and the variance of a Poisson count, where the rate changes little within the kernel.
    """
    from scipy.special import gammaincinv

    shape = divide(mean * n_trials, spread)
    scale = divide(spread, n_trials)
    low = gammaincinv(shape + 0.5, (1 - level) / 2) * scale
    return np.where(shape > 0, low, 0 * low), gammaincinv(shape + 0.5, (1 + level) / 2) * scale


def whole_counts(activity: Array) -> None:
    """Refuse what cannot be counts; NaN is missing."""
    if activity.dtype.kind in "bu":
        return
    bad = activity < 0
    if activity.dtype.kind == "f":
        bad |= (activity != np.trunc(activity)) & ~np.isnan(activity)
    wanted = "0, 1, 2, …: interval='poisson' is for counts, use 'sem' or 'bootstrap'"
    validation.refuse("activity", activity, bad, wanted)
