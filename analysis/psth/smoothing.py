"""Smoothing in time that keeps constants constant and loses nothing at the borders of a trial."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..trial_time import sample_times
from ..validation import Array

KERNELS = ("gaussian", "boxcar", "causal")

# Standard deviations after which a Gaussian is cut off: 6e-7 of it lie beyond.
_REACH = 5.0
_UNEVEN = 1e-3


@dataclass(frozen=True, eq=False)
class Smoothing:
    """A kernel on the grid of samples.

    ``taps`` (2 h + 1,) sum to 1; tap h + k weighs the sample k steps earlier. Symmetric kernels are ``reflected`` at
    the ends of a trial; a causal one is divided by what it finds of the past.
    """

    taps: Array
    reflected: bool

    def apply(self, values: Array, spans: Array) -> Array:
        """Return smoothed values (trial, time, unit) float64; NaN is missing and stays so.

        ``spans`` (trial, 2) are the first sample of each trial and the one after its last: see :func:`recorded_spans`.
        """
        known = ~np.isnan(values)
        smoothed = np.full(values.shape, np.nan)
        for rows, span in _grouped(spans):
            part, present = values[rows, span], known[rows, span]
            if present.all():
                smoothed[rows, span] = self._convolved(part) / self._convolved(np.ones((1, part.shape[1], 1)))
            else:
                weight = self._convolved(present.astype(float))
                weighted = self._convolved(np.where(present, part, 0))
                smoothed[rows, span] = np.divide(weighted, weight, out=np.full(part.shape, np.nan), where=present)
        return smoothed

    def squared_weights(self, known: Array, spans: Array) -> Array:
        """Return (trial, time, unit): sums of the squared weights behind each smoothed sample, 0 where not ``known``.

        The variance of a smoothed sample in units of that of a single one, for independent samples of one variance.
        """
        found = np.zeros(known.shape)
        for rows, span in _grouped(spans):
            present = known[rows, span]
            identity = np.eye(present.shape[1])[np.newaxis]
            weights = self._convolved(identity)[0]
            if present.all():
                found[rows, span] = (np.square(weights).sum(axis=1) / weights.sum(axis=1) ** 2)[:, np.newaxis]
            else:
                total = np.square(weights @ present)
                found[rows, span] = np.where(present, np.square(weights) @ present / np.where(present, total, 1), 0)
        return found

    def _convolved(self, values: Array) -> Array:
        from scipy.ndimage import convolve1d

        mode = "reflect" if self.reflected else "constant"
        return np.asarray(convolve1d(values, self.taps, axis=1, mode=mode))


def smoothing(kernel: str | None, width: Any, time: Array) -> Smoothing | None:
    """Return the kernel of that name and width on the samples of ``time``; None for no kernel.

    Raises
    ------
    InputError
        If the kernel is unknown or samples are not evenly spaced.
    ConfigurationError
        If the width is not positive, below half a sample or above the whole duration.
    """
    if kernel is None:
        return None
    validation.choice("kernel", kernel, KERNELS)
    step = even_step(time, f"kernel={kernel!r}")
    width = validation.positive("width", width)
    duration = step * len(time)
    if not step / 2 <= width <= duration:
        raise ConfigurationError(
            f"width: expected {step / 2:g} s (half a sample) to {duration:g} s (the data), found {width:g} s"
        )
    if kernel == "boxcar":
        # What of each sample's interval the box covers: any width, and always centred.
        half = int(np.ceil(width / (2 * step) - 0.5 - _UNEVEN))
        left = (np.arange(-half, half + 1) - 0.5) * step
        taps = np.minimum(left + step, width / 2) - np.maximum(left, -width / 2)
        return Smoothing(taps / taps.sum(), reflected=True)
    half = max(1, int(np.ceil(_REACH * width / step)))
    lags = np.arange(-half, half + 1)
    taps = np.exp(-0.5 * np.square(lags * step / width))
    if kernel == "causal":
        taps[lags < 0] = 0
    return Smoothing(taps / taps.sum(), reflected=kernel == "gaussian")


def smooth_activity(activity: Any, time: Any, kernel: str = "gaussian", width: float = 0.05) -> Array:
    """Return activity smoothed in time, (trial, time, unit) float64.

    ==========  ==============================================  =====================================
    kernel      shape                                           ``width``, s
    ==========  ==============================================  =====================================
    gaussian    exp(−t² / 2w²)                                  standard deviation w
    boxcar      1 for |t| ≤ w / 2                               full width w
    causal      exp(−t² / 2w²) of the past, 0 of the future     standard deviation w of the whole bell
    ==========  ==============================================  =====================================

    Symmetric kernels are reflected at the ends of each trial: a constant stays constant and the sum over the samples of
    a trial (the number of spikes) stays the same. A causal kernel is divided by the weights of the past there is: a
    constant stays constant.

    Parameters
    ----------
    activity : (trial, time, unit)
        NaN is missing: it stays NaN and has no weight in its neighbours. A trial ends with its last sample that is not.
    time : (time,)
        s, evenly spaced.
    kernel : {"gaussian", "boxcar", "causal"}
    width : float

    Raises
    ------
    InputError
        If shapes disagree, a value is infinite, times are uneven or the kernel is unknown.
    ConfigurationError
        If the width is out of range.

    Notes
    -----
    O(trials · times · units · kernel length); the trials of one length are done together.

    Examples
    --------
    >>> import numpy as np
    >>> spikes = np.zeros((1, 100, 1))
    >>> spikes[0, 2] = 1  # close to the border
    >>> float(smooth_activity(spikes, 0.01 * np.arange(100)).sum().round(12))
    1.0
    """
    found = validation.trajectories("activity", activity)
    no_infinity("activity", found)
    times, _ = sample_times(time, found.shape[1])
    chosen = smoothing(kernel, width, times)
    if chosen is None:
        raise InputError(f"kernel: expected one of {', '.join(KERNELS)}, found None")
    return chosen.apply(found.astype(np.float64), recorded_spans(found))


def forward_average(values: Any, window: int) -> Array:
    """Return the means of ``values[i]`` … ``values[i + window]``: ``window`` + 1 points ahead, fewer at the end.

    The smoothing of the published maturation analyses. It shifts curves to earlier times by ``window`` / 2 samples.

    Parameters
    ----------
    values : (n, …)
    window : int
        Whole number from 0.

    Raises
    ------
    InputError
        If values are not finite real numbers.
    ConfigurationError
        If ``window`` is not a whole number from 0.

    Examples
    --------
    >>> forward_average([0.0, 3.0, 6.0, 9.0], 1).tolist()
    [1.5, 4.5, 7.5, 9.0]
    """
    found = np.asarray(values)
    validation.real_numbers("values", found)
    window = validation.whole_number("window", window, least=0)
    if found.ndim < 1 or not found.size:
        raise InputError(f"values: expected shape (n, …) with no empty axis, found {found.shape}")
    validation.finite("values", found)
    return np.stack([found[start : start + window + 1].mean(axis=0) for start in range(len(found))])


def even_step(time: Array, reason: str) -> float:
    """Return the time between samples, s, after checking that they are evenly spaced."""
    steps = np.diff(time)
    if not steps.size or np.ptp(steps) > _UNEVEN * steps.mean():
        raise InputError(f"time: {reason} needs at least 2 samples at equal intervals")
    return float((time[-1] - time[0]) / (len(time) - 1))


def no_infinity(name: str, array: Array) -> None:
    """Refuse infinite values; NaN is allowed."""
    if array.dtype.kind == "f":
        validation.refuse(name, array, np.isinf(array), "numbers, or NaN where missing")


def recorded_spans(activity: Array) -> Array:
    """Return (trial, 2): the first sample that any unit has, and the one after the last; equal for none."""
    if activity.dtype.kind != "f":
        return np.tile([0, activity.shape[1]], (len(activity), 1))
    present = np.asarray(~np.isnan(activity).all(axis=2))
    first, stop = present.argmax(axis=1), present.shape[1] - present[:, ::-1].argmax(axis=1)
    return np.stack([first, np.where(present.any(axis=1), stop, first)], axis=1)


def _grouped(spans: Array) -> Iterator[tuple[Array, slice]]:
    """Yield the trials that are recorded from and to the same samples, with those samples."""
    different, group = np.unique(spans, axis=0, return_inverse=True)
    for index, (start, stop) in enumerate(different):
        if stop > start:
            yield np.flatnonzero(group.ravel() == index), slice(int(start), int(stop))
