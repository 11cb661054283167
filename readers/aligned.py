"""Activity cut into trials, on its way to a recording."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Counts the bytes that are about to be made: see Budget.spend.
Spend = Callable[[int, str], None]


@dataclasses.dataclass(frozen=True, eq=False)
class Aligned:
    """Activity on trials.

    Attributes
    ----------
    values
        (trial, time, …); NaN where there are no data.
    time
        (time,) seconds from the moment of alignment: the centres of bins, or samples.
    step
        Seconds between samples.
    columns
        ``n_samples`` when trials differ in length.
    how
        One clause for people.
    span
        From where to where the samples reach, for epochs.
    """

    values: Array
    time: Array
    step: float
    columns: dict[str, Array]
    how: str
    span: tuple[float, float]

    @classmethod
    def in_bins(cls, values: Array, edges: Array, columns: dict[str, Array], how: str) -> "Aligned":
        """Return activity whose samples are bins with these edges."""
        span = (float(edges[0]), float(edges[-1]))
        return cls(values, (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0]), columns, how, span)

    @classmethod
    def at(cls, values: Array, time: Array, columns: dict[str, Array] | None = None, how: str = "") -> "Aligned":
        """Return activity sampled at these times."""
        step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
        return cls(values, time, step, columns or {}, how, (float(time[0]), float(time[-1]) + step))


def free(n_bytes: int, where: str) -> None:
    """Spend nothing: the budget of data that are in memory already."""
