"""The graph of attractors: who leads where, drawn so that path lengths in the graph show as distances."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import shortest_path

from ... import plotting
from ...results import count_noun
from ..landscape.connections import Connections
from .basins import NOWHERE
from .marks import attractor_colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_ROUNDS = 300


def draw_graph(ax: "Axes", found: Connections) -> None:
    """Draw attractors (filled, numbered, in their colours), unstable points (open) and the edges between them.

    Attractors lie as far apart as the number of borders between them says, unstable points in the middle of what
    they lead to. Edges from a point with one unstable direction are dark; those of points with more are light: they
    lead to all attractors around.
    """
    sources = np.unique(found.source)
    reached = [found.leads_to(int(point)) for point in sources]
    attractors = _place_attractors(found)
    unstable = _place_unstable(attractors, reached)
    for point, place, numbers in zip(sources, unstable, reached, strict=True):
        single = found.n_unstable[point] == 1
        colour, width = (plotting.GREY, 1.3) if single else ("#d5d5d5", 0.6)
        for number in numbers:
            line = np.stack([place, attractors[number]])
            ax.plot(line[:, 0], line[:, 1], color=colour, linewidth=width, zorder=2 if single else 1)
    lost = np.unique(found.source[(found.target < 0) & (found.resting < 0)])
    _draw_unstable(ax, unstable, found.n_unstable[sources], np.isin(sources, lost))
    _draw_attractors(ax, attractors, found)
    _frame(ax, np.concatenate([attractors, unstable]))
    ax.set_title(f"{count_noun(len(attractors), 'attractor')}, {count_noun(len(sources), 'unstable point')}")
    if len(attractors) or len(sources):
        ax.legend(
            loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=2, fontsize="small", frameon=False, labelspacing=0.9
        )


def _frame(ax: "Axes", places: Array) -> None:
    """Show a square around all places, without axes: they have no meaning."""
    ax.set_aspect("equal")
    ax.set_axis_off()
    if len(places):
        low, high = places.min(axis=0), places.max(axis=0)
        half = 0.58 * float((high - low).max()) or 1.0
        (x, y) = (low + high) / 2
        ax.set_xlim(x - half, x + half)
        ax.set_ylim(y - half, y + half)


def _draw_attractors(ax: "Axes", places: Array, found: Connections) -> None:
    from matplotlib.colors import to_rgb

    for number, (place, colour) in enumerate(zip(places, attractor_colours(len(places)), strict=True)):
        # Attractors that are no points, cycles above all, are stars.
        marker, size = ("o", 190) if found.points[number] >= 0 else ("*", 420)
        label = {0: "attractor"}.get(number)
        ax.scatter(
            place[0], place[1], s=size, marker=marker, facecolors=colour, edgecolors="white", label=label, zorder=4
        )
        dark = np.dot(to_rgb(colour), (0.3, 0.59, 0.11)) < 0.55
        inside = marker == "o"
        ink, offset = "white" if dark and inside else plotting.INK, (0, 0 if inside else 14)
        ax.annotate(str(number), place, offset, textcoords="offset points", color=ink, ha="center", va="center",
                    zorder=5, fontsize="small")  # fmt: skip


def _draw_unstable(ax: "Axes", places: Array, n_unstable: Array, lost: Array) -> None:
    for count in np.unique(n_unstable).tolist():
        rows = n_unstable == count
        noun = "direction" if count == 1 else "directions"
        ax.scatter(
            places[rows, 0],
            places[rows, 1],
            s=34 + 22 * (min(count, 5) - 1),
            marker="D",
            facecolors="white",
            edgecolors=plotting.UNSTABLE,
            linewidths=1.2,
            label=f"{count} unstable {noun}",
            zorder=3,
        )
    if lost.any():
        ax.scatter(
            places[lost, 0], places[lost, 1], s=190, marker="o", facecolors="none", edgecolors=NOWHERE, linewidths=2.5,
            label="some directions lead to no attractor", zorder=2,
        )  # fmt: skip


def _place_attractors(found: Connections) -> Array:
    """Return places (attractor, 2): neighbours at distance 1, others at the length of the shortest way."""
    pairs = found.neighbours() or found.neighbours(n_unstable=None)
    edges = np.array(list(pairs), dtype=int).reshape(-1, 2)
    states = found.attractors
    if len(states) < 2:
        return np.zeros((len(states), 2))
    centred = states - states.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:3]
    begin = np.zeros((len(states), 3))
    begin[:, : len(directions)] = centred @ directions.T
    # A cube seen along an axis has its corners in pairs: look at it from the side.
    begin[:, :2] += begin[:, 2:] * np.array([0.35, 0.2])
    # Attractors on a line would stay on it.
    nudge = 0.02 * np.random.default_rng(0).standard_normal((len(states), 2))
    return _layout(len(states), edges, begin[:, :2] / (np.abs(begin[:, :2]).max() or 1.0) + nudge)


def _place_unstable(attractors: Array, reached: list[list[int]]) -> Array:
    """Return places (point, 2): the middle of the attractors reached; several of the same set side by side."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, numbers in enumerate(reached):
        groups.setdefault(tuple(numbers), []).append(index)
    places = np.zeros((len(reached), 2))
    middle = attractors.mean(axis=0) if len(attractors) else np.zeros(2)
    for reach, members in groups.items():
        numbers = list(reach)
        if len(numbers) > 1:
            centre, along = attractors[numbers].mean(axis=0), np.subtract(*attractors[numbers[:2]])
            across = np.array([-along[1], along[0]]) / (np.linalg.norm(along) or 1.0)
            offsets = np.arange(len(members)) - (len(members) - 1) / 2
            places[members] = centre + 0.25 * offsets[:, None] * across
        else:
            centre = attractors[numbers[0]] if numbers else middle - np.array([0.0, 1.0])
            outward = centre - middle
            first = np.arctan2(outward[1], outward[0]) if outward.any() else 0.0
            angles = first + 2 * np.pi * np.arange(len(members)) / len(members)
            places[members] = centre + 0.6 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return places


def _layout(n_nodes: int, edges: Array, places: Array) -> Array:
    """Return places (node, 2) whose distances follow the shortest paths in the graph.

    Stress majorisation (Gansner, Koren and North, Graph Drawing 2004): each round solves the weighted least squares
    for Σ w (‖xᵢ − xⱼ‖ − d)² with the directions of the last round, weights d⁻².
    """
    if n_nodes < 2:
        return places
    graph = csr_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n_nodes, n_nodes))
    wanted = shortest_path(graph, directed=False, unweighted=True)
    farthest = wanted[np.isfinite(wanted)].max(initial=1.0)
    wanted[~np.isfinite(wanted)] = farthest + 1
    np.fill_diagonal(wanted, 1.0)
    weights = wanted**-2.0
    np.fill_diagonal(weights, 0.0)
    inverse = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights)
    for _ in range(_ROUNDS):
        difference = places[:, None] - places[None]
        distance = np.linalg.norm(difference, axis=2)
        pull = weights * wanted / np.where(distance > 1e-12, distance, np.inf)
        places = inverse @ (np.diag(pull.sum(axis=1)) - pull) @ places
    return places
