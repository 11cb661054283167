"""Coefficients of determination (R²) between trajectories, over trials, times, units or all at once."""

from typing import Any, Literal, overload

import numpy as np

from ..errors import InputError
from . import samples, validation
from .validation import Array

# mode: axes of (trial, time, unit) that one R² runs over, axes whose R² are then averaged into one group.
_AXES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "per_trial": ((1,), (2,)),
    "per_time": ((0,), (2,)),
    "per_unit": ((0,), (1,)),
    "per_unit_pooled": ((0, 1), ()),
    "pooled": ((0, 1, 2), ()),
}
R2_MODES = tuple(_AXES)
_AXIS_NAMES = ("trial", "time", "unit")


@overload
def trajectory_r2(
    target: Any, prediction: Any, mode: str = "per_trial", *, average: Literal[True] = True, mask: Any = None
) -> float: ...
@overload
def trajectory_r2(
    target: Any, prediction: Any, mode: str = "per_trial", *, average: Literal[False], mask: Any = None
) -> Array: ...
def trajectory_r2(
    target: Any, prediction: Any, mode: str = "per_trial", *, average: bool = True, mask: Any = None
) -> float | Array:
    """Return R² = 1 − Σ(target − prediction)² / Σ(target − mean)² of trajectories (trial, time, unit).

    The mode says over which entries the sums run, and what is averaged afterwards, all with equal weight:

    ================== ======================================== ==========================
    mode               one R² for each                          averaged over, then over
    ================== ======================================== ==========================
    ``per_trial``      trial and unit, over times               units, then trials
    ``per_time``       time and unit, over trials               units, then times
    ``per_unit``       unit and time, over trials               times, then units
    ``per_unit_pooled`` unit, over trials and times             units
    ``pooled``         array, over all entries                  nothing
    ================== ======================================== ==========================

    The average of ``per_unit`` equals that of ``per_time``. A target that is constant over the entries
    scores 1 when matched exactly and 0 otherwise, as in scikit-learn. R² is not symmetric: the target is the
    reference.

    Parameters
    ----------
    target, prediction : array (trial, time, unit)
        Finite real numbers of any dtype; computed in float64.
    mode : str
        One of the table.
    average : bool
        False returns the value of each trial, time or unit: (trial,), (time,), (unit,), (unit,), (1,).
    mask : bool array (trial, time) or (trial, time, unit), optional
        True keeps the entry; others may be NaN. A column with fewer than two kept entries has no R² and is
        left out of the averages; a trial, time or unit with none is NaN with ``average=False``.

    Returns
    -------
    float or array
        At most 1; negative when the prediction is worse than the mean of the target.

    Raises
    ------
    InputError
        Unknown mode; shapes that differ or are not (trial, time, unit); NaN or infinity that is not masked;
        fewer than two entries for every R² of the mode; values whose squares overflow or underflow.

    Notes
    -----
    ``per_trial`` gives a quiet unit in a quiet trial the same weight as any other, so its distribution has a
    heavy lower tail: look at the values per trial (or their median) beside ``pooled``.

    Examples
    --------
    >>> import numpy as np
    >>> target = np.random.default_rng(0).standard_normal((4, 50, 3))
    >>> trajectory_r2(target, target)
    1.0
    >>> trajectory_r2(target, 0.9 * target, mode="per_unit_pooled", average=False).shape
    (3,)
    """
    validation.choice("mode", mode, R2_MODES)
    target, prediction, kept = matched_trajectories(target, prediction, mask=mask)
    rows, columns = _AXES[mode]
    scores, defined = _scores(target, prediction, kept, rows)
    if not defined.any():
        names = " and ".join(_AXIS_NAMES[axis] for axis in rows)
        raise InputError(
            f"target: mode {mode!r} needs at least 2 kept entries over {names}, found shape {target.shape}"
            + (" and a mask that keeps fewer" if mask is not None else "")
        )
    groups = _mean(scores, defined, columns)
    return float(np.nanmean(groups)) if average else groups


def matched_trajectories(target: Any, prediction: Any, *, mask: Any = None) -> tuple[Array, Array, Array | None]:
    """Return both as float64 (trial, time, unit), zero where masked, and the mask of that shape or None."""
    first = validation.trajectories("target", target)
    second = validation.trajectories("prediction", prediction)
    validation.same_shape("prediction", second, "target", first)
    kept = None if mask is None else validation.sample_mask("mask", mask, first.shape)
    found = []
    for name, array in (("target", first), ("prediction", second)):
        values = np.asarray(array if kept is None else np.where(kept, array, 0), dtype=np.float64)
        validation.finite(name, values)
        found.append(values)
    return found[0], found[1], kept


def _scores(target: Array, prediction: Array, kept: Array | None, rows: tuple[int, ...]) -> tuple[Array, Array]:
    """Return R² over the axes ``rows`` (kept with length 1) and where it is defined."""
    weight = np.ones((1, 1, 1), dtype=bool) if kept is None else kept
    count = np.broadcast_to(weight, target.shape).sum(axis=rows, keepdims=True)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        mean = target.sum(axis=rows, keepdims=True) / count
        total = np.square((target - mean) * weight).sum(axis=rows, keepdims=True)
        residual = np.square(target - prediction).sum(axis=rows, keepdims=True)
        scores = 1 - residual / total
    # Exact: rounding of the mean leaves a tiny total for constants such as 0.1, and a huge negative R².
    highest = target.max(axis=rows, keepdims=True, initial=-np.inf, where=weight)
    constant = highest == target.min(axis=rows, keepdims=True, initial=np.inf, where=weight)
    exact = ~((target != prediction) & weight).any(axis=rows, keepdims=True)
    scores = np.where(constant, np.where(exact, 1.0, 0.0), scores)
    defined = count >= 2
    if not np.isfinite(scores[defined]).all():
        raise samples.out_of_range("target")
    return scores, defined


def _mean(scores: Array, defined: Array, columns: tuple[int, ...]) -> Array:
    """Return the mean of the defined scores over the axes ``columns``, flat; NaN where there is none."""
    count = defined.sum(axis=columns)
    total = np.where(defined, scores, 0.0).sum(axis=columns)
    means: Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return means.ravel()
