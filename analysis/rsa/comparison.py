"""How alike two dissimilarity matrices are: correlations of ranks and values, and the whitened cosine."""

import math
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array

COMPARISONS = ("pearson", "spearman", "kendall", "cosine", "whitened_cosine")


def compare_dissimilarities(a: Any, b: Any, method: str = "whitened_cosine") -> Array:
    """Return how alike every matrix of ``a`` is to every matrix of ``b``, (matrix of a, matrix of b).

    Parameters
    ----------
    a, b : array (matrix, pair) or (pair,)
        Dissimilarities of the same pairs of conditions in the same order, as in
        :attr:`DissimilarityMatrices.values`.
    method : {"pearson", "spearman", "kendall", "cosine", "whitened_cosine"}
        Kendall: τ_a, which does not reward models for ties (Nili et al. 2014). Cosine: for distances whose zero means
        something. Whitened cosine: cosine after undoing the covariance that pairs sharing a condition have under
        independent noise (Diedrichsen et al. 2020), the best for crossnobis; equal to CKA of the patterns.

    Raises
    ------
    InputError
        If an array is not of finite dissimilarities of k(k − 1)/2 pairs, the two differ in pairs, or a matrix is
        constant (correlations) or zero (cosines).

    Notes
    -----
    The whitened cosine multiplies Gram matrices centred over conditions instead of inverting the covariance of pairs:
    with V_(ab),(cd) = (⟨e_a − e_b, e_c − e_d⟩)², dᵀ V⁻¹ d' is proportional to the inner product of −½ H D H and
    −½ H D' H. Kendall takes O(P log P) per pair of matrices, P = k(k − 1)/2.

    Examples
    --------
    >>> compare_dissimilarities([1.0, 2.0, 3.0], [[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]], "spearman")
    array([[ 1. , -0.5]])
    """
    validation.choice("comparison", method, COMPARISONS)
    left, right = (read_matrices(name, value) for name, value in (("a", a), ("b", b)))
    if left.shape[1] != right.shape[1]:
        raise InputError(f"b: has {right.shape[1]} pairs of conditions, a has {left.shape[1]}; expected the same")
    if method == "kendall":
        return np.array([[_kendall(one, other) for other in right] for one in left])
    left, right = (unit_vectors(name, value, method)[0] for name, value in (("a", left), ("b", right)))
    return np.asarray(np.clip(left @ right.T, -1, 1))


def read_matrices(name: str, value: Any) -> Array:
    """Return dissimilarities as float64 (matrix, pair), checked."""
    found = np.atleast_2d(np.asarray(value))
    if found.ndim != 2 or not found.size:
        raise InputError(f"{name}: expected dissimilarities (matrix, pair), found shape {np.shape(value)}")
    validation.real_numbers(name, found)
    n_conditions(name, found)
    found = found.astype(np.float64)
    validation.finite(name, found)
    return found


def n_conditions(name: str, found: Array) -> int:
    """Return k of k(k − 1)/2 pairs."""
    pairs = found.shape[1]
    k = (1 + math.isqrt(1 + 8 * pairs)) // 2
    if k * (k - 1) // 2 != pairs or pairs < 3:
        raise InputError(
            f"{name}: has {pairs} pairs; expected k (k − 1)/2 for k ≥ 3 conditions, above the diagonal row by row"
        )
    return k


def normalized(name: str, matrices: Array, method: str) -> Array:
    """Return the vectors (matrix, entry) whose inner products ``method`` compares, before division by their norms."""
    if method == "pearson":
        return np.asarray(matrices - matrices.mean(axis=1, keepdims=True))
    if method in ("spearman", "kendall"):
        from scipy.stats import rankdata

        ranks = rankdata(matrices, axis=1)
        return np.asarray(ranks - ranks.mean(axis=1, keepdims=True))
    if method == "cosine":
        return matrices
    k = n_conditions(name, matrices)
    square = np.zeros((len(matrices), k, k))
    rows, columns = np.triu_indices(k, k=1)
    square[:, rows, columns] = square[:, columns, rows] = -matrices / 2
    square -= square.mean(axis=1, keepdims=True)
    square -= square.mean(axis=2, keepdims=True)
    return square.reshape(len(matrices), -1)


def unit_vectors(name: str, matrices: Array, method: str) -> tuple[Array, Array]:
    """Return the vectors of :func:`normalized` divided by their norms, and the norms (matrix, 1)."""
    vectors = normalized(name, matrices, method)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    flat = norms[:, 0] <= 1e-14 * np.abs(matrices).max(axis=1)
    if flat.any():
        which = "constant" if method in ("pearson", "spearman") else "zero"
        raise InputError(f"{name}: matrix {int(np.argmax(flat))} is {which}, so its {method} similarity is undefined")
    return vectors / norms, norms


def _kendall(one: Array, other: Array) -> float:
    """Return τ_a: concordant less discordant pairs of entries, over all pairs of entries."""
    from scipy.stats import kendalltau

    pairs = len(one) * (len(one) - 1) / 2
    untied = [pairs - _ties(each) for each in (one, other)]
    if not all(untied):
        return 0.0
    return float(kendalltau(one, other).statistic * math.sqrt(untied[0] * untied[1]) / pairs)


def _ties(values: Array) -> float:
    counts = np.unique(values, return_counts=True)[1]
    return float((counts * (counts - 1) / 2).sum())
