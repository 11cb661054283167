"""Pictures of cross-temporal decoding."""

from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ..validation import Array
from .record import ALPHA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .record import CrossTemporalDecoding


def draw_matrix(result: "CrossTemporalDecoding", ax: "Axes | None" = None) -> "Axes":
    """Draw accuracy over train time (up) and test time (right), from chance to the largest."""
    ax = plotting.axes_or_new(ax, width=4.6, height=3.9)
    edges, accuracy, significant = _edges(result), result.accuracy, result.significant
    with plotting.style():
        mesh = ax.pcolormesh(
            edges, edges, accuracy, cmap=plotting.SEQUENTIAL, vmin=result.chance,
            vmax=max(float(accuracy.max()), result.chance + 0.01), rasterized=True,
        )  # fmt: skip
        for at in {at for edge in _shown_epochs(result).values() for at in edge}:
            ax.axvline(at, color="white", linewidth=0.5, alpha=0.7)
            ax.axhline(at, color="white", linewidth=0.5, alpha=0.7)
        ax.plot(edges[[0, -1]], edges[[0, -1]], color="white", linewidth=0.7, linestyle=(0, (4, 4)))
        if significant is not None:
            _outline(ax, edges, significant)
        unit = _unit(result)
        ax.set(xlabel=f"test time ({unit})", ylabel=f"train time ({unit})", aspect="equal")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(edges[0], edges[-1])
        _name_epochs(result, ax)
        ax.set_title(f"{result.classifier.split(' (')[0]}, {len(result.labels)} labels, {result.n_trials} trials")
        label = "accuracy" if significant is None else f"accuracy (outlined: clusters, p ≤ {ALPHA:g})"
        plotting.figure_of(ax).colorbar(mesh, ax=ax, label=label, shrink=0.85)
    return ax


def draw_diagonal(result: "CrossTemporalDecoding", ax: "Axes | None" = None) -> "Axes":
    """Draw accuracy at the training time with its 95 % interval; a bar below where it is significant."""
    ax = plotting.axes_or_new(ax, width=4.6, height=3.9)
    low, high = result.diagonal_interval()
    edges = _edges(result)
    marker = "o" if len(result.time) == 1 else ""
    with plotting.style():
        ax.plot(result.time, result.diagonal, color=plotting.BLUE, marker=marker, label="accuracy")
        ax.fill_between(result.time, low, high, color=plotting.BLUE, alpha=0.25, linewidth=0, label="95 % interval")
        ax.axhline(result.chance, color=plotting.GREY, linewidth=0.9, linestyle="dashed", label="chance")
        if result.familywise_p_values is not None:
            starts = np.flatnonzero(np.diagonal(result.familywise_p_values) <= ALPHA)
            bars = [(edges[start], edges[start + 1] - edges[start]) for start in starts]
            ax.broken_barh(bars, (0.01, 0.015), color=plotting.INK, linewidth=0, label=f"familywise p ≤ {ALPHA:g}")
        for number, (start, stop) in enumerate(_shown_epochs(result).values()):
            # Epochs often touch: every second one is darker.
            ax.axvspan(start, stop, color=plotting.GREY, alpha=0.08 + 0.1 * (number % 2), linewidth=0)
        ax.set(xlabel=f"time ({_unit(result)})", ylabel="accuracy")
        ax.set_xlim(edges[0], edges[-1])
        ax.set_ylim(0, 1.03)
        _name_epochs(result, ax)
        ax.set_title("Trained and tested at the same time")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    return ax


def draw_both(result: "CrossTemporalDecoding") -> "Figure":
    """Draw the matrix and the diagonal side by side."""
    figure = plotting.figure(columns=2, width=4.8, height=3.9)
    left, right = figure.axes
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.set(wspace=0.06, w_pad=0.1)  # type: ignore[call-arg]
    draw_matrix(result, left)
    draw_diagonal(result, right)
    return figure


def _outline(ax: "Axes", edges: Array, inside: Array) -> None:
    """Draw the borders of the cells inside, along the edges of cells."""
    from matplotlib.collections import LineCollection

    padded = np.pad(inside, 1)
    across = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    along = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    lines = [[(edges[column], edges[row]), (edges[column + 1], edges[row])] for row, column in across]
    lines += [[(edges[column], edges[row]), (edges[column], edges[row + 1])] for row, column in along]
    # White on dark cells, black on bright ones.
    for colour, width in ((plotting.INK, 2.6), ("white", 1.0)):
        ax.add_collection(LineCollection(lines, colors=colour, linewidths=width, capstyle="projecting"))


def _name_epochs(result: "CrossTemporalDecoding", ax: "Axes") -> None:
    """Write the names of epochs above the axes, on an axis of their own that pushes the title up."""
    shown = _shown_epochs(result)
    if shown:
        names = ax.secondary_xaxis("top")
        names.set_xticks([(start + stop) / 2 for start, stop in shown.values()], list(shown), fontsize="small")
        names.tick_params(length=0, colors=plotting.GREY, pad=1)
        names.spines["top"].set_visible(False)


def _edges(result: "CrossTemporalDecoding") -> Array:
    """Return the borders of the cells along an axis: half-way between the centres of windows."""
    centres = np.asarray(result.time, float)
    if len(centres) == 1:
        return np.asarray(centres + np.array([-0.5, 0.5]))
    middle = (centres[1:] + centres[:-1]) / 2
    edges: Array = np.concatenate([[2 * centres[0] - middle[0]], middle, [2 * centres[-1] - middle[-1]]])
    return edges


def _shown_epochs(result: "CrossTemporalDecoding") -> dict[str, tuple[float, float]]:
    """Return the epochs cut to the times shown, without those that are all of them: they mark nothing."""
    edges = _edges(result)
    cut = {name: (max(start, edges[0]), min(stop, edges[-1])) for name, (start, stop) in result.epochs.items()}
    most = 0.99 * (edges[-1] - edges[0])
    return {name: (start, stop) for name, (start, stop) in cut.items() if 0 < stop - start < most or len(cut) == 1}


def _unit(result: "CrossTemporalDecoding") -> str:
    return "s" if result.time_unit == "s" else "sample"
