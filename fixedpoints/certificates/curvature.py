"""How fast the Jacobian changes: sampled for any map, bounded for networks with one weight matrix."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError, unknown_name
from ..jacobian import Jacobian
from ..problem import host

# max |φ''| of tanh, at tanh(x)² = 1/3; the logistic function has max |φ''| = 1 / (6 √3).
TANH_CURVATURE = 4 / (3 * np.sqrt(3))
LOGISTIC_CURVATURE = 1 / (6 * np.sqrt(3))

_FIRST_SWEEPS = 2
FORMS = ("rate", "voltage")


def lipschitz_from_curvature(
    weight: npt.NDArray[Any] | Tensor,
    curvature: float = TANH_CURVATURE,
    *,
    form: str = "rate",
    scale: float = 1.0,
) -> float:
    """Return a Lipschitz constant, in the spectral norm, of the Jacobian of a network with one weight matrix.

    With c = max|φ''|, W the recurrent weight (post, pre) and α = ``scale``:

    ========== ====================================== ===================
    form        map                                   constant
    ========== ====================================== ===================
    rate        (1 − α) x + α (W φ(x) + b)            α c ‖W‖₂
    voltage     (1 − α) x + α φ(W x + b)              α c ‖W‖₂ maxᵢ‖Wᵢ‖₂
    ========== ====================================== ===================

    because F′(x) − F′(y) = α W diag(φ′(x) − φ′(y)) and, for ``voltage``, α diag(φ′(Wx + b) − φ′(Wy + b))
    W. Pass it to :func:`~dynascope.fixedpoints.find_fixed_points` as ``lipschitz``. It is a global
    constant, so balls are smaller than with a function of the radius; gated and three-body networks need
    their own bound.

    Parameters
    ----------
    weight : array, shape (state, state)
    curvature : float ≥ 0
        max|φ''|; the default is tanh's 4/(3√3) ≈ 0.77.
    form : {"rate", "voltage"}
    scale : float ≥ 0
        The Euler factor dt/τ; 1 for a discrete map.

    Raises
    ------
    InputError
        If the weight is not a finite matrix, a number is negative or the form is unknown.

    Examples
    --------
    >>> round(lipschitz_from_curvature(np.diag([2.0, 1.0])), 4)
    1.5396
    >>> round(lipschitz_from_curvature(np.diag([2.0, 1.0]), form="voltage"), 4)
    3.0792
    """
    matrix = host(weight).astype(float)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise InputError(f"weight: expected a finite matrix (post, pre), found shape {matrix.shape} or NaN in it")
    if form not in FORMS:
        raise InputError(unknown_name("form", form, FORMS))
    for name, value in (("curvature", curvature), ("scale", scale)):
        if not 0 <= value < np.inf:
            raise InputError(f"{name}: expected a number ≥ 0, found {value}")
    constant = scale * curvature * np.linalg.norm(matrix, 2)
    if form == "voltage":
        constant *= np.linalg.norm(matrix, axis=1).max(initial=0.0)
    # The norm is computed with relative error far below 1e-12.
    return float(constant) * (1 + 1e-12)


def estimate_curvature(
    jacobian: Jacobian,
    states: Tensor,
    inputs: Tensor | None,
    *,
    centre: Tensor,
    inverse: Tensor,
    radius: Tensor,
    direction: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the largest sampled ‖A (F′(x + ρv) − F′(x))‖ / ρ over unit vectors v, (k,), and the next v.

    ``centre`` is F′(x) and ``inverse`` is A, both (k, state, state); ``radius`` ρ is (k,).
    Directions are not left to chance, which in many dimensions misses the worst one: the second
    derivative is symmetric, so the vector that its slice along v amplifies most is the next v (a power
    iteration on the trilinear form). Both signs are used. A lower bound on the constant wanted: multiply
    by a safety factor. Do not trust it for piecewise linear maps, whose curvature sits on sets that
    samples miss.
    """
    n_sweeps = 1  # of a power iteration that goes on
    if direction is None:
        n_sweeps = _FIRST_SWEEPS
        generator = torch.Generator().manual_seed(0)
        direction = torch.randn(states.shape, generator=generator, dtype=states.dtype).to(states.device)
    worst = torch.zeros_like(radius)
    twice = None if inputs is None else inputs.repeat(2, 1)
    rows = torch.arange(len(states), device=states.device)
    for _ in range(n_sweeps):
        offset = radius[:, None] * direction / direction.norm(dim=1, keepdim=True)
        both = jacobian(torch.cat([states + offset, states - offset]), twice).view(2, *centre.shape)
        change = inverse @ (both - centre) / radius[:, None, None]
        size = torch.linalg.vector_norm(change, dim=(-2, -1))
        # A map that is not finite somewhere in the ball has no bound there.
        size, sign = torch.nan_to_num(size, nan=torch.inf, posinf=torch.inf).max(0)
        worst = torch.maximum(worst, size)
        direction = _amplified(torch.nan_to_num(change[sign, rows]), direction)
    return worst, direction


def _amplified(matrices: Tensor, direction: Tensor) -> Tensor:
    """Return the direction after two power steps with MᵀM; where M vanishes, the direction itself."""
    vector = direction[..., None]
    for _ in range(2):
        moved = matrices.mT @ (matrices @ vector)
        size = moved.norm(dim=1, keepdim=True)
        usable = torch.isfinite(size) & (size > torch.finfo(size.dtype).tiny)
        vector = torch.where(usable, moved / torch.where(usable, size, 1.0), vector)
    return vector[..., 0]
