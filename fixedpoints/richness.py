"""How many fixed points a search has probably not seen, from how often it has seen the others.

The question of ecologists who count species, with starts for animals and fixed points for species.
"""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_QUANTILE = 1.959963984540054  # of the normal distribution, 97.5 %


@dataclasses.dataclass(frozen=True, eq=False)
class Richness:
    """How many points there are, estimated from how often each was reached.

    ``estimate`` with its 95 % interval from ``low`` to ``high``, and ``coverage``: the probability that a further
    start that converges leads to a point already seen. All NaN when no start converged.
    """

    estimate: float
    low: float
    high: float
    coverage: float


def richness(multiplicity: Array) -> Richness:
    """Return the Chao1 estimate of the number of points, its 95 % interval and the Good-Turing coverage.

    It concerns points that *this distribution of starts* can reach: a point whose Newton basin no start can
    hit is invisible to it. Starts are taken as independent, the estimate is a lower bound when points differ
    much in how easily they are reached.

    Parameters
    ----------
    multiplicity : ndarray of int ≥ 1, shape (k,)
        How many starts led to each point.

    Notes
    -----
    With n starts in all, k points, of which f₁ were reached once and f₂ twice:
    k + (n − 1)/n · f₁(f₁ − 1) / (2(f₂ + 1)), bias-corrected; A. Chao, Scand. J. Stat. 11 (1984) 265. Interval:
    log-normal in the number of unseen points, A. Chao, Biometrics 43 (1987) 783; where that number is estimated as
    0, from the Poisson probability that an average point is missed. Coverage 1 − f₁/n: I. J. Good, Biometrika 40
    (1953) 237.

    Examples
    --------
    >>> found = richness(np.array([1, 1, 1, 1, 2, 2, 9]))
    >>> round(found.estimate, 3), round(found.coverage, 3)
    (8.882, 0.765)
    """
    counts = np.asarray(multiplicity)
    counts = counts[counts > 0]
    seen, total = len(counts), int(counts.sum())
    if not total:
        return Richness(np.nan, np.nan, np.nan, np.nan)
    once, twice = int(np.count_nonzero(counts == 1)), int(np.count_nonzero(counts == 2))
    share = (total - 1) / total
    unseen = share * once * (once - 1) / (2 * (twice + 1))
    if unseen == 0:
        low, high = _interval_without_unseen(seen, total)
    else:
        spread = np.exp(_QUANTILE * np.sqrt(np.log1p(_variance(once, twice, share, seen + unseen) / unseen**2)))
        low, high = seen + unseen / spread, seen + unseen * spread
    return Richness(seen + unseen, float(low), float(high), 1 - once / total)


def _variance(once: int, twice: int, share: float, estimate: float) -> float:
    """Return the variance of Chao1, by the delta method; ``once`` is at least 2."""
    if twice == 0:
        return (
            share * once * (once - 1) / 2
            + share**2 * once * (2 * once - 1) ** 2 / 4
            - share**2 * once**4 / (4 * estimate)
        )
    return (
        share * once * (once - 1) / (2 * (twice + 1))
        + share**2 * once * (2 * once - 1) ** 2 / (4 * (twice + 1) ** 2)
        + share**2 * once**2 * twice * (once - 1) ** 2 / (4 * (twice + 1) ** 4)
    )


def _interval_without_unseen(seen: int, total: int) -> tuple[float, float]:
    missed = np.exp(-total / seen)
    width = _QUANTILE * np.sqrt(seen * missed) / (1 - missed)
    return max(seen, seen / (1 - missed) - width), seen / (1 - missed) + width
