"""Sets of fixed points in the singular linear regions of a ReLU network: lines, planes and their corners.

In the region of pattern s the fixed points are z = z₀ + V y with A = I − W D singular, A z₀ = b, A V = 0, and signs
σᵢ zᵢ ≥ 0 for σ = 2s − 1. One free direction leaves an interval of y; more are a matter of linear programming.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

Array = npt.NDArray[Any]

_SINGULAR = 1e-10
_TOLERANCE = 1e-9
# What linear programs leave open.
_PROGRAM = 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Polytopes:
    """Sets of fixed points: patterns (m, state), dimensions (m,) and a point inside each, inputs (m, state).

    ``corners`` (c, state) are sets of a single point. ``n_resolved`` counts the regions looked into.
    """

    patterns: Array
    dimensions: Array
    inputs: Array
    corners: Array
    n_resolved: int
    weight: Array
    bias: Array

    def contain(self, inputs: Array) -> Array:
        """Return which rows of ``inputs`` (k, state) lie in one of the sets, (k,) bool."""
        inside = np.zeros(len(inputs), dtype=bool)
        for pattern in self.patterns:
            inside |= _lies_in(inputs, pattern, self.weight, self.bias)
        return inside


def find_polytopes(weight: Array, bias: Array, patterns: Array) -> Polytopes:
    """Return the sets of fixed points in the singular regions ``patterns`` (n, state) of z = W relu(z) + b.

    A set that lies on the border of its region is given once, and not at all where it is part of another one.
    """
    n_units = len(bias)
    inner: list[tuple[Array, int, Array]] = []
    border: list[tuple[Array, int, Array]] = []
    for pattern in patterns:
        found = _in_region(weight, bias, pattern)
        if found is not None:
            point, dimension, is_inside = found
            (inner if is_inside else border).append((pattern, dimension, point))
    sets, corners = inner, []
    for pattern, dimension, point in sorted(border, key=lambda item: -item[1]):
        if any(_lies_in(point[None], other, weight, bias)[0] for other, _, _ in sets):
            continue
        if dimension:
            sets.append((pattern, dimension, point))
        else:
            corners.append(point)
    return Polytopes(
        patterns=np.array([item[0] for item in sets], dtype=bool).reshape(-1, n_units),
        dimensions=np.array([item[1] for item in sets], dtype=np.int64),
        inputs=np.array([item[2] for item in sets]).reshape(-1, n_units),
        corners=np.array(corners).reshape(-1, n_units),
        n_resolved=len(patterns),
        weight=weight,
        bias=bias,
    )


def _lies_in(inputs: Array, pattern: Array, weight: Array, bias: Array) -> Array:
    size = np.maximum(np.abs(inputs).max(axis=1), np.abs(bias).max())
    error = np.abs(inputs - (inputs * pattern) @ weight.T - bias).max(axis=1)
    signed = np.where(pattern, inputs, -inputs).min(axis=1)
    return np.asarray((error <= 10 * _TOLERANCE * size) & (signed >= -10 * _TOLERANCE * size))


def _in_region(weight: Array, bias: Array, pattern: Array) -> tuple[Array, int, bool] | None:
    """Return a point amid the set of one region, its dimension, and whether it is off the region's border."""
    slope = np.eye(len(bias)) - weight * pattern
    left, values, right = np.linalg.svd(slope)
    rank = int(np.count_nonzero(values > _SINGULAR * values[0]))
    size = float(np.abs(bias).max()) or 1.0
    if np.abs(left[:, rank:].T @ bias).max(initial=0.0) > _TOLERANCE * size:
        return None
    origin = right[:rank].T @ ((left[:, :rank].T @ bias) / values[:rank])
    free = right[rank:].T
    signs = np.where(pattern, 1.0, -1.0)
    size = max(size, float(np.abs(origin).max()))
    ends = _ends(origin, free, signs, size)
    if ends is None:
        return None
    # The mean of extreme points is off every border that the set as a whole is off.
    coordinates = ends.mean(axis=0)
    tolerance = _TOLERANCE if free.shape[1] == 1 else _PROGRAM
    touching = (np.abs(origin + ends @ free.T) <= tolerance * size).all(axis=0)
    # Constraints that hold with equality throughout the set take away dimensions.
    left_over = free[touching]
    lost = np.linalg.matrix_rank(left_over, tol=1e-8) if len(left_over) else 0
    if lost and free.shape[1] > 1:
        # Programs stop a little off the border.
        coordinates = coordinates - np.linalg.pinv(left_over) @ (origin + free @ coordinates)[touching]
    return origin + free @ coordinates, free.shape[1] - int(lost), not touching.any()


def _ends(origin: Array, free: Array, signs: Array, size: float) -> Array | None:
    """Return extreme points y (e, free) of the set σ (z₀ + V y) ≥ 0, together amid it; None if it is empty.

    Points farther out than a thousand times ``size`` are cut off: the set may be unbounded.
    """
    slopes, heights = signs[:, None] * free, signs * origin
    far = 1e3 * size
    if free.shape[1] == 1:
        return _interval(slopes[:, 0], heights, far, _TOLERANCE * size)
    ends = []
    # For every unit the point of the set that is farthest from its border.
    for unit in range(len(signs)):
        solved = linprog(-slopes[unit], A_ub=-slopes, b_ub=heights, bounds=(-far, far), method="highs")
        if solved.status != 0:
            return None
        ends.append(solved.x)
    return np.array(ends)


def _interval(slopes: Array, heights: Array, far: float, tolerance: float) -> Array | None:
    """Return the two ends (2, 1) of {y: heights + slopes y ≥ 0}, or None if it is empty by more than ``tolerance``."""
    level = np.abs(slopes) <= _SINGULAR
    if (heights[level] < -tolerance).any():
        return None
    crossing = -heights[~level] / slopes[~level]
    low = max((-far, *crossing[slopes[~level] > 0]))
    high = min((far, *crossing[slopes[~level] < 0]))
    if high - low < -tolerance:
        return None
    if high - low <= tolerance:
        low = high = (low + high) / 2
    return np.array([[low], [high]])
