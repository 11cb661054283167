"""The alignment index: variance in a subspace over the most that as many dimensions could hold, and its null."""

from typing import Any

import numpy as np

from .. import samples, validation
from ..feature_space import chunk_rows
from ..validation import Array, Samples
from .captured import fitting_basis, varying_mean
from .moments import BLOCK

BAND = (0.025, 0.975)
"""Quantiles of a null that are drawn and stored."""


def alignment_index(x: Samples, basis: Any) -> float:
    """Return the variance of ``x`` inside the span of ``basis`` over the most that any k dimensions hold, in [0, 1].

    tr(Qᵀ C Q) / Σ_{i ≤ k} λ_i, with C the covariance of ``x``, λ its eigenvalues in descending order and Q an
    orthonormal basis of the k columns of ``basis``. With ``basis`` the leading components of another epoch it is
    1 when both epochs use one subspace and 0 when they use orthogonal ones; :func:`compare_subspaces` has its null.

    Parameters
    ----------
    x : array (samples, features)
        Finite real numbers; may be on disk.
    basis : array (features, k)
        Linearly independent columns, orthonormal or not.

    Raises
    ------
    InputError
        As :func:`variance_captured`.

    References
    ----------
    Elsayed et al. (2016), Reorganization between preparatory and movement population responses in motor cortex.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> round(alignment_index(x, [[0.0], [1.0]]), 3)  # 1/10 of the variance; one dimension could hold 9/10
    0.111
    """
    found = validation.samples_matrix("x", x)
    q = fitting_basis(found, basis)
    mean = varying_mean("x", found)
    covariance = np.zeros((found.shape[1], found.shape[1]))
    for start, stop in samples.row_chunks(found.shape[0], chunk_rows([found])):
        centred = samples.read(found, start, stop).astype(np.float64) - mean
        covariance += centred.T @ centred
    if not (np.isfinite(covariance).all() and np.trace(covariance) > 0):
        raise samples.out_of_range("x")
    return float(alignment_of_covariance(covariance, q))


def alignment_of_covariance(covariance: Array, q: Array) -> Array:
    """Return the alignment index (…,) of a covariance (unit, unit) with orthonormal bases (…, unit, k)."""
    most = np.linalg.eigvalsh(covariance)[-q.shape[-1] :].sum()
    inside = np.einsum("...ij,...ij->...", covariance @ q, q)
    index: Array = np.minimum(inside / most, 1.0)
    return index


def alignment_beside_null(covariances: list[Array], bases: list[Array], n_random: int, seed: int) -> dict[str, Array]:
    """Return the alignment index of b with the subspace of a and of a with that of b, with its null."""
    from ..statistics import permutation_p_values

    # Random directions of the data: Gaussian vectors coloured by the covariance of a and b together.
    values, vectors = np.linalg.eigh(covariances[0] + covariances[1])
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    generator = np.random.default_rng(seed)
    found = []
    for covariance, basis in zip(reversed(covariances), bases, strict=True):
        index = alignment_of_covariance(covariance, basis)
        null = np.concatenate(
            [
                alignment_of_covariance(
                    covariance, np.linalg.qr(root @ generator.standard_normal((count, *basis.shape)))[0]
                )
                for count in _parts(n_random, max(1, BLOCK // basis.size))
            ]
        )
        low, high = np.quantile(null, BAND)
        found.append((index, null.mean(), low, high, permutation_p_values(index, null, tail="less")))
    names = ("alignment", "alignment_null", "alignment_low", "alignment_high", "p_aligned")
    return dict(zip(names, np.array(found, dtype=np.float64).T, strict=True))


def _parts(total: int, size: int) -> list[int]:
    """Return how many of ``total`` go into each block of at most ``size``."""
    return [min(size, total - start) for start in range(0, total, size)]
