"""Activity of single units in an epoch at stages of training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import digest_arrays
from .. import validation
from ..psth.averages import divide
from ..psth.bands import confidence
from ..psth.checkpoints import Checkpoints
from ..psth.growth import epoch_name
from ..psth.nested import UnitSums, pairs, usable_weights
from ..psth.stage_average import checkpoint_psth, measured_epoch, stage_members
from ..selectivity.anova import anova
from ..trial_time import samples_of
from ..validation import Array
from .period_record import PeriodActivity

CHOSEN = ("last", "representative", "all")
TESTS = ("networks", "published")


def period_activity(
    checkpoints: Sequence[Any],
    measure: Any,
    time: Any = None,
    labels: Any = None,
    stages: Any = None,
    *,
    epoch: Any,
    chosen: str = "last",
    test: str = "networks",
    direction: str = "preferred",
    networks: Any = None,
    seeds: Any = None,
    performance: Any = None,
    trials_seen: Any = None,
    interval: str = "student",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    **options: Any,
) -> PeriodActivity:
    """Return the mean activity of every unit of the population in an epoch at each stage of training.

    Parameters
    ----------
    checkpoints, time, labels, stages, epoch, networks, seeds, performance, trials_seen, interval, level, n_resamples, \
seed, **options
        As for :func:`stage_psth`; ``epoch`` shows each unit's preferred label.
    measure : str or (start, stop)
        The epoch in which activity is averaged, s.
    chosen : {"last", "representative", "all"}
        Checkpoints of each network that stand for a stage: the last one (published); the one whose performance is
        nearest to the stage's target, which needs ``stages`` from :func:`assign_stages`; or all.
    test : {"networks", "published"}
        "networks": intervals of stages and differences over networks. "published" adds the one-way analysis of
        variance over stages with units as observations, whose p-value is about one network at best.
    direction : {"preferred", "opposite"}

    Raises
    ------
    InputError
        As :func:`stage_psth`; no ``trials_seen`` to tell which checkpoint is the last.
    ConfigurationError
        As :func:`stage_psth`.

    Notes
    -----
    Checkpoints without a population count as checkpoints, and add no unit. Ratios to a baseline near zero are
    unbounded and their means are those of a few units: look at the median, at ``normalize="subtract"`` or "softmax".

    Time: one :func:`preferred_psth` for each checkpoint that is looked at.

    Sources: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178; Saravanan, Berman and Sober 2020.

    Examples
    --------
    >>> import numpy as np
    >>> rng, labels = np.random.default_rng(0), np.tile(np.arange(4), 10)
    >>> tuned = (np.arange(8) % 4 == labels[:, np.newaxis])[:, np.newaxis]  # (trial, 1, unit)
    >>> runs = [gain * tuned + rng.normal(5, 1, (40, 10, 8)) for gain in (1.0, 2.0, 4.0)]
    >>> found = period_activity(
    ...     runs, (5, 10), np.arange(10.0), labels, ["early", "early", "mature"], epoch=(5, 10), trials_seen=[0, 1, 2]
    ... )
    >>> (found.mean - 5).round(1).tolist(), found.checkpoints.tolist()
    ([2.0, 4.0], [1, 2])
    """
    level, n_resamples = confidence(level), validation.whole_number("n_resamples", n_resamples, least=1)
    validation.choice("choice of checkpoints", chosen, CHOSEN)
    validation.choice("test", test, TESTS)
    validation.choice("direction", direction, ("preferred", "opposite"))
    if epoch is None:
        raise ConfigurationError("epoch: expected the epoch that shows preferred labels, found None")
    run = Checkpoints(checkpoints, time, labels, networks=networks, seeds=seeds)
    scores, seen = run.numbers("performance", performance), run.numbers("trials_seen", trials_seen)
    names, membership = stage_members(stages, scores, seen, run)
    membership = _chosen(chosen, membership, run.codes, seen, stages)
    sums = UnitSums(run.codes, run.seed_codes, len(names))
    parts: list[tuple[Array, ...]] = []
    digests, quantity, period, parameters = [], "", "", {}
    looked_at = np.flatnonzero(membership.any(axis=0))
    for index in looked_at.tolist():
        checkpoint = run[index]
        found = checkpoint_psth(checkpoint, epoch, options, seed=seed, level=level)
        inside = samples_of(found.time, measured_epoch(checkpoint, measure, found), 1, "measure")[0]
        values = found.mean[found.conditions.index(direction)][inside].mean(axis=0)
        weights = np.where(np.isnan(values), 0, usable_weights(found))
        moments = np.flatnonzero(membership[:, index]).tolist()
        sums.add(int(run.codes[index]), moments, values, weights, f"checkpoints[{index}]")
        units = np.flatnonzero(weights > 0)
        for moment in moments:
            parts.append((values[units], weights[units], np.full((len(units), 2), (moment, index)), units))
        digests.append(found.input_digest)
        quantity, period, parameters = found.quantity, _period(measure), dict(found.parameters)
    values, weights, places, units = (np.concatenate(part) for part in zip(*parts, strict=True))
    rows = sums.rows()
    mean = rows.estimate()
    drawn = rows.resample(n_resamples, seed, level, interval)
    low, high = drawn.stage_bounds(mean)
    gap, gap_low, gap_high = drawn.differences(mean)
    spread = np.array([_spread(values, places, pair) for pair in pairs(len(names))])
    of_units = _anova(values, places[:, 0]) if test == "published" else {}
    return PeriodActivity(
        values=values, weights=weights, observation_stage=places[:, 0], observation_checkpoint=places[:, 1],
        observation_unit=units, mean=mean, low=low, high=high, difference=gap, difference_low=gap_low,
        median=np.array([_median(values[places[:, 0] == stage]) for stage in range(len(names))]),
        difference_high=gap_high, effect_size=divide(gap, spread), effect_size_low=divide(gap_low, spread),
        effect_size_high=divide(gap_high, spread),
        network_mean=_network_means(values, weights, places, run.codes, (len(names), len(run.names))),
        n_units=np.bincount(places[:, 0], minlength=len(names)), n_checkpoints=membership.sum(axis=1),
        n_networks=(sums.n_checkpoints > 0).sum(axis=0), n_drawn=drawn.counts, checkpoints=looked_at,
        stages=names, networks=run.names, pairs=tuple((names[a], names[b]) for a, b in pairs(len(names))),
        quantity=f"{quantity}, {direction} direction", period=period, chosen=chosen, drawn=drawn.over, level=level,
        **of_units, parameters={**parameters, "test": test, "n_resamples": n_resamples, "seed": seed},
        input_digest=digest_arrays([np.array(digests), membership, run.codes, run.seed_codes]),
    )  # fmt: skip


def _chosen(chosen: str, membership: Array, codes: Array, seen: Array | None, stages: Any) -> Array:
    """Return the members that stand for each stage, (stage, checkpoint) bool."""
    if chosen == "all":
        return membership
    kept = np.zeros_like(membership)
    if chosen == "representative":
        representative = getattr(stages, "representative", None)
        if representative is None:
            raise InputError("stages: chosen='representative' needs the stages that assign_stages returns")
        present = [row for row in representative if (row >= 0).any()]
        for stage, row in enumerate(present):
            kept[stage, row[row >= 0]] = True
        return kept
    if seen is None:
        raise InputError("trials_seen: expected one number per checkpoint, to tell which is the last of its stage")
    for stage, members in enumerate(membership):
        for code in np.unique(codes[members]):
            own = np.flatnonzero(members & (codes == code))
            kept[stage, own[seen[own].argmax()]] = True
    return kept


def _spread(values: Array, places: Array, pair: tuple[int, int]) -> float:
    """Return the standard deviation of units within the checkpoints of two stages, NaN with too few units."""
    own = np.isin(places[:, 0], pair)
    groups = np.unique(places[own], axis=0, return_inverse=True)[1].ravel()
    freedom = own.sum() - len(np.unique(groups))
    if freedom < 1:
        return float("nan")
    means = np.bincount(groups, values[own]) / np.bincount(groups)
    return float(np.sqrt(np.square(values[own] - means[groups]).sum() / freedom))


def _anova(values: Array, stages: Array) -> dict[str, Any]:
    n_stages, n = len(np.unique(stages)), len(values)
    if n_stages < 2 or n <= n_stages:
        return {"f": float("nan"), "p_value": float("nan"), "df": n_stages - 1, "df_residual": n - n_stages}
    table = anova(values, stages)
    return {
        "f": float(table.f.item()), "p_value": float(table.p_values.item()), "df": int(table.df[0]),
        "df_residual": int(table.df_residual),
    }  # fmt: skip


def _network_means(values: Array, weights: Array, places: Array, codes: Array, shape: tuple[int, int]) -> Array:
    """Return the mean over the checkpoints of each network of their weighted means over units, (stage, network)."""
    total, count = np.zeros(shape), np.zeros(shape)
    which, groups = np.unique(places, axis=0, return_inverse=True)
    means = np.bincount(groups.ravel(), weights * values) / np.bincount(groups.ravel(), weights)
    np.add.at(total, (which[:, 0], codes[which[:, 1]]), means)
    np.add.at(count, (which[:, 0], codes[which[:, 1]]), 1)
    return divide(total, count)


def _period(measure: Any) -> str:
    return measure if isinstance(measure, str) else f"{epoch_name(measure)} s"


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
