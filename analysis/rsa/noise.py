"""Noise normalisation: units are weighed by the noise of their residuals, and correlated noise is undone."""

from typing import Any

import numpy as np

from ...errors import InputError, unknown_name
from ..validation import Array
from .patterns import Patterns

NORMALIZATIONS = ("none", "univariate", "multivariate")


def whitened(patterns: Patterns, noise: Any) -> Array:
    """Return the means of ``patterns`` after noise normalisation, (run, time, condition, unit).

    ``noise`` is one of :data:`NORMALIZATIONS`, or a covariance (unit, unit).
    """
    if isinstance(noise, str):
        if noise not in NORMALIZATIONS:
            raise InputError(unknown_name("noise normalisation", noise, NORMALIZATIONS))
        if noise == "none":
            return patterns.means
        residuals = _residuals(patterns)
        if noise == "univariate":
            return patterns.means / np.sqrt(_variances(residuals))
        covariance = shrunk_covariance(*residuals)
    else:
        covariance = _covariance(noise, patterns.means.shape[-1])
    # Means times L⁻ᵀ of the covariance L Lᵀ: distances become those of Mahalanobis.
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise InputError("noise: the covariance of the noise is not positive definite; expected full rank") from None
    flat = patterns.means.reshape(-1, covariance.shape[0])
    return np.linalg.solve(factor, flat.T).T.reshape(patterns.means.shape)


def shrunk_covariance(residuals: Array, n_independent: int) -> Array:
    """Return the covariance of ``residuals`` (sample, unit) with correlations shrunk towards zero.

    The sum of squares is divided by ``n_independent``, the samples less the means subtracted. The intensity minimises
    the expected squared error of the off-diagonal entries (Ledoit and Wolf 2004; for this target Schäfer and
    Strimmer 2005): Σ Var(s_ij) / Σ s_ij², cut to [0, 1].
    """
    n = len(residuals)
    covariance = residuals.T @ residuals / n
    squares = residuals**2
    variance_of_entries = (squares.T @ squares / n - covariance**2) / (n - 1)
    off_diagonal = ~np.eye(len(covariance), dtype=bool)
    size = float((covariance[off_diagonal] ** 2).sum())
    intensity = min(1.0, float(variance_of_entries[off_diagonal].sum()) / size) if size > 0 else 1.0
    shrunk: Array = covariance * (n / n_independent)
    shrunk[off_diagonal] *= 1 - intensity
    _variances((residuals, n_independent))
    return shrunk


def _residuals(patterns: Patterns) -> tuple[Array, int]:
    """Return residuals of all trials and times (sample, unit) and how many are independent."""
    n_trials, n_times, n_units = patterns.values.shape
    free = (n_trials - patterns.n_cells) * n_times
    if free < 1:
        raise InputError(
            "noise: every condition has a single trial in every run, so its noise is unknown; expected repeats, "
            "a covariance (unit, unit), or noise='none'"
        )
    return patterns.residuals.reshape(-1, n_units), free


def _variances(residuals: tuple[Array, int]) -> Array:
    values, free = residuals
    variances: Array = (values**2).sum(axis=0) / free
    largest = np.abs(values).max(initial=0)
    if not (variances > (1e-14 * largest) ** 2).all() or largest == 0:
        unit = int(np.argmin(variances))
        raise InputError(f"noise: unit {unit} has no variance over repeats; drop it, or use noise='none'")
    return variances


def _covariance(noise: Any, n_units: int) -> Array:
    covariance = np.asarray(noise)
    if covariance.shape != (n_units, n_units) or covariance.dtype.kind not in "iuf":
        raise InputError(
            f"noise: expected one of {', '.join(NORMALIZATIONS)} or a covariance ({n_units}, {n_units}), "
            f"found {covariance.dtype} of shape {covariance.shape}"
        )
    covariance = covariance.astype(np.float64)
    if not np.allclose(covariance, covariance.T, rtol=1e-8, atol=0):
        raise InputError("noise: the covariance is not symmetric; expected the covariance of units")
    return covariance
