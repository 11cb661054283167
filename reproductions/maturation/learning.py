"""Learning curves of the six rules, the main training run: anti-saccades first, working memory after a plateau."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import forward_average
from ..study import Findings, FindingsTable, Workbench
from .networks import ANTI_SACCADES, RULES, WORKING_MEMORY, Network, maturation_study, networks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: thousands of trials at which the published network reaches a performance, read off the figure, by rule
PUBLISHED = {
    "overlap": ("≈ 50", "≈ 77"), "zero_gap": ("≈ 50", "≈ 77"), "gap": ("≈ 50", "≈ 77"), "odr": ("580", "≈ 628"),
    "odrd": ("585", "628"), "gap500": ("≈ 50", "≈ 77"),
}  # fmt: skip
_LEVELS = (0.5, 0.95)
# The published curves are smoothed over six checkpoints.
_WINDOW = 5
_CHANCE = 0.2


def run(bench: Workbench) -> Findings:
    """Train the networks and say when each rule was learnt."""
    found = networks(bench)
    figure = plotting.save(_figure(found), bench.output / "learning.png")
    reached = {network.name: {rule: _reached(network, rule) for rule in RULES} for network in found}
    return Findings(
        [_table(found), _plateau_table(found)], _remarks(found), [figure], {"trials_at_0.5_and_0.95": reached}
    )


def reached(trials_seen: np.ndarray, performance: np.ndarray, level: float) -> float:
    """Return the trials after which the average of six checkpoints stays above a level for six, inf if never."""
    above = forward_average(performance, _WINDOW) > level
    runs = np.flatnonzero(np.convolve(above, np.ones(_WINDOW + 1), "valid") == _WINDOW + 1)
    if len(runs):
        return float(trials_seen[runs[0]])
    return float(trials_seen[-1]) if above[-1] else float("inf")


def _reached(network: Network, rule: str) -> list[float]:
    return [reached(network.trials_seen, network.performance[rule], level) for level in _LEVELS]


def _table(found: Sequence[Network]) -> FindingsTable:
    rows = []
    for rule in RULES:
        own = np.array([_reached(network, rule) for network in found]) / 1000
        cells = [", ".join("never" if np.isinf(value) else f"{value:.0f}" for value in column) for column in own.T]
        rows.append([rule, cells[0], PUBLISHED[rule][0], cells[1], PUBLISHED[rule][1]])
    note = (
        "Thousands of trials after which the mean of six checkpoints exceeds 0.5 and 0.95 and stays there for six; one "
        "number per network. Performance on 512 fresh trials with a distractor offset of their own; published: 512 "
        "trials that share 16 offsets, one network."
    )
    return FindingsTable("When each rule is learnt", ["rule", "0.5", "published", "0.95", "published"], rows, note)


def _plateau_table(found: Sequence[Network]) -> FindingsTable:
    rows = []
    for network in found:
        start = np.max([reached(network.trials_seen, network.performance[rule], 0.95) for rule in ANTI_SACCADES])
        cells = []
        for rule in WORKING_MEMORY:
            performance = network.performance[rule]
            stop = reached(network.trials_seen, performance, 0.35)
            inside = (network.trials_seen > start) & (network.trials_seen < stop)
            cells.append(f"{performance[inside].mean():.3f} ({inside.sum()})" if inside.any() else "–")
        rows.append([network.name, *cells, f"{network.trials_seen[-1] / 1000:.0f}"])
    rows.append(["published", "0.20", "0.20", "628"])
    note = (
        "Mean performance (number of checkpoints) between the time when all anti-saccades are learnt and the time when "
        "the rule passes 0.35; chance is 0.20. Last column: thousands of trials at the end of the training."
    )
    return FindingsTable("The plateau of working memory", ["network", *WORKING_MEMORY, "end"], rows, note)


def _remarks(found: Sequence[Network]) -> list[str]:
    ordered = 0
    for network in found:
        times = {rule: reached(network.trials_seen, network.performance[rule], 0.5) for rule in RULES}
        first = np.max([times[rule] for rule in ANTI_SACCADES])
        ordered += bool(first < min(times[rule] for rule in WORKING_MEMORY))
    mature = sum(min(network.performance[rule][-1] for rule in RULES) > 0.9 for network in found)
    return [
        f"Every anti-saccade rule comes before ODR and ODRD in {ordered} of {len(found)} networks.",
        f"{mature} of {len(found)} networks end above 0.9 on every rule.",
    ]


def _figure(found: Sequence[Network]) -> "Figure":
    columns = min(len(found), 3)
    drawn = plotting.figure(rows=-(-len(found) // columns), columns=columns, width=4.2, height=3.0)
    for ax, network in zip(drawn.axes, found, strict=False):
        _curves(ax, network)
    for ax in drawn.axes[len(found) :]:
        ax.remove()
    drawn.axes[-1].legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return drawn


def _curves(ax: "Axes", network: Network) -> None:
    for rule, colour in plotting.CUED_RULE_COLOURS.items():
        smooth = forward_average(network.performance[rule], _WINDOW)
        ax.plot(network.trials_seen / 1000, smooth, color=colour, label=rule)
    ax.axhline(_CHANCE, color="0.6", linewidth=0.8, linestyle=":")
    ax.set(xlabel="training trials (thousands)", ylabel="fraction correct", ylim=(0, 1.03))
    ax.set_title(network.name, loc="left")


STUDY = maturation_study("learning", "Learning curves of anti-saccade and working-memory rules", run)
