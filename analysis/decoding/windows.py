"""The activity as decoders see it: averaged in windows, the mean over trials taken off."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array
from .training import Moment

# Numbers below have squares that are not accurate.
_LEAST = 1e-140


@dataclass(frozen=True, eq=False)
class Windows:
    """Activity averaged in windows.

    ``values`` (trial, window, unit) float32 or float64 have the mean over all trials taken off at each window, which
    ``origin`` (window, unit) keeps: numbers near zero keep their digits in products.
    """

    values: Array
    origin: Array

    @property
    def count(self) -> int:
        """The number of windows."""
        return int(self.values.shape[1])

    def at(self, window: int) -> "Moment":
        """Return all trials at one window, less their mean."""
        return Moment(self.values[:, window])

    def activity(self, trials: Array) -> Array:
        """Return the activity itself of some trials (trial, window, unit)."""
        return np.asarray(self.values[trials] + self.origin.astype(self.values.dtype))


def windowed(activity: Array, window: int, stride: int) -> Windows:
    """Return the means of ``activity`` (trial, time, unit) over ``window`` samples, every ``stride`` samples."""
    dtype = np.float32 if activity.dtype == np.float32 else np.float64
    count = (activity.shape[1] - window) // stride + 1
    stop = (count - 1) * stride + 1
    with np.errstate(over="ignore", invalid="ignore"):
        values: Any = activity[:, :stop:stride].astype(dtype)  # a copy: the caller's array stays as it is
        for shift in range(1, window):
            values += activity[:, shift : shift + stop : stride]
        if window > 1:
            values /= window
        # The first trial goes first, so that activity that is the same in all trials becomes exactly zero.
        first = values[0].copy()
        values -= first
        mean = values.mean(axis=0, dtype=np.float64).astype(dtype)
        values -= mean
    largest = float(max(-values.min(), values.max()))
    if not np.isfinite(largest) or 0 < largest < _LEAST:
        raise InputError(
            "activity: values overflow or vanish when squared; divide them by their standard deviation first"
        )
    return Windows(values, first.astype(np.float64) + mean)
