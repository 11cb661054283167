"""What the orbits of one system can meet: its known points, how large it is, and when something has escaped."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from ..jacobian import Jacobian, chunks, make_jacobian
from ..problem import ArrayLike, Problem, host
from ..record import FixedPoints
from ..stability import count_unstable, eigenvalues, is_stable

Array = npt.NDArray[Any]

_MEMORY = 2**28
# A point may move by this share of its own size and still be called fixed (a search in float32 leaves 1e-6).
_AT_REST = 1e-4
# Orbits this many times farther out than anything known are called lost.
_ESCAPE = 1e6


@dataclasses.dataclass(frozen=True, eq=False)
class Scene:
    """One map or flow under one input, with the points at rest that the caller knows.

    Attributes
    ----------
    problem, jacobian : the system
    points : (k, state); ``rows`` (k,) are their places in the caller's list
    jacobians, eigenvalues, stable, n_unstable : of the points
    centre : (state,), the mean start; ``scale`` the distance from it to the farthest start or point
    bound : distance from the centre beyond which an orbit counts as lost
    """

    problem: Problem
    jacobian: Jacobian
    points: Array
    rows: Array
    jacobians: Array
    eigenvalues: Array
    stable: Array
    n_unstable: Array
    centre: Array
    scale: float
    bound: float

    @property
    def same(self) -> float:
        """Distance below which two states are one attractor."""
        return 1e-6 * self.scale

    @property
    def recurrence(self) -> float:
        """Distance below which an orbit has come back to where it was; never below rounding error."""
        return max(1e-9 * self.scale, 1e-13 * float(np.linalg.norm(self.centre)))

    def inputs(self, n_rows: int) -> Tensor | None:
        """Return the one input of the scene for ``n_rows`` states."""
        return None if self.problem.inputs is None else self.problem.inputs[:1].expand(n_rows, -1)

    def tensor(self, values: Array) -> Tensor:
        """Return an array in the precision and on the device of the problem."""
        return torch.as_tensor(values).to(self.problem.starts)


def make_scene(problem: Problem, points: FixedPoints | ArrayLike | None) -> Scene:
    """Return the scene of a problem whose starts all have one input.

    Raises
    ------
    InputError
        If the starts have different inputs, or ``points`` are of another system: their number of coordinates,
        kind of dynamics or inputs differ, or they are not at rest.
    """
    _refuse_several_inputs(problem)
    jacobian = make_jacobian(problem)
    states, rows = _given_points(problem, points)
    _refuse_moving(problem, states, rows)
    if isinstance(points, FixedPoints):
        jacobians = points.jacobians[rows]
    else:
        states = _polished(problem, states, _jacobians(problem, jacobian, states))
        jacobians = _jacobians(problem, jacobian, states)
    values = eigenvalues(jacobians, problem.dynamics)
    starts = host(problem.starts)
    centre = starts.mean(axis=0)
    reach = float(np.linalg.norm(np.concatenate([starts, states]) - centre, axis=1).max())
    size = float(np.linalg.norm(centre))
    return Scene(
        problem=problem,
        jacobian=jacobian,
        points=states,
        rows=rows,
        jacobians=jacobians,
        eigenvalues=values,
        stable=is_stable(values, problem.dynamics),
        n_unstable=count_unstable(values, problem.dynamics),
        centre=centre,
        scale=reach or size or 1.0,
        bound=_ESCAPE * max(reach, size, 1.0),
    )


def _jacobians(problem: Problem, jacobian: Jacobian, states: Array) -> Array:
    """Return ∂F/∂x or ∂f/∂x at the points, (k, state, state)."""
    made = torch.as_tensor(states).to(problem.starts)
    blocks = [host(jacobian(made[block], _shared(problem, len(block)))) for block in chunks(made, _MEMORY)]
    return np.concatenate(blocks) if blocks else np.zeros((0, *[problem.n_states] * 2))


def _polished(problem: Problem, states: Array, jacobians: Array) -> Array:
    """Return the points after one Newton step: written with six digits they are no place where orbits come to rest."""
    made = torch.as_tensor(states).to(problem.starts)
    residual = problem.residual(made, _shared(problem, len(made)))
    matrices = problem.residual_jacobian(torch.as_tensor(jacobians).to(made))
    moved, failed = torch.linalg.solve_ex(matrices, -residual)
    allowed = _AT_REST * (1 + made.norm(dim=1))
    good = (failed == 0) & (moved.norm(dim=1) <= allowed)
    return host(torch.where(good[:, None], made + moved, made)).astype(float)


def _shared(problem: Problem, n_rows: int) -> Tensor | None:
    return None if problem.inputs is None else problem.inputs[:1].expand(n_rows, -1)


def _refuse_several_inputs(problem: Problem) -> None:
    if problem.inputs is None:
        return
    different = torch.nonzero((problem.inputs != problem.inputs[0]).any(dim=1))[:, 0]
    if len(different):
        raise InputError(
            f"inputs: expected one input for all starts, found another at start {int(different[0])}; basins belong to "
            "one constant input: call once per input"
        )


def _given_points(problem: Problem, points: FixedPoints | ArrayLike | None) -> tuple[Array, Array]:
    """Return the states (k, state) of the known points under the problem's input, and their row numbers."""
    if points is None:
        return np.zeros((0, problem.n_states)), np.zeros(0, dtype=int)
    given = points.states if isinstance(points, FixedPoints) else points
    states = host(given).astype(float)
    if states.ndim != 2 or states.shape[1] != problem.n_states:
        raise InputError(
            f"points: expected shape (k, {problem.n_states}), the state variables of the starts, found {states.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(states).all(axis=1))
    if len(bad):
        raise InputError(f"points: expected finite numbers, found {states[bad[0]]} in row {bad[0]}")
    rows = np.arange(len(states))
    if isinstance(points, FixedPoints):
        if points.dynamics != problem.dynamics:
            raise InputError(f"points: those of a {points.dynamics}, but dynamics='{problem.dynamics}'")
        rows = _under_input(problem, points)
    return states[rows], rows


def _under_input(problem: Problem, points: FixedPoints) -> Array:
    if not len(points):
        return np.arange(0)
    if (points.inputs is None) != (problem.inputs is None):
        found = "no inputs" if points.inputs is None else "inputs"
        raise InputError(f"points: found with {found}; pass the same inputs here")
    if points.inputs is None or problem.inputs is None:
        return np.arange(len(points))
    wanted = host(problem.inputs[0])
    if points.inputs.shape[1] != len(wanted):
        raise InputError(f"points: have {points.inputs.shape[1]} input channels, inputs has {len(wanted)}")
    rows = np.flatnonzero((np.abs(points.inputs - wanted) <= 1e-6 * (1 + np.abs(wanted))).all(axis=1))
    if not len(rows):
        raise InputError(f"points: none was found under the input {wanted.tolist()}; search there first")
    return np.asarray(rows)


def _refuse_moving(problem: Problem, states: Array, rows: Array) -> None:
    if not len(states):
        return
    made = torch.as_tensor(states).to(problem.starts)
    moved = host(problem.residual(made, _shared(problem, len(made)))).astype(float)
    speed = np.linalg.norm(moved, axis=1)
    worst = int(np.nan_to_num(speed, nan=np.inf).argmax())
    if not speed[worst] <= _AT_REST * (1 + float(np.linalg.norm(states[worst]))):
        what = "F(x) − x" if problem.dynamics == "map" else "f(x)"
        raise InputError(
            f"points: row {rows[worst]} is not at rest, {what} has length {speed[worst]:.3g}; expected fixed points of "
            "this step under this input"
        )
