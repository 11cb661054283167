"""The sums over a centred kernel matrix that decide how alignment is distributed under permutation."""

import dataclasses

import numpy as np

from .. import samples
from ..distances import SquaredDistances, block_pairs, central_row, inner_products
from ..gram_space import GaussianKernel
from ..validation import Array, Samples
from .permutation_moments import KernelShape

# Σ K_ab³ takes n² p operations; beyond this many samples that many, evenly spaced, stand for all.
MOST_FOR_CUBES = 4096
_ROWS = 1024


def shape_of_kernel(kernel: Array) -> KernelShape:
    """Return the shape of a centred kernel matrix (n, n), which is overwritten by itself less its trace."""
    n = len(kernel)
    removed = float(np.trace(kernel))
    share = removed / (n - 1)
    kernel += share / n
    kernel[np.diag_indices(n)] -= share
    diagonal = np.diagonal(kernel).copy()
    squared = kernel**2
    return KernelShape(
        n_samples=n,
        removed=removed,
        squares=float(squared.sum()),
        diagonal_squares=float(diagonal @ diagonal),
        diagonal_cubes=float((diagonal**3).sum()),
        diagonal_with_squares=float(diagonal @ squared.sum(axis=1)),
        diagonal_with_diagonal=float(diagonal @ kernel @ diagonal),
        cubes=float(np.vdot(squared, kernel)),
        trace_of_cube=float(np.vdot(kernel @ kernel, kernel)),
    )


def shape_of_features(array: Samples, mean: Array) -> KernelShape:
    """Return the shape of the linear kernel of ``array`` (samples, features) less ``mean``, without forming it.

    One pass of O(n p²) for all sums but Σ K_ab³, which takes O(m² p), m = min(n, :data:`MOST_FOR_CUBES`).
    """
    n, p = array.shape
    covariance, weighted = np.zeros((p, p)), np.zeros((p, p))
    weighted_sum, norms = np.zeros(p), np.empty(n)
    for start, stop in samples.row_chunks(n, _ROWS):
        chunk = samples.read(array, start, stop) - mean
        norms[start:stop] = np.vecdot(chunk, chunk)
        by_norm = chunk * norms[start:stop, np.newaxis]
        covariance += chunk.T @ chunk
        weighted += chunk.T @ by_norm
        weighted_sum += by_norm.sum(axis=0)
    whole = KernelShape(
        n_samples=n,
        removed=0.0,
        squares=float(np.vdot(covariance, covariance)),
        diagonal_squares=float(norms @ norms),
        diagonal_cubes=float((norms**3).sum()),
        diagonal_with_squares=float(np.vdot(weighted, covariance)),
        diagonal_with_diagonal=float(weighted_sum @ weighted_sum),
        cubes=_sum_of_cubes(array, mean, norms),
        trace_of_cube=float(np.vdot(covariance @ covariance, covariance)),
    )
    return _without_trace(whole, norms)


def _without_trace(whole: KernelShape, norms: Array) -> KernelShape:
    """Return the sums after subtracting share · H, from those before; H is the centring matrix and K H = K."""
    n, trace = whole.n_samples, float(norms.sum())
    share, on_diagonal = trace / (n - 1), 1 - 1 / n
    diagonal = norms - share * on_diagonal
    squares_of_diagonal = float(diagonal @ diagonal)
    return dataclasses.replace(
        whole,
        removed=trace,
        squares=whole.squares - share * trace,
        diagonal_squares=squares_of_diagonal,
        diagonal_cubes=float((diagonal**3).sum()),
        diagonal_with_squares=whole.diagonal_with_squares
        - share * on_diagonal * whole.squares
        - 2 * share * float(diagonal @ norms),
        diagonal_with_diagonal=whole.diagonal_with_diagonal - share * squares_of_diagonal,
        cubes=whole.cubes
        - 3 * share * (whole.diagonal_squares - whole.squares / n)
        + 3 * share**2 * trace * (1 - 2 / n)
        - share**3 * (n * on_diagonal**3 - (n - 1) / n**2),
        trace_of_cube=whole.trace_of_cube - 3 * share * whole.squares + 3 * share**2 * trace - share**3 * (n - 1),
    )


def _sum_of_cubes(array: Samples, mean: Array, norms: Array) -> float:
    n = len(norms)
    if n > MOST_FOR_CUBES:
        chosen = np.linspace(0, n - 1, MOST_FOR_CUBES).astype(np.intp)
        array = np.stack([np.asarray(array[row], dtype=np.float64) for row in chosen])
    m = len(array)
    total = 0.0
    for rows, columns in block_pairs(m, _ROWS):
        block = inner_products(array, mean, rows, columns)[0]
        total += float(np.vdot(block**2, block)) * (1 if rows == columns else 2)
    if m == n:
        return total
    beside = total - float((norms[chosen] ** 3).sum())
    return float((norms**3).sum()) + beside * n * (n - 1) / (m * (m - 1))


def centred_gaussian_kernel(array: Samples, relative_width: float) -> Array:
    """Return the centred RBF kernel (n, n) of ``array``, whose distances have a median above zero."""
    distances = SquaredDistances(array, central_row(array))
    n = array.shape[0]
    kernel = GaussianKernel(distances, relative_width * distances.median_distance(), offset=1)
    return centred(kernel.block((0, n), (0, n)))


def centred_linear_kernel(array: Samples, mean: Array) -> Array:
    """Return the linear kernel (n, n) of ``array`` less ``mean``."""
    n = array.shape[0]
    return centred(inner_products(array, mean, (0, n), (0, n))[0])


def centred(kernel: Array) -> Array:
    """Subtract the means of rows and columns in place, and return the kernel."""
    kernel -= kernel.mean(axis=0)
    kernel -= kernel.mean(axis=1)[:, np.newaxis]
    return kernel
