"""Attractors that were not among the known points: told from orbits that only pause, each recorded once."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..problem import host
from ..stability import eigenvalues, is_stable
from .scene import Scene

Array = npt.NDArray[Any]

# Longer periods are left to "keeps moving": the product of so many Jacobians says little.
MAX_PERIOD = 128
# On a line of fixed points every start rests somewhere else; after so many nothing is learnt by looking further.
_MAX_FRUITLESS = 64


@dataclasses.dataclass(frozen=True, eq=False)
class Attractor:
    """``orbit`` (member, state) of an attracting point or cycle; ``period`` in steps or time, 0 at rest in a flow."""

    orbit: Array
    period: float


@dataclasses.dataclass(eq=False)
class Register:
    """The attractors found so far, and where orbits paused without being attracted."""

    scene: Scene
    attractors: list[Attractor] = dataclasses.field(default_factory=list)
    pauses: list[Attractor] = dataclasses.field(default_factory=list)

    def classify(self, states: Tensor, periods: Array) -> Array:
        """Return for states (n, state) that recur after ``periods`` (n,) steps the attractor's number, or −1."""
        labels = np.full(len(states), -1)
        places = host(states)
        for index in range(len(places)):
            known = self._match(self.attractors, places[index], periods[index])
            if known < 0 and self._match(self.pauses, places[index], periods[index]) < 0:
                known = self._look(states[index], int(periods[index]))
            labels[index] = known
        return labels

    def add(self, made: Attractor) -> int:
        """Return the number of a new attractor."""
        self.attractors.append(made)
        return len(self.attractors) - 1

    def _match(self, candidates: list[Attractor], state: Array, period: float) -> int:
        for number, candidate in enumerate(candidates):
            near = np.linalg.norm(candidate.orbit - state, axis=1).min() <= self.scene.same
            # An orbit may be seen to recur after a multiple of its period.
            if near and (period == 0 or period % max(candidate.period, 1) == 0):
                return number
        return -1

    def _look(self, state: Tensor, period: int) -> int:
        """Decide by the Jacobian along one period whether the orbit attracts; Newton's step tells it from a drift."""
        if period > MAX_PERIOD or len(self.pauses) >= _MAX_FRUITLESS:
            return -1
        orbit, product, remainder = _once_around(self.scene, state, period)
        values = eigenvalues(product[None], self.scene.problem.dynamics)
        if not bool(is_stable(values, self.scene.problem.dynamics)[0]):
            self.pauses.append(Attractor(orbit, float(period)))
            return -1
        matrix = product if period == 0 else product - np.eye(len(product))
        newton = np.linalg.solve(matrix, -remainder)
        if np.linalg.norm(newton) > self.scene.same:
            return -1
        refined = self.scene.tensor(orbit[0] + newton)
        return self.add(Attractor(_once_around(self.scene, refined, period)[0], float(period)))


def _once_around(scene: Scene, state: Tensor, period: int) -> tuple[Array, Array, Array]:
    """Return the orbit (period, state), its Jacobian and Fᵖ(x) − x; of a flow at rest x, ∂f/∂x and f(x)."""
    if period == 0:
        value = scene.problem.map(state[None], scene.inputs(1))[0]
        return host(state[None]), host(scene.jacobian(state[None], scene.inputs(1))[0]), host(value)
    orbit, product = [state[None]], torch.eye(len(state)).to(state)
    for _ in range(period):
        product = scene.jacobian(orbit[-1], scene.inputs(1))[0] @ product
        orbit.append(scene.problem.map(orbit[-1], scene.inputs(1)))
    return host(torch.cat(orbit[:-1])), host(product), host((orbit[-1] - orbit[0])[0])


def canonical_order(scene: Scene, attractors: list[Attractor]) -> tuple[list[Attractor], Array]:
    """Return the attractors in an order that does not depend on who found them first, and the new number of each."""
    turned = [_turned(scene, attractor) for attractor in attractors]
    keys = [(a.period, *_rounded(scene, a.orbit[0])) for a in turned]
    order = sorted(range(len(turned)), key=keys.__getitem__)
    numbers = np.empty(len(order), dtype=int)
    numbers[order] = np.arange(len(order))
    return [turned[i] for i in order], numbers


def _rounded(scene: Scene, state: Array) -> tuple[float, ...]:
    # + 0.0 turns −0 into 0
    return tuple((np.round(state / scene.same / 10) + 0.0).tolist())


def _turned(scene: Scene, attractor: Attractor) -> Attractor:
    """Return the orbit beginning at its lexicographically smallest member."""
    first = min(range(len(attractor.orbit)), key=lambda i: _rounded(scene, attractor.orbit[i]))
    return dataclasses.replace(attractor, orbit=np.roll(attractor.orbit, -first, axis=0))
