"""Bootstrap intervals of R² over trials, from sums that are computed once per trial."""

from typing import Any

import numpy as np

from .r_squared import trajectory_r2
from .validation import Array

INTERVAL_MODES = ("per_trial", "pooled")
BOUNDS = (0.025, 0.975)


def r2_intervals(
    target: Array, prediction: Array, kept: Array | None = None, *, n_resamples: int = 1000, seed: int = 0
) -> Array:
    """Return 95 % percentile intervals of the R² of :data:`INTERVAL_MODES`, (mode, bound), resampling trials.

    O(entries + resamples · trials). NaN where R² is undefined, and with fewer than two trials.

    Parameters
    ----------
    target, prediction : (trial, time, unit), float64, zero where masked (``matched_trajectories`` makes them)
    kept : bool of that shape, or None
    """
    n_trials = len(target)
    if n_trials < 2:
        return np.full((2, 2), np.nan)
    chosen = np.random.default_rng(seed).integers(n_trials, size=(n_resamples, n_trials))
    counts = np.stack([np.bincount(row, minlength=n_trials) for row in chosen]).astype(float)  # (resample, trial)
    resampled = [_per_trial(target, prediction, kept, counts), _pooled(target, prediction, kept, counts)]
    return np.stack(
        [np.quantile(values, BOUNDS) if np.isfinite(values).all() else [np.nan] * 2 for values in resampled]
    )


def _per_trial(target: Array, prediction: Array, kept: Array | None, counts: Array) -> Array:
    scores: Any = trajectory_r2(target, prediction, mode="per_trial", average=False, mask=kept)
    defined = np.isfinite(scores)
    if not defined.any():
        return np.full(len(counts), np.nan)
    means: Array = (counts[:, defined] @ scores[defined]) / np.maximum(counts[:, defined].sum(1), 1)
    return means


def _pooled(target: Array, prediction: Array, kept: Array | None, counts: Array) -> Array:
    """Return the pooled R² of each resample from the sums of each trial."""
    weight = np.ones(target.shape, bool) if kept is None else kept
    # About the overall mean: the sum of squares then does not cancel against the square of the sum.
    centred = np.where(weight, target - target.sum() / weight.sum(), 0.0)
    axes = (1, 2)
    residual, total = np.square(target - prediction).sum(axes), np.square(centred).sum(axes)
    spread = counts @ total - (counts @ centred.sum(axes)) ** 2 / (counts @ weight.sum(axes))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = 1 - (counts @ residual) / spread
    return found
