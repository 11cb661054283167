"""Epochs and trial columns by name, for commands that compare one epoch of a recording with another."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, unknown_name
from .selection import Selection

if TYPE_CHECKING:
    from ..readers import Recording


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


def shared_epochs(recording: "Recording") -> dict[str, tuple[float, float]]:
    """Return the epochs that are the same in all trials: only these have one place in the picture."""
    edges = {name: np.asarray(values, float).reshape(-1, 2) for name, values in recording.epochs.items()}
    return {name: (float(rows[0, 0]), float(rows[0, 1])) for name, rows in edges.items() if (rows == rows[0]).all()}
