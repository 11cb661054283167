"""Slow points: minima of the speed q = ½‖G(x)‖² that are no zeros, ghosts of points that have just vanished.

Every start, and every state in which Newton's method got stuck, descends on q: first by the Levenberg-Marquardt
method, which needs Jacobians only, then by Newton's method on ∇q = MᵀG with its exact second derivative, M = ∂G/∂x.
A Gauss-Newton step cannot do the second part: at a minimum that is no zero M is singular, and MᵀM without
Σ G ∇²G is the wrong curvature. What is returned has been checked to be a minimum: the distance ‖H⁻¹∇q‖ to the
zero of ∇q is at most a millionth of the states' size, and no eigenvalue of H is negative beyond rounding.

Slow points: Sussillo and Barak, Neural Comput. 25 (2013) 626, section 2.2. Levenberg-Marquardt: Nocedal and Wright,
Numerical Optimization (2006), 10.3; the eigenvalues of H are replaced by their moduli for descent, ibid. 3.4.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .certificates.kantorovich import evaluation_error
from .jacobian import Jacobian, chunks
from .options import Options
from .problem import Problem, host
from .solver.newton import Outcome, Solution, speed
from .solver.points import Points
from .solver.unique import group_rows, merge_close
from .stability import eigenvalues

Array = npt.NDArray[Any]

_NEWTON_STEPS = 40
_HALVINGS = 20
_ARMIJO = 1e-4
# The first stage may leave q this many times above its minimum.
_ROUGH = 100.0
# A minimum is known to within this share of the scale, or it is not reported.
_NEAR = 1e-6
# Curvature this small beside the largest is none: a valley floor.
_FLAT = 1e-7
# Descents that leave this many times the region of the starts go to infinity.
_FAR = 1e3


@dataclasses.dataclass(frozen=True, eq=False)
class SlowPoints:
    """Minima of q below the slow tolerance that are no zeros; ``unverified`` counts descents that ended in no minimum.

    Shapes as in :class:`~dynascope.fixedpoints.FixedPoints`.
    """

    states: Array
    inputs: Array | None
    speeds: Array
    jacobians: Array
    eigenvalues: Array
    multiplicity: Array
    unverified: int


def find_slow_points(
    problem: Problem, jacobian: Jacobian, solution: Solution, points: Points, options: Options
) -> SlowPoints:
    """Return the slow points that the starts of ``problem`` descend to, slowest first within an input.

    ``points`` are the true fixed points of the search: what ends at one of them is not a slow point.

    Cost: per start some ten factorisations of N × N; for each of the few descents that end in slow states a
    Hessian by 2N gradients and its eigenvectors, some five times.
    """
    descent = _Descent(problem, jacobian, options, points.scale)
    states, rows = _beginnings(problem, solution)
    states = descent.roughly(states, problem.rows(rows))
    q = speed(problem.residual(states, problem.rows(rows)))
    kept = (q > options.tolerance) & (q <= _ROUGH * options.slow_tolerance) & descent.near(states)
    states, rows = states[kept], rows[kept]
    states, verified = descent.exactly(states, problem.rows(rows))
    slow = descent.is_slow(states, problem.rows(rows)) & ~_at_a_point(states, rows, points, options)
    chosen = slow & verified
    return _collect(descent, states[chosen], rows[chosen], int((slow & ~verified).sum()))


def none_asked(problem: Problem) -> SlowPoints:
    """Return no slow points."""
    n, channels = problem.n_states, None if problem.inputs is None else problem.inputs.shape[1]
    inputs = None if channels is None else np.zeros((0, channels))
    none = np.zeros(0)
    return SlowPoints(
        np.zeros((0, n)), inputs, none, np.zeros((0, n, n)), np.zeros((0, n), complex), none.astype(np.int64), 0
    )


def _beginnings(problem: Problem, solution: Solution) -> tuple[Tensor, Tensor]:
    """Return where descents begin and the start that each belongs to: all starts, and where Newton got stuck.

    All starts, because a start that got stuck and was then rescued to a fixed point forgets where it was stuck.
    """
    stuck = (solution.outcomes == int(Outcome.MINIMUM)) | (solution.outcomes == int(Outcome.ITERATIONS))
    more = torch.nonzero(stuck & torch.isfinite(solution.speeds))[:, 0]
    rows = torch.cat([torch.arange(len(problem.starts), device=more.device), more])
    states = torch.cat([problem.starts, solution.states[more]])
    finite = torch.isfinite(speed(problem.residual(states, problem.rows(rows))))
    return states[finite], rows[finite]


def _at_a_point(states: Tensor, rows: Tensor, points: Points, options: Options) -> Tensor:
    """Return which states are copies of a fixed point under their own input, (n,)."""
    near = torch.cdist(states, points.states) <= max(options.unique_tolerance, _NEAR) * points.scale
    own, others = points.problem.rows(rows), points.inputs()
    if own is not None and others is not None:
        near &= (own[:, None] == others[None]).all(-1)
    return near.any(1)


def _collect(descent: "_Descent", states: Tensor, rows: Tensor, unverified: int) -> SlowPoints:
    problem, options = descent.problem, descent.options
    given = problem.rows(rows)
    q = host(speed(problem.residual(states, given)))
    groups = group_rows(None if given is None else host(given), len(states))
    leaders = merge_close(host(states), groups, options.unique_tolerance * descent.scale, priority=q)
    kept, position = np.unique(leaders, return_inverse=True)
    # A start that was tried twice counts once.
    pairs = np.unique(np.stack([position.reshape(-1), host(rows)]), axis=1) if len(rows) else np.zeros((2, 0), int)
    counts = np.bincount(pairs[0], minlength=len(kept))
    order = np.lexsort((q[kept], groups[kept]))
    kept, counts = kept[order], counts[order]
    chosen = torch.as_tensor(kept, device=rows.device)
    states, given = states[chosen], problem.rows(rows[chosen])
    jacobians = np.zeros((len(states), problem.n_states, problem.n_states), dtype=host(states).dtype)
    for index in chunks(states, options.memory):
        jacobians[host(index)] = host(descent.jacobian(states[index], None if given is None else given[index]))
    values = eigenvalues(jacobians, options.dynamics)
    inputs = None if given is None else host(given)
    return SlowPoints(host(states), inputs, q[kept], jacobians, values, counts, unverified)


class _Descent:
    """Batched minimisation of q. States are rows; inputs are rows beside them or None."""

    def __init__(self, problem: Problem, jacobian: Jacobian, options: Options, scale: float) -> None:
        self.problem, self.jacobian, self.options, self.scale = problem, jacobian, options, scale
        self.centre = problem.starts.mean(0)
        self.reach = float((problem.starts - self.centre).norm(dim=1).amax()) or scale

    def near(self, states: Tensor) -> Tensor:
        """Return which states have not left for infinity, (n,)."""
        near: Tensor = (states - self.centre).norm(dim=1) <= _FAR * self.reach
        return near

    def is_slow(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return which states have q above that of a zero, also above rounding, and below the slow tolerance, (n,)."""
        slow = torch.zeros(len(states), dtype=torch.bool, device=states.device)
        for index in chunks(states, self.options.memory):
            given = None if inputs is None else inputs[index]
            value = speed(self.problem.residual(states[index], given))
            error = evaluation_error(self.problem, states[index], given, self.jacobian(states[index], given))
            above = (value > self.options.tolerance) & (value > 0.5 * (10 * error).square())
            slow[index] = above & (value <= self.options.slow_tolerance)
        return slow & self.near(states)

    def roughly(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return the states after Levenberg-Marquardt steps on q, until they gain little."""
        states = states.clone()
        for index in chunks(states, self.options.memory):
            states[index] = self._levenberg(states[index], None if inputs is None else inputs[index])
        return states

    def _levenberg(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        rows = torch.arange(len(states), device=states.device)
        damping = torch.full_like(states[:, 0], torch.nan)
        little = torch.zeros_like(rows)
        for _ in range(self.options.max_iterations):
            given = None if inputs is None else inputs[rows]
            value = self.problem.residual(states[rows], given)
            q = speed(value)
            slope = self.problem.residual_jacobian(self.jacobian(states[rows], given))
            normal, gradient = slope.mT @ slope, torch.einsum("nij,ni->nj", slope, value)
            size = normal.diagonal(dim1=-2, dim2=-1).mean(-1)
            least = torch.finfo(q.dtype).eps * size + torch.finfo(q.dtype).tiny
            damping[rows] = torch.where(torch.isnan(damping[rows]), 1e-3 * size, damping[rows]).clamp_min(least)
            normal.diagonal(dim1=-2, dim2=-1).add_(damping[rows, None])
            step = torch.nan_to_num(-torch.linalg.solve_ex(normal, gradient[..., None])[0][..., 0], 0.0, 0.0, 0.0)
            step *= (self.reach / step.norm(dim=1, keepdim=True).clamp_min(1e-300)).clamp(max=1.0)
            trial = states[rows] + step
            found = speed(self.problem.residual(trial, given))
            better = found < q
            states[rows[better]] = trial[better]
            damping[rows] *= torch.where(better, 0.3, 4.0)
            little[rows] = torch.where(found < (1 - 1e-3) * q, 0, little[rows] + 1)
            ended = (torch.minimum(found, q) <= self.options.tolerance) | (little[rows] >= 8)
            rows = rows[~ended & torch.isfinite(q)]
            if not len(rows):
                break
        return states

    def exactly(self, states: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the states after Newton steps on ∇q and which of them are minima, (n,) bool."""
        states, verified = states.clone(), torch.zeros(len(states), dtype=torch.bool, device=states.device)
        for index in chunks(states, self.options.memory):
            made = self._newton(states[index], None if inputs is None else inputs[index])
            states[index], verified[index] = made
        return states, verified

    def _newton(self, states: Tensor, inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        rows = torch.arange(len(states), device=states.device)
        verified = torch.zeros(len(states), dtype=torch.bool, device=states.device)
        for _ in range(_NEWTON_STEPS):
            given = None if inputs is None else inputs[rows]
            q = speed(self.problem.residual(states[rows], given))
            gradient = self.gradient(states[rows], given)
            curvature, axes = torch.linalg.eigh(self._hessian(states[rows], given))
            # Where q does not vary at all, a constant drift, there is no minimum.
            varies = curvature.abs().amax(-1) * self.scale**2 > _NEAR * q
            step, minimum = self._direction(gradient, curvature, axes)
            verified[rows] = minimum & varies
            moved = self._backtrack(states, rows, step, gradient, q, given)
            settled = verified[rows] & (step.norm(dim=1) <= 1e-3 * _NEAR * self.scale)
            going = moved & ~settled & (speed(self.problem.residual(states[rows], given)) > self.options.tolerance)
            rows = rows[going]
            if not len(rows):
                break
        return states, verified

    def _direction(self, gradient: Tensor, curvature: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the step −|H|⁺∇q and whether the state is a minimum to within the accuracy asked for."""
        largest = curvature.abs().amax(-1, keepdim=True).clamp_min(torch.finfo(curvature.dtype).tiny)
        along = torch.einsum("nij,ni->nj", axes, gradient)
        flat = curvature.abs() <= _FLAT * largest
        share = torch.where(flat, torch.zeros_like(along), along / curvature.abs().clamp_min(_FLAT * largest))
        distance = share.norm(dim=1)
        level = (torch.where(flat, along, 0.0).abs() <= 1e-3 * _NEAR * largest * self.scale).all(1)
        bent = (curvature >= -_FLAT * largest).all(1)
        step = -torch.einsum("nij,nj->ni", axes, share)
        step *= (self.reach / step.norm(dim=1, keepdim=True).clamp_min(1e-300)).clamp(max=1.0)
        return step, (distance <= _NEAR * self.scale) & level & bent

    def _backtrack(
        self, states: Tensor, rows: Tensor, step: Tensor, gradient: Tensor, q: Tensor, given: Tensor | None
    ) -> Tensor:
        """Move ``states[rows]`` along ``step`` to where q has sunk enough; return which ones moved."""
        descent = (gradient * step).sum(1)
        moved = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        length = torch.ones_like(q)
        for _ in range(_HALVINGS):
            todo = torch.nonzero(~moved)[:, 0]
            if not len(todo):
                break
            trial = states[rows[todo]] + length[todo, None] * step[todo]
            found = speed(self.problem.residual(trial, None if given is None else given[todo]))
            good = found <= q[todo] + _ARMIJO * length[todo] * descent[todo]
            states[rows[todo[good]]] = trial[good]
            moved[todo[good]] = True
            length /= 2
        return moved

    def gradient(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return ∇q = MᵀG at each state, (n, state)."""
        if self.options.jacobian is not None:
            parts = []
            for index in chunks(states, self.options.memory):
                given = None if inputs is None else inputs[index]
                slope = self.problem.residual_jacobian(self.jacobian(states[index], given))
                parts.append(torch.einsum("nij,ni->nj", slope, self.problem.residual(states[index], given)))
            return torch.cat(parts)
        leaf = states.detach().clone().requires_grad_()
        value = self.problem.call(leaf, inputs)
        residual = value.detach() - leaf.detach() if self.problem.dynamics == "map" else value.detach()
        (pulled,) = torch.autograd.grad(value, leaf, residual, materialize_grads=True)
        return pulled - residual if self.problem.dynamics == "map" else pulled

    def _hessian(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return ∂²q/∂x² by central differences of the gradient, symmetric, (n, state, state)."""
        n_rows, n_states = states.shape
        width = torch.finfo(states.dtype).eps ** (1 / 3) * self.scale
        offsets = width * torch.eye(n_states, dtype=states.dtype, device=states.device)
        given = None if inputs is None else inputs.repeat_interleave(n_states, dim=0)
        ahead, behind = (
            self.gradient((states[:, None] + sign * offsets).reshape(-1, n_states), given) for sign in (1, -1)
        )
        made = ((ahead - behind) / (2 * width)).reshape(n_rows, n_states, n_states)
        return torch.nan_to_num((made + made.mT) / 2)
