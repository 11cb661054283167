"""Tuning curves of units by condition, as they are and aligned to the preferred one: the result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...results import axes
from ..selectivity.record import UnitResult, counted
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class TuningCurves(UnitResult):
    """Mean responses of units by condition, as they are and aligned to the preferred condition.

    Attributes
    ----------
    conditions : ndarray, shape (condition,)
        Angles in [0, period), or labels (ranked).
    responses, errors : ndarray, shape (unit, condition)
        Mean over trials and its standard error (NaN for a single trial).
    preferred : ndarray of int, shape (unit,)
        The condition with the largest mean over all trials, an index into ``conditions``; −1 where it is undefined.
    direction : ndarray, shape (unit,), or None
        Angle of Σ response · exp(iθ), in units of the period: the circular mean; None when ranked.
    aligned : ndarray, shape (unit, position)
        Curves rotated to the preferred condition (or sorted by response). NaN for units that are not ``used``.
    offsets : ndarray, shape (position,)
        Distance from the preferred condition, in units of the period; or the rank, from 0.
    mean_curve, mean_curve_errors : ndarray, shape (position,)
        Mean of ``aligned`` over units, weighted by ``n_folds_used``, and its standard error over units; NaN without
        any (two, for the error).
    used : ndarray of bool, shape (unit,)
        Units in the mean curve.
    excluded : ndarray of bool, shape (unit,)
        Units with nothing to divide by: no variation ("zscore") or a baseline of 0 ("ratio", published).
    n_folds_used : ndarray of int, shape (unit,)
        How many folds select the unit.
    mode, alignment : str
    period : float
    n_trials : int
    """

    conditions: Array = axes("condition")
    responses: Array = axes("unit", "condition")
    errors: Array = axes("unit", "condition")
    preferred: Array = axes("unit")
    direction: Array | None = axes("unit", optional=True)
    aligned: Array = axes("unit", "position")
    offsets: Array = axes("position")
    mean_curve: Array = axes("position")
    mean_curve_errors: Array = axes("position")
    used: Array = axes("unit")
    excluded: Array = axes("unit")
    n_folds_used: Array = axes("unit")
    mode: str
    alignment: str
    period: float
    n_trials: int

    kind: ClassVar[str] = "tuning_curves"

    @property
    def peak(self) -> float:
        """The mean curve at the preferred condition above the mean of all others: 0 for units without tuning."""
        return float(self._peak()[0])

    @property
    def peak_error(self) -> float:
        """Standard error of ``peak`` over units; units that vary together count as independent."""
        return float(self._peak()[1])

    @property
    def _centre(self) -> int:
        return 0 if self.alignment == "ranked" else len(self.conditions) // 2

    def summary(self) -> str:
        """Return how many units are in the mean curve and how high its peak is."""
        n = len(self.used)
        lines = [
            f"{self.mode} tuning over {len(self.conditions)} conditions, {self.n_trials} trials, {n} units",
            f"in the mean curve: {counted(self.used.sum(), n)}",
        ]
        if self.used.any():
            error = f" ± {self.peak_error:.4g} (s.e.m. over units)" if np.isfinite(self.peak_error) else ""
            lines.append(f"peak above the other conditions: {self.peak:.4g}{error}")
        else:
            lines.append("no unit is selected: there is no mean curve")
        if self.mode == "published":
            lines.append("preferred conditions were found on the same trials: noise alone gives a peak")
        if self.excluded.any():
            lines.append(f"left out, nothing to divide by: {counted(self.excluded.sum(), n)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean aligned curve with its standard error over units, and thin behind it some units' curves."""
        from .drawing import mean_curve

        return mean_curve(self, plotting.axes_or_new(ax, width=4.6))

    def _peak(self) -> tuple[Array, Array]:
        curves = self.aligned[self.used, : len(self.conditions)]
        peaks = curves[:, self._centre] - np.delete(curves, self._centre, axis=1).mean(axis=1)
        mean, error = weighted_mean(peaks[:, np.newaxis], self.n_folds_used[self.used])
        return mean[0], error[0]


def weighted_mean(curves: Array, n_folds: Array) -> tuple[Array, Array]:
    """Return the mean of curves (unit, position) weighted by folds, and its standard error over units; NaN without any.

    A unit that few folds select was let down by the trials that those folds show: with equal weights for all units the
    mean would be too low. Summed over units and folds, what is shown does not depend on what is selected.
    """
    if not len(curves):
        return np.full(curves.shape[1], np.nan), np.full(curves.shape[1], np.nan)
    weights = (n_folds / n_folds.sum())[:, np.newaxis]
    mean = (weights * curves).sum(axis=0)
    if len(curves) < 2:
        return mean, np.full(len(mean), np.nan)
    spread = np.square(weights * (curves - mean)).sum(axis=0) * len(curves) / (len(curves) - 1)
    return mean, np.sqrt(spread)
