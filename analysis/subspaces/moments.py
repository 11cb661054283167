"""Sums over each trial's samples, from which covariances follow for any exchange of trials between two sets."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ..validation import Array
from .angles import angles_between
from .bases import leading_of_covariance
from .trials import Trials

# Numbers in the largest temporary array: 32 MB of float64.
BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class TrialMoments:
    """For every trial the number of samples, their sum (trial, unit) and sum of outer products (trial, unit, unit)."""

    counts: Array
    totals: Array
    products: Array

    @classmethod
    def of(cls, trials: Trials, origin: Array) -> Self:
        """Return the moments about ``origin`` (unit,): near the mean, so that covariances lose no digits to it."""
        blocks = [block - origin for block in trials.each()]
        return cls(
            np.array([float(len(block)) for block in blocks]),
            np.stack([block.sum(axis=0) for block in blocks]),
            np.stack([block.T @ block for block in blocks]),
        )

    def covariance(self, weights: Array | None = None) -> Array:
        """Return the covariance (unit, unit), or one for each row of weights (…, trial) of the trials."""
        weights = np.ones(len(self.counts)) if weights is None else weights
        n_trials, n_units = self.totals.shape
        counts = weights @ self.counts
        means = (weights @ self.totals) / counts[..., np.newaxis]
        second = (weights @ self.products.reshape(n_trials, -1)).reshape(*weights.shape[:-1], n_units, n_units)
        outer = means[..., :, np.newaxis] * means[..., np.newaxis, :]
        found: Array = second / counts[..., np.newaxis, np.newaxis] - outer
        return found

    def joined(self, other: "TrialMoments") -> "TrialMoments":
        """Return the moments of the trials of both."""
        pairs = zip(
            (self.counts, self.totals, self.products), (other.counts, other.totals, other.products), strict=True
        )
        return TrialMoments(*(np.concatenate(pair) for pair in pairs))


def exchange_null(
    a: TrialMoments, b: TrialMoments, sizes: list[int], n_permutations: int, seed: int, *, paired: bool
) -> tuple[Array, bool]:
    """Return principal angles (permutation, angle) when trials change sides, and whether all exchanges are in.

    Paired trials swap a and b or not; unpaired ones are dealt out anew, as many to each side as there are.
    """
    from ..statistics import Permutations

    both = a.joined(b)
    n_a, n_units = len(a.counts), a.totals.shape[1]
    if paired:
        permutations = Permutations.of_signs(n_a, n_permutations, seed)
    else:
        permutations = Permutations.of_labels(np.repeat([0, 1], [n_a, len(b.counts)]), n_permutations, seed)

    def statistic(rows: Array) -> Array:
        if paired:
            kept = rows > 0
            inside = np.concatenate([kept, ~kept], axis=1).astype(np.float64)
        else:
            inside = (rows < n_a).astype(np.float64)
        bases = [
            leading_of_covariance(both.covariance(weights), k).axes
            for weights, k in zip((inside, 1 - inside), sizes, strict=True)
        ]
        return angles_between(*bases)

    return permutations.null(statistic, max(1, BLOCK // n_units**2)), permutations.exact
