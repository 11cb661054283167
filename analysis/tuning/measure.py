"""Tuning curves from trials, the preferred condition found on other trials than those that are shown."""

from typing import Any

import numpy as np

from ...errors import InputError
from ...results import digest_arrays
from .. import validation
from ..selectivity.responses import epoch_means, factor, response_array
from ..selectivity.select_units import select_units
from ..validation import Array
from .alignment import Aligned, crossfit, in_sample
from .circle import centred_positions, checked_angles, distinct_angles, refuse_uneven
from .curves import TuningCurves, weighted_mean

MODES = ("crossfit", "published")
ALIGNMENTS = ("circular", "ranked")


def tuning_curves(
    activity: Any,
    angles: Any,
    *,
    time: Any = None,
    epoch: Any = None,
    baseline: Any = None,
    mode: str = "crossfit",
    alignment: str = "circular",
    period: float = 2 * np.pi,
    normalize: str | None = None,
    units: Any = None,
    alpha: float | None = None,
    n_folds: int = 4,
    seed: int = 0,
) -> TuningCurves:
    """Return tuning curves by condition, aligned to each unit's preferred condition.

    ``crossfit`` (default): trials are split into folds, balanced over conditions. The preferred condition, the
    normalisation and, with ``alpha``, the selection of a unit come from the other folds, its curve from the fold
    itself; curves are averaged over folds. Units without tuning give a flat mean curve.

    ``published``: as in the brain-maturation study, all on the same trials: the units that ``select_units``
    (``mode="published"``) calls excited or mixed, their responses divided by the mean baseline of the same condition,
    less 1, rotated to the largest. Noise alone gives a peak of 0.77 of its standard deviation.

    Parameters
    ----------
    activity : (trial, unit) or (trial, time, unit)
        Responses; or activity, of which the mean in ``epoch`` is the response.
    angles : (trial,)
        The condition of each trial, in units of ``period``; labels of any type with ``alignment="ranked"``.
    time : (time,), optional
        s; with activity in time.
    epoch, baseline : (start, stop) in s or (trial, 2), optional
        ``baseline`` is subtracted trial by trial (crossfit), divided by ("ratio", published).
    mode : {"crossfit", "published"}
    alignment : {"circular", "ranked"}
        Rotate to the preferred angle; or sort conditions by response, for labels without an order.
    period : float
        2π for radians, 360 for degrees, 8 for the numbers of eight locations.
    normalize : {"zscore", "ratio"}, optional
        Crossfit only. "zscore": less the mean, over the standard deviation of the trials of the other folds. "ratio":
        over their mean baseline in all conditions, less 1; only for rates well above 0.
    units : (unit,) bool, optional
        Units of the mean curve; selected on other data, or the selection shows.
    alpha : float, optional
        Crossfit only: a unit counts in a fold when the analysis of variance of the other folds has p ≤ alpha
        (uncorrected).
    n_folds, seed : int
        Folds of the trials of each condition, and the seed of their random assignment.

    Raises
    ------
    InputError
        If shapes do not match, angles are no even steps round the circle, a condition has fewer trials than folds, an
        epoch has no sample or holds NaN.
    ConfigurationError
        If an option is unknown or does not go with the others.

    Notes
    -----
    O(trials · units · folds).

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> angles = np.tile(np.arange(8) * np.pi / 4, 16)
    >>> noise = rng.standard_normal((128, 500))
    >>> bool(abs(tuning_curves(noise, angles).peak) < 0.05)
    True
    """
    validation.choice("mode", mode, MODES)
    validation.choice("alignment", alignment, ALIGNMENTS)
    rates, before = _responses(activity, time, epoch, baseline)
    n_trials, n_units = rates.shape
    conditions, codes = _conditions(angles, n_trials, alignment, period)
    chosen = np.ones(n_units, bool) if units is None else _unit_mask(units, n_units)
    ranked = alignment == "ranked"
    if mode == "published":
        _refuse("published", normalize=normalize, alpha=alpha)
        if before is not None and units is None:
            chosen = select_units(activity, time, codes, epoch, baseline, "published").population
        aligned = in_sample(rates, before, codes, ranked=ranked)
    else:
        responses = rates if before is None or normalize == "ratio" else rates - before
        aligned = crossfit(
            responses, before, codes, ranked=ranked, normalize=normalize, alpha=alpha, n_folds=n_folds, seed=seed
        )
    shown = rates if before is None else rates - before
    return _result(
        aligned, chosen, shown, codes, conditions, mode=mode, alignment=alignment, period=float(period),
        parameters={
            "epoch": None if epoch is None else np.asarray(epoch).tolist(),
            "baseline": None if baseline is None else np.asarray(baseline).tolist(),
            "normalize": normalize, "alpha": alpha, "n_folds": n_folds, "seed": seed, "units_given": units is not None,
        },
        input_digest=digest_arrays([rates, *([] if before is None else [before]), codes]),
    )  # fmt: skip


def _result(
    aligned: Aligned, chosen: Array, shown: Array, codes: Array, conditions: Array, *, alignment: str, period: float,
    **fields: Any,
) -> TuningCurves:  # fmt: skip
    members = (codes == np.arange(len(conditions))[:, np.newaxis]).astype(float)
    counts = members.sum(axis=1)[:, np.newaxis]
    means = members @ shown / counts  # (condition, unit)
    squares = members @ np.square(shown - means[codes])
    errors = np.sqrt(np.divide(squares, (counts - 1) * counts, out=np.full(means.shape, np.nan), where=counts > 1))
    steps = np.arange(len(conditions)) if alignment == "ranked" else centred_positions(len(conditions))
    curves = aligned.curves if alignment == "ranked" else aligned.curves[:, steps % len(conditions)]
    used = chosen & (aligned.n_folds > 0) & ~aligned.excluded
    curves = np.where(used[:, np.newaxis], curves, np.nan)
    mean, mean_errors = weighted_mean(curves[used], aligned.n_folds[used].astype(float))
    direction = None
    if alignment == "circular":
        vector = np.exp(2j * np.pi * conditions / period) @ means
        direction = np.mod(np.angle(vector), 2 * np.pi) * period / (2 * np.pi)
    return TuningCurves(
        conditions=conditions, responses=means.T, errors=errors.T, preferred=aligned.preferred, direction=direction,
        aligned=curves, offsets=steps * (1.0 if alignment == "ranked" else period / len(conditions)),
        mean_curve=mean, mean_curve_errors=mean_errors, used=used,
        excluded=aligned.excluded, n_folds_used=aligned.n_folds,
        alignment=alignment, period=period,
        n_trials=len(shown), shape=(shown.shape[1],), **fields,
    )  # fmt: skip


def _responses(activity: Any, time: Any, epoch: Any, baseline: Any) -> tuple[Array, Array | None]:
    """Return the responses (trial, unit), and the baselines or None."""
    n_axes = len(np.shape(validation.sliceable("activity", activity)))
    if n_axes == 3:
        if epoch is None:
            raise InputError("epoch: expected (start, stop) in seconds for activity (trial, time, unit), found None")
        rates = epoch_means("activity", activity, time, epoch, "epoch")
        before = None if baseline is None else epoch_means("activity", activity, time, baseline, "baseline")
        return rates, before
    found = response_array("activity", activity)
    if found.ndim != 2:
        raise InputError(f"activity: expected (trial, unit) or (trial, time, unit), found shape {found.shape}")
    if epoch is not None or baseline is not None:
        raise InputError(f"epoch, baseline: need activity (trial, time, unit), found shape {found.shape}")
    return found.astype(np.float64), None


def _conditions(angles: Any, n_trials: int, alignment: str, period: float) -> tuple[Array, Array]:
    """Return the conditions and the index of each trial's."""
    if alignment == "ranked":
        groups = factor("angles", angles, n_trials)
        return groups.levels, groups.codes
    conditions, codes = distinct_angles(checked_angles(angles, n_trials, period), period)
    refuse_uneven(conditions, period)
    return conditions, codes


def _unit_mask(units: Any, n_units: int) -> Array:
    found = np.asarray(units)
    if found.dtype != np.bool_ or found.shape != (n_units,):
        raise InputError(f"units: expected bool of shape ({n_units},), found {found.dtype} of shape {found.shape}")
    return found


def _refuse(mode: str, **options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise InputError(f"{name}: does not go with mode={mode!r}, found {value!r}")
