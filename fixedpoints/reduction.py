"""Fewer dimensions: the exact map of a low-rank network, and the flow of any network seen in its principal plane."""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch

from .. import plotting
from ..errors import InputError, unknown_name
from ..results import Result, axes, digest_arrays
from .drawing.plane import Plane, velocities
from .options import check_count
from .problem import ArrayLike, Dynamics, Step, make_problem, precision

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

Method = Literal["lifted", "recorded"]
METHODS: tuple[Method, ...] = ("lifted", "recorded")

_ROWS = 8192


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ProjectedFlow(Result):
    """The flow of a network in the plane of two principal components of its recorded states.

    Attributes
    ----------
    x, y : ndarray, shapes (column,) and (row,)
        Plane coordinates of the grid (of the bins' centres, when recorded): distances from the mean state.
    velocity : ndarray, shape (row, column, component)
        F(x) − x or f(x) at the grid, its components along the two axes; NaN in empty bins.
    leaving : ndarray, shape (row, column)
        Share of the squared velocity that points out of the plane, 0 to 1: where it is near 1 the picture says nothing.
    counts : ndarray of int, shape (row, column)
        How many recorded states lie in the cell around each node.
    leaving_recorded : float
        The same share over all recorded states, sums of squares over sums of squares.
    origin : ndarray, shape (unit,)
        The mean state.
    directions : ndarray, shape (component, unit), orthonormal
    variance : ndarray, shape (component,)
        Share of the variance of the recorded states along each axis.
    components : list of two int
        Which principal components, from 0.
    method : {"lifted", "recorded"}
    """

    dynamics: Dynamics
    method: Method
    components: list[int]
    x: Array = axes("column")
    y: Array = axes("row")
    velocity: Array = axes("row", "column", "component")
    leaving: Array = axes("row", "column")
    counts: Array = axes("row", "column")
    leaving_recorded: float
    origin: Array = axes("unit")
    directions: Array = axes("component", "unit")
    variance: Array = axes("component")

    kind: ClassVar[str] = "projected-flow"

    def plane(self) -> Plane:
        """Return the plane, as :func:`~dynascope.fixedpoints.phase_portrait` and ``nullclines`` take it."""
        first, second = (f"principal component {number + 1}" for number in self.components)
        return Plane(self.origin, self.directions, (first, second))

    def summary(self) -> str:
        """Return how much of the variance and of the velocity the plane holds, as text."""
        first, second = (number + 1 for number in self.components)
        shown = "at states of the plane" if self.method == "lifted" else "averages of recorded differences"
        return (
            f"flow in principal components {first} and {second} ({shown}): {self.variance.sum():.1%} of the variance\n"
            f"{self.leaving_recorded:.1%} of the recorded states' squared velocity leaves the plane"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the flow as arrows, dark where it stays in the plane and pale where it leaves."""
        drawn = plotting.axes_or_new(ax, width=4.8, height=4.0)
        size = np.linalg.norm(self.velocity, axis=2)
        with np.errstate(invalid="ignore"):
            unit = self.velocity / np.where(size > 0, size, 1)[..., None]
        arrows = drawn.quiver(
            self.x, self.y, unit[..., 0], unit[..., 1], np.ma.masked_invalid(self.leaving), cmap="viridis",
            clim=(0, 1), scale=1.4 * len(self.x), width=0.004, pivot="mid", angles="xy",
        )  # fmt: skip
        colorbar = plotting.figure_of(drawn).colorbar(arrows, ax=drawn, shrink=0.8)
        colorbar.set_label("share of the velocity that leaves the plane")
        names = zip(self.plane().names, self.variance, strict=True)
        labels = [f"{name} ({share:.0%} of variance)" for name, share in names]
        drawn.set_xlabel(labels[0])
        drawn.set_ylabel(labels[1])
        return drawn


def projected_flow(
    step: Step | None,
    states: Array,
    inputs: ArrayLike | None = None,
    *,
    dynamics: Dynamics = "map",
    method: Method = "lifted",
    components: tuple[int, int] = (0, 1),
    resolution: int = 25,
    margin: float = 0.1,
) -> ProjectedFlow:
    """Return the flow in the plane of two principal components of recorded states, and how much of it leaves the plane.

    The states are centred before the components are found; velocities are differences of states and are projected
    with the components alone. Subtracting the mean from them, as is done when a fitted PCA is applied to
    velocities as if they were states, shifts the whole flow by a constant and moves its zeros.

    Not a reduction: the plane is not invariant unless ``leaving`` is 0, and a zero of the projected flow is a
    fixed point only if it is one of the network (:func:`~dynascope.fixedpoints.find_fixed_points`). For low-rank
    networks :func:`~dynascope.fixedpoints.low_rank_map` is exact.

    Parameters
    ----------
    step : callable, or None with ``method="recorded"``
        As for :func:`~dynascope.fixedpoints.find_fixed_points`.
    states : ndarray, shape (..., state), floating point; (trial, time, state) with ``method="recorded"``
        Recorded states; samples with any NaN (padding) are left out.
    inputs : array, shape (input,), or None
        The one constant input of the flow.
    dynamics : {"map", "flow"}
    method : {"lifted", "recorded"}
        ``lifted`` evaluates the network at the states of the plane. ``recorded`` averages, in each bin, the
        differences between successive recorded states: what the network did where it was, whatever its inputs and
        noise, in units of the state per sample.
    components : two different int ≥ 0
    resolution : int ≥ 2
        Nodes or bins per side.
    margin : float ≥ 0
        How far the grid reaches beyond the recorded states, as a share of their extent.

    Raises
    ------
    InputError
        If an argument has a wrong shape, dtype or range.

    Notes
    -----
    Cost: an eigendecomposition of the (state, state) covariance, and with ``lifted`` one evaluation of ``step`` on the
    grid and on every recorded state.

    Examples
    --------
    >>> recorded = np.random.default_rng(0).normal(size=(8, 20, 3)) * [3, 2, 0]
    >>> flow = projected_flow(lambda x: 0.5 * x, recorded)
    >>> flow.velocity.shape, round(flow.leaving_recorded, 12)
    ((25, 25, 2), 0.0)
    """
    recorded = _check(states, method, components, resolution, margin, dynamics)
    if method == "lifted" and step is None:
        raise InputError("step: method='lifted' evaluates the network; pass its step, or method='recorded'")
    rows = recorded.reshape(-1, recorded.shape[-1])
    rows = rows[~np.isnan(rows).any(axis=1)]
    origin, directions, variance = _principal_axes(rows, components)
    coordinates = (rows - origin) @ directions.T
    edges = [_edges(values, resolution, margin) for values in coordinates.T]
    x, y = ((edge[1:] + edge[:-1]) / 2 for edge in edges)
    counts = _histogram(coordinates, edges)
    if method == "lifted" and step is not None:
        given = None if inputs is None else np.asarray(inputs, float)
        velocity, leaving, overall = _lifted(step, rows, given, dynamics, origin, directions, x, y)
    else:
        velocity, leaving, overall = _binned(recorded, origin, directions, edges)
    return ProjectedFlow(
        dynamics=dynamics,
        method=method,
        components=list(components),
        x=x,
        y=y,
        velocity=velocity,
        leaving=leaving,
        counts=counts.astype(int),
        leaving_recorded=overall,
        origin=origin,
        directions=directions,
        variance=variance,
        parameters={"resolution": resolution, "margin": margin},
        input_digest=digest_arrays([recorded]),
    )


def _check(
    states: Array, method: str, components: tuple[int, int], resolution: int, margin: float, dynamics: str
) -> Array:
    if method not in METHODS:
        raise InputError(unknown_name("method", method, METHODS))
    if dynamics not in ("map", "flow"):
        raise InputError(unknown_name("dynamics", dynamics, ("map", "flow")))
    recorded = np.asarray(states)
    if recorded.dtype.kind != "f" or recorded.ndim < 2 or recorded.shape[-1] < 2:
        raise InputError(
            "states: expected floating-point states (..., state) of at least 2 variables, found shape "
            f"{recorded.shape}, dtype {recorded.dtype}"
        )
    if method == "recorded" and recorded.ndim < 3:
        raise InputError(f"states: method='recorded' needs (trial, time, state), found shape {recorded.shape}")
    complete = ~np.isnan(recorded).any(axis=-1)
    if complete.sum() < 2 or np.isinf(recorded).any():
        raise InputError("states: expected at least 2 samples without NaN, and no infinity")
    for name, value, least in (("resolution", resolution, 2), ("components[0]", components[0], 0)):
        check_count(name, value, least)
    if len(set(components)) != 2 or min(components) < 0 or max(components) >= recorded.shape[-1]:
        raise InputError(f"components: expected two different ones of {recorded.shape[-1]}, found {components}")
    if not 0 <= margin < np.inf:
        raise InputError(f"margin: expected a number ≥ 0, found {margin!r}")
    return recorded.astype(float)


def _principal_axes(rows: Array, components: tuple[int, int]) -> tuple[Array, Array, Array]:
    """Return the mean (state,), two principal axes (2, state) and their shares of the variance (2,)."""
    origin = rows.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(rows - origin, rowvar=False))
    chosen = np.argsort(-values, kind="stable")[list(components)]
    directions = vectors[:, chosen].T
    # The largest loading of an axis is positive: the sign is otherwise the library's whim.
    signs = np.sign(directions[np.arange(2), np.abs(directions).argmax(axis=1)])
    total = float(values.sum())
    return origin, directions * signs[:, None], np.clip(values[chosen], 0, None) / (total if total > 0 else 1.0)


def _edges(values: Array, resolution: int, margin: float) -> Array:
    low, high = float(values.min()), float(values.max())
    # A direction without extent still gets cells.
    size = (high - low) or max(abs(high), 1.0) * 1e-3
    return np.linspace(low - margin * size, high + margin * size, resolution + 1)


def _histogram(coordinates: Array, edges: list[Array], weights: Array | None = None) -> Array:
    """Return sums over the cells, (row, column)."""
    made: Array = np.histogram2d(coordinates[:, 1], coordinates[:, 0], bins=[edges[1], edges[0]], weights=weights)[0]
    return made


def _lifted(
    step: Step,
    rows: Array,
    inputs: Array | None,
    dynamics: Dynamics,
    origin: Array,
    directions: Array,
    x: Array,
    y: Array,
) -> tuple[Array, Array, float]:
    """Return the projected velocity and the share that leaves at the nodes, and that share at the recorded rows."""
    with precision(torch.float64), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, rows[:_ROWS], inputs, dynamics=dynamics)
        one = None if problem.inputs is None else problem.inputs[0].numpy()
        grid = np.stack(np.meshgrid(x, y), axis=-1)
        states = origin + grid.reshape(-1, 2) @ directions
        at_nodes = velocities(problem.step, states, one, dynamics=dynamics)
        inside, total = 0.0, 0.0
        for begin in range(0, len(rows), _ROWS):
            moved = velocities(problem.step, rows[begin : begin + _ROWS], one, dynamics=dynamics)
            inside += float(((moved @ directions.T) ** 2).sum())
            total += float((moved**2).sum())
    projected = at_nodes @ directions.T
    leaving = _leaving((projected**2).sum(axis=1), (at_nodes**2).sum(axis=1))
    return projected.reshape(grid.shape), leaving.reshape(grid.shape[:2]), float(_leaving(inside, total))


def _binned(recorded: Array, origin: Array, directions: Array, edges: list[Array]) -> tuple[Array, Array, float]:
    """Return the same from differences between successive states, averaged over the bins they start in."""
    states = recorded[..., :-1, :].reshape(-1, recorded.shape[-1])
    moved = np.diff(recorded, axis=-2).reshape(states.shape)
    complete = ~np.isnan(moved).any(axis=1)
    states, moved = states[complete], moved[complete]
    if not len(moved):
        raise InputError("states: no two successive samples without NaN; method='recorded' needs them")
    coordinates, projected = (states - origin) @ directions.T, moved @ directions.T
    number = _histogram(coordinates, edges)
    sums = [_histogram(coordinates, edges, projected[:, component]) for component in (0, 1)]
    velocity = np.stack(sums, axis=-1) / np.where(number > 0, number, np.nan)[..., None]
    inside, total = (projected**2).sum(axis=1), (moved**2).sum(axis=1)
    leaving = _leaving(_histogram(coordinates, edges, inside), _histogram(coordinates, edges, total))
    leaving = np.where(number > 0, leaving, np.nan)
    return velocity, leaving, float(_leaving(inside.sum(), total.sum()))


def _leaving(inside: Any, total: Any) -> Array:
    """Return 1 − inside/total, 0 at rest; rounding may not take it out of 0 to 1."""
    total = np.asarray(total, float)
    share = np.asarray(inside) / np.where(total > 0, total, 1)
    return np.clip(np.where(total > 0, 1 - share, 0), 0, 1)
