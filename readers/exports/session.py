"""Trials laid one after the other on one clock."""

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ..recording import Recording

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class Session:
    """Where each trial of a recording lies on one clock, in seconds.

    Attributes
    ----------
    rows
        For each trial its rows among all samples; padding has none.
    stamps
        (sample,) the time of each row.
    starts, stops
        (trial,) half a sample interval before the first sample, and after the last.
    zeros
        (trial,) the zero of each trial's own clock.
    step
        The sample interval.
    """

    rows: list[slice]
    stamps: Array
    starts: Array
    stops: Array
    zeros: Array
    step: float

    @property
    def n_rows(self) -> int:
        """The number of samples of all trials."""
        return len(self.stamps)

    def spike_trains(self, recording: Recording) -> list[Array] | None:
        """Return for each unit the times of its spikes; None when no array is counts.

        A spike has the time of its sample; several in one sample are spread over its interval, so that times increase
        and counting them again gives the same. Counts are a state ``spikes`` along the units, or the activity when its
        unit is ``spikes``.
        """
        counts = recording.states.get("spikes")
        if counts is None and recording.array_units.get("activity") == "spikes":
            counts = recording.activity
        if counts is None or tuple(counts.shape) != tuple(recording.activity.shape):
            return None
        joined = np.concatenate(
            [np.asarray(counts[trial])[: rows.stop - rows.start] for trial, rows in enumerate(self.rows)]
        )
        joined = np.nan_to_num(joined.astype(np.float64))
        if (joined < 0).any() or (joined != np.round(joined)).any():
            return None
        return [self._spread(unit.astype(np.int64)) for unit in joined.T]

    def _spread(self, counts: Array) -> Array:
        first = np.repeat(np.cumsum(counts) - counts, counts)
        within = (np.arange(len(first)) - first + 0.5) / np.repeat(counts, counts) - 0.5
        return np.asarray(np.repeat(self.stamps, counts) + self.step * within)


def session_of(recording: Recording) -> Session:
    """Return the session that the trials of a recording make, one sample interval apart."""
    time = recording.time
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
    lengths = recording.trial_lengths()
    ends = np.cumsum(lengths)
    starts = np.arange(recording.n_trials) * (float(time[-1] - time[0]) + 2 * step)
    zeros = starts - (time[0] - step / 2)
    last = np.where(lengths > 0, time[np.maximum(lengths, 1) - 1] + step / 2, time[0] - step / 2)
    return Session(
        rows=[slice(int(end - length), int(end)) for end, length in zip(ends, lengths, strict=True)],
        stamps=np.concatenate([zero + time[:length] for zero, length in zip(zeros, lengths, strict=True)]),
        starts=starts,
        stops=zeros + last,
        zeros=zeros,
        step=step,
    )
