"""Epochs and trial columns by name, for commands that compare one epoch of a recording with another."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigurationError, InputError, unknown_name
from .selection import Selection

if TYPE_CHECKING:
    from ..readers import Recording

# A full turn in the units of angles that columns of trials come in.
TURNS = {"rad": 2 * np.pi, "deg": 360.0, "degree": 360.0, "degrees": 360.0, "°": 360.0}


def uncut(selection: Selection, path: str) -> "Recording":
    """Return the chosen recording and trials of a file with all of its time: ``--epoch`` names one epoch of several."""
    return dataclasses.replace(selection, epoch=None).read(path)


def epoch_edges(recording: "Recording", name: str | None, path: str) -> Any:
    """Return (start, stop) or one row per trial of an epoch, s; the whole recording when ``name`` is None.

    Raises
    ------
    InputError
        If there is no such epoch, or a chosen trial lacks it.
    """
    if name is None:
        return float(recording.time[0]), np.inf
    if name not in recording.epochs:
        raise InputError(f"{path}: {unknown_name('epoch', name, recording.epochs)}")
    edges = np.asarray(recording.epochs[name], dtype=float)
    if np.isnan(edges).any():
        trial = int(np.argmax(np.isnan(edges.reshape(-1, 2)).any(axis=1)))
        raise InputError(f"{path}: trial {trial} has no epoch '{name}'; choose trials that have it with --where")
    return edges


def samples_in(seconds: float, time: Any, option: str) -> int:
    """Return how many samples a duration is.

    Raises
    ------
    ConfigurationError
        If it is less than one sample or more than all of ``time``.
    """
    step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
    size = round(seconds / step) if np.isfinite(seconds) else 0
    if not 1 <= size <= len(time):
        raise ConfigurationError(f"{option} {seconds:g}: expected {step:g} s (one sample) to {len(time) * step:g} s")
    return size


def trial_column(recording: "Recording", name: str, path: str) -> Any:
    """Return a column of the trials.

    Raises
    ------
    InputError
        If there is no such column; the nearest name is suggested.
    """
    if name not in recording.trials:
        raise InputError(f"{path}: {unknown_name('trial column', name, recording.trials)}")
    return np.asarray(recording.trials[name])


def conditions(recording: "Recording", names: Sequence[str], path: str) -> Any:
    """Return the condition of each trial: its value in a column, or those in several joined; None without a column."""
    columns = [trial_column(recording, name, path) for name in names]
    if len(columns) < 2:
        return columns[0] if columns else None
    return np.array([", ".join(map(str, row)) for row in zip(*columns, strict=True)])


def shared_epochs(recording: "Recording", moments: np.ndarray | None = None) -> dict[str, tuple[float, float]]:
    """Return the epochs that lie alike in all trials that have them: only these have one place in the picture.

    With ``moments`` (trial,) they are counted from the moment of each trial.
    """
    found = {}
    for name, edges in recording.epochs.items():
        own = np.asarray(edges, dtype=float).reshape(-1, 2) - (0 if moments is None else moments[:, np.newaxis])
        own = own[~np.isnan(own).any(axis=1)]
        if len(own) and np.ptp(own, axis=0).max() <= 1e-9 + 1e-6 * np.abs(own).max():
            found[name] = (float(own[0, 0]), float(own[0, 1]))
    return found
