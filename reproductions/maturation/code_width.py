"""Readings of a matrix of cross-temporal decoding: when a code is there, how long it lasts, where it comes back."""

import dataclasses

import numpy as np

from ...analysis.decoding import CrossTemporalDecoding

# Seconds, between the starts of windows.
_NEAR, _FAR = 0.2, 0.5
_HALF, _FULL = 0.5, 0.95
# Training windows whose widths count, in seconds from the start of the delay; both ends are away from its edges.
_INNER = (0.3, 1.1)
# A window that is trained in the cue: seconds from cue onset.
_IN_CUE = 0.2
_ROUNDING = 1e-6


@dataclasses.dataclass(frozen=True)
class Readings:
    """Numbers of one matrix; NaN where there is nothing to read.

    Attributes
    ----------
    before_cue : mean accuracy at the training time of windows before the cue
    near_before_cue : the same at other times, of windows whose starts are at most 0.2 s apart
    onset : start of the first window with an accuracy of 0.95 at its own time, s
    delay, near, far : mean accuracy of decoders trained and tested in the delay, at all times, of windows whose starts
        are at most 0.2 s apart, and at least 0.5 s
    half_width, full_width : how far from its own window, to either side on average, a decoder of the delay stays at 0.5
        and at 0.95 without a gap, ms; the median over training windows
    cue_width : duration over which a decoder trained 0.2 s after cue onset stays at 0.95, s
    island : best accuracy between a window that starts in the cue or 0.2 s after it and one late in the delay, trained
        in either
    stability : share of the accuracy above chance that survives a change of time
    """

    before_cue: float
    near_before_cue: float
    onset: float
    delay: float
    near: float
    far: float
    half_width: float
    full_width: float
    cue_width: float
    island: float
    stability: float


def read(found: CrossTemporalDecoding) -> Readings:
    """Return the readings of a matrix whose epochs are named as those of ODR."""
    accuracy, step = found.accuracy, float(np.diff(found.time[:2])[0])
    sample = step / found.stride
    length = sample * found.window
    start = found.time - (found.window - 1) * sample / 2
    stop = start + length
    (cue_on, cue_off), (delay_on, delay_off) = found.epochs["stim1"], found.epochs["delay1"]
    own = found.diagonal
    onset = start[own >= _FULL]
    inside = (start >= delay_on - _ROUNDING) & (stop <= delay_off + _ROUNDING)
    apart = np.abs(start[:, np.newaxis] - start)
    block = inside[:, np.newaxis] & inside
    near, before = apart <= _NEAR + _ROUNDING, stop <= cue_on + _ROUNDING
    inner = np.flatnonzero((start >= delay_on + _INNER[0] - _ROUNDING) & (start <= delay_on + _INNER[1] + _ROUNDING))
    widths = {
        level: 1000 * step * np.array([reach(accuracy[at], at, level).mean() for at in inner.tolist()])
        for level in (_HALF, _FULL)
    }
    in_cue = int(np.abs(start - cue_on - _IN_CUE).argmin())
    early = (start >= cue_on - _ROUNDING) & (start <= cue_off + 0.2 + _ROUNDING)
    late = (start >= delay_off - 0.4 - _ROUNDING) & (start <= delay_off + _ROUNDING)
    return Readings(
        before_cue=mean(own[before]),
        near_before_cue=mean(accuracy[before[:, np.newaxis] & before & near & (apart > 0)]),
        onset=float(onset[0]) if len(onset) else np.nan,
        delay=mean(accuracy[block]),
        near=mean(accuracy[block & near]),
        far=mean(accuracy[block & (apart >= _FAR - _ROUNDING)]),
        half_width=median(widths[_HALF]),
        full_width=median(widths[_FULL]),
        cue_width=step * float(reach(accuracy[in_cue], in_cue, _FULL).sum()),
        island=float(max(accuracy[np.ix_(early, late)].max(), accuracy[np.ix_(late, early)].max())),
        stability=np.nan if found.stability is None else found.stability,
    )


def reach(row: np.ndarray, at: int, level: float) -> np.ndarray:
    """Return over how many windows before and after its own, (2,), a decoder stays at a level without a gap.

    Parameters
    ----------
    row : (test time,), its accuracy
    at : its own window; NaN when the accuracy is below the level even there
    """
    if row[at] < level:
        return np.full(2, np.nan)
    below = np.flatnonzero(row < level)
    first, last = below[below < at], below[below > at]
    return np.array([at - first[-1] - 1 if len(first) else at, (last[0] if len(last) else len(row)) - at - 1], float)


def mean(values: np.ndarray) -> float:
    """Return the mean, NaN of nothing."""
    return float(values.mean()) if values.size else np.nan


def median(values: np.ndarray) -> float:
    """Return the median of those that are known, NaN of nothing."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan
