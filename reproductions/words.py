"""How the studies write numbers in their tables."""

from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from ..analysis.statistics import bootstrap_interval

MISSING = "–"


def number(value: float, digits: int = 2, sign: str = "") -> str:
    """Return a number, a dash for NaN; ``sign`` "+" writes that of positive ones too."""
    return f"{value:{sign}.{digits}f}".replace("-", "−") if np.isfinite(value) else MISSING


def with_interval(value: float, low: float, high: float, digits: int = 2, sign: str = "") -> str:
    """Return a number with its interval, if it has one."""
    if not np.isfinite(low):
        return number(value, digits, sign)
    return f"{number(value, digits, sign)} [{number(low, digits, sign)}, {number(high, digits, sign)}]"


def small(p: float) -> str:
    """Return a p-value, a dash for NaN."""
    return f"{p:.1e}" if np.isfinite(p) else MISSING


def spread(values: Sequence[float] | np.ndarray, digits: int = 3, ddof: int = 1) -> str:
    """Return mean ± s.d. of finite values (run,), a dash where there are none."""
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if not len(found):
        return MISSING
    deviation = f" ± {found.std(ddof=ddof):.{digits}f}" if len(found) > 1 else ""
    return f"{number(found.mean(), digits)}{deviation}"


def interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Return the mean of finite values (run,) with the bounds of Student's interval, NaN where they are fewer than two.

    For a handful of runs a bootstrap would end at the extremes, and be too narrow.
    """
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    if len(found) < 2:
        return (float(found.mean()) if len(found) else np.nan), np.nan, np.nan
    half = float(stdtrit(len(found) - 1, (1 + level) / 2) * found.std(ddof=1) / np.sqrt(len(found)))
    mean = float(found.mean())
    return mean, mean - half, mean + half


def over_networks(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """Return the mean of one number per network, with Student's 95 % interval from two networks on; NaN is left out."""
    return with_interval(*interval(values), digits)


def of_shares(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """Return the mean of one share per network with its 95 % interval by bootstrap, which does not pass 1."""
    found = np.asarray(values, float)
    if len(found) < 2:
        return over_networks(found, digits)
    drawn = bootstrap_interval(found, n_resamples=20_000, interval="expanded")
    return with_interval(float(drawn.estimate), float(drawn.low), float(drawn.high), digits)


def between(values: np.ndarray, form: str = "+.0f") -> str:
    """Return the mean of values (run,) with its interval of 95 %, the mean alone where there is none."""
    mean, low, high = interval(values)
    if np.isnan(mean):
        return MISSING
    text = f"{mean:{form}}" if np.isnan(low) else f"{mean:{form}} ({low:{form}} to {high:{form}})"
    return text.replace("-", "−")
