"""Rotational structure: the skew-symmetric dynamics that fit activity best, in closed form (jPCA)."""

from dataclasses import dataclass

import numpy as np

from ..validation import Array
from .bases import leading

DERIVATIVES = ("midpoint", "forward")
"""Where the state that a difference quotient belongs to is taken: halfway (exact for rotations), or before the step."""


@dataclass(frozen=True, eq=False)
class SkewFit:
    """The fits Ẋ ≈ X Mᵀ: ``skew`` and ``unconstrained`` (component, component), s⁻¹, and the R² of each."""

    skew: Array
    unconstrained: Array
    r2_skew: float
    r2_unconstrained: float


def states_and_derivatives(paths: Array, dt: float, derivative: str) -> tuple[Array, Array]:
    """Return states and difference quotients, (sample, component) both, of paths (condition, time, component)."""
    steps = np.diff(paths, axis=1) / dt
    states = (paths[:, :-1] + paths[:, 1:]) / 2 if derivative == "midpoint" else paths[:, :-1]
    size = paths.shape[2]
    return states.reshape(-1, size), steps.reshape(-1, size)


def fit_skew(states: Array, derivatives: Array) -> SkewFit:
    """Return the skew-symmetric and the unconstrained matrices of least squared error.

    The gradient of ‖Ẋ − X Mᵀ‖² over skew-symmetric M vanishes when M A + A M = C, with A = XᵀX and
    C = ẊᵀX − XᵀẊ; in the eigenvectors of A that is one division for each entry.
    """
    products = states.T @ states
    cross = derivatives.T @ states
    values, vectors = np.linalg.eigh(products)
    turned = vectors.T @ (cross - cross.T) @ vectors
    pairs = values[:, np.newaxis] + values
    # Two directions that the states never leave carry no rotation.
    visited = pairs > len(values) * np.finfo(np.float64).eps * values[-1]
    skew = vectors @ np.divide(turned, pairs, out=np.zeros_like(turned), where=visited) @ vectors.T
    skew = (skew - skew.T) / 2
    unconstrained = np.linalg.lstsq(states, derivatives, rcond=None)[0].T
    return SkewFit(
        skew, unconstrained, *(r_squared(derivatives, states @ matrix.T) for matrix in (skew, unconstrained))
    )


def r_squared(target: Array, prediction: Array) -> float:
    """Return 1 − ‖target − prediction‖² / ‖target‖²: about 0, the prediction of no change at all."""
    total = np.square(target).sum()
    return float(1 - np.square(target - prediction).sum() / total) if total > 0 else 0.0


def rotation_planes(skew: Array) -> tuple[Array, Array]:
    """Return the planes (component, 2 · plane) in which ``skew`` rotates and their speeds (plane,), fastest first.

    Columns 2j and 2j + 1 are orthonormal and span plane j; rotation leads from the first to the second.
    """
    # M = −Mᵀ makes i M Hermitian: eigenvalues come in pairs ± ω with conjugate eigenvectors a ∓ i b.
    values, vectors = np.linalg.eigh(1j * skew)
    n_planes = len(skew) // 2
    speeds, vectors = values[::-1][:n_planes], vectors[:, ::-1][:, :n_planes]
    planes = np.empty((len(skew), 2 * n_planes))
    planes[:, ::2], planes[:, 1::2] = np.sqrt(2) * vectors.real, np.sqrt(2) * vectors.imag
    # Orthonormal already where speeds differ from 0; columns of planes that do not rotate are made so.
    q, r = np.linalg.qr(planes)
    return q * np.where(np.diag(r) < 0, -1.0, 1.0), speeds


def by_variance(planes: Array, speeds: Array, paths: Array) -> tuple[Array, Array]:
    """Return planes and speeds in descending order of the variance of ``paths`` (…, component) in each plane."""
    order = np.argsort(-by_plane(np.square(paths.reshape(-1, paths.shape[-1]) @ planes).sum(axis=0)), kind="stable")
    return planes[:, (2 * order[:, np.newaxis] + [0, 1]).ravel()], speeds[order]


def oriented(planes: Array, starts: Array) -> Array:
    """Return planes (unit, axis) turned so that ``starts`` (condition, unit) spread along the first axis of each.

    The sign is such that the entry of largest magnitude of the first axis is positive; turning keeps the direction of
    rotation.
    """
    turned = planes.copy()
    centred = starts - starts.mean(axis=0)
    for first in range(0, planes.shape[1], 2):
        plane = planes[:, first : first + 2]
        seen = centred @ plane
        along, across = np.square(seen).sum(axis=0)
        angle = np.arctan2(2 * (seen[:, 0] @ seen[:, 1]), along - across) / 2
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        axes = plane @ turn
        sign = -1.0 if axes[np.abs(axes[:, 0]).argmax(), 0] < 0 else 1.0
        turned[:, first : first + 2] = sign * axes
    return turned


def frequencies(speeds: Array, dt: float, derivative: str) -> Array:
    """Return the frequencies (plane,) in Hz: a turn by α in a step has the midpoint speed 2 tan(α/2)/Δt."""
    found: Array = (2 / dt * np.arctan(speeds * dt / 2) if derivative == "midpoint" else speeds) / (2 * np.pi)
    return found


def by_plane(values: Array) -> Array:
    """Return the sums (plane,) of values (component,) over the two axes of each plane."""
    found: Array = values.reshape(-1, 2).sum(axis=1)
    return found


def plane_fits(fit: SkewFit, states: Array, steps: Array, planes: Array) -> Array:
    """Return the R² of the rotation within each plane, (plane,)."""
    predicted = states @ fit.skew.T @ planes
    found = steps @ planes
    pairs = [slice(first, first + 2) for first in range(0, planes.shape[1], 2)]
    return np.array([r_squared(found[:, pair], predicted[:, pair]) for pair in pairs])


def permuted_r2(centred: Array, n_components: int, dt: float, derivative: str, n_permutations: int, seed: int) -> Array:
    """Return the R² of rotation (permutation,) when the conditions of every unit are permuted independently."""
    from ..statistics import Permutations

    if n_permutations == 0:
        return np.zeros(0)
    n_conditions, _, n_units = centred.shape
    units = np.repeat(np.arange(n_units), n_conditions)
    permutations = Permutations.of_labels(len(units), n_permutations, seed, groups=units)

    def statistic(rows: Array) -> list[float]:
        found = []
        for row in rows:
            drawn = (row % n_conditions).reshape(n_units, 1, n_conditions).T
            shuffled = np.take_along_axis(centred, drawn, axis=0)
            basis = leading(shuffled.reshape(-1, n_units)).axes[:, :n_components]
            found.append(fit_skew(*states_and_derivatives(shuffled @ basis, dt, derivative)).r2_skew)
        return found

    return permutations.null(statistic)
