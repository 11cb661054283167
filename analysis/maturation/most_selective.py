"""The unit that tells conditions apart best."""

from typing import Any

import numpy as np

from ...errors import InputError
from ..selectivity.anova import anova
from ..selectivity.cells import rounding_of
from ..selectivity.responses import epoch_means, factor
from ..validation import Array, sliceable


def most_selective_unit(activity: Any, time: Any, labels: Any, epoch: Any, *, among: Array | None = None) -> int:
    """Return the unit whose mean activity in an epoch tells the labels of trials apart best.

    The unit with the largest F of a one-way analysis of variance. Where no unit varies between trials of a label (a
    network without noise, or one trial of each), the one whose means differ most.

    Parameters
    ----------
    activity : (trial, time, unit)
    time : (time,)
        s.
    labels : (trial,)
    epoch : (start, stop) or (trial, 2)
        s.
    among : (unit,) bool, optional
        Units to choose from, such as the ``population`` of :func:`select_units`; all when None.

    Raises
    ------
    InputError
        As :func:`anova`; if there is no unit to choose from, or none whose activity differs between labels.

    Notes
    -----
    The largest of many: how selective it looks on these trials is more than it is on others.

    Examples
    --------
    >>> labels = np.repeat(np.arange(4), 10)
    >>> activity = np.random.default_rng(0).standard_normal((40, 5, 3))
    >>> activity[..., 1] += labels[:, np.newaxis]
    >>> most_selective_unit(activity, np.arange(5.0), labels, (0, 5))
    1
    """
    rates = epoch_means("activity", activity, time, epoch, "epoch")
    chosen = np.ones(rates.shape[1], bool) if among is None else np.asarray(among)
    if chosen.shape != (rates.shape[1],) or chosen.dtype != np.bool_:
        raise InputError(f"among: expected {rates.shape[1]} booleans, found {chosen.dtype} of shape {chosen.shape}")
    if not chosen.any():
        raise InputError("among: expected a unit to choose from, found none")
    scores = np.where(chosen, _scores(rates, labels, rounding_of(sliceable("activity", activity).dtype), chosen), 0)
    if not (scores > 0).any():
        raise InputError("activity: no unit differs between labels in the epoch")
    return int(scores.argmax())


def _scores(rates: Array, labels: Any, rounding: float, chosen: Array) -> Array:
    """Return how well each unit tells labels apart, (unit,): F, or the spread of means where no chosen unit has one."""
    if len(np.unique(factor("labels", labels, len(rates)).codes)) == len(rates):
        return np.asarray(rates.var(axis=0))
    table = anova(rates, labels, rounding=rounding)
    tested = np.isfinite(table.f[0]) & chosen
    found = np.where(tested, table.f[0], 0) if tested.any() else table.sums_of_squares[0]
    return np.where(table.constant, 0, found)
