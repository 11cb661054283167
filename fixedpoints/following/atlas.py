"""All branches of a diagram: which are known, which are still to follow, and what was found on them."""

import dataclasses
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..find import find_fixed_points
from ..stability import count_unstable, is_stable
from . import events
from .curve import Point, correct, described, kernel, kernel_tangent
from .events import Special
from .system import System
from .trace import CLOSED, NO_TANGENT, Limits, lies_on, walk

Array = npt.NDArray[Any]

# Two specials of one kind this close (scaled units) are one, seen from two branches. Where several variables bifurcate
# at once eigenvalues vanish together and places are less well known.
_SAME, _SAME_CROSSING = 1e-5, 1e-2
# Several variables bifurcate at once: starts around the crossing, and how far off its parameter, in scaled units.
_STARTS_PER_DIRECTION, _OFFSET = 128, 0.02


@dataclasses.dataclass(frozen=True, eq=False)
class _Branch:
    system: System
    points: list[Point]
    ends: tuple[str, str]


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    system: System
    special: Special
    type: str
    branch: int


class Atlas:
    """Branches and bifurcations as they are found; ``enter`` starts, ``complete`` follows what crosses."""

    def __init__(self, *, limits: Limits, switch: bool, doublings: int, max_branches: int) -> None:
        self.limits, self.switch = limits, switch
        self.doublings, self.max_branches = doublings, max_branches
        self.branches: list[_Branch] = []
        self.specials: list[_Found] = []
        self.notes: list[str] = []
        self._waiting: deque[_Found] = deque()

    def note(self, sentence: str) -> None:
        """Add a sentence on what was left undone, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def enter(self, system: System, z: Array) -> None:
        """Follow the branch through a solution z in both directions, unless it is known."""
        along = np.zeros(len(z))
        along[-1] = 1.0
        start = events.described_start(system, z, along)
        if start is None:
            self.note(f"{NO_TANGENT}, p = {system.parameter(z):g}")
        elif not self._known(system, z):
            self._follow(system, start, start.reversed(), branching=False)

    def complete(self) -> None:
        """Follow the branches that cross those known, until there are none left."""
        while self._waiting:
            found = self._waiting.popleft()
            system, special = found.system, found.special
            if found.type == events.FLIP:
                self._double(system, special)
            elif found.type == events.BRANCH_POINT:
                self._search_around(system, special)
            else:
                for tangent in events.branches_through(system, special)[1]:
                    self._switch(system, special, tangent)

    def _known(self, system: System, z: Array) -> bool:
        # A fixed point is also a point of every period: branches of divisors count.
        return any(
            lies_on(branch.system, branch.points, z)
            for branch in self.branches
            if system.period % branch.system.period == 0
        )

    def _follow(self, system: System, forward: Point | None, backward: Point | None, *, branching: bool) -> None:
        """Walk both ways (None: not that way, it is known) and add what was passed as one branch."""
        if len(self.branches) >= self.max_branches:
            self.note(f"max_branches = {self.max_branches} is reached: further branches were not followed")
            return
        start = forward or backward
        assert start is not None
        joined = "begins on another branch" if branching else ""
        behind, ahead, ends = list[Point](), list[Point](), [joined, joined]
        specials: list[Special] = []
        if forward is not None:
            ahead_walk = walk(system, forward, self.limits, branching=branching, ends_at=self._crowded(system))
            ahead, ends[1] = ahead_walk.points, ahead_walk.reason
            specials += ahead_walk.specials
            if ahead_walk.closed:
                backward, ends[0] = None, CLOSED
        if backward is not None:
            behind_walk = walk(system, backward, self.limits, branching=branching, ends_at=self._crowded(system))
            behind, ends[0] = [point.reversed() for point in reversed(behind_walk.points)], behind_walk.reason
            specials = behind_walk.specials[::-1] + specials
            if forward is None:
                start = start.reversed()
        points = [*behind, start, *ahead]
        if points[0].z[-1] > points[-1].z[-1]:
            points, ends = [point.reversed() for point in reversed(points)], ends[::-1]
        self.branches.append(_Branch(system, points, (ends[0], ends[1])))
        for special in specials:
            self._add(system, special, len(self.branches) - 1)

    def _crowded(self, system: System) -> list[Point]:
        return [
            found.special.point
            for found in self.specials
            if found.type == events.BRANCH_POINT and found.system.period == system.period
        ]

    def _add(self, system: System, special: Special, branch: int) -> None:
        kind = special.type
        if kind == events.BRANCH_POINT:
            kind = events.branches_through(system, special)[0]
        crossing = kind in ("pitchfork", "transcritical", events.BRANCH_POINT)
        found = _Found(system, special, kind, branch)
        alike = [known for known in self.specials if _alike(known, found, crossing=crossing)]
        if any(_same(known, found) for known in alike):
            return
        # Each state of a periodic orbit shows the same bifurcation: one entry, but branches leave from each.
        images = _images(system, special.point.z)
        if not any(_near(known.special.point.z, image, _SAME) for known in alike for image in images):
            self.specials.append(found)
        if (crossing and self.switch) or (kind == events.FLIP and system.period < 2**self.doublings):
            self._waiting.append(found)

    def _switch(self, system: System, special: Special, tangent: Array) -> None:
        """Follow the branch with the given tangent at a crossing, in the directions not known yet."""
        z, ways = special.point.z, list[Point | None]()
        for direction in (tangent, -tangent):
            reach = 0.1 * self.limits.max_step
            corrected = correct(system, z + reach * direction, direction)
            known = corrected is not None and self._known(system, corrected[0])
            ways.append(None if known else described(system, z, special.point.derivative, direction))
        if any(way is not None for way in ways):
            self._follow(system, ways[0], ways[1], branching=True)

    def _double(self, system: System, special: Special) -> None:
        """Follow the orbit of twice the period that begins at a flip: there F∘F has a pitchfork."""
        doubled = system.iterated(2)
        z, along = special.point.z, special.point.tangent
        derivative = doubled.derivative(z)
        size = float(np.linalg.norm(special.point.derivative))
        basis = kernel(derivative, size)
        if len(basis) != 2:
            self.note(f"the flip at p = {system.parameter(z):g} has {len(basis) - 1} null vectors and was not followed")
            return
        first = kernel_tangent(derivative, along, size)
        residues = basis - np.outer(basis @ first, first)
        second = residues[np.linalg.norm(residues, axis=1).argmax()]
        point = described(doubled, z, derivative, second / np.linalg.norm(second))
        self._switch(doubled, dataclasses.replace(special, point=point), point.tangent)

    def _search_around(self, system: System, special: Special) -> None:
        """Find branches where several variables bifurcate at once: search beside the crossing, in their directions."""
        z, limits = special.point.z, self.limits
        directions = kernel(special.point.derivative, special.size)[:, :-1]
        n_starts = _STARTS_PER_DIRECTION * len(directions)
        generator = np.random.default_rng(0)
        # All sizes, since that of the new states is not known; the kernel's own parameter part does no harm.
        sizes = np.exp(generator.uniform(np.log(1e-3), np.log(0.5), (n_starts, 1)))
        starts = system.state(z) + system.state_scale * sizes * _unit_rows(
            generator.standard_normal((n_starts, len(directions))) @ directions
        )
        for sign in (-1, 1):
            parameter = system.parameter(z) + sign * _OFFSET * system.parameter_scale
            if not limits.low <= parameter <= limits.high:
                continue
            rows = np.full((n_starts, 1), parameter)
            points = find_fixed_points(
                lambda states, values: system.extended.call(_joined(states, values), None)[:, :-1],
                starts, rows, dynamics=system.dynamics, certify=False,
            )  # fmt: skip
            for state in points.states:
                self.enter(system, system.scaled(state, parameter))

    def _exact(self, parameters: Array) -> Array:
        """Return the parameters with the bounds as they were given, not as scaling to and fro rounds them."""
        for bound in (self.limits.low, self.limits.high):
            parameters = np.where(np.isclose(parameters, bound, rtol=1e-14, atol=0), bound, parameters)
        return parameters

    def arrays(self, system: System) -> dict[str, Any]:
        """Return the fields of the record."""
        points = [point for branch in self.branches for point in branch.points]
        lengths = [len(branch.points) for branch in self.branches]
        size, scales = system.n_states, system.scales
        places = np.array([point.z for point in points]).reshape(-1, size + 1) * scales
        values = np.array([point.multipliers for point in points], complex).reshape(-1, size)
        special = np.array([found.special.point.z for found in self.specials]).reshape(-1, size + 1) * scales
        return {
            "parameter": self._exact(places[:, -1]),
            "states": places[:, :-1],
            "eigenvalues": values,
            "stable": is_stable(values, system.dynamics),
            "n_unstable": count_unstable(values, system.dynamics),
            "arclength": _arclength([branch.points for branch in self.branches]),
            "branch": np.repeat(np.arange(len(lengths)), lengths),
            "period": np.repeat([branch.system.period for branch in self.branches], lengths).astype(int),
            "special_types": np.array([found.type for found in self.specials], dtype=np.str_),
            "special_parameter": special[:, -1],
            "special_states": special[:, :-1],
            "special_eigenvalue": np.array([found.special.eigenvalue for found in self.specials], complex),
            "special_branch": np.array([found.branch for found in self.specials], int),
            "special_period": np.array([found.system.period for found in self.specials], int),
            "ends": [list(branch.ends) for branch in self.branches],
            "notes": list(self.notes),
        }


def _alike(known: _Found, found: _Found, *, crossing: bool) -> bool:
    """Whether two bifurcations could be one, seen from two branches."""
    crossings = ("pitchfork", "transcritical", events.BRANCH_POINT)
    same = known.type == found.type or (crossing and known.type in crossings)
    # Every branch through a point where several variables bifurcate turns there.
    same = same or known.type == events.BRANCH_POINT
    return same and known.system.period == found.system.period


def _same(known: _Found, found: _Found) -> bool:
    several = events.BRANCH_POINT in (known.type, found.type)
    return _near(known.special.point.z, found.special.point.z, _SAME_CROSSING if several else _SAME)


def _near(a: Array, b: Array, tolerance: float) -> bool:
    return bool(np.linalg.norm((a - b)[:-1]) < tolerance and abs(a[-1] - b[-1]) < min(tolerance, 1e-4))


def _images(system: System, z: Array) -> list[Array]:
    """Return the other states of the periodic orbit through z."""
    state, parameter = system.state(z), system.parameter(z)
    found = []
    for _ in range(system.period - 1):
        rows = torch.as_tensor(state[None]).to(system.base.starts)
        state = system.base.map(rows, rows.new_full((1, 1), parameter))[0].cpu().numpy()
        found.append(system.scaled(state, parameter))
    return found


def _joined(states: Tensor, values: Tensor) -> Tensor:
    return torch.cat([states, values], dim=1)


def _unit_rows(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300))


def _arclength(branches: list[list[Point]]) -> Array:
    parts = [np.zeros(0)]
    for points in branches:
        places = np.stack([point.z for point in points])
        parts.append(np.append(0.0, np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))))
    return np.concatenate(parts)
