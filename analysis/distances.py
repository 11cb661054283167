"""Squared distances between samples, block by block, and their exact median in bounded memory."""

import dataclasses
from collections.abc import Iterator

import numpy as np

from . import samples
from .validation import Array, Samples

_BLOCK_ROWS = 1024
# Up to this many pairs are held at once (32 MiB).
_HELD_PAIRS = 4 * 2**20
_BINS = 4096
_ROUNDING = 1e-14
_SMALLEST = float(np.finfo(np.float64).tiny)
# Features are read in panels of this size, for samples with very many of them.
_FEATURE_BYTES = 16 * 2**20


@dataclasses.dataclass(frozen=True)
class SquaredDistances:
    """‖x_a − x_b‖² between the rows of ``array`` (samples, features), relative to ``origin`` (features,).

    Any origin gives the same distances; one amid the samples (:func:`central_row`) loses fewest digits.
    """

    array: Samples
    origin: Array

    def block(self, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
        """Return the distances between samples ``rows`` (start, stop) and samples ``columns``."""
        squared, left, right = inner_products(self.array, self.origin, rows, columns)
        norms = left[:, np.newaxis] + right
        squared *= -2
        squared += norms
        # Below the rounding error of the difference: equal samples, which should be at distance zero.
        norms *= _ROUNDING
        squared *= squared > norms
        if rows == columns:
            np.fill_diagonal(squared, 0)
        return squared

    def median_distance(self) -> float:
        """Return the median of the n(n−1)/2 distances between distinct samples, exactly.

        Zero when at least half of the pairs are equal samples. With many samples the distances are recomputed
        a few times instead of kept: each pass counts them in bins and narrows the interval that holds the
        middle ranks, until what lies in it fits in memory.
        """
        n = self.array.shape[0]
        pairs = n * (n - 1) // 2
        ranks = np.array([(pairs - 1) // 2, pairs // 2])
        low, high, inside = 0.0, np.inf, pairs
        if pairs > _HELD_PAIRS:
            zeros, high = self._zeros_and_largest()
            if zeros > ranks[0]:
                return 0.0
            low = _SMALLEST
        while inside > _HELD_PAIRS:
            low, high, inside = self._narrow(low, high, ranks)
            if high <= low * (1 + 1e-12):  # equal distances, too many to hold
                return float(low**0.5)
        below, kept = 0, []
        for values in self._pairs():
            below += int((values < low).sum())
            kept.append(values[(values >= low) & (values <= high)])
        middle = np.partition(np.concatenate(kept), ranks - below)[ranks - below]
        return float(np.sqrt(middle).mean())

    def _zeros_and_largest(self) -> tuple[int, float]:
        zeros, largest = 0, 0.0
        for values in self._pairs():
            zeros += int((values == 0).sum())
            largest = max(largest, float(values.max(initial=0)))
        return zeros, largest

    def _narrow(self, low: float, high: float, ranks: Array) -> tuple[float, float, int]:
        """Return a smaller interval that still holds the ranks, and how many distances lie in it."""
        below, counts = 0, np.zeros(_BINS, dtype=np.int64)
        step = (high - low) / _BINS
        for values in self._pairs():
            below += int((values < low).sum())
            inside = values[(values >= low) & (values <= high)]
            bins = np.minimum((inside - low) / step, _BINS - 1).astype(np.int64)
            counts += np.bincount(bins, minlength=_BINS)
        first, last = np.searchsorted(np.cumsum(counts) + below, ranks, side="right")
        # One bin more on either side, so that rounding at the edges of bins cannot lose a rank.
        first, last = max(first - 1, 0), min(last + 1, _BINS - 1)
        return low + first * step, low + (last + 1) * step, int(counts[first : last + 1].sum())

    def _pairs(self) -> Iterator[Array]:
        for rows, columns in block_pairs(self.array.shape[0], _BLOCK_ROWS):
            block = self.block(rows, columns)
            yield block[np.triu_indices(len(block), k=1)] if rows == columns else block.ravel()


def inner_products(
    array: Samples, origin: Array, rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[Array, Array, Array]:
    """Return (x_a − origin)·(x_b − origin) of samples ``rows`` and ``columns``, and both squared norms."""
    products = np.zeros((rows[1] - rows[0], columns[1] - columns[0]))
    left_norms, right_norms = np.zeros(products.shape[0]), np.zeros(products.shape[1])
    for start, stop in samples.row_chunks(array.shape[1], max(1, _FEATURE_BYTES // (8 * max(products.shape)))):
        left = np.asarray(array[rows[0] : rows[1], start:stop]) - origin[start:stop]
        right = left
        if rows != columns:
            right = np.asarray(array[columns[0] : columns[1], start:stop]) - origin[start:stop]
        products += left @ right.T
        left_norms += np.vecdot(left, left)
        right_norms += np.vecdot(right, right)
    return products, left_norms, right_norms


def central_row(array: Samples) -> Array:
    """Return the feature medians of up to 1024 samples: amid the samples whatever outliers there are."""
    count = max(1, min(1024, _FEATURE_BYTES // (8 * array.shape[1])))
    step = -(-array.shape[0] // count)
    return np.median(np.asarray(array[::step], dtype=np.float64), axis=0)


def block_pairs(count: int, rows: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield the blocks (rows, columns) on and above the diagonal of a ``count`` × ``count`` matrix."""
    for block in samples.row_chunks(count, rows):
        for other in samples.row_chunks(count - block[0], rows):
            yield block, (other[0] + block[0], other[1] + block[0])
