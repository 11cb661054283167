"""Manifolds of fixed points: lines, rings and planes among the points of a search.

Where ∂G/∂x of the residual G is singular, a point is not isolated or it is degenerate (a fold, a
pitchfork at its very parameter). One point cannot tell which; its neighbours can: on a manifold they lie along the
null space of ∂G/∂x, and all the way.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import qr, solve_triangular
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from ..results import count_noun
from .problem import Dynamics

Array = npt.NDArray[Any]

_EPS = float(np.finfo(float).eps)
# Singular to working precision: the certificates' own limit, as a share of max(1, σ₁).
_SINGULAR = 1e3 * _EPS
# Near enough to look for a manifold: Newton stops 1e-4 from a pitchfork, where σ is 1e-8, 1e-7 from a fold (1e-6).
_NEARLY = 1e-6
# Copies of one degenerate point scatter, as shares of the scale, by 1e-6 at a fold, 1e-4 at a pitchfork (a cube root
# of 1e-12), 6e-3 where the fifth derivative is the first. σ grows away from the point; on a manifold it does not.
_SCATTER, _WIDE = 0.02, 0.1
# Wide sets may be singular a little less exactly, in units of the limit: a line drawn by hand with λ = 1 − 1e-12.
_INEXACT = 1e3
# Two points are joined by a straight line whatever they are; three that lie along their null spaces say something.
_LEAST = 3
# The chord to a neighbour may turn this much from the null space, and more where the null space itself turns: by
# half the turn on a circle.
_STRAIGHT, _BEND = 0.1, 0.75
# Neighbours farther apart than this many times the scale are not connected.
_REACH = 2.0
# Neighbours that each point of a surface is compared with.
_NEIGHBOURS = 32
# Null spaces of more dimensions than this are not compared: nearness alone connects.
_COMPARED = 8


class Manifolds(NamedTuple):
    """What :func:`find_manifolds` found; m manifolds, numbered in the order of their first points.

    Attributes
    ----------
    labels : ndarray of int, shape (k,)
        The manifold of each point, −1 for an isolated point.
    dimensions : ndarray of int, shape (m,)
        Number of neutral directions; 0 for a point that is singular and yet alone (degenerate).
    closed : ndarray of bool, shape (m,)
        One-dimensional, and every point has neighbours on both sides.
    """

    labels: Array
    dimensions: Array
    closed: Array

    def sentences(self) -> list[str]:
        """Return one sentence per manifold.

        >>> Manifolds(np.array([0, 0, 0, -1]), np.array([1]), np.array([False])).sentences()
        ['a manifold of dimension 1 (3 points; open or not sampled all round)']
        """
        return [self._sentence(number) for number in range(len(self.dimensions))]

    def _sentence(self, number: int) -> str:
        count, dimension = int(np.count_nonzero(self.labels == number)), int(self.dimensions[number])
        points = count_noun(count, "point")
        if dimension == 0:
            return f"a degenerate point of dimension 0 ({points}; singular, no manifold seen around it)"
        if dimension > 1:
            return f"a manifold of dimension {dimension} ({points})"
        shape = "closed curve" if self.closed[number] else "open or not sampled all round"
        return f"a manifold of dimension 1 ({points}; {shape})"


def find_manifolds(states: Array, jacobians: Array, dynamics: Dynamics, groups: Array, scale: float) -> Manifolds:
    """Return which points form continuous sets of fixed points, and the dimension of each set.

    Parameters
    ----------
    states : ndarray, shape (k, state)
    jacobians : ndarray, shape (k, state, state)
        ∂F/∂x of a map, ∂f/∂x of a flow.
    dynamics : {"map", "flow"}
    groups : ndarray of int, shape (k,)
        Points of different groups (inputs) are never of one manifold.
    scale : float > 0
        Typical size of the states: neighbours lie within twice of it.

    Returns
    -------
    Manifolds

    Notes
    -----
    The number of neutral directions is that of singular values of ∂G/∂x (J − I of a map, J of a flow) up to
    1e-6 · max(1, σ₁). Two points with equally many connect when the chord between them is, at both ends, within a sine
    of 0.1 + 0.75 sin φ of the null space, φ the angle between the two null spaces; on a curve each point connects to
    the nearest such point on either side, on a surface to such points among its 32 nearest.

    A connected set is a manifold if it has three points or more and is wider than 0.1 · scale (0.02 · scale if
    ∂G/∂x is singular to round-off, 1e3 N ε, throughout). Otherwise its points within 0.1 · scale of each other
    are one degenerate point, found several times. Two lines much closer to each other than a tenth of the gaps
    between their points run together.

    One pivoted QR factorisation per point (4/3 N³ operations), a few (k, k) matrices per set.

    Examples
    --------
    >>> line = np.stack([np.linspace(-1, 1, 9), np.zeros(9)], axis=1)
    >>> found = find_manifolds(line, np.tile(np.diag([1.0, 0.5]), (9, 1, 1)), "map", np.zeros(9, dtype=int), 1.0)
    >>> found.labels, found.dimensions
    (array([0, 0, 0, 0, 0, 0, 0, 0, 0]), array([1]))
    """
    states = np.asarray(states, dtype=float)
    spaces, excess = _null_spaces(np.asarray(jacobians, dtype=float), dynamics)
    n_neutral = np.array([len(space) for space in spaces], dtype=int)
    found: list[tuple[Array, int, bool]] = []  # rows, dimension, closed
    for group, neutral in np.unique(np.column_stack([groups, n_neutral]), axis=0):
        rows = np.flatnonzero((groups == group) & (n_neutral == neutral))
        if neutral:
            basis = np.stack([spaces[row] for row in rows])  # (row, neutral, state)
            members, ends = _connected(states[rows], basis, _REACH * scale)
            for inside in _parts(members):
                found += _judged(states, excess, rows[inside], int(neutral), scale, closed=not ends[inside].any())
    found.sort(key=lambda one: int(one[0][0]))
    labels = np.full(len(states), -1)
    for number, (rows, _, _) in enumerate(found):
        labels[rows] = number
    dimensions = np.array([dimension for _, dimension, _ in found], dtype=int)
    return Manifolds(labels, dimensions, np.array([closed for *_, closed in found], dtype=bool))


def _judged(
    states: Array, excess: Array, rows: Array, neutral: int, scale: float, *, closed: bool
) -> list[tuple[Array, int, bool]]:
    """Return the connected points ``rows`` as one manifold, or as the degenerate points that they are copies of."""
    extent = float(np.linalg.norm(np.ptp(states[rows], axis=0)))
    exact = bool((excess[rows] <= 1).all())
    wide = extent > (_SCATTER if exact else _WIDE) * scale
    if len(rows) >= _LEAST and wide and float(np.median(excess[rows])) <= _INEXACT:
        return [(rows, neutral, neutral == 1 and closed)]
    close = cdist(states[rows], states[rows]) <= _WIDE * scale
    copies = connected_components(close, directed=False)[1]
    return [(rows[inside], 0, False) for inside in _parts(copies)]


def _parts(members: Array) -> list[Array]:
    return [np.flatnonzero(members == number) for number in range(int(members.max()) + 1)]


def _null_spaces(jacobians: Array, dynamics: Dynamics) -> tuple[list[Array], Array]:
    """Return orthonormal rows (neutral, state) for each point, and its largest neutral σ over the limit, (k,)."""
    size = jacobians.shape[-1]
    spaces, excess = [], np.zeros(len(jacobians))
    for row, jacobian in enumerate(jacobians):
        space, singular, largest = _null_space(jacobian - np.eye(size) if dynamics == "map" else jacobian)
        spaces.append(space)
        excess[row] = singular.max(initial=0.0) / (_SINGULAR * size * max(1.0, largest))
    return spaces, excess


def _null_space(residual: Array) -> tuple[Array, Array, float]:
    """Return the null space (neutral, state) of a matrix, its singular values there, and ‖residual‖₂ or a little less.

    From a QR factorisation with pivoting, which costs a tenth of the singular values: M P = Q [A B; 0 C] with a
    small C gives the candidates P [−A⁻¹B; I]. The pivots exceed the small singular values, in practice by
    a few times √N at most, hence the room for candidates.
    """
    triangular, order = qr(residual, mode="r", pivoting=True)
    pivots = np.abs(np.diag(triangular))
    largest = float(pivots[0])
    rank = int(np.count_nonzero(pivots > 100 * _NEARLY * max(1.0, largest)))
    if rank == len(pivots):
        return np.zeros((0, len(residual))), np.zeros(0), largest
    candidates = np.zeros((len(pivots), len(pivots) - rank))
    candidates[order[:rank]] = -solve_triangular(triangular[:rank, :rank], triangular[:rank, rank:])
    candidates[order[rank:]] = np.eye(len(pivots) - rank)
    basis = np.linalg.qr(candidates)[0]
    _, singular, turn = np.linalg.svd(residual @ basis)
    neutral = singular <= _NEARLY * max(1.0, largest)
    return (basis @ turn.T).T[neutral], singular[neutral], largest


def _connected(states: Array, basis: Array, reach: float) -> tuple[Array, Array]:
    """Return the connected set of each point, (n,), and whether it has neighbours on one side only, (n,) bool."""
    distance = cdist(states, states)
    along = _along(states, basis)
    allowed = (distance <= reach) & (distance > 0) & _aligned(basis, distance, along)
    if basis.shape[1] == 1:
        sides = [allowed & (side * along[0] > 0) for side in (1, -1)]
        edges = [_nearest(distance, side, 1) for side in sides]
        ends = ~(sides[0].any(axis=1) & sides[1].any(axis=1))
    else:
        edges = [_nearest(distance, allowed, _NEIGHBOURS)]
        ends = np.zeros(len(states), dtype=bool)
    joined = csr_matrix(np.logical_or.reduce(edges))
    return connected_components(joined, directed=False)[1], ends


def _along(states: Array, basis: Array) -> list[Array]:
    """Return for each null direction a the matrix a_i · (x_j − x_i), (n, n)."""
    centred = states - states.mean(axis=0)
    directions = [basis[:, number] for number in range(min(basis.shape[1], _COMPARED))]
    return [a @ centred.T - np.sum(a * centred, axis=1)[:, None] for a in directions]


def _aligned(basis: Array, distance: Array, along: list[Array]) -> Array:
    """Return which chords lie along the null spaces at both of their ends, (n, n) bool."""
    neutral, size = basis.shape[1:]
    if neutral == size or neutral > _COMPARED:
        return np.ones(distance.shape, dtype=bool)
    safe = np.where(distance > 0, distance, 1.0)
    inside = np.sum([part**2 for part in along], axis=0) / safe**2
    turn = np.full(distance.shape, float(neutral))  # the sum of sin² of the angles between the null spaces
    for first in range(neutral):
        for second in range(neutral):
            turn -= (basis[:, first] @ basis[:, second].T) ** 2
    allowed = _STRAIGHT + _BEND * np.sqrt(np.clip(turn, 0, 1))
    within = 1 - inside <= allowed**2
    return np.asarray(within & within.T)


def _nearest(distance: Array, allowed: Array, count: int) -> Array:
    """Return the matrix of the ``count`` nearest allowed neighbours of each point, (n, n) bool."""
    masked = np.where(allowed, distance, np.inf)
    chosen = np.zeros(distance.shape, dtype=bool)
    nearest = np.argpartition(masked, min(count, len(masked)) - 1, axis=1)[:, :count]
    np.put_along_axis(chosen, nearest, values=True, axis=1)
    return chosen & allowed
