"""What pictures of several studies have in common: the line of chance, and the networks of a kind as dots."""

from typing import TYPE_CHECKING

import numpy as np

from .. import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def chance(ax: "Axes", level: float) -> None:
    """Draw what guessing gives as a dotted line, named beside the panel where nothing is in the way."""
    ax.axhline(level, color=plotting.GREY, linewidth=0.8, linestyle=":")
    place = ("axes fraction", "data")
    ax.annotate("chance", (1.01, level), xycoords=place, color=plotting.GREY, va="center", fontsize="small")


def dots(ax: "Axes", place: float, values: np.ndarray, colour: str, width: float = 0.6) -> None:
    """Draw a dot for each network (run,) side by side, and a bar of this width at their mean."""
    ax.plot(place + width * np.linspace(-0.25, 0.25, len(values)), values, "o", color=colour, markersize=4, alpha=0.6)
    ax.hlines(values.mean(), place - width / 2, place + width / 2, color=colour, linewidth=2)
