"""What happens when in each rule, in milliseconds as published, and the same in steps of a simulation."""

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Self

import numpy as np

from ...results import Array

# A trial starts, and a response may take, this long without cost; also the shortest period of any rule.
GRACE_MS = 100
# Weight of an error while fixation is required, and once the response is due.
FIXATION_COST, RESPONSE_COST = 1, 5
ODR_DELAYS_MS = (500, 750, 1000, 1100, 1200, 1300, 1400, 3000, 6000, 15000)


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The course of a trial: no timing is jittered.

    Attributes
    ----------
    periods : name → duration in ms, in order from the start of the trial to its end
    go : the period with whose start the response is due
    fixation_off : the period with whose start the fixation point goes off; None if it never does, which makes the
        trial a passive one: no response is due, and nothing counts after ``go``
    """

    periods: Mapping[str, int]
    go: str = "go1"
    fixation_off: str | None = "go1"


def _odr(delay: int) -> Protocol:
    return Protocol({"fix1": 1000, "stim1": 500, "delay1": delay, "go1": 500})


def _gap(gap: int) -> Protocol:
    return Protocol({"fix1": 1000, "delay1": gap, "stim1": 100, "go1": 500}, go="stim1", fixation_off="delay1")


def _match(*, passive: bool = False) -> Protocol:
    periods = {"fix1": 1000, "stim1": 500, "delay1": 500, "stim2": 500, "delay2": 500, "go1": 500}
    return Protocol(periods, fixation_off=None if passive else "go1")


# Rule → its protocol: the tables of trials of the brain-maturation study.
PROTOCOLS: Mapping[str, Protocol] = {
    "odr": _odr(1500),
    **{f"odr{delay}": _odr(delay) for delay in ODR_DELAYS_MS},
    "odrd": Protocol({"fix1": 1000, "stim1": 500, "delay1": 500, "distract1": 500, "delay2": 500, "go1": 500}),
    "overlap": Protocol({"fix1": 1000, "stim1": 100, "go1": 500}),
    "zero_gap": Protocol({"fix1": 1000, "stim1": 100, "go1": 500}, go="stim1", fixation_off="stim1"),
    "gap": _gap(100),
    "gap500": _gap(500),
    "match": _match(),
    "match_easy": _match(),
    "match_passive": _match(passive=True),
}


def truncated_steps(duration: float, dt: float) -> int:
    """Return how many whole steps of ``dt`` fit into a duration, both in seconds.

    Decimals are taken at face value: 0.3 s are three steps of 0.1 s, though 0.3 / 0.1 < 3 in floating point.
    """
    return int(Fraction(str(duration)) / Fraction(str(dt)))


@dataclasses.dataclass(frozen=True)
class Timeline:
    """A protocol in steps: every duration is truncated to whole steps, and the steps of the periods add up.

    Attributes
    ----------
    periods : name → steps
    n_steps : steps of a trial
    go : first step at which the response is due, in passive trials the nominal one
    fixation_off : first step without fixation point, ``n_steps`` if there is none
    passive : whether no response is due
    grace : steps without cost after the start of the trial and after ``go``
    """

    periods: Mapping[str, slice]
    n_steps: int
    go: int
    fixation_off: int
    passive: bool
    grace: int

    @classmethod
    def of(cls, protocol: Protocol, dt: float) -> Self:
        """Return the timeline of a protocol for steps of ``dt`` seconds, at most 0.1 s."""
        periods, start = {}, 0
        for name, duration in protocol.periods.items():
            stop = start + truncated_steps(duration / 1000, dt)
            periods[name] = slice(start, stop)
            start = stop
        passive = protocol.fixation_off is None
        return cls(
            periods,
            n_steps=start,
            go=periods[protocol.go].start,
            fixation_off=start if protocol.fixation_off is None else periods[protocol.fixation_off].start,
            passive=passive,
            grace=truncated_steps(GRACE_MS / 1000, dt),
        )

    @property
    def release(self) -> int:
        """First step at which fixation is no longer required: ``go``, or ``n_steps`` in passive trials."""
        return self.n_steps if self.passive else self.go

    @property
    def epochs(self) -> dict[str, slice]:
        """The steps of each epoch: the periods, but go1 is everything from ``go`` on and may overlap the cue."""
        return {**self.periods, "go1": slice(self.go, self.n_steps)}

    @property
    def cost(self) -> Array:
        """The weight of an error at each step, (time,) float32: 0, 1 until ``go``, 0, then 5 (passive trials 0)."""
        cost = np.zeros(self.n_steps, np.float32)
        cost[self.grace : self.go] = FIXATION_COST
        cost[self.go + self.grace :] = 0 if self.passive else RESPONSE_COST
        return cost
