"""Exact moments of Σ_ab K_ab L_π(a)π(b) over all permutations π of the samples, in closed form.

A product of copies of K is a sum over patterns of equal and different indices. Permuting L makes every tuple of
different samples equally likely, so each pattern contributes the product of its sum over K and its sum over L,
divided by the number of such tuples. Rows of centred kernels sum to zero, which leaves few sums to compute.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from ..validation import Array


@dataclasses.dataclass(frozen=True)
class KernelShape:
    """Sums over a kernel matrix K (n × n) whose rows, columns and diagonal sum to zero.

    A diagonal of zero sum is had from any centred kernel by subtracting a multiple of the centring matrix, which
    shifts the statistic by a constant. ``removed`` is the trace that was subtracted; d is the diagonal of K.

    Attributes
    ----------
    n_samples : int
    removed : float
    squares : float
        Σ K_ab².
    diagonal_squares, diagonal_cubes : float
        Σ d_a², Σ d_a³.
    diagonal_with_squares : float
        Σ_ab d_a K_ab².
    diagonal_with_diagonal : float
        Σ_ab d_a K_ab d_b.
    cubes : float
        Σ K_ab³.
    trace_of_cube : float
        tr K³.
    """

    n_samples: int
    removed: float
    squares: float
    diagonal_squares: float
    diagonal_cubes: float
    diagonal_with_squares: float
    diagonal_with_diagonal: float
    cubes: float
    trace_of_cube: float

    @property
    def self_similarity(self) -> float:
        """Σ K_ab² of the centred kernel as it was before its trace was removed."""
        return self.squares + self.removed**2 / (self.n_samples - 1)


@dataclasses.dataclass(frozen=True)
class PermutationMoments:
    """Mean, standard deviation and skewness (0 where all permutations agree) over all n! permutations."""

    mean: float
    deviation: float
    skewness: float


def permutation_moments(k: KernelShape, low: KernelShape) -> PermutationMoments:
    """Return the moments of Σ_ab K_ab L_π(a)π(b), K and L before their traces were removed.

    Needs at least 4 samples. Sources: the first three moments of the RV coefficient are in Kazi-Aoual, Hitier,
    Sabatier and Lebreton (1995), Refined approximations to permutation tests for multivariate inference.
    """
    n = k.n_samples
    mean = k.removed * low.removed / (n - 1)
    variance = 2 * k.squares * low.squares / ((n + 1) * (n - 2))
    spreads = [n * (n + 1) * each.diagonal_squares - 2 * (n - 1) * each.squares for each in (k, low)]
    variance += spreads[0] * spreads[1] / ((n + 1) * n * (n - 1) * (n - 2) * (n - 3))
    # A deviation below the rounding of the statistic's largest value: every permutation gives the same.
    if variance <= 1e-26 * k.self_similarity * low.self_similarity:
        return PermutationMoments(mean, 0.0, 0.0)
    third = 0.0
    sums = [_sums_of_merged(each) for each in (k, low)]
    for n_blocks, rows in _patterns():
        if n_blocks <= n:
            left, right = (rows @ each for each in sums)
            third += float(left @ right) / math.perm(n, n_blocks)
    deviation = math.sqrt(variance)
    return PermutationMoments(mean, deviation, third / deviation**3)


# Sums over K_ab K_cd K_ef with indices merged so that none stands alone (else a row sum, zero, is a factor) and
# no loop stands alone (else the trace, zero, is a factor), by the edges that are left.
_MERGED = ("diagonal_cubes", "diagonal_with_squares", "diagonal_with_diagonal", "cubes", "trace_of_cube")


def _sums_of_merged(shape: KernelShape) -> Array:
    return np.array([getattr(shape, name) for name in _MERGED])


@functools.cache
def _patterns() -> tuple[tuple[int, Array], ...]:
    """Return, by number of different indices, rows that turn :data:`_MERGED` sums into sums over different indices.

    Each of the 203 partitions of the six places (a, b, c, d, e, f) has a row; Möbius inversion over its mergers
    subtracts the tuples in which supposedly different indices are equal.
    """
    rows: dict[int, list[Array]] = {}
    for partition in _partitions(tuple(range(6))):
        row = np.zeros(len(_MERGED))
        for grouping in _partitions(tuple(range(len(partition)))):
            merged = [tuple(place for block in group for place in partition[block]) for group in grouping]
            kind = _kind(merged)
            if kind is not None:
                row[_MERGED.index(kind)] += math.prod(
                    (-1) ** (len(group) - 1) * math.factorial(len(group) - 1) for group in grouping
                )
        rows.setdefault(len(partition), []).append(row)
    return tuple((n_blocks, np.array(each)) for n_blocks, each in sorted(rows.items()))


def _partitions(items: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for smaller in _partitions(rest):
        yield [(first,), *smaller]
        for index, block in enumerate(smaller):
            yield [*smaller[:index], (first, *block), *smaller[index + 1 :]]


def _kind(blocks: Sequence[tuple[int, ...]]) -> str | None:
    """Return which sum of :data:`_MERGED` the merged indices give, None for zero."""
    if min(len(block) for block in blocks) < 2:
        return None
    block_of = {place: number for number, block in enumerate(blocks) for place in block}
    edges = [frozenset((block_of[place], block_of[place + 1])) for place in (0, 2, 4)]
    loops = sum(len(edge) == 1 for edge in edges)
    if len(blocks) == 1:
        return "diagonal_cubes"
    if len(blocks) == 3:
        return None if loops else "trace_of_cube"
    # Two indices: loops on both sides of a single edge, a loop beside a double edge, a triple edge; or loops only.
    return {0: "cubes", 1: "diagonal_with_squares", 2: "diagonal_with_diagonal", 3: None}[loops]
