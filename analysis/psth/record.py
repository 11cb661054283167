"""The result of averaging over trials: curves per condition and unit with their bands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes
from ..validation import Array
from .averages import divide
from .bands import percent, student

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class PSTH(Result):
    """Peri-stimulus time histograms: mean activity over trials for each condition, time and unit.

    Attributes
    ----------
    mean : ndarray, shape (condition, time, unit)
        What ``quantity`` says; NaN where no trial was recorded, and for excluded units.
    sem : ndarray, shape (condition, time, unit)
        Standard error over trials, s.d. (n − 1) / √n; NaN with fewer than two trials.
    low, high : ndarray, shape (condition, time, unit), or None
        Bounds of the interval of confidence ``level`` that ``interval`` names, None without. NaN with fewer than two
        trials ("poisson": none).
    n_trials : ndarray of int, shape (condition, time, unit)
        Trials in which the sample was recorded.
    time : ndarray, shape (time,)
        In ``time_unit``: on the clock of the activity, or from each trial's moment when ``aligned``.
    weights : ndarray, shape (unit,)
        Of units in the mean over units: 1, or the share of folds in which a unit belonged to the population.
    excluded : ndarray of bool, shape (unit,)
        Units that could not be normalised: no known baseline, or a divisor that is not above the floor.
    counts : ndarray, shape (condition, time, unit), or None
        Spikes counted in all trials together, before smoothing, when spike times were given.
    conditions : tuple of str
        Sorted labels; or "preferred" and "opposite".
    """

    mean: Array = axes("condition", "time", "unit")
    sem: Array = axes("condition", "time", "unit")
    low: Array | None = axes("condition", "time", "unit", optional=True)
    high: Array | None = axes("condition", "time", "unit", optional=True)
    n_trials: Array = axes("condition", "time", "unit")
    time: Array = axes("time")
    weights: Array = axes("unit")
    excluded: Array = axes("unit")
    counts: Array | None = axes("condition", "time", "unit", optional=True)
    conditions: tuple[str, ...]
    quantity: str
    interval: str | None
    level: float
    time_unit: str
    aligned: bool
    n_left_out: int

    kind: ClassVar[str] = "psth"

    @property
    def in_population(self) -> Array:
        """Units with a weight and a normalisation, (unit,) bool."""
        return np.asarray((self.weights > 0) & ~self.excluded)

    def population(self, level: float | None = None) -> tuple[Array, Array, Array]:
        """Return the mean over units and the bounds of its interval over units, each (condition, time).

        The interval (Student's, of confidence ``level``) is for other units drawn as these were. It counts units as
        independent, and tells nothing about other networks or animals: see :func:`stage_psth`.
        """
        known = ~np.isnan(self.mean) & self.in_population
        weight = np.where(known, self.weights, 0)
        filled = np.where(known, self.mean, 0)
        mean = divide((weight * filled).sum(axis=2), weight.sum(axis=2))
        n_units = known.sum(axis=2)
        # The error of a weighted mean of n equal variances, from the weighted deviations (n / (n − 1) makes it the
        # usual one).
        squares = np.square(weight * (filled - np.nan_to_num(mean)[:, :, np.newaxis]) * known).sum(axis=2)
        error = np.sqrt(divide(squares * divide(n_units, n_units - 1), np.square(weight.sum(axis=2))))
        low, high = student(mean, error, n_units, self.level if level is None else level)
        return mean, low, high

    def summary(self) -> str:
        """Return what was averaged, and for each condition its trials and the peak of the mean over units."""
        mean, low, high = self.population()
        n_units = self.mean.shape[2]
        when = "from the event" if self.aligned else ""
        span = f"{self.time[0]:.4g} to {self.time[-1]:.4g} {self.time_unit} {when}".strip()
        lines = [f"{self.quantity}, {n_units} units, {len(self.time)} times, {span}"]
        width = max(len("condition"), *(len(name) for name in self.conditions))
        about = f"{percent(self.level)} over units"
        lines.append(f"{'condition':<{width}} {'trials':>9} {'peak':>9} {'at':>9} {about:>21}")
        for index, name in enumerate(self.conditions):
            lines.append(f"{name:<{width}} {self._trials(index):>9} {self._peak(mean[index], low[index], high[index])}")
        if not self.in_population.all():
            lines.append(f"in the mean over units: {int(self.in_population.sum())} of {n_units}")
        if self.excluded.any():
            lines.append(f"excluded, no usable divisor or baseline: {int(self.excluded.sum())} units")
        if self.n_left_out:
            lines.append(f"left out, no event to align to: {self.n_left_out} trials")
        shown = self.n_trials[:, :, self.in_population]
        empty = (shown == 0).mean() if shown.size else 0
        if empty:
            lines.append(f"without any trial (NaN): {empty:.1%} of conditions × times × units")
        return "\n".join(lines)

    def plot(
        self, ax: "Axes | None" = None, *, unit: int | None = None, epochs: Mapping[str, Any] | None = None
    ) -> "Axes":
        """Draw one curve per condition: of one ``unit``, or the mean over units.

        Up to four conditions have their bands, over trials or over units. ``epochs`` are names with (start, stop) on
        the clock of ``time``, shaded.

        Raises
        ------
        InputError
            If there is no such unit.
        """
        from .drawing import psth_curves

        n_units = self.mean.shape[2]
        if unit is None and n_units == 1:
            unit = 0
        if unit is not None and not 0 <= unit < n_units:
            raise InputError(f"unit: expected a number from 0 to {n_units - 1}, found {unit}")
        return psth_curves(self, plotting.axes_or_new(ax, width=6.0), unit, epochs or {})

    def _trials(self, index: int) -> str:
        counts = self.n_trials[index][:, self.in_population]
        least, most = (int(counts.min()), int(counts.max())) if counts.size else (0, 0)
        return str(most) if least == most else f"{least}–{most}"

    def _peak(self, mean: Array, low: Array, high: Array) -> str:
        if np.isnan(mean).all():
            return f"{'–':>9}"
        at = int(np.nanargmax(mean))
        band = "–" if np.isnan(low[at]) else f"{low[at]:.4g} to {high[at]:.4g}"
        return f"{mean[at]:>9.4g} {self.time[at]:>9.4g} {band:>21}"
