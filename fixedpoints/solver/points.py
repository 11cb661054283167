"""The distinct points of a search while it narrows them down, and which start led to which."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..certificates.kantorovich import Certificate, Certificates
from ..jacobian import Jacobian, chunks
from ..problem import Problem, host
from .newton import Outcome, Solution, polish, speed
from .unique import group_rows, merge_certified, merge_close, typical_size

Array = npt.NDArray[Any]

# Two copies of one well-conditioned point differ by some 1e-15 of its size after the last steps. Points that
# differ by less than this share and still are two have no certificate: it needs a gap.
_SAME = 1e-10
# Norms and coordinates are compared after rounding to this share of the scale: copies of a result that
# differ in round-off come out in the same order.
_ORDER = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Points:
    """``states`` (k, state); ``rows`` (k,), starts with their inputs; ``labels`` (start,), −1 for none."""

    problem: Problem
    jacobian: Jacobian
    states: Tensor
    rows: Tensor
    labels: Array
    scale: float
    memory: int

    @classmethod
    def reached(
        cls, problem: Problem, jacobian: Jacobian, solution: Solution, *, tolerance: float, memory: int
    ) -> "Points":
        """Return the points that the starts converged to, near-identical copies merged, polished."""
        rows = torch.nonzero(solution.outcomes == int(Outcome.CONVERGED))[:, 0]
        states, labels = solution.states[rows], np.full(len(problem.starts), -1)
        labels[host(rows)] = np.arange(len(rows))
        scale = typical_size(host(states), host(problem.starts))
        points = cls(problem, jacobian, states, rows, labels, scale, memory)
        speeds = host(solution.speeds[rows])
        points = points.join(merge_close(host(states), points.groups(), _SAME * scale, priority=speeds))
        polished = polish(problem, jacobian, points.states, points.inputs(), memory=memory)
        points = dataclasses.replace(points, states=polished)
        # A batch of another size rounds differently: q at the very tolerance may now lie above it.
        return points.take(np.flatnonzero(points.speeds() <= tolerance))

    def __len__(self) -> int:
        return len(self.states)

    def inputs(self) -> Tensor | None:
        """Return the input of each point, (k, input), or None."""
        return self.problem.rows(self.rows)

    def groups(self) -> Array:
        """Return the number of each point's input among the different inputs, in lexicographic order."""
        given = self.inputs()
        return group_rows(None if given is None else host(given), len(self))

    def speeds(self) -> Array:
        """Return q of each point, (k,)."""
        return host(speed(self.problem.residual(self.states, self.inputs())))

    def jacobians(self) -> Array:
        """Return ∂F/∂x at each point, (k, state, state)."""
        n_states = self.problem.n_states
        made = np.zeros((len(self), n_states, n_states), dtype=host(self.problem.starts[:0]).dtype)
        given = self.inputs()
        for index in chunks(self.states, self.memory):
            part = self.jacobian(self.states[index], None if given is None else given[index])
            made[host(index)] = host(part)
        return made

    def distinct(self, certificates: Certificates, tolerance: float) -> tuple["Points", Certificates]:
        """Return the points and certificates after the second merge, which uses the certificates."""
        leaders = merge_certified(
            host(self.states),
            self.groups(),
            tolerance * self.scale,
            certified=certificates.codes == int(Certificate.CERTIFIED),
            error_bound=certificates.error_bound,
        )
        return self.join(leaders), certificates.take(np.unique(leaders))

    def order(self, n_unstable: Array) -> Array:
        """Return the order of the points: by input, unstable directions, norm, then coordinates."""
        rounded = np.round(host(self.states) / (_ORDER * self.scale)) + 0.0
        norms = np.round(np.linalg.norm(host(self.states), axis=1) / (_ORDER * self.scale))
        coordinates = tuple(rounded.T[::-1])
        return np.lexsort((*coordinates, norms, n_unstable, self.groups()))

    def join(self, leaders: Array) -> "Points":
        """Return the leaders only; a start that led to a member now leads to its leader."""
        kept, position = np.unique(leaders, return_inverse=True)
        return self._with(kept, position.reshape(-1))

    def take(self, index: Array) -> "Points":
        """Return the points ``index``; starts that led to others now lead nowhere."""
        position = np.full(len(self), -1)
        position[index] = np.arange(len(index))
        return self._with(index, position)

    def _with(self, index: Array, position: Array) -> "Points":
        # One −1 at the end serves the label −1.
        labels = np.append(position, -1)[self.labels]
        chosen = torch.as_tensor(index, device=self.rows.device)
        return dataclasses.replace(self, states=self.states[chosen], rows=self.rows[chosen], labels=labels)
