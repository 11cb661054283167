"""Ridge regression whose penalty is the one that predicts samples left out one at a time best, in closed form."""

from collections.abc import Sequence

import numpy as np

from ..errors import ConfigurationError
from .validation import Array

PENALTIES = tuple(float(10.0**power) for power in range(-6, 5))


def fit_and_predict(source: Array, target: Array, new: Array, penalties: Array) -> tuple[Array, float]:
    """Return the prediction of ``new`` by ridge regression with the penalty that leaves one sample out best."""
    centre = source.mean(axis=0)
    u, singular, v = np.linalg.svd(source - centre, full_matrices=False)
    kept = singular > max(source.shape) * np.finfo(np.float64).eps * singular[0]
    if not kept.any():
        return np.zeros((len(new), target.shape[1])), float(penalties[-1])
    u, singular, v = u[:, kept], singular[kept], v[kept]
    projected = u.T @ target
    unit = (singular**2).sum() / source.shape[1]
    losses = []
    for penalty in penalties:
        shrink = singular**2 / (singular**2 + penalty * unit)
        # The intercept takes 1/n of every sample's own weight.
        leverage = np.minimum((u**2) @ shrink + 1 / len(u), 1 - 1e-10)
        residual = target - u @ (shrink[:, np.newaxis] * projected)
        losses.append(((residual / (1 - leverage)[:, np.newaxis]) ** 2).sum())
    best = float(penalties[int(np.argmin(losses))])
    gain = singular / (singular**2 + best * unit)
    return (new - centre) @ (v.T @ (gain[:, np.newaxis] * projected)), best


def penalty_grid(values: Sequence[float]) -> Array:
    """Return the penalties in ascending order, checked."""
    found = np.asarray(values)
    if found.ndim != 1 or not found.size or found.dtype.kind not in "iuf":
        raise ConfigurationError(f"penalties: expected a sequence of numbers of at least 0, found {values!r}")
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ConfigurationError(f"penalties: expected finite numbers of at least 0, found {values!r}")
    return np.unique(found.astype(np.float64))
