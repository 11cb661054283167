"""Mean activity over the trials of each condition, of every unit and time, with bands."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...results import digest_arrays
from .. import validation
from ..selectivity.responses import factor
from ..trial_time import samples_of
from ..validation import Array
from .averages import Averages, averages, divide, sums
from .bands import INTERVALS, bootstrap, confidence, poisson, student, whole_counts
from .normalization import EpochSums, Moments, constants, rule
from .preparation import Block, Preparation, prepare
from .record import PSTH


def psth(
    activity: Any,
    time: Any,
    labels: Any = None,
    *,
    kernel: str | None = None,
    width: float = 0.05,
    interval: str | None = "sem",
    level: float = 0.95,
    align: Any = None,
    window: Any = None,
    baseline: Any = None,
    normalize: str | None = None,
    floor: float | None = None,
    softening: float = 5.0,
    n_resamples: int = 1000,
    seed: int = 0,
    quantity: str = "activity",
) -> PSTH:
    """Return the mean activity over the trials of each condition, with standard errors and bands.

    Parameters
    ----------
    activity : (trial, time, unit)
        Rates, voltages, counts. NaN is missing: padding of short trials, units not recorded on a trial. Every mean is
        over the trials that have the sample, whose number is in ``n_trials``.
    time : (time,)
        s; None counts samples.
    labels : (trial,), optional
        The condition of each trial; one condition of all trials when None.
    kernel : {None, "gaussian", "boxcar", "causal"}
        Smoothing of single trials, before they are cut; see :func:`smooth_activity`.
    width : float
        Of the kernel, s.
    interval : {"sem", "bootstrap", "poisson", None}
        Band of confidence ``level``. "sem": mean ± t · standard error with Student's t for n − 1 trials. "bootstrap":
        trials of a condition drawn again, for skewed or bounded activity with some 8 trials or more. "poisson": for
        counts in separate bins, also when nothing was counted.
    level : float
    align : float or (trial,), optional
        A moment of each trial on the clock of ``time``, s, that becomes 0; the nearest sample is taken. NaN leaves a
        trial out.
    window : (start, stop), optional
        Which times to return, start ≤ t < stop, s; from the moments when aligned. Samples outside a trial are missing.
    baseline : (start, stop) or (trial, 2), optional
        s, on the clock of ``time`` also when aligned.
    normalize : {None, "raw", "subtract", "baseline", "zscore", "max", "softmax"}
        With a unit's mean b in the baseline, over all trials and after smoothing: "subtract", x − b, is the default
        with a baseline; "baseline" (x − b) / b; "zscore" (x − b) / s, with the standard deviation s of single samples,
        both over all times without a baseline; "max" (x − b) / m with the largest m = |mean − b| over conditions and
        times; "softmax" (x − b) / (m + ``softening``), which keeps weak units small. "raw": as it is.
    floor : float, optional
        The least divisor, in the units of the activity. By default, for "baseline", 5 % of the median baseline of all
        units. Units at or below it are NaN and counted in ``excluded``.
    softening : float
        In the units of the activity (5 spikes/s is usual).
    n_resamples, seed : int
        Of the bootstrap.
    quantity : str
        What the activity is, for axes.

    Raises
    ------
    InputError
        If shapes disagree, a value is infinite, no sample lies in a window, times are uneven where that matters,
        labels do not match, "poisson" is asked for what is no count, or a name is unknown.
    ConfigurationError
        If a number is out of range, or a normalisation lacks its baseline.

    Notes
    -----
    Bands are for one unit, condition and time, not for all at once. They treat the numbers that activity is normalised
    with as known. A smoothed curve is an estimate of the smoothed rate: its band is not about what smoothing removes.
    Smoothed "poisson" bands divide the weighted count by its variance factor Σw², which is exact for slow rates.

    Time O(trials · times · units) and the kernel's length when smoothing; memory of the activity and blocks of about
    100 MB. The bootstrap costs ``n_resamples`` times as much (8 conditions of 16 trials, 256 units × 150 times:
    some 10 s for 1000).

    Sources: Student's and Poisson intervals as in Patil and Kulkarni 2012 (Jeffreys' interval); soft normalisation as
    in Churchland et al. 2012.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(np.where(np.arange(100) < 50, 0.1, 0.4)[:, np.newaxis], (40, 100, 3))
    >>> found = psth(counts, 0.01 * np.arange(100), interval="poisson", kernel="gaussian", width=0.03)
    >>> found.mean[0, [20, 80], 0].round(2).tolist(), found.conditions
    ([0.1, 0.4], ('all trials',))
    """
    if interval is not None:
        validation.choice("interval", interval, INTERVALS)
    level, n_resamples = confidence(level), validation.whole_number("n_resamples", n_resamples, least=1)
    chosen = rule(normalize, baseline, floor=floor, softening=softening)
    prepared = prepare(activity, time, kernel=kernel, width=width, align=align, window=window)
    codes, conditions = condition_codes(labels, len(prepared.activity))
    if interval == "poisson":
        whole_counts(prepared.activity)
    inside = baseline_samples(prepared, baseline)

    def band(block: Block, found: Averages) -> tuple[Array, Array] | None:
        if interval == "sem":
            return student(found.mean, found.sem, found.n_trials, level)
        if interval == "bootstrap":
            bounds: tuple[Array, Array] = bootstrap(
                block.cut, codes, found, level=level, n_resamples=n_resamples, seed=seed
            )
            return bounds
        if interval == "poisson":
            return poisson(found.mean, found.n_trials, _spread(prepared, block, codes, found), level)
        return None

    found, bands, moments = _over_blocks(
        prepared, codes, len(conditions), inside if chosen.needs_moments else None, band
    )
    used = constants(chosen, moments, found.mean)
    low, high = (None, None) if bands is None else (used.value(bands[0]), used.value(bands[1]))
    return PSTH(
        mean=used.value(found.mean), sem=used.error(found.sem), low=low, high=high, n_trials=found.n_trials,
        time=prepared.time, weights=np.ones(prepared.activity.shape[2]), excluded=used.excluded,
        conditions=conditions, quantity=chosen.quantity(quantity), interval=interval, level=level,
        time_unit=prepared.time_unit, aligned=prepared.aligned, n_left_out=prepared.n_left_out,
        parameters={
            "kernel": kernel, "width": width if kernel else None, "aligned": prepared.aligned,
            "window": None if window is None else [float(edge) for edge in window],
            "baseline": None if baseline is None else np.asarray(baseline, float).tolist(),
            "normalize": chosen.kind, "floor": floor, "softening": softening, "n_resamples": n_resamples, "seed": seed,
        },
        input_digest=digest_arrays([prepared.activity, codes, prepared.time]),
    )  # fmt: skip


def condition_codes(labels: Any, n_trials: int) -> tuple[Array, tuple[str, ...]]:
    """Return the condition of each trial as a number, and the names of the conditions; one of all trials for None."""
    if labels is None:
        return np.zeros(n_trials, np.int64), ("all trials",)
    found = factor("labels", labels, n_trials, least=1)
    return found.codes.ravel(), found.level_names


def baseline_samples(prepared: Preparation, baseline: Any) -> Array:
    """Return which samples of the whole trials belong to the baseline, (trial, time) bool; all without one."""
    n_trials = len(prepared.activity)
    if baseline is None:
        return np.ones((n_trials, len(prepared.whole_time)), bool)
    return samples_of(prepared.whole_time, baseline, n_trials, "baseline")


def _over_blocks(
    prepared: Preparation,
    codes: Array,
    n_conditions: int,
    inside: Array | None,
    band: Callable[[Block, Averages], tuple[Array, Array] | None],
) -> tuple[Averages, tuple[Array, Array] | None, Moments]:
    """Return the averages and bands of all units, and the moments of the samples ``inside``."""
    found, bands, baselines = [], [], []
    for block in prepared.blocks():
        own = averages(block.cut, codes, n_conditions)
        found.append(own)
        bands.append(band(block, own))
        if inside is not None:
            baselines.append(EpochSums.of(block.whole, inside))

    def joined(parts: list[Array]) -> Array:
        return np.concatenate(parts, axis=-1)

    all_units = Averages(
        joined([own.mean for own in found]), joined([own.sem for own in found]), joined([own.n_trials for own in found])
    )
    made = [pair for pair in bands if pair is not None]
    both = (joined([low for low, _ in made]), joined([high for _, high in made])) if made else None
    if not baselines:
        return all_units, both, Moments.none(prepared.activity.shape[2])
    everyone = np.ones((1, len(codes)), bool)
    return all_units, both, EpochSums.joined(baselines).moments(everyone)


def _spread(prepared: Preparation, block: Block, codes: Array, found: Averages) -> Array:
    """Return the variance of smoothed samples over that of single ones, (condition, time, unit)."""
    if prepared.smoothing is None:
        return np.ones(found.mean.shape)
    weights = prepared.cut(prepared.smoothing.squared_weights(~np.isnan(block.whole), prepared.spans))
    return divide(sums(np.nan_to_num(weights), codes, len(found.mean)), found.n_trials)
