"""Spike trains and groups of units, for commands that look at spikes."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, unknown_name
from .selection import array_of

if TYPE_CHECKING:
    from ..readers import Recording

CELL_TYPE = "cell_type"


def spikes_of(recording: "Recording", name: str, path: str) -> Any:
    """Return the array (trial, time, unit) of that name."""
    if name == "spikes" and name not in recording.states:
        raise InputError(f"{path}: holds no spikes; where the activity counts spikes, choose it with --array activity")
    found = np.asarray(array_of(recording, name, path))
    expected = recording.activity.shape
    if found.shape != expected:
        raise InputError(f"{path}: array '{name}' has shape {found.shape}, expected (trial, time, unit) {expected}")
    return found


def groups_of(recording: "Recording", name: str | None, path: str) -> Any:
    """Return the group of each unit, None for one group of all."""
    if name is None:
        return recording.units.get(CELL_TYPE)
    if name not in recording.units:
        raise InputError(f"{path}: {unknown_name('unit column', name, recording.units)}")
    return recording.units[name]
