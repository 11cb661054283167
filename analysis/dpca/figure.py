"""The figure of demixed PCA: components over time, what each explains, how much is whose, how axes overlap."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .result import DemixedPCA

_COLUMNS = 3
_PANELS = 7.2  # inches that the three panels beside the components take
_BARS = 15
_ALPHA = 0.05
_STYLES: tuple[Any, ...] = ("solid", "dashed", "dotted", "dashdot")
_ENCODED = ("color", "linestyle", "linewidth")  # of the first, second and third factor; others are drawn alike
# More entries than this would fill the legend: levels between are left to the order of colours.
_LEGEND = 8


def draw(result: "DemixedPCA") -> "Axes":
    """Draw the whole figure: a row of leading components per marginalization, and three panels beside them."""
    rows = len(result.marginalizations)
    with plotting.style():
        height = max(1.6 * rows, _PANELS)
        made = plotting.figure(columns=2, width=6.3, height=height)
        made.axes[0].get_gridspec().set_width_ratios([2.2, 1])  # type: ignore[union-attr]
        left, right = (ax.get_subplotspec() for ax in made.axes)
        for ax in list(made.axes):
            ax.remove()
        _draw_components(result, made, left.subgridspec(rows, _COLUMNS))  # type: ignore[union-attr]
        ratios = [2.4, 1.8, 3.0, max(height - _PANELS, 0.01)]
        panels = right.subgridspec(4, 1, height_ratios=ratios)  # type: ignore[union-attr]
        draw_explained(result, made.add_subplot(panels[0]))
        _draw_shares(result, made.add_subplot(panels[1]))
        _draw_overlaps(result, made.add_subplot(panels[2]))
        handles = list(_legend(result))
        made.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 8), fontsize="small")
    return made.axes[0]


def draw_explained(result: "DemixedPCA", ax: "Axes") -> "Axes":
    """Draw the share of variance that each of the leading components explains, in the colours of its parts."""
    shares = np.concatenate(list(result.explained_variance.values()))
    live = np.concatenate([np.arange(size) < rank for size, rank in zip(result.sizes, result.ranks, strict=True)])
    order = np.argsort(np.where(live, -shares, np.inf), kind="stable")[: min(_BARS, int(live.sum()))]
    parts = np.maximum(result.projected_variance[order], 0)
    parts = parts / np.maximum(parts.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    base = np.zeros(len(order))
    for at, name in enumerate(result.marginalizations):
        heights = 100 * parts[:, at] * np.maximum(shares[order], 0)
        ax.bar(range(len(order)), heights, bottom=base, color=colours(result)[name], label=name)
        base += heights
    names = [f"{name}{number + 1}" for name, size in zip(result.marginalizations, result.sizes, strict=True)
             for number in range(size)]  # fmt: skip
    ax.set_xticks(range(len(order)), [names[at] for at in order], rotation=90, fontsize="small")
    ax.set(ylabel=f"% of {_basis(result)}", title="Explained variance by component")
    ax.legend(fontsize="small")
    return ax


def colours(result: "DemixedPCA") -> dict[str, Any]:
    """Return the colour of each marginalization."""
    names = result.marginalizations
    palette = (*plotting.PALETTE, plotting.INK)
    return dict(zip(names, palette if len(names) <= len(palette) else _scale(len(names)), strict=False))


def _draw_components(result: "DemixedPCA", made: "Figure", grid: Any) -> None:
    time = np.arange(result.component_matrix.shape[-1]) if result.time is None else result.time
    tests = result.familywise_p_values or {}
    largest = {name: np.abs(values).max() for name, values in result.components.items()}
    for row, (name, rank) in enumerate(zip(result.marginalizations, result.ranks, strict=True)):
        limit = 1.15 * largest[name] or 1.0
        for column in range(min(rank, _COLUMNS)):
            ax = made.add_subplot(grid[row, column])
            for trace, style in _conditions(result, result.components[name][column]):
                ax.plot(time, trace, marker="." if len(time) == 1 else "", **{"linewidth": 1, **style})
            ax.set_ylim(-limit, limit)
            if name in tests:
                shown = np.where(tests[name][column] <= _ALPHA, -1.1 * largest[name], np.nan)
                ax.plot(time, shown, color=plotting.INK, linewidth=2.5, marker="." if len(time) == 1 else "")
            share = result.explained_variance[name][column]
            ax.set_title(f"{name} {column + 1}: {share:.1%}", color=colours(result)[name])
            if column == 0:
                ax.set_ylabel("component")
            if row == len(result.marginalizations) - 1:
                ax.set_xlabel("time (sample)" if result.time is None else "time (s)")
            else:
                ax.tick_params(labelbottom=False)


def _conditions(result: "DemixedPCA", component: Array) -> Iterator[tuple[Array, dict[str, Any]]]:
    """Yield every trace of one component (levels …, time) with its style."""
    for at in np.ndindex(*component.shape[:-1]):
        style: dict[str, Any] = {}
        for factor, level in list(enumerate(at))[: len(_ENCODED)]:
            style |= _style(result, factor, level)
        yield component[at], style


def _style(result: "DemixedPCA", factor: int, level: int) -> dict[str, Any]:
    """Return how a level of a factor looks: the first has colours, the second dashes, the third widths."""
    n = len(result.levels[result.factors[factor]])
    looks = {
        "color": _scale(n)[level],
        "linestyle": _STYLES[level % len(_STYLES)],
        "linewidth": float(np.linspace(0.7, 2.0, n)[level]),
    }
    return {_ENCODED[factor]: looks[_ENCODED[factor]]}


def _scale(n: int) -> list[Any]:
    """Return ``n`` colours, dark to bright, in order."""
    from matplotlib import colormaps

    return list(colormaps[plotting.SEQUENTIAL](np.linspace(0, 0.9, n)))


def _legend(result: "DemixedPCA") -> Iterator[Any]:
    from matplotlib.lines import Line2D

    for factor, letter in list(enumerate(result.factors))[: len(_ENCODED)]:
        for level in _some(len(result.levels[letter])):
            style = {"color": plotting.INK, "linewidth": 1.0, **_style(result, factor, level)}
            yield Line2D([], [], label=f"{letter} = {_short(result.levels[letter][level])}", **style)
    if result.p_value_matrix is not None:
        label = f"p ≤ {_ALPHA} on held-out trials (familywise)"
        yield Line2D([], [], color=plotting.INK, linewidth=2.5, label=label)


def _some(n: int) -> list[int]:
    return [round(at) for at in np.linspace(0, n - 1, min(n, _LEGEND)).tolist()]


def _short(label: Any) -> str:
    return f"{label:.4g}" if isinstance(label, float) else str(label)


def _draw_shares(result: "DemixedPCA", ax: "Axes") -> None:
    """Draw how the variance divides; parts estimated below zero are nothing."""
    parts = {name: max(share, 0.0) for name, share in result.marginal_variance.items()}
    if not result.has_signal:
        parts["trial noise"] = max(float(result.noise_variances.sum()) / result.total_variance, 0.0)
    palette = {**colours(result), "trial noise": plotting.GREY}
    shown = {name: share for name, share in parts.items() if share > 0}
    labels = [f"{name} {share:.1%}" for name, share in shown.items()]
    wedges, *_ = ax.pie(
        list(shown.values()), colors=[palette[name] for name in shown], startangle=90, counterclock=False,
        wedgeprops={"width": 0.45, "edgecolor": "white"},
    )  # fmt: skip
    ax.legend(wedges, labels, loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
    ax.set_title(f"Shares of {_basis(result)}")


def _draw_overlaps(result: "DemixedPCA", ax: "Axes") -> None:
    """Draw |cosines| of encoders below the diagonal and |correlations| of components above it."""
    chosen: list[int] = []
    names: list[str] = []
    for name, at, rank in zip(result.marginalizations, result.slices.values(), result.ranks, strict=True):
        count = min(rank, _COLUMNS)
        chosen += range(at.start, at.start + count)
        names += [f"{name}{number + 1}" for number in range(count)]
    axes = result.encoder_matrix[:, np.array(chosen, dtype=int)]
    traces = result.component_matrix[np.array(chosen, dtype=int)].reshape(len(chosen), -1)
    traces = traces - traces.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(traces, axis=1)
    below = np.abs(axes.T @ axes)
    above = np.abs(traces @ traces.T) / np.maximum(np.outer(norms, norms), np.finfo(np.float64).tiny)
    matrix = np.where(np.tri(len(chosen), k=-1) > 0, below, above)
    image = ax.imshow(matrix, cmap=plotting.SEQUENTIAL, vmin=0, vmax=1)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize="small")
    ax.set_yticks(range(len(names)), names, fontsize="small")
    ax.tick_params(length=0)
    size = f"{math.ceil(min(7, 70 / max(len(names), 1)))}"
    for (row, column), value in np.ndenumerate(matrix):
        if row != column and value >= 0.1:
            colour = plotting.INK if value > 0.6 else "white"
            ax.text(
                column, row, f"{value:.1f}".lstrip("0"), ha="center", va="center", color=colour, fontsize=float(size)
            )
    ax.set_title("Below: |cosine| of encoders;\nabove: |correlation| of components")
    plotting.figure_of(ax).colorbar(image, ax=ax, shrink=0.8)


def _basis(result: "DemixedPCA") -> str:
    return "signal variance" if result.noise_known and result.has_signal else "variance"
