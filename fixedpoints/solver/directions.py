"""Directions in which a batch of states moves towards zeros of G, from M = ∂G/∂x (J − I for a map).

Broyden in product form: Kelley, Solving Nonlinear Equations with Newton's Method (2003), section 4.3.
"""

import itertools

import torch
from torch import Tensor

# LU factors (n, state, state) and pivots (n, state).
Factors = tuple[Tensor, Tensor]


def newton_direction(derivative: Tensor, residuals: Tensor) -> tuple[Tensor, Factors]:
    """Return −M⁻¹G and the factors of M = ∂G/∂x; not finite where M is exactly singular."""
    factors, pivots, _ = torch.linalg.lu_factor_ex(derivative)
    direction = -torch.linalg.lu_solve(factors, pivots, residuals[..., None])[..., 0]
    return direction, (factors, pivots)


def broyden_step(factors: Factors, residuals: Tensor, steps: list[Tensor]) -> Tensor:
    """Return the next step of Broyden's method from the factors of M₀ and the steps taken since.

    The good Broyden update in product form: with z = −M₀⁻¹G(x), z += s_{j+1} (s_jᵀz)/‖s_j‖² for each past
    pair, then s = z / (1 − s_kᵀz/‖s_k‖²).
    """
    step: Tensor = -torch.linalg.lu_solve(*factors, residuals[..., None])[..., 0]
    if not steps:
        return step
    for past, later in itertools.pairwise(steps):
        step = step + later * _share(past, step)
    # A vanishing denominator means a singular update; the step is then refused for not lowering q.
    made: Tensor = step / (1 - _share(steps[-1], step))
    return made


def _share(past: Tensor, step: Tensor) -> Tensor:
    """Return sᵀz / ‖s‖² per row, (n, 1)."""
    share: Tensor = (past * step).sum(1, keepdim=True) / past.square().sum(1, keepdim=True)
    return share


def damped_direction(derivative: Tensor, residuals: Tensor, reach: Tensor) -> Tensor:
    """Return the Levenberg-Marquardt direction −(MᵀM + μI)⁻¹MᵀG of M = ∂G/∂x.

    μ ∝ ‖G‖ keeps convergence fast on sets of non-isolated zeros (Fan and Yuan, Computing 74 (2005) 23).
    """
    transposed = derivative.mT
    normal = transposed @ derivative
    scale = normal.diagonal(dim1=-2, dim2=-1).mean(-1)
    damping = scale * torch.clamp(residuals.norm(dim=1) / reach, max=1.0) + torch.finfo(scale.dtype).tiny
    normal.diagonal(dim1=-2, dim2=-1).add_(damping[:, None])
    solved, _ = torch.linalg.solve_ex(normal, -(transposed @ residuals[..., None]))
    direction = solved[..., 0]
    # Two directions cannot be used: 0/0 of an exactly vanishing M, and overflow.
    return torch.nan_to_num(direction, nan=0.0, posinf=0.0, neginf=0.0)
