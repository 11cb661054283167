"""The result of averaging over stages of training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes
from ..validation import Array
from .bands import percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class StagePSTH(Result):
    """Mean activity of the population at each stage of training, and differences between stages.

    Attributes
    ----------
    mean, low, high : ndarray, shape (stage, condition, time)
        Mean over units, checkpoints, networks and seeds, with its interval of confidence ``level``.
    difference, difference_low, difference_high : ndarray, shape (pair, condition, time)
        The second stage of each of ``pairs`` less the first, within networks.
    epoch_mean, epoch_low, epoch_high : ndarray, shape (stage, condition), or None
    epoch_difference, epoch_difference_low, epoch_difference_high : ndarray, shape (pair, condition), or None
        The same for means over the epoch ``measure``, when there is one.
    n_checkpoints, n_networks : ndarray of int, shape (stage,)
    n_units : ndarray, shape (stage,)
        Mean over checkpoints of the number of units in the population.
    n_drawn : ndarray of int, shape (stage,)
        How many of ``drawn`` ("seeds", "networks" or "units") the intervals count as independent.
    performance : ndarray, shape (stage,), or None
        Mean over checkpoints.
    time : ndarray, shape (time,)
    stages, conditions : tuple of str
    pairs : tuple of pairs of stages
    """

    mean: Array = axes("stage", "condition", "time")
    low: Array = axes("stage", "condition", "time")
    high: Array = axes("stage", "condition", "time")
    difference: Array = axes("pair", "condition", "time")
    difference_low: Array = axes("pair", "condition", "time")
    difference_high: Array = axes("pair", "condition", "time")
    epoch_mean: Array | None = axes("stage", "condition", optional=True)
    epoch_low: Array | None = axes("stage", "condition", optional=True)
    epoch_high: Array | None = axes("stage", "condition", optional=True)
    epoch_difference: Array | None = axes("pair", "condition", optional=True)
    epoch_difference_low: Array | None = axes("pair", "condition", optional=True)
    epoch_difference_high: Array | None = axes("pair", "condition", optional=True)
    time: Array = axes("time")
    n_checkpoints: Array = axes("stage")
    n_networks: Array = axes("stage")
    n_units: Array = axes("stage")
    n_drawn: Array = axes("stage")
    performance: Array | None = axes("stage", optional=True)
    time_unit: str
    stages: tuple[str, ...]
    conditions: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    quantity: str
    drawn: str
    interval: str
    level: float
    aligned: bool

    kind: ClassVar[str] = "stage_psth"

    def summary(self) -> str:
        """Return what each stage consists of, and the measured epoch by stage and between stages."""
        lines = [f"{self.quantity}, {len(self.time)} times, {percent(self.level)} intervals over {self.drawn}"]
        for index, name in enumerate(self.stages):
            score = "" if self.performance is None else f", performance {self.performance[index]:.2f}"
            lines.append(
                f"{name:<7} {self.n_checkpoints[index]:>4} checkpoints of {self.n_networks[index]} network(s)"
                f"{score}, {self.n_units[index]:.1f} units"
            )
        if self.epoch_mean is not None:
            assert self.epoch_low is not None
            assert self.epoch_high is not None
            lines.append(f"mean over {_span(self.parameters.get('measure'))}")
            for index, name in enumerate(self.stages):
                lines += self._measured(name, self.epoch_mean[index], self.epoch_low[index], self.epoch_high[index])
        if self.epoch_difference is not None:
            assert self.epoch_difference_low is not None
            assert self.epoch_difference_high is not None
            for index, (first, second) in enumerate(self.pairs):
                lines += self._measured(
                    f"{second} − {first}", self.epoch_difference[index], self.epoch_difference_low[index],
                    self.epoch_difference_high[index],
                )  # fmt: skip
        if self.drawn == "units":
            lines.append("one network: the intervals are for other units of it, not for other networks")
        elif (self.n_drawn < 2).any():
            lines.append("no interval for stages that fewer than two of them reached")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None, *, epochs: Mapping[str, Any] | None = None) -> "Axes":
        """Draw the curves of every stage in its colour with their bands; ``epochs`` are shaded."""
        from .drawing import stage_curves

        return stage_curves(self, plotting.axes_or_new(ax, width=6.4), epochs or {})

    def plot_differences(self, ax: "Axes | None" = None, *, epochs: Mapping[str, Any] | None = None) -> "Axes":
        """Draw the difference between each pair of stages with its band around zero.

        Raises
        ------
        InputError
            If there is one stage only.
        """
        from .drawing import difference_curves

        if not self.pairs:
            raise InputError(f"differences: expected at least 2 stages, found {', '.join(self.stages)}")

        return difference_curves(self, plotting.axes_or_new(ax, width=6.4), epochs or {})

    def _measured(self, name: str, values: Array, low: Array, high: Array) -> list[str]:
        return [
            f"  {name:<15} {condition:<10} {value:>9.4g}  {_band(below, above)}"
            for condition, value, below, above in zip(self.conditions, values, low, high, strict=True)
        ]


def _band(low: float, high: float) -> str:
    return "no interval" if np.isnan(low) else f"{low:.4g} to {high:.4g}"


def _span(edges: Any) -> str:
    found = np.asarray(edges, dtype=float).reshape(-1, 2)[0]
    return f"{found[0]:g} to {found[1]:g}"
