"""Summaries of canonical correlations that give little weight to noise: SVCCA and projection-weighted CCA."""

from typing import Any

import numpy as np

from ..errors import ConfigurationError
from .canonical_correlation import cca
from .shape_distance import matched_matrices
from .validation import Array


def svcca(x: Any, y: Any, *, variance: float = 0.99) -> float:
    """Return the mean canonical correlation of the leading principal components of two arrays, in [0, 1].

    Parameters
    ----------
    x, y : array (samples, features)
        As for :func:`cca`.
    variance : float
        Each array is reduced to the fewest components that hold this share of its variance, in (0, 1].

    Raises
    ------
    InputError
        As :func:`cca`.
    ConfigurationError
        If ``variance`` is not above 0 and at most 1.

    Notes
    -----
    The mean is over the smaller number of components. All kept components count alike; the value depends on the share
    that is kept, so state it.

    References
    ----------
    Raghu, Gilmer, Yosinski, Sohl-Dickstein (2017), SVCCA.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> round(svcca(x, x @ [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]), 12)
    1.0
    """
    if not 0 < variance <= 1:
        raise ConfigurationError(f"variance: expected a share above 0 and at most 1, found {variance!r}")
    reduced = [_leading(matrix, variance) for matrix in matched_matrices(x, y, centered=True)]
    return float(cca(*reduced).correlations.mean())


def pwcca(x: Any, y: Any) -> float:
    """Return the canonical correlations of two arrays, averaged by how much each explains of x, in [0, 1].

    With canonical variates h_i of x (orthonormal) and units z_j of x (centred), correlation i has weight
    Σ_j |h_i · z_j|, and weights are divided by their sum. ``pwcca(y, x)`` weighs by y and differs.

    Parameters
    ----------
    x, y : array (samples, features)
        As for :func:`cca`; noisy directions of x get little weight, those of y are not considered.

    Raises
    ------
    InputError
        As :func:`cca`.

    References
    ----------
    Morcos, Raghu, Bengio (2018), Insights on representational similarity in neural networks with canonical correlation.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((100, 3))
    >>> round(pwcca(x, x[:, ::-1]), 12)
    1.0
    """
    found = cca(x, y)
    units, _ = matched_matrices(x, y, centered=True)
    weights = np.abs(found.weights_x.T @ (units.T @ units)).sum(axis=1)
    return float(weights @ found.correlations / weights.sum())


def _leading(matrix: Array, variance: float) -> Array:
    """Return the scores of the fewest principal components that hold ``variance`` of a centred matrix."""
    u, singular, _ = np.linalg.svd(matrix, full_matrices=False)
    held = np.cumsum(singular**2)
    # A share of 1 is met up to rounding by the rank, not by components of rounding error.
    count = int(np.searchsorted(held, variance * held[-1] * (1 - 1e-15))) + 1
    return np.asarray(u[:, :count] * singular[:count])
