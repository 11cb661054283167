"""Continuation: fixed points followed along a parameter, through folds and onto the branches that cross."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError, unknown_name
from ...results import digest_arrays
from ..find import find_fixed_points
from ..options import check_count
from ..problem import DYNAMICS, ArrayLike, Dynamics, Problem, Step, host, precision
from .atlas import Atlas
from .record import BifurcationDiagram
from .system import make_system
from .trace import Limits

Array = npt.NDArray[Any]


def continue_branch(
    step: Step,
    state: ArrayLike,
    parameter: float,
    *,
    bounds: tuple[float, float],
    dynamics: Dynamics = "map",
    max_step: float = 0.02,
    max_points: int = 2000,
    state_scale: float | None = None,
    state_bound: float | None = None,
) -> BifurcationDiagram:
    """Return the branch of fixed points through one point, with its bifurcations.

    Pseudo-arclength continuation in both directions: folds are passed, other branches are noted and not
    entered (:func:`bifurcation_diagram` enters them).

    Parameters
    ----------
    step : callable
        Batched: states (n, state) and parameter (n, 1) → (n, state), the next state F(x, p) or, with
        ``dynamics="flow"``, the velocity f(x, p). See :func:`along_input`, :func:`along_weights` and
        :func:`along_scale`.
    state : array or tensor, shape (state,), floating point
        Near a fixed point at ``parameter``; Newton's method goes to it first.
    parameter : float within ``bounds``
    bounds : (float, float)
        Where to follow the branch. The parameter's range is also the unit in which steps are measured.
    dynamics : {"map", "flow"}
    max_step : float in (0, 1)
        Longest step along the branch, in units of the parameter's range and of ``state_scale``.
    max_points : int ≥ 1
        Of each of the two directions.
    state_scale : float > 0 or None
        Size of typical states (norm of the whole vector); by default the norm of ``state``, at least √N.
    state_bound : float > 0 or None
        The branch ends where ‖x‖ exceeds this; by default 100 times ``state_scale``.

    Returns
    -------
    BifurcationDiagram
        With one branch, or none if no fixed point is near ``state`` (``notes`` says so).

    Raises
    ------
    InputError
        If an argument has a wrong shape, type or range, or ``step`` cannot be followed (not differentiable,
        ignores the parameter, …; as :func:`~dynascope.fixedpoints.find_fixed_points`).

    Notes
    -----
    Each point costs about three Jacobians with respect to x and p, their LU factors and one set of
    eigenvalues, each bifurcation about twenty of these: 2 ms a point for small systems, 0.05 s for 256 units.
    A branch that misses another by less than about 1e-6 (a pitchfork with that small an imperfection) may be reported
    as crossing it; lower ``max_step`` if branches run close to each other.

    Examples
    --------
    >>> branch = continue_branch(lambda x, r: r * x * (1 - x), np.array([0.6]), 2.5, bounds=(1.5, 3.5))
    >>> branch.special_types.tolist(), branch.special_parameter.round(6).tolist()
    (['flip'], [3.0])
    """
    row = _state_row(state)
    options = _Options(bounds, dynamics, max_step, max_points, 1, 0, switch=False)
    return _follow(step, row[None], [parameter], options, _given_scale(row[None], state_scale), state_bound)


def bifurcation_diagram(
    step: Step,
    starts: ArrayLike,
    parameter: float | Sequence[float],
    *,
    bounds: tuple[float, float],
    dynamics: Dynamics = "map",
    switch: bool = True,
    doublings: int = 0,
    max_branches: int = 64,
    max_step: float = 0.02,
    max_points: int = 2000,
    state_scale: float | None = None,
    state_bound: float | None = None,
) -> BifurcationDiagram:
    """Return the branches of fixed points that are connected to those at a start value, with their bifurcations.

    The fixed points at ``parameter`` are found, each is followed in both directions, and at every crossing
    (pitchfork, transcritical, several at once) the other branches are followed as well. No branch is followed twice.

    Parameters
    ----------
    step, bounds, dynamics, max_step, max_points, state_scale, state_bound : as for :func:`continue_branch`
        ``state_scale`` is by default the largest norm of a start, at least √N.
    starts : array or tensor, shape (n, state)
        Where to look for fixed points at ``parameter``; branches that none of them leads to are missed.
    parameter : float or sequence of floats within ``bounds``
        Where to look: branches that are not connected (isolas) need a value at which they exist.
    switch : bool
        Whether to follow branches that cross.
    doublings : int ≥ 0
        How often to follow the doubled orbit from a flip: 1 gives period 2, 2 also period 4, … Only for maps.
    max_branches : int ≥ 1

    Raises
    ------
    InputError
        As :func:`continue_branch`.

    Notes
    -----
    Isolated branches, and branches of periodic points that do not begin at a flip, are not found unless a
    start leads there. Limit cycles that begin at Hopf and Neimark-Sacker points are not followed.

    Examples
    --------
    >>> step, starts = lambda x, g: torch.tanh(g * x), np.linspace(-1, 1, 5)[:, None]
    >>> diagram = bifurcation_diagram(step, starts, 0.5, bounds=(0.5, 2))
    >>> diagram.n_branches, diagram.of_type("pitchfork").round(8)
    (2, array([1.]))
    """
    rows = _start_rows(starts)
    if isinstance(parameter, (int, float, np.number)):
        parameter = [float(parameter)]
    options = _Options(bounds, dynamics, max_step, max_points, max_branches, doublings, switch=switch)
    return _follow(step, rows, list(parameter), options, _given_scale(rows, state_scale), state_bound)


@dataclasses.dataclass(frozen=True)
class _Options:
    bounds: tuple[float, float]
    dynamics: Dynamics
    max_step: float
    max_points: int
    max_branches: int
    doublings: int
    switch: bool = dataclasses.field(kw_only=True)

    def __post_init__(self) -> None:
        if self.dynamics not in DYNAMICS:
            raise InputError(unknown_name("dynamics", self.dynamics, DYNAMICS))
        low, high = self._pair()
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise InputError(f"bounds: expected two finite numbers, the lower first, found {self.bounds!r}")
        if not 0 < self.max_step < 1:
            raise InputError(f"max_step: expected a share of the range between 0 and 1, found {self.max_step!r}")
        for name, least in (("max_points", 1), ("max_branches", 1), ("doublings", 0)):
            check_count(name, getattr(self, name), least)
        if self.doublings and self.dynamics == "flow":
            raise InputError("doublings: only maps have flips, found dynamics='flow'")

    def _pair(self) -> tuple[float, float]:
        try:
            low, high = self.bounds
            return float(low), float(high)
        except (TypeError, ValueError):
            raise InputError(f"bounds: expected two finite numbers, the lower first, found {self.bounds!r}") from None


def _follow(
    step: Step, rows: Array, parameters: list[float], options: _Options, scale: float, state_bound: float | None
) -> BifurcationDiagram:
    low, high = float(options.bounds[0]), float(options.bounds[1])
    values = [_parameter_value(value, low, high) for value in parameters]
    if not values:
        raise InputError("parameter: expected at least one value, found none")
    bound = 100 * scale if state_bound is None else _positive("state_bound", state_bound)
    limits = Limits(low=low, high=high, max_points=options.max_points, max_step=options.max_step, state_bound=bound)
    with precision(torch.float64), torch.inference_mode(mode=False), torch.enable_grad():
        system = make_system(
            step, rows[0], values[0], dynamics=options.dynamics, state_scale=scale, parameter_scale=high - low
        )
        atlas = Atlas(
            limits=limits,
            switch=options.switch,
            doublings=options.doublings,
            max_branches=options.max_branches,
        )
        for value in values:
            points = points_at(system.base, rows, value)
            if not len(points):
                atlas.note(f"no fixed point was found from the starts at p = {value:g}")
            for state in points:
                atlas.enter(system, system.scaled(state, value))
        atlas.complete()
    found = atlas.arrays(system)
    parameters_used = {**dataclasses.asdict(options), "parameter": values, "state_scale": scale, "state_bound": bound}
    return BifurcationDiagram(
        dynamics=options.dynamics,
        bounds=(low, high),
        **found,
        parameters=parameters_used,
        input_digest=digest_arrays([rows]),
    )


def points_at(problem: Problem, rows: Array, parameter: float) -> Array:
    """Return the fixed points (k, state) of a problem whose input is the parameter, at one value of it."""
    fixed = functools.partial(_at_value, problem, parameter)
    found = find_fixed_points(fixed, rows, dynamics=problem.dynamics, certify=False)
    return np.asarray(found.states)


def _at_value(problem: Problem, parameter: float, states: Tensor) -> Tensor:
    return problem.call(states, states.new_full((len(states), 1), parameter))


def _state_row(state: ArrayLike) -> Array:
    row = host(state)
    if row.ndim != 1 or not len(row):
        raise InputError(f"state: expected shape (state,), one state, found {row.shape}")
    return row


def _start_rows(starts: ArrayLike) -> Array:
    rows = host(starts)
    if rows.ndim != 2 or 0 in rows.shape:
        hint = "; write x[None] for a single state" if rows.ndim == 1 else ""
        raise InputError(f"starts: expected shape (n, state), both at least 1, found {rows.shape}{hint}")
    return rows


def _given_scale(rows: Array, state_scale: float | None) -> float:
    if state_scale is not None:
        return _positive("state_scale", state_scale)
    if rows.dtype.kind != "f" or not np.isfinite(rows).all():
        raise InputError(
            f"starts: expected finite real floating-point states, found dtype {rows.dtype}"
            + (" with NaN or infinity" if rows.dtype.kind == "f" else "")
        )
    return float(max(np.linalg.norm(rows, axis=1).max(), np.sqrt(rows.shape[1])))


def _positive(name: str, value: float) -> float:
    if not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
        raise InputError(f"{name}: expected a number > 0, found {value!r}")
    return float(value)


def _parameter_value(value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        raise InputError(f"parameter: expected a number within the bounds {low:g} to {high:g}, found {value!r}")
    return float(value)
