"""The picture of a single cell: its traces, and its responses over the amplitudes of a stimulus."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..results import Array
    from ..trainers.prc.experiments import Experiment, ResponseCurve
    from ..trainers.prc.graph import Cell

_MOST_DRAWN = 5  # amplitudes
_LINES = ("solid", (0, (4, 1.5)))


@dataclasses.dataclass(frozen=True)
class Condition:
    """What the cell does with some channels blocked: traces (trial, time) by name, responses, times of spikes (ms)."""

    block: tuple[str, ...]
    traces: "dict[str, Array]"
    curve: "ResponseCurve"
    onsets: "list[Array] | None"

    @property
    def name(self) -> str:
        """The condition in words."""
        return f"{' and '.join(self.block)} blocked" if self.block else "control"

    @property
    def colour(self) -> str:
        """Ink, the colour of the blocked channel, or grey where several are blocked."""
        several = plotting.GREY if self.block else plotting.INK
        return plotting.CHANNEL_COLOURS.get(self.block[0], several) if len(self.block) == 1 else several

    @property
    def counts(self) -> "Array":
        """The spikes of each trial."""
        return np.array([len(one) for one in self.onsets or ()])


def draw(cell: "Cell", experiment: "Experiment", inputs: "dict[str, Array]", conditions: list[Condition]) -> "Figure":
    """Draw inputs and traces below each other, and at their right the responses where there are several amplitudes."""
    labels = _labels(experiment, inputs)
    panels = _panels(list(labels), _curves(experiment))
    several = len(experiment.amplitudes) > 1
    drawn = np.unique(np.linspace(0, len(experiment.amplitudes) - 1, _MOST_DRAWN).round().astype(int))
    shades = _shades(len(drawn))
    time = experiment.dt * np.arange(next(iter(inputs.values())).shape[-1])
    for row, label in labels.items():
        panel = panels[row]
        panel.set_ylabel(label)
        if row in inputs:
            for trial, shade in zip(drawn, shades, strict=True):
                panel.plot(time, inputs[row][trial], color=shade if several else plotting.INK)
            continue
        for one, line in zip(conditions, _LINES, strict=False):
            for trial, shade in zip(drawn, shades, strict=True):
                values = one.traces[row][trial]
                panel.plot(time, values, color=shade if several else one.colour, linestyle=line, label=one.name)
        if row.endswith("_drive"):
            threshold = getattr(cell[row.removesuffix("_drive")].nonlinearity, "threshold", np.nan)
            panel.axhline(threshold, color=plotting.GREY, linewidth=0.8, linestyle="dotted")
    if not several and len(conditions) > 1:
        handles, names = panels[experiment.response].get_legend_handles_labels()
        place: Any = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2}
        panels[next(iter(labels))].legend(handles, names, fontsize="small", frameon=False, **place)
    for name in _curves(experiment):
        _draw_curve(panels[name], name, experiment, conditions, drawn)
    return plotting.figure_of(panels[experiment.response])


def _labels(experiment: "Experiment", inputs: "dict[str, Array]") -> dict[str, str]:
    """Return the traces to draw, with their labels: inputs that differ, then what the experiment shows."""
    first, *others = inputs
    differ = [first, *(name for name in others if not np.array_equal(inputs[name], inputs[first]))]
    given = {name: f"{name}\ninput" if len(differ) > 1 else "input" for name in differ}
    return given | {name: name.replace("_", "\n") for name in experiment.shown}


def _curves(experiment: "Experiment") -> dict[str, str]:
    """Return the responses to draw over amplitudes, with their labels."""
    if len(experiment.amplitudes) < 2:
        return {}
    return {"peak": f"peak of {experiment.response}"} | ({"count": "spikes"} if experiment.spikes else {})


def _panels(rows: list[str], curves: dict[str, str]) -> "dict[str, Axes]":
    """Return panels by name: the rows at the left, the curves sharing the height at the right."""
    figure = plotting.figure(width=9.2 if curves else 5.6, height=1.15 * len(rows) + 0.6)
    figure.clear()
    beside = [list(curves)[len(curves) * at // len(rows)] if curves else "" for at in range(len(rows))]
    layout: Any = [[row, curve] if curves else [row] for row, curve in zip(rows, beside, strict=True)]
    with plotting.style():
        panels: dict[str, Axes] = figure.subplot_mosaic(layout, width_ratios=(1.6, 1) if curves else None)
    for row in rows:
        panels[row].sharex(panels[rows[0]])
        panels[row].tick_params(labelbottom=row == rows[-1])
        panels[row].margins(x=0.01)
    figure.align_ylabels([panels[row] for row in rows])
    panels[rows[-1]].set_xlabel("time (ms)")
    return panels


def _draw_curve(ax: "Axes", name: str, experiment: "Experiment", conditions: list[Condition], drawn: "Array") -> None:
    """Draw responses over amplitudes; those whose traces are drawn are dots of the traces' colours."""
    from matplotlib.ticker import MaxNLocator

    amplitudes = np.array(experiment.amplitudes)
    for one, line in zip(conditions, _LINES, strict=False):
        values = one.curve.peaks if name == "peak" else one.counts
        ax.plot(amplitudes, values, color=one.colour, linestyle=line, label=one.name, zorder=1)
        ax.scatter(amplitudes[drawn], values[drawn], c=_shades(len(drawn)), s=30, zorder=2)
    last = name == list(_curves(experiment))[-1]
    ax.set(ylabel=_curves(experiment)[name], xlabel=experiment.meaning if last else "")
    if name == "count":
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    elif len(conditions) > 1:
        ax.legend(fontsize="small", frameon=False)
    if name == "peak":
        ax.set_title("dots: the traces at the left")


def _shades(number: int) -> list[Any]:
    import matplotlib

    # The light end of the map is hard to see on white.
    return list(matplotlib.colormaps[plotting.SEQUENTIAL](np.linspace(0, 0.85, number)))
