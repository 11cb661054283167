"""Pictures of basins: a plane coloured by where its states lead, and the share of each attractor."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...errors import InputError
from ...results import count_noun
from ..landscape.basins import Basins, basins
from ..options import check_count
from ..problem import Dynamics, Step
from ..record import FixedPoints
from .marks import attractor_colours, draw_points, legend_below
from .plane import Plane
from .window import window_around

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

NOWHERE = "#d9d9d9"
# Basins are areas: at full strength they would hide the marks on them.
_TINT = 0.55
_MOST_NAMED = 12


def basin_portrait(
    step: Step,
    plane: Plane,
    points: FixedPoints,
    *,
    inputs: Array | None = None,
    dynamics: Dynamics = "map",
    window: tuple[tuple[float, float], tuple[float, float]] | None = None,
    resolution: int = 120,
    n_steps: int | None = None,
    duration: float | None = None,
    ax: "Axes | None" = None,
) -> tuple["Axes", Basins]:
    """Draw which attractor each state of a plane leads to, with the points on top; return the axes and the basins.

    The colours are those of the connections graph: attractor k has the same colour in both. Grey leads to no
    attractor. States of the plane are starts in the full state space, and their orbits leave the plane freely.

    Parameters
    ----------
    step, inputs, dynamics, n_steps, duration
        As for :func:`~dynascope.fixedpoints.basins`.
    plane : where to look
    points : the fixed points known
    window : ((x low, x high), (y low, y high)) in plane coordinates, or None: around the points
    resolution : int ≥ 2
        Starts per side; the cost grows with its square.

    Raises
    ------
    InputError
        As :func:`~dynascope.fixedpoints.basins`, or if the window is empty.

    Examples
    --------
    >>> import torch
    >>> from dynascope.fixedpoints import find_fixed_points
    >>> f = lambda x: torch.tanh(2 * x)
    >>> points = find_fixed_points(f, np.random.default_rng(0).uniform(-1, 1, (50, 2)))
    >>> ax, found = basin_portrait(f, Plane.coordinates_of(2, ["x", "y"]), points, resolution=10)
    >>> found.counts
    array([25, 25, 25, 25])
    """
    check_count("resolution", resolution, 2)
    x, y = _edges(plane, points, window, resolution)
    grid = np.stack(np.meshgrid((x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2), axis=-1)  # cell centres, (row, column, 2)
    found = basins(
        step,
        plane.lift(grid.reshape(-1, 2)),
        points,
        inputs,
        dynamics=dynamics,
        n_steps=n_steps,
        duration=duration,
    )
    drawn = plotting.axes_or_new(ax, width=4.8, height=4.0)
    draw_cells(drawn, x, y, found.assignment.reshape(grid.shape[:2]), len(found))
    _draw_marks(drawn, plane, points, found)
    drawn.set_xlim(x[0], x[-1])
    drawn.set_ylim(y[0], y[-1])
    drawn.set_xlabel(plane.names[0])
    drawn.set_ylabel(plane.names[1])
    drawn.locator_params(nbins=6)
    return drawn, found


def _edges(
    plane: Plane,
    points: FixedPoints,
    window: tuple[tuple[float, float], tuple[float, float]] | None,
    resolution: int,
) -> tuple[Array, Array]:
    if window is None:
        marks = plane.project(points.states) if len(points) else np.zeros((0, 2))
        x, y = window_around(marks, margin=0.3, n=resolution + 1)
        return x, y
    limits = np.asarray(window, float)
    if limits.shape != (2, 2) or not (limits[:, 0] < limits[:, 1]).all():
        raise InputError(f"window: expected ((x low, x high), (y low, y high)), found {window}")
    (left, right), (bottom, top) = limits.tolist()
    return np.linspace(left, right, resolution + 1), np.linspace(bottom, top, resolution + 1)


def draw_cells(ax: "Axes", x: Array, y: Array, assignment: Array, n_attractors: int) -> None:
    """Draw cells between ``x`` (columns + 1,) and ``y`` (rows + 1,) in the colour of their attractor; −1 is grey."""
    from matplotlib.colors import to_rgb

    colours = [NOWHERE, *attractor_colours(n_attractors)]
    full = np.array([to_rgb(colour) for colour in colours])
    tinted = 1 - _TINT * (1 - full)
    tinted[0] = full[0]
    ax.imshow(
        tinted[assignment + 1],
        origin="lower",
        extent=(float(x[0]), float(x[-1]), float(y[0]), float(y[-1])),
        aspect="auto",
        interpolation="nearest",
        zorder=0,
    )


def _draw_marks(ax: "Axes", plane: Plane, points: FixedPoints, found: Basins) -> None:
    """Draw the points, number the attractors, and mark those that were found on the way with a star."""
    if len(points):
        draw_points(ax, plane.project(points.states), points.stable, points.types())
        legend_below(ax)
    places = plane.project(found.attractors) if len(found) else np.zeros((0, 2))
    for number, (place, colour) in enumerate(zip(places, attractor_colours(len(found)), strict=True)):
        if found.points[number] < 0:
            ax.scatter(
                place[0],
                place[1],
                marker="*",
                s=70,
                facecolors=colour,
                edgecolors=plotting.INK,
                linewidths=0.8,
                zorder=4,
            )
        ax.annotate(
            str(number), place, (6, 5), textcoords="offset points", fontsize="small", zorder=5, annotation_clip=True
        )


def draw_fractions(ax: "Axes", found: Basins) -> None:
    """Draw one bar per attractor: its share of the starts, with Wilson's interval; and what led nowhere."""
    shown = np.argsort(-found.counts, kind="stable")[:_MOST_NAMED]
    colours, names = attractor_colours(len(found)), found.names()
    labels: list[str] = [f"{number}: {names[number]}" for number in shown.tolist()]
    values = [float(found.fractions[number]) for number in shown]
    paint = [colours[number] for number in shown]
    below = [max(0.0, float(found.fractions[number] - found.lower[number])) for number in shown]
    above = [max(0.0, float(found.upper[number] - found.fractions[number])) for number in shown]
    for label, share in _remainders(found, len(shown)):
        labels, values, paint = [*labels, label], [*values, share], [*paint, NOWHERE]
        below, above = [*below, 0.0], [*above, 0.0]
    rows = np.arange(len(values))
    ax.barh(rows, values, color=paint, height=0.7)
    bars = len(shown)
    ax.errorbar(
        values[:bars], rows[:bars], xerr=[below[:bars], above[:bars]], fmt="none", ecolor=plotting.INK, capsize=2
    )
    ax.set_yticks(rows, labels)
    ax.invert_yaxis()
    ax.set_xlim(0, None)
    ax.set_xlabel("share of the starts (95 % interval)")
    ax.set_title(f"{count_noun(len(found), 'attractor')}, {count_noun(len(found.starts), 'start')}")


def _remainders(found: Basins, n_shown: int) -> Sequence[tuple[str, float]]:
    """Return what the bars of attractors leave out: rarer attractors, and starts that led to none."""
    n_starts, made = len(found.starts), []
    rest = len(found) - n_shown
    if rest > 0:
        rarest = np.sort(found.counts)[:rest].sum()
        made.append((f"{rest} more", float(rarest / n_starts)))
    nowhere = float((found.assignment < 0).sum() / n_starts)
    return [*made, *([("no attractor", nowhere)] if nowhere else [])]
