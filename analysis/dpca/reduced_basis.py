"""Leading eigenvectors of B diag(g) Bᵀ for many weights g at once: exact for a few, Rayleigh and Ritz in their span.

As the regularizer grows, the eigenvectors turn smoothly. Those of a few regularizers, with some to spare, span nearly
all that the others need, which leaves a small problem for each of the others.
"""

import numpy as np

from ..validation import Array

MOST_EXACT = 3
"""How many sets of weights are solved exactly."""

# Problems this small are solved whole: reducing them saves nothing.
_SMALL = 32
_SPARE = 1


def leading_vectors(rows: Array, gains: Array, turning: tuple[int, int], k: int) -> tuple[Array, Array, Array]:
    """Return the leading ``k`` eigenvectors of B diag(g) B, with B = rowsᵀ rows, for each set of weights g.

    ``rows`` (row, dimension) and ``gains`` (weights, dimension); ``turning`` are the first and the last set between
    which eigenvectors still change. The answer is a basis (dimension, m), B times that basis, and coordinates in it
    (weights, m, k). Exact for up to ``MOST_EXACT`` sets and for small problems; elsewhere scores that use the vectors
    are off by about 1e-5.
    """
    if len(rows) < rows.shape[1]:
        basis, triangle = np.linalg.qr(rows.T)
        image = triangle @ rows
    else:
        basis, image = np.eye(rows.shape[1]), rows.T @ rows
    if len(image) > _SMALL:
        exact = np.arange(len(gains))
        if len(gains) > MOST_EXACT:
            exact = np.unique(np.round(np.linspace(*turning, MOST_EXACT)).astype(int))
        count = min(max(k + _SPARE, _SMALL // MOST_EXACT), len(image))
        found = [_top((image * gains[at]) @ image.T, count) for at in exact]
        inside = np.linalg.qr(np.concatenate(found, axis=1))[0]
        basis, image = basis @ inside, inside.T @ image
    small = (gains[:, np.newaxis, :] * image) @ image.T
    vectors = np.linalg.eigh(small)[1]
    return basis, image.T, vectors[:, :, ::-1][:, :, :k]


def _top(matrix: Array, count: int) -> Array:
    """Return the eigenvectors of the ``count`` largest eigenvalues (n, count)."""
    from scipy.linalg import eigh

    n = len(matrix)
    found: Array = eigh(matrix, subset_by_index=(n - count, n - 1), check_finite=False)[1]
    return found
