"""Points of the curve G(z) = 0: the corrector, the tangent, and what is known at one point.

Keller, in: Applications of Bifurcation Theory (Academic Press 1977) 359: a point is the solution of G(z) = 0 on the
plane through the predicted point at right angles to the last tangent, so that folds are nothing special.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..stability import count_unstable
from .system import System

Array = npt.NDArray[Any]

_MAX_ITERATIONS = 12
# Newton converges quadratically: after a step of 1e-9 the next one would be below rounding.
_CONVERGED = 1e-9
# A Newton step this long (in units of the states' size and the parameter's range) leads nowhere.
_LOST = 1e3
# Singular values below this share of the size of ∂G/∂z nearby are zero: the curve branches.
KERNEL = 1e-6
# A parameter component of a unit tangent below this has no sign.
_VERTICAL = 1e-10


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    """A point of the curve.

    Attributes
    ----------
    z : (N + 1,)
    tangent : (N + 1,), of length 1
    derivative : (N, N + 1), ∂G/∂z
    multipliers : (N,) complex, eigenvalues of ∂F/∂x or ∂f/∂x
    n_unstable : number of growing directions
    orientation : sign of det [∂G/∂z; tangentᵀ], which changes where branches cross and nowhere else
    iterations : of the corrector
    """

    z: Array
    tangent: Array
    derivative: Array
    multipliers: Array
    n_unstable: int
    orientation: float
    iterations: int = 0

    @property
    def heading(self) -> int:
        """Sign of the parameter's change along the tangent; 0 when it does not change."""
        slope = float(self.tangent[-1])
        return 0 if abs(slope) < _VERTICAL else int(np.sign(slope))

    def reversed(self) -> "Point":
        """Return the point with its tangent turned round."""
        return dataclasses.replace(self, tangent=-self.tangent, orientation=-self.orientation)

    def differs(self, other: "Point") -> bool:
        """Whether something happens between the points: stability, direction or orientation change."""
        return (
            self.n_unstable != other.n_unstable
            or self.heading * other.heading < 0
            or self.orientation * other.orientation < 0
        )


def correct(system: System, guess: Array, normal: Array) -> tuple[Array, int] | None:
    """Return the z with G(z) = 0 and normalᵀ(z − guess) = 0, and the Newton iterations; None if they fail."""
    z = guess
    for iteration in range(1, _MAX_ITERATIONS + 1):
        value = system.residual(z)
        if not np.isfinite(value).all():
            return None
        matrix = np.vstack([system.derivative(z), normal])
        step = _solve(matrix, np.append(value, normal @ (z - guess)))
        if step is None or np.abs(step).max() > _LOST:
            return None
        z = z - step
        size = float(np.linalg.norm(step))
        if size < _CONVERGED * (1 + float(np.linalg.norm(z))):
            return (z, iteration) if np.isfinite(system.residual(z)).all() else None
    return None


def point_at(system: System, z: Array, along: Array, iterations: int = 0) -> Point | None:
    """Return what is known at a solution z, its tangent pointing along ``along``; None where that is not finite."""
    derivative = system.derivative(z)
    if not np.isfinite(derivative).all():
        return None
    return described(system, z, derivative, tangent_of(derivative, along), iterations)


def described(system: System, z: Array, derivative: Array, tangent: Array, iterations: int = 0) -> Point:
    """Return the point z with a given tangent."""
    multipliers = system.multipliers(derivative)
    orientation = float(np.linalg.slogdet(np.vstack([derivative, tangent]))[0])
    unstable = int(count_unstable(multipliers[None], system.dynamics)[0])
    return Point(z, tangent, derivative, multipliers, unstable, orientation, iterations)


def solution_near(system: System, guess: Array, normal: Array, along: Array) -> Point | None:
    """Return the corrected point in the plane through ``guess`` at right angles to ``normal``, or None."""
    corrected = correct(system, guess, normal)
    return None if corrected is None else point_at(system, corrected[0], along, corrected[1])


def tangent_of(derivative: Array, along: Array) -> Array:
    """Return the unit tangent (N + 1,) that solves ∂G/∂z t = 0 and points along ``along``."""
    right = np.zeros(len(along))
    right[-1] = 1.0
    found = _solve(np.vstack([derivative, along]), right)
    # ‖found‖ is 1 / cos of the angle between the tangents; next to a crossing of branches it is anything.
    if found is not None and np.abs(found).max() < 3:
        return np.asarray(found / np.linalg.norm(found))
    return kernel_tangent(derivative, along)


def kernel_tangent(derivative: Array, along: Array, size: float | None = None) -> Array:
    """Return the unit vector of the kernel of ∂G/∂z nearest to ``along``: the tangent where branches cross too."""
    basis = kernel(derivative, size)
    projected = basis.T @ (basis @ along)
    length = float(np.linalg.norm(projected))
    if length < 1e-8:
        return np.asarray(basis[-1])
    return np.asarray(projected / length)


def kernel(derivative: Array, size: float | None = None) -> Array:
    """Return an orthonormal basis (m + 1, N + 1) of the kernel of ∂G/∂z; m is 0 at a regular point.

    ``size`` is that of ∂G/∂z nearby: at a crossing of one variable all of it vanishes.
    """
    _, singular, right = np.linalg.svd(derivative)
    rank = int(np.count_nonzero(singular > KERNEL * (singular[0] if size is None else size)))
    return np.asarray(right[rank:])


def _solve(matrix: Array, right: Array) -> Array | None:
    try:
        found = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        if not np.isfinite(matrix).all():
            return None
        found = np.linalg.lstsq(matrix, right, rcond=None)[0]
    return np.asarray(found) if np.isfinite(found).all() else None
