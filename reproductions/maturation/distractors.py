"""Performance and saccade errors by the distance between cue and distractor, every pair of locations probed."""

from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import distractor_performance, saccade_errors
from ...analysis.maturation import DistractorPerformance, SaccadeErrors
from ...analysis.psth import Stages
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, with_interval
from .checkpoints import network_means, of_each_stage
from .networks import maturation_study, networks
from .populations import rising
from .probes import Probed, probed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RULE = "odrd"
#: fraction correct with the distractor 0, 1, … 4 places from the cue, by stage, read off the figure
PUBLISHED = {
    "early": (0.171, 0.176, 0.212, 0.280, 0.308),
    "mid": (0.267, 0.364, 0.501, 0.559, 0.556),
    "mature": (0.590, 0.648, 0.762, 0.843, 0.853),
}
#: median errors in degrees at the smallest and the largest distance
MEDIANS = {"early": (98.5, 63.0), "mid": (57.0, 31.5), "mature": (31.0, 19.0)}
# A checkpoint costs 64 pairs of 128 trials: some of each stage say what all of them would.
_MOST = 6


def run(bench: Workbench) -> Findings:
    """Probe the networks with every pair of cue and distractor at some checkpoints of each stage."""
    largest = bench.budget["checkpoints"]
    most = min(_MOST, -(-largest // 8))
    found = probed(
        bench,
        networks(bench),
        _RULE,
        lambda network: of_each_stage(network.performance[_RULE], largest, most),
        "distractors",
    )
    return findings(found, bench)


def findings(found: Probed, bench: Workbench) -> Findings:
    """Return the tables and figures of probed checkpoints, scores (checkpoint, cue, distractor, trial)."""
    stages = found.stages()
    curves = distractor_performance(found.scores["performance"].mean(axis=-1), stages, networks=found.networks)
    errors = errors_by_distance(found, stages)
    figures = [
        plotting.save(_curves(curves, stages), bench.output / "distractors.png"),
        plotting.save(_histograms(errors), bench.output / "distractor_errors.png"),
    ]
    values = {
        "performance": dict(zip(curves.stages, curves.performance.tolist(), strict=True)),
        "median_error_deg": dict(zip(errors.stages, np.rad2deg(errors.of("median error")[0]).tolist(), strict=True)),
    }
    tables = [_performance_table(curves, stages), _error_table(errors)]
    return Findings(tables, _remarks(curves, stages, found), figures, values)


def errors_by_distance(found: Probed, stages: Stages) -> SaccadeErrors:
    """Return the distributions of errors at each stage, the distance of the distractor in degrees as the group."""
    n = found.scores["error"].shape[1]
    steps = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    distance = np.minimum(steps, n - steps) * 360 / n
    trials = np.repeat(distance.ravel(), found.scores["error"].shape[-1])
    errors = list(found.scores["error"].reshape(len(found.networks), -1))
    return saccade_errors(errors, stages, groups=[trials] * len(errors), networks=found.networks)


def _performance_table(curves: DistractorPerformance, stages: Stages) -> FindingsTable:
    degrees = [f"{np.rad2deg(angle):g}°" for angle in curves.distance]
    rows = []
    for name, theirs in PUBLISHED.items():
        cells, rise, count = [MISSING] * len(degrees), MISSING, 0
        if name in curves.stages:
            at = curves.stages.index(name)
            bounds = zip(curves.performance[at], curves.low[at], curves.high[at], strict=True)
            cells = [with_interval(*values) for values in bounds]
            rise = with_interval(curves.rise[at], *np.clip([curves.rise_low[at], curves.rise_high[at]], -1, 1))
            count = int(curves.n_checkpoints[at])
        rows.append([name, *cells, rise, str(count)])
        rows.append(["published", *(f"{value:.3f}" for value in theirs), f"{theirs[-1] - theirs[0]:.3f}", ""])
    note = (
        "Fraction correct of 128 noisy trials of each of 64 pairs of cue and distractor, every pair counting alike; "
        f"{curves.level:.0%} intervals over {curves.drawn}. Stages by cuts at 0.35 and 0.65 of the performance on "
        f"ordinary trials; at most {_MOST} checkpoints of each stage and network, evenly spread. Training never "
        "shows the distractor on the cue (0°). Last column: checkpoints."
    )
    return FindingsTable("Fraction correct by distance of the distractor", ["stage", *degrees, "rise", "n"], rows, note)


def _error_table(errors: SaccadeErrors) -> FindingsTable:
    rows = []
    median, low, high = (np.rad2deg(array) for array in errors.of("median error"))
    for name, (nearest, farthest) in MEDIANS.items():
        cells = [MISSING] * len(errors.groups)
        if name in errors.stages:
            at = errors.stages.index(name)
            cells = [with_interval(*values, digits=0) for values in zip(median[at], low[at], high[at], strict=True)]
        between = [""] * (len(errors.groups) - 2)
        rows += [[name, *cells], ["published", f"{nearest:g}", *between, f"{farthest:g}"]]
    note = f"Distance of the response to the target in degrees, all trials; {errors.level:.0%} over {errors.drawn}."
    header = ["stage", *(f"{group}°" for group in errors.groups)]
    return FindingsTable("Median saccade error by distance of the distractor (°)", header, rows, note)


def _remarks(curves: DistractorPerformance, stages: Stages, found: Probed) -> list[str]:
    means = network_means(curves.by_checkpoint, stages)
    remarks = []
    for name in stages.names:
        own = [one[name] for one in means if name in one]
        if own:
            worst, higher = sum(row.argmin() == 0 for row in own), sum(row[-1] > row[0] for row in own)
            remarks.append(
                f"{name.capitalize()}: performance with the distractor opposite the cue is above that with it on the "
                f"cue in {higher} of {len(own)} networks, and on the cue is the worst place in {worst}."
            )
    every = rising([{name: row.mean() for name, row in one.items()} for one in means])
    remarks.append(f"Performance over all distances rises from early to mid to mature in {every}.")
    wrong = 1 - found.scores["performance"].astype(float)
    held = found.scores["fixating"]
    share = f"{held[wrong > 0].mean():.1%} of wrong trials" if wrong.any() else "there are no wrong trials"
    remarks.append(f"Fixation not released by the last step: {share}; published: none.")
    return remarks


def _curves(curves: DistractorPerformance, stages: Stages) -> "Figure":
    """Return means over networks, every network as a thin line (bands of few networks fill the picture), and theirs."""
    drawn = plotting.figure(width=5.2)
    ax, degrees = drawn.axes[0], np.rad2deg(curves.distance)
    for name, mean in zip(curves.stages, curves.performance, strict=True):
        colour = plotting.STAGE_COLOURS[name]
        ax.plot(degrees, mean, color=colour, marker="o", markersize=3.5, linewidth=2, label=name)
        for means in network_means(curves.by_checkpoint, stages):
            if name in means:
                ax.plot(degrees, means[name], color=colour, linewidth=0.7, alpha=0.6)
        if len(PUBLISHED[name]) == len(degrees):
            ax.plot(degrees, PUBLISHED[name], "D", markersize=4.5, mfc="white", color=colour, zorder=3)
    ax.plot([], [], color=plotting.GREY, linewidth=0.7, label="one network")
    ax.plot([], [], "D", markersize=4.5, mfc="white", color=plotting.GREY, label="published")
    ax.axhline(0.2, color=plotting.GREY, linewidth=0.8, linestyle=":", label="chance")
    ax.set(xlabel="distance of distractor from cue (°)", ylabel="fraction correct", xticks=degrees, ylim=(0, 1.02))
    ax.set_title("odrd, distractor at every distance")
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return drawn


def _histograms(errors: SaccadeErrors) -> "Figure":
    drawn = errors.plot_stages()
    legend = drawn.axes[-1].get_legend()
    if legend is not None:
        legend.set_title("distractor at (°)")
    return drawn


STUDY = maturation_study("distractors", "Performance by the distance of a distractor from the cue", run)
