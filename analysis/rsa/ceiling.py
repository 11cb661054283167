"""The noise ceiling: how well any model could fit the dissimilarities of several subjects."""

from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array
from .comparison import COMPARISONS, compare_dissimilarities, normalized, read_matrices, unit_vectors


class NoiseCeiling(NamedTuple):
    """Bounds on the mean similarity of the true model to the subjects."""

    lower: float
    upper: float


def noise_ceiling(subjects: Any, method: str = "whitened_cosine") -> NoiseCeiling:
    """Return the bounds on the mean similarity that the best possible model has to all subjects.

    Parameters
    ----------
    subjects : array (subject, pair)
        One dissimilarity matrix per subject (network, seed, animal, session), at least two.
    method : str
        As for :func:`compare_dissimilarities`.

    Returns
    -------
    NoiseCeiling
        ``upper``: mean similarity of each subject to the average of all subjects, which holds the subject itself.
        ``lower``: to the average of the others. The average is the best model for that comparison: of matrices
        divided by their norm (cosines), standardised (Pearson) or ranked (Spearman; for Kendall an approximation)
        (Nili et al. 2014).

    Raises
    ------
    InputError
        As :func:`compare_dissimilarities`; fewer than two subjects.

    Examples
    --------
    >>> bounds = noise_ceiling([[1.0, 2.0, 3.0], [1.0, 2.5, 3.0], [1.5, 2.0, 3.5]], "pearson")
    >>> round(bounds.lower, 3), round(bounds.upper, 3)
    (0.942, 0.974)
    """
    validation.choice("comparison", method, COMPARISONS)
    found = read_matrices("subjects", subjects)
    if len(found) < 2:
        raise InputError(f"subjects: found {len(found)} matrix; expected one for each of at least two subjects")
    scaled = _scaled(found, method)
    total = scaled.sum(axis=0)
    bounds = []
    for models in (total - scaled, np.broadcast_to(total, scaled.shape)):
        similarity = [
            compare_dissimilarities(subject, model, method)[0, 0] for subject, model in zip(found, models, strict=True)
        ]
        bounds.append(float(np.mean(similarity)))
    return NoiseCeiling(*bounds)


def _scaled(found: Array, method: str) -> Array:
    """Return the matrices as they are averaged: of equal weight in the comparison."""
    if method in ("spearman", "kendall"):
        return normalized("subjects", found, method)
    vectors, norms = unit_vectors("subjects", found, method)
    return vectors if method == "pearson" else np.asarray(found / norms)
