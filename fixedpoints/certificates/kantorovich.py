"""Certificates: exactly one fixed point within a computed distance, or the reason why that is not known.

Let G(x) = F(x) − x for a map, f(x) for a flow, M = G′(x̂) at the computed point x̂, A ≈ M⁻¹, and

    η ≥ ‖A G(x̂)‖,   ζ ≥ ‖I − A M‖,   ω ≥ ‖A (G′(y) − G′(x̂))‖ / ‖y − x̂‖  for all y in the ball.

T(x) = x − A G(x) then satisfies ‖T′(y)‖ ≤ ζ + ω‖y − x̂‖. If h = ωη / (1 − ζ)² ≤ ½, T maps the closed ball
of radius r = 2η / (1 − ζ + √((1 − ζ)² − 2ωη)) into itself, so it holds a zero of G; and any two
fixed points at distances r₁, r₂ from x̂ with ζ + ω(r₁ + r₂)/2 < 1 are equal, so that there is one only within
2(1 − ζ)/ω − r. (L. V. Kantorovich, Uspekhi Mat. Nauk 3 (1948) 89; affine-invariant form: J. M. Ortega,
Amer. Math. Monthly 75 (1968) 658.) Norms are Euclidean; Frobenius norms stand in where an upper bound is
enough.
"""

import dataclasses
import enum
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from ..jacobian import Jacobian, chunks
from ..problem import Problem
from .curvature import estimate_curvature

Array = npt.NDArray[Any]
Lipschitz = float | Callable[[Array, Array], Array]

# A ball ends this share before the last radius that the strict inequality allows.
_SHRINK = 1 - 1e-9
# The estimate of ω is a maximum over samples, hence too small; published practice for such bounds is a
# factor 2.
_SAFETY = 2.0
# Radii to sample, as shares of the scale, until larger balls cannot be certified: ω grows with the ball.
_LADDER = tuple(10 * 2.0**-power for power in range(8, -1, -1))


class Certificate(enum.IntEnum):
    """Verdict on one point."""

    CERTIFIED = 0
    SINGULAR = 1
    INCONCLUSIVE = 2
    NOT_ASKED = 3


REASONS = {
    Certificate.CERTIFIED: "exactly one fixed point within the radius",
    Certificate.SINGULAR: (
        "J − I of the map, J of the flow, is singular to working precision: not isolated (a continuous "
        "attractor) or degenerate (a fold)"
    ),
    Certificate.INCONCLUSIVE: ("the condition h ≤ 1/2 fails: too curved or too nearly singular for this precision"),
    Certificate.NOT_ASKED: "no certificate was asked for",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Certificates:
    """Per point: ``codes`` (k,) of :class:`Certificate`, ``radius`` (k,) and ``error_bound`` (k,).

    A certified fixed point lies within ``error_bound`` of the computed state and is the only one within
    ``radius``; both are NaN where there is no certificate.
    """

    codes: Array
    radius: Array
    error_bound: Array

    def take(self, index: Array) -> "Certificates":
        """Return the certificates of the points ``index``."""
        return Certificates(self.codes[index], self.radius[index], self.error_bound[index])


@dataclasses.dataclass(frozen=True, eq=False)
class _Local:
    """The quantities of the theorem at a few points, all (k,) but F′ and A (k, state, state)."""

    derivative: Tensor  # of the map or flow, not of G
    inverse: Tensor
    beta: Tensor  # ‖A‖ at most
    eta: Tensor
    zeta: Tensor
    singular: Tensor


def not_asked(n_points: int) -> Certificates:
    """Return the certificates of points for which none was asked."""
    nan = np.full(n_points, np.nan)
    return Certificates(np.full(n_points, int(Certificate.NOT_ASKED), dtype=np.int8), nan, nan.copy())


def certify_points(
    problem: Problem,
    jacobian: Jacobian,
    states: Tensor,
    inputs: Tensor | None,
    *,
    lipschitz: Lipschitz | None,
    scale: float,
    memory: int,
) -> Certificates:
    """Return a Newton-Kantorovich certificate, or the reason for none, for each row of ``states``.

    Parameters
    ----------
    lipschitz : float, callable or None
        Bound on ‖F′(x) − F′(y)‖₂ / ‖x − y‖₂: over the whole space (a number), or over the balls around states
        (k, state) with radii (k,), as a function that returns (k,). None estimates it by sampling.
    scale : float
        Typical size of the states; estimates reach at most ten times as far.
    memory : int
        Bytes that the Jacobians of one chunk of points may take.

    Raises
    ------
    InputError
        If ``lipschitz`` is or returns a negative number, NaN or a wrong shape.
    """
    if not len(states):
        return not_asked(0)
    parts = []
    for index in chunks(states, memory):
        given = None if inputs is None else inputs[index]
        local = _local(problem, jacobian, states[index], given, tight=lipschitz is not None)
        if lipschitz is None:
            radii, omegas = _estimated(jacobian, states[index], given, local=local, scale=scale)
        else:
            radii, omegas = _bounded(states[index], local, lipschitz, scale)
        parts.append(_verdict(local, radii, omegas))
    return Certificates(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _local(problem: Problem, jacobian: Jacobian, states: Tensor, inputs: Tensor | None, *, tight: bool) -> _Local:
    """Return the local quantities; ``tight``: ‖A‖ exactly, else its Frobenius norm, which saves the singular values."""
    eps, size = torch.finfo(states.dtype).eps, problem.n_states
    identity = torch.eye(size, dtype=states.dtype, device=states.device)
    derivative = jacobian(states, inputs)
    shifted = problem.residual_jacobian(derivative)
    inverse = torch.linalg.inv_ex(shifted)[0]
    largest = torch.linalg.vector_norm(shifted, dim=(-2, -1))
    norm = torch.linalg.vector_norm(inverse, dim=(-2, -1))
    # 1 / ‖A‖ is the smallest singular value, or, in the Frobenius norm, at most that.
    singular = ~(norm * 1e3 * size * eps * largest.clamp_min(1.0) < 1)
    # Any A gives a valid theorem; a regular stand-in keeps the batch together.
    shifted, inverse = (torch.where(singular[:, None, None], identity, each) for each in (shifted, inverse))
    if tight:
        norm = torch.linalg.matrix_norm(inverse, ord=2)
    defect = torch.linalg.vector_norm(identity - inverse @ shifted, dim=(-2, -1))
    # The computed norm is off by at most about N ε ‖G′‖ ‖A‖, and A is the inverse up to its defect.
    rounding = size * eps * largest * norm
    beta = torch.where(singular, torch.ones_like(norm), norm * (1 + defect) / (1 - rounding))
    zeta = defect + beta * size * eps * largest
    correction = torch.einsum("nij,nj->ni", inverse, problem.residual(states, inputs)).norm(dim=1)
    eta = correction + beta * evaluation_error(problem, states, inputs, derivative)
    return _Local(derivative, inverse, beta, eta, zeta, singular)


def evaluation_error(problem: Problem, states: Tensor, inputs: Tensor | None, derivative: Tensor) -> Tensor:
    """Return an estimate of the rounding error ‖fl(G) − G‖ at each state, shape (n,).

    The larger of a model, (8 + √N) ε ‖|J||x| + |x| + |F|‖ (|x| for maps only), and of eight times what is
    measured: how far F departs from its linear part over steps of a few ε. F is a black box, so this is a
    model of its arithmetic and no proof.
    """
    eps = torch.finfo(states.dtype).eps
    value = problem.map(states, inputs)
    magnitude = torch.einsum("nij,nj->ni", derivative.abs(), states.abs()) + value.abs()
    if problem.dynamics == "map":
        magnitude = magnitude + states.abs()
    modelled = (8 + problem.n_states**0.5) * eps * magnitude.norm(dim=1)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(3, *states.shape, generator=generator, dtype=states.dtype).to(states.device)
    near = states + 4 * eps * states.abs() * noise
    linear = torch.einsum("nij,mnj->mni", derivative, near - states)
    moved = problem.map(near.flatten(0, 1), None if inputs is None else inputs.repeat(3, 1)).view_as(near)
    measured = (moved - value - linear).norm(dim=2).amax(0)
    return torch.maximum(modelled, 8 * measured)


def _bounded(states: Tensor, local: _Local, lipschitz: Lipschitz, scale: float) -> tuple[list[Tensor], list[Tensor]]:
    """Return radii and the bounds ω = ‖A‖ L that hold within them, from the caller's constant."""
    if not callable(lipschitz):
        bound = np.full(len(states), _checked_constant(lipschitz))
        return [torch.full_like(local.beta, torch.inf)], [local.beta * torch.as_tensor(bound).to(local.beta)]
    host = states.detach().cpu().numpy()
    radii, omegas = [], []
    radius = torch.full_like(local.beta, 10 * scale)
    # L may be far larger in a large ball: halve until the ball itself no longer limits the radius.
    for _ in range(40):
        found = lipschitz(host.copy(), radius.cpu().numpy())
        omega = local.beta * torch.as_tensor(_checked_bounds(found, len(host))).to(local.beta)
        radii.append(radius)
        omegas.append(omega)
        limit = 2 / omega.clamp_min(torch.finfo(omega.dtype).tiny)
        if bool((limit >= radius).all()):
            break
        radius = torch.where(limit >= radius, radius, radius / 2)
    return radii, omegas


def _checked_constant(value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value < np.inf:
        raise InputError(f"lipschitz: expected a number ≥ 0, or a function of states and radii, found {value!r}")
    return float(value)


def _checked_bounds(values: object, n_points: int) -> Array:
    array = np.asarray(values, dtype=float)
    if array.shape != (n_points,):
        raise InputError(f"lipschitz: expected the function to return shape ({n_points},), found {array.shape}")
    if not (array >= 0).all():
        index = int(np.flatnonzero(~(array >= 0))[0])
        raise InputError(f"lipschitz: expected bounds ≥ 0, found {array[index]} at index {index}")
    return array


def _estimated(
    jacobian: Jacobian,
    states: Tensor,
    inputs: Tensor | None,
    *,
    local: _Local,
    scale: float,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return radii and twice the largest curvature sampled within each."""
    worst, direction = torch.zeros_like(local.beta), None
    live = torch.arange(len(states), device=states.device)
    radii, omegas = [], []
    for share in (1e-3, *_LADDER):
        found, direction = estimate_curvature(
            jacobian,
            states[live],
            None if inputs is None else inputs[live],
            centre=local.derivative[live],
            inverse=local.inverse[live],
            radius=torch.full_like(worst[live], share * scale),
            direction=direction,
        )
        worst[live] = torch.maximum(worst[live], found)
        omega = torch.full_like(worst, torch.inf)
        omega[live] = _SAFETY * worst[live]
        radii.append(torch.full_like(worst, share * scale))
        omegas.append(omega)
        # Where the ball found lies within this radius, a larger radius with its larger ω gives no larger ball.
        going = omega[live] * share * scale < 2
        live, direction = live[going], direction[going]
        if not len(live):
            break
    return radii, omegas


def _verdict(local: _Local, radii: list[Tensor], omegas: list[Tensor]) -> tuple[Array, Array, Array]:
    """Apply the theorem with each pair of ball and bound; keep the largest ball that succeeds."""
    best = torch.full_like(local.beta, -1.0)
    bound = torch.full_like(local.beta, torch.nan)
    margin = 1 - local.zeta
    for radius, omega in zip(radii, omegas, strict=True):
        root = margin.square() - 2 * omega * local.eta
        error = 2 * local.eta / (margin + root.clamp_min(0).sqrt())
        unique = torch.minimum(radius, 2 * margin / omega - error) * _SHRINK
        holds = (margin > 0) & (root >= 0) & (error <= unique) & (unique > best)
        best, bound = torch.where(holds, unique, best), torch.where(holds, error, bound)
    certified = (best >= 0) & ~local.singular
    codes = torch.where(local.singular, int(Certificate.SINGULAR), int(Certificate.INCONCLUSIVE))
    codes = torch.where(certified, int(Certificate.CERTIFIED), codes).to(torch.int8)
    nan = torch.full_like(best, torch.nan)
    arrays = codes, torch.where(certified, best, nan), torch.where(certified, bound, nan)
    return tuple(array.cpu().numpy() for array in arrays)  # type: ignore[return-value]
