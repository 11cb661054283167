"""The statistics of differences within pairs: Student's t and Wilcoxon's signed ranks, for many tests at once."""

import numpy as np

from ..samples import row_chunks
from ..validation import Array
from .rank_nulls import signed_rank_distribution, two_sided

# As in scipy: exact up to this many pairs.
_EXACT = 50
_BLOCK = 2**21


def paired_t(differences: Array, rounding: Array) -> tuple[Array, Array, Array, Array]:
    """Return t, two-sided p, d_z and where all differences (pair, test) are equal up to ``rounding`` (test,)."""
    from scipy.special import stdtr

    n = len(differences)
    mean = differences.mean(axis=0)
    deviation = np.sqrt(np.square(differences - mean).sum(axis=0) / (n - 1))
    undefined = deviation <= np.maximum(rounding, 4 * np.finfo(float).eps * np.abs(mean))
    effect = np.divide(mean, deviation, out=np.full(mean.shape, np.nan), where=~undefined)
    statistic = effect * np.sqrt(n)
    return statistic, 2 * stdtr(n - 1, -np.abs(statistic)), effect, undefined


def signed_rank(differences: Array) -> tuple[Array, Array, Array, Array]:
    """Return W, two-sided p, the rank-biserial correlation and where all differences (pair, test) are zero."""
    n_tests = differences.shape[1]
    statistic, p, effect = (np.full(n_tests, np.nan) for _ in range(3))
    undefined = (differences == 0).all(axis=0)
    for start, stop in row_chunks(n_tests, max(1, _BLOCK // len(differences))):
        tests = start + np.flatnonzero(~undefined[start:stop])
        statistic[tests], p[tests], effect[tests] = _signed_rank(differences[:, tests])
    return statistic, p, effect, undefined


def _signed_rank(differences: Array) -> tuple[Array, Array, Array]:
    from scipy.special import ndtr
    from scipy.stats import rankdata

    zero = differences == 0
    n_zero = zero.sum(axis=0)
    ranks = np.where(zero, 0, rankdata(np.abs(differences), axis=0) - n_zero)  # zeros have the lowest ranks
    n = len(differences) - n_zero
    plus, whole = (ranks * (differences > 0)).sum(axis=0), n * (n + 1) / 2
    # The variance of Σ rank · coin; with ties it is Wilcoxon's tie-corrected one.
    z = (plus - whole / 2) / np.sqrt(np.square(ranks).sum(axis=0) / 4)
    p = 2 * ndtr(-np.abs(z))
    if len(differences) <= _EXACT:
        ordered = np.sort(np.abs(differences), axis=0)
        exact = (n_zero == 0) & ~(ordered[1:] == ordered[:-1]).any(axis=0)
        p[exact] = two_sided(plus[exact], signed_rank_distribution(len(differences)))
    return plus, p, 2 * plus / whole - 1
