"""Zeros that are already known, and how they serve the starts that come later.

With A = G′(p)⁻¹ of a known zero p the chord iteration x ← x − A G(x) costs two products of a matrix with a
vector and no factorisation. Because A belongs to p itself, it converges quadratically near p: for
‖A (G′(y) − G′(p))‖ ≤ ω‖y − p‖ the distance to p goes from d to at most ω d²/2 (P. Deuflhard, Newton Methods for
Nonlinear Problems (2004), section 2.1). A start is taken only if every step brings it closer to p and cuts q by a
set factor until q is below the tolerance: then it has converged; otherwise it goes on from where it was.

Measured on eleven random tanh networks (40 units, gain 3; 64 units, gain 2.5; 300 to 400 starts), whose rare points
attract one start each: 265 points with known zeros and without, 259 if a step need cut q by 0.25 only.
"""

import dataclasses

import torch
from torch import Tensor

from ..jacobian import Jacobian, chunks
from ..problem import Problem
from .outcome import speed

_STEPS = 20
_RATIO = 0.05  # of q per step
_FIRST_RATIO = 0.01  # of q in the first step of a start that has not moved yet
_SAME = 1e-6  # share of the largest norm within which two zeros share one inverse
_CONDITION = 1e8
_MOST = 512  # zeros: with more, finding the nearest costs as much as a factorisation saves
_GATHER = 2**20  # floats: below this it is cheaper to gather one inverse per row than to loop over the zeros


@dataclasses.dataclass(frozen=True, eq=False)
class Known:
    """Zeros ``states`` (k, state) of the systems ``groups`` (k,) with ``inverses`` G′(p)⁻¹, (k, state, state).

    Two rows are of one group if they have equal inputs.
    """

    states: Tensor
    groups: Tensor
    inverses: Tensor

    @classmethod
    def none(cls, problem: Problem) -> "Known":
        """Return an empty list."""
        size = problem.n_states
        empty = problem.starts.new_empty
        return cls(
            empty(0, size), torch.empty(0, dtype=torch.int64, device=problem.starts.device), empty(0, size, size)
        )

    def __len__(self) -> int:
        return len(self.states)

    def extended(
        self, problem: Problem, jacobian: Jacobian, rows: Tensor, found: Tensor, *, groups: Tensor, memory: int
    ) -> "Known":
        """Return the list with the new ones among the zeros ``found`` (n, state), reached by the starts ``rows``.

        ``groups`` (start,) numbers the inputs. At most 512 are kept, and only as many as have inverses within a
        quarter of ``memory``; zeros with a nearly singular G′ are left out.
        """
        room = min(_MOST, memory // (4 * problem.n_states**2 * found.element_size())) - len(self)
        kinds = groups[rows]
        width = _SAME * found.norm(dim=1).amax() if len(found) else 0.0
        new = torch.nonzero(~_near(found, self.states, kinds, self.groups, width).any(1))[:_MOST, 0]
        if not len(new):
            return self
        near = _near(found[new], found[new], kinds[new], kinds[new], width)
        first = near.to(torch.int8).argmax(1)  # the first of equals
        new = new[first == torch.arange(len(new), device=first.device)][: max(room, 0)]
        inverses, usable = _inverses(problem, jacobian, found[new], problem.rows(rows[new]), memory=memory)
        return Known(
            torch.cat([self.states, found[new[usable]]]),
            torch.cat([self.groups, kinds[new[usable]]]),
            torch.cat([self.inverses, inverses[usable]]),
        )

    def nearest(self, states: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
        """Return which rows have a zero of their group, as row numbers, and the nearest such zero of each."""
        least, label = _distances(states, self.states, groups, self.groups).min(1)
        rows = torch.nonzero(torch.isfinite(least))[:, 0]
        return rows, label[rows]

    def directions(self, labels: Tensor, residuals: Tensor) -> Tensor:
        """Return −A G per row, with the inverse of the zero ``labels`` (n,) names, (n, state)."""
        if len(labels) * self.inverses[0].numel() <= _GATHER:
            return -torch.bmm(self.inverses[labels], residuals[..., None])[..., 0]
        made = torch.empty_like(residuals)
        for label in torch.unique(labels):
            rows = torch.nonzero(labels == label)[:, 0]
            made[rows] = -residuals[rows] @ self.inverses[label].T
        return made

    def pull(
        self,
        problem: Problem,
        states: Tensor,
        residuals: Tensor,
        inputs: Tensor | None,
        *,
        groups: Tensor,
        fresh: Tensor,
        tolerance: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return which rows converge by chord steps from the nearest known zero, and their states and residuals.

        ``fresh`` (n,) says which have not moved yet: those have to be nearer.
        """
        rows, labels = self.nearest(states, groups)
        states, residuals = states[rows], residuals[rows]
        distance = (states - self.states[labels]).norm(dim=1)
        given = None if inputs is None else inputs[rows]
        q = speed(residuals)
        ratio = torch.where(fresh[rows], _FIRST_RATIO, _RATIO)
        done: list[tuple[Tensor, Tensor, Tensor]] = []
        for _ in range(_STEPS):
            if not len(rows):
                break
            states = states + self.directions(labels, residuals)
            residuals = problem.residual(states, given)
            before, q = q, speed(residuals)
            farther, distance = distance, (states - self.states[labels]).norm(dim=1)
            good = (q <= ratio * before) & (distance <= farther)
            reached = good & (q <= tolerance)
            done.append((rows[reached], states[reached], residuals[reached]))
            going = torch.nonzero(good & ~reached)[:, 0]
            rows, labels, states, residuals = rows[going], labels[going], states[going], residuals[going]
            q, distance = q[going], distance[going]
            ratio = torch.full_like(q, _RATIO)
            given = None if given is None else given[going]
        if not done:
            return rows, states, residuals
        parts = tuple(torch.cat(part) for part in zip(*done, strict=True))
        return parts[0], parts[1], parts[2]


def _distances(states: Tensor, others: Tensor, groups: Tensor, other_groups: Tensor) -> Tensor:
    """Return the distances (n, k), infinite between rows of different groups."""
    # By differences: the product formula loses half the digits, and states apart by less would look equal.
    distance: Tensor = torch.cdist(states, others, compute_mode="donot_use_mm_for_euclid_dist")
    distance.masked_fill_(groups[:, None] != other_groups, torch.inf)
    return distance


def _near(states: Tensor, others: Tensor, groups: Tensor, other_groups: Tensor, width: Tensor | float) -> Tensor:
    near: Tensor = torch.le(_distances(states, others, groups, other_groups), width)
    return near


def number_inputs(problem: Problem) -> Tensor:
    """Return for each start the number of its input among the different inputs, (start,)."""
    inputs = problem.inputs
    if inputs is None or inputs.stride(0) == 0:  # one input, expanded over all starts
        return torch.zeros(len(problem.starts), dtype=torch.int64, device=problem.starts.device)
    numbers: Tensor = torch.unique(inputs, dim=0, return_inverse=True)[1]
    return numbers.reshape(-1)


def _inverses(
    problem: Problem, jacobian: Jacobian, states: Tensor, inputs: Tensor | None, *, memory: int
) -> tuple[Tensor, Tensor]:
    """Return G′(p)⁻¹ (k, state, state) and which of them can be used, (k,)."""
    inverses, usable = [], []
    for index in chunks(states, memory):
        derivative = problem.residual_jacobian(jacobian(states[index], None if inputs is None else inputs[index]))
        inverses.append(torch.linalg.inv_ex(derivative)[0])
        # The norms of a matrix and its inverse; on a line of zeros a step along it could be of any length.
        condition = derivative.flatten(1).norm(dim=1) * inverses[-1].flatten(1).norm(dim=1)
        usable.append(condition < _CONDITION)
    return torch.cat(inverses), torch.cat(usable)
