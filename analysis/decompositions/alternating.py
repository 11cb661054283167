"""Alternating least squares for CP: each factor in turn solved exactly with the two others fixed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..validation import Array
from .record import settled
from .unfolding import leading, times, unfold

Factors = tuple[Array, Array, Array]
"""Matrices (axis_0, component), (axis_1, component), (axis_2, component)."""


@dataclass(frozen=True)
class Fit:
    """Factors, the relative error after each sweep, and whether it settled."""

    factors: Factors
    errors: list[float]
    converged: bool


def compose(factors: Sequence[Array]) -> Array:
    """Return Σ_r a_r ∘ b_r ∘ c_r, shape (axis_0, axis_1, axis_2)."""
    first, second, third = factors
    return (first @ khatri_rao(second, third).T).reshape(len(first), len(second), len(third))


def khatri_rao(first: Array, second: Array) -> Array:
    """Return the columnwise Kronecker product, shape (rows of first · rows of second, component)."""
    return (first[:, np.newaxis] * second).reshape(-1, first.shape[1])


def alternate(
    values: Array,
    shown: Array | None,
    factors: Factors,
    *,
    max_sweeps: int,
    tolerance: float,
    squares: float | None = None,
    outside: float = 0.0,
) -> Fit:
    """Return the CP fit that alternating least squares reaches from ``factors``.

    A factor is the solution of its normal equations A (BᵀB ∘ CᵀC) = X_(0) (B ⊙ C) (Kolda and Bader 2009, figure
    3.3). The product of X with C serves both A and B, so a sweep reads the tensor twice, not three times. Hidden
    entries (False in ``shown``) are filled with the fit before each sweep (EM). ``squares`` is ‖values‖² where it is
    known; ``outside`` is the sum of squares that a compression left out; errors are relative to the whole.

    Cost per sweep: 4 Π n · R operations, and 2 Π n · R more with hidden entries.
    """
    squares = sum_of_squares(values) if squares is None else squares
    total = squares + outside
    errors: list[float] = []
    data = values if shown is None else np.where(shown, values, compose(factors))
    for _ in range(max_sweeps):
        factors, product = _sweep(data, factors)
        left = _unexplained(data, shown, factors, product, squares)
        if shown is not None:
            data = np.where(shown, values, compose(factors))
        errors.append(float(np.sqrt((left + outside) / total)) if total else 0.0)
        if settled(errors, tolerance):
            break
    return Fit(factors, errors, settled(errors, tolerance))


def _sweep(data: Array, factors: Factors) -> tuple[Factors, Array]:
    """Return the factors, each solved once, and X_(2) (A ⊙ B), with which the error costs nothing."""
    first, second, third = factors
    along_third = (data.reshape(-1, len(third)) @ third).reshape(*data.shape[:2], -1)  # (axis_0, axis_1, component)
    first = _solve(np.einsum("ijr,jr->ir", along_third, second), second, third)
    second = _solve(np.einsum("ijr,ir->jr", along_third, first), first, third)
    product = data.reshape(-1, data.shape[2]).T @ khatri_rao(first, second)
    return (first, second, _solve(product, first, second)), product


def _solve(product: Array, one: Array, other: Array) -> Array:
    """Return the least-squares factor; of least norm where components coincide and the equations are singular."""
    values, vectors = np.linalg.eigh((one.T @ one) * (other.T @ other))
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=kept)
    solution: Array = product @ (vectors * inverse) @ vectors.T
    return solution


def _unexplained(data: Array, shown: Array | None, factors: Factors, product: Array, squares: float) -> float:
    """Return ‖X − X̂‖² over the observed entries, from inner products where they hold enough digits."""
    if shown is None:
        first, second, third = factors
        model = float(((first.T @ first) * (second.T @ second) * (third.T @ third)).sum())
        left = squares + model - 2 * float((product * third).sum())
        if left > 1e-6 * squares:
            return left
    residual = data - compose(factors)
    return sum_of_squares(residual if shown is None else residual[shown])


def sum_of_squares(array: Array) -> float:
    """Return ‖array‖², in one pass and with no copy."""
    flat = array.ravel()
    return float(flat @ flat)


def leading_factors(values: Array, rank: int, *, seed: int = 0) -> Factors:
    """Return the ``rank`` leading left singular vectors of each unfolding, the usual start of CP.

    Where an axis is shorter than ``rank`` the rest are seeded normal columns.
    """
    rng = np.random.default_rng(seed)
    first, second, third = (_padded(leading(unfold(values, axis), rank), rank, rng) for axis in range(3))
    return first, second, third


def random_factors(shape: Sequence[int], rank: int, rng: np.random.Generator) -> Factors:
    """Return factors of standard normal numbers."""
    first, second, third = (rng.standard_normal((size, rank)) for size in shape)
    return first, second, third


def compress(values: Array, sizes: Sequence[int]) -> tuple[Array, Factors]:
    """Return a Tucker core of at most ``sizes`` and its orthonormal bases (axis, size), by one pass over the axes.

    The sequentially truncated higher-order singular value decomposition (Vannieuwenhoven et al. 2012), shortest axis
    first, so that the one pass over the whole tensor is the cheapest.
    """
    core = values
    bases: list[Array] = [np.zeros((0, 0))] * 3
    for axis in np.argsort(values.shape, kind="stable"):
        bases[axis] = leading(unfold(core, int(axis)), sizes[axis])
        core = times(core, bases[axis].T, int(axis))
    return core, (bases[0], bases[1], bases[2])


def _padded(vectors: Array, rank: int, rng: np.random.Generator) -> Array:
    missing = rank - vectors.shape[1]
    return vectors if missing <= 0 else np.concatenate([vectors, rng.standard_normal((len(vectors), missing))], axis=1)
