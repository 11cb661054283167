"""The solver: a batched, globalised Newton method on G(x) = 0 that treats every kind of point alike.

G(x) = F(x) − x for a map, f(x) for a flow; ∂G/∂x is J − I or J.

Each iteration factorises ∂G/∂x for the starts still active, takes the Newton direction (a damped
Levenberg-Marquardt direction where ∂G/∂x is singular or the Newton step does not descend), backtracks on the
speed q = ½‖G‖², and then reuses the factors with Broyden's updates while each step halves q. Newton's
method does not know stable from unstable: saddles and sources attract it as attractors do. A start that
stalls tries again from the mean of its orbit.

Measured (1 024 starts, trained 3-bit flip-flop networks, CPU time of the solver): against a factorisation in
every step, Broyden's updates took 0.7 (tanh, 30 units), 0.9 (GRU, 16) and 0.45 (tanh, 256) of the time; plain
chord steps 0.75, 1.0 and 0.55. Two faster schemes were measured and left out because they lose saddles:
Anderson acceleration of the map, without factorisations (half the time at 30 units, 9 to 16 points where
Newton finds 20), and one factorisation shared by 16 neighbouring starts (0.4 of the time at 256 units, but
5 to 9 of the 9 points of a two-pattern Hopfield network, where a factorisation for each start finds all 9
every time).

Dennis and Schnabel, Numerical Methods for Unconstrained Optimization and Nonlinear Equations (1983), 6.3
and 6.5; Broyden in product form: Kelley, Solving Nonlinear Equations with Newton's Method (2003), 4.3.
"""

import dataclasses
import enum

import torch
from torch import Tensor

from ..jacobian import Jacobian, chunks
from ..problem import Problem
from .directions import Factors, broyden_step, damped_direction, newton_direction

_ARMIJO = 1e-4
_HALVINGS = 14  # 2^-14: a direction that needs a shorter step leads nowhere
_BROYDEN_STEPS = 12
_COMPRESS = 0.7  # copying factors costs about as much as solving with a third of them
_POLISH_STEPS = 40
_POLISH_RATIO = 0.25
_BROYDEN_RATIO = 0.5  # a factorisation costs far more than such a step, so a modest gain is worth taking
_ORBITS = (2, 4, 8, 16, 32, 64)  # lengths of the orbits whose means give a stalled start another chance
_SLOW_RATIO = 0.5
_SLOW_ITERATIONS = 6  # so many in a row that do not halve q: a valley of q, or the way to infinity


# Far enough out x + 1 rounds to x: a state there has q = 0 and is no fixed point.
_INFINITY = 1e6


class Outcome(enum.IntEnum):
    """What became of one start."""

    CONVERGED = 0
    MINIMUM = 1
    ITERATIONS = 2
    NOT_FINITE = 3
    ROUND_OFF = 4
    ESCAPED = 5


OUTCOME_SENTENCES = {
    Outcome.CONVERGED: "reached a fixed point",
    Outcome.MINIMUM: "ended in a local minimum of q that is no fixed point (a slow point or a barrier)",
    Outcome.ITERATIONS: "used all iterations; raise max_iterations",
    Outcome.NOT_FINITE: "met states where the map is not finite",
    Outcome.ROUND_OFF: "reached the round-off floor of the map above the tolerance; raise tolerance",
    Outcome.ESCAPED: "left for infinity, more than a million times farther than the starts reach",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """Where every start ended: states (n, state), speeds q (n,), outcomes (n,) and Newton iterations (n,)."""

    states: Tensor
    speeds: Tensor
    outcomes: Tensor
    iterations: Tensor


def solve(problem: Problem, jacobian: Jacobian, *, tolerance: float, max_iterations: int, memory: int) -> Solution:
    """Return where Newton's method leads each start of ``problem``.

    Starts run in blocks whose Jacobians and factors fit in ``memory`` bytes. A start that fails is a recorded
    outcome and does not disturb the others.
    """
    # At first no step is longer than the visited region is wide: a nearly singular Jacobian
    # would otherwise throw a start to where the map saturates and q vanishes without a fixed point.
    centre = problem.starts.mean(0)
    reach = float((problem.starts - centre).norm(dim=1).amax() + centre.norm()) or 1.0
    blocks = []
    for index in chunks(problem.starts, memory):
        block = _Block(problem, jacobian, index, tolerance=tolerance, reach=reach)
        block.run(max_iterations)
        blocks.append(Solution(block.states, block.speeds, block.outcomes, block.iterations))
    names = [field.name for field in dataclasses.fields(Solution)]
    return Solution(**{name: torch.cat([getattr(block, name) for block in blocks]) for name in names})


def polish(problem: Problem, jacobian: Jacobian, states: Tensor, inputs: Tensor | None, *, memory: int) -> Tensor:
    """Return the states after full Newton steps, each kept only where it lowers q: the round-off floor.

    Simple zeros need one step. At a double zero each step only halves the distance, hence the many.
    """
    states = states.clone()
    for rows in chunks(states, memory):
        for _ in range(_POLISH_STEPS):
            if not len(rows):
                break
            given = None if inputs is None else inputs[rows]
            value = problem.residual(states[rows], given)
            direction, _ = newton_direction(problem.residual_jacobian(jacobian(states[rows], given)), value)
            moved = states[rows] + direction
            better = speed(problem.residual(moved, given)) < _POLISH_RATIO * speed(value)
            rows = rows[better]
            states[rows] = moved[better]
    return states


def speed(residuals: Tensor) -> Tensor:
    """Return q = ½‖G‖² of each row; NaN and overflow become infinity."""
    return torch.nan_to_num(0.5 * residuals.square().sum(-1), nan=torch.inf, posinf=torch.inf)


class _Block:
    """The iterates of one block of starts. ``rows`` below always index into the block."""

    def __init__(self, problem: Problem, jacobian: Jacobian, index: Tensor, *, tolerance: float, reach: float) -> None:
        self.problem, self.jacobian = problem, jacobian
        self.tolerance = tolerance
        self.inputs = problem.rows(index)
        self.states = problem.starts[index].clone()
        self.residuals = problem.residual(self.states, self.inputs)
        self.speeds = speed(self.residuals)
        unfinished = int(Outcome.ITERATIONS)
        self.outcomes = torch.full((len(index),), unfinished, dtype=torch.int8, device=index.device)
        self.iterations = torch.zeros(len(index), dtype=torch.int32, device=index.device)
        self.slow = torch.zeros_like(self.iterations)
        self.reach = torch.full_like(self.speeds, reach)
        self.infinity = _INFINITY * reach
        self.rescues = torch.zeros_like(self.iterations)
        self.starts = self.states.clone()

    def run(self, max_iterations: int) -> None:
        """Iterate until every start is converged, stalled or out of iterations."""
        active = torch.arange(len(self.states), device=self.states.device)
        active = self._retire(active)
        for _ in range(max_iterations):
            if not len(active):
                return
            self.iterations[active] += 1
            before = self.speeds[active]
            stalled = self._iterate(active)
            stalled |= self._slow(active, before)
            stalled &= self.speeds[active] > self.tolerance
            going = ~stalled
            going[stalled] = self._rescue(active[stalled])
            active = self._retire(active[going])

    def _given(self, rows: Tensor) -> Tensor | None:
        return None if self.inputs is None else self.inputs[rows]

    def _retire(self, active: Tensor) -> Tensor:
        """Record the starts that are done and return the rest."""
        finished = self.speeds[active] <= self.tolerance
        escaped = finished & (self.states[active].norm(dim=1) > self.infinity)
        broken = ~torch.isfinite(self.speeds[active])
        self.outcomes[active[finished]] = int(Outcome.CONVERGED)
        self.outcomes[active[escaped]] = int(Outcome.ESCAPED)
        self.outcomes[active[broken]] = int(Outcome.NOT_FINITE)
        return active[~(finished | broken)]

    def _iterate(self, active: Tensor) -> Tensor:
        """Take one globalised step from every active start; return a mask of those that could not move."""
        derivative = self.problem.residual_jacobian(self.jacobian(self.states[active], self._given(active)))
        direction, factors = newton_direction(derivative, self.residuals[active])
        usable = torch.isfinite(direction).all(1)
        moved = torch.zeros_like(usable)
        moved[usable] = self._search(active[usable], direction[usable])
        left = torch.nonzero(~moved)[:, 0]
        if len(left):
            damped = damped_direction(derivative[left], self.residuals[active[left]], self.reach[active[left]])
            moved[left] = self._search(active[left], damped)
        self._broyden(active, factors, usable)
        return ~moved

    def _slow(self, active: Tensor, before: Tensor) -> Tensor:
        """Count iterations in a row with little progress; return a mask of those with too many."""
        little = self.speeds[active] > _SLOW_RATIO * before
        self.slow[active] = torch.where(little, self.slow[active] + 1, 0)
        return self.slow[active] >= _SLOW_ITERATIONS

    def _search(self, rows: Tensor, direction: Tensor) -> Tensor:
        """Backtrack along ``direction`` until q falls (Armijo); return which rows moved."""
        length = direction.norm(dim=1)
        step = torch.clamp(self.reach[rows] / length.clamp_min(torch.finfo(length.dtype).tiny), max=1.0)
        moved = torch.zeros(len(rows), dtype=torch.bool, device=rows.device)
        todo = torch.arange(len(rows), device=rows.device)
        for _ in range(_HALVINGS):
            if not len(todo):
                break
            trial = self.states[rows[todo]] + step[todo, None] * direction[todo]
            wanted = (1 - 2 * _ARMIJO * step[todo]) * self.speeds[rows[todo]]
            before = self.speeds[rows[todo]]
            accepted = self._move(rows[todo], trial, wanted)
            moved[todo[accepted]] = True
            # Where the linear model foretells q, (1 − t)² of it is left, and the next step may be longer.
            foretold = self.speeds[rows[todo]] <= (1 - 0.9 * step[todo] * (2 - step[todo])) * before
            self.reach[rows[todo[accepted & foretold & (step[todo] < 1)]]] *= 4
            todo = todo[~accepted]
            step[todo] /= 2
        return moved

    def _move(self, rows: Tensor, trial: Tensor, wanted: Tensor) -> Tensor:
        """Move ``rows`` to ``trial`` where q is then at most ``wanted``; return which ones moved."""
        value = self.problem.residual(trial, self._given(rows))
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
        going = self.rescues[rows] < len(_ORBITS)
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
        ahead, given = self.starts[rows], self._given(rows)
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
        eps = torch.finfo(self.states.dtype).eps
        floor = 100 * (eps * self.states[rows].norm(dim=1)).square()
        at_floor = self.speeds[rows] <= floor
        self.outcomes[rows] = int(Outcome.MINIMUM)
        self.outcomes[rows[at_floor]] = int(Outcome.ROUND_OFF)
