"""p-values adjusted for the number of tests, from the p-values alone."""

from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array

ADJUSTMENTS = ("fdr_bh", "fdr_by", "holm", "bonferroni", "sidak")


def adjust_p_values(p: Any, method: str = "fdr_bh") -> Any:
    """Return adjusted p-values: reject where they are at most α to control the error below at α.

    ============  =====================================================================================
    ``fdr_bh``    false discovery rate; independent or positively dependent tests (Benjamini and Hochberg 1995)
    ``fdr_by``    false discovery rate; any dependence (Benjamini and Yekutieli 2001)
    ``holm``      familywise error; any dependence; never weaker than Bonferroni (Holm 1979)
    ``bonferroni``  familywise error; any dependence
    ``sidak``     familywise error; independent tests (Šidák 1967)
    ============  =====================================================================================

    Parameters
    ----------
    p : (…)
        p-values of one family. NaN marks a test that was not made: it stays NaN and is not counted.
    method : {"fdr_bh", "fdr_by", "holm", "bonferroni", "sidak"}

    Returns
    -------
    (…) float64

    Raises
    ------
    InputError
        If a value is outside [0, 1], or the method is unknown.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.02, 0.5, float("nan")]).tolist()
    [0.03, 0.03, 0.5, nan]
    """
    validation.choice("adjustment", method, ADJUSTMENTS)
    given = np.asarray(validation.sliceable("p", p)[...])
    validation.real_numbers("p", given)
    values = given.astype(np.float64)
    outside = (values < 0) | (values > 1)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise InputError(f"p: found {values[index]:g} at index {index}; expected values in [0, 1]")
    adjusted = np.full(values.shape, np.nan)
    made = ~np.isnan(values)
    order = np.argsort(values[made], kind="stable")
    ranked = np.empty(len(order))
    ranked[order] = np.minimum(1.0, _adjust_sorted(values[made][order], method))
    adjusted[made] = ranked
    return adjusted[()]


def _adjust_sorted(p: Array, method: str) -> Array:
    n = len(p)
    rank = np.arange(1, n + 1)
    found: Array
    if method == "bonferroni":
        found = n * p
    elif method == "sidak":
        with np.errstate(divide="ignore"):  # p = 1: the logarithm is −∞ and the result 1
            found = -np.expm1(n * np.log1p(-p))
    elif method == "holm":
        found = np.maximum.accumulate((n - rank + 1) * p)
    else:
        dependence = np.sum(1 / rank) if method == "fdr_by" else 1.0
        found = np.minimum.accumulate((p * n * dependence / rank)[::-1])[::-1]
    return found
