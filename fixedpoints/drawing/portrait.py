"""Phase portraits: the flow of a map or an equation of motion in a plane, with its fixed points."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ..problem import Dynamics, Step
from .marks import draw_points, legend_below
from .nullclines import nullclines as find_nullclines
from .plane import Plane, flow_field
from .window import crowd, window_around, worth_showing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Plane", "flow_field", "phase_portrait"]

Array = npt.NDArray[Any]

_FLOW = "#9db8cf"
# Blue and orange of Okabe and Ito's palette; the line style says the same.
_NULLCLINES = ((plotting.BLUE, "solid"), (plotting.ORANGE, "dashed"))


def phase_portrait(
    step: Step,
    plane: Plane,
    *,
    points: Array,
    stable: Array,
    types: Sequence[str] | None = None,
    inputs: Array | None = None,
    trajectories: Array | None = None,
    dynamics: Dynamics = "map",
    nullclines: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the flow in a plane, fixed points (filled if stable, open if not) and some trajectories.

    Parameters
    ----------
    step : map or velocity in float64, as for :func:`find_fixed_points`
    plane : where to look
    points, stable : (k, state) and (k,) bool
    types : k names, as :meth:`FixedPoints.types` gives them: saddles are then drawn as diamonds, marginal points as
        squares; None draws all as circles
    inputs : (input,), the constant input of the flow, or None
    trajectories : (trial, time, state) or None, drawn thin and grey; they set the size of the picture too
    dynamics : {"map", "flow"}
    nullclines : whether to draw where each component of the velocity in the plane vanishes
    ax : where to draw; without it a new figure is made, with a second panel that enlarges points which would
        be drawn on top of each other
    """
    from matplotlib.patches import Rectangle

    marks = plane.project(points) if len(points) else np.zeros((0, 2))
    paths = None if trajectories is None else plane.project(trajectories)
    window = window_around(worth_showing(marks, paths))
    kinds = None if types is None else list(types)
    view = _View(step, plane, marks, np.asarray(stable, bool), kinds, inputs, paths, dynamics, nullclines)
    crowded = crowd(marks, window)
    panels = [ax] if ax is not None else plotting.figure(columns=2 if len(crowded) else 1, width=4.6).axes
    drawn = panels[0]
    _draw_view(drawn, view, window)
    if len(panels) == 2:
        enlarged = _inside(window_around(crowded, margin=0.35), window)
        _draw_view(panels[1], view, enlarged)
        panels[1].set_title("the marked rectangle, enlarged")
        (x, y), width, height = (axis[0] for axis in enlarged), np.ptp(enlarged[0]), np.ptp(enlarged[1])
        drawn.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=plotting.INK, zorder=3))
    for panel in panels:
        panel.set_xlabel(plane.names[0])
        panel.set_ylabel(plane.names[1])
    if len(marks) or nullclines:
        legend_below(drawn)
    return drawn


def _inside(inner: tuple[Array, Array], outer: tuple[Array, Array]) -> tuple[Array, Array]:
    """Return the part of one window that lies in another, as a grid of as many lines."""
    edges = [
        np.linspace(max(mine[0], limit[0]), min(mine[-1], limit[-1]), len(mine))
        for mine, limit in zip(inner, outer, strict=True)
    ]
    return edges[0], edges[1]


@dataclasses.dataclass(frozen=True, eq=False)
class _View:
    """What a portrait shows, whatever its window."""

    step: Step
    plane: Plane
    marks: Array
    stable: Array
    types: list[str] | None
    inputs: Array | None
    paths: Array | None
    dynamics: Dynamics
    nullclines: bool


def _draw_view(ax: "Axes", view: _View, window: tuple[Array, Array]) -> None:
    columns, rows = window
    flow = flow_field(view.step, view.plane, columns, rows, view.inputs, dynamics=view.dynamics)
    if view.paths is not None:
        for path in view.paths:
            ax.plot(path[:, 0], path[:, 1], color=plotting.GREY, linewidth=0.5, alpha=0.35, zorder=1)
    if np.isfinite(flow).all() and flow.any():
        ax.streamplot(columns, rows, flow[..., 0], flow[..., 1], color=_FLOW, linewidth=0.7, arrowsize=0.7, zorder=2)
    if view.nullclines:
        _draw_nullclines(ax, view, window)
    draw_points(ax, view.marks, view.stable, view.types)
    ax.locator_params(nbins=6)
    ax.set_xlim(columns[0], columns[-1])
    ax.set_ylim(rows[0], rows[-1])


def _draw_nullclines(ax: "Axes", view: _View, window: tuple[Array, Array]) -> None:
    # Three times finer than the arrows: nullclines bend more sharply than the flow.
    x, y = (np.linspace(axis[0], axis[-1], 3 * len(axis)) for axis in window)
    curves = find_nullclines(view.step, view.plane, x, y, view.inputs, dynamics=view.dynamics)
    for component, (colour, style) in enumerate(_NULLCLINES):
        label: str | None = f"{view.plane.names[component]} at rest"
        for curve in curves[component]:
            ax.plot(curve[:, 0], curve[:, 1], color=colour, linestyle=style, linewidth=1.2, label=label, zorder=3)
            label = None
