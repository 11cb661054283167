"""Sums of the trials of each cell of a design: all that least squares needs from the data, read once in blocks."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..samples import row_chunks
from ..validation import Array

# Tests per block: with a few hundred trials a block stays in the second-level cache.
_BLOCK = 512
# Below this share of the sum of squares, the variation within cells is summed again around each cell's own mean.
_CANCELLED = 1e-3
# Trials that differ by no more than this many units in the last place are equal, unless said otherwise.
_LAST_PLACES = 8


@dataclass(frozen=True, eq=False)
class CellSums:
    """Sufficient statistics of values (trial, test) for any linear model of the cells.

    Attributes
    ----------
    scaled_means : ndarray, shape (cell, test)
        √n times the mean of each cell of n trials, so that sums of squares over cells are those over trials; less a
        constant of the test (not kept) where a large offset would cost digits.
    within : ndarray, shape (test,)
        Sum of squared deviations from the cell means; not finite where a value is not, or too large to be squared.
    repeated : ndarray of bool, shape (test,)
        Trials of the same cell are equal up to rounding, in every cell.
    constant : ndarray of bool, shape (test,)
        All trials are equal up to rounding.
    """

    scaled_means: Array
    within: Array
    repeated: Array
    constant: Array


def cell_sums(values: Array, cells: Array, rounding: float | None = None) -> CellSums:
    """Return the sums of ``values`` (trial, test) by cell; ``cells`` (trial,) numbers them from 0, none empty.

    ``rounding`` is the relative difference of values that count as equal, by default :func:`rounding_of` their type.

    O(trials · tests · cells) in one pass through the data, and a second one for tests whose mean is far above their
    variation. Temporary arrays of 512 tests.
    """
    n_tests = values.shape[1]
    roots = np.sqrt(np.bincount(cells))[:, np.newaxis]
    members = (cells == np.arange(len(roots))[:, np.newaxis]) / roots  # (cell, trial)
    made = CellSums(np.empty((len(roots), n_tests)), np.empty(n_tests), *np.zeros((2, n_tests), bool))
    total = np.empty(n_tests)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller sees it in ``within``
        for start, stop in row_chunks(n_tests, _BLOCK):
            part = values[:, start:stop].astype(np.float64, copy=False)
            np.matmul(members, part, out=made.scaled_means[:, start:stop])
            total[start:stop] = np.einsum("ij,ij->j", part, part)
        np.subtract(total, np.square(made.scaled_means).sum(axis=0), out=made.within)
    if rounding is None:
        rounding = rounding_of(values.dtype)
    doubtful = np.flatnonzero(made.within <= _CANCELLED * total)
    for start, stop in row_chunks(len(doubtful), _BLOCK):
        _sum_again(made, values, doubtful[start:stop], cells, members, rounding)
    return made


def _sum_again(made: CellSums, values: Array, tests: Array, cells: Array, members: Array, rounding: float) -> None:
    """Replace the sums of some tests by sums around a trial of the same cell: equal trials then give exactly 0."""
    part = values[:, tests].astype(np.float64, copy=False)
    tolerance = len(part) * np.square(rounding * np.abs(part).max(axis=0))
    part = part - part[0]
    spread = np.einsum("ij,ij->j", part, part)
    firsts = part[np.unique(cells, return_index=True)[1]]  # (cell, test)
    deviations = part - firsts[cells]
    shifts = members @ deviations  # times √n, as members are
    roots = members.sum(axis=1, keepdims=True)
    deviations -= (shifts / roots)[cells]
    made.scaled_means[:, tests] = roots * firsts + shifts
    made.within[tests] = np.einsum("ij,ij->j", deviations, deviations)
    made.repeated[tests] = made.within[tests] <= tolerance
    made.constant[tests] = spread <= tolerance


def rounding_of(*dtypes: Any) -> float:
    """Return the relative difference of two values of these types that count as equal; integers do not round."""
    return _LAST_PLACES * max((float(np.finfo(dtype).eps) for dtype in dtypes if dtype.kind == "f"), default=0.0)
