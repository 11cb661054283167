"""Write a recording in the layout of lfads-torch: training and validation arrays of (trial, time, unit)."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ..recording import Recording
from .sink import write_hdf5

Array = npt.NDArray[Any]

_TRAINING = ("train", "training", "0")
_VALIDATION = ("valid", "validation", "val", "test", "1")


def write_lfads(
    recording: Recording,
    path: Path,
    *,
    array: str = "activity",
    truth: str | None = None,
    split: str | None = None,
    validation: float = 0.2,
    seed: int = 0,
    conversion_factor: float = 1.0,
) -> Path:
    """Write ``{train,valid}_{encod,recon}_data``, and ``_ext_input`` and ``_truth`` where there are such, as float32.

    Parameters
    ----------
    recording, path
        What and where. Inputs of the recording become ``_ext_input``.
    array
        What the model sees: activity, or a state such as ``spikes``.
    truth
        The rates behind it, if they are known: activity or a state.
    split
        A trial column that says train or valid (or 0 and 1, or false and true); None draws at random.
    validation
        The fraction of trials to validate on, without ``split``.
    seed
        Of the draw.
    conversion_factor
        What ``_truth`` is divided by to have the unit of the data, kept beside it.

    Raises
    ------
    InputError
        If an array or column is missing, values are NaN or trials differ in length, or a part has no trial.
    """
    validating = _validation_rows(recording, split, validation, seed)
    arrays = {"encod_data": _complete(recording, array), "recon_data": _complete(recording, array)}
    if recording.inputs is not None:
        arrays["ext_input"] = _finite(np.asarray(recording.inputs), "inputs")
    if truth is not None:
        arrays["truth"] = _complete(recording, truth)

    def fill(file: h5py.File) -> None:
        for part, rows in (("train", ~validating), ("valid", validating)):
            for name, values in arrays.items():
                file.create_dataset(f"{part}_{name}", data=values[rows].astype(np.float32))
            file.create_dataset(f"{part}_inds", data=np.flatnonzero(rows))
        if truth is not None:
            file.create_dataset("conversion_factor", data=float(conversion_factor))

    return write_hdf5(path, fill)


def _validation_rows(recording: Recording, split: str | None, fraction: float, seed: int) -> Array:
    n_trials = recording.n_trials
    if split is None:
        if not 0 < fraction < 1:
            raise InputError(f"validation: found {fraction:g}, expected a fraction between 0 and 1")
        n_valid = min(max(1, round(fraction * n_trials)), n_trials - 1)
        chosen = np.random.default_rng(seed).permutation(n_trials)[:n_valid]
        rows = np.isin(np.arange(n_trials), chosen)
    else:
        if split not in recording.trials:
            raise InputError(unknown_name("trial column", split, recording.trials))
        words = np.char.lower(np.asarray(recording.trials[split]).astype(str))
        words[words == "true"], words[words == "false"] = "1", "0"
        known = np.isin(words, _TRAINING + _VALIDATION)
        if not known.all():
            found = words[np.argmin(known)]
            raise InputError(f"split: column {split!r} holds {str(found)!r}, expected train or valid, or 0 or 1")
        rows = np.isin(words, _VALIDATION)
    if rows.all() or not rows.any():
        raise InputError(f"found {(~rows).sum()} trials to train on and {rows.sum()} to validate on, expected both")
    return np.asarray(rows)


def _complete(recording: Recording, name: str) -> Array:
    """Return an array of (trial, time, unit) without gaps."""
    known = {"activity": recording.activity, **recording.states}
    if name not in known:
        raise InputError(unknown_name("array", name, known))
    values = np.asarray(known[name])
    if values.ndim != 3:
        raise InputError(f"{name}: found shape {values.shape}, expected (trial, time, unit)")
    return _finite(values, name)


def _finite(values: Array, name: str) -> Array:
    finite = np.isfinite(values)
    if not finite.all():
        index = tuple(int(position) for position in np.argwhere(~finite)[0])
        raise InputError(
            f"{name}: found {values[index]} at (trial, time, unit) {index}; LFADS needs trials of one length "
            "without gaps: choose trials (--where) or an epoch"
        )
    return values
