"""Limit cycles of a flow: orbits that keep moving are followed further and tested for closing.

From a state x0 with velocity v the orbit is followed to its next crossings of the plane v·(x − x0) = 0 in the sense of
v. It has closed when a crossing falls on x0 and the second round ends hardly farther from x0 than the first. With
multiplier μ the two distances are as 1 to 1 + μ: near a cycle that attracts, hardly; on a slow spiral into a point, as
1 to 2; on a chaotic orbit that came back by chance, more. Last, the Floquet multipliers, eigenvalues of the Jacobian
along one period, tell a limit cycle from one of the closed orbits that fill the surroundings of a centre.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..problem import host
from .found import Attractor, Register
from .motion import attempt, launch, runge_kutta
from .scene import Scene

Array = npt.NDArray[Any]

# How near, as a share of the scene, a round must end to its beginning; and by integration error alone.
_CLOSE, _EXACT = 1e-4, 1e-6
_SAMPLES = 800
# A multiplier this near the unit circle does not attract.
_NEUTRAL = 1e-3
# Distance from the polygon of samples, as a share of the scene, within which a state is on a cycle.
_ON_CYCLE = 5e-3
_MAX_ATTEMPTS = 50_000
# Around a centre every orbit is closed; after so many nothing is learnt by looking further.
_MAX_NEUTRAL = 8


@dataclasses.dataclass(frozen=True, eq=False)
class _Rounds:
    """First and second return of each orbit: when, and how far from its beginning; infinity before."""

    times: Array  # (2, n)
    distances: Array  # (2, n)

    def note(self, rows: Array, times: Array, distances: Array) -> None:
        for row, time, distance in zip(rows, times, distances, strict=True):
            number = int(np.isfinite(self.times[:, row]).sum())
            if number < 2:
                self.times[number, row], self.distances[number, row] = time, distance

    def closed(self, size: float) -> Array:
        first, second = self.times
        # 1 + μ with μ ≤ ½; what contracts more slowly is looked at again once integration errors are all that is left.
        allowed = np.maximum(1.5 * self.distances[0], _EXACT * size)
        finite = np.isfinite(second)
        same = np.abs(np.where(finite, second, 0) - 2 * np.where(finite, first, 1)) <= 1e-3 * np.where(finite, first, 1)
        return np.asarray(finite & same & (self.distances[1] <= allowed))


def find_limit_cycles(scene: Scene, states: Tensor, register: Register, *, limit: float) -> Array:
    """Return for each state (n, state) the number of the limit cycle it is on, −1 if none.

    New cycles join the register. ``limit`` is the time to follow each orbit.
    """
    # The cycle may be much larger than the scene: that of a single point is.
    size = max(scene.scale, float(np.linalg.norm(host(states) - scene.centre, axis=1).max()))
    rounds = _follow(scene, states, limit, size)
    periods = np.where(rounds.closed(size), rounds.times[0], np.nan)
    labels, n_neutral = np.full(len(states), -1), 0
    for row in np.flatnonzero(np.isfinite(periods)):
        labels[row] = _match(register, host(states[row]), float(periods[row]), size)
        if labels[row] < 0 and n_neutral < _MAX_NEUTRAL:
            orbit = _sampled(scene, states[row], float(periods[row]))
            if _attracts(scene, orbit, float(periods[row])):
                labels[row] = register.add(Attractor(host(orbit), float(periods[row])))
            else:
                n_neutral += 1
    return labels


def _follow(scene: Scene, states: Tensor, limit: float, size: float) -> _Rounds:
    """Return the first two near returns of each orbit within the time ``limit``."""
    rounds = _Rounds(np.full((2, len(states)), np.inf), np.full((2, len(states)), np.inf))
    velocity = scene.problem.map(states, scene.inputs(len(states)))
    orbits, active = launch(scene, states), torch.arange(len(states))
    for _ in range(_MAX_ATTEMPTS):
        origin, normal = states[active], velocity[active]
        before, orbits = orbits, attempt(scene, orbits)
        behind = ((before.states - origin) * normal).sum(dim=1) < 0
        crossing = torch.nonzero(behind & (((orbits.states - origin) * normal).sum(dim=1) >= 0))[:, 0]
        if len(crossing):
            part = before.take(crossing)
            widths = orbits.ages[crossing] - part.ages
            crossed, widths = _on_plane(scene, part.states, widths, origin[crossing], normal[crossing])
            distances = host((crossed - origin[crossing]).norm(dim=1))
            near = distances <= _CLOSE * size
            rows = host(active[crossing])
            rounds.note(rows[near], host(part.ages + widths)[near], distances[near])
        going = torch.as_tensor(~np.isfinite(rounds.times[1, host(active)])) & (orbits.ages < limit)
        going &= torch.isfinite(orbits.states).all(dim=1)
        orbits, active = orbits.take(going), active[going]
        if not len(active):
            break
    return rounds


def _on_plane(scene: Scene, states: Tensor, widths: Tensor, origin: Tensor, normal: Tensor) -> tuple[Tensor, Tensor]:
    """Return where and how long after ``states`` orbits cross a plane, by regula falsi (Illinois) on the step."""

    def height(width: Tensor) -> tuple[Tensor, Tensor]:
        moved, _ = runge_kutta(scene, states, width)
        return ((moved - origin) * normal).sum(dim=1), moved

    low, high = torch.zeros_like(widths), widths
    low_value, high_value = height(low)[0], height(high)[0]
    middle, moved = high, states
    for _ in range(12):
        spread = high_value - low_value
        middle = torch.where(spread > 0, (low * high_value - high * low_value) / spread.clamp(min=1e-300), high)
        value, moved = height(middle)
        above = value >= 0
        # The end that stays has its value halved, or it would never move.
        low_value = torch.where(above, low_value / 2, value)
        high_value = torch.where(above, value, high_value / 2)
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return moved, middle


def _sampled(scene: Scene, state: Tensor, period: float) -> Tensor:
    """Return the cycle through a state at equal times, (sample, state)."""
    width = torch.full((1,), period / _SAMPLES).to(state)
    path = [state[None]]
    for _ in range(_SAMPLES - 1):
        path.append(runge_kutta(scene, path[-1], width)[0])
    return torch.cat(path)


def _attracts(scene: Scene, orbit: Tensor, period: float) -> bool:
    """Return whether all Floquet multipliers but the trivial one lie inside the unit circle.

    The variational equation M' = J(t) M is integrated by the classical Runge-Kutta method on every second sample.
    """
    n_samples, width = len(orbit), 2 * period / len(orbit)
    matrix = torch.eye(orbit.shape[1]).to(orbit)
    for begin in range(0, n_samples, 2):
        rows = orbit[[begin, begin + 1, (begin + 2) % n_samples]]
        left, middle, right = scene.jacobian(rows, scene.inputs(3))
        first = left @ matrix
        second = middle @ (matrix + width / 2 * first)
        third = middle @ (matrix + width / 2 * second)
        matrix = matrix + width / 6 * (first + 2 * second + 2 * third + right @ (matrix + width * third))
    if not bool(torch.isfinite(matrix).all()):
        return False
    multipliers = np.linalg.eigvals(host(matrix))
    others = np.delete(multipliers, np.abs(multipliers - 1).argmin())
    return bool((np.abs(others) < 1 - _NEUTRAL).all())


def _match(register: Register, state: Array, period: float, size: float) -> int:
    for number, candidate in enumerate(register.attractors):
        if candidate.period == 0 or abs(candidate.period - period) > 1e-3 * period:
            continue
        if _distance_to_polygon(candidate.orbit, state) <= _ON_CYCLE * size:
            return number
    return -1


def _distance_to_polygon(corners: Array, state: Array) -> float:
    """Return the distance from a state to the closed polygon through ``corners`` (k, state)."""
    sides = np.roll(corners, -1, axis=0) - corners
    lengths = np.maximum((sides**2).sum(axis=1), 1e-300)
    along = np.clip(((state - corners) * sides).sum(axis=1) / lengths, 0, 1)
    return float(np.linalg.norm(corners + along[:, None] * sides - state, axis=1).min())
