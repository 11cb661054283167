"""Figures of memorisation: accuracy through training, and the ranking on equal terms."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from .. import drawing
from .outcomes import Outcomes
from .published_networks import EPOCHS, NAMES, REFERENCE
from .ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHANCE = 0.5


def curves(found: Mapping[str, Outcomes]) -> "Figure":
    """Return accuracy against epochs, mean ± standard error over networks, and before and after as boxes."""
    drawn = plotting.figure(columns=2, width=5.2, height=3.4)
    over_time, boxes = drawn.axes
    for kind, one in found.items():
        colour, values = plotting.NEURON_COLOURS[kind], one.accuracy
        mean, error = values.mean(0), values.std(0) / np.sqrt(max(len(values) - 1, 1))
        plotting.banded_curve(over_time, one.epochs, mean, mean - error, mean + error, label=NAMES[kind], color=colour)
        shown = [epoch for epoch in EPOCHS if epoch <= one.epochs[-1]]
        over_time.plot(shown, REFERENCE[kind].accuracy[: len(shown)], "o", color=colour, markersize=4)
    over_time.set(xlabel="epoch", ylabel="patterns answered right")
    over_time.set_title("as published, mean ± s.e. (dots: reference)")
    drawing.chance(over_time, _CHANCE)
    _boxes(boxes, found)
    drawn.legend(*over_time.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return drawn


def _boxes(ax: "Axes", found: Mapping[str, Outcomes]) -> None:
    for place, (kind, one) in enumerate(found.items()):
        for shift, row, alpha in ((-0.2, 0, 0.35), (0.2, -1, 1.0)):
            box = ax.boxplot(
                one.accuracy[:, row], positions=[place + shift], widths=0.32, patch_artist=True, manage_ticks=False
            )
            box["boxes"][0].set(facecolor=plotting.NEURON_COLOURS[kind], alpha=alpha, linewidth=0.8)
            box["medians"][0].set(color="black")
    _by_kind(ax, found)
    ax.set(title="networks before (pale) and after training")


def ranking(found: Ranking, published: Mapping[str, Outcomes]) -> "Figure":
    """Return the accuracy of every network on equal terms beside that of the published setting."""
    drawn = plotting.figure(columns=2, width=4.0, height=3.2)
    panels = (
        ("as published (bars: means)", {kind: one.accuracy[:, -1] for kind, one in published.items()}),
        ("on equal terms, best to worst", {kind: found.at_best(kind) for kind in found.order}),
    )
    for ax, (title, values) in zip(drawn.axes, panels, strict=True):
        for place, (kind, own) in enumerate(values.items()):
            drawing.dots(ax, place, own, plotting.NEURON_COLOURS[kind])
        _by_kind(ax, values)
        ax.set_title(title)
    return drawn


def _by_kind(ax: "Axes", kinds: Iterable[str]) -> None:
    """Name kinds along the x axis of a panel of accuracies."""
    words = [NAMES[kind].replace(" ", "\n", 1) for kind in kinds]
    ax.set_xticks(range(len(words)), words, fontsize="small")
    ax.set(ylabel="patterns answered right", ylim=(0.4, 1.02))
    drawing.chance(ax, _CHANCE)
