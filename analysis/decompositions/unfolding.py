"""Tensors of three axes as matrices and back: the few steps that every decomposition is made of."""

from collections.abc import Sequence

import numpy as np

from ..validation import Array

# Squares, and squares of squares (Gram matrices are squared once more by their eigenvalues), stay within 2^±1022.
_SAFE_EXPONENT = 200


def unfold(tensor: Array, axis: int) -> Array:
    """Return the matrix (axis, the other axes in order), whose columns are the fibres along ``axis``.

    Kolda and Bader 2009, section 2.4, with the other axes in row-major order.
    """
    if axis == tensor.ndim - 1:
        return tensor.reshape(-1, tensor.shape[axis]).T  # the same matrix, without a copy
    return np.moveaxis(tensor, axis, 0).reshape(tensor.shape[axis], -1)


def fold(matrix: Array, axis: int, shape: Sequence[int]) -> Array:
    """Return the tensor of ``shape`` whose unfolding along ``axis`` is ``matrix``."""
    others = [size for other, size in enumerate(shape) if other != axis]
    return np.moveaxis(matrix.reshape([len(matrix), *others]), 0, axis)


def times(tensor: Array, matrix: Array, axis: int) -> Array:
    """Return the mode product: ``matrix`` (new, old) applied along ``axis`` of ``tensor``."""
    shape = [*tensor.shape]
    shape[axis] = len(matrix)
    return fold(matrix @ unfold(tensor, axis), axis, shape)


def times_all(tensor: Array, matrices: Sequence[Array]) -> Array:
    """Return ``tensor`` with one matrix (new, old) applied along each axis."""
    for axis, matrix in enumerate(matrices):
        tensor = times(tensor, matrix, axis)
    return tensor


def leading(matrix: Array, count: int) -> Array:
    """Return the ``count`` leading left singular vectors of ``matrix`` (rows, columns), as columns, in order.

    From the eigenvectors of the smaller Gram matrix: O(rows · columns · the lesser of them), many times cheaper than a
    singular value decomposition. Directions whose singular value is below 1e-8 of the largest are not resolved.
    """
    if matrix.shape[0] <= matrix.shape[1]:
        return _last_eigenvectors(matrix @ matrix.T, count)
    return np.linalg.qr(matrix @ _last_eigenvectors(matrix.T @ matrix, count))[0]


def _last_eigenvectors(gram: Array, count: int) -> Array:
    """Return the eigenvectors of the ``count`` largest eigenvalues, as columns, the largest first."""
    from scipy.linalg import eigh  # here, so that importing the package stays quick

    size = len(gram)
    first = max(size - count, 0)
    if first == size:
        return np.zeros((size, 0))
    vectors: Array = eigh(gram, subset_by_index=(first, size - 1), check_finite=False)[1][:, ::-1]
    return vectors


def truncated(matrix: Array, rank: int) -> tuple[Array, Array, Array]:
    """Return U (rows, rank), s (rank,), Vᵀ (rank, columns): the best approximation of that rank (Eckart and Young)."""
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    return left[:, :rank], singular[:rank], right[:rank]


def positive_peaks(vectors: Array) -> Array:
    """Return the sign (component,) that makes the entry of largest size of each column of ``vectors`` positive."""
    if not vectors.size:
        return np.ones(vectors.shape[1])
    peaks = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return np.where(peaks < 0, -1.0, 1.0)


def scaled(tensor: Array) -> tuple[Array, float]:
    """Return ``tensor`` / scale and scale, a power of two that keeps the squares of its entries within range.

    Without it very large weights would overflow when squared and very small ones vanish. 1 for everyday numbers and
    for zeros; a power of two changes no digit.
    """
    exponent = int(np.frexp(max(tensor.max(), -tensor.min()))[1])
    if abs(exponent) < _SAFE_EXPONENT:
        return tensor, 1.0
    return np.ldexp(tensor, -exponent), float(np.ldexp(1.0, exponent))
