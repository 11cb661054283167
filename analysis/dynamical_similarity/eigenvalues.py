"""The distance between the eigenvalues of two operators."""

import numpy as np

from ..validation import Array


def wasserstein(a: Array, b: Array, order: int = 1) -> float:
    """Return the Wasserstein distance between two sets of as many complex numbers, by optimal assignment.

    (mean over pairs of |λ − μ|^order)^(1/order). With order 2, √n times it is the least Frobenius distance
    ‖A − U B U*‖ over unitary U for normal operators (Hoffman and Wielandt 1953).
    """
    from scipy.optimize import linear_sum_assignment

    costs = np.abs(np.subtract.outer(a, b)) ** order
    rows, columns = linear_sum_assignment(costs)
    return float(costs[rows, columns].mean() ** (1 / order))
