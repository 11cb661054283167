"""Regions of capture: around each stable point an ellipsoid that orbits, once inside, do not leave.

From the Jacobian J at a stable point x* follows a quadratic Lyapunov function V(x)² = (x − x*)ᵀ P (x − x*): with s
between the spectral radius of J and 1, P solves (J/s)ᵀ P (J/s) − P = −I, so that V(x* + Je) ≤ s V(x* + e). Under F
itself V falls wherever the curvature is too small to undo this, in particular in some ellipsoid V ≤ r. For a flow,
J + σI with σ half the slowest decay takes the place of J/s, through the Cayley transform.

How large r may be is found by sampling: V must fall by a margin on four nested shells, along random directions, along
the slowest eigenvectors and towards every other known point (where V cannot fall: r ends halfway to the nearest). The
sample is no proof in many dimensions. Therefore only half of r is used, and an orbit counts as captured only after V
has been seen to fall along it (:mod:`.settling`).
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from .scene import Scene

_DIRECTIONS = 64
_SHELLS = (1.0, 0.5, 0.25, 0.125)
_HALVINGS = 40


@dataclasses.dataclass(frozen=True, eq=False)
class Regions:
    """Ellipsoids ‖factor (x − centre)‖ ≤ radius of the stable points of a scene, one per row.

    ``points`` (a,): rows of ``scene.points``; ``factors`` (a, state, state) stretch all lengths by at least 1;
    ``radii`` (a,), 0 where none was found.
    """

    points: Tensor
    centres: Tensor
    factors: Tensor
    radii: Tensor

    def heights(self, region: int, states: Tensor) -> Tensor:
        """Return V (…,) of states (…, state) in one region."""
        stretched = (states - self.centres[region]) @ self.factors[region].mT
        height: Tensor = torch.linalg.vector_norm(stretched, dim=-1)
        return height


def make_regions(scene: Scene, *, seed: int = 0) -> Regions:
    """Return the region of capture of each stable point of the scene."""
    chosen = np.flatnonzero(scene.stable)
    centres = scene.tensor(scene.points[chosen])
    generator = torch.Generator().manual_seed(seed)
    factors, radii = [], []
    for row, centre in zip(chosen, centres, strict=True):
        factor, margin = _lyapunov(scene, int(row))
        factors.append(factor)
        radii.append(_radius(scene, int(row), centre, factor, margin, generator))
    size = scene.problem.n_states
    stacked = torch.stack(factors) if factors else centres.new_zeros((0, size, size))
    return Regions(torch.as_tensor(chosen), centres, stacked, centres.new_tensor(radii))


def _lyapunov(scene: Scene, row: int) -> tuple[Tensor, float]:
    """Return R with P = RᵀR, and how V must change: the factor per iterate, or its rate, that the sample must meet."""
    jacobian = torch.as_tensor(scene.jacobians[row], dtype=torch.float64)
    eye = torch.eye(len(jacobian), dtype=torch.float64)
    values = scene.eigenvalues[row]
    if scene.problem.dynamics == "map":
        share = (1 + float(np.abs(values).max())) / 2
        shrinking, margin = jacobian / share, (1 + share) / 2
    else:
        decay = float(-values.real.max()) / 2
        shifted = jacobian + decay * eye
        width = 1 / float(torch.linalg.matrix_norm(shifted))
        shrinking = torch.linalg.solve(eye - width * shifted, eye + width * shifted)
        margin = -decay / 2
    return _solve_stein(shrinking).to(scene.problem.starts), margin


def _solve_stein(matrix: Tensor) -> Tensor:
    """Return R with RᵀR = P, the sum of (Aᵀ)ᵏ Aᵏ over k, by doubling; P ⪰ I."""
    total, power = torch.eye(len(matrix), dtype=matrix.dtype), matrix
    for _ in range(60):
        added = power.mT @ total @ power
        total = total + added
        if not bool(torch.isfinite(total).all()) or float(added.norm()) <= 1e-14 * float(total.norm()):
            break
        power = power @ power
    total = (total + total.mT) / 2
    factor, failed = torch.linalg.cholesky_ex(total, upper=True)
    # A Jacobian so non-normal that P overflows: no region, and NaN makes every comparison with it false.
    return factor if not int(failed) else torch.full_like(total, torch.nan)


def _radius(scene: Scene, row: int, centre: Tensor, factor: Tensor, margin: float, generator: torch.Generator) -> float:
    if not bool(torch.isfinite(factor).all()):
        return 0.0
    others = scene.tensor(np.delete(scene.points, row, axis=0)) - centre
    directions = _directions(scene, row, factor, others, generator)
    reach = torch.linalg.vector_norm(others @ factor.mT, dim=1)
    radius = float(reach.min()) / 2 if len(reach) else scene.scale
    for _ in range(_HALVINGS):
        if _falls(scene, centre, factor, radius, directions, margin):
            return radius / 2
        radius /= 2
        if radius < 10 * scene.recurrence:
            break
    return 0.0


def _directions(scene: Scene, row: int, factor: Tensor, others: Tensor, generator: torch.Generator) -> Tensor:
    """Return displacements (m, state) with V = 1: random, along slow eigenvectors, towards other points; both signs."""
    drawn = torch.randn(_DIRECTIONS, len(factor), generator=generator, dtype=torch.float64).to(factor)
    random = torch.linalg.solve_triangular(factor, drawn.mT, upper=True).mT
    values, vectors = np.linalg.eig(scene.jacobians[row])
    order = np.argsort(-np.abs(values) if scene.problem.dynamics == "map" else -values.real)[:4]
    slow = scene.tensor(np.concatenate([vectors[:, order].real.T, vectors[:, order].imag.T]))
    made = torch.cat([random, slow, others])
    heights = torch.linalg.vector_norm(made @ factor.mT, dim=1)
    kept = heights > 1e-12
    made = made[kept] / heights[kept, None]
    return torch.cat([made, -made])


def _falls(scene: Scene, centre: Tensor, factor: Tensor, radius: float, directions: Tensor, margin: float) -> bool:
    """Return whether V falls by the margin on all shells of a region."""
    away = torch.cat([share * radius * directions for share in _SHELLS])
    value = scene.problem.map(centre + away, scene.inputs(len(away)))
    before = away @ factor.mT
    height = torch.linalg.vector_norm(before, dim=1)
    if scene.problem.dynamics == "map":
        after = torch.linalg.vector_norm((value - centre) @ factor.mT, dim=1)
        return bool((after <= margin * height).all())
    # d(V²)/dt = 2 (R e)ᵀ (R f)
    rate = (before * (value @ factor.mT)).sum(dim=1)
    return bool((rate <= margin * height**2).all())
