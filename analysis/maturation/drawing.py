"""Pictures of stages of training: error distributions, distances, activity in an epoch, shared units."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ..psth.bands import percent
from ..validation import Array
from .period_record import histogram_edges

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .direction_overlap import DirectionOverlap
    from .distractor import DistractorPerformance
    from .period_comparison import PeriodComparison
    from .period_record import PeriodActivity
    from .saccade_record import SaccadeErrors

_MOST_NAMED_CHECKPOINTS = 12
_OVERLAP_COLOURS = {"both": plotting.INK, "same": plotting.BLUE, "different": plotting.VERMILION}


def error_histograms(found: "SaccadeErrors", ax: "Axes", group: int) -> "Axes":
    """Draw the distribution of errors at each stage with its band, the criterion dashed."""
    edges = np.rad2deg(found.bin_edges)
    for stage, name in enumerate(found.stages):
        colour = plotting.stage_colour(name, stage)
        ax.stairs(
            100 * found.fraction[stage, group], edges, color=colour, linewidth=1.4,
            label=f"{name}, {found.value[stage, group, 0]:.0%} correct",
        )  # fmt: skip
        low, high = (
            np.append(bound, bound[-1])
            for bound in (found.fraction_low[stage, group], found.fraction_high[stage, group])
        )
        ax.fill_between(edges, 100 * low, 100 * high, step="post", color=colour, alpha=0.18, linewidth=0)
    _error_axes(ax, found)
    shown = f", {_grouped_by(found)} {found.groups[group]}" if len(found.groups) > 1 else ""
    ax.set_title(f"Saccade errors{shown}, {percent(found.level)} intervals over {found.drawn}")
    ax.legend(fontsize="small", frameon=False)
    return ax


def error_panels(found: "SaccadeErrors") -> "Figure":
    """Draw one panel for each stage, one line for each group."""
    from matplotlib import colormaps

    drawn = plotting.figure(columns=len(found.stages), width=3.2, height=2.8)
    shades = colormaps[plotting.SEQUENTIAL](np.linspace(0, 0.85, len(found.groups)))
    edges, most = np.rad2deg(found.bin_edges), float(np.nanmax(100 * found.fraction, initial=1.0))
    for stage, (name, ax) in enumerate(zip(found.stages, drawn.axes, strict=True)):
        for group, label in enumerate(found.groups):
            colour: Any = shades[group] if len(found.groups) > 1 else plotting.stage_colour(name, stage)
            ax.stairs(100 * found.fraction[stage, group], edges, color=colour, linewidth=1.2, label=label)
        _error_axes(ax, found)
        ax.set_ylim(0, 1.05 * most)
        ax.set_title(name)
    for ax in drawn.axes[1:]:
        ax.set_ylabel("")
    if len(found.groups) > 1:
        title = _grouped_by(found)
        drawn.axes[-1].legend(title=title, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return drawn


def _grouped_by(found: "SaccadeErrors") -> str:
    return str(found.parameters.get("groups") or "group").replace("_", " ")


def _error_axes(ax: "Axes", found: "SaccadeErrors") -> None:
    ax.axvline(np.rad2deg(found.criterion), color=plotting.GREY, linewidth=0.9, linestyle="dashed")
    ax.set(xlabel=f"distance to {found.relative_to} (°)", ylabel="trials (%)", xlim=(0, 180), xticks=range(0, 181, 45))
    ax.set_ylim(bottom=0)


def distance_curves(found: "DistractorPerformance", ax: "Axes") -> "Axes":
    """Draw performance against the distance of the distractor, every stage in its colour."""
    degrees = np.rad2deg(found.distance)
    for stage, name in enumerate(found.stages):
        plotting.banded_curve(
            ax, degrees, found.performance[stage], found.low[stage], found.high[stage], label=name,
            color=plotting.stage_colour(name, stage), marker="o", markersize=3.5,
        )  # fmt: skip
    ax.set(xlabel="distance of distractor from cue (°)", ylabel="fraction correct", xticks=degrees, ylim=(0, 1.02))
    ax.set_xticks(degrees, [f"{angle:.4g}" for angle in degrees])
    ax.set_title(f"Distractor, {percent(found.level)} intervals over {found.drawn}")
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax


def period_histograms(found: "PeriodActivity", ax: "Axes", width: float) -> "Axes":
    """Draw the density of units at each stage, the means as lines."""
    edges = histogram_edges(found.values, width)
    for stage, name in enumerate(found.stages):
        own, colour = found.of_stage(name), plotting.stage_colour(name, stage)
        if not len(own):
            ax.plot([], [], color=colour, label=f"{name}: no units")
            continue
        ax.stairs(
            np.histogram(own, edges, density=True)[0], edges, color=colour, linewidth=1.2,
            label=f"{name}: mean {found.mean[stage]:.3g}, {len(own)} units",
        )  # fmt: skip
        ax.axvline(found.mean[stage], color=colour, linewidth=0.9, linestyle="dashed")
    ax.set(xlabel=f"{found.quantity}, {found.period}", ylabel="density of units")
    ax.set_ylim(bottom=0)
    ax.set_title(
        "Activity of units by stage" if found.p_value is None else f"Units as observations: {found.test_text()}"
    )
    ax.legend(fontsize="small", frameon=False, title="dashed: means" if len(found.values) else None)
    return ax


def period_boxes(found: "PeriodActivity", ax: "Axes") -> "Axes":
    """Draw a box for each stage with units, and the mean of every network at that stage as a dot."""
    for stage, name in enumerate(found.stages):
        own, colour = found.of_stage(name), plotting.stage_colour(name, stage)
        if len(own):
            ax.boxplot(
                own, positions=[stage], widths=0.55, medianprops={"color": plotting.INK},
                boxprops={"color": colour}, whiskerprops={"color": colour}, capprops={"color": colour},
                flierprops={"marker": ".", "markersize": 3, "markeredgecolor": colour, "alpha": 0.4},
            )  # fmt: skip
        means = found.network_mean[stage]
        ax.plot(np.full(len(means), stage), means, "D", markersize=4, color=colour, markeredgecolor="white", zorder=3)
    named = [f"{name}\n{n} units" for name, n in zip(found.stages, found.n_units, strict=True)]
    ax.set_xticks(range(len(found.stages)), named)
    ax.set_xlim(-0.6, len(found.stages) - 0.4)
    ax.set(ylabel=f"{found.quantity},\n{found.period}")
    ax.set_title("Units (boxes), means of networks (◆)")
    return ax


def p_value_matrix(found: "PeriodComparison", ax: "Axes") -> "Axes":
    """Draw log10 p of every pair, capped at 1e-10, and what is not tested in grey."""
    shown = np.log10(np.maximum(found.adjusted_p_values, 1e-10))
    ax.set_facecolor("#dddddd")
    image = ax.imshow(shown, cmap=f"{plotting.SEQUENTIAL}_r", vmin=-10, vmax=0)
    bar = plotting.figure_of(ax).colorbar(
        image, ax=ax, shrink=0.85, label="p" if found.adjustment is None else f"p ({found.adjustment})"
    )
    ticks = [-10, -8, -6, -4, -2, 0]
    bar.set_ticks(ticks, labels=["≤ 1e-10", *(f"1e{tick}" for tick in ticks[1:-1]), "1"])
    step = -(-len(found.names) // _MOST_NAMED_CHECKPOINTS)
    places = np.arange(0, len(found.names), step)
    ax.set_xticks(places, [found.names[place] for place in places], rotation=45, ha="right", fontsize="small")
    ax.set_yticks(places, [found.names[place] for place in places], fontsize="small")
    ax.set(xlabel="checkpoint", ylabel="checkpoint")
    ax.set_title("t tests of units between checkpoints (grey: none)")
    return ax


def overlap_curves(found: "DirectionOverlap", ax: "Axes") -> "Axes":
    """Draw shared units, those of the same and of different preference against training; bands are chance."""
    bands: dict[str, tuple[Array, Array]] = {
        "both": (found.both_low, found.both_high), "same": (found.same_low, found.same_high),
    }  # fmt: skip
    labels = {"both": "in both", "same": "same preferred", "different": "different preferred"}
    for code in range(len(found.networks)):
        own = np.flatnonzero(found.network_codes == code)
        own = own[np.argsort(found.trials_seen[own], kind="stable")]
        for name, colour in _OVERLAP_COLOURS.items():
            values, width = getattr(found, name), 2.6 if name == "both" else 1.3  # units in both may all agree
            marker: Any = {"marker": "o", "markersize": 2.5} if len(own) <= 60 else {}
            ax.plot(
                found.trials_seen[own], values[own], color=colour, label=labels[name] if code == 0 else None,
                linewidth=width * (1 if len(found.networks) == 1 else 0.5), **marker,
            )  # fmt: skip
            if name in bands and len(found.networks) == 1:
                low, high = bands[name]
                ax.fill_between(
                    found.trials_seen[own], low[own], high[own], color=colour, alpha=0.18, linewidth=0,
                    label=f"{labels[name]}, by chance ({percent(found.level)})",
                )  # fmt: skip
    ax.set(xlabel="training trials", ylabel="units")
    ax.set_ylim(bottom=0)
    ax.set_title(f"Selective for {found.names[0]} and {found.names[1]}")
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return ax
