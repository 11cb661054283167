"""Pictures of bursts: event rate and burst fraction over time, intervals, and what each code tells."""

from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ..psth.drawing import mark_epochs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .comparison import CodeComparison
    from .record import BurstStatistics

_MOST_NAMED = 12
_BURST, _OTHER = plotting.VERMILION, plotting.BLUE
_QUANTITIES = {
    "event_rate": ("Event rate", "events per unit (Hz)"),
    "burst_fraction": ("Burst fraction", "bursts / events"),
}


def draw_over_time(found: "BurstStatistics", quantity: str, ax: "Axes | None" = None) -> "Axes":
    """Draw a quantity of every condition and group over time."""
    ax = plotting.axes_or_new(ax, width=5.4)
    values, errors = getattr(found, f"{quantity}s"), getattr(found, f"{quantity}_sems")
    centres = (found.edges[1:] + found.edges[:-1]) / 2
    curves = [(c, g) for c in range(len(found.conditions)) for g in range(len(found.groups))]
    names = [_name(found, *curve) for curve in curves]
    banded = len(curves) <= plotting.MOST_BANDS
    with plotting.style():
        for curve, name, line in zip(curves, names, plotting.group_styles(names).values(), strict=True):
            value = values[curve]
            error = np.nan_to_num(errors[curve]) if banded else 0
            # Points too: bins without an event on both sides leave no line.
            line |= {"marker": "o", "markersize": 2.5}
            plotting.banded_curve(ax, centres, value, value - error, value + error, label=name, **line)
        title, label = _QUANTITIES[quantity]
        ax.set(xlabel="time (s)", ylabel=label, xlim=(found.edges[0], found.edges[-1]))
        ax.set_ylim(bottom=0, top=1.02 if quantity == "burst_fraction" else None)
        ax.set_title(f"{title} ± standard error over trials" if banded else title)
        if 1 < len(curves) <= _MOST_NAMED:
            ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
        mark_epochs(ax, found.epochs)
    return ax


def _name(found: "BurstStatistics", condition: int, group: int) -> str:
    parts = [found.conditions[condition]] if len(found.conditions) > 1 else []
    return ", ".join(parts + ([found.groups[group]] if len(found.groups) > 1 or not parts else []))


def draw_intervals(found: "BurstStatistics", ax: "Axes | None" = None) -> "Axes":
    """Draw the histogram of intervals on a logarithmic axis, those short enough for a burst in another colour."""
    ax = plotting.axes_or_new(ax, width=4.6)
    edges, total = 1e3 * found.interval_edges, max(1, int(found.interval_counts.sum()))
    # Bins differ in width: a density per decade does not show that.
    density = found.interval_counts / total / np.diff(np.log10(edges))
    short = found.interval_edges[1:] < found.max_interval + 0.51 * found.dt
    with plotting.style():
        for which, colour, label in ((short, _BURST, "within bursts"), (~short, _OTHER, "longer")):
            ax.bar(edges[:-1][which], density[which], np.diff(edges)[which], align="edge", color=colour, label=label)
        ax.axvline(1e3 * found.max_interval, color=plotting.INK, linewidth=1.0, linestyle="dashed")
        ax.set_xscale("log")
        ax.set(xlabel="interval (ms)", ylabel="share of intervals per decade", xlim=(edges[0], edges[-1]))
        ax.set_title(f"{found.interval_counts.sum()} intervals; dashed: {1e3 * found.max_interval:.4g} ms")
        ax.legend(fontsize="small")
    return ax


def draw_codes(found: "CodeComparison", ax: "Axes | None" = None) -> "Axes":
    """Draw the score of every code with its interval, chance, and what permuted labels reach."""
    ax = plotting.axes_or_new(ax, width=4.6)
    places = np.arange(len(found.codes))
    errors = np.abs(np.stack([found.scores - found.low, found.high - found.scores]))
    with plotting.style():
        ax.errorbar(found.scores, places, xerr=errors, fmt="o", color=_OTHER, label="95 % interval")
        ax.axvline(found.chance, color=plotting.GREY, linewidth=0.9, linestyle="dashed", label="chance")
        if found.null_bounds is not None:
            ax.plot(found.null_bounds, places, "|", color=plotting.INK, markersize=11, label="95 % of permutations")
        ax.set_yticks(places, [code.replace("_", " ") for code in found.codes])
        ax.set(ylim=(len(places) - 0.5, -0.5), xlabel=found.measure)
        ax.set_title(f"Decoding {found.target} from each code")
        ax.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
    return ax
