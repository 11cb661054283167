"""p-values that hold for a whole family of tests at once, from the permutation distribution of the maximum."""

from typing import Any

import numpy as np

from .. import validation
from ..validation import Array
from .p_values import TAILS, Compared, p_from_count


def max_statistic_p_values(
    observed: Any, null: Any, *, tail: str = "greater", step_down: bool = False, exact: bool = False
) -> Any:
    """Return p-values that control the familywise error: the chance of any false positive among all tests.

    A test's p is the share of permutations whose largest statistic over all tests reaches it. Tests may depend on
    each other in any way; they should be on one scale, since the tests with the widest null set the maximum.

    Parameters
    ----------
    observed : (…)
        All statistics of the family. NaN marks a test that was not made: its p is NaN and it is not counted.
    null : (n, …)
        Row i holds the statistics of all tests under the same permutation.
    tail : {"greater", "less", "two-sided"}
        "two-sided" takes absolute values: statistics must be centred on 0 under the null.
    step_down : bool
        Compare each test with the maximum over the tests that are not above it (Westfall and Young's step-down): never
        larger p-values, the same guarantee if a test's null does not depend on which others are false.
    exact : bool
        ``Permutations.exact``.

    Returns
    -------
    (…) float64

    Raises
    ------
    InputError
        As :func:`permutation_p_values`.

    Notes
    -----
    O(entries of null), in blocks. Sources: Westfall and Young 1993, "Resampling-based multiple testing"; Nichols and
    Holmes 2002.

    Examples
    --------
    >>> max_statistic_p_values([3.0, 1.0], [[0.0, 2.0], [1.5, 0.5], [0.0, 0.1]]).tolist()
    [0.25, 0.75]
    """
    validation.choice("tail", tail, TAILS)
    compared = Compared(observed, null)
    if not compared.n_tests:
        return compared.restore(compared.observed)
    slack = compared.slack().max()
    statistics = _oriented(compared.observed, tail)
    order = np.argsort(-statistics, kind="stable")
    ranked = statistics[order]
    count = np.zeros(len(ranked), dtype=np.int64)
    for rows in compared.blocks():
        rows = _oriented(rows, tail)
        if step_down:
            # Entry i: the maximum over test i of the ranking and all below it.
            rivals = np.maximum.accumulate(rows[:, order[::-1]], axis=1)[:, ::-1]
            count += (rivals >= ranked - slack).sum(axis=0)
        else:
            maxima = np.sort(rows.max(axis=1))
            count += len(maxima) - np.searchsorted(maxima, ranked - slack, side="left")
    p = np.empty(len(ranked))
    p[order] = np.maximum.accumulate(p_from_count(count, compared.n, exact=exact))
    return compared.restore(p)


def _oriented(values: Array, tail: str) -> Array:
    """Return ``values`` turned so that large ones speak against the null."""
    if tail == "greater":
        return values
    signed = values.astype(np.int64) if values.dtype.kind in "biu" else values
    return -signed if tail == "less" else np.abs(signed)
