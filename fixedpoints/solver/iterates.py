"""The iterates of a search: globalised Newton steps, Broyden updates, chords of known zeros, second chances."""

import torch
from torch import Tensor

from ..jacobian import Jacobian, chunks
from ..problem import Problem
from .directions import Factors, broyden_step, damped_direction, newton_direction
from .known import Known, number_inputs
from .outcome import Outcome, Solution, speed

_ARMIJO = 1e-4
_HALVINGS = 13  # 2^-13: a direction that needs a shorter step leads nowhere
_BROYDEN_FROM = 20  # states: below, a factorisation costs less than the bookkeeping of Broyden's steps
_BROYDEN_STEPS = 12
_COMPRESS = 0.7  # copying factors costs about as much as solving with a third of them
_BROYDEN_RATIO = 0.5  # a factorisation costs far more than such a step, so a modest gain is worth taking
_ORBITS = (2, 4, 8, 16, 32, 64)  # lengths of the orbits whose means give a stalled start another chance
_SLOW_RATIO = 0.5
_SLOW_ITERATIONS = 6  # so many in a row that do not halve q: a valley of q, or the way to infinity

_CARRY = 0.25  # share of a stage that may still be under way when the next one joins it

_FAR = 1.5  # times as far as the starts reach
_SMALL_STEP = 1e-3  # of the norm of a state
_DOUBTS = 2  # then a distant state with a small q is reported: not certified, outside the region of the starts

# Far enough out x + 1 rounds to x: a state there has q = 0 and is no fixed point.
_INFINITY = 1e6


class Iterates:
    """The iterates of all starts of a problem. ``rows`` and ``active`` below are numbers of starts."""

    def __init__(self, problem: Problem, jacobian: Jacobian, *, tolerance: float, reach: float, memory: int) -> None:
        self.problem, self.jacobian, self.memory = problem, jacobian, memory
        self.tolerance = tolerance
        self.states = problem.starts.clone()
        self.residuals = problem.residual(self.states, problem.inputs)
        self.speeds = speed(self.residuals)
        self.groups = number_inputs(problem)
        self.known = Known.none(problem)
        self.outcomes = torch.full_like(self.groups, int(Outcome.ITERATIONS), dtype=torch.int8)
        self.iterations = torch.zeros_like(self.groups, dtype=torch.int32)
        self.slow = torch.zeros_like(self.iterations)
        self.rescues = torch.zeros_like(self.iterations)
        self.reach = torch.full_like(self.speeds, reach)
        self.width = reach

    def run(self, stages: list[Tensor], max_iterations: int) -> Solution:
        """Return where the starts are once all are converged, stalled or out of iterations.

        A stage joins when most of those before it are done, so that it profits from the zeros that they found and
        shares its iterations with the last of them.
        """
        active = self._retire(stages[0])
        waiting, last = stages[1:], len(stages[0])
        while len(active) or waiting:
            if waiting and len(active) <= _CARRY * last:
                self._learn()
                last = len(waiting[0])
                fresh = self._pull(self._retire(waiting[0]))
                active, waiting = torch.cat([active, fresh]), waiting[1:]
                continue
            active = torch.cat([self._round(active[part]) for part in chunks(self.states[active], self.memory)])
            active = self._pull(active[self.iterations[active] < max_iterations])
        return Solution(self.states, self.speeds, self.outcomes, self.iterations)

    def _round(self, rows: Tensor) -> Tensor:
        """Give each of ``rows`` one iteration; return those that go on."""
        self.iterations[rows] += 1
        before = self.speeds[rows]
        stalled = self._iterate(rows)
        stalled |= self._slow(rows, before)
        stalled &= self.speeds[rows] > self.tolerance
        if bool(stalled.any()):
            going = ~stalled
            going[stalled] = self._rescue(rows[stalled])
            rows = rows[going]
        doubtful = self._doubtful(rows)
        if len(doubtful):
            self._rescue(doubtful)
        return self._retire(rows)

    def _doubtful(self, rows: Tensor) -> Tensor:
        """Return the rows with a q that passes and a next Newton step that is not small, at first.

        Far from the starts a map may saturate, F(x) ≈ x over a wide region: q is small there and no zero is near.
        """
        far = (self.speeds[rows] <= self.tolerance) & (self.states[rows].norm(dim=1) > _FAR * self.width)
        rows = rows[far]
        rows = rows[(self.rescues[rows] < _DOUBTS) & ~self._at_floor(rows)]
        if not len(rows):
            return rows
        derivative = self.problem.residual_jacobian(self.jacobian(self.states[rows], self.problem.rows(rows)))
        step = newton_direction(derivative, self.residuals[rows])[0].norm(dim=1)
        return rows[~(step < _SMALL_STEP * self.states[rows].norm(dim=1))]

    def _learn(self) -> None:
        """Add the zeros reached so far to the known ones."""
        reached = torch.nonzero(self.outcomes == int(Outcome.CONVERGED))[:, 0]
        self.known = self.known.extended(
            self.problem, self.jacobian, reached, self.states[reached], groups=self.groups, memory=self.memory
        )

    def _retire(self, active: Tensor) -> Tensor:
        """Record the starts that are done and return the rest."""
        speeds = self.speeds[active]
        going = (speeds > self.tolerance) & torch.isfinite(speeds)
        done = active[~going]
        if len(done):
            broken = ~torch.isfinite(self.speeds[done])
            escaped = self.states[done].norm(dim=1) > _INFINITY * self.width
            self.outcomes[done] = int(Outcome.CONVERGED)
            self.outcomes[done[escaped]] = int(Outcome.ESCAPED)
            self.outcomes[done[broken]] = int(Outcome.NOT_FINITE)
        return active[going]

    def _pull(self, active: Tensor) -> Tensor:
        """Retire the starts that converge with the inverse of a known zero; return the rest."""
        if not len(self.known) or not len(active):
            return active
        pulled, states, residuals = self.known.pull(
            self.problem,
            self.states[active],
            self.residuals[active],
            self.problem.rows(active),
            groups=self.groups[active],
            fresh=self.iterations[active] == 0,
            tolerance=self.tolerance,
        )
        rows = active[pulled]
        self.states[rows], self.residuals[rows], self.speeds[rows] = states, residuals, speed(residuals)
        return self._retire(active)

    def _iterate(self, active: Tensor) -> Tensor:
        """Take one globalised step from every active start; return a mask of those that could not move."""
        derivative = self.problem.residual_jacobian(self.jacobian(self.states[active], self.problem.rows(active)))
        direction, factors = newton_direction(derivative, self.residuals[active])
        usable = torch.isfinite(direction).all(1)
        moved = torch.zeros_like(usable)
        moved[usable] = self._search(active[usable], direction[usable])
        left = torch.nonzero(~moved)[:, 0]
        if len(left):
            damped = damped_direction(derivative[left], self.residuals[active[left]], self.reach[active[left]])
            moved[left] = self._search(active[left], damped)
        if self.problem.n_states >= _BROYDEN_FROM:
            self._pull(active)
            self._broyden(active, factors, usable & (self.speeds[active] > self.tolerance))
        return ~moved

    def _slow(self, active: Tensor, before: Tensor) -> Tensor:
        """Count iterations in a row with little progress; return a mask of those with too many."""
        little = self.speeds[active] > _SLOW_RATIO * before
        self.slow[active] = torch.where(little, self.slow[active] + 1, 0)
        return self.slow[active] >= _SLOW_ITERATIONS

    def _search(self, rows: Tensor, direction: Tensor) -> Tensor:
        """Backtrack along ``direction`` until q falls (Armijo); return which rows moved.

        Rows that refuse the first step try all its halvings in one evaluation and take the longest that serves.
        """
        length = direction.norm(dim=1)
        step = torch.clamp(self.reach[rows] / length.clamp_min(torch.finfo(length.dtype).tiny), max=1.0)
        moved = self._advance(rows, direction, step[:, None])
        left = torch.nonzero(~moved)[:, 0]
        if len(left):
            halves = 0.5 ** torch.arange(1, _HALVINGS + 1, dtype=step.dtype, device=step.device)
            moved[left] = self._advance(rows[left], direction[left], step[left, None] * halves)
        return moved

    def _advance(self, rows: Tensor, direction: Tensor, steps: Tensor) -> Tensor:
        """Take for each row the first of ``steps`` (row, trial) that lowers q enough; return which rows moved."""
        n_trials = steps.shape[1]
        before = self.speeds[rows]
        trial = (self.states[rows][:, None] + steps[..., None] * direction[:, None]).flatten(0, 1)
        value = self.problem.residual(trial, self.problem.rows(rows.repeat_interleave(n_trials)))
        q = speed(value)
        serves = q.view_as(steps) <= (1 - 2 * _ARMIJO * steps) * before[:, None]
        moved, best = serves.any(1), serves.to(torch.int8).argmax(1)
        chosen = (torch.arange(len(rows), device=rows.device) * n_trials + best)[moved]
        moving, step = rows[moved], steps.flatten()[chosen]
        self.states[moving], self.residuals[moving], self.speeds[moving] = trial[chosen], value[chosen], q[chosen]
        # Where the linear model foretells q, (1 − t)² of it is left, and the next step may be longer.
        foretold = (step < 1) & (q[chosen] <= (1 - 0.9 * step * (2 - step)) * before[moved])
        self.reach[moving[foretold]] *= 4
        return moved

    def _move(self, rows: Tensor, trial: Tensor, wanted: Tensor) -> Tensor:
        """Move ``rows`` to ``trial`` where q is then at most ``wanted``; return which ones moved."""
        value = self.problem.residual(trial, self.problem.rows(rows))
        q = speed(value)
        accepted = q <= wanted
        moving = rows[accepted]
        self.states[moving], self.residuals[moving], self.speeds[moving] = (
            trial[accepted],
            value[accepted],
            q[accepted],
        )
        return accepted

    def _broyden(self, active: Tensor, factors: Factors, usable: Tensor) -> None:
        """Reuse the factors of ∂G/∂x with Broyden's updates while q halves, past the tolerance."""
        rows = active
        if not bool(usable.all()):
            factors, rows = (factors[0][usable], factors[1][usable]), active[usable]
        steps: list[Tensor] = []
        live = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        for _ in range(_BROYDEN_STEPS):
            if not bool(live.any()):
                return
            if live.count_nonzero() < _COMPRESS * len(rows):
                factors, rows = (factors[0][live], factors[1][live]), rows[live]
                steps, live = [past[live] for past in steps], live[live]
            steps.append(broyden_step(factors, self.residuals[rows], steps))
            moving = rows[live]
            trial = self.states[moving] + steps[-1][live]
            going = self._move(moving, trial, _BROYDEN_RATIO * self.speeds[moving])
            live[live.clone()] = going & (self.speeds[moving] > 0)

    def _rescue(self, rows: Tensor) -> Tensor:
        """Give stalled starts another chance at the mean of their orbit so far; return which may go on.

        The orbit leaves places where the map is flat or q has a barrier, and its mean does not sit at an
        attractor: around a limit cycle it is near the repeller inside.
        """
        # At the round-off floor there is nothing better to be had elsewhere.
        going = (self.rescues[rows] < len(_ORBITS)) & ~self._at_floor(rows)
        self._give_up(rows[~going])
        rows = rows[going]
        for attempt, steps in enumerate(_ORBITS):
            chosen = rows[self.rescues[rows] == attempt]
            if len(chosen):
                mean = self._orbit_mean(chosen, steps)
                # Any finite q is wanted here: the new place need not be better than the stalled one.
                self._move(chosen, mean, torch.full_like(self.speeds[chosen], torch.finfo(mean.dtype).max))
        self.rescues[rows] += 1
        self.slow[rows] = 0
        return going

    def _orbit_mean(self, rows: Tensor, steps: int) -> Tensor:
        ahead, given = self.problem.starts[rows], self.problem.rows(rows)
        length = self._orbit_step(ahead, given)
        total = torch.zeros_like(ahead)
        for _ in range(steps):
            ahead = ahead + length * self.problem.residual(ahead, given)
            total += ahead
        return total / steps

    def _orbit_step(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return how much of G one step of the orbit adds: all of it for a map, a short time for a flow."""
        if self.problem.dynamics == "map":
            return torch.ones_like(states[:, :1])
        fastest: Tensor = torch.linalg.matrix_norm(self.jacobian(states, inputs))[:, None]
        return 1.0 / fastest.clamp_min(torch.finfo(fastest.dtype).tiny)

    def _give_up(self, rows: Tensor) -> None:
        self.outcomes[rows] = int(Outcome.MINIMUM)
        self.outcomes[rows[self._at_floor(rows)]] = int(Outcome.ROUND_OFF)

    def _at_floor(self, rows: Tensor) -> Tensor:
        """Return where q is what rounding a state of that size leaves."""
        eps = torch.finfo(self.states.dtype).eps
        floor = 100 * (eps * self.states[rows].norm(dim=1)).square()
        at_floor: Tensor = self.speeds[rows] <= floor
        return at_floor
