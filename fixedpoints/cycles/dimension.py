"""The Kaplan-Yorke dimension of an attractor, from its Lyapunov exponents."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError

Array = npt.NDArray[Any]


def kaplan_yorke(exponents: Array | Sequence[float], *, n_states: int | None = None) -> float:
    """Return the Kaplan-Yorke dimension j + (λ₁ + … + λⱼ) / |λⱼ₊₁|, from 0 to the number of state variables.

    j is the largest number of leading exponents whose sum is not negative.

    Parameters
    ----------
    exponents : sequence of floats, any order, −inf allowed
        The leading exponents, in any unit.
    n_states : int ≥ the number of exponents, or None
        Number of state variables; None when all exponents are given.

    Returns
    -------
    float
        0 when all exponents are negative (a stable fixed point or, for a map, a stable cycle), 1 for a limit cycle
        of a flow (0, −, −, …), the number of state variables when no sum is negative (no volume is lost,
        so the exponents bound nothing). NaN when fewer exponents than states are given and their sum is
        not negative: j is then unknown.

    Raises
    ------
    InputError
        If ``exponents`` is empty, not one-dimensional, or holds NaN or +inf, or ``n_states`` is too small.

    References
    ----------
    J. L. Kaplan and J. A. Yorke, Lecture Notes in Mathematics 730 (1979) 204; Frederickson et al., J. Differ.
    Equations 49 (1983) 185, eq. 1.

    Examples
    --------
    >>> round(kaplan_yorke([0.9056, 0.0, -14.5723]), 3)
    2.062
    >>> kaplan_yorke([-0.1, -0.2]), kaplan_yorke([0.5, 0.1]), kaplan_yorke([0.5, 0.1], n_states=9)
    (0.0, 2.0, nan)
    """
    ordered = np.sort(_checked(exponents))[::-1]
    size = len(ordered) if n_states is None else n_states
    if size < len(ordered):
        raise InputError(f"n_states: expected at least the {len(ordered)} exponents given, found {n_states}")
    sums = np.cumsum(ordered)
    below = np.flatnonzero(sums < 0)
    if not len(below):
        return float(size) if size == len(ordered) else math.nan
    j = int(below[0])
    if j == 0:
        return 0.0
    # The sum falls below 0 at λⱼ₊₁, so that this is negative; −inf makes the fraction 0.
    return float(j + sums[j - 1] / abs(ordered[j]))


def _checked(exponents: Array | Sequence[float]) -> Array:
    try:
        values = np.asarray(exponents, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f"exponents: expected real numbers, found {exponents!r}") from error
    if values.ndim != 1 or not len(values):
        raise InputError(f"exponents: expected shape (exponent,), at least one, found {values.shape}")
    bad = np.flatnonzero(np.isnan(values) | (values == np.inf))
    if len(bad):
        raise InputError(f"exponents: expected numbers below infinity, found {values[bad[0]]} at index {bad[0]}")
    return values
