"""The rules by which checkpoints, in order of training, join a stage: each returns (stage, checkpoint) bool."""

from collections.abc import Sequence

import numpy as np

from ..validation import Array
from .smoothing import forward_average

# So that 0.40 is within 0.05 of 0.35. The published rules compare as they are.
_ROUNDING = 1e-9


def by_cuts(performance: Array, cuts: Sequence[float]) -> Array:
    """Return early, mid and mature: up to the first cut, up to the second, above."""
    low, high = cuts
    return np.stack([performance <= low, (performance > low) & (performance <= high), performance > high])


def by_windows(
    performance: Array,
    targets: Sequence[float],
    tolerance: float,
    plateau: float,
    window: int,
    limit: int,
    *,
    published: bool,
) -> Array:
    """Return the checkpoints of the windows whose mean is near a target, trimmed to ``limit``."""
    average = forward_average(performance, window)
    early = np.abs(average - targets[0]) <= tolerance
    mid = ~early & (np.abs(average - targets[1]) <= tolerance)
    mature = ~early & ~mid & (average >= plateau)
    joined = [_joined(starts, window) for starts in (early, mid, mature)]
    kept = (joined[0][-limit:], _central(joined[1], limit, published=published), joined[2][:limit])
    membership = np.zeros((3, len(performance)), bool)
    for stage, members in enumerate(kept):
        membership[stage, members] = True
    return membership


def matched(curves: Sequence[Array], targets: Sequence[float], tolerance: float, limit: int) -> list[Array]:
    """Return for each network its checkpoints nearest to each target, equally many from all that have any."""
    found = [np.zeros((len(targets), len(curve)), bool) for curve in curves]
    for stage, target in enumerate(targets):
        distances = [np.abs(curve - target) for curve in curves]
        available = [int((distance <= tolerance + _ROUNDING).sum()) for distance in distances]
        count = min((n for n in available if n), default=0)
        for members, distance, n in zip(found, distances, available, strict=True):
            if n:
                members[stage, np.argsort(distance, kind="stable")[: min(count, limit)]] = True
    return found


def closest(performance: Array, members: Array, target: float) -> int:
    """Return the member whose performance is nearest to the target, the first of equals, −1 without members."""
    if not members.any():
        return -1
    return int(np.where(members, np.abs(performance - target), np.inf).argmin())


def _joined(starts: Array, window: int) -> Array:
    """Return the numbers of all checkpoints in the windows that begin at ``starts``."""
    covered = np.zeros(len(starts), bool)
    for start in np.flatnonzero(starts):
        covered[start : start + window + 1] = True
    return np.flatnonzero(covered)


def _central(members: Array, limit: int, *, published: bool) -> Array:
    excess = len(members) - limit
    if excess <= 0:
        return members
    if published:  # half the excess from either end, in a slice that is empty when that half is 0
        return members[excess // 2 : -(excess // 2)] if excess > 1 else members[:0]
    return members[excess // 2 : excess // 2 + limit]
