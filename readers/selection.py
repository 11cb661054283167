"""Choose trials, units and times of a recording."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from . import recording_checks as checks
from .table import Table

if TYPE_CHECKING:
    from .recording import AnyArray, Recording

Array = npt.NDArray[Any]


def selected(
    recording: "Recording", *, trials: Any = None, units: Any = None, time: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Return the fields of the chosen part of a recording, in memory; see :meth:`Recording.select`."""
    rows = _indices("trials", trials, recording.n_trials)
    columns = _indices("units", units, recording.n_units)
    samples = slice(0, recording.n_samples)
    if time is not None:
        samples = checks.samples_between(recording.time, time[0], time[1], "select(time=…)")
    parameters = recording.parameters if units is None else {}
    left_out = {f"parameters/{name}" for name in recording.parameters if name not in parameters}
    channels = {name: getattr(recording, name) for name in ("inputs", "outputs", "targets", "mask")}
    return {
        "activity": _part(recording.activity, rows, samples)[:, :, columns],
        "time": recording.time[samples],
        "trials": _trials(recording, rows, samples),
        "units": recording.units.take(columns),
        "epochs": _epochs(recording, rows, time),
        "states": {
            name: _state(array, rows, samples, columns, recording.n_units) for name, array in recording.states.items()
        },
        "attrs": recording.attrs,
        "array_units": {name: unit for name, unit in recording.array_units.items() if name not in left_out},
        "parameters": {name: np.asarray(array) for name, array in parameters.items()},
        **{name: None if array is None else _part(array, rows, samples) for name, array in channels.items()},
    }


def _indices(name: str, index: Any, length: int) -> Array:
    """Return the chosen positions as an integer array."""
    if index is None:
        return np.arange(length)
    found = np.arange(length)[index] if isinstance(index, slice) else np.atleast_1d(np.asarray(index))
    if found.dtype.kind == "b":
        if found.shape != (length,):
            raise InputError(f"select({name}=…): found a mask of shape {found.shape}, expected ({length},)")
        found = np.flatnonzero(found)
    if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "iu":
        raise InputError(f"select({name}=…): nothing is chosen; expected a mask or a list of whole numbers")
    if found.min() < -length or found.max() >= length:
        raise InputError(f"select({name}=…): index {found.max()} or {found.min()} is outside 0 … {length - 1}")
    return np.asarray(found % length, np.int64)


def _part(array: "AnyArray", rows: Array, samples: slice) -> Array:
    return np.asarray(array[rows])[:, samples]


def _state(array: "AnyArray", rows: Array, samples: slice, columns: Array, n_units: int) -> Array:
    """Return part of a state; one whose third axis is not the units' keeps that axis."""
    part = _part(array, rows, samples)
    return part[:, :, columns] if part.shape[2] == n_units else part


def _trials(recording: "Recording", rows: Array, samples: slice) -> Table:
    """Return the chosen rows, with trial lengths that count from the first chosen sample."""
    taken = recording.trials.take(rows)
    if "n_samples" not in taken:
        return taken
    lengths = np.clip(taken["n_samples"].astype(np.int64) - samples.start, 0, samples.stop - samples.start)
    return Table({name: (lengths if name == "n_samples" else taken[name], taken.unit(name)) for name in taken})


def _epochs(recording: "Recording", rows: Array, time: tuple[float, float] | None) -> dict[str, Array]:
    """Return the epochs of the chosen trials, cut to ``time``; those with no part in it are left out."""
    found = {}
    for name, edges in recording.epochs.items():
        edges = edges[rows] if edges.ndim == 2 else edges
        if time is not None:
            start, stop = np.maximum(edges[..., 0], time[0]), np.minimum(edges[..., 1], time[1])
            edges = np.where((start < stop)[..., None], np.stack([start, stop], axis=-1), np.nan)
        if not np.isnan(edges).all() or time is None:
            found[name] = edges
    return found
