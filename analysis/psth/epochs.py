"""Means over the samples of an epoch that leave missing samples out."""

import numpy as np

from ..validation import Array


def sums_over(values: Array, inside: Array) -> tuple[Array, Array, Array]:
    """Return number, sum and sum of squares of the samples in an epoch, each (trial, unit); NaN counts as missing.

    ``values`` are (trial, time, unit), ``inside`` (trial, time) bool. Samples that no trial needs are not looked at.
    """
    needed = np.flatnonzero(inside.any(axis=0))
    span = slice(int(needed[0]), int(needed[-1]) + 1)
    part = values[:, span]
    known = inside[:, span, np.newaxis] & ~np.isnan(part)
    part = np.where(known, part, 0)
    return known.sum(axis=1), part.sum(axis=1), np.square(part).sum(axis=1)


def means_over(values: Array, inside: Array) -> Array:
    """Return the mean of the samples in an epoch, (trial, unit), NaN where none is known; as :func:`sums_over`."""
    count, total, _ = sums_over(values, inside)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
