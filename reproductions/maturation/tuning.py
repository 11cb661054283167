"""Tuning to the cue by stage of training: curves around the preferred location, their height and their width."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import PeriodComparison
from ..study import Findings, FindingsTable, Workbench
from ..words import number, small, with_interval
from .networks import followed, maturation_study, networks
from .populations import STAGES, rising, span_of
from .tuned import (
    EPOCH,
    MEASURES,
    PERIOD,
    RULE,
    Tuned,
    by_network,
    fit_of,
    gap,
    height_tests,
    stage_curves,
    tuning,
    width_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The preferred location is at position 4 of 0 to 8, in steps of 45°.
_PREFERRED, _STEP = 4, 45
#: mean curve at positions 0 to 8 by stage, read off the figure, and the reported 2 sd of the fit in steps of 45°
PUBLISHED = {
    "early": ((-0.23, -0.35, -0.37, 0.37, 2.01, 0.30, -0.37, -0.34, -0.23), 1.28),
    "mid": ((-0.25, -0.25, -0.22, 0.76, 2.96, 0.80, -0.22, -0.26, -0.25), 1.33),
    "mature": ((-0.22, -0.25, -0.18, 0.94, 3.61, 1.05, -0.19, -0.27, -0.22), 1.34),
}
#: p of the t tests of units' heights, pooled over units and checkpoints
PUBLISHED_TESTS = {("early", "mid"): 8.6e-70, ("early", "mature"): 2.7e-108, ("mid", "mature"): 9.8e-10}


def run(bench: Workbench) -> Findings:
    """Fit the tuning of the networks at the checkpoints around the learning of odrd."""
    found = networks(bench)
    bench.note(f"{RULE}, tuning in {EPOCH}")
    with followed(found, RULE, span_of(bench, RULE)) as checkpoints:
        tuned = tuning(checkpoints)
    tests = height_tests(tuned)
    alone = by_network(tuned)
    figure = plotting.save(_figure(tuned, alone), bench.output / "tuning.png")
    tables = [_curve_table(tuned), _test_table(tuned, tests), _network_table(alone)]
    return Findings(tables, _remarks(tuned, alone), [figure], {"by_network": alone})


def _curve_table(tuned: Tuned) -> FindingsTable:
    ours = stage_curves(tuned)
    rows = []
    for stage, (theirs, width) in PUBLISHED.items():
        curve = ours.get(stage, np.full(len(theirs), np.nan))
        rows.append([stage, "ours", *(number(value) for value in curve), number(width_of(curve))])
        rows.append([stage, "published", *(number(value) for value in theirs), number(width)])
    note = (
        f"{RULE}, {EPOCH}: response over the baseline of the same location, less 1, against the location in steps of "
        f"{_STEP}°, the preferred one at {_PREFERRED}; mean over units, checkpoints and networks. 2 sd: of the "
        "published Gaussian, in steps; the input itself has 1.00. Published: one network, read off the figure."
    )
    header = ["stage", "", *(str(position) for position in range(PERIOD + 1)), "2 sd"]
    return FindingsTable("Tuning curves by stage", header, rows, note)


def _test_table(tuned: Tuned, tests: PeriodComparison) -> FindingsTable:
    rows = []
    for (first, second), theirs in PUBLISHED_TESTS.items():
        at = STAGES.index(first), STAGES.index(second)
        height, crossed = (gap(tuned, first, second, name) for name in ("height", "cross-fitted height"))
        width = gap(tuned, first, second, "width")
        rows.append([
            f"{second} − {first}", small(theirs), small(tests.p_values[at]), number(tests.effect_sizes[at]),
            with_interval(*height), with_interval(*crossed), with_interval(*width),
        ])  # fmt: skip
    note = (
        "p of t tests with units of all checkpoints (and networks) as independent observations, as published, and "
        f"their difference in standard deviations of units; {', '.join(map(str, tests.n_units))} heights. Then "
        "differences of network means with 95 % intervals over networks. Cross-fitted: location and selection from "
        "other trials; change from baseline in units of activity, preferred less the others. Width: 2 sd, steps."
    )
    header = ["stages", "p published", "p ours", "s.d.", "height", "height, cross-fitted", "width"]
    return FindingsTable("Differences of height and width between stages", header, rows, note)


def _network_table(alone: Mapping[str, Mapping[str, Mapping[str, float]]]) -> FindingsTable:
    rows = [
        [network, measure, *(number(stages.get(stage, np.nan)) for stage in STAGES)]
        for network, measures in alone.items()
        for measure, stages in measures.items()
    ]
    note = (
        "Means over checkpoints of each stage. Widths: 2 sd of the fit of each checkpoint's mean curve, steps of 45°."
    )
    return FindingsTable("Height and width of each network", ["network", "", *STAGES], rows, note)


def _remarks(tuned: Tuned, alone: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[str]:
    rises = {measure: rising([measures[measure] for measures in alone.values()]) for measure in MEASURES}
    unfitted = int(np.isnan(tuned.numbers[:, 1]).sum())
    remarks = [
        f"Height rises from early to mid to mature in {rises['height']} ({rises['cross-fitted height']} cross-fitted); "
        "published: it does.",
        f"Width rises from early to mid to mature in {rises['width']}; published: 57.6°, 59.9°, 60.3°, “constant”.",
    ]
    for words in ("height", "width"):
        value, low, high = gap(tuned, "early", "mature", words)
        if np.isfinite(low):
            verdict = "differs from none" if low > 0 or high < 0 else "cannot be told from none"
            interval = with_interval(value, low, high)
            remarks.append(f"Mature − early {words}, by its interval over networks, {verdict}: {interval}.")
    if unfitted:
        remarks.append(f"{unfitted} of {len(tuned.numbers)} checkpoints have no fit: no units, or no convergence.")
    return remarks


def _figure(tuned: Tuned, alone: Mapping[str, Mapping[str, Mapping[str, float]]]) -> "Figure":
    drawn = plotting.figure(columns=3, width=3.8, height=3.2)
    _draw_curves(drawn.axes[0], stage_curves(tuned))
    for ax, measure, unit in ((drawn.axes[1], "height", "change / baseline"), (drawn.axes[2], "width", "2 sd (°)")):
        scale = _STEP if measure == "width" else 1
        for measures in alone.values():
            values = [scale * measures[measure].get(stage, np.nan) for stage in STAGES]
            ax.plot(values, "-", color=plotting.GREY, linewidth=1, zorder=1)
            for place, value in enumerate(values):
                ax.plot(place, value, "o", color=plotting.STAGE_COLOURS[STAGES[place]], markersize=5)
        ax.set_xticks(range(len(STAGES)), STAGES)
        ax.set(xlim=(-0.4, len(STAGES) - 0.6), ylabel=unit)
        ax.set_ylim(bottom=0)
        ax.set_title(f"{measure.capitalize()} of each network")
    theirs = [_STEP * width for _, width in PUBLISHED.values()]
    drawn.axes[2].plot(theirs, "D", color=plotting.INK, markerfacecolor="white", markersize=5, label="published")
    drawn.axes[2].axhline(_STEP, color=plotting.GREY, linewidth=0.8, linestyle=":", label="input")
    drawn.axes[2].legend(fontsize="small", frameon=False, loc="lower left")
    return drawn


def _draw_curves(ax: "Axes", curves: Mapping[str, np.ndarray]) -> None:
    fine, positions = np.linspace(0, PERIOD, 161), np.arange(PERIOD + 1)
    for stage, (theirs, _) in PUBLISHED.items():
        colour = plotting.STAGE_COLOURS[stage]
        ax.plot(_STEP * (positions - _PREFERRED), theirs, "D", color=colour, markerfacecolor="white", markersize=4)
        if stage not in curves:
            continue
        ax.plot(_STEP * (positions - _PREFERRED), curves[stage], "o", color=colour, markersize=4, label=stage)
        fit = fit_of(curves[stage])
        if fit is not None:
            ax.plot(_STEP * (fine - _PREFERRED), fit.predict(fine), color=colour)
    ax.plot([], [], "D", color=plotting.INK, markerfacecolor="white", markersize=4, label="published")
    ax.set(xlabel="cue from preferred location (°)", ylabel="change / baseline", xticks=range(-180, 181, 90))
    ax.set_title(f"{RULE}, {EPOCH}; lines: fits")
    ax.legend(fontsize="small", frameon=False)


STUDY = maturation_study("tuning", "Tuning to the cue at three stages of training", run)
