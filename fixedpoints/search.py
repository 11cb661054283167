"""The search that goes on until nothing new appears: rounds of fresh starts, solved once, described together."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..errors import InputError
from .completeness import IndexCheck, check_index, residual_index
from .find import describe
from .jacobian import Jacobian, chunks, make_jacobian
from .options import Options, check_count
from .problem import ArrayLike, Problem, Step, host, make_problem, precision, state_rows
from .record import FixedPoints
from .solver.newton import Solution, solve
from .solver.points import Points
from .spheres import inward_radius
from .starts import Draw

Array = npt.NDArray[Any]

# While the indices say that points are missing, this many times the patience.
_INSIST = 4


def find_all_fixed_points(
    step: Step,
    draw: Draw,
    inputs: ArrayLike | None = None,
    *,
    patience: int = 512,
    batch: int = 256,
    max_starts: int = 2**14,
    seed: int = 0,
    **options: Any,
) -> FixedPoints:
    """Return the fixed points found by drawing starts until none of them has led to a new point for a while.

    Rounds of ``batch`` starts are solved until ``patience`` starts in a row have shown no new point, four times as
    many while the indices say that points are missing, or until ``max_starts`` are used. Points where ∂G/∂x is singular
    do not count as new: on a line of fixed points every start finds another one. For given starts use
    :func:`~dynascope.fixedpoints.find_fixed_points`.

    Parameters
    ----------
    step : callable
        As for :func:`~dynascope.fixedpoints.find_fixed_points`.
    draw : callable (n, seed) → (n, state)
        Gives new starts, others for each seed: :func:`~dynascope.fixedpoints.draw_from_trajectories`,
        :func:`~dynascope.fixedpoints.draw_from_box` or a function of your own.
    inputs : array or tensor, shape (input,) or (condition, input), or None
        Constant inputs. Each condition is searched with the starts drawn, and ends its own search.
    patience : int ≥ 1
        Starts without a new point, per condition, after which its search ends.
    batch : int ≥ 1
        Starts per round and condition.
    max_starts : int ≥ 1
        Starts per condition after which its search ends in any case.
    seed : int ≥ 0
        Same seed, same starts.
    **options
        Those of :func:`~dynascope.fixedpoints.find_fixed_points`.

    Returns
    -------
    FixedPoints
        With ``n_rounds``, ``starts_since_new`` and ``stop_reason``.

    Raises
    ------
    InputError
        As :func:`~dynascope.fixedpoints.find_fixed_points`, or if ``draw`` gives another number or size of states.

    Notes
    -----
    Newton's method is run once for each start: a round costs what its own starts cost.

    Examples
    --------
    >>> from dynascope.fixedpoints.starts import draw_from_box
    >>> draw = draw_from_box(np.full(2, -2.0), np.full(2, 2.0))
    >>> points = find_all_fixed_points(lambda x: torch.tanh(2 * x), draw, patience=64, batch=32)
    >>> len(points), points.index_sum, points.stop_reason
    (9, array([1]), 'no new point in 64 starts')
    """
    limits = {"patience": patience, "batch": batch, "max_starts": max_starts}
    for name, value in limits.items():
        check_count(name, value)
    check_count("seed", seed, 0)
    if not callable(draw):
        raise InputError(f"draw: expected a function (n, seed) → (n, state), found {type(draw).__name__}")
    chosen = Options.of(options)
    with precision(chosen.dtype), torch.inference_mode(mode=False), torch.enable_grad():
        search = _Search(step, draw, _conditions(inputs), limits, seed, chosen)
        while search.active.any():
            search.round()
        return search.record()


def _conditions(inputs: ArrayLike | None) -> Array | None:
    """Return the different inputs, (condition, input), as given; make_problem refuses bad ones."""
    if inputs is None:
        return None
    given = host(inputs)
    if given.ndim not in (1, 2) or 0 in given.shape:
        raise InputError(f"inputs: expected None, shape (input,) or (condition, input), found {given.shape}")
    return np.unique(np.atleast_2d(given), axis=0)


class _Search:
    """The rounds so far. Arrays named after conditions have one entry for each; there is one without inputs."""

    def __init__(
        self, step: Step, draw: Draw, conditions: Array | None, limits: Mapping[str, int], seed: int, options: Options
    ) -> None:
        self.step, self.draw, self.conditions = step, draw, conditions
        self.inputs: Tensor | None = None
        self.limits, self.seed, self.options = limits, seed, options
        n_conditions = 1 if conditions is None else len(conditions)
        self.used, self.since = np.zeros((2, n_conditions), dtype=np.int64)
        self.active = np.ones(n_conditions, dtype=bool)
        self.radius = np.full(n_conditions, np.nan)
        self.known: list[Tensor] = []
        self.signs: list[list[int]] = [[] for _ in range(n_conditions)]
        self.singular = np.zeros(n_conditions, dtype=bool)
        self.rounds: list[tuple[Problem, Solution]] = []
        self.jacobian: Jacobian | None = None

    def round(self) -> None:
        """Draw and solve one batch of starts for each active condition, and update what is known."""
        active = np.flatnonzero(self.active)
        size = int(min(self.limits["batch"], self.limits["max_starts"] - self.used[active].min()))
        problem = self._problem(size, active)
        if self.jacobian is None:
            self._begin(problem)
        assert self.jacobian is not None
        options = self.options
        solution = solve(
            problem,
            self.jacobian,
            tolerance=options.tolerance,
            max_iterations=options.max_iterations,
            memory=options.memory,
        )
        self.rounds.append((problem, solution))
        points = Points.reached(problem, self.jacobian, solution, tolerance=options.tolerance, memory=options.memory)
        for place, condition in enumerate(active):
            self._count(points, int(condition), begin=place * size, size=size)
        self.used[active] += size
        wanted = np.where(self._incomplete(), _INSIST, 1) * self.limits["patience"]
        self.active &= (self.since < wanted) & (self.used < self.limits["max_starts"])

    def _problem(self, size: int, active: Array) -> Problem:
        """Return the checked problem of one round: the same ``size`` starts for every active condition."""
        seed = int(np.random.SeedSequence((self.seed, len(self.rounds))).generate_state(1)[0])
        starts = self.draw(size, seed)
        if np.ndim(starts) != 2 or len(starts) != size:
            raise InputError(f"draw: expected {size} states of shape ({size}, state), found {np.shape(starts)}")
        index = np.repeat(active, size)
        if not self.rounds:
            copies = (len(active), 1)
            repeated = starts.repeat(*copies) if isinstance(starts, Tensor) else np.tile(starts, copies)
            inputs = None if self.conditions is None else self.conditions[index]
            return make_problem(self.step, repeated, inputs, dtype=self.options.dtype, dynamics=self.options.dynamics)
        # The step has been examined in the first round.
        first = self.rounds[0][0]
        made = state_rows("draw", starts, dtype=first.starts.dtype, device=first.starts.device)
        if made.shape[1] != first.n_states:
            raise InputError(f"draw: expected states of {first.n_states} variables, found {made.shape[1]}")
        given = None if self.inputs is None else self.inputs[torch.as_tensor(index, device=made.device)]
        return dataclasses.replace(first, starts=made.repeat(len(active), 1), inputs=given)

    def _begin(self, problem: Problem) -> None:
        """Prepare what all rounds share: the Jacobian, room for known points, the spheres of the index check."""
        self.jacobian = make_jacobian(problem, self.options.jacobian)
        self.known = [problem.starts[:0] for _ in self.active]
        if self.conditions is not None:
            self.inputs = torch.as_tensor(self.conditions).to(problem.starts)
        if self.options.ball is None:
            self.radius = inward_radius(problem, self.inputs)

    def _count(self, points: Points, condition: int, *, begin: int, size: int) -> None:
        """Add the isolated new points of one condition, whose starts are ``begin`` to ``begin + size``."""
        self.since[condition] += size
        labels = points.labels[begin : begin + size]
        found, first = np.unique(labels, return_index=True)
        found, first = found[found >= 0], first[found >= 0]
        # In the order of the starts: of two copies the earlier one is new.
        order = np.argsort(first)
        tolerance = self.options.unique_tolerance * points.scale
        states = points.states[torch.as_tensor(found[order], device=points.states.device)]
        far = ~host((torch.cdist(states, self.known[condition]) <= tolerance).any(1))
        states, first = states[torch.as_tensor(far, device=states.device)], first[order][far]
        signs = self._signs(points, states, condition)
        self.singular[condition] |= bool((signs == 0).any())
        for state, start, sign in zip(states[signs != 0], first[signs != 0], signs[signs != 0], strict=True):
            if bool(((self.known[condition] - state).norm(dim=1) <= tolerance).any()):
                continue
            self.known[condition] = torch.cat([self.known[condition], state[None]])
            self.signs[condition].append(int(sign))
            self.since[condition] = size - 1 - start

    def _signs(self, points: Points, states: Tensor, condition: int) -> Array:
        """Return the index of each state, 0 where it is not isolated, (n,)."""
        assert self.jacobian is not None
        signs = np.zeros(len(states), dtype=np.int64)
        for rows in chunks(states, self.options.memory):
            inputs = None if self.inputs is None else self.inputs[condition].expand(len(rows), -1)
            derivative = points.problem.residual_jacobian(self.jacobian(states[rows], inputs))
            signs[host(rows)] = host(residual_index(derivative))
        return signs

    def _incomplete(self) -> Array:
        sums = np.array([sum(signs) for signs in self.signs])
        verdict = check_index(sums, self.singular, self.radius, ball=self.options.ball)
        return np.asarray(verdict == int(IndexCheck.INCOMPLETE))

    def _reason(self) -> str:
        patience, most = self.limits["patience"], self.limits["max_starts"]
        wanted = np.where(self._incomplete(), _INSIST, 1) * patience
        ended = np.count_nonzero(self.since < wanted)
        if ended:
            where = "" if len(self.since) == 1 else f" at {ended} of {len(self.since)} inputs"
            return f"max_starts: {most} starts were used{where}, and new points may still appear"
        return f"no new point in {int(wanted.max())} starts"

    def record(self) -> FixedPoints:
        """Return the record of all rounds."""
        problems = [problem for problem, _ in self.rounds]
        given = [problem.inputs for problem in problems if problem.inputs is not None]
        problem = dataclasses.replace(
            problems[0],
            starts=torch.cat([problem.starts for problem in problems]),
            inputs=torch.cat(given) if given else None,
        )
        parts = [vars(solution) for _, solution in self.rounds]
        solution = Solution(**{name: torch.cat([part[name] for part in parts]) for name in parts[0]})
        assert self.jacobian is not None
        return describe(
            problem,
            self.jacobian,
            solution,
            self.options,
            n_rounds=len(self.rounds),
            stop_reason=self._reason(),
            parameters={**self.limits, "seed": self.seed},
        )
