"""Phase portraits in three dimensions: trajectories and typed fixed points in a box with equal axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...errors import InputError
from .marks import draw_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

# Degrees: no axis points at the reader, and a cube's eight corners fall on eight places.
_ELEVATION, _AZIMUTH = 22, -62


def phase_portrait_3d(
    points: Array,
    stable: Array,
    *,
    types: Sequence[str] | None = None,
    trajectories: Array | None = None,
    axes: Array | None = None,
    names: Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw fixed points and trajectories in space: filled if stable, open if not, trajectories thin and grey.

    All three axes have one scale, so that distances can be compared. What lies outside the three axes is dropped.

    Parameters
    ----------
    points, stable : (k, state) and (k,) bool
    types : k names, as :meth:`FixedPoints.types` gives them: saddles are then diamonds, marginal points squares
    trajectories : (trial, time, state) or None; NaN (padding) leaves gaps
    axes : (3, state), linearly independent, the directions to draw; None takes the three principal axes of the points,
        or of points and trajectories when the points span fewer, and all three coordinates of a state of three
    names : three names of the axes
    ax : axes made with ``projection="3d"``; None makes a new figure

    Raises
    ------
    InputError
        If there are fewer than 3 state variables, ``axes`` has a wrong shape, or ``ax`` is flat.
    """
    points = np.asarray(points, float)
    if points.ndim != 2 or points.shape[1] < 3:
        raise InputError(f"points: expected shape (k, state) with at least 3 state variables, found {points.shape}")
    paths = None if trajectories is None else np.asarray(trajectories, float)
    origin, directions, called = _frame(points, paths, axes, names)
    inverse = np.linalg.pinv(directions)
    drawn: Any = _axes_in_space(ax)
    shown = (points - origin) @ inverse
    seen = [shown]
    if paths is not None:
        projected = (paths - origin) @ inverse
        seen.append(projected.reshape(-1, 3))
        for path in projected:
            drawn.plot(*path.T, color=plotting.GREY, linewidth=0.5, alpha=0.45, zorder=1)
    draw_points(drawn, shown, stable, types, size=30)
    _equal_box(drawn, np.concatenate(seen))
    _label(drawn, called)
    if len(points):
        drawn.legend(loc="upper left", fontsize="small", frameon=False)
    made: Axes = drawn
    return made


def _frame(
    points: Array, paths: Array | None, axes: Array | None, names: Sequence[str] | None
) -> tuple[Array, Array, Sequence[str]]:
    """Return origin (state,), directions (3, state) and names."""
    size = points.shape[1]
    if names is not None and len(names) != 3:
        raise InputError(f"names: expected 3, found {len(names)}")
    if axes is not None:
        directions = np.asarray(axes, float)
        if directions.shape != (3, size) or np.linalg.matrix_rank(directions) < 3:
            raise InputError(f"axes: expected 3 independent directions, shape (3, {size}), found {directions.shape}")
        return np.zeros(size), directions, names or ("axis 1", "axis 2", "axis 3")
    if size == 3:
        return np.zeros(3), np.eye(3), names or ("state 1", "state 2", "state 3")
    cloud = points
    if (
        np.linalg.matrix_rank(points - points.mean(axis=0) if len(points) else points, tol=1e-9) < 3
        and paths is not None
    ):
        visited = paths.reshape(-1, size)
        cloud = np.concatenate([points, visited[np.isfinite(visited).all(axis=1)]])
    if len(cloud) < 3:
        raise InputError(f"points: three principal axes need at least 3 states, found {len(cloud)}; pass axes")
    origin = cloud.mean(axis=0)
    directions = np.linalg.svd(cloud - origin, full_matrices=False)[2][:3]
    signs = np.sign(directions[np.arange(3), np.abs(directions).argmax(axis=1)])
    return origin, directions * signs[:, None], names or tuple(f"principal component {i}" for i in (1, 2, 3))


def _axes_in_space(ax: "Axes | None") -> Any:
    if ax is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        with plotting.style():
            made = Figure(figsize=(5.2, 4.8), layout="constrained")
            FigureCanvasAgg(made)
            return made.add_subplot(projection="3d")
    if not hasattr(ax, "get_zlim"):
        raise InputError("ax: expected axes in space; make them with figure.add_subplot(projection='3d')")
    return ax


def _equal_box(ax: Any, seen: Array) -> None:
    finite = seen[np.isfinite(seen).all(axis=1)]
    if not len(finite):
        finite = np.zeros((1, 3))
    low, high = finite.min(axis=0), finite.max(axis=0)
    half = 0.55 * float((high - low).max()) or 1.0
    for middle, set_limits in zip((low + high) / 2, (ax.set_xlim, ax.set_ylim, ax.set_zlim), strict=True):
        set_limits(middle - half, middle + half)
    ax.set_box_aspect((1, 1, 1), zoom=0.86)
    ax.view_init(elev=_ELEVATION, azim=_AZIMUTH)


def _label(ax: Any, names: Sequence[str]) -> None:
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.set_zlabel(names[2])
    ax.locator_params(nbins=5)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis._axinfo["grid"].update(color="#e4e4e4", linewidth=0.5)
