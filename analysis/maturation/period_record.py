"""The result of :func:`period_activity`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...results import Result, axes
from ..psth.bands import percent
from ..validation import Array, positive
from .stage_means import band, describe_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Narrow bins over a range stretched by one unit cannot be seen.
_MOST_BINS = 400


@dataclass(frozen=True, eq=False, kw_only=True)
class PeriodActivity(Result):
    """Mean activity of single units in an epoch at chosen checkpoints of each stage of training.

    Attributes
    ----------
    values, weights : ndarray, shape (observation,)
        Mean activity of one unit of the population at one checkpoint, and its weight there (see :class:`PSTH`).
    observation_stage, observation_checkpoint, observation_unit : ndarray of int, shape (observation,)
        The stage (an index into ``stages``), the checkpoint as given, and the unit. A checkpoint of two stages is in
        both.
    mean, low, high : ndarray, shape (stage,)
        Mean over units, checkpoints and networks with its interval of confidence ``level``; NaN without a unit.
    median : ndarray, shape (stage,)
        Over all observations.
    difference, difference_low, difference_high : ndarray, shape (pair,)
        The second stage of each of ``pairs`` less the first, within networks.
    effect_size, effect_size_low, effect_size_high : ndarray, shape (pair,)
        The difference in standard deviations of units within a checkpoint, which count as known.
    network_mean : ndarray, shape (stage, network)
        NaN for networks without a unit at that stage.
    n_units, n_checkpoints, n_networks, n_drawn : ndarray of int, shape (stage,)
        Observations; checkpoints; networks; how many of ``drawn`` ("networks", "seeds" or "units") count as
        independent.
    checkpoints : ndarray of int, shape (checkpoint,)
        The checkpoints that were looked at, as given; also those whose population was empty.
    stages, networks : tuple of str
    pairs : tuple of pairs of stages
    f, p_value, df, df_residual : float, int or None
        Published test: analysis of variance over stages with units as observations. None when not asked for, NaN
        when fewer than two stages have units.
    """

    values: Array = axes("observation")
    weights: Array = axes("observation")
    observation_stage: Array = axes("observation")
    observation_checkpoint: Array = axes("observation")
    observation_unit: Array = axes("observation")
    mean: Array = axes("stage")
    low: Array = axes("stage")
    high: Array = axes("stage")
    median: Array = axes("stage")
    difference: Array = axes("pair")
    difference_low: Array = axes("pair")
    difference_high: Array = axes("pair")
    effect_size: Array = axes("pair")
    effect_size_low: Array = axes("pair")
    effect_size_high: Array = axes("pair")
    network_mean: Array = axes("stage", "network")
    n_units: Array = axes("stage")
    n_checkpoints: Array = axes("stage")
    n_networks: Array = axes("stage")
    n_drawn: Array = axes("stage")
    checkpoints: Array = axes("checkpoint")
    stages: tuple[str, ...]
    networks: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    quantity: str
    period: str
    chosen: str
    drawn: str
    level: float
    f: float | None = None
    p_value: float | None = None
    df: int | None = None
    df_residual: int | None = None

    kind: ClassVar[str] = "period_activity"

    def of_stage(self, stage: str) -> Array:
        """Return the activity of every unit at a stage, (observation,)."""
        return np.asarray(self.values[self.observation_stage == self.stages.index(stage)])

    def of_checkpoints(self) -> list[Array]:
        """Return the activity of every unit at each of ``checkpoints``, (observation,) each: may be empty."""
        found = []
        for checkpoint in self.checkpoints:
            own = self.observation_checkpoint == checkpoint
            # A checkpoint of two stages has its units twice.
            found.append(self.values[own & (self.observation_stage == self.observation_stage[own].min(initial=99))])
        return found

    def summary(self) -> str:
        """Return the mean of each stage, differences with their effect sizes, and the published test when there is."""
        lines = [
            f"{self.quantity}, {self.period}, {self.chosen} checkpoints, {percent(self.level)} intervals over "
            f"{self.drawn}"
        ]
        for stage, name in enumerate(self.stages):
            lines.append(
                f"{name:<16} {self.mean[stage]:>8.4g}  {band(self.low[stage], self.high[stage])}, median "
                f"{self.median[stage]:.4g}; {self.n_units[stage]} units, {self.n_checkpoints[stage]} checkpoint(s) of "
                f"{self.n_networks[stage]} network(s)"
            )
        for pair, (first, second) in enumerate(self.pairs):
            lines.append(
                f"{second + ' − ' + first:<16} {self.difference[pair]:>8.4g}  "
                f"{band(self.difference_low[pair], self.difference_high[pair])}; {self.effect_size[pair]:.2f} s.d. of "
                f"units ({band(self.effect_size_low[pair], self.effect_size_high[pair], '.2f')})"
            )
        lines += describe_drawn(self.drawn, self.n_drawn)
        if self.p_value is not None:
            lines.append(f"units as observations (published): {self.test_text()}; takes units for independent")
        return "\n".join(lines)

    def test_text(self) -> str:
        """Return the published test in words."""
        if self.p_value is None or self.f is None or np.isnan(self.p_value):
            return "no test, fewer than two stages with units"
        return f"F({self.df}, {self.df_residual}) = {self.f:.4g}, p = {self.p_value:.4g}"

    def plot(self, ax: "Axes | None" = None, *, width: float = 0.5) -> "Axes":
        """Draw the density of units' activity at each stage in bins of ``width``, with the means."""
        from .drawing import period_histograms

        return period_histograms(self, plotting.axes_or_new(ax, width=5.4), width)

    def plot_boxes(self, ax: "Axes | None" = None) -> "Axes":
        """Draw a box of units' activity for each stage, with the mean of every network."""
        from .drawing import period_boxes

        return period_boxes(self, plotting.axes_or_new(ax, width=3.6))


def histogram_edges(values: Array, width: float = 0.5) -> Array:
    """Return edges at multiples of ``width`` around all values; wider ones where they would be more than 400.

    >>> histogram_edges(np.array([-1.2, -0.6])).tolist()
    [-1.5, -1.0, -0.5]
    """
    width = positive("width", width)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    width *= max(1, int(np.ceil((high - low) / width / _MOST_BINS)))
    first = int(np.floor(low / width))
    last = max(int(np.floor(high / width)) + 1, first + 1)
    return np.arange(first, last + 1) * width
