"""The smallest rank that is enough, from the scores of several runs at each rank."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .validation import Array, finite


class SufficientRank(NamedTuple):
    """``rank``, or NaN when none is enough; ``low`` and ``high`` bound the 95 % interval.

    An interval may reach one beyond the largest rank, which stands for "more than were tried".
    """

    rank: float
    low: float
    high: float


def smallest_sufficient_rank(
    scores: Any, threshold: float, *, n_resamples: int = 2000, seed: int = 0
) -> SufficientRank:
    """Return the smallest rank whose mean score over runs exceeds a threshold, with a bootstrap interval over runs.

    Parameters
    ----------
    scores : (run, rank), rank 1 first
    threshold : float
    n_resamples, seed : int
        Resamples of runs for the percentile interval.

    Raises
    ------
    InputError
        If the scores are not a finite matrix.

    Examples
    --------
    >>> smallest_sufficient_rank([[0.6, 0.8, 0.97, 1.0], [0.6, 0.9, 0.96, 1.0]], 0.95)
    SufficientRank(rank=3.0, low=3.0, high=3.0)
    """
    values = np.asarray(scores, float)
    if values.ndim != 2 or not values.size:
        raise InputError(f"scores: expected shape (run, rank), found {values.shape}")
    finite("scores", values)
    chosen = np.random.default_rng(seed).integers(len(values), size=(n_resamples, len(values)))
    low, high = np.quantile(_first_above(values[chosen].mean(axis=1), threshold), (0.025, 0.975))
    own = float(_first_above(values.mean(axis=0)[None], threshold)[0])
    return SufficientRank(own if own <= values.shape[1] else float("nan"), float(low), float(high))


def _first_above(scores: Array, threshold: float) -> Array:
    """Return the first rank of each row above the threshold, one more than there are when none is."""
    enough = scores > threshold
    ranks: Array = np.where(enough.any(axis=1), enough.argmax(axis=1) + 1, scores.shape[1] + 1)
    return ranks
