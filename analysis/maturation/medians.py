"""Medians of mixtures of samples, exactly and from histograms."""

from collections.abc import Sequence

import numpy as np

from ..validation import Array

# Weights that sum to one half up to rounding.
_TIE = 1e-9


def binned_median(fractions: Array, edges: Array) -> Array:
    """Return the medians of histograms (…, bin) whose bins hold their errors evenly, (…); NaN for empty ones."""
    below = np.cumsum(fractions, axis=-1)
    at = (below < 0.5 - _TIE).sum(axis=-1).clip(max=fractions.shape[-1] - 1)[..., np.newaxis]
    own = np.take_along_axis(fractions, at, axis=-1)[..., 0]
    before = np.take_along_axis(below, at, axis=-1)[..., 0] - own
    within = np.divide(0.5 - before, own, out=np.full(own.shape, np.nan), where=own > 0)
    return np.asarray(edges[at[..., 0]] + within * np.diff(edges)[at[..., 0]])


def weighted_median(parts: Sequence[Array], weights: Array) -> float:
    """Return the median of several samples, each with a total weight shared by its values; NaN without any.

    For equal weights of equal samples that of all values together.
    """
    kept = [(part, weight) for part, weight in zip(parts, weights, strict=True) if weight > 0 and len(part)]
    if not kept:
        return float("nan")
    values = np.concatenate([part for part, _ in kept])
    shares = np.concatenate([np.full(len(part), weight / len(part)) for part, weight in kept])
    order = np.argsort(values, kind="stable")
    below = np.cumsum(shares[order]) / shares.sum()
    middle = np.searchsorted(below, [0.5 - _TIE, 0.5 + _TIE]).clip(max=len(values) - 1)
    return float(values[order][middle].mean())
