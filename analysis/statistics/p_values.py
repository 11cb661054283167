"""Permutation p-values, with ties that rounding would split counted as ties."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array

TAILS = ("greater", "less", "two-sided")

_BLOCK_ENTRIES = 2**21


def permutation_p_values(observed: Any, null: Any, *, tail: str = "greater", exact: bool = False) -> Any:
    """Return the p-value of each statistic under permutation; never 0.

    (1 + count) / (1 + n) for n random permutations, count / n for all of them (``exact``, where the observed order
    is one of the n). The count takes values equal to the observed one; float values within eps^(2/3) of the largest
    magnitude (4e-11 in float64, 2e-5 in float32) are equal, so that two ways of rounding the same number do not
    split a tie.

    Parameters
    ----------
    observed : (…)
        NaN marks a test that was not made; its p is NaN.
    null : (n, …)
        The statistic under each permutation; may be on disk. Infinite values count as such.
    tail : {"greater", "less", "two-sided"}
        "two-sided" is twice the smaller of the two one-sided p-values, at most 1: no symmetry is assumed.
    exact : bool
        ``Permutations.exact``.

    Returns
    -------
    (…) float64

    Raises
    ------
    InputError
        If shapes do not match, there is no permutation, or ``null`` holds NaN for a test that was made.

    Notes
    -----
    O(entries of null), in blocks. Source: Phipson and Smyth 2010, "Permutation p-values should never be zero".

    Examples
    --------
    >>> float(permutation_p_values(2.0, [0.5, 1.0, 3.0]))
    0.5
    """
    validation.choice("tail", tail, TAILS)
    compared = Compared(observed, null)
    above, below = np.zeros(compared.n_tests, dtype=np.int64), np.zeros(compared.n_tests, dtype=np.int64)
    slack = compared.slack()
    for rows in compared.blocks():
        if tail != "less":
            above += (rows >= compared.observed - slack).sum(axis=0)
        if tail != "greater":
            below += (rows <= compared.observed + slack).sum(axis=0)
    upper, lower = (p_from_count(count, compared.n, exact=exact) for count in (above, below))
    p = {"greater": upper, "less": lower, "two-sided": np.minimum(1.0, 2 * np.minimum(upper, lower))}[tail]
    return compared.restore(p)


def p_from_count(count: Array, n: int, *, exact: bool) -> Array:
    """Return p-values from the number of permutations that reach the observed statistic."""
    # The observed order is one of all orders, so the exact count is at least 1 whatever the rounding.
    found: Array = np.maximum(count, 1) / n if exact else (1 + count) / (1 + n)
    return found


class Compared:
    """Observed statistics (test,) beside their null (permutation, test), checked; tests that are NaN left out."""

    def __init__(self, observed: Any, null: Any) -> None:
        self._all = np.asarray(validation.sliceable("observed", observed)[...])
        self._null = validation.sliceable("null", null)
        for name, array in (("observed", self._all), ("null", self._null)):
            validation.real_numbers(name, array)
        shape = tuple(self._null.shape)
        if not shape or shape[1:] != self._all.shape or shape[0] < 1:
            raise InputError(
                f"null: has shape {shape}, observed has {self._all.shape}; expected (permutation, *shape of observed)"
            )
        self.made = ~np.isnan(self._all.astype(np.float64)).ravel()
        self.observed = self._all.astype(np.float64).ravel()[self.made]
        self.n, self.n_tests = shape[0], len(self.observed)

    def blocks(self) -> Iterator[Array]:
        """Yield the null in blocks of permutations, (row, test)."""
        size = max(1, _BLOCK_ENTRIES // max(1, len(self.made)))
        for start in range(0, self.n, size):
            rows = np.asarray(self._null[start : start + size])
            rows = rows.reshape(len(rows), len(self.made))
            if rows.dtype.kind == "b":
                rows = rows.astype(np.int64)
            yield rows if self.made.all() else rows[:, self.made]

    def slack(self) -> Array:
        """Return how close to the observed value counts as equal, (test,), after refusing NaN in the null."""
        largest = _magnitude(self.observed)
        done = 0
        for rows in self.blocks():
            if np.isnan(rows).any():
                row, test = np.argwhere(np.isnan(rows))[0]
                where = np.unravel_index(int(np.flatnonzero(self.made)[test]), self._all.shape)
                index = ", ".join(str(int(i)) for i in (done + row, *where))
                raise InputError(f"null: found nan at index ({index}); expected a number, as the observed one is")
            largest = np.maximum(largest, _magnitude(rows).max(axis=0))
            done += len(rows)
        found: Array = largest * np.finfo(coarser(self._all.dtype, self._null.dtype)).eps ** (2 / 3)
        return found

    def restore(self, values: Array) -> Any:
        """Return ``values`` (test,) in the shape of ``observed``, NaN for tests that were not made."""
        found = np.full(self._all.shape, np.nan).ravel()
        found[self.made] = values
        return found.reshape(self._all.shape)[()]


def coarser(*dtypes: Any) -> Any:
    """Return the least accurate floating-point type among ``dtypes``, float64 when there is none."""
    floats = [dtype for dtype in dtypes if dtype.kind == "f"]
    return max(floats, key=lambda dtype: float(np.finfo(dtype).eps), default=np.dtype(np.float64))


def _magnitude(values: Array) -> Array:
    """Return absolute values, 0 for infinity."""
    found: Array = np.where(np.isfinite(values), np.abs(values), 0)
    return found
