"""The result of :func:`saccade_errors`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError, unknown_name
from ...results import Result, axes
from ..psth.bands import percent
from ..validation import Array
from .stage_means import band, describe_drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False, kw_only=True)
class SaccadeErrors(Result):
    """Distributions of absolute circular errors at each stage of training.

    Attributes
    ----------
    fraction, fraction_low, fraction_high : ndarray, shape (stage, group, bin)
        Share of trials with an error in each bin, with its interval of confidence ``level``.
    bin_edges : ndarray, shape (edge,)
        rad, from 0 to π.
    value, low, high : ndarray, shape (stage, group, measure)
        Of each of ``measures``, in ``units``: "correct", the fraction below ``criterion``; "mean error" and "median
        error", rad; then the means of what was averaged beside them. :meth:`of` picks one.
    difference, difference_low, difference_high : ndarray, shape (pair, group, measure)
        The second stage of each of ``pairs`` less the first, within networks.
    n_checkpoints, n_networks : ndarray of int, shape (stage,)
    n_drawn : ndarray of int, shape (stage,)
        How many of ``drawn`` ("networks", or "checkpoints" of the only one) the intervals count as independent.
    n_trials : ndarray of int, shape (stage, group)
    performance : ndarray, shape (stage,), or None
        Mean over checkpoints.
    stages, groups, measures, units : tuple of str
    pairs : tuple of pairs of stages
    criterion : float
        rad.
    relative_to : str
        What errors are distances to.
    """

    fraction: Array = axes("stage", "group", "bin")
    fraction_low: Array = axes("stage", "group", "bin")
    fraction_high: Array = axes("stage", "group", "bin")
    bin_edges: Array = axes("edge", units="rad")
    value: Array = axes("stage", "group", "measure")
    low: Array = axes("stage", "group", "measure")
    high: Array = axes("stage", "group", "measure")
    difference: Array = axes("pair", "group", "measure")
    difference_low: Array = axes("pair", "group", "measure")
    difference_high: Array = axes("pair", "group", "measure")
    n_checkpoints: Array = axes("stage")
    n_networks: Array = axes("stage")
    n_drawn: Array = axes("stage")
    n_trials: Array = axes("stage", "group")
    performance: Array | None = axes("stage", optional=True)
    stages: tuple[str, ...]
    groups: tuple[str, ...]
    measures: tuple[str, ...]
    units: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    criterion: float
    relative_to: str
    drawn: str
    level: float

    kind: ClassVar[str] = "saccade_errors"

    def of(self, measure: str) -> tuple[Array, Array, Array]:
        """Return a measure and its interval, each (stage, group).

        Raises
        ------
        InputError
            If there is no such measure.
        """
        index = self._measure(measure)
        return self.value[..., index], self.low[..., index], self.high[..., index]

    def difference_of(self, measure: str) -> tuple[Array, Array, Array]:
        """Return the differences of a measure between stages with their interval, each (pair, group).

        Raises InputError if there is no such measure.
        """
        index = self._measure(measure)
        return self.difference[..., index], self.difference_low[..., index], self.difference_high[..., index]

    def summary(self) -> str:
        """Return what each stage consists of, and every measure by stage and group; errors in degrees."""
        lines = [
            f"error to the {self.relative_to}, correct below {np.rad2deg(self.criterion):.4g}°, "
            f"{percent(self.level)} intervals over {self.drawn}"
        ]
        for stage, name in enumerate(self.stages):
            lines.append(
                f"{name:<7} {self.n_checkpoints[stage]:>4} checkpoints of {self.n_networks[stage]} network(s), "
                f"{self.n_trials[stage].sum()} trials"
            )
            for group, label in enumerate(self.groups):
                shown = f" ({label})" if len(self.groups) > 1 else ""
                for measure, unit, value, low, high in zip(
                    self.measures, self.units, self.value[stage, group], self.low[stage, group],
                    self.high[stage, group], strict=True,
                ):  # fmt: skip
                    scale, symbol = (180 / np.pi, "°") if unit == "rad" else (1.0, f" {unit}".rstrip())
                    around = band(scale * low, scale * high, ".3g")
                    lines.append(f"  {measure + shown:<24} {scale * value:>8.3g}{symbol}  {around}")
        return "\n".join(lines + describe_drawn(self.drawn, self.n_drawn))

    def plot(self, ax: "Axes | None" = None, *, group: str | None = None) -> "Axes":
        """Draw the distributions of all stages for one group (the first when None), the criterion dashed.

        Raises
        ------
        InputError
            If there is no such group.
        """
        from .drawing import error_histograms

        if group is not None and group not in self.groups:
            raise InputError(unknown_name("group", group, self.groups))
        index = 0 if group is None else self.groups.index(group)
        return error_histograms(self, plotting.axes_or_new(ax, width=5.4), index)

    def plot_stages(self) -> "Figure":
        """Draw one panel for each stage with the distributions of all groups."""
        from .drawing import error_panels

        return error_panels(self)

    def _measure(self, measure: str) -> int:
        if measure not in self.measures:
            raise InputError(unknown_name("measure", measure, self.measures))
        return self.measures.index(measure)
