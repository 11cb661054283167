"""Dissimilarities of patterns at many times at once, from their Gram matrices."""

import numpy as np

from ...errors import InputError
from ..validation import Array

METHODS = ("euclidean", "correlation", "crossnobis")


def euclidean(means: Array) -> Array:
    """Return squared distances per unit, (time, pair), of patterns (run, time, condition, unit) averaged over runs.

    At every time |a − b|² = G_aa + G_bb − 2 G_ab with the Gram matrix G of patterns.
    """
    patterns = means.mean(axis=0)
    # Distances do not change and keep their digits when the mean pattern is subtracted.
    patterns = patterns - patterns.mean(axis=1, keepdims=True)
    return np.asarray(np.maximum(_from_gram(patterns @ patterns.swapaxes(1, 2)) / patterns.shape[-1], 0.0))


def crossnobis(means: Array) -> Array:
    """Return cross-validated squared distances per unit, (time, pair): the mean of d_r · d_s over runs r ≠ s.

    Σ over r ≠ s of the Gram matrices between runs is that of the sum over runs less those of each run.
    """
    n_runs = len(means)
    patterns = means - means.mean(axis=(0, 2), keepdims=True)
    total = patterns.sum(axis=0)
    gram = total @ total.swapaxes(1, 2) - (patterns @ patterns.swapaxes(2, 3)).sum(axis=0)
    found: Array = _from_gram(gram) / (n_runs * (n_runs - 1) * means.shape[-1])
    return found


def correlation(means: Array) -> Array:
    """Return 1 − Pearson's correlation over units of patterns averaged over runs, (time, pair)."""
    patterns = means.mean(axis=0)
    patterns = patterns - patterns.mean(axis=2, keepdims=True)
    norms = np.linalg.norm(patterns, axis=2, keepdims=True)
    flat = norms[..., 0] <= 1e-13 * np.abs(means).max()
    if flat.any():
        time, condition = (int(index) for index in np.argwhere(flat)[0])
        raise InputError(
            f"activity: condition {condition} (in sorted order) has the same mean in every unit at time {time}, so its "
            "correlation is undefined; choose times with responses, or method='euclidean'"
        )
    patterns = patterns / norms
    # 1 − r = |a − b|²/2 for vectors of length one.
    return _from_gram(patterns @ patterns.swapaxes(1, 2)) / 2


def _from_gram(gram: Array) -> Array:
    rows, columns = np.triu_indices(gram.shape[1], k=1)
    own = np.diagonal(gram, axis1=1, axis2=2)
    found: Array = own[:, rows] + own[:, columns] - 2 * gram[:, rows, columns]
    return found
