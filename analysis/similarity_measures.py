"""Every measure of similarity, for all pairs of several arrays at once."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import ConfigurationError, unknown_name
from . import validation
from .canonical_correlation import cca
from .dynamical_similarity import dynamic_modes, dynamical_distance
from .predictivity import linear_predictivity
from .rsa import compare_dissimilarities
from .rsa.comparison import COMPARISONS
from .shape_distance import procrustes_distance
from .summarised_correlation import pwcca, svcca
from .validation import Array


@dataclasses.dataclass(frozen=True)
class Measure:
    """How to compute the matrix of a measure, and how to read it.

    ``compute`` maps arrays and options to (array, array_other). ``distance``: small is alike, and the diagonal is zero.
    ``directed``: entry (i, j) goes from array i to array j. ``options`` are the keywords it takes.
    """

    compute: Callable[..., Array]
    title: str
    options: tuple[str, ...] = ()
    distance: bool = False
    directed: bool = False


def measured(measure: str, arrays: Sequence[Any], names: Sequence[str], options: dict[str, Any]) -> Array:
    """Return the matrix (array, array_other) of a measure of :data:`MEASURES`.

    Raises
    ------
    ConfigurationError
        If the measure or an option is unknown.
    InputError
        As the measure; pairwise ones name the arrays x and y.
    """
    if measure not in MEASURES:
        raise ConfigurationError(unknown_name("measure", measure, ("cka", *MEASURES)))
    chosen = MEASURES[measure]
    for name in options:
        if name not in chosen.options:
            raise ConfigurationError(unknown_name(f"option of measure {measure!r}", name, chosen.options or ("none",)))
    values = chosen.compute(arrays, names, **options)
    np.fill_diagonal(values, 0.0 if chosen.distance else 1.0)
    return values


def _pairwise(function: Callable[..., float], *, symmetric: bool = True) -> Callable[..., Array]:
    def compute(arrays: Sequence[Any], names: Sequence[str], **options: Any) -> Array:
        k = len(arrays)
        values = np.zeros((k, k))
        for i in range(k):
            for j in range(i + 1 if symmetric else 0, k):
                if i != j:
                    values[i, j] = function(arrays[i], arrays[j], **options)
        return values + values.T if symmetric else values

    return compute


def _mean_cca(x: Any, y: Any) -> float:
    return float(cca(x, y).correlations.mean())


def _predictivity(arrays: Sequence[Any], names: Sequence[str], **options: Any) -> Array:
    values = np.zeros((len(arrays), len(arrays)))
    for i, x in enumerate(arrays):
        for j in range(i):
            # Bootstrap intervals are not part of the matrix; the fewest resamples that are allowed.
            values[[i, j], [j, i]] = linear_predictivity(x, arrays[j], n_resamples=2, **options).r2
    return values


def _rsa(
    arrays: Sequence[Any],
    names: Sequence[str],
    *,
    dissimilarity: str = "euclidean",
    comparison: str = "whitened_cosine",
) -> Array:
    """Return the comparison of dissimilarities between rows, each of which is a condition."""
    from scipy.spatial.distance import pdist

    validation.choice("dissimilarity", dissimilarity, ("euclidean", "correlation"))
    validation.choice("comparison", comparison, COMPARISONS)
    rows = []
    for name, array in zip(names, arrays, strict=True):
        found = np.asarray(validation.samples_matrix(name, array, least=3)[...], dtype=np.float64)
        validation.finite(name, found)
        rows.append(pdist(found, "sqeuclidean" if dissimilarity == "euclidean" else "correlation"))
    validation.same_samples(names, [np.asarray(array) for array in arrays])
    return compare_dissimilarities(np.stack(rows), np.stack(rows), comparison)


def _dynamics(
    arrays: Sequence[Any], names: Sequence[str], *, rank: int = 10, n_delays: int = 1, metric: str = "wasserstein"
) -> Array:
    modes = [
        dynamic_modes(array, rank=rank, n_delays=n_delays, name=name) for name, array in zip(names, arrays, strict=True)
    ]
    return _pairwise(dynamical_distance)(modes, names, metric=metric)


MEASURES = {
    "cca": Measure(_pairwise(_mean_cca), "mean canonical correlation"),
    "svcca": Measure(_pairwise(svcca), "SVCCA", ("variance",)),
    "pwcca": Measure(_pairwise(pwcca, symmetric=False), "projection-weighted CCA, weighted by the row", directed=True),
    "procrustes": Measure(
        _pairwise(procrustes_distance), "Procrustes distance", ("metric", "centered"), distance=True
    ),
    "rsa": Measure(_rsa, "similarity of dissimilarity matrices", ("dissimilarity", "comparison")),
    "predictivity": Measure(
        _predictivity, "linear predictivity R², row predicts column", ("groups", "folds", "penalties", "seed"),
        directed=True,
    ),
    "dsa": Measure(_dynamics, "dynamical distance", ("rank", "n_delays", "metric"), distance=True),
}  # fmt: skip
