"""Figures of the spoken digits: three recordings, and accuracy of every kind of neuron."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...trainers.task import Trials
from .. import drawing
from .outcomes import Outcomes
from .published_networks import NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CHANCE = 0.05


def examples(trials: Trials) -> "Figure":
    """Return the events of recordings, channel against step."""
    drawn = plotting.figure(columns=len(trials), width=3.0, height=2.8)
    corpus = str(trials.columns["corpus"][0])
    for place, ax in enumerate(drawn.axes):
        steps, channels = np.nonzero(np.asarray(trials.inputs[place]))
        ax.plot(steps, channels, ".", color=plotting.INK, markersize=1)
        words = [str(trials.columns[name][place]) for name in ("language", "digit") if name in trials.columns]
        ax.set(xlabel="step (14.1 ms of sound)", title=" ".join(words) or f"label {trials.columns['label'][place]}")
    drawn.axes[0].set_ylabel("channel")
    drawn.suptitle(corpus, x=0.01, ha="left", fontsize="medium")
    return drawn


def learning(found: Mapping[str, Outcomes], name: str) -> "Figure":
    """Return training accuracy against epochs, and each network's accuracy before, after and on the test."""
    drawn = plotting.figure(columns=2, width=4.6, height=3.4)
    over_time, points = drawn.axes
    for place, (kind, one) in enumerate(found.items()):
        colour = plotting.NEURON_COLOURS[kind]
        over_time.plot(one.epochs, one.accuracy.mean(0), color=colour, label=NAMES[kind])
        moments = (one.accuracy[:, 0], one.accuracy[:, -1], one.log["validation_performance"][:, -1])
        for at, values in enumerate(moments):
            shift = at + 0.13 * (place - 2)
            drawing.dots(points, shift, values, colour, width=0.1)
    over_time.set(xlabel="epoch", ylabel="accuracy", title=f"training, {name}", ylim=(0, 1.02))
    points.set_xticks(range(3), ["training,\nbefore", "training,\nafter", "test,\nafter"])
    points.set(title="each network (bars: means)", ylim=(0, 1.02))
    for ax in drawn.axes:
        drawing.chance(ax, _CHANCE)
    drawn.legend(*over_time.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return drawn
