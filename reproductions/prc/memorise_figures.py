"""Figures of memorisation: accuracy through training, and the ranking on equal terms."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from .outcomes import Outcomes
from .published_networks import EPOCHS, NAMES, REFERENCE
from .ranking import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CHANCE = 0.5


def curves(found: Mapping[str, Outcomes]) -> "Figure":
    """Return accuracy against epochs, mean ± standard error over networks, and before and after as boxes."""
    drawn = plotting.figure(columns=2, width=4.6, height=3.4)
    over_time, boxes = drawn.axes
    for kind, one in found.items():
        colour, values = plotting.NEURON_COLOURS[kind], one.accuracy
        mean, error = values.mean(0), values.std(0) / np.sqrt(max(len(values) - 1, 1))
        over_time.plot(one.epochs, mean, color=colour, label=NAMES[kind])
        over_time.fill_between(one.epochs, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        shown = [epoch for epoch in EPOCHS if epoch <= one.epochs[-1]]
        over_time.plot(shown, REFERENCE[kind].accuracy[: len(shown)], "o", color=colour, markersize=4)
    over_time.set(xlabel="epoch", ylabel="patterns answered right", title="as published (dots: reference)")
    _boxes(boxes, found)
    _chance(over_time)
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
    words = [NAMES[kind].replace(" ", "\n", 1) for kind in found]
    ax.set_xticks(range(len(found)), words, fontsize="small")
    ax.set(ylabel="patterns answered right", title="before (pale) and after training", ylim=(0.4, 1.02))
    _chance(ax)


def ranking(found: Ranking, published: Mapping[str, Outcomes]) -> "Figure":
    """Return the accuracy of every network on equal terms beside that of the published setting."""
    drawn = plotting.figure(columns=2, width=4.0, height=3.2)
    panels = (
        ("as published", {kind: one.accuracy[:, -1] for kind, one in published.items()}),
        ("on equal terms, best to worst", {kind: found.at_best(kind) for kind in found.order}),
    )
    for ax, (title, values) in zip(drawn.axes, panels, strict=True):
        for place, (kind, own) in enumerate(values.items()):
            colour = plotting.NEURON_COLOURS[kind]
            spread = place + np.linspace(-0.15, 0.15, len(own))
            ax.plot(spread, own, "o", color=colour, markersize=4, alpha=0.6)
            ax.hlines(own.mean(), place - 0.3, place + 0.3, color=colour, linewidth=2)
        ax.set_xticks(range(len(values)), [NAMES[kind].replace(" ", "\n", 1) for kind in values], fontsize="small")
        ax.set(title=title, ylim=(0.4, 1.02))
        _chance(ax)
    drawn.axes[0].set_ylabel("patterns answered right")
    return drawn


def _chance(ax: "Axes") -> None:
    ax.axhline(_CHANCE, color=plotting.GREY, linewidth=0.8, linestyle=":")
    ax.annotate(
        "chance ",
        (1, _CHANCE),
        xycoords=("axes fraction", "data"),
        color=plotting.GREY,
        ha="right",
        va="bottom",
        fontsize="small",
    )
