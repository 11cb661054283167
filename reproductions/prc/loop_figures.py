"""Picture of the cell of figure 6: its three experiments, and what is left of their spikes without the BAP."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .loop import Response, Responses

_COINCIDENCE = {
    "dendrite −15 ms": "Dendritic pulse 15 ms earlier", "dendrite 0 ms": "Both pulses at once",
    "dendrite +15 ms": "Dendritic pulse 15 ms later",
}  # fmt: skip
_SPIKES, _BLOCKED_SPIKES = 2.4, 2.7  # heights at which they are marked
_BAP = plotting.CHANNEL_COLOURS["bap"]


def loop_figure(found: "Mapping[str, Responses]") -> "Figure":
    """Return potentials and spikes of the steps and of the pairs of pulses, and spikes by amplitude of the pulses."""
    drawn = plotting.figure(width=9.5, height=7.0)
    drawn.clear()
    with plotting.style():
        panels: dict[str, Axes] = drawn.subplot_mosaic(
            [["bursting"] * 3, list(_COINCIDENCE), ["gain"] * 3], height_ratios=(1.1, 1, 0.9)
        )
    _draw_bursting(panels["bursting"], found)
    for condition, title in _COINCIDENCE.items():
        ax = panels[condition]
        _draw_traces(ax, found["no drug"]["coincidence"][condition], found["BAP blocked"]["coincidence"][condition])
        ax.set(xlabel="time from the somatic pulse (ms)", xlim=(-20, 45), ylim=(-0.15, 2.9), yticks=(0, 1, 2))
        ax.set_title(title)
    panels["dendrite −15 ms"].set_ylabel("potential (model units)")
    _draw_gain(panels["gain"], found)
    handles, labels = panels["dendrite 0 ms"].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    return drawn


def _draw_traces(ax: "Axes", one: "Response", blocked: "Response") -> None:
    ax.plot(one.time, one.traces["soma_drive"], color=plotting.GREY, label="soma, V_s")
    ax.plot(one.time, one.traces["dendrite"], color=plotting.CHANNEL_COLOURS["sodium"], label="dendrite, V_d")
    _mark(ax, one.onsets, _SPIKES, plotting.INK, "spikes")
    _mark(ax, blocked.onsets, _BLOCKED_SPIKES, _BAP, "spikes with the BAP blocked")


def _mark(ax: "Axes", onsets: np.ndarray, height: float, colour: str, label: str | None = None) -> None:
    ax.plot(onsets, np.full(len(onsets), height), "|", color=colour, markersize=9, label=label)


def _draw_bursting(ax: "Axes", found: "Mapping[str, Responses]") -> None:
    inputs = {"soma": "current into the soma", "dendrite": "into the dendrite", "both": "into both"}
    for condition, one in found["no drug"]["bursting"].items():
        _draw_traces(ax, one, found["BAP blocked"]["bursting"][condition])
        on = one.time[(one.inputs["somatic"] + one.inputs["dendritic"]) > 0]
        ax.plot([on[0], on[-1]], [-0.5, -0.5], color=plotting.INK, linewidth=3, solid_capstyle="butt")
        ax.text(on[0], -0.58, inputs[condition], va="top", fontsize="small")
    ax.set(xlabel="time (ms)", ylabel="potential (model units)", ylim=(-0.95, 2.9), xlim=(0, 412), yticks=(0, 1, 2))
    ax.set_title("Bursting")


def _draw_gain(ax: "Axes", found: "Mapping[str, Responses]") -> None:
    conditions = list(found["no drug"]["gain"])
    for row, condition in enumerate(conditions):
        _mark(ax, found["no drug"]["gain"][condition].onsets, row - 0.17, plotting.INK)
        _mark(ax, found["BAP blocked"]["gain"][condition].onsets, row + 0.22, _BAP)
    ax.set(xlabel="time from both pulses (ms)", xlim=(0, 20), ylim=(len(conditions) - 0.4, -0.6))
    ax.set_yticks(range(len(conditions)), conditions)
    ax.set_title("Gain: spikes by amplitudes of the pulses")
