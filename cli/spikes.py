"""Spike trains and groups of units, for commands that look at spikes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import InputError, unknown_name
from .selection import array_of

if TYPE_CHECKING:
    from ..readers import Recording

_CELL_TYPE = "cell_type"


def spike_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--array --group --bin``; the command receives ``array``, ``group`` and ``bin_width``."""
    options = [
        click.option(
            "--array", default="spikes", show_default=True, metavar="ARRAY",
            help="Which array counts spikes: a state, or activity.",
        ),
        click.option(
            "--group", metavar="COLUMN",
            help=f"Column of units that names their groups (default: {_CELL_TYPE} where there is one).",
        ),
        click.option(
            "--bin", "--bin-width", "bin_width", type=click.FloatRange(min=0, min_open=True), default=0.02,
            show_default=True, metavar="SECONDS", help="Bins of what is drawn over time.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


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
        return recording.units.get(_CELL_TYPE)
    if name not in recording.units:
        raise InputError(f"{path}: {unknown_name('unit column', name, recording.units)}")
    return recording.units[name]
