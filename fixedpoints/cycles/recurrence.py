"""A first guess of a limit cycle: follow the flow until it comes back to where it was."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from .shooting import Flow

Array = npt.NDArray[Any]

# The first stretch lasts this many of the fastest times of the flow, each further one twice as long as the last.
_FIRST, _STRETCHES = 20.0, 13
# Samples crowd towards the end of a stretch, so that the last return is resolved however short the period.
_SHARES = np.append(1.0 - np.geomspace(1.0, 1e-5, 4000), 1.0)
# A return within this share of the orbit's extent is worth a try.
_CLOSE = 0.02
# A speed that has fallen to this share of the largest one is rest.
_AT_REST = 1e-9


@dataclasses.dataclass(frozen=True, eq=False)
class Guess:
    """A state near the orbit and a period; or, without a period, why there is none."""

    state: Array
    period: float | None
    reason: str = ""


def guesses(flow: Flow, state: Array, max_time: float | None) -> Iterator[Guess]:
    """Yield better and better guesses along the trajectory from ``state`` (state,), the last one without a period.

    ``reason`` of the last is ``at rest``, ``no return`` or ``not finite``.
    """
    rate = float(np.linalg.norm(flow.jacobian(state[None])[0], 2)) or 1.0
    stretch, spent, fastest = _FIRST / rate, 0.0, 0.0
    limit = max_time if max_time is not None else np.inf
    for _ in range(_STRETCHES if max_time is None else 64):
        stretch = min(stretch, limit - spent)
        path = flow.travel(state[None], stretch, _SHARES)
        if path is None:
            yield Guess(state, None, "not finite")
            return
        path = path[:, 0]
        speeds = np.linalg.norm(flow.velocity(path[::-40]), axis=1)
        state, spent, fastest = path[-1], spent + stretch, max(fastest, float(speeds.max()))
        # Below this a state that has settled moves by rounding only.
        rounding = 1e-14 * rate * float(np.abs(state).max())
        if speeds[0] <= max(_AT_REST * fastest, rounding):
            yield Guess(state, None, "at rest")
            return
        period = _last_return(flow, path, stretch)
        if period is not None:
            yield Guess(state, period)
        if spent >= limit:
            break
        stretch *= 2
    yield Guess(state, None, "no return")


def _last_return(flow: Flow, path: Array, duration: float) -> float | None:
    """Return how long ago the path (sample, state) last passed close to its end, in the same direction."""
    end = path[-1]
    along = flow.velocity(end[None])[0]
    ahead = (path - end) @ along
    crossings = np.flatnonzero((ahead[:-1] < 0) & (ahead[1:] >= 0))[::-1]
    distance = np.linalg.norm(path - end, axis=1)
    for index in crossings:
        if index + 2 >= len(path):
            continue
        share = ahead[index] / (ahead[index] - ahead[index + 1])
        passed = path[index] + share * (path[index + 1] - path[index])
        extent = distance[index:].max()
        if np.linalg.norm(passed - end) <= _CLOSE * extent:
            return float(duration * (1.0 - _SHARES[index] - share * (_SHARES[index + 1] - _SHARES[index])))
    return None
