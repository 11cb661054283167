"""Pictures of the strategies: learning against the initial gain, and leading modes before and after training."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from .learning import Results
from .networks import STRATEGIES, TOPOLOGY_COLOURS, Strategy, Wiring
from .slow_modes import Dynamics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = dict(zip(STRATEGIES, "os^", strict=True))


def learning_figure(results: Results, n_values: int) -> "Figure":
    """Return epoch of 99 % and lowest loss against the initial radius, one mark per network.

    Filled: at the gain that the wiring has; open: scaled to another radius. ``n_values`` is P, for the titles.
    """
    drawn = plotting.figure(columns=2, width=4.4, height=3.8)
    for wiring, own in results.items():
        scaled = wiring.match_radius or wiring.radius is not None
        colour = TOPOLOGY_COLOURS[wiring.topology]
        face = "none" if scaled else colour
        for ax, values in zip(drawn.axes, (own.settled, own.minimum), strict=True):
            ax.plot(
                own.radius, values, _MARKERS[wiring.strategy], color=colour, markerfacecolor=face, markersize=4.5,
                alpha=0.75,
            )  # fmt: skip
    drawn.axes[0].set(ylabel="epoch at 99 % of the fall", ylim=(0, None))
    drawn.axes[1].set(ylabel="lowest validation loss (mean squared error)", yscale="log")
    for ax in drawn.axes:
        ax.set(xlabel="spectral radius at initialisation", xlim=(0, None))
        ax.axvline(1, color=plotting.GREY, linewidth=0.8, linestyle=":")
        ax.set_title(f"Memory of {n_values} numbers")
    _legend(drawn, results)
    return drawn


def _legend(drawn: "Figure", shown: Iterable[Wiring]) -> None:
    from matplotlib.lines import Line2D

    def mark(marker: str, colour: str, label: str, face: str | None = None) -> Line2D:
        return Line2D([], [], linestyle="", marker=marker, color=colour, markerfacecolor=face or colour, label=label)

    marks = [mark("o", TOPOLOGY_COLOURS[topology], topology) for topology in _topologies(shown)]
    marks += [mark(marker, plotting.INK, strategy.name) for strategy, marker in _MARKERS.items()]
    marks.append(mark("o", plotting.INK, "scaled to a radius", "none"))
    drawn.legend(handles=marks, loc="outside right upper", frameon=False)


def _topologies(shown: Iterable[Wiring]) -> list[str]:
    return list(dict.fromkeys(wiring.topology for wiring in shown))


def spectra_figure(found: Mapping[Wiring, Dynamics]) -> "Figure":
    """Return the leading eigenvalue at zero input before and after training, one panel per strategy."""
    drawn = plotting.figure(columns=len(STRATEGIES), width=3.6, height=2.4)
    for ax, strategy in zip(drawn.axes, STRATEGIES, strict=True):
        _spectra(ax, strategy, {wiring: own for wiring, own in found.items() if wiring.strategy == strategy})
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", marker="o", color=TOPOLOGY_COLOURS[name], label=name)
        for name in _topologies(found)
    ]
    for label, face in (("untrained", "none"), ("trained", plotting.INK)):
        marks.append(Line2D([], [], linestyle="", marker="o", color=plotting.INK, markerfacecolor=face, label=label))
    drawn.legend(handles=marks, loc="outside right upper", frameon=False)
    return drawn


def _spectra(ax: "Axes", strategy: Strategy, found: Mapping[Wiring, Dynamics]) -> None:
    angles = np.linspace(0, np.pi, 200)
    ax.plot(np.cos(angles), np.sin(angles), color=plotting.GREY, linewidth=0.8)
    for wiring, own in found.items():
        colour = TOPOLOGY_COLOURS[wiring.topology]
        for moment, face in enumerate(("none", colour)):
            leading = own.leading[:, moment]
            ax.plot(
                leading.real, leading.imag, "o", color=colour, markerfacecolor=face, markersize=4, alpha=0.8,
                clip_on=False,
            )  # fmt: skip
    ax.set(xlabel="Re λ", ylabel="Im λ", xlim=(-1.1, 1.6), ylim=(-0.05, 1.3), aspect="equal")
    ax.set_title(strategy.name)
