"""Means over the checkpoints of a stage, then over networks, of numbers that each checkpoint has."""

import dataclasses
from typing import Any

import numpy as np

from ..psth.nested import Resampled, UnitRows
from ..validation import Array


def checkpoint_shares(membership: Array, codes: Array) -> Array:
    """Return the relative weight of each checkpoint in the mean of each stage, (stage, checkpoint).

    Checkpoints of a network count alike, and so do networks. ``membership`` is (stage, checkpoint) bool, ``codes``
    (checkpoint,) the network of each.
    """
    own = np.eye(int(codes.max()) + 1)[codes]  # (checkpoint, network)
    per_network = membership @ own
    return np.where(membership, 1 / np.maximum(per_network, 1)[:, codes], 0.0)


def stage_means(
    values: Array, membership: Array, codes: Array, *, interval: str, level: float, n_resamples: int, seed: int
) -> tuple[Array, Resampled]:
    """Return the means of each stage, (stage, …), and of resamples of networks.

    With one network its checkpoints are drawn instead ("checkpoints"): that is about other moments of its training.

    Parameters
    ----------
    values : (checkpoint, …)
        NaN is left out.
    membership : (stage, checkpoint) bool
    codes : (checkpoint,) int
        Networks.
    interval, level, n_resamples, seed
        As for :func:`~dynascope.analysis.stage_psth`.
    """
    shares = checkpoint_shares(membership, codes)
    used = np.flatnonzero(membership.any(axis=0))
    known = ~np.isnan(values[used])
    weight = shares[:, used].T.reshape(len(used), len(shares), *[1] * (values.ndim - 1)) * known[:, np.newaxis]
    filled = np.where(known, values[used], 0)[:, np.newaxis]
    rows = UnitRows(value=weight * filled, weight=weight, network=codes[used], seed=codes[used])
    means = rows.estimate()
    if len(used) == 1:  # nothing to draw from
        counts = (weight.reshape(1, len(shares), -1) > 0).any(axis=2).sum(axis=0)
        return means, Resampled(means[np.newaxis], counts, "checkpoints", level, interval)
    drawn = rows.resample(n_resamples, seed, level, interval)
    return means, dataclasses.replace(drawn, over="checkpoints") if drawn.over == "units" else drawn


def describe_drawn(drawn: str, counts: Any) -> list[str]:
    """Return the lines of a summary that say what intervals are about."""
    if drawn == "checkpoints":
        return ["one network: the intervals are for other checkpoints of it, not for other networks"]
    if drawn == "units":
        return ["one network: the intervals are for other units of it, not for other networks"]
    if (np.asarray(counts) < 2).any():
        return [f"no interval for stages that fewer than two {drawn} reached"]
    return []


def band(low: float, high: float, digits: str = ".4g") -> str:
    """Return an interval as text."""
    return "no interval" if np.isnan(low) else f"{low:{digits}} to {high:{digits}}"
