"""The points of all checkpoints as one table: states, eigenvalues, branches, continua, and where a readout points."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError
from ..problem import ArrayLike, host
from ..record import FixedPoints
from .training_branches import Branches, continua

Array = npt.NDArray[Any]
# States (k, state) → angles (k,), rad.
Readout = Callable[[Tensor], ArrayLike]


def points_through_training(
    final: Sequence[FixedPoints], branches: Branches, readouts: Sequence[Readout] | None
) -> dict[str, Any]:
    """Return the fields of the record with a row per point, and those of continua."""
    found = [continua(points) for points in final]
    counts = [len(each.dimensions) for each in found]
    offsets = np.cumsum([0, *counts])[:-1]
    labels = [np.where(each.labels < 0, -1, each.labels + offset) for each, offset in zip(found, offsets, strict=True)]
    named = ("states", "speeds", "eigenvalues", "stable", "n_unstable", "certified")
    made = {name: _joined(final, name) for name in named}
    return {
        **made,
        "checkpoint": np.repeat(np.arange(len(final)), [len(points) for points in final]),
        "branch": np.concatenate([branches.of_points(index) for index in range(len(final))]),
        "manifold": np.concatenate(labels),
        "manifold_checkpoint": np.repeat(np.arange(len(final)), counts),
        "manifold_dimensions": np.concatenate([each.dimensions for each in found]),
        "manifold_closed": np.concatenate([each.closed for each in found]),
        "angles": _angles(readouts, [points.states for points in final]),
    }


def slow_points_through_training(own: Sequence[FixedPoints], readouts: Sequence[Readout] | None) -> dict[str, Any]:
    """Return the fields of the record with a row per slow point."""
    made = {name: _joined(own, name) for name in ("slow_states", "slow_speeds", "slow_eigenvalues")}
    return {
        **made,
        "slow_checkpoint": np.repeat(np.arange(len(own)), [len(_joined([points], "slow_states")) for points in own]),
        "slow_angles": _angles(readouts, [_joined([points], "slow_states") for points in own]),
    }


def _joined(records: Sequence[FixedPoints], name: str) -> Array:
    return np.concatenate([getattr(points, name) for points in records])


def _angles(readouts: Sequence[Readout] | None, states: Sequence[Array]) -> Array | None:
    """Return the angles in [0, 2π) of the states (k, state) of every checkpoint, joined; None without readouts."""
    if readouts is None:
        return None
    return np.concatenate([_angles_of(*pair) for pair in zip(readouts, states, strict=True)])


def _angles_of(readout: Readout, states: Array) -> Array:
    with torch.no_grad():
        found = readout(torch.as_tensor(states))
    angles = host(found).astype(float)
    if angles.shape != (len(states),):
        raise InputError(f"readout: expected one angle per state, shape ({len(states)},), found {angles.shape}")
    return np.asarray(np.mod(angles, 2 * np.pi))
