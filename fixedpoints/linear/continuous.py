"""Scores of continuous attractors: is a point one of a line, do the points of a search form a ring."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Dynamics
from ..stability import MARGIN, growth

Array = npt.NDArray[Any]

# Points of a ring are those whose slow mode is at least this well isolated.
_ISOLATED = 0.5
# Eight points evenly round a circle leave gaps of 45°; smaller gaps are no flaw.
_COVERED = np.pi / 4


@dataclasses.dataclass(frozen=True)
class Ring:
    """How much a set of points looks like a ring attractor; all scores from 0 to 1.

    Attributes
    ----------
    score : float
        Product of the five others.
    planarity : share of the points' variance in their two leading principal axes
    roundness : 1 − standard deviation / mean of the distances from the centre of the fitted circle, at least 0
    coverage : 1 − (g − 45°) / 315° for the widest gap g between neighbours' angles, at most 1
    alignment : mean |cosine| of the angle between each point's slow mode and the circle's tangent there
    slowness : mean line score of the points
    radius : of the fitted circle, NaN with fewer than three points
    n_points : how many points with a line score of at least 0.5 were used
    """

    score: float = 0.0
    planarity: float = 0.0
    roundness: float = 0.0
    coverage: float = 0.0
    alignment: float = 0.0
    slowness: float = 0.0
    radius: float = float("nan")
    n_points: int = 0


def line_scores(values: Array, dynamics: Dynamics = "map") -> Array:
    """Return how far one slow mode stands apart from the rest at each point, (k,), from 0 to 1.

    With g the growth of a mode, |λ| − 1 of a map and Re λ of a flow, and modes in the order of
    :func:`~dynascope.fixedpoints.stability.eigenvalues`,

        score = max(0, 1 − |g₁| / |g₂|)

    if all modes but the first decay (and λ₁ > 0 for a map), else 0; a complex λ₁ has its conjugate as λ₂ and scores 0.
    On a line attractor g₁ = 0 and the score is 1. For slow modes g ≈ −1/τ, so that the score is 1 − τ₂/τ₁; a slow drift
    outward (0 < g₁ ≪ |g₂|) lowers it as a slow drift inward does. A one-dimensional system is compared with a
    mode that vanishes at once, g₂ = −1 (a flow: in units of its own rate, so that only λ = 0 scores).

    Parameters
    ----------
    values : ndarray, shape (k, state), complex
        Eigenvalues, slowest to decay first.

    Examples
    --------
    >>> line_scores(np.array([[1.0, 0.5], [0.999, 0.5], [0.8, 0.7], [-1.0, 0.0]])).round(3)
    array([1.   , 0.998, 0.333, 0.   ])
    """
    rates = growth(np.asarray(values, dtype=complex), dynamics)
    second = rates[:, 1] if values.shape[1] > 1 else np.full(len(values), -1.0)
    valid = second < -MARGIN
    if dynamics == "map":
        valid &= values[:, 0].real > 0
    ratio = np.divide(np.abs(rates[:, 0]), np.abs(second), out=np.ones(len(values)), where=valid)
    return np.asarray(np.clip(1 - ratio, 0.0, 1.0))


def ring_score(states: Array, directions: Array, lines: Array) -> Ring:
    """Return how much the points of one search, all of one input, look like a ring attractor.

    Parameters
    ----------
    states, directions : ndarray, shape (k, state)
        The points, and the slow (leading right) eigenvector of each with norm 1.
    lines : ndarray, shape (k,)
        :func:`line_scores` of the points; those below 0.5 (the centre of the ring, say) are left out.

    Notes
    -----
    The circle is fitted in the plane of the two leading principal axes by least squares on
    |p|² = 2 c · p + (r² − |c|²) (I. Kåsa, IEEE Trans. Instrum. Meas. 25 (1976) 8). A ring pinned at a few
    points scores high as long as these lie all round it and drift along it is slow. A closed curve
    far from a circle scores low in ``roundness``, one that fills more dimensions low in ``planarity``.
    """
    chosen = lines >= _ISOLATED
    n_points = int(np.count_nonzero(chosen))
    if n_points < 3 or states.shape[1] < 2:
        return Ring(n_points=n_points)
    centred = states[chosen] - states[chosen].mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    if singular[0] <= MARGIN * np.linalg.norm(states[chosen]) / np.sqrt(n_points):
        return Ring(n_points=n_points)  # one place only
    plane = axes[:2]
    flat = centred @ plane.T
    centre, radius = _circle(flat)
    offsets = flat - centre
    distances = np.linalg.norm(offsets, axis=1)
    angles = np.arctan2(offsets[:, 1], offsets[:, 0])
    tangents = np.stack([-np.sin(angles), np.cos(angles)], axis=1) @ plane
    parts = {
        "planarity": float(np.sum(singular[:2] ** 2) / np.sum(singular**2)),
        "roundness": float(max(0.0, 1 - distances.std() / distances.mean())),
        "coverage": _coverage(angles),
        "alignment": float(np.abs(np.sum(tangents * directions[chosen], axis=1)).mean()),
        "slowness": float(lines[chosen].mean()),
    }
    return Ring(score=float(np.prod(list(parts.values()))), radius=radius, n_points=n_points, **parts)


def _circle(flat: Array) -> tuple[Array, float]:
    """Return centre (2,) and radius of the least-squares circle through points (n, 2) of mean 0."""
    size = np.sqrt(np.mean(flat**2))
    unit = flat / size
    design = np.column_stack([2 * unit, np.ones(len(unit))])
    solution = np.linalg.lstsq(design, np.sum(unit**2, axis=1), rcond=None)[0]
    centre = solution[:2]
    return size * centre, float(size * np.sqrt(max(0.0, solution[2] + centre @ centre)))


def _coverage(angles: Array) -> float:
    ordered = np.sort(angles)
    widest = float(np.diff(np.append(ordered, ordered[0] + 2 * np.pi)).max())
    return float(np.clip(1 - (widest - _COVERED) / (2 * np.pi - _COVERED), 0.0, 1.0))
