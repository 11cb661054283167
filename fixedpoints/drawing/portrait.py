"""Phase portraits: the flow of a map in a plane, with its fixed points."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from ... import plotting
from ...errors import InputError
from ..problem import Step

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_FLOW = "#9db8cf"
# Points nearer than this share of the picture cannot be told apart.
_OVERLAP = 0.035
# Trajectories that reach this many times farther than the points, both ways, are cut off by the window.
_DWARFED = 3.0


@dataclasses.dataclass(frozen=True, eq=False)
class Plane:
    """A plane in state space: x = origin + p · axes for coordinates p (…, 2).

    Attributes
    ----------
    origin : (state,)
    axes : (2, state), linearly independent
    names : what the two coordinates are called
    """

    origin: Array
    axes: Array
    names: tuple[str, str] = ("plane coordinate 1", "plane coordinate 2")

    @classmethod
    def principal(cls, states: Array) -> "Plane":
        """Return the plane of the two directions of largest variance of ``states`` (…, state).

        Raises
        ------
        InputError
            If the states have fewer than two coordinates.
        """
        flat = np.asarray(states, float).reshape(-1, np.shape(states)[-1])
        if flat.shape[1] < 2:
            raise InputError(f"states: a plane needs at least 2 coordinates, found {flat.shape[1]}")
        origin = flat.mean(0)
        _, _, directions = np.linalg.svd(flat - origin, full_matrices=False)
        if len(directions) < 2:
            raise InputError(f"states: a plane needs at least 2 states, found {len(flat)}")
        signs = np.sign(directions[np.arange(2), np.abs(directions[:2]).argmax(1)])
        return cls(origin, directions[:2] * signs[:, None], ("principal component 1", "principal component 2"))

    @classmethod
    def coordinates_of(cls, n_coordinates: int, names: Sequence[str]) -> "Plane":
        """Return the plane of the first two of ``n_coordinates`` coordinates."""
        return cls(np.zeros(n_coordinates), np.eye(2, n_coordinates), (names[0], names[1]))

    def project(self, states: Array) -> Array:
        """Return the plane coordinates (…, 2) of states (…, state)."""
        return self.project_velocity(np.asarray(states, float) - self.origin)

    def project_velocity(self, velocity: Array) -> Array:
        """Return the plane coordinates (…, 2) of differences between states: the origin plays no part."""
        projected: Array = np.asarray(velocity, float) @ np.linalg.pinv(self.axes)
        return projected

    def lift(self, coordinates: Array) -> Array:
        """Return the states (…, state) at plane coordinates (…, 2)."""
        lifted: Array = self.origin + np.asarray(coordinates, float) @ self.axes
        return lifted


def flow_field(step: Step, plane: Plane, x: Array, y: Array, inputs: Array | None = None) -> Array:
    """Return F(x) − x in plane coordinates, (len(y), len(x), 2), at the crossings of a grid.

    ``step`` maps (n, state) to (n, state), or takes ``inputs`` (input,) as a second argument of n equal rows.
    """
    grid = np.stack(np.meshgrid(np.asarray(x, float), np.asarray(y, float)), axis=-1)
    states = torch.as_tensor(plane.lift(grid.reshape(-1, 2)))
    with torch.no_grad():
        if inputs is None:
            moved = step(states)
        else:
            moved = step(states, torch.as_tensor(np.asarray(inputs, float)).expand(len(states), -1))
    return plane.project_velocity((moved - states).numpy()).reshape(grid.shape)


def phase_portrait(
    step: Step,
    plane: Plane,
    *,
    points: Array,
    stable: Array,
    inputs: Array | None = None,
    trajectories: Array | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the flow in a plane, fixed points (filled if stable, open if not) and some trajectories.

    Parameters
    ----------
    step : map in float64, as for :func:`find_fixed_points`
    plane : where to look
    points, stable : (k, state) and (k,) bool
    inputs : (input,), the constant input of the flow, or None
    trajectories : (trial, time, state) or None, drawn thin and grey; they set the size of the picture too
    ax : where to draw; without it a new figure is made, with a second panel that enlarges points which would
        be drawn on top of each other
    """
    from matplotlib.patches import Rectangle

    marks = plane.project(points) if len(points) else np.zeros((0, 2))
    paths = None if trajectories is None else plane.project(trajectories)
    window = _window(_worth_showing(marks, paths))
    view = _View(step, plane, marks, np.asarray(stable, bool), inputs, paths)
    crowd = _crowd(marks, window)
    panels = [ax] if ax is not None else plotting.figure(columns=2 if len(crowd) else 1, width=4.6).axes
    drawn = panels[0]
    _draw_view(drawn, view, window)
    if len(panels) == 2:
        enlarged = _window(crowd, margin=0.35)
        _draw_view(panels[1], view, enlarged)
        panels[1].set_title("the marked rectangle, enlarged")
        (x, y), width, height = (axis[0] for axis in enlarged), np.ptp(enlarged[0]), np.ptp(enlarged[1])
        drawn.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=plotting.INK, zorder=3))
    for panel in panels:
        panel.set_xlabel(plane.names[0])
        panel.set_ylabel(plane.names[1])
    if len(marks):
        drawn.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none", fontsize="small")
    return drawn


@dataclasses.dataclass(frozen=True, eq=False)
class _View:
    """What a portrait shows, whatever its window."""

    step: Step
    plane: Plane
    marks: Array
    stable: Array
    inputs: Array | None
    paths: Array | None


def _draw_view(ax: "Axes", view: _View, window: tuple[Array, Array]) -> None:
    columns, rows = window
    flow = flow_field(view.step, view.plane, columns, rows, view.inputs)
    if view.paths is not None:
        for path in view.paths:
            ax.plot(path[:, 0], path[:, 1], color=plotting.GREY, linewidth=0.5, alpha=0.35, zorder=1)
    if np.isfinite(flow).all() and flow.any():
        ax.streamplot(columns, rows, flow[..., 0], flow[..., 1], color=_FLOW, linewidth=0.7, arrowsize=0.7, zorder=2)
    for chosen, face, edge, label in (
        (view.stable, plotting.STABLE, plotting.STABLE, "stable"),
        (~view.stable, "white", plotting.UNSTABLE, "unstable"),
    ):
        if chosen.any():
            x, y = view.marks[chosen].T
            ax.scatter(x, y, s=34, facecolors=face, edgecolors=edge, linewidths=1.4, label=label, zorder=4)
    ax.locator_params(nbins=6)
    ax.set_xlim(columns[0], columns[-1])
    ax.set_ylim(rows[0], rows[-1])


def _worth_showing(marks: Array, paths: Array | None) -> Array:
    """Return what the window must hold: the points and the trajectories, unless these would dwarf the points."""
    if paths is None:
        return marks
    visited = paths.reshape(-1, 2)
    visited = visited[np.isfinite(visited).all(1)]
    spread, reach = np.ptp(marks, axis=0) if len(marks) else np.zeros(2), np.ptp(visited, axis=0)
    dwarfed = (spread > 1e-6 * spread.max(initial=0)).all() and (reach > _DWARFED * spread).all()
    return _expanded(marks) if len(marks) > 2 and dwarfed else np.concatenate([marks, visited])


def _expanded(marks: Array) -> Array:
    middle = (marks.min(0) + marks.max(0)) / 2
    return np.concatenate([middle + 1.5 * (marks - middle), marks])


def _crowd(marks: Array, window: tuple[Array, Array]) -> Array:
    """Return the points that would be drawn on top of each other, (k, 2); empty when none are."""
    size = np.array([axis[-1] - axis[0] for axis in window])
    apart = np.abs(marks[:, None] - marks[None]) / size
    close = (apart.max(-1) < _OVERLAP) & ~np.eye(len(marks), dtype=bool)
    crowded: Array = marks[close.any(1)]
    # Crowds all over the picture would not come apart by enlarging it.
    spread_out = len(crowded) > 0 and bool((np.ptp(crowded, axis=0) > 0.4 * size).any())
    return crowded[:0] if spread_out else crowded


def _window(shown: Array, *, margin: float = 0.12, n: int = 48) -> tuple[Array, Array]:
    """Return the grid's coordinates: a margin around what is shown, (k, 2)."""
    finite = shown[np.isfinite(shown).all(1)]
    if not len(finite):
        finite = np.array([[-1.0, -1.0], [1.0, 1.0]])
    low, high = finite.min(0), finite.max(0)
    size = high - low
    # A direction without extent gets that of the other one, or that of the numbers themselves.
    size = np.where(size > 1e-9 * max(size.max(), 1e-300), size, max(size.max(), 0.5 * np.abs(finite).max(), 1e-6))
    middle = (low + high) / 2
    low, high = middle - (0.5 + margin) * size, middle + (0.5 + margin) * size
    return np.linspace(low[0], high[0], n), np.linspace(low[1], high[1], n)
