"""What a decoder sees of a trial: rates of spikes, single spikes or bursts, or the burst fraction, of every unit."""

from collections.abc import Sequence

import numpy as np

from ..validation import Array
from .trains import BurstTrains

CODES = ("spikes", "events", "singles", "bursts", "singles_and_bursts", "burst_fraction")
"""Rates of all spikes, of events, of single spikes, of bursts, of the last two apart, and bursts / events."""


def code_features(trains: BurstTrains, inside: Array, codes: Sequence[str]) -> list[Array]:
    """Return what decoders see of each code, (trial, feature), from the samples ``inside`` (trial, time)."""
    seconds = inside.sum(axis=1)[:, None] * trains.dt

    def rates(train: Array) -> Array:
        found: Array = train.sum(axis=1, where=inside[:, :, None]) / seconds
        return found

    singles, bursts = rates(trains.singles), rates(trains.bursts)
    made = {
        "spikes": rates(trains.spikes), "events": singles + bursts, "singles": singles, "bursts": bursts,
        "singles_and_bursts": np.hstack([singles, bursts]), "burst_fraction": _fractions(bursts, singles + bursts),
    }  # fmt: skip
    return [made[code] for code in codes]


def _fractions(bursts: Array, events: Array) -> Array:
    """Return bursts / events; that of all trials where a unit has no event, 0 for units without any."""
    total = events.sum(axis=0)
    overall = np.divide(bursts.sum(axis=0), total, out=np.zeros_like(total), where=total > 0)
    filled = np.broadcast_to(overall, events.shape).copy()
    found: Array = np.divide(bursts, events, out=filled, where=events > 0)
    return found
