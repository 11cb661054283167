"""Multiple shooting for a closed orbit of a flow: Newton's method on M states of the orbit and its period.

The M states are carried for T / M each, together with the derivatives of where they arrive (the variational equation
Φ' = J Φ), as one system in scaled time: an adaptive step serves them all, and the flow is evaluated on batches of M.
Unknown are the states and log T; the equations say that each arrives at the next, and that the correction has
no part along the flow, which fixes the phase. (Deuflhard, BIT 24 (1984) 456; Kuznetsov, Elements of Applied
Bifurcation Theory, 3rd ed., section 10.1.) Several segments rather than one: an orbit that is strongly unstable, or
strongly attracting backwards, is out of reach of a single one, and small multipliers drown in it.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.integrate import solve_ivp
from scipy.linalg import lstsq
from torch import Tensor

from ..jacobian import Jacobian
from ..problem import Problem, host

Array = npt.NDArray[Any]

# Evaluations in one integration: a flow that needs more over one period is too stiff for an explicit method.
_MAX_EVALUATIONS = 100_000
# A family of closed orbits (a conserved quantity) makes the matrix singular; the shortest correction is then taken.
_SINGULAR = 1e-9
_MAX_STRETCH = 0.4
_HALVINGS = 8
# A miss this far below the tolerance needs no further iteration.
_MARGIN = 1e-3
# An orbit whose length has fallen to this share of the guess's has shrunk to a point.
_SHRUNK = 1e-5


class _TooManyEvaluations(Exception):
    """The flow was evaluated more often than one integration may."""


@dataclasses.dataclass(frozen=True, eq=False)
class Flow:
    """dx/dt = f(x, u) for one constant input, integrated to relative accuracy ``rtol``.

    A state ``far`` times the size of the first one is taken to be on its way to infinity, which costs ever smaller
    steps to reach.
    """

    problem: Problem
    derivative: Jacobian
    rtol: float
    far: float = 1e6

    def velocity(self, states: Array) -> Array:
        """Return f at rows of states, (n, state)."""
        rows, inputs = self._tensors(states)
        return host(self.problem.map(rows, inputs))

    def jacobian(self, states: Array) -> Array:
        """Return ∂f/∂x at rows of states, (n, state, state)."""
        return host(self.derivative(*self._tensors(states)))

    def travel(self, states: Array, duration: float, shares: Array) -> Array | None:
        """Return where rows of states are after ``shares`` (ascending, 0 to 1) of a duration, (share, n, state).

        None when the integration fails: infinite states, or too many evaluations.
        """
        shape = states.shape

        def slope(_: float, flat: Array) -> Array:
            return np.asarray(duration * self.velocity(flat.reshape(shape)).ravel())

        size = float(np.abs(states).max()) or 1.0
        found = self._integrate(slope, states.ravel(), self.rtol * size, shares, states.size)
        return None if found is None else found.T.reshape(len(shares), *shape)

    def carry(self, states: Array, duration: float) -> tuple[Array, Array] | None:
        """Return where rows of states arrive, (n, state), and the derivatives of that, (n, state, state)."""
        count, size = states.shape
        split = count * size

        def slope(_: float, flat: Array) -> Array:
            rows, inputs = self._tensors(flat[:split].reshape(count, size))
            tangents = torch.from_numpy(flat[split:].reshape(count, size, size)).to(rows)
            velocity = self.problem.map(rows, inputs)
            pushed = self.derivative(rows, inputs) @ tangents
            return np.asarray(duration * np.concatenate([host(velocity).ravel(), host(pushed).ravel()]))

        scale = float(np.abs(states).max()) or 1.0
        start = np.concatenate([states.ravel(), np.tile(np.eye(size), (count, 1, 1)).ravel()])
        floor = self.rtol * np.concatenate([np.full(split, scale), np.ones(len(start) - split)])
        found = self._integrate(slope, start, floor, np.ones(1), split)
        if found is None:
            return None
        return found[:split, 0].reshape(count, size), found[split:, 0].reshape(count, size, size)

    def _integrate(self, slope: Any, start: Array, floor: Any, shares: Array, n_states: int) -> Array | None:
        """Return the solution at ``shares`` of the time, (equation, share); the first ``n_states`` rows are states."""
        spent, far = 0, self.far * (float(np.abs(start[:n_states]).max()) or 1.0)

        def counted(time: float, flat: Array) -> Array:
            nonlocal spent
            spent += 1
            if spent > _MAX_EVALUATIONS:
                raise _TooManyEvaluations
            if np.abs(flat[:n_states]).max() > far:
                # A trial step may have gone too far: the integrator shortens it, and fails where that never helps.
                return np.full_like(flat, np.nan)
            return np.asarray(slope(time, flat))

        try:
            # A trial step may overflow; the integrator then shortens it, or gives up.
            with np.errstate(all="ignore"):
                found = solve_ivp(counted, (0.0, 1.0), start, "DOP853", t_eval=shares, rtol=self.rtol, atol=floor)
        except _TooManyEvaluations:
            return None
        values = np.asarray(found.y)
        return values if found.success and np.isfinite(values).all() else None

    def _tensors(self, states: Array) -> tuple[Tensor, Tensor | None]:
        rows = torch.from_numpy(np.ascontiguousarray(states)).to(self.problem.starts)
        given = self.problem.inputs
        return rows, None if given is None else given[:1].expand(len(rows), -1)


@dataclasses.dataclass(frozen=True, eq=False)
class Shot:
    """A guess and what it misses by: ``nodes``, ``arrivals`` (segment, state), ``pushed`` (segment, state, state).

    ``scale`` is the size of the first guess: measured by its own size, an orbit that shrinks never improves.
    """

    nodes: Array
    period: float
    scale: float
    arrivals: Array
    pushed: Array

    @property
    def misses(self) -> Array:
        """Arrival minus next node, (segment, state)."""
        return np.asarray(self.arrivals - np.roll(self.nodes, -1, axis=0))

    @property
    def residual(self) -> float:
        """The largest miss as a share of the scale."""
        return float(np.abs(self.misses).max() / self.scale)


def shoot(flow: Flow, nodes: Array, period: float, *, scale: float) -> Shot | None:
    """Return what a guess of nodes (segment, state) and a period misses by; None when the integration fails."""
    if not (0 < period < np.inf and np.isfinite(nodes).all()):
        return None
    arrived = flow.carry(nodes, period / len(nodes))
    return None if arrived is None else Shot(nodes, period, scale, *arrived)


@dataclasses.dataclass(frozen=True, eq=False)
class Closed:
    """How Newton's method ended: the last shot (None if there was none), why, and after how many iterations."""

    shot: Shot | None
    outcome: str
    n_iterations: int


def close_orbit(flow: Flow, nodes: Array, period: float, *, tolerance: float, max_iterations: int) -> Closed:
    """Return the closed orbit that damped Newton iterations reach from a guess.

    ``outcome`` is ``converged``, ``shrunk``, ``stalled``, ``iterations`` or ``not finite``.
    """
    shot = shoot(flow, nodes, period, scale=float(np.abs(nodes).max()) or 1.0)
    if shot is None:
        return Closed(None, "not finite", 0)
    length = _length(flow, shot)
    for iteration in range(1, max_iterations + 1):
        better = _improved(flow, shot)
        if better is None or not better.residual < shot.residual:
            done = shot.residual <= tolerance
            if _length(flow, shot) <= _SHRUNK * length:
                return Closed(shot, "shrunk", iteration)
            return Closed(shot, "converged" if done else "stalled", iteration)
        # Once Newton's method converges it doubles the digits: a gain below 4 is round-off.
        settled = shot.residual <= tolerance and better.residual > 0.25 * shot.residual
        settled |= better.residual <= _MARGIN * tolerance
        shot = better
        if _length(flow, shot) <= _SHRUNK * length:
            return Closed(shot, "shrunk", iteration)
        if settled:
            return Closed(shot, "converged", iteration)
    return Closed(shot, "converged" if shot.residual <= tolerance else "iterations", max_iterations)


def _length(flow: Flow, shot: Shot) -> float:
    """Return the length of the orbit, roughly: mean speed times period."""
    return float(np.linalg.norm(flow.velocity(shot.nodes), axis=1).mean() * shot.period)


def _improved(flow: Flow, shot: Shot) -> Shot | None:
    """Return the shot after a Newton step, halved until it misses by less; None if it never does."""
    correction, stretch = _newton_step(flow, shot)
    share = min(1.0, _MAX_STRETCH / abs(stretch)) if stretch else 1.0
    for _ in range(_HALVINGS):
        period = shot.period * float(np.exp(share * stretch))
        trial = shoot(flow, shot.nodes + share * correction, period, scale=shot.scale)
        if trial is not None and trial.residual < shot.residual:
            return trial
        share /= 2
    return None


def _newton_step(flow: Flow, shot: Shot) -> tuple[Array, float]:
    """Return the corrections of the nodes, (segment, state), and of log T."""
    count, size = shot.nodes.shape
    matrix = np.zeros((count * size + 1, count * size + 1))
    blocks = matrix[:-1, :-1].reshape(count, size, count, size)
    for index in range(count):
        blocks[index, :, index] += shot.pushed[index]
        blocks[index, :, (index + 1) % count] -= np.eye(size)
    matrix[:-1, -1] = flow.velocity(shot.arrivals).ravel() * shot.period / count
    along = flow.velocity(shot.nodes).ravel()
    matrix[-1, :-1] = along / (np.linalg.norm(along) or 1.0)
    wanted = np.append(-shot.misses.ravel(), 0.0)
    step = lstsq(matrix, wanted, cond=_SINGULAR, lapack_driver="gelsy")[0]
    return step[:-1].reshape(count, size), float(step[-1])
