"""Weights of low-rank networks: the tensor itself, canonical forms, and the part that acts."""

from typing import Any

import numpy as np

from ..errors import InputError
from .validation import Array, finite


def full_tensor(left: Any, middle: Any, right: Any) -> Array:
    """Return W_ijk = (1/N²) Σ_r L_ir M_jr N_kr, shape (unit, unit, unit), of factors (unit, rank).

    O(N³ R) time and O(N³) memory: for inspection, not for running networks.

    Raises
    ------
    InputError
        If the factors are not finite matrices of one shape.
    """
    factors = _factors(left, middle, right)
    tensor: Array = np.einsum("ir,jr,kr->ijk", *factors, optimize=True) / len(factors[0]) ** 2
    return tensor


def canonical_factors(left: Any, middle: Any, right: Any) -> tuple[Array, Array, Array]:
    """Return factors (unit, rank) of the same tensor up to M ↔ N, in a standard scale and order.

    The pair (M_r, N_r) is exchanged where ‖M_r‖ < ‖N_r‖, which leaves the dynamics as they are; the three vectors of
    each component are scaled to the common norm (‖L_r‖ ‖M_r‖ ‖N_r‖)^⅓; components are sorted by it, smallest first.
    The exchange is arbitrary where the norms are nearly equal: compare networks by :func:`symmetrized` tensors.

    Raises
    ------
    InputError
        If the factors are not finite matrices of one shape, or a component is zero.
    """
    left, middle, right = _factors(left, middle, right)
    norms = np.stack([np.linalg.norm(factor, axis=0) for factor in (left, middle, right)])  # (3, rank)
    if not norms.all():
        raise InputError(
            f"factors: component {int(np.flatnonzero(~norms.all(0))[0])} is zero and has no canonical form"
        )
    swapped = norms[1] < norms[2]
    middle, right = np.where(swapped, right, middle), np.where(swapped, middle, right)
    common = np.cbrt(norms.prod(0))
    order = np.argsort(common, kind="stable")
    scaled = [(factor / np.linalg.norm(factor, axis=0) * common)[:, order] for factor in (left, middle, right)]
    return scaled[0], scaled[1], scaled[2]


def canonical_matrix_factors(left: Any, right: Any) -> tuple[Array, Array]:
    """Return factors (unit, rank) of the same matrix M Nᵀ, balanced and orthogonal: M ← U √s, N ← V √s of its SVD.

    Components fall in size; in each the entry of M of largest size is positive. Unique where the singular values
    differ. O(N R²): the matrix itself is never formed.

    Raises
    ------
    InputError
        If the factors are not finite matrices of one shape, or the rank exceeds the number of units.

    Examples
    --------
    >>> import numpy as np
    >>> m, n = canonical_matrix_factors([[2.0], [0.0]], [[0.0], [8.0]])
    >>> np.abs(m).ravel().tolist(), np.abs(n).ravel().tolist()
    ([4.0, 0.0], [0.0, 4.0])
    """
    left, right = _factors(left, right)
    if left.shape[1] > len(left):
        raise InputError(f"left: expected at most {len(left)} components, one per unit, found shape {left.shape}")
    (q_left, r_left), (q_right, r_right) = np.linalg.qr(left), np.linalg.qr(right)
    u, singular, v = np.linalg.svd(r_left @ r_right.T)
    u, v = q_left @ u, q_right @ v.T
    peaks = u[np.abs(u).argmax(axis=0), np.arange(u.shape[1])]
    scale = np.sqrt(singular) * np.where(peaks < 0, -1.0, 1.0)
    return u * scale, v * scale


def effective_tensor(left: Any, middle: Any, right: Any, inputs: Any) -> Array:
    """Return the tensor of the parts of M and N that states can reach, shape (unit, unit, unit).

    States of a low-rank network stay in the span of the columns of [L, inputs]; to first order in φ, components of M
    and N outside it do not act. Networks that are equal as dynamical systems can differ in their tensors but should
    agree in this one. Source: the three-body study, section on the equivalence of tensors.

    Parameters
    ----------
    left, middle, right : (unit, rank)
    inputs : (unit, k), input weights and, if there is one, the input bias as a further column

    Raises
    ------
    InputError
        If the arrays are not finite matrices with one row per unit.
    """
    left, middle, right = _factors(left, middle, right)
    basis = reachable_basis(left, inputs)
    return full_tensor(left, basis @ (basis.T @ middle), basis @ (basis.T @ right))


def reachable_basis(left: Any, inputs: Any) -> Array:
    """Return an orthonormal basis (unit, k) of the span of the columns of [L, inputs], which states never leave.

    Singular values below N · 2.2e-16 of the largest count as zero.

    Raises
    ------
    InputError
        If the arrays are not finite matrices with one row per unit.
    """
    (left,) = _factors(left)
    columns = np.asarray(inputs, float)
    if columns.ndim != 2 or len(columns) != len(left):
        raise InputError(f"inputs: expected shape ({len(left)}, k), one row per unit, found {columns.shape}")
    finite("inputs", columns)
    basis, singular, _ = np.linalg.svd(np.concatenate([left, columns], axis=1), full_matrices=False)
    return basis[:, singular > singular[0] * max(basis.shape) * np.finfo(float).eps]


def symmetrized(tensor: Any) -> Array:
    """Return (W_ijk + W_ikj) / 2: the only part of a three-body tensor that acts on the dynamics.

    Raises
    ------
    InputError
        If the tensor is not of shape (unit, unit, unit).
    """
    array = np.asarray(tensor, float)
    if array.ndim != 3 or array.shape[1] != array.shape[2]:
        raise InputError(f"tensor: expected shape (unit, unit, unit), found {array.shape}")
    halves: Array = (array + array.swapaxes(1, 2)) / 2
    return halves


def _factors(*factors: Any) -> tuple[Array, ...]:
    names = ("left", "middle", "right") if len(factors) == 3 else ("left", "right")[: len(factors)]
    found = tuple(np.asarray(factor, float) for factor in factors)
    for name, factor in zip(names, found, strict=True):
        if factor.ndim != 2 or factor.shape != found[0].shape or not factor.size:
            raise InputError(f"{name}: expected factors of one shape (unit, rank), found {factor.shape}")
        finite(name, factor)
    return found
