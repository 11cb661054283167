"""Multipliers of a periodic orbit: the eigenvalues of a product of Jacobians, small ones too."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..stability import eigenvalues

Array = npt.NDArray[Any]

# Largest block-cyclic matrix whose eigenvalues are computed; beyond, the product's own.
_LARGEST = 256


def multipliers(factors: Array) -> Array:
    """Return the eigenvalues of factors[−1] … factors[1] factors[0], largest modulus first, (state,) complex.

    Parameters
    ----------
    factors : ndarray, shape (factor, state, state)
        The Jacobians along an orbit, in the order in which they act.

    Notes
    -----
    The eigenvalues of a product are computed to a share of its *largest* one; those of a contracting direction
    drown. The block-cyclic matrix that maps (x₁, …, xₖ) to (Jₖ xₖ, J₁ x₁, …) has the k-th roots of each
    multiplier as eigenvalues, which are of similar size, and so gives small multipliers to a share of themselves
    (Watkins, SIAM Rev. 47 (2005) 3, section 5). It is k times larger, and used up to 256 rows.
    """
    count, size, _ = factors.shape
    if count == 1 or count * size > _LARGEST:
        product = factors[0]
        for factor in factors[1:]:
            product = factor @ product
        return eigenvalues(product)
    cyclic = np.zeros((count, size, count, size))
    for index, factor in enumerate(factors):
        cyclic[(index + 1) % count, :, index] = factor
    roots = np.linalg.eigvals(cyclic.reshape(count * size, count * size))
    values = _joined(roots**count, count)
    # The order of all eigenvalues of this package, of a matrix that has these.
    return np.asarray(eigenvalues(np.diag(values)[None])[0])


def _joined(powers: Array, count: int) -> Array:
    """Return one value for each ``count`` near-equal ones: the mean of the largest left and those nearest to it."""
    left, found = powers.astype(complex), []
    while len(left):
        first = left[np.abs(left).argmax()]
        nearest = np.argsort(np.abs(left - first), kind="stable")
        found.append(left[nearest[:count]].mean())
        left = left[nearest[count:]]
    values = np.array(found)
    real = np.abs(values.imag) <= 1e-10 * np.abs(values)
    return np.where(real, values.real, values)
