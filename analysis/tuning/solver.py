"""Least-squares fits of a bump to many curves: the best of a grid of starts, then Levenberg and Marquardt's steps."""

from dataclasses import dataclass

import numpy as np

from ..samples import row_chunks
from ..validation import Array
from .models import Model

_CENTRES, _WIDTHS = 48, 12
_STEPS = 200
# A step that promises no more than this share of the residual changes no digit that the data determine.
_TOLERANCE = 1e-14
_BLOCK = 2**12


@dataclass(frozen=True, eq=False)
class Solution:
    """Parameters (unit, 4), the sum of squares left (unit,), JᵀWJ (unit, 4, 4), and how it ended (unit,) bool."""

    parameters: Array
    residual: Array
    information: Array
    converged: Array
    at_bound: Array


def solve(model: Model, curves: Array, angles: Array, weights: Array, limits: tuple[float, float]) -> Solution:
    """Return the fits of ``curves`` (unit, angle) with ``weights`` (unit, angle), all angles in radians.

    Deterministic: for every centre and width of a grid the best baseline and amplitude (not negative) are known in
    closed form; the best of these 576 starts is refined. ``information`` has the width itself, not its logarithm, last.
    """
    parts = []
    for start, stop in row_chunks(len(curves), _BLOCK):
        parts.append(_solve(model, curves[start:stop], angles, weights[start:stop], limits))
    fields = ("parameters", "residual", "information", "converged", "at_bound")
    return Solution(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))


def _solve(model: Model, curves: Array, angles: Array, weights: Array, limits: tuple[float, float]) -> Solution:
    roots = np.sqrt(weights)
    problem = _Problem(model, roots * curves, angles, roots, limits)
    shape = _best_start(model, curves, angles, weights, limits)
    damping = np.full(len(curves), 1e-3)
    converged = np.zeros(len(curves), dtype=bool)
    residual = problem.left(shape)
    floor = 1e-26 * np.square(problem.curves).sum(axis=1)
    for _ in range(_STEPS):
        active = np.flatnonzero(~converged)
        if not len(active):
            break
        part = problem.of(active)
        moved, gain = part.step(shape[active], damping[active])
        left = part.left(moved)
        better = left <= residual[active]
        converged[active] = (gain <= _TOLERANCE * residual[active] + floor[active]) & (damping[active] <= 1)
        shape[active[better]], residual[active[better]] = moved[better], left[better]
        damping[active] = np.where(better, np.maximum(damping[active] / 5, 1e-12), damping[active] * 4)
        # Steps this short without any gain: the sum of squares is at its rounding.
        converged[active] |= damping[active] > 1e10
    parameters = np.hstack([problem.linear(shape)[0], shape])
    jacobian = model.value_and_jacobian(parameters, angles)[1]
    jacobian[:, :, 3] /= shape[:, 1:]
    at_bound = (shape[:, 1] <= limits[0] * (1 + 1e-6)) | (shape[:, 1] >= limits[1] * (1 - 1e-6))
    information = np.einsum("uai,ua,uaj->uij", jacobian, weights, jacobian)
    return Solution(parameters, residual, information, converged, at_bound)


@dataclass(frozen=True, eq=False)
class _Problem:
    """Curves and weights (unit, angle) as roots: least squares in centre and width, with the rest solved for.

    Given centre and width, the best baseline and amplitude are known (Golub and Pereyra's variable projection): two
    numbers to search instead of four, and no long valley where a narrower bump is made up for by a higher one.
    """

    model: Model
    curves: Array
    angles: Array
    roots: Array
    limits: tuple[float, float]

    def of(self, units: Array) -> "_Problem":
        """Return the problem of some units."""
        return _Problem(self.model, self.curves[units], self.angles, self.roots[units], self.limits)

    def left(self, shape: Array) -> Array:
        """Return the sum of squares that the best baseline and amplitude leave, (unit,)."""
        return np.asarray(np.square(self.linear(shape)[1]).sum(axis=1))

    def linear(self, shape: Array) -> tuple[Array, Array]:
        """Return the best baseline and amplitude, not negative, (unit, 2), and the residuals (unit, angle)."""
        bump = self.roots * self.model.bump(self.angles - shape[:, :1], shape[:, 1:])[0]
        mass = np.square(self.roots).sum(axis=1)
        level, bump_level = (self.roots * self.curves).sum(axis=1) / mass, (self.roots * bump).sum(axis=1) / mass
        own = bump - bump_level[:, np.newaxis] * self.roots
        size = np.square(own).sum(axis=1)
        amplitude = np.divide((own * self.curves).sum(axis=1), size, out=np.zeros(len(size)), where=size > 1e-24 * mass)
        amplitude = np.maximum(amplitude, 0)
        baseline = level - amplitude * bump_level
        residuals = self.curves - baseline[:, np.newaxis] * self.roots - amplitude[:, np.newaxis] * bump
        return np.stack([baseline, amplitude], axis=1), residuals

    def step(self, shape: Array, damping: Array) -> tuple[Array, Array]:
        """Return centre and width one damped step on, and how much smaller the residual should be (unit,)."""
        found, residuals = self.linear(shape)
        bump, *slopes = self.model.bump(self.angles - shape[:, :1], shape[:, 1:])
        jacobian = np.stack([found[:, 1:] * self.roots * slope for slope in slopes], axis=-1)  # (unit, angle, 2)
        outward = np.einsum("ua,ua->u", residuals, jacobian[:, :, 1])
        held = (shape[:, 1] <= self.limits[0]) & (outward < 0) | (shape[:, 1] >= self.limits[1]) & (outward > 0)
        jacobian[held, :, 1] = 0
        for column in (self.roots, self.roots * bump - _share(self.roots * bump, self.roots) * self.roots):
            jacobian -= _share(jacobian, column[:, :, np.newaxis]) * column[:, :, np.newaxis]
        normal = np.einsum("uai,uaj->uij", jacobian, jacobian)
        slope = np.einsum("uai,ua->ui", jacobian, residuals)
        diagonal = np.einsum("uii->ui", normal)
        diagonal *= 1 + damping[:, np.newaxis]
        diagonal += 1e-14 * diagonal.max(axis=1, keepdims=True) + 1e-300
        change = np.linalg.solve(normal, slope[:, :, np.newaxis])[:, :, 0]
        moved = shape + change
        moved[:, 1] = np.clip(shape[:, 1] * np.exp(np.clip(change[:, 1], -1, 1)), *self.limits)
        return moved, np.einsum("ui,ui->u", slope, change)


def _share(of: Array, column: Array) -> Array:
    """Return the coefficient of ``column`` in the projection of ``of`` on it, over angles; 0 for a column of zeros."""
    size = np.square(column).sum(axis=1, keepdims=True)
    return np.asarray((of * column).sum(axis=1, keepdims=True) / np.where(size > 0, size, 1.0))


def _best_start(model: Model, curves: Array, angles: Array, weights: Array, limits: tuple[float, float]) -> Array:
    """Return the centre and width (unit, 2) of the grid that leave the smallest sum of squares."""
    centres = np.arange(_CENTRES) * 2 * np.pi / _CENTRES
    low, high = np.log(limits)
    widths = np.exp(np.linspace(low, high, _WIDTHS + 2)[1:-1])
    grid = np.stack(np.meshgrid(centres, widths, indexing="ij"), axis=-1).reshape(-1, 2)
    bumps = model.bump(angles - grid[:, :1], grid[:, 1:])[0]  # (start, angle)
    weighted = (weights * curves).T
    mass, level = weights.sum(axis=1), weighted.sum(axis=0)
    bump_mass = bumps @ weights.T  # (start, unit)
    covariance = np.maximum(bumps @ weighted - bump_mass * level / mass, 0)
    variance = np.square(bumps) @ weights.T - np.square(bump_mass) / mass
    gain = np.divide(np.square(covariance), variance, out=np.zeros_like(variance), where=variance > 1e-12 * mass)
    return np.asarray(grid[gain.argmax(axis=0)])
