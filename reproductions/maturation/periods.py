"""Activity of single units in a period at the last checkpoint of each stage: the published test, and networks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import plotting
from ...analysis import PeriodActivity, PeriodComparison, compare_periods, period_activity
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, number, small, with_interval
from .networks import Followed, Network, followed, maturation_study, networks
from .populations import CORRECTED, CUE_WINDOWS, PUBLISHED, STAGES, rising, span_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: rule, epoch that shows selectivity and preference, period (epoch or s)
PERIODS: tuple[tuple[str, str, Any], ...] = (
    ("odrd", "delay2", "delay2"),
    ("odr", "delay1", "delay1"),
    *((rule, "stim1", window) for rule, window in CUE_WINDOWS.items()),
)
#: odrd, second delay: mean and largest unit by stage, and the analysis of variance over stages
PUBLISHED_MEANS = {"early": 1.774, "mid": 1.993, "mature": 3.378}
_PUBLISHED_LARGEST = {"early": "29", "mid": "34", "mature": "64"}
_PUBLISHED_MEDIAN = "0.5–1"
_PUBLISHED_TEST = "p = 4.5e-03 (df 2, 579)"
# Differences from the baseline have no tail of units with next to none; everything else is cross-fitted as well.
_DIFFERENCES = {**CORRECTED, "normalize": "subtract"}
_ALPHA = 0.05


class Period(NamedTuple):
    """One period, with the published choices, at the last checkpoint of each stage and at ``every`` one.

    ``alone`` is ``published`` of each network, ``corrected`` has its choices from other trials than those shown, and
    ``relapsed`` counts the networks whose last early checkpoint comes after the first mature one.
    """

    rule: str
    measure: Any
    published: PeriodActivity
    every: PeriodActivity
    corrected: PeriodActivity
    alone: Mapping[str, PeriodActivity]
    relapsed: int

    @property
    def name(self) -> str:
        """The rule and the period in words."""
        shown = self.measure if isinstance(self.measure, str) else f"{self.measure[0]:g}–{self.measure[1]:g} s"
        return f"{self.rule} {shown}"


def run(bench: Workbench) -> Findings:
    """Compare the stages in every period, and all pairs of checkpoints of the first network in the second delay."""
    found = networks(bench)
    periods = [_period(bench, found, *chosen) for chosen in PERIODS]
    with followed(found, periods[0].rule, span_of(bench, periods[0].rule)) as checkpoints:
        pairs = checkpoint_pairs(periods[0].every, checkpoints, found[0].name)
    figures = [
        plotting.save(_figure(periods), bench.output / "periods.png"),
        plotting.save(pairs.plot(), bench.output / "period_pairs.png"),
    ]
    values = {
        each.name: {"network_mean": each.published.network_mean.tolist(), "stages": each.published.stages}
        for each in periods
    }
    tables = [_delay_table(periods[0]), _test_table(periods)]
    return Findings(tables, [*_remarks(periods), _pair_remark(found[0].name, pairs)], figures, values)


def _period(bench: Workbench, found: Sequence[Network], rule: str, epoch: str, measure: Any) -> Period:
    bench.note(f"{rule}, activity in {measure}")
    with followed(found, rule, span_of(bench, rule)) as checkpoints:
        published = _activity(checkpoints, epoch, measure, PUBLISHED)
        every = _activity(checkpoints, epoch, measure, PUBLISHED, chosen="all")
        corrected = _activity(checkpoints, epoch, measure, _DIFFERENCES)
        relapsed = relapses(checkpoints)
    alone = {}
    for network in found:
        with followed([network], rule, span_of(bench, rule)) as own:
            alone[network.name] = _activity(own, epoch, measure, PUBLISHED)
    return Period(rule, measure, published, every, corrected, alone, relapsed)


def _activity(
    checkpoints: Followed, epoch: str, measure: Any, options: Mapping[str, Any], chosen: str = "last"
) -> PeriodActivity:
    return period_activity(
        checkpoints, measure, labels="cue", stages=checkpoints.stages(), epoch=epoch, chosen=chosen, test="published",
        **options, **checkpoints.what(),
    )  # fmt: skip


def relapses(checkpoints: Followed) -> int:
    """Return how many networks are early once more after they have been mature, by cuts."""
    labels, own = checkpoints.stages().labels, np.array(checkpoints.networks)
    count = 0
    for network in dict.fromkeys(checkpoints.networks):
        early, mature = (checkpoints.trials_seen[(own == network) & (labels == name)] for name in ("early", "mature"))
        count += bool(len(early) and len(mature) and early.max() > mature.min())
    return count


def checkpoint_pairs(every: PeriodActivity, checkpoints: Followed, network: str) -> PeriodComparison:
    """Return the published tests between all pairs of checkpoints of one network."""
    own = np.array(checkpoints.networks)[every.checkpoints] == network
    units = [values for values, mine in zip(every.of_checkpoints(), own, strict=True) if mine]
    at = every.checkpoints[own]
    moments = zip(checkpoints.trials_seen[at], checkpoints.performance[at], strict=True)
    names = [f"{seen / 1000:.2f}k, {score:.2f}" for seen, score in moments]
    return compare_periods(units, names, adjustment="fdr_bh")


def stage_values(found: PeriodActivity, values: np.ndarray) -> dict[str, float]:
    """Return numbers (stage,) by the name of the stage."""
    return dict(zip(found.stages, np.asarray(values, float).tolist(), strict=True))


def network_means(found: PeriodActivity) -> list[dict[str, float]]:
    """Return the mean of each stage of each network."""
    return [stage_values(found, found.network_mean[:, at]) for at in range(len(found.networks))]


def gap(found: PeriodActivity, first: str, second: str) -> tuple[tuple[float, float, float], float]:
    """Return the difference between stages with its interval over networks, and in standard deviations of units.

    NaN where a stage is missing; no interval with one network.
    """
    if (first, second) not in found.pairs:
        return (np.nan, np.nan, np.nan), np.nan
    at = found.pairs.index((first, second))
    bounds = (found.difference_low[at], found.difference_high[at]) if found.drawn == "networks" else (np.nan, np.nan)
    return (float(found.difference[at]), float(bounds[0]), float(bounds[1])), float(found.effect_size[at])


def _delay_table(each: Period) -> FindingsTable:
    found = each.published
    means, medians = stage_values(found, found.mean), stage_values(found, found.median)
    low, high = stage_values(found, found.low), stage_values(found, found.high)
    rows = []
    for stage, theirs in PUBLISHED_MEANS.items():
        units = found.of_stage(stage) if stage in found.stages else np.empty(0)
        bounds = (low.get(stage, np.nan), high.get(stage, np.nan)) if found.drawn == "networks" else (np.nan, np.nan)
        rows.append([
            stage, with_interval(means.get(stage, np.nan), *bounds),
            ", ".join(number(one.get(stage, np.nan)) for one in network_means(found)), number(theirs, 3),
            number(medians.get(stage, np.nan)), _PUBLISHED_MEDIAN, f"{units.max():.0f}" if len(units) else MISSING,
            _PUBLISHED_LARGEST[stage], f"{len(units)}",
        ])  # fmt: skip
    note = (
        "Change from the fixation period, in multiples of its mean, of units selective in the second delay, preferred "
        "direction, last checkpoint of each stage. Mean over networks with its 95 % interval; then one number per "
        f"network: {', '.join(found.networks)}. Median and largest: over the units of all networks. Published: one "
        "network, medians and largest units read off the figure."
    )
    header = ["odrd delay2", "mean", "networks", "published", "median", "published", "largest", "published", "units"]
    return FindingsTable("Activity in the second delay", header, rows, note)


def _test_table(periods: Sequence[Period]) -> FindingsTable:
    rows = []
    for index, each in enumerate(periods):
        found = each.published
        means = stage_values(found, found.mean)
        difference, size = gap(found, "early", "mature")
        corrected, _ = gap(each.corrected, "early", "mature")
        throughout, _ = gap(each.every, "early", "mature")
        tests = ", ".join(small(_p(one)) for one in each.alone.values())
        rows.append([
            each.name, *(number(means.get(stage, np.nan)) for stage in STAGES), small(_p(found)), tests,
            _PUBLISHED_TEST if index == 0 else "", with_interval(*difference), number(size),
            rising(network_means(found)), with_interval(*throughout), rising(network_means(each.every)),
            with_interval(*corrected, 3),
        ])  # fmt: skip
    note = (
        "p: one-way analysis of variance over stages with units as observations, as published, of all networks "
        "together and of each. Difference: within networks, with its 95 % interval over networks; s.d.: the same in "
        "standard deviations of units. Rising: from early to mid to mature, of the networks that have all stages. Then "
        "both for the means over all checkpoints of a stage, and last the difference in units of activity, change from "
        "baseline, last checkpoints, all choices on other trials."
    )
    header = [
        "period", *STAGES, "p, pooled", "p, each network", "published", "mature − early", "s.d.", "rising in",
        "mature − early, all checkpoints", "rising in", "… cross-fitted, raw",
    ]  # fmt: skip
    return FindingsTable("Stages in all periods", header, rows, note)


def _p(found: PeriodActivity) -> float:
    assert found.p_value is not None  # asked for
    return found.p_value


def _remarks(periods: Sequence[Period]) -> list[str]:
    remarks = []
    for each in periods:
        significant = sum(_p(one) <= _ALPHA for one in each.alone.values())
        (_, low, _), _ = gap(each.published, "early", "mature")
        interval = "no interval with fewer than two networks that have both"
        if np.isfinite(low):
            interval = f"the interval of mature − early over networks {'is above' if low > 0 else 'is not above'} 0"
        remarks.append(
            f"{each.name}: means rise with stage in {rising(network_means(each.published))}, over all checkpoints in "
            f"{rising(network_means(each.every))}; p ≤ {_ALPHA:g} with units as observations in {significant} of "
            f"{len(each.alone)}; {interval}. The last early checkpoint is a relapse after the first mature one in "
            f"{each.relapsed}."
        )
    return remarks


def _pair_remark(network: str, pairs: PeriodComparison) -> str:
    above = np.triu_indices(len(pairs.names), 1)
    plain, adjusted = pairs.p_values[above], pairs.adjusted_p_values[above]
    return (
        f"t tests between all pairs of {len(pairs.names)} checkpoints of {network}, second delay: p ≤ {_ALPHA:g} "
        f"in {(plain <= _ALPHA).sum()} of {len(plain)}, {(adjusted <= _ALPHA).sum()} after adjustment (Benjamini and "
        "Hochberg); the same units stand on both sides of each."
    )


def _figure(periods: Sequence[Period]) -> "Figure":
    drawn = plotting.figure(rows=2, columns=len(periods), width=3.6, height=3.1)
    for column, each in enumerate(periods):
        density, boxes = drawn.axes[column], drawn.axes[len(periods) + column]
        each.published.plot(density)
        density.set_title(f"{each.name}, units as observations:\n{each.published.test_text()}")
        density.set(xlabel="change / baseline", ylim=(0, 1.5 * density.get_ylim()[1]))
        each.published.plot_boxes(boxes)
        boxes.set_ylabel("change / baseline")
    theirs = [PUBLISHED_MEANS.get(stage, np.nan) for stage in periods[0].published.stages]
    first = drawn.axes[len(periods)]
    first.plot(theirs, "s", color=plotting.INK, markerfacecolor="white", markersize=4, zorder=4, label="published mean")
    first.legend(fontsize="small", frameon=False)
    return drawn


STUDY = maturation_study("periods", "Activity of units in delays and after the cue, by stage", run)
