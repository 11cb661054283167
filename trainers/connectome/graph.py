"""Measures of a weight matrix as a directed graph: rows are sources, 0 is no connection."""

import dataclasses

import numpy as np

from ...errors import InputError
from ...results import Array


def reciprocity(weights: Array) -> float:
    """Return the share of connections (n, n) whose reverse exists too; NaN without connections."""
    exists = np.asarray(weights) != 0
    return float(exists[exists.T].mean()) if exists.any() else float("nan")


def degrees(weights: Array) -> tuple[Array, Array]:
    """Return how many connections leave and how many enter each unit, (unit,) each."""
    exists = np.asarray(weights) != 0
    return exists.sum(1), exists.sum(0)


def spectral_radius(weights: Array) -> float:
    """Return the largest modulus of the eigenvalues of a square matrix; n³ steps, 30 ms for 220 units."""
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or not np.isfinite(weights).all():
        raise InputError(f"weights: expected a square matrix of finite numbers, found shape {weights.shape}")
    return float(np.abs(np.linalg.eigvals(weights)).max(initial=0))


@dataclasses.dataclass(frozen=True)
class Homophily:
    """Whether units with similar connections are connected preferentially.

    ``index`` is the mean similarity over connected pairs minus that over unconnected ones; ``connected`` and
    ``unconnected`` are these means, and ``n_undefined`` counts pairs left out because one of the two has equal weights
    to and from all others.
    """

    index: float
    connected: float
    unconnected: float
    n_undefined: int


def homophily(weights: Array) -> Homophily:
    """Return how much more similar connected units are than unconnected ones, from weights (unit, unit).

    The similarity of two units is Pearson's correlation of their weights to and from all third units. A pair counts as
    connected if there is a connection in either direction. As reference take weights shuffled on the same connections
    (:func:`~.null_models.permute_weights`).

    Raises
    ------
    InputError
        If there are fewer than 4 units, or no pair is connected, or every pair is.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or len(weights) < 4:
        raise InputError(f"weights: expected a square matrix of at least 4 units, found shape {weights.shape}")
    upper = np.triu_indices(len(weights), 1)
    similar = similarity(weights)[upper]
    joined = ((weights != 0) | (weights.T != 0))[upper]
    defined = np.isfinite(similar)
    yes, no = similar[defined & joined], similar[defined & ~joined]
    if not len(yes) or not len(no):
        raise InputError(f"weights: expected connected and unconnected pairs, found {len(yes)} and {len(no)}")
    return Homophily(
        index=float(yes.mean() - no.mean()),
        connected=float(yes.mean()),
        unconnected=float(no.mean()),
        n_undefined=int((~defined).sum()),
    )


def similarity(weights: Array) -> Array:
    """Return Pearson's correlation between the connections of every two units, (unit, unit), NaN where undefined.

    The connections of a unit are its weights to and from all third units: what lies between the two, and what each has
    with itself, is left out. One matrix product: n³ steps.
    """
    # A correlation does not change with a common offset, and without one the differences below lose no digits.
    weights = np.asarray(weights, dtype=float) - np.mean(weights)
    n_common = 2 * (len(weights) - 2)
    own = np.diag(weights)
    product = weights @ weights.T + weights.T @ weights
    # Third units only: take out what the sums over all units have at the two units themselves.
    product -= (own[:, None] + own) * (weights + weights.T)
    total = (weights.sum(1) + weights.sum(0))[:, None] - 2 * own[:, None] - (weights + weights.T)
    square = ((weights**2).sum(1) + (weights**2).sum(0) - 2 * own**2)[:, None] - weights**2 - weights.T**2
    variance = square - total**2 / n_common
    variance[variance <= np.finfo(float).eps * n_common * np.abs(square)] = np.nan
    correlation: Array = (product - total * total.T / n_common) / np.sqrt(variance * variance.T)
    np.fill_diagonal(correlation, np.nan)
    return correlation


def clusteredness(weights: Array, n_clusters: tuple[int, ...] = (2, 3, 4, 5), *, seed: int = 0) -> Array:
    """Return how well units fall into clusters by their outgoing weights, (number of clusters,), each from −1 to 1.

    The silhouette score (Euclidean) of k-means on the rows of the weights (unit, unit), the best of ten starts.

    Raises
    ------
    InputError
        If there are not more units than clusters, or too few different rows for a number of clusters.
    """
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    weights = np.asarray(weights, dtype=float)
    n_different = len(np.unique(weights, axis=0))
    if n_different < max(n_clusters) or len(weights) <= max(n_clusters):
        raise InputError(
            f"weights: expected at least {max(n_clusters)} different rows and one row more, "
            f"found {len(weights)} rows, {n_different} of them different"
        )
    labels = [KMeans(k, n_init=10, random_state=seed).fit_predict(weights) for k in n_clusters]
    return np.array([silhouette_score(weights, found) for found in labels])
