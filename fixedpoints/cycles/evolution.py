"""One step of a map, or one Runge-Kutta step of a flow, and what it does to tangent vectors."""

import dataclasses
import warnings
from typing import Any

import torch
from torch import Tensor

from ..jacobian import Jacobian, chunks
from ..problem import Problem

# Up to this many state variables the Jacobians of a whole stretch of a trajectory are computed at once; beyond, each
# step pushes the tangent vectors forward. Measured, one thread, 8 trajectories, per step: N = 3: 91 µs for one Jacobian
# at a time (a few when batched over time) against 137 for pushing 3 vectors; N = 100: 1750 against 424 for 10
# vectors, 2340 against 1280 for 100; N = 1 000 (4 trajectories): 330 000 against 6 100 for 10.
_SMALL = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Evolution:
    """A map, or the map that one classical Runge-Kutta step of length ``dt`` makes of a flow.

    The Jacobian of the Runge-Kutta step is the Runge-Kutta step of the variational equation, to the bit of
    exact arithmetic: a flow is therefore treated as a map, and its exponents are those of the integrator, which
    differ from the flow's by O(dt⁴). Inputs are held constant during a step. ``pushes`` says that tangent vectors are
    pushed forward without a Jacobian.
    """

    problem: Problem
    derivative: Jacobian
    dt: float | None
    memory: int
    pushes: bool = False

    def advance(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return the states (n, state) one step later, without building an autograd graph."""
        with torch.no_grad():
            return self.call(states, inputs)

    def call(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return the states (n, state) one step later; derivatives flow through."""
        if self.dt is None:
            return self.problem.call(states, inputs)
        velocities: list[Tensor] = []
        for weight in (0.0, 0.5, 0.5, 1.0):
            moved = states + weight * self.dt * velocities[-1] if velocities else states
            velocities.append(self.problem.call(moved, inputs))
        k1, k2, k3, k4 = velocities
        return states + self.dt / 6 * (k1 + 2 * (k2 + k3) + k4)

    def jacobians(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Return the Jacobians (n, state, state) of one step, in blocks that fit in the memory."""
        parts = [
            self._jacobians(states[index], None if inputs is None else inputs[index])
            for index in chunks(states, self.memory)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _jacobians(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        """Apply the chain rule to the four stages: dk = J(x + w dt k) (I + w dt dk)."""
        if self.dt is None:
            return self.derivative(states, inputs)
        total = torch.zeros(1, dtype=states.dtype, device=states.device)
        velocity, slope = torch.zeros_like(states), total
        eye = torch.eye(states.shape[1], dtype=states.dtype, device=states.device)
        for weight, share in ((0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
            moved = states + weight * self.dt * velocity
            slope = self.derivative(moved, inputs) @ (eye + weight * self.dt * slope)
            velocity = self.problem.map(moved, inputs)
            total = total + share * slope
        return eye + self.dt / 6 * total

    def push(self, states: Tensor, inputs: Tensor | None, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states one step later and the tangent vectors, (n, state, vector), that they carry along."""

        def along(tangents: Tensor) -> tuple[Tensor, Tensor]:
            # Two values, as no auxiliary output is asked for; torch's types allow for three.
            pair: Any = torch.func.jvp(lambda x: self.call(x, inputs), (states,), (tangents,))
            return pair[0], pair[1]

        with torch.no_grad():
            outputs: Any = (None, 2)  # the next states are the same for all vectors; torch's types forbid None
            moved, pushed = torch.vmap(along, in_dims=2, out_dims=outputs)(frames)
        return moved, pushed

    def choose(self, states: Tensor, inputs: Tensor | None) -> "Evolution":
        """Return the evolution that pushes tangent vectors where that is faster and torch can do it."""
        if self.problem.n_states <= _SMALL:
            return self
        row = None if inputs is None else inputs[:1]
        frame = torch.eye(states.shape[1], 2, dtype=states.dtype, device=states.device)[None]
        try:
            with warnings.catch_warnings():
                # torch's own, when it first loads what forward differentiation needs.
                warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
                _, pushed = self.push(states[:1], row, frame)
        except (RuntimeError, ValueError, TypeError, NotImplementedError):
            # Branches on values, in-place writes, own autograd functions: torch reports them in many ways.
            return self
        expected = self.jacobians(states[:1], row) @ frame
        size = float(expected.abs().amax())
        agree = torch.allclose(pushed, expected, rtol=0, atol=1e-9 * (1 + size))
        return dataclasses.replace(self, pushes=True) if agree else self

    def step_error(self, states: Tensor, inputs: Tensor | None) -> float:
        """Return the largest difference between one step and two half steps, as a share of the states' size.

        0 for a map. The local error of the Runge-Kutta step is 16/15 of this.
        """
        if self.dt is None:
            return 0.0
        half = dataclasses.replace(self, dt=self.dt / 2)
        twice = half.advance(half.advance(states, inputs), inputs)
        difference = (twice - self.advance(states, inputs)).abs().amax()
        return float(difference / states.abs().amax().clamp_min(torch.finfo(states.dtype).tiny))
