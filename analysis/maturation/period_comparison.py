"""Tests between the units of every pair of checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..statistics import adjust_p_values
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class PeriodComparison(Result):
    """Two-sided t tests (equal variances) between checkpoints, with units as observations.

    Attributes
    ----------
    t, p_values, effect_sizes : ndarray, shape (first, second)
        Of the second less the first: t, p, and the difference in pooled standard deviations (Cohen's d). NaN on the
        diagonal and where there are too few units, or none that differ.
    adjusted_p_values : ndarray, shape (first, second)
        For the number of pairs; equal to ``p_values`` without an ``adjustment``.
    mean : ndarray, shape (checkpoint,)
        NaN for an empty population.
    n_units : ndarray of int, shape (checkpoint,)
    names : tuple of str
    adjustment : str or None
    """

    t: Array = axes("first", "second")
    p_values: Array = axes("first", "second")
    adjusted_p_values: Array = axes("first", "second")
    effect_sizes: Array = axes("first", "second")
    mean: Array = axes("checkpoint")
    n_units: Array = axes("checkpoint")
    names: tuple[str, ...]
    adjustment: str | None

    kind: ClassVar[str] = "period_comparison"

    def summary(self) -> str:
        """Return how many pairs differ, the largest difference, and how many checkpoints have no units."""
        p = self.adjusted_p_values[np.triu_indices(len(self.names), 1)]
        made = p[~np.isnan(p)]
        about = "not adjusted" if self.adjustment is None else self.adjustment
        lines = [
            f"{len(self.names)} checkpoints, {len(p)} pairs, {len(made)} tested with units as observations; "
            f"p ≤ 0.05 ({about}): {int((made <= 0.05).sum())}"
        ]
        if np.isfinite(self.effect_sizes).any():
            first, second = np.unravel_index(int(np.nanargmax(np.abs(self.effect_sizes))), self.effect_sizes.shape)
            lines.append(
                f"largest: {self.names[second]} − {self.names[first]}, {self.effect_sizes[first, second]:.2f} s.d."
            )
        if (self.n_units == 0).any():
            lines.append(f"without units: {int((self.n_units == 0).sum())} checkpoints")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the matrix of p-values, adjusted when they are."""
        from .drawing import p_value_matrix

        return p_value_matrix(self, plotting.axes_or_new(ax, width=4.8, height=4.0))


def compare_periods(
    values: Sequence[Any], names: Sequence[str] | None = None, *, adjustment: str | None = None
) -> PeriodComparison:
    """Return t tests between the units of every pair of checkpoints.

    Parameters
    ----------
    values : sequence of (unit,)
        Activity of each unit at each checkpoint, such as ``PeriodActivity.of_checkpoints()``; may be empty.
    names : sequence of str, optional
        Of checkpoints, such as "620800_0.96".
    adjustment : str, optional
        One of ``analysis.statistics.ADJUSTMENTS``; all pairs are one family.

    Raises
    ------
    InputError
        If values are not finite numbers, there is no checkpoint, or names do not match.

    Notes
    -----
    The published matrix. The same units at two checkpoints of a network are neither independent of each other nor of
    themselves: p-values are descriptive, and about one network. :func:`stage_psth` has intervals for differences.

    Source: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> found = compare_periods([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0], []])
    >>> found.p_values.round(3).tolist()
    [[nan, 0.021, nan], [0.021, nan, nan], [nan, nan, nan]]
    """
    from scipy.special import stdtr

    samples = [_sample(each, index) for index, each in enumerate(values)]
    if not samples:
        raise InputError("values: expected at least one checkpoint, found none")
    count = np.array([len(each) for each in samples])
    mean = np.array([each.mean() if len(each) else np.nan for each in samples])
    squares = np.array([np.square(each - each.mean()).sum() if len(each) else np.nan for each in samples])
    freedom = np.add.outer(count, count) - 2
    gap = mean - mean[:, np.newaxis]
    made = (count > 0) & (count[:, np.newaxis] > 0) & (freedom > 0) & ~np.eye(len(count), dtype=bool)
    variance = np.full(gap.shape, np.nan)
    np.divide(np.add.outer(squares, squares), freedom, out=variance, where=made)
    # Without any scatter a difference has no scale: neither t nor d is defined.
    made &= variance > 0
    inverse = np.divide(1.0, count, out=np.zeros(len(count)), where=count > 0)
    t, sizes = np.full(gap.shape, np.nan), np.full(gap.shape, np.nan)
    np.divide(gap, np.sqrt(variance * np.add.outer(inverse, inverse)), out=t, where=made)
    np.divide(gap, np.sqrt(variance), out=sizes, where=made)
    p = np.full(gap.shape, np.nan)
    p[made] = 2 * stdtr(freedom[made], -np.abs(t[made]))
    return PeriodComparison(
        t=t, p_values=p, adjusted_p_values=p.copy() if adjustment is None else _adjusted(p, adjustment),
        effect_sizes=sizes, mean=mean, n_units=count, names=validation.distinct_names(names, len(samples)),
        adjustment=adjustment, parameters={"adjustment": adjustment}, input_digest=digest_arrays(samples),
    )  # fmt: skip


def _sample(values: Any, index: int) -> Array:
    found = np.asarray(values, dtype=float)
    if found.ndim != 1:
        raise InputError(f"values[{index}]: expected one number per unit, found shape {found.shape}")
    validation.finite(f"values[{index}]", found)
    return found


def _adjusted(p: Array, method: str) -> Array:
    above = np.triu_indices(len(p), 1)
    found = np.full(p.shape, np.nan)
    found[above] = adjust_p_values(p[above], method)
    found.T[above] = found[above]
    return found
