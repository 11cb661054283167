"""The distinct orders of a sequence with repeated labels: how many there are, and each by its number."""

import math
from collections.abc import Sequence

import numpy as np

from ..validation import Array


def count_arrangements(label_counts: Sequence[int], limit: int) -> int:
    """Return the number of distinct orders of labels that occur ``label_counts`` times, or any number > ``limit``.

    Stops multiplying once the limit is passed: the whole number may have millions of digits.
    """
    found, placed = 1, 0
    for count in sorted(label_counts, reverse=True):
        placed += count
        found *= _choose(placed, count, limit)
        if found > limit:
            break
    return found


def _choose(total: int, chosen: int, limit: int) -> int:
    """Return the binomial coefficient, or any number > ``limit``."""
    chosen = min(chosen, total - chosen)
    # (total / chosen)^chosen is a lower bound: no need for the exact number when it is past the limit.
    if chosen and chosen * math.log(total / chosen) > math.log(limit) + 1:
        return limit + 1
    return math.comb(total, chosen)


def arrangements(ranks: Array, label_counts: Array, n_arrangements: int) -> Array:
    """Return the orders of the given ``ranks`` among all distinct orders in lexicographic order.

    Parameters
    ----------
    ranks : (row,) int
        0 is the sorted sequence.
    label_counts : (label,) int
        How often each label occurs.
    n_arrangements : int
        The number of distinct orders.

    Returns
    -------
    (row, item) int
        Codes of labels.
    """
    ranks = ranks.copy()
    rows = np.arange(len(ranks))
    n_items = int(label_counts.sum())
    remaining = np.tile(label_counts, (len(ranks), 1))
    continuations = np.full(len(ranks), n_arrangements, dtype=np.int64)
    codes = np.empty((len(ranks), n_items), dtype=np.intp)
    for place in range(n_items):
        starting_with = continuations[:, np.newaxis] * remaining // (n_items - place)
        passed = np.cumsum(starting_with, axis=1)
        code = (ranks[:, np.newaxis] >= passed).sum(axis=1)
        codes[:, place] = code
        continuations = starting_with[rows, code]
        ranks -= passed[rows, code] - continuations
        remaining[rows, code] -= 1
    return codes
