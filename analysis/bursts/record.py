"""The result of burst statistics: rates, fractions and intervals of units, and of groups of units over time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...results import Result, axes
from ..spikes import median_text
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class BurstStatistics(Result):
    """Spikes, events and bursts of units, and the ensemble code of groups of units over time.

    An event is a single spike or a burst, whatever the number of its spikes (Naud and Sprekeler 2018). Rates are per
    recorded time. Quantities that need a spike, a burst or an interval are NaN without one.

    Attributes
    ----------
    unit_spike_rates, unit_event_rates, unit_burst_rates : ndarray, shape (unit,)
        Hz, over all trials.
    unit_burst_fractions : ndarray, shape (unit,)
        Bursts / events.
    spikes_per_burst : ndarray, shape (unit,)
        Mean; a burst that begins in the window counts with all its spikes.
    within_intervals : ndarray, shape (unit,)
        Median interval of successive spikes of one burst, s.
    between_intervals : ndarray, shape (unit,)
        Median interval from the last spike of an event to the first of the next, s: all the others.
    run_lengths : ndarray, shape (unit,)
        Mean number of samples of an unbroken run of spiking samples, over all recorded time.
    unit_groups : ndarray of int, shape (unit,)
        The group of each unit, an index into ``groups``.
    event_rates, event_rate_sems, burst_rates, burst_rate_sems : ndarray, shape (condition, group, bin)
        Mean over trials of the mean rate of a group's units in a bin, Hz, and its standard error over trials.
    burst_fractions, burst_fraction_sems : ndarray, shape (condition, group, bin)
        Bursts / events of a group's units in a bin, all trials together: active units count more. The standard error
        is that of a ratio over trials. NaN in bins without an event, the error with fewer than two trials.
    edges : ndarray, shape (edge,)
        Edges of the bins, s.
    interval_counts : ndarray of int, shape (interval,)
        Histogram of the intervals of successive spikes, of all units.
    interval_edges : ndarray, shape (interval edge,)
        s, about evenly spaced on a logarithmic scale, half-way between multiples of ``dt``; one of them parts the
        intervals within bursts from longer ones.
    groups, conditions : tuple of str
        Sorted.
    n_trials : tuple of int
        Trials of each condition.
    max_interval : float
        Longest interval within a burst, s.
    min_spikes : int
    dt : float
        Duration of a sample, s.
    epochs : mapping of name → (start, stop)
        Marked in pictures.
    """

    unit_spike_rates: Array = axes("unit", units="Hz")
    unit_event_rates: Array = axes("unit", units="Hz")
    unit_burst_rates: Array = axes("unit", units="Hz")
    unit_burst_fractions: Array = axes("unit")
    spikes_per_burst: Array = axes("unit")
    within_intervals: Array = axes("unit", units="s")
    between_intervals: Array = axes("unit", units="s")
    run_lengths: Array = axes("unit")
    unit_groups: Array = axes("unit")
    event_rates: Array = axes("condition", "group", "bin", units="Hz")
    event_rate_sems: Array = axes("condition", "group", "bin", units="Hz")
    burst_rates: Array = axes("condition", "group", "bin", units="Hz")
    burst_rate_sems: Array = axes("condition", "group", "bin", units="Hz")
    burst_fractions: Array = axes("condition", "group", "bin")
    burst_fraction_sems: Array = axes("condition", "group", "bin")
    edges: Array = axes("edge", units="s")
    interval_counts: Array = axes("interval")
    interval_edges: Array = axes("interval_edge", units="s")
    groups: tuple[str, ...]
    conditions: tuple[str, ...]
    n_trials: tuple[int, ...]
    max_interval: float
    min_spikes: int
    dt: float
    epochs: Mapping[str, Any]

    kind: ClassVar[str] = "burst_statistics"

    def summary(self) -> str:
        """Return a table with one line per group: rates, burst fraction, spikes per burst and intervals."""
        rule = f"at least {self.min_spikes} spikes at most {1e3 * self.max_interval:.4g} ms apart"
        width = max(len("group"), *(len(name) for name in self.groups))
        titles = f"{'group':<{width}} {'units':>6} {'spikes Hz':>9} {'events Hz':>9} {'bursts Hz':>9} {'fraction':>8}"
        lines = [
            f"{sum(self.n_trials)} trials, {len(self.unit_groups)} units; a burst: {rule}",
            f"{titles} {'spikes/burst':>12} {'within ms':>9} {'between ms':>10} {'run':>5}",
        ]
        for index, name in enumerate(self.groups):
            own = self.unit_groups == index
            spikes, events, bursts = (
                rates[own].mean() for rates in (self.unit_spike_rates, self.unit_event_rates, self.unit_burst_rates)
            )
            fraction = f"{bursts / events:.3f}" if events > 0 else "–"
            numbers = f"{own.sum():>6} {spikes:>9.2f} {events:>9.2f} {bursts:>9.2f} {fraction:>8}"
            within, between = (median_text(1e3 * each[own]) for each in (self.within_intervals, self.between_intervals))
            sizes = f"{median_text(self.spikes_per_burst[own]):>12} {within:>9} {between:>10}"
            lines.append(f"{name:<{width}} {numbers} {sizes} {median_text(self.run_lengths[own]):>5}")
        lines.append("from spikes/burst on: medians over the units that have one; run: samples of an unbroken run")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the burst fraction of every condition and group over time with its standard error."""
        from .drawing import draw_over_time

        return draw_over_time(self, "burst_fraction", ax)

    def plot_event_rate(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the event rate of every condition and group over time with its standard error."""
        from .drawing import draw_over_time

        return draw_over_time(self, "event_rate", ax)

    def plot_intervals(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the histogram of intervals, and the longest one within a burst."""
        from .drawing import draw_intervals

        return draw_intervals(self, ax)
