"""Confidence intervals of noncentrality: which strengths of effect are compatible with an F or t that was found."""

from collections.abc import Callable

import numpy as np

from ...errors import ConfigurationError
from ..validation import Array

_HALVINGS = 60


def f_noncentrality_interval(f: Array, df: Array | float, df_residual: float, level: float = 0.95) -> Array:
    """Return the noncentralities λ for which an F as large, or as small, as this has probability (1 − level)/2.

    Parameters
    ----------
    f : (…)
        NaN gives NaN.
    df, df_residual
        Degrees of freedom; ``df`` broadcasts with ``f``.
    level : float

    Returns
    -------
    (2, …) float64
        Lower and upper bound; 0 where F is smaller than even λ = 0 would lead one to expect.

    Notes
    -----
    About 60 evaluations of the noncentral distribution per bound and value. Source: Steiger 2004, Psychological
    Methods 9:164.
    """
    from scipy.special import ncfdtr

    f, df = np.broadcast_arrays(np.asarray(f, dtype=float), np.asarray(df, dtype=float))
    upper_start = df * f + 50.0
    bounds = [
        _falling_root(lambda nc: ncfdtr(df, df_residual, nc, f), np.zeros(f.shape), upper_start, probability)
        for probability in _tails(level)
    ]
    return np.where(np.isnan(f), np.nan, np.stack(bounds))


def t_noncentrality_interval(t: Array, df: float, level: float = 0.95) -> Array:
    """Return the noncentralities δ for which a t as large, or as small, as this has probability (1 − level)/2.

    As :func:`f_noncentrality_interval`, with δ of either sign: (2, …), lower and upper bound.
    """
    from scipy.special import nctdtr

    t = np.asarray(t, dtype=float)
    reach = np.abs(t) + 10.0
    bounds = [
        _falling_root(lambda nc: nctdtr(df, nc, t), t - reach, t + reach, probability) for probability in _tails(level)
    ]
    return np.where(np.isnan(t), np.nan, np.stack(bounds))


def confidence_level(level: float) -> float:
    """Return ``level`` after checking that it is between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.number)) or not 0 < level < 1:
        raise ConfigurationError(f"level: expected a number between 0 and 1, found {level!r}")
    return float(level)


def _tails(level: float) -> tuple[float, float]:
    outside = (1 - confidence_level(level)) / 2
    return 1 - outside, outside


def _falling_root(function: Callable[[Array], Array], low: Array, high: Array, value: float) -> Array:
    """Return where a falling function crosses ``value``; ``low`` where it starts below. The bracket grows upwards."""
    low, high = low.copy(), np.maximum(high, low + 1.0)
    for _ in range(_HALVINGS):
        short = function(high) > value
        if not short.any():
            break
        high = np.where(short, low + 2 * (high - low), high)
    start, below = low.copy(), function(low) <= value
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = function(middle) > value
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(below, start, (low + high) / 2)
