"""Following orbits until each has settled: the loop under basins and connections."""

import dataclasses
import enum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..problem import host
from .found import Register
from .motion import Orbits, advance, launch
from .regions import Regions
from .scene import Scene

Array = npt.NDArray[Any]

# Orbits are looked at after so many steps; V must have fallen over all of them before one counts as captured.
BLOCK = 10
# Floats of one block's path that are held at a time.
_MEMORY = 2**24
# A flow whose steps are this many takes forever: stiff, or on its way to infinity in finite time.
_MAX_ATTEMPTS = 200_000
# Displacement per block, as a share of the scene, below which an unsettled orbit is called slow.
_SLOW = 1e-3


class Outcome(enum.IntEnum):
    """How an orbit ended."""

    KNOWN = 0
    FOUND = 1
    RESTING = 2
    ESCAPED = 3
    SLOW = 4
    MOVING = 5


SENTENCES = {
    Outcome.KNOWN: "settled at a known stable point",
    Outcome.FOUND: "settled at an attractor that is not among the points",
    Outcome.RESTING: "came to rest where not all directions decay: a saddle, or a line or ring of points",
    Outcome.ESCAPED: "left every bound, or became NaN",
    Outcome.SLOW: "still drifting slowly when time was up",
    Outcome.MOVING: "still moving when time was up: chaos, quasi-periodic motion or a long transient",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Settled:
    """Where orbits ended, one row per start.

    Attributes
    ----------
    outcomes : (n,) codes of :class:`Outcome`
    targets : (n,) row of the known point (KNOWN, RESTING) or number of the found attractor (FOUND); −1 otherwise
    ages : (n,) steps or time until this was seen, or until the end
    states : (n, state), the last states
    nearest, distances : (n,) the watched point that the orbit came closest to, and how close; −1 and infinity
        when no point was watched
    """

    outcomes: Array
    targets: Array
    ages: Array
    states: Array
    nearest: Array
    distances: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Watch:
    """Points (w, state) whose closest approach is wanted; ``own`` (start,) names one not to watch, −1 for none."""

    points: Tensor
    own: Tensor


def settle(
    scene: Scene, starts: Tensor, regions: Regions, register: Register, *, limit: float, watch: Watch | None = None
) -> Settled:
    """Return where the orbits from ``starts`` (n, state) end within ``limit`` steps (map) or time (flow)."""
    size = max(1, _MEMORY // (BLOCK * starts.shape[1]))
    parts = []
    for begin in range(0, max(len(starts), 1), size):  # one empty part when there are no starts
        rows = torch.arange(begin, min(begin + size, len(starts)), device=starts.device)
        watched = None if watch is None else Watch(watch.points, watch.own[rows])
        parts.append(_Run(scene, starts[rows], regions, register, limit, watched).finish())
    names = [field.name for field in dataclasses.fields(Settled)]
    return Settled(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


class _Run:
    """One batch of orbits; rows of ``orbits``, ``checkpoint`` and ``judged`` are those numbered in ``active``."""

    def __init__(
        self, scene: Scene, starts: Tensor, regions: Regions, register: Register, limit: float, watch: Watch | None
    ) -> None:
        self.scene, self.regions, self.register, self.limit, self.watch = scene, regions, register, limit, watch
        self.orbits = self.checkpoint = launch(scene, starts)
        self.active = np.arange(len(starts))
        self.judged = np.zeros(len(starts), dtype=bool)
        self.centre = scene.tensor(scene.centre)
        self.settled = Settled(
            outcomes=np.full(len(starts), int(Outcome.MOVING)),
            targets=np.full(len(starts), -1),
            ages=np.zeros(len(starts)),
            states=host(starts).astype(float),
            nearest=np.full(len(starts), -1),
            distances=np.full(len(starts), np.inf),
        )

    def finish(self) -> Settled:
        """Follow all orbits to their end."""
        is_map, n_blocks, next_checkpoint = self.scene.problem.dynamics == "map", 0, 1
        while len(self.active):
            n_blocks += 1
            before = self.orbits
            steps = min(BLOCK, int(self.limit - float(before.ages[0]))) if is_map else BLOCK
            self.orbits, path = advance(self.scene, before, steps)
            self._look_around(path)
            outcomes, targets = np.full(len(self.active), -1), np.full(len(self.active), -1)
            lost = ~torch.isfinite(path[-1]).all(dim=1) | ((path[-1] - self.centre).norm(dim=1) > self.scene.bound)
            outcomes[host(lost)] = int(Outcome.ESCAPED)
            self._capture(path, outcomes, targets)
            self._recur(path, before, outcomes, targets)
            late = host(self.orbits.ages >= self.limit) | (not is_map and n_blocks * BLOCK >= _MAX_ATTEMPTS)
            self._give_up(path, late & (outcomes < 0), outcomes, targets)
            # Ever later, in Brent's way, to find periods of any length; by quarters, so that little time is lost.
            if n_blocks >= next_checkpoint:
                next_checkpoint = n_blocks + 1 + n_blocks // 4
                self.checkpoint = self.orbits
                self.judged[:] = False
            self._retire(outcomes, targets)
        return self.settled

    def _look_around(self, path: Tensor) -> None:
        """Update which watched point each orbit has come closest to."""
        if self.watch is None or not len(self.watch.points):
            return
        # Differences, one point at a time: products lose the digits of a close approach.
        apart = torch.stack([(path - point).norm(dim=2).amin(dim=0) for point in self.watch.points], dim=1)
        apart = torch.nan_to_num(apart, nan=torch.inf)
        own = self.watch.own[torch.as_tensor(self.active)]
        rows = torch.nonzero(own >= 0)[:, 0]
        apart[rows, own[rows]] = torch.inf
        distance, index = (host(values) for values in apart.min(dim=1))
        nearer = distance < self.settled.distances[self.active]
        self.settled.distances[self.active[nearer]] = distance[nearer]
        self.settled.nearest[self.active[nearer]] = index[nearer]

    def _capture(self, path: Tensor, outcomes: Array, targets: Array) -> None:
        """Mark the orbits that spent the block inside one region while V fell."""
        regions, rounding = self.regions, 10 * self.scene.recurrence
        for region, centre in enumerate(regions.centres):
            # V is never below the distance, so that the radius bounds that too.
            near = torch.nonzero((path[-1] - centre).norm(dim=1) <= regions.radii[region])[:, 0]
            if not len(near):
                continue
            heights = regions.heights(region, path[:, near])
            inside = (heights <= regions.radii[region]).all(dim=0)
            # Close to the centre rounding hides the fall. A rejected attempt of a flow stays at its height.
            falls = ((heights[1:] <= heights[:-1]) | (heights[1:] <= rounding)).all(dim=0)
            falls &= (heights[-1] < heights[0]) | (heights[-1] <= rounding)
            chosen = host(near[inside & falls])
            outcomes[chosen], targets[chosen] = int(Outcome.KNOWN), int(regions.points[region])

    def _recur(self, path: Tensor, before: Orbits, outcomes: Array, targets: Array) -> None:
        """Judge the orbits that are back at their checkpoint or, in a flow, have stopped, once per checkpoint."""
        columns = torch.arange(path.shape[1], device=path.device)
        if self.scene.problem.dynamics == "map":
            distances = (path[1:] - self.checkpoint.states).norm(dim=2)  # (step, n)
            hits = distances <= self.scene.recurrence
            back, first = hits.any(dim=0), hits.to(torch.int8).argmax(dim=0)
            periods = before.ages + 1 + first - self.checkpoint.ages
            places, distance = path[1 + first, columns], distances[first, columns]
        else:
            distance = (path[1:] - path[0]).norm(dim=2).amax(dim=0)
            # Attempts that were all rejected are no rest. The integrator's errors keep a state from standing still.
            back = (distance <= self.scene.same) & (self.orbits.ages > before.ages)
            periods, places = torch.zeros_like(before.ages), path[-1]
        chosen = np.flatnonzero(host(back) & ~self.judged & (outcomes < 0))
        if not len(chosen):
            return
        self.judged[chosen] = True
        places = places[chosen]
        known = np.array([self._known_at(state) for state in host(places)])
        labels, new = np.full(len(chosen), -1), known < 0
        labels[new] = self.register.classify(places[new], host(periods)[chosen[new]])
        # Back to the last bit: the orbit will never do anything else.
        for_ever = host(distance)[chosen] == 0
        for row, point, label, stays in zip(chosen, known, labels, for_ever, strict=True):
            outcomes[row], targets[row] = self._verdict(int(point), int(label), stays=bool(stays))

    def _verdict(self, point: int, label: int, *, stays: bool) -> tuple[int, int]:
        """Return outcome and target of an orbit that recurs at a known point, or a found attractor; −1 to go on."""
        if point >= 0 and self.scene.stable[point]:
            return int(Outcome.KNOWN), point
        if label >= 0:
            return int(Outcome.FOUND), label
        return (int(Outcome.RESTING), point) if stays else (-1, -1)

    def _known_at(self, state: Array) -> int:
        """Return the known point at a state, −1 if there is none."""
        apart = np.linalg.norm(self.scene.points - state, axis=1)
        return int(apart.argmin()) if len(apart) and apart.min() <= self.scene.same else -1

    def _give_up(self, path: Tensor, late: Array, outcomes: Array, targets: Array) -> None:
        """Mark the orbits whose time is up by what they are still doing."""
        moved = host((path[1:] - path[0]).norm(dim=2).amax(dim=0))
        for row in np.flatnonzero(late):
            point = self._known_at(host(path[-1, row]))
            if point >= 0 and self.scene.stable[point]:
                outcomes[row], targets[row] = int(Outcome.KNOWN), point
            elif moved[row] <= (self.scene.recurrence if point < 0 else self.scene.same):
                outcomes[row], targets[row] = int(Outcome.RESTING), point
            else:
                slow = moved[row] <= _SLOW * self.scene.scale
                outcomes[row] = int(Outcome.SLOW if slow else Outcome.MOVING)

    def _retire(self, outcomes: Array, targets: Array) -> None:
        """Record the orbits with an outcome and go on with the others."""
        done = outcomes >= 0
        rows = self.active[done]
        self.settled.outcomes[rows], self.settled.targets[rows] = outcomes[done], targets[done]
        self.settled.ages[rows] = host(self.orbits.ages)[done]
        self.settled.states[rows] = host(self.orbits.states)[done]
        if not done.any():
            return
        kept = torch.as_tensor(np.flatnonzero(~done), device=self.orbits.states.device)
        self.orbits, self.checkpoint = self.orbits.take(kept), self.checkpoint.take(kept)
        self.active, self.judged = self.active[~done], self.judged[~done]
