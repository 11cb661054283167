"""Stability of fixed points of a map, from the eigenvalues of its Jacobian."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Moduli this close to 1 are called neither stable nor unstable. A continuous attractor gives 1 ± 1e-15, a
# point found to q = 1e-25 beside a pitchfork 1 ± 1e-8 (x = tanh x is solved to |x| ≈ 1e-4 there).
MARGIN = 1e-7


def eigenvalues(jacobians: Array) -> Array:
    """Return the eigenvalues of each Jacobian, sorted by modulus, largest first.

    Parameters
    ----------
    jacobians : ndarray, shape (k, state, state)

    Returns
    -------
    ndarray, shape (k, state), complex
        Ties in modulus are ordered by real part, then imaginary part, both descending, so that the positive
        half of a conjugate pair comes first.

    Examples
    --------
    >>> eigenvalues(np.array([[[0.5, 0.0], [0.0, -2.0]]])).real
    array([[-2. ,  0.5]])
    """
    found = np.linalg.eigvals(jacobians).astype(complex)
    order = np.lexsort((-found.imag, -found.real, -np.abs(found)), axis=-1)
    return np.take_along_axis(found, order, axis=-1)


def count_unstable(values: Array) -> Array:
    """Return how many eigenvalues of each point have |λ| > 1 + MARGIN, shape (k,)."""
    return np.asarray(np.count_nonzero(np.abs(values) > 1 + MARGIN, axis=-1))


def is_stable(values: Array) -> Array:
    """Return whether all eigenvalues of each point have |λ| < 1 − MARGIN, shape (k,)."""
    return np.asarray(np.all(np.abs(values) < 1 - MARGIN, axis=-1))


def point_types(values: Array) -> list[str]:
    """Return ``stable``, ``saddle``, ``repeller`` or ``marginal`` for each row of eigenvalues.

    A repeller has all |λ| > 1, a saddle some; a marginal point has no |λ| > 1 and at least one on the unit
    circle, so that the linear part does not decide.
    """
    unstable, stable = count_unstable(values), is_stable(values)
    size = values.shape[-1]
    names = []
    for count, inside in zip(unstable.tolist(), stable.tolist(), strict=True):
        if inside:
            names.append("stable")
        elif count == 0:
            names.append("marginal")
        else:
            names.append("repeller" if count == size else "saddle")
    return names
