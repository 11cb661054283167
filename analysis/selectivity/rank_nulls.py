"""Exact null distributions of rank statistics without ties, by counting."""

import functools

import numpy as np

from ..validation import Array


@functools.lru_cache(maxsize=128)
def signed_rank_distribution(n: int) -> Array:
    """Return P(W ≤ w), (n (n + 1) / 2 + 1,), of the sum W of the ranks 1 … n that a fair coin gives a plus."""
    counts = np.ones(1)
    for rank in range(1, n + 1):
        grown = np.zeros(len(counts) + rank)
        grown[: len(counts)] += counts / 2
        grown[rank:] += counts / 2
        counts = grown
    return _cumulative(counts)


@functools.lru_cache(maxsize=128)
def rank_sum_distribution(n_first: int, n_second: int) -> Array:
    """Return P(U ≤ u), (n₁ n₂ + 1,), of the number U of pairs won by the first of two samples of one distribution.

    The last of n₁ + n₂ in order belongs to the first sample with probability n₁ / (n₁ + n₂), and then wins n₂ pairs.
    """
    row = [np.ones(1)] * (n_second + 1)  # no trial of the first sample: no pairs
    for first in range(1, n_first + 1):
        made = [np.ones(1)]
        for second in range(1, n_second + 1):
            share = first / (first + second)
            grown = np.zeros(first * second + 1)
            grown[second:] += share * row[second]
            grown[: first * (second - 1) + 1] += (1 - share) * made[second - 1]
            made.append(grown)
        row = made
    return _cumulative(row[n_second])


def two_sided(statistic: Array, cumulative: Array) -> Array:
    """Return twice the smaller tail probability of whole-numbered statistics, at most 1.

    The distributions are symmetric, so that the upper tail of s is the lower tail of the largest value less s: small
    p-values come from sums of small numbers, not from differences from 1.
    """
    low = np.minimum(statistic, len(cumulative) - 1 - statistic).astype(int)
    return np.asarray(np.minimum(1.0, 2 * cumulative[low]))


def _cumulative(probabilities: Array) -> Array:
    made: Array = np.cumsum(probabilities)
    made.flags.writeable = False  # the cache hands the same array to everyone
    return made
