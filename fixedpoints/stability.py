"""Stability of fixed points, from the eigenvalues of the Jacobian.

A direction decays when |λ| < 1 under a map, when Re λ < 0 under a flow. :func:`growth` is negative in both cases,
and everything else here is said in terms of it.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .problem import Dynamics

Array = npt.NDArray[Any]

# Growth this close to 0 is called neither stable nor unstable. A continuous attractor gives 1 ± 1e-15, a
# point found to q = 1e-25 beside a pitchfork 1 ± 1e-8 (x = tanh x is solved to |x| ≈ 1e-4 there).
MARGIN = 1e-7


def growth(values: Array, dynamics: Dynamics = "map") -> Array:
    """Return how much each eigenvalue exceeds neutrality: |λ| − 1 of a map, Re λ / max |λ| of a flow.

    Same shape as ``values`` (…, state). A flow's unit of time is arbitrary, hence the division.
    """
    if dynamics == "map":
        return np.asarray(np.abs(values) - 1)
    fastest = np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    return np.asarray(values.real / np.where(fastest > 0, fastest, 1.0))


def eigenvalues(jacobians: Array, dynamics: Dynamics = "map") -> Array:
    """Return the eigenvalues of each Jacobian, slowest to decay first.

    Parameters
    ----------
    jacobians : ndarray, shape (k, state, state)

    Returns
    -------
    ndarray, shape (k, state), complex
        By modulus for a map, by real part for a flow, descending. Ties are ordered by real part (map), then
        imaginary part, both descending, so that the positive half of a conjugate pair comes first.

    Examples
    --------
    >>> eigenvalues(np.array([[[0.5, 0.0], [0.0, -2.0]]])).real
    array([[-2. ,  0.5]])
    """
    found = np.linalg.eigvals(jacobians).astype(complex)
    leading = np.abs(found) if dynamics == "map" else found.real
    order = np.lexsort((-found.imag, -found.real, -leading), axis=-1)
    return np.take_along_axis(found, order, axis=-1)


def count_unstable(values: Array, dynamics: Dynamics = "map") -> Array:
    """Return how many eigenvalues of each point grow by more than MARGIN, shape (k,)."""
    return np.asarray(np.count_nonzero(growth(values, dynamics) > MARGIN, axis=-1))


def is_stable(values: Array, dynamics: Dynamics = "map") -> Array:
    """Return whether all eigenvalues of each point decay by more than MARGIN, shape (k,)."""
    return np.asarray(np.all(growth(values, dynamics) < -MARGIN, axis=-1))


def point_types(values: Array, dynamics: Dynamics = "map") -> list[str]:
    """Return ``stable``, ``saddle``, ``repeller`` or ``marginal`` for each row of eigenvalues.

    A repeller grows in all directions, a saddle in some; a marginal point grows in none and is neutral in at
    least one, so that the linear part does not decide.
    """
    unstable, stable = count_unstable(values, dynamics), is_stable(values, dynamics)
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
