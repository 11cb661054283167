"""Pictures of averages over trials and of training: curves with bands, epochs shaded and named."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ..validation import Array
from .bands import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .growth import TrainingGrowth
    from .record import PSTH
    from .stage_record import StagePSTH

_MOST_NAMED = 14  # conditions; a longer legend is cut off
_LETTER = 0.062  # inches, of an epoch's name


def psth_curves(found: "PSTH", ax: "Axes", unit: int | None, epochs: Mapping[str, Any]) -> "Axes":
    """Draw one unit with its band over trials, or the mean over units with that over units."""
    if unit is None:
        mean, low, high = found.population()
        n_units = int(found.in_population.sum())
        title = f"Mean over {n_units} units"
        about = f"{percent(found.level)} interval over units"
        shown = n_units > 1
    else:
        mean = found.mean[:, :, unit]
        low, high = (
            np.full(mean.shape, np.nan) if band is None else band[:, :, unit] for band in (found.low, found.high)
        )
        title = f"Unit {unit}"
        about = f"{percent(found.level)} interval over trials"
        shown = bool(np.isfinite(low).any())
    shown = shown and len(found.conditions) <= plotting.MOST_BANDS
    marker: Any = {"marker": "o"} if len(found.time) == 1 else {}
    for index, (name, style) in enumerate(styles(found.conditions).items()):
        around = (low[index], high[index]) if shown else (mean[index], mean[index])
        plotting.banded_curve(ax, found.time, mean[index], *around, label=_short(name), **{**style, **marker})
    ax.set_title(f"{title}, {about}" if shown else title)
    label_axes(ax, found.time, found.time_unit, found.quantity, aligned=found.aligned)
    if len(found.conditions) > 1:
        handles, names = ax.get_legend_handles_labels()
        step = -(-len(names) // _MOST_NAMED)
        place: Any = {"loc": "center left", "bbox_to_anchor": (1, 0.5), "frameon": False}
        ax.legend(handles[::step], names[::step], fontsize="small", **place)
    if found.counts is not None:
        ax.set_ylim(bottom=0)
    mark_epochs(ax, epochs)
    return ax


def _short(name: str) -> str:
    """Return a condition as a legend names it: numbers with four digits."""
    try:
        return f"{float(name):.4g}"
    except ValueError:
        return name


def stage_curves(found: "StagePSTH", ax: "Axes", epochs: Mapping[str, Any]) -> "Axes":
    """Draw every stage in its colour, conditions by line."""
    names, curves = _few(found.conditions, found.mean, found.low, found.high)
    for stage, name in enumerate(found.stages):
        score = "" if found.performance is None else f", {found.performance[stage]:.2f} correct"
        about = f"{name}{score}, {found.n_units[stage]:.0f} units"
        colour = plotting.stage_colour(name, stage)
        for index, style in enumerate(styles(names, colour).values()):
            plotting.banded_curve(
                ax, found.time, *curves[:, stage, index], label=about if index == 0 else None, **style
            )
    ax.set_title(f"Stages of training, {percent(found.level)} intervals over {found.drawn}")
    if len(found.conditions) > 1:
        for condition, style in styles(names, plotting.INK).items():
            ax.plot([], [], label=_short(condition), **style)
    _finish(ax, found, found.quantity, epochs)
    return ax


def difference_curves(found: "StagePSTH", ax: "Axes", epochs: Mapping[str, Any]) -> "Axes":
    """Draw the difference between each pair of stages."""
    colours = list(plotting.RULE_COLOURS.values())
    names, curves = _few(found.conditions, found.difference, found.difference_low, found.difference_high)
    ax.axhline(0, color=plotting.GREY, linewidth=0.8)
    for pair, (first, second) in enumerate(found.pairs):
        for index, (condition, style) in enumerate(styles(names, colours[pair % len(colours)]).items()):
            label = f"{second} − {first}, {condition}"
            plotting.banded_curve(ax, found.time, *curves[:, pair, index], label=label, **style)
    ax.set_title(f"Differences between stages, {percent(found.level)} intervals over {found.drawn}")
    _finish(ax, found, f"difference of {found.quantity}", epochs)
    return ax


def _few(names: tuple[str, ...], *curves: Array) -> tuple[tuple[str, ...], Array]:
    """Return curves (3, stage, condition, time) that can be told apart: of many conditions their mean, without band."""
    if len(names) <= plotting.MOST_BANDS:
        return names, np.stack(curves)
    mean = curves[0].mean(axis=1, keepdims=True)
    return (f"mean of {len(names)} conditions",), np.stack(
        [mean, np.full_like(mean, np.nan), np.full_like(mean, np.nan)]
    )


def _finish(ax: "Axes", found: "StagePSTH", quantity: str, epochs: Mapping[str, Any]) -> None:
    label_axes(ax, found.time, found.time_unit, quantity, aligned=found.aligned)
    ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    mark_epochs(ax, epochs)


def growth_curves(found: "TrainingGrowth", ax: "Axes") -> "Axes":
    """Draw values against training trials, performance in grey behind them."""
    for index, (name, style) in enumerate(styles(found.conditions).items()):
        marker: Any = {"marker": "o", "markersize": 2.5} if len(found.trials_seen) <= 60 else {}
        plotting.banded_curve(
            ax, found.trials_seen, found.value[:, index], found.low[:, index], found.high[:, index],
            label=name if len(found.conditions) > 1 else None, **style, **marker,
        )  # fmt: skip
    ax.set_title(f"Growth over training, {percent(found.level)} intervals over {found.drawn}")
    ax.set(xlabel="training trials", ylabel=found.quantity)
    if found.performance is not None:
        beside = ax.twinx()
        beside.plot(found.trials_seen, found.performance, color=plotting.GREY, linewidth=1.0, linestyle="dotted")
        beside.set(ylim=(0, 1.02), ylabel="performance (dotted)")
        beside.spines[["top", "left", "bottom"]].set_visible(False)
        beside.spines["right"].set(visible=True, color=plotting.GREY)
        beside.yaxis.label.set_color(plotting.GREY)
        beside.tick_params(colors=plotting.GREY)
    if len(found.conditions) > 1:
        ax.legend(fontsize="small", loc="best", frameon=False)
    return ax


def styles(names: tuple[str, ...], colour: str | None = None) -> dict[str, dict[str, Any]]:
    """Return the line of each condition: the opposite of the preferred one is dashed in the same colour."""
    if set(names) <= {"preferred", "opposite"}:
        one = colour or plotting.BLUE
        return {name: {"color": one, "linestyle": "solid" if name == "preferred" else "dashed"} for name in names}
    if colour is not None:
        lines = ("solid", "dashed", "dotted", "dashdot")
        return {name: {"color": colour, "linestyle": lines[i % len(lines)]} for i, name in enumerate(names)}
    return plotting.group_styles(names)


def label_axes(ax: "Axes", time: Array, time_unit: str, quantity: str, *, aligned: bool) -> None:
    """Name the axes and mark the moment of alignment."""
    words = "time from event" if aligned else "time"
    ax.set(xlabel=f"{words} (s)" if time_unit == "s" else "sample", ylabel=quantity)
    ax.margins(x=0)
    if aligned and time[0] < 0 < time[-1]:
        ax.axvline(0, color=plotting.GREY, linewidth=0.8, zorder=0.6)


def mark_epochs(ax: "Axes", epochs: Mapping[str, Any]) -> None:
    """Shade epochs, (start, stop) each, where they lie in view, and name them above the panel."""
    first, last = ax.get_xlim()
    shown = {}
    for name, edges in epochs.items():
        start, stop = max(float(edges[0]), first), min(float(edges[1]), last)
        if start < stop and not (start <= first and stop >= last):
            shown[name.replace("_", " ")] = (start, stop)
    if not shown:
        return
    for start, stop in shown.values():
        ax.axvspan(start, stop, color=plotting.INK, alpha=0.07, linewidth=0, zorder=0)
        ax.axvline(start, color="white", linewidth=1.0, zorder=0.5)
    ax.set_xlim(first, last)
    above = ax.secondary_xaxis("top")
    inches = plotting.figure_of(ax).get_figwidth() * 0.75 / (last - first)
    crowded = any(inches * (stop - start) < _LETTER * len(name) for name, (start, stop) in shown.items())
    style: Any = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if crowded else {}
    above.set_xticks([sum(edges) / 2 for edges in shown.values()], list(shown), fontsize="x-small", **style)
    above.tick_params(length=0, pad=1)
    above.spines["top"].set_visible(False)
