"""Nullclines: where one component of the velocity in a plane vanishes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError
from ..problem import Dynamics, Step
from .plane import Plane, flow_field, velocities

Array = npt.NDArray[Any]

_POLISH = 6


def nullclines(
    step: Step,
    plane: Plane,
    x: Array,
    y: Array,
    inputs: Array | None = None,
    *,
    dynamics: Dynamics = "map",
) -> tuple[list[Array], list[Array]]:
    """Return the curves where the first, and those where the second component of the velocity in a plane is zero.

    Curves are arrays (vertex, 2) of plane coordinates, found by marching squares on the grid ``x`` × ``y`` and then
    moved onto the zero along the gradient (Newton's method), so that vertices are exact and only what lies
    between them, or is smaller than a cell, is not. Where both components vanish the plane's flow rests: fixed
    points of a map or flow that has the plane as its state space, such as the reduced dynamics of a rank-2 network.
    Cycles, and all points of a network in more dimensions, need :func:`find_fixed_points`.

    Parameters
    ----------
    step : callable in float64, (n, state) → (n, state), or with (n, input) as second argument
    plane : where to look
    x, y : ndarray, ascending, at least 2 each
        The grid, in plane coordinates.
    inputs : ndarray, shape (input,), or None
    dynamics : {"map", "flow"}

    Raises
    ------
    InputError
        If the grid is not ascending, or too small.
    """
    from matplotlib.figure import Figure

    x, y = np.asarray(x, float), np.asarray(y, float)
    for name, values in (("x", x), ("y", y)):
        if values.ndim != 1 or len(values) < 2 or not (np.diff(values) > 0).all():
            raise InputError(f"{name}: expected at least 2 ascending numbers, found {values}")
    flow = flow_field(step, plane, x, y, inputs, dynamics=dynamics)
    cell = float(np.hypot(np.diff(x).max(), np.diff(y).max()))
    found: tuple[list[Array], list[Array]] = ([], [])
    for component in (0, 1):
        values = flow[..., component]
        if not (np.nanmin(values) < 0 < np.nanmax(values)):
            continue
        # Contours of masked data skip the cells where the map is not finite.
        contours = Figure().subplots().contour(x, y, np.ma.masked_invalid(values), levels=[0.0])
        for curve in contours.allsegs[0]:
            if len(curve) > 1:
                polished = _polish(step, plane, np.array(curve), component, inputs, dynamics, cell)
                found[component].append(polished)
    return found


def _polish(
    step: Step, plane: Plane, curve: Array, component: int, inputs: Array | None, dynamics: Dynamics, cell: float
) -> Array:
    """Return the vertices of a curve moved onto the zero; those that would leave their cell stay."""
    moved, width = curve.copy(), 1e-6 * cell
    offsets = width * np.array([[0.0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    for _ in range(_POLISH):
        probes = (moved[None] + offsets[:, None]).reshape(-1, 2)
        velocity = velocities(step, plane.lift(probes), inputs, dynamics=dynamics)
        value, right, left, up, down = plane.project_velocity(velocity)[:, component].reshape(5, -1)
        gradient = np.stack([right - left, up - down], axis=1) / (2 * width)
        size = (gradient**2).sum(axis=1)
        shift = -value[:, None] * gradient / np.where(size > 0, size, 1)[:, None]
        moved = moved + np.where(np.isfinite(shift) & (size[:, None] > 0), shift, 0)
    stays = np.linalg.norm(moved - curve, axis=1) > cell
    return np.where(stays[:, None], curve, moved)
