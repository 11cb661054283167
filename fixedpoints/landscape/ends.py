"""What basins and connections both report: the table of attractors, and where each orbit ended in its terms."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .found import Register, canonical_order
from .limit_cycles import find_limit_cycles
from .regions import Regions, make_regions
from .scene import Scene
from .settling import SENTENCES, Outcome, Settled, Watch, settle

Array = npt.NDArray[Any]

# Share of the time after which orbits of a flow that still move are first tested for closing.
_EARLY = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Ends:
    """Attractors and the orbits that reached them.

    Attributes
    ----------
    attractors : (a, state), a state of each: the known stable points in their order, then those found
    periods : (a,) 1 for a fixed point, k for a cycle of a map; 0 and the period for those of a flow
    points : (a,) row in the caller's list, −1 for those found
    assignment : (n,) number of the attractor of each orbit, −1 for none
    resting : (n,) row, in the caller's list, of the point that an orbit came to rest at without being attracted, or −1
    settled : how the orbits ended
    """

    attractors: Array
    periods: Array
    points: Array
    assignment: Array
    resting: Array
    settled: Settled


def follow_to_the_end(scene: Scene, starts: Tensor, *, limit: float, watch: Watch | None = None) -> Ends:
    """Return where the orbits from ``starts`` (n, state) end."""
    register, regions = Register(scene), make_regions(scene)
    if scene.problem.dynamics == "map":
        settled = settle(scene, starts, regions, register, limit=limit, watch=watch)
    else:
        settled = _settle_flow(scene, starts, regions, register, limit, watch)
    found, numbers = canonical_order(scene, register.attractors)
    stable = np.flatnonzero(scene.stable)
    number_of = np.full(len(scene.points) + 1, -1)
    number_of[stable] = np.arange(len(stable))
    outcomes, targets = settled.outcomes, settled.targets
    assignment = np.full(len(starts), -1)
    known, new = outcomes == int(Outcome.KNOWN), outcomes == int(Outcome.FOUND)
    assignment[known] = number_of[targets[known]]
    assignment[new] = len(stable) + numbers[targets[new]]
    resting, rests = np.full(len(starts), -1), outcomes == int(Outcome.RESTING)
    resting[rests] = np.append(scene.rows, -1)[targets[rests]]
    at_rest = 1.0 if scene.problem.dynamics == "map" else 0.0
    states = [scene.points[stable], *(attractor.orbit[:1] for attractor in found)]
    return Ends(
        attractors=np.concatenate(states),
        periods=np.array([at_rest] * len(stable) + [attractor.period for attractor in found], dtype=float),
        points=np.concatenate([scene.rows[stable], np.full(len(found), -1)]).astype(int),
        assignment=assignment,
        resting=resting,
        settled=settled,
    )


def _settle_flow(
    scene: Scene, starts: Tensor, regions: Regions, register: Register, limit: float, watch: Watch | None
) -> Settled:
    """Follow the orbits of a flow, looking for limit cycles early on and again at the end.

    Early, because an orbit on a cycle would else be followed, for nothing, until time is up.
    """
    early = _EARLY * limit
    settled = settle(scene, starts, regions, register, limit=early, watch=watch)
    settled = _with_limit_cycles(scene, settled, register, early)
    # Rest at the end of the early part may be a pause beside a saddle: only what stopped for good before counts.
    given_up = (int(Outcome.MOVING), int(Outcome.SLOW), int(Outcome.RESTING))
    rows = np.flatnonzero(np.isin(settled.outcomes, given_up) & (settled.ages >= early))
    if not len(rows):
        return settled
    watched = None if watch is None else Watch(watch.points, watch.own[torch.as_tensor(rows)])
    states = scene.tensor(settled.states[rows])
    later = settle(scene, states, regions, register, limit=limit - early, watch=watched)
    later = _with_limit_cycles(scene, later, register, limit / 4)
    return _joined(settled, later, rows)


def _joined(settled: Settled, later: Settled, rows: Array) -> Settled:
    """Return how orbits ended when those of ``rows`` went on after the first part."""
    made = {field.name: getattr(settled, field.name).copy() for field in dataclasses.fields(Settled)}
    for name in ("outcomes", "targets", "states"):
        made[name][rows] = getattr(later, name)
    made["ages"][rows] += later.ages
    nearer = later.distances < settled.distances[rows]
    made["nearest"][rows[nearer]], made["distances"][rows[nearer]] = later.nearest[nearer], later.distances[nearer]
    return Settled(**made)


def _with_limit_cycles(scene: Scene, settled: Settled, register: Register, limit: float) -> Settled:
    """Return the same with the orbits that still move assigned to the limit cycles that they are on."""
    rows = np.flatnonzero(settled.outcomes == int(Outcome.MOVING))
    if not len(rows):
        return settled
    labels = find_limit_cycles(scene, scene.tensor(settled.states[rows]), register, limit=limit)
    outcomes, targets = settled.outcomes.copy(), settled.targets.copy()
    on_cycle = labels >= 0
    outcomes[rows[on_cycle]], targets[rows[on_cycle]] = int(Outcome.FOUND), labels[on_cycle]
    return dataclasses.replace(settled, outcomes=outcomes, targets=targets)


def default_limit(scene: Scene) -> float:
    """Return how long to follow orbits: 10 000 iterates, or 200 times the slowest time constant of the points.

    Without points the time of a flow is that of 1 000 crossings of the scene at the starts' typical speed.
    """
    if scene.problem.dynamics == "map":
        return 10_000.0
    rates = np.abs(scene.eigenvalues.real)
    rates = rates[rates > 1e-6 * np.abs(scene.eigenvalues).max(initial=0)]
    if len(rates):
        return float(200 / rates.min())
    speed = scene.problem.map(scene.problem.starts, scene.problem.inputs).norm(dim=1)
    typical = float(speed[torch.isfinite(speed)].median()) if bool(torch.isfinite(speed).any()) else 0.0
    return float(1000 * scene.scale / typical) if typical > 0 else 1000.0


def count_outcomes(outcomes: Array) -> dict[str, int]:
    """Return how many orbits ended in each way, as sentences."""
    return {
        sentence: int(np.count_nonzero(outcomes == int(outcome)))
        for outcome, sentence in SENTENCES.items()
        if np.any(outcomes == int(outcome))
    }


def attractor_names(periods: Array, points: Array, dynamics: str) -> list[str]:
    """Return what attractors are called in summaries and pictures: by their point's number, or their period."""
    given = zip(periods.tolist(), points.tolist(), strict=True)
    return [_name(number, period, point, dynamics) for number, (period, point) in enumerate(given)]


def _name(number: int, period: float, point: int, dynamics: str) -> str:
    if point >= 0:
        return f"point {point}"
    if dynamics == "map":
        return f"new point {number}" if period == 1 else f"period-{period:.0f} cycle"
    return f"new point {number}" if period == 0 else f"cycle, period {period:.4g}"
