"""Tuning to the cue at every checkpoint, its height and width, and what they do from stage to stage."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...analysis import PeriodComparison, PublishedTuningFit, compare_periods, published_tuning_fit, tuning_curves
from ...analysis.maturation.stage_means import stage_means
from ...analysis.psth import Stages
from ...analysis.tuning import TuningCurves
from ...errors import InputError
from .networks import Followed
from .populations import STAGES

RULE, EPOCH, BASELINE = "odrd", "stim1", "fix1"
# Locations are numbers 0 to 7.
PERIOD = 8
_ALPHA = 0.05
MEASURES = ("height", "width", "cross-fitted height", "cross-fitted width")


@dataclasses.dataclass(frozen=True)
class Tuned:
    """Tuning at the checkpoints of several networks.

    ``curves`` (checkpoint, position) are means over the published population, ``heights`` its units' ranges, one array
    per checkpoint, and ``numbers`` (checkpoint, measure) the :data:`MEASURES`, widths in steps; NaN without units.
    """

    curves: np.ndarray
    heights: Sequence[np.ndarray]
    numbers: np.ndarray
    stages: Stages


def tuning(checkpoints: Followed) -> Tuned:
    """Return the tuning of every checkpoint, as published and cross-fitted."""
    curves, heights, numbers = [], [], []
    for recording in checkpoints:
        what: dict[str, Any] = {
            "time": recording.time, "epoch": recording.epochs[EPOCH], "baseline": recording.epochs[BASELINE],
            "period": PERIOD,
        }  # fmt: skip
        published = tuning_curves(recording.activity, recording.trials["cue"], mode="published", **what)
        # Differences from the baseline, since ratios of single units to a small one would be all there is to see.
        crossed = tuning_curves(recording.activity, recording.trials["cue"], alpha=_ALPHA, **what)
        own = unit_heights(published)
        curves.append(published.mean_curve)
        heights.append(own)
        numbers.append([
            own.mean() if len(own) else np.nan, width_of(published.mean_curve),
            crossed.peak if crossed.used.any() else np.nan, width_of(crossed.mean_curve),
        ])  # fmt: skip
    return Tuned(np.array(curves), heights, np.array(numbers), checkpoints.stages())


def unit_heights(curves: TuningCurves) -> np.ndarray:
    """Return the largest less the smallest response of each unit in the mean curve, (unit,)."""
    return np.asarray(np.ptp(curves.aligned[curves.used], axis=1))


def width_of(curve: np.ndarray) -> float:
    """Return 2 sd of the published fit in steps, NaN where there is no curve or the fit does not converge."""
    fit = fit_of(curve)
    return np.nan if fit is None else fit.width


def fit_of(curve: np.ndarray) -> PublishedTuningFit | None:
    """Return the published fit of a mean curve, None where there is no curve or the fit does not converge."""
    try:
        return published_tuning_fit(curve)
    except InputError:
        return None


def stage_curves(tuned: Tuned) -> dict[str, np.ndarray]:
    """Return the mean curve over the checkpoints of each stage, then over networks, for stages that have any."""
    means, _ = _over_stages(tuned, tuned.curves)
    return {stage: means[at] for at, stage in enumerate(STAGES) if not np.isnan(means[at]).any()}


def height_tests(tuned: Tuned) -> PeriodComparison:
    """Return the published t tests between stages, with units of all checkpoints as observations."""
    pooled = [
        np.concatenate([tuned.heights[index] for index in np.flatnonzero(members).tolist()] or [np.empty(0)])
        for members in tuned.stages.membership
    ]
    return compare_periods(pooled, STAGES)


def by_network(tuned: Tuned) -> dict[str, dict[str, dict[str, float]]]:
    """Return the mean over checkpoints of each measure at each stage of each network: network → measure → stage."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for code, network in enumerate(tuned.stages.networks):
        own = tuned.stages.membership & (tuned.stages.network_codes == code)
        found[network] = {
            measure: {
                stage: float(tuned.numbers[rows & ~np.isnan(tuned.numbers[:, at]), at].mean())
                for stage, rows in zip(STAGES, own, strict=True)
                if (rows & ~np.isnan(tuned.numbers[:, at])).any()
            }
            for at, measure in enumerate(MEASURES)
        }
    return found


def _over_stages(tuned: Tuned, values: np.ndarray) -> tuple[np.ndarray, Any]:
    return stage_means(
        values, tuned.stages.membership, tuned.stages.network_codes, interval="student", level=0.95, n_resamples=2000,
        seed=0,
    )  # fmt: skip


def gap(tuned: Tuned, first: str, second: str, measure: str) -> tuple[float, float, float]:
    """Return the second stage less the first with its interval over networks, NaN with one network."""
    at = MEASURES.index(measure)
    means, drawn = _over_stages(tuned, tuned.numbers[:, [at]])
    before, after = STAGES.index(first), STAGES.index(second)
    found = means[after] - means[before]
    if drawn.over != "networks":
        return float(found[0]), np.nan, np.nan
    low, high = drawn.bounds(found, after, before)
    return float(found[0]), float(low[0]), float(high[0])
