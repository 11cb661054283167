"""The solver: a batched, globalised Newton method on G(x) = 0 that treats every kind of point alike.

G(x) = F(x) − x for a map, f(x) for a flow; ∂G/∂x is J − I or J.

Each iteration factorises ∂G/∂x for the starts still active, takes the Newton direction (a damped
Levenberg-Marquardt direction where ∂G/∂x is singular or the Newton step does not descend), backtracks on the
speed q = ½‖G‖², and in larger systems reuses the factors with Broyden's updates while each step halves q. Newton's
method does not know stable from unstable: saddles and sources attract it as attractors do. A start that
stalls tries again from the mean of its orbit.

A few starts, spread over all, go first. Those that follow may converge without any factorisation of their own, with
that of a zero found before (:mod:`~dynascope.fixedpoints.solver.known`).

Measured (1 024 starts, trained 3-bit flip-flop network, tanh, 256 units): 0.7 factorisations per start, against 5.2
with one in every step. Two faster schemes were measured and left out because they lose saddles: Anderson acceleration
of the map without factorisations, and one factorisation shared by 16 neighbouring starts.

Dennis and Schnabel, Numerical Methods for Unconstrained Optimization and Nonlinear Equations (1983), 6.3
and 6.5; Broyden in product form: Kelley, Solving Nonlinear Equations with Newton's Method (2003), 4.3.
"""

import torch
from torch import Tensor

from ..jacobian import Jacobian, chunks
from ..problem import Problem
from .directions import newton_direction
from .iterates import Iterates
from .outcome import OUTCOME_SENTENCES, Outcome, Solution, speed

__all__ = ["OUTCOME_SENTENCES", "Outcome", "Solution", "polish", "solve", "speed"]

_POLISH_STEPS = 40
_POLISH_RATIO = 0.25

_PILOTS = 64  # starts: fewer run at once
_STRIDES: tuple[int, ...] = (16, 4)  # every 16th start first, then every 4th, then the rest
_SMALL = 48  # states: below, factorisations cost less than the longer way through stages


def solve(problem: Problem, jacobian: Jacobian, *, tolerance: float, max_iterations: int, memory: int) -> Solution:
    """Return where Newton's method leads each start of ``problem``.

    Starts run in blocks whose Jacobians and factors fit in ``memory`` bytes. A start that fails is a recorded
    outcome and does not disturb the others.
    """
    # At first no step is longer than the visited region is wide: a nearly singular Jacobian
    # would otherwise throw a start to where the map saturates and q vanishes without a fixed point.
    centre = problem.starts.mean(0)
    reach = float((problem.starts - centre).norm(dim=1).amax() + centre.norm()) or 1.0
    iterates = Iterates(problem, jacobian, tolerance=tolerance, reach=reach, memory=memory)
    return iterates.run(_stages(problem.starts), max_iterations)


def _stages(starts: Tensor) -> list[Tensor]:
    """Return the row numbers of the starts in the order in which they run, in stages.

    The order is that of their projections on a fixed direction, so that results do not depend on the order in
    which starts are given; each stage is spread evenly over it.
    """
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(starts.shape[1], generator=generator, dtype=starts.dtype).to(starts.device)
    order = torch.argsort(starts @ direction, stable=True)
    strides = _STRIDES if starts.shape[1] >= _SMALL and len(starts) > _PILOTS else ()
    position = torch.arange(len(order), device=order.device)
    left = torch.ones_like(position, dtype=torch.bool)
    stages = []
    for stride in (*strides, 1):
        chosen = left & (position % stride == 0)
        left &= ~chosen
        stages.append(order[chosen])
    return stages


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
