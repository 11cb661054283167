"""One walk along the curve: predict along the tangent, correct at right angles, adapt the step, note what happens."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from . import events
from .curve import Point, correct, point_at, solution_near
from .events import Special
from .system import System

Array = npt.NDArray[Any]

# Radians between neighbouring tangents: what is aimed at, and what is refused.
_AIM, _TOO_SHARP = 0.08, 0.25
# The corrector may move this share of the step: farther is another branch.
_TOO_FAR = 0.3
_SHORTEST = 1e-8
# Steps this short are taken round any corner: a kink of the map.
_CORNER = events.SHORTEST_SMOOTH
# So many points at one value of the parameter are a continuum of fixed points, not a fold.
_LINE = 12
# This close to where several variables bifurcate at once a walk has arrived: everything there is ill-conditioned.
_MET = 0.02
# Iterations of the corrector above which the next step is shorter.
_MANY = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """Where a walk ends, and its steps, in scaled units.

    Attributes
    ----------
    low, high : bounds of the parameter
    max_points : of one walk
    max_step : longest step, as a share of the parameter's range
    state_bound : largest norm of a state
    events : whether to look for bifurcations
    """

    low: float
    high: float
    max_points: int
    max_step: float
    state_bound: float
    events: bool = True


@dataclasses.dataclass(frozen=True, eq=False)
class Walk:
    """What one walk passed: its points without the start, the bifurcations, and why it ended."""

    points: list[Point]
    specials: list[Special]
    reason: str

    @property
    def closed(self) -> bool:
        """Whether the walk came back to its start."""
        return self.reason == CLOSED


CLOSED = "closed on itself"
FULL = "the maximal number of points is reached"
FAILED = "the corrector failed at the smallest step: the branch ends or is singular there"
FAR = "the state left its bound"
VERTICAL = "a line of fixed points at one value of the parameter"
SEVERAL = "meets a point where several variables bifurcate at once"
NO_TANGENT = "no derivative at the start"


def walk(
    system: System, start: Point, limits: Limits, *, branching: bool = False, ends_at: Sequence[Point] = ()
) -> Walk:
    """Return the walk from ``start`` along its tangent.

    ``branching`` says that branches cross at the start: eigenvalues are neutral there, and no event. ``ends_at`` are
    points where several variables bifurcate at once: many branches meet there and no walk can tell which it is on.
    """
    points, specials = [start], list[Special]()
    step = limits.max_step * (0.1 if branching else 0.5)
    while len(points) <= limits.max_points:
        look = limits.events and not (branching and len(points) == 1)
        stretch = _stretch(system, points, step, limits, look=look, ends_at=ends_at)
        if stretch is None:
            step /= 2
            if step < _SHORTEST:
                return Walk(points[1:], specials, FAILED)
            continue
        if stretch.points:
            step = _next_step(step, points[-1], stretch.points[-1], limits)
        points += stretch.points
        specials += stretch.specials
        if stretch.reason:
            return Walk(points[1:], specials, stretch.reason)
        if len(points) > _LINE and all(point.heading == 0 for point in points[-_LINE:]):
            return Walk(points[1:], specials, VERTICAL)
    return Walk(points[1:], specials, FULL)


def _stretch(
    system: System, passed: list[Point], step: float, limits: Limits, *, look: bool, ends_at: Sequence[Point]
) -> Walk | None:
    """Return what one step adds to a walk, with a reason if it is the last; None if the step is too long."""
    last = passed[-1]
    reached = _step(system, last, step, limits)
    if reached is None:
        return None
    point, reason = reached
    if point is last:
        return Walk([], [], reason)
    for end in ends_at:
        if _distance(end.z, last.z, point.z) < _MET:
            return Walk([dataclasses.replace(end, tangent=last.tangent, orientation=last.orientation)], [], SEVERAL)
    seen = events.between(system, last, point) if look else []
    if seen is None:
        return None
    # A corner is a point of the walk already.
    places = [special.point for special in seen if special.type != events.CORNER]
    if len(passed) > 3 and _passes(system, last, point, passed[0].z):
        return Walk([*places, passed[0]], seen, CLOSED)
    for index, special in enumerate(seen):
        if special.turning and special.n_null > 1:
            return Walk([*places[:index], special.point], seen[: index + 1], SEVERAL)
    return Walk([*places, point], seen, reason)


def _step(system: System, point: Point, step: float, limits: Limits) -> tuple[Point, str] | None:
    """Return the next point and why the walk ends there ("" if it goes on), or None if the step is too long."""
    new = _checked(system, point, point.z + step * point.tangent, point.tangent, step)
    if new is None:
        return None
    parameter = system.parameter(new.z)
    if not limits.low <= parameter <= limits.high:
        bound = limits.low if parameter < limits.low else limits.high
        reason = f"reached the {'lower' if parameter < limits.low else 'upper'} bound"
        share = (bound - system.parameter(point.z)) / (parameter - system.parameter(point.z))
        if share <= 1e-12:
            return point, reason
        return _at_bound(system, point, new, share, bound, reason)
    if float(np.linalg.norm(system.state(new.z))) > limits.state_bound:
        return new, FAR
    return new, ""


def _checked(system: System, point: Point, guess: Array, normal: Array, step: float) -> Point | None:
    """Return the corrected point if it is where the tangent leads, None if it may lie on another branch."""
    new = solution_near(system, guess, normal, point.tangent)
    if new is None:
        return None
    angle = float(np.arccos(np.clip(new.tangent @ point.tangent, -1, 1)))
    moved = float(np.linalg.norm(new.z - guess))
    smooth = angle <= _TOO_SHARP and moved <= _TOO_FAR * step
    return new if smooth or (step < _CORNER and moved < 3 * step) else None


def _at_bound(
    system: System, point: Point, new: Point, share: float, bound: float, reason: str
) -> tuple[Point, str] | None:
    """Return the point between two others at which the parameter is exactly at its bound."""
    normal = np.zeros(len(point.z))
    normal[-1] = 1.0
    guess = point.z + share * (new.z - point.z)
    guess[-1] = bound / system.parameter_scale
    corrected = correct(system, guess, normal)
    if corrected is None or np.linalg.norm(corrected[0] - guess) > 0.5 * np.linalg.norm(new.z - point.z):
        return None
    final = point_at(system, corrected[0], point.tangent)
    return None if final is None else (final, reason)


def _distance(z: Array, a: Array, b: Array) -> float:
    """Return the distance of z from the chord between a and b."""
    chord = b - a
    square = float(chord @ chord)
    share = np.clip((z - a) @ chord / square, 0, 1) if square > 0 else 0.0
    return float(np.linalg.norm(z - a - share * chord))


def _next_step(step: float, before: Point, after: Point, limits: Limits) -> float:
    angle = float(np.arccos(np.clip(before.tangent @ after.tangent, -1, 1)))
    factor = float(np.clip(_AIM / max(angle, 1e-12), 0.5, 1.6))
    if after.iterations > _MANY:
        factor = min(factor, 0.7)
    return min(step * factor, limits.max_step)


def _passes(system: System, a: Point, b: Point, z: Array) -> bool:
    """Whether the branch goes through z between its neighbouring points a and b."""
    length = float(a.tangent @ (b.z - a.z))
    along = float(a.tangent @ (z - a.z))
    if not -1e-9 <= along <= length + 1e-9 or np.linalg.norm(z - a.z) > 1.5 * np.linalg.norm(b.z - a.z) + 1e-9:
        return False
    share = np.clip(along / length, 0, 1) if length > 0 else 0.0
    guess = a.z + share * (b.z - a.z)
    guess = guess + a.tangent * float(a.tangent @ (z - guess))
    corrected = correct(system, guess, a.tangent)
    return corrected is not None and float(np.linalg.norm(corrected[0] - z)) < 1e-6


def lies_on(system: System, points: list[Point], z: Array) -> bool:
    """Return whether z lies on the branch through neighbouring ``points``, to 1e-6 in scaled units."""
    if not points:
        return False
    places = np.stack([point.z for point in points])
    if np.linalg.norm(places - z, axis=1).min() < 1e-7:
        return True
    if len(points) < 2:
        return False
    ends, chords = places[:-1], np.diff(places, axis=0)
    lengths = np.maximum(np.linalg.norm(chords, axis=1), 1e-300)
    share = np.clip(((z - ends) * chords).sum(1) / lengths**2, 0, 1)
    apart = np.linalg.norm(ends + share[:, None] * chords - z, axis=1)
    # Neighbouring tangents differ by little: the branch stays near its chords.
    near = np.flatnonzero(apart < 0.2 * lengths + 1e-6)
    return any(_passes(system, points[i], points[i + 1], z) for i in near)
