"""Spike trains split into single spikes and bursts."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ...results import count_noun
from .. import validation
from ..psth.smoothing import even_step
from ..spikes import recorded_counts
from ..trial_time import sample_times, samples_of
from ..validation import Array
from .table import SpikeTable, spike_table

# Of a sample: so that an interval of 16 samples of 1 ms is at most 0.016 s.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False, kw_only=True)
class BurstTrains:
    """Spike trains of single spikes and of bursts, each an array that any analysis takes as its activity.

    Attributes
    ----------
    spikes : ndarray of unsigned int, shape (trial, time, unit)
        Every spike: the first sample of each run of spiking samples, or the counts that were given
        (``merge_runs=False``).
    singles, bursts : ndarray of unsigned int, shape (trial, time, unit)
        Spikes that belong to no burst; bursts, each at its first spike.
    events : ndarray of unsigned int, shape (trial, time, unit)
        Their sum, in which a burst counts as much as a single spike.
    kept : ndarray of bool, shape (trial, time)
        Which samples were recorded; trains are 0 elsewhere.
    time : ndarray, shape (time,)
        s, at equal intervals.
    run_lengths : ndarray, shape (unit,)
        Mean length of the unbroken runs of spiking samples, NaN without a spike.
    max_interval, min_spikes, merge_runs
        As given.
    table : SpikeTable
        The spikes as a list.
    """

    spikes: Array
    events: Array
    singles: Array
    bursts: Array
    kept: Array
    time: Array
    run_lengths: Array
    max_interval: float
    min_spikes: int
    merge_runs: bool
    table: SpikeTable

    @property
    def dt(self) -> float:
        """Duration of a sample, s."""
        return float((self.time[-1] - self.time[0]) / (len(self.time) - 1))

    @property
    def most_steps(self) -> int:
        """Longest interval within a burst, samples."""
        return _most_steps(self.max_interval, self.dt)

    def recorded(self, window: Any = None) -> Array:
        """Return which samples were recorded and lie in a window, (trial, time) bool.

        Parameters
        ----------
        window : (start, stop) or (trial, 2), optional
            s, start ≤ t < stop; all samples when None.

        Raises
        ------
        InputError
            If the window has another shape, or a trial has no recorded sample in it.
        """
        if window is None:
            inside = self.kept
        else:
            inside = self.kept & samples_of(self.time, window, len(self.kept), "window", every=True)
        empty = ~inside.any(axis=1)
        if empty.any():
            where = "" if window is None else " in the window"
            raise InputError(f"mask: trial {int(np.argmax(empty))} has no recorded sample{where}; leave it out")
        return inside


def burst_trains(
    spikes: Any, time: Any, max_interval: float, *, min_spikes: int = 2, merge_runs: bool = True, mask: Any = None
) -> BurstTrains:
    """Return the single spikes and the bursts of spike trains.

    A burst is at least ``min_spikes`` spikes of one unit, each at most ``max_interval`` after the one before it; all
    other spikes are single. The interval is best read from the histogram of intervals
    (:meth:`BurstStatistics.plot_intervals`), as the dip between its two humps, if it has two.

    Parameters
    ----------
    spikes : array (trial, time, unit)
        Spikes in each sample: 0, 1, 2, … of any real dtype, or booleans.
    time : (time,)
        Times of the samples, s, at equal intervals.
    max_interval : float
        Longest interval within a burst, s, from spike to spike (onset to onset of runs).
    min_spikes : int
        Fewest spikes in a burst, from 2.
    merge_runs : bool
        Take spiking samples that follow each other as one spike, at the first of them: a threshold crossing of the
        ``prc`` networks is two samples long, since the reset arrives two steps late, and one of a simulated potential
        can have any length. False takes every sample as it is, and several spikes of a sample as 0 s apart: for counts.
    mask : bool array (trial, time), optional
        True keeps the sample; others were not recorded (the padding of short trials) and may hold anything. No run,
        interval or burst reaches across them.

    Raises
    ------
    InputError
        If ``spikes`` is not (trial, time, unit) of whole numbers from 0, or holds more than 1 where runs are to be
        merged; times are not at equal intervals; no burst can be as short as ``max_interval``; a trial
        has no recorded sample; or ``mask`` does not fit.
    ConfigurationError
        If ``min_spikes`` is not a whole number from 2.

    Notes
    -----
    Bursts are cut off at the ends of a trial, and a run that is there at the first sample counts as a spike.
    Takes O(trials · time · units), and about 8 bytes for each of these beside the input.

    References
    ----------
    Naud and Sprekeler (2018), PNAS 115:E6329: events, bursts and burst fractions as the code of an ensemble.

    Examples
    --------
    >>> import numpy as np
    >>> spikes = np.zeros((1, 60, 1), np.uint8)
    >>> spikes[0, [3, 4, 10, 11, 17, 40, 41], 0] = 1  # two samples for a spike, but for one
    >>> trains = burst_trains(spikes, 0.001 * np.arange(60), max_interval=0.01)
    >>> [np.flatnonzero(train).tolist() for train in (trains.spikes, trains.bursts, trains.singles)]
    [[3, 10, 17, 40], [3], [40]]
    """
    found, kept = recorded_counts(spikes, mask)
    times, unit = sample_times(time, found.shape[1])
    if unit != "s":
        raise InputError("time: expected times in seconds, found None")
    dt = even_step(times, "burst_trains")
    longest = validation.positive("max_interval", max_interval)
    most_steps = _most_steps(longest, dt)
    # Two runs have at least one sample between them.
    least = 2 if merge_runs else 1
    if most_steps < least:
        raise InputError(
            f"max_interval: expected at least {least * dt:g} s ({count_noun(least, 'sample')}), found {longest:g}"
        )
    if merge_runs:
        wanted = "0 or 1, since samples that follow each other are merged to one spike; for counts, merge_runs=False"
        validation.refuse("spikes", found, found > 1, wanted)
    fewest = validation.whole_number("min_spikes", min_spikes, least=2)
    table, run_lengths = spike_table(found, kept, most_steps=most_steps, min_spikes=fewest, merge_runs=merge_runs)
    dtype = np.min_scalar_type(int(found.max()))
    every, singles, bursts = (_train(table, which, found.shape, dtype) for which in (None, table.single, table.opening))
    trains = BurstTrains(
        spikes=every, events=singles + bursts, singles=singles, bursts=bursts, kept=kept, time=times,
        run_lengths=run_lengths, max_interval=longest, min_spikes=fewest, merge_runs=bool(merge_runs), table=table,
    )  # fmt: skip
    trains.recorded()
    return trains


def _most_steps(max_interval: float, dt: float) -> int:
    return int(max_interval / dt + _ROUNDING)


def _train(table: SpikeTable, which: Array | None, shape: tuple[int, ...], dtype: Any) -> Array:
    """Return chosen spikes of the list as an array (trial, time, unit)."""
    chosen = slice(None) if which is None else which
    train = np.zeros(shape, dtype)
    np.add.at(train, (table.trial[chosen], table.sample[chosen], table.unit[chosen]), 1)
    return train
