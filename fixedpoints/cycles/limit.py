"""Limit cycles of flows: a state in, a closed orbit with its period and Floquet multipliers out."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from ...results import digest_arrays
from ..jacobian import make_jacobian
from ..options import check_count
from ..problem import ArrayLike, Step, host, make_problem, precision
from .closed import LimitCycle, floquet_stability
from .multipliers import multipliers
from .recurrence import Guess, guesses
from .shooting import Closed, Flow, Shot, close_orbit

Array = npt.NDArray[Any]

# A period found may be several times the true one: a guess of two turns closes as well as one.
_MOST_TURNS = 6
# A part of an orbit that returns within this share of its extent may be the whole orbit.
_REPEATS = 1e-3
# An integration to 1e-7 takes a quarter of the steps of one to 1e-12, and is enough until misses are below 1e-5.
_COARSE_RTOL, _COARSE = 1e-7, 1e-5
# Backwards in time most flows explode; an orbit does not go this many times farther than the state given.
_FAR_BACK = 30.0
# Samples from which the extremes are read, to 1e-9 of a smooth orbit.
_FINE = 4000


def limit_cycle(
    step: Step,
    state: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    period: float | None = None,
    n_segments: int = 8,
    n_samples: int = 400,
    tolerance: float = 1e-10,
    rtol: float = 1e-12,
    max_iterations: int = 40,
    max_time: float | None = None,
    jacobian: Callable[..., Tensor] | None = None,
) -> LimitCycle:
    """Return the closed orbit of a flow that Newton's method reaches from a state, stable or not.

    Not for maps: the invariant closed curves of a map have no period, and their points fill them without ever coming
    back. For periodic points of a map see :func:`periodic_points`.

    Parameters
    ----------
    step : callable
        Batched velocity f of dx/dt = f(x, u), (n, state) → (n, state), as for
        :func:`~dynascope.fixedpoints.find_fixed_points` with ``dynamics="flow"``.
    state : array or tensor, shape (state,) or (1, state), floating point
        With ``period``: a state near the orbit. Without: where to start following the flow.
    inputs : array or tensor, shape (input,), or None
        Constant input.
    period : float > 0 or None
        Guess of the period, which unstable cycles need. None follows the flow from ``state``, over longer and longer
        stretches, until it comes back close to itself.
    n_segments : int ≥ 1
        States of the orbit that are solved for together. More for strongly unstable orbits; 1 is single shooting.
    n_samples : int ≥ 2
        Samples of the orbit that is returned; rounded up to a multiple of ``n_segments``.
    tolerance : float > 0
        Largest miss of a converged orbit, as a share of its largest state.
    rtol : float from 3e-14 to 1e-3
        Relative error of the integrator per step. The error of the period is some ten times as large.
    max_iterations : int ≥ 1
        Newton iterations per guess.
    max_time : float > 0 or None
        How long to follow the flow for a guess. None: about 160 000 times the fastest time 1 / ‖∂f/∂x‖ at ``state``.
    jacobian : callable or None
        ∂f/∂x with the arguments of ``step``, (n, state, state); None differentiates ``step``.

    Returns
    -------
    LimitCycle
        ``converged`` False with a reason when there is none: the flow comes to rest, blows up, never returns, or
        Newton's method falls on a fixed point.

    Raises
    ------
    InputError
        If an argument has a wrong shape, dtype or range, holds NaN, or ``step`` cannot be studied.

    Notes
    -----
    Method: :mod:`dynascope.fixedpoints.cycles.shooting`, with scipy's DOP853. A conserved quantity makes closed orbits
    come in families: one of them is returned, and called neutral. Cost: per iteration one integration over
    T / ``n_segments`` of ``n_segments`` · state · (state + 1) equations, and a factorisation of as many rows as
    the nodes have coordinates; a search with two or three state variables takes 0.1 to 2 s.

    Examples
    --------
    >>> def normal_form(x):
    ...     left = (1 - (x**2).sum(1, keepdim=True)) * x
    ...     return left + 2 * torch.stack([-x[:, 1], x[:, 0]], dim=1)
    >>> cycle = limit_cycle(normal_form, np.array([0.5, 0.0]))
    >>> round(cycle.period / np.pi, 8), cycle.stable, abs(cycle.nontrivial() / np.exp(-2 * np.pi) - 1) < 1e-7
    (1.0, True, array([ True]))
    """
    counts = {"n_segments": (n_segments, 1), "n_samples": (n_samples, 2), "max_iterations": (max_iterations, 1)}
    _check_options(counts, {"period": period, "max_time": max_time, "tolerance": tolerance}, rtol)
    rows = _one_row(state)
    if inputs is not None and np.ndim(inputs) != 1:
        raise InputError(f"inputs: expected None or one constant input of shape (input,), found {np.shape(inputs)}")
    with precision(torch.float64), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, rows, inputs, dynamics="flow")
        flow = Flow(problem, make_jacobian(problem, jacobian), rtol)
        _refuse_nonfinite(flow.velocity(host(problem.starts)))
        search = _Search(flow, n_segments, tolerance, max_iterations)
        closed, end = search.run(host(problem.starts)[0], period, max_time)
        made = _measured(flow, closed.shot, n_samples) if closed.outcome == "converged" else None
    parameters = {
        "period": period,
        "n_segments": n_segments,
        "tolerance": tolerance,
        "rtol": rtol,
        "max_iterations": max_iterations,
        "max_time": max_time,
    }
    return LimitCycle(
        **(_nothing(end) if made is None else made),
        converged=made is not None,
        outcome=closed.outcome,
        residual=np.nan if closed.shot is None else closed.shot.residual,
        n_iterations=closed.n_iterations,
        parameters=parameters,
        input_digest=digest_arrays(host(given) for given in (problem.starts, problem.inputs) if given is not None),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class _Search:
    """From a state to a closed orbit."""

    flow: Flow
    n_segments: int
    tolerance: float
    max_iterations: int

    def run(self, state: Array, period: float | None, max_time: float | None) -> tuple[Closed, Array]:
        """Return how the search ended and the states (sample, state) where it did."""
        if period is not None:
            closed = self._close(state, period)
            return closed, state[None] if closed.shot is None else closed.shot.nodes
        attempt: Closed | None = None
        for guess in guesses(self._coarse(), state, max_time):
            state = guess.state
            if guess.period is None:
                return self._given_up(attempt, guess), state[None]
            attempt = self._close(state, guess.period)
            if attempt.outcome == "converged":
                break
        assert attempt is not None  # the last guess has no period, and is returned above
        return attempt, state[None]

    def _given_up(self, attempt: Closed | None, guess: Guess) -> Closed:
        # What stopped the last attempt says more than that the flow did not come closer afterwards.
        if guess.reason == "no return" and attempt is not None:
            return attempt
        return Closed(None, guess.reason, 0 if attempt is None else attempt.n_iterations)

    def _close(self, state: Array, period: float) -> Closed:
        if np.abs(self.flow.velocity(state[None])).max() == 0:
            return Closed(None, "at rest", 0)
        closed = Closed(None, "not finite", 0)
        for nodes in self._nodes(state, period):
            closed = self._newton(nodes, period)
            if closed.outcome == "converged":
                return self._shortest(closed)
        return closed

    def _nodes(self, state: Array, period: float) -> list[Array]:
        """Return guesses of the nodes (segment, state), what closes best first.

        Forwards in time, and backwards: there a cycle that repels attracts.
        """
        shares = np.append(np.arange(self.n_segments) / self.n_segments, 1.0)
        ahead = self._coarse().travel(state[None], period, shares)
        back = dataclasses.replace(self._coarse(), far=_FAR_BACK).travel(state[None], -period, shares)
        found = [] if ahead is None else [ahead[:, 0]]
        # Nodes in the order of time: the state first, then those before it from the earliest on.
        found += [] if back is None else [back[::-1, 0]]
        found.sort(key=lambda path: float(np.abs(path[-1] - path[0]).max()))
        return [path[:-1] for path in found]

    def _coarse(self) -> Flow:
        return dataclasses.replace(self.flow, rtol=max(_COARSE_RTOL, self.flow.rtol))

    def _newton(self, nodes: Array, period: float) -> Closed:
        """Return the closed orbit near a guess: first a coarse one, where most iterations go, then a fine one."""
        tolerance = max(_COARSE, self.tolerance)
        closed = close_orbit(self._coarse(), nodes, period, tolerance=tolerance, max_iterations=self.max_iterations)
        if closed.outcome != "converged" or closed.shot is None:
            return closed
        fine = close_orbit(
            self.flow,
            closed.shot.nodes,
            closed.shot.period,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )
        return dataclasses.replace(fine, n_iterations=closed.n_iterations + fine.n_iterations)

    def _shortest(self, closed: Closed) -> Closed:
        """Return the orbit traversed once, where the guess had several turns."""
        assert closed.shot is not None
        time, orbit = _sampled(self.flow, closed.shot, 60 * _MOST_TURNS)
        extent = float(np.ptp(orbit, axis=0).max())
        for turns in range(_MOST_TURNS, 1, -1):
            shift = closed.shot.period / turns
            moved = np.stack([np.interp(time + shift, time, x, period=closed.shot.period) for x in orbit.T], axis=1)
            if np.abs(moved - orbit).max() > _REPEATS * extent:
                continue
            wanted = np.arange(self.n_segments) * shift / self.n_segments
            nodes = np.stack([np.interp(wanted, time, x, period=closed.shot.period) for x in orbit.T], axis=1)
            again = self._newton(nodes, shift)
            if again.outcome == "converged":
                return again
        return closed


def _sampled(flow: Flow, shot: Shot, n_samples: int) -> tuple[Array, Array]:
    """Return times (sample,) and states (sample, state) of one period, at least ``n_samples`` of them."""
    count, size = shot.nodes.shape
    each = -(-n_samples // count)
    path = flow.travel(shot.nodes, shot.period / count, np.arange(each) / each)
    assert path is not None  # the same integration with its derivatives succeeded
    orbit = path.transpose(1, 0, 2).reshape(count * each, size)  # (share, segment, …) → (segment · share, …)
    return np.arange(len(orbit)) * shot.period / len(orbit), orbit


def _measured(flow: Flow, shot: Shot | None, n_samples: int) -> dict[str, Any]:
    assert shot is not None  # a converged search has a shot
    time, orbit = _sampled(flow, shot, n_samples)
    values = multipliers(shot.pushed)
    _, fine = _sampled(flow, shot, _FINE)
    accuracy, stable, n_unstable = floquet_stability(values)
    return {
        "period": shot.period,
        "orbit": orbit,
        "time": time,
        "multipliers": values,
        "accuracy": accuracy,
        "stable": stable,
        "n_unstable": n_unstable,
        "amplitude": (_peak(fine) + _peak(-fine)) / 2,
    }


def _nothing(end: Array) -> dict[str, Any]:
    size = end.shape[1]
    return {
        "period": np.nan,
        "orbit": end,
        "time": np.zeros(len(end)),
        "multipliers": np.full(size, np.nan, dtype=complex),
        "accuracy": np.nan,
        "stable": False,
        "n_unstable": -1,
        "amplitude": np.full(size, np.nan),
    }


def _peak(orbit: Array) -> Array:
    """Return the largest value of each state variable over the orbit, by a parabola through the largest three."""
    top, columns = orbit.argmax(axis=0), np.arange(orbit.shape[1])
    before, at, after = (orbit[(top + shift) % len(orbit), columns] for shift in (-1, 0, 1))
    bend = before - 2 * at + after
    return np.asarray(at - (after - before) ** 2 / (8 * np.where(bend < 0, bend, -np.inf)))


def _refuse_nonfinite(velocity: Array) -> None:
    if not np.isfinite(velocity).all():
        raise InputError(
            f"step: expected a finite velocity at the state given, found {velocity[~np.isfinite(velocity)][0]}"
        )


def _one_row(state: ArrayLike) -> ArrayLike:
    array = state if isinstance(state, Tensor) else np.asarray(state)
    row = array[None] if array.ndim == 1 else array
    if row.ndim != 2 or row.shape[0] != 1:
        raise InputError(f"state: expected one state, shape (state,) or (1, state), found {tuple(array.shape)}")
    return row


def _check_options(counts: dict[str, tuple[int, int]], sizes: dict[str, float | None], rtol: float) -> None:
    for name, (value, least) in counts.items():
        check_count(name, value, least)
    for name, size in sizes.items():
        if size is not None and not 0 < size < np.inf:
            raise InputError(f"{name}: expected a number > 0, found {size!r}")
    # Below 3e-14 scipy's integrators replace the tolerance by their own.
    if not 3e-14 <= rtol <= 1e-3:
        raise InputError(f"rtol: expected a number from 3e-14 to 1e-3, found {rtol!r}")
