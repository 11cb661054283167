"""Rates, burst fractions and intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...results import digest_arrays
from ..decoding.inputs import epoch_edges
from ..psth.average import condition_codes
from ..spikes import bin_starts, rates_over_trials, unit_groups
from ..validation import Array
from .record import BurstStatistics
from .table import SpikeTable
from .trains import BurstTrains

# Of the histogram of intervals.
_BINS_PER_DECADE = 20


def burst_statistics(
    trains: BurstTrains,
    *,
    groups: Sequence[Any] | Array | None = None,
    labels: Any = None,
    bin_width: float = 0.02,
    window: Any = None,
    epochs: Mapping[str, Any] | None = None,
) -> BurstStatistics:
    """Return how often units spike and burst, and event rate and burst fraction of groups of units over time.

    Parameters
    ----------
    trains : BurstTrains
        Of :func:`burst_trains`.
    groups : (unit,) labels, optional
        For example cell types; one group of all units when None.
    labels : (trial,), optional
        Conditions, each with curves over time of its own; units are described over all trials.
    bin_width : float
        Width of the bins over time, s, rounded to whole samples.
    window : (start, stop) or (trial, 2), optional
        s: count only events that begin in it, and intervals that end in it.
    epochs : mapping of name → (start, stop), optional
        To mark in pictures, s.

    Raises
    ------
    InputError
        If groups, labels, the window, an epoch or the width of the bins does not fit.

    Notes
    -----
    With b_k and e_k the bursts and events of a group in a bin of trial k of n, the burst fraction is F = Σ b / Σ e, and
    its standard error √(n / (n − 1) Σ (b_k − F e_k)²) / Σ e, that of a ratio to first order (Cochran 1977, §2.11).
    The interval of the first spike in the window to the spike before it counts, so that windows add up.

    Takes O(spikes log spikes + conditions · trials · groups · bins).

    References
    ----------
    Naud and Sprekeler (2018), PNAS 115:E6329; Cochran (1977), Sampling techniques, 3rd ed.

    Examples
    --------
    >>> import numpy as np
    >>> from dynascope.analysis import burst_trains
    >>> spikes = np.zeros((2, 100, 1), np.uint8)
    >>> spikes[:, [10, 14, 50]] = 1  # a burst of two and a single spike
    >>> found = burst_statistics(burst_trains(spikes, 0.001 * np.arange(100), 0.01), bin_width=0.05)
    >>> found.unit_event_rates.tolist(), found.unit_burst_fractions.tolist(), found.burst_fractions.tolist()
    ([20.0], [0.5], [[[1.0, 0.0]]])
    """
    names, members = unit_groups(groups, trains.spikes.shape[2])
    codes, conditions = condition_codes(labels, len(trains.spikes))
    inside = trains.recorded(window)
    firsts = bin_starts(bin_width, trains.dt, len(trains.time))
    durations = np.add.reduceat(inside, firsts, axis=1, dtype=np.float64) * trains.dt
    table, counted = trains.table, inside[trains.table.trial, trains.table.sample]
    bursts, events = (
        _binned(table, counted & which, members, (len(inside), len(names), len(firsts)), firsts)
        for which in (table.opening, table.event)
    )
    event_rates, event_sems = _rates(events, durations, members, codes)
    burst_rates, burst_sems = _rates(bursts, durations, members, codes)
    fractions, fraction_sems = _ratios(bursts, events, codes == np.arange(len(conditions))[:, None])
    counts, interval_edges = _histogram(table.steps[counted & (table.steps >= 0)], trains)
    return BurstStatistics(
        **_units(trains, counted, inside.sum() * trains.dt),
        unit_groups=members,
        event_rates=event_rates,
        event_rate_sems=event_sems,
        burst_rates=burst_rates,
        burst_rate_sems=burst_sems,
        burst_fractions=fractions,
        burst_fraction_sems=fraction_sems,
        edges=float(trains.time[0]) + trains.dt * np.append(firsts, len(trains.time)),
        interval_counts=counts,
        interval_edges=interval_edges,
        groups=names,
        conditions=conditions,
        n_trials=tuple(np.bincount(codes, minlength=len(conditions)).tolist()),
        max_interval=trains.max_interval,
        min_spikes=trains.min_spikes,
        dt=trains.dt,
        epochs=epoch_edges(epochs),
        parameters={
            "max_interval": trains.max_interval, "min_spikes": trains.min_spikes, "merge_runs": trains.merge_runs,
            "bin_width": float(bin_width), "windowed": window is not None,
        },
        input_digest=digest_arrays([trains.spikes, trains.time, inside, codes]),
    )  # fmt: skip


def _rates(counts: Array, durations: Array, members: Array, codes: Array) -> tuple[Array, Array]:
    """Return the mean rate of a group's units and its standard error over the trials of each condition."""
    per_unit = counts / np.bincount(members)[:, None]
    found = [rates_over_trials(per_unit[codes == code], durations[codes == code]) for code in np.unique(codes)]
    rates, errors = (np.stack(each) for each in zip(*found, strict=True))
    return rates, errors


def _binned(table: SpikeTable, which: Array, members: Array, shape: tuple[int, int, int], firsts: Array) -> Array:
    """Return the number of chosen spikes of each group and bin, (trial, group, bin); ``firsts`` are samples (bin,)."""
    place = (table.trial[which], members[table.unit[which]], np.digitize(table.sample[which], firsts) - 1)
    counts = np.bincount(np.ravel_multi_index(place, shape), minlength=int(np.prod(shape)))
    return counts.reshape(shape).astype(np.float64)


def _ratios(bursts: Array, events: Array, of_condition: Array) -> tuple[Array, Array]:
    """Return Σ bursts / Σ events over the trials of each condition, and its standard error, (condition, group, bin).

    ``bursts`` and ``events`` are (trial, group, bin), ``of_condition`` (condition, trial) bool.
    """
    weights = of_condition.astype(np.float64)
    b, e, bb, be, ee = (
        np.tensordot(weights, each, axes=1)
        for each in (bursts, events, bursts * bursts, bursts * events, events * events)
    )
    nothing = np.full(e.shape, np.nan)
    fraction = np.divide(b, e, out=nothing.copy(), where=e > 0)
    # Counts: the sums are exact, and only the last subtraction rounds.
    residual = np.maximum(bb - 2 * fraction * be + fraction**2 * ee, 0)
    n = weights.sum(axis=1)[:, None, None]
    correction = n / np.maximum(n - 1, 1)
    error = np.divide(np.sqrt(correction * residual), e, out=nothing, where=(e > 0) & (n > 1))
    return fraction, error


def _units(trains: BurstTrains, counted: Array, duration: float) -> dict[str, Array]:
    """Return the fields that describe single units; ``counted`` (spike,) says which spikes are in the window."""
    table, n_units = trains.table, trains.spikes.shape[2]

    def count(which: Array, weights: Array | None = None) -> Array:
        chosen = counted & which
        return np.bincount(table.unit[chosen], None if weights is None else weights[chosen], n_units)

    def share(part: Array, whole: Array) -> Array:
        found: Array = np.divide(part, whole, out=np.full(n_units, np.nan), where=whole > 0)
        return found

    bursts, events = count(table.opening), count(table.event)
    intervals = table.steps * trains.dt
    within = counted & table.bursting & ~table.first
    between = counted & (table.steps >= 0) & ~within
    return {
        "unit_spike_rates": count(np.ones(len(counted), bool)) / duration,
        "unit_event_rates": events / duration,
        "unit_burst_rates": bursts / duration,
        "unit_burst_fractions": share(bursts, events),
        "spikes_per_burst": share(count(table.opening, table.group_sizes[table.group]), bursts),
        "within_intervals": _medians(intervals[within], table.unit[within], n_units),
        "between_intervals": _medians(intervals[between], table.unit[between], n_units),
        "run_lengths": trains.run_lengths,
    }


def _medians(values: Array, owner: Array, n_owners: int) -> Array:
    """Return the median of each owner's values (owner,), NaN without any."""
    ordered = values[np.lexsort((values, owner))]
    count = np.bincount(owner, minlength=n_owners)
    start, some = np.cumsum(count) - count, count > 0
    found = np.full(n_owners, np.nan)
    low, high = (start + (count - 1) // 2)[some], (start + count // 2)[some]
    found[some] = (ordered[low] + ordered[high]) / 2
    return found


def _histogram(steps: Array, trains: BurstTrains) -> tuple[Array, Array]:
    """Return the histogram of intervals in samples and its edges in seconds."""
    longest = len(trains.time)
    n_edges = max(2, int(_BINS_PER_DECADE * np.log10(longest)))
    # Half-way between multiples of the sample, so that no bin is empty for being narrower than one.
    edges = np.unique(np.append(np.floor(np.geomspace(1, longest, n_edges)), min(trains.most_steps, longest))) + 0.5
    edges = np.append(0.5, edges)
    # Spikes of one sample are less than a sample apart.
    if steps.size and steps.min() == 0:
        edges, steps = np.append(0.25, edges), np.maximum(steps, 0.3)
    return np.histogram(steps, edges)[0], edges * trains.dt
