"""The spikes of all units as one sorted list, and which of them belong to one burst."""

from dataclasses import dataclass

import numpy as np

from ..spikes import steps_before
from ..validation import Array


@dataclass(frozen=True, eq=False)
class SpikeTable:
    """Spikes sorted by unit, trial and time.

    Attributes
    ----------
    unit, trial, sample : ndarray of int, shape (spike,)
    group : ndarray of int, shape (spike,)
        Groups 0, 1, 2, … of successive spikes that are no further apart than the longest interval within a burst.
    group_sizes : ndarray of int, shape (group,)
    bursting : ndarray of bool, shape (spike,)
        Whether the group is large enough for a burst.
    first : ndarray of bool, shape (spike,)
        Whether the spike is the first of its group.
    steps : ndarray of int, shape (spike,)
        Samples since the spike before it in the same unit and trial; −1 where there is none, or where samples between
        the two were not recorded.
    """

    unit: Array
    trial: Array
    sample: Array
    group: Array
    group_sizes: Array
    bursting: Array
    first: Array
    steps: Array

    @property
    def single(self) -> Array:
        """Which spikes belong to no burst (spike,)."""
        return ~self.bursting

    @property
    def opening(self) -> Array:
        """Which spikes are the first of a burst (spike,)."""
        return self.bursting & self.first

    @property
    def event(self) -> Array:
        """Which spikes are single or the first of a burst (spike,)."""
        return self.single | self.first


def spike_table(
    spikes: Array, kept: Array, *, most_steps: int, min_spikes: int, merge_runs: bool
) -> tuple[SpikeTable, Array]:
    """Return the spikes of ``spikes`` (trial, time, unit), and the mean length (unit,) of unbroken runs, samples.

    ``kept`` (trial, time) says which samples were recorded; the others hold 0. Spikes at most ``most_steps`` samples
    apart are of one group. Takes O(entries).
    """
    spiking = np.ascontiguousarray((spikes > 0).transpose(2, 0, 1))  # (unit, trial, time): the order of the list
    onset = spiking.copy()
    onset[:, :, 1:] &= ~spiking[:, :, :-1]
    runs = onset.sum(axis=(1, 2))
    run_lengths = np.divide(spiking.sum(axis=(1, 2)), runs, out=np.full(runs.shape, np.nan), where=runs > 0)
    unit, trial, sample = np.nonzero(onset if merge_runs else spiking)
    if not merge_runs:
        counts = spikes[trial, sample, unit].astype(np.int64)
        unit, trial, sample = (np.repeat(column, counts) for column in (unit, trial, sample))
    steps = steps_before(unit, trial, sample, kept)
    first = (steps < 0) | (steps > most_steps)
    group = np.cumsum(first) - 1
    sizes = np.bincount(group)
    return SpikeTable(unit, trial, sample, group, sizes, sizes[group] >= min_spikes, first, steps), run_lengths
