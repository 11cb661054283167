"""Time courses of every location in a panel for each stage and component, and shares of variance by stage."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ...analysis.psth.drawing import mark_epochs
from ...readers import Recording
from .moments import at_stage
from .populations import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Opposite places share a colour: four of Okabe and Ito's palette.
_COLOURS = (plotting.BLUE, plotting.VERMILION, plotting.GREEN, plotting.PINK)


def location_style(unit: int) -> dict[str, Any]:
    """Return the line of a place on the ring of 8: the four from 180° on are dashed, in the colour of the opposite."""
    return {"color": _COLOURS[unit % 4], "linestyle": "solid" if unit < 4 else (0, (3, 1.5))}


def stage_panels(
    rows: Sequence[tuple[str, np.ndarray]], columns: Sequence[str], recording: Recording, units: Sequence[int], *,
    ylabel: str, title: str,
) -> "Figure":  # fmt: skip
    """Return a figure of one row for each stage, with traces (column, location, time) in one panel per column.

    ``recording`` has the times and the epochs, ``units`` of the ring of 8 are where the cues were.
    """
    time = np.asarray(recording.time)
    epochs = {name: edges for name, edges in recording.epochs.items() if name != "trial"}
    drawn = plotting.figure(rows=len(rows), columns=len(columns), width=3.7, height=2.5)
    panels = np.array(drawn.axes).reshape(len(rows), len(columns))
    for row, (name, traces) in zip(panels, rows, strict=True):
        for ax, column, curves in zip(row, columns, traces, strict=True):
            for curve, unit in zip(curves, units, strict=True):
                ax.plot(time, curve, linewidth=1.1, label=f"{45 * unit}°", **location_style(unit))
            ax.axhline(0, color=plotting.GREY, linewidth=0.6, zorder=0.4)
            ax.margins(x=0)
            ax.set_title(f"{name}: {column}")
            mark_epochs(ax, epochs)
        row[0].set_ylabel(ylabel)
    for ax in panels[-1]:
        ax.set_xlabel("time (s)")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    with plotting.style():
        drawn.legend(handles, labels, loc="outside right center", title="cue at", fontsize="small")
        drawn.suptitle(title, x=0.01, ha="left", fontsize="large")
    return drawn


def stage_bars(ax: "Axes", values: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Draw numbers (name → for each network stage → number): a bar per stage for the mean, a dot per network."""
    width = 0.8 / len(STAGES)
    for place, networks in enumerate(values.values()):
        for shift, stage in enumerate(STAGES):
            own = at_stage(networks, stage)
            if own:
                at, colour = place + (shift - 1) * width, plotting.STAGE_COLOURS[stage]
                ax.bar(at, np.mean(own), width, color=colour, alpha=0.55, label=stage if place == 0 else None)
                ax.plot(np.full(len(own), at), own, ".", color=plotting.INK, markersize=4)
    ax.set_xticks(range(len(values)), list(values))
