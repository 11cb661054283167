"""Describe an archive for people, as a tree of text, and for programs, as JSON-ready values."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .. import results
from .archive import Archive
from .recording import Recording
from .table import Table

_LOG_COLUMNS = ("step", "epoch", "trials_seen", "loss", "performance")
_MAX_SHOWN = 12
# Attributes in which a reader says how it understood a file of another program, and what of it is not here.
_OF_READER = {"read_as": "read as", "left_out": "left out"}


def describe(archive: Archive) -> str:
    """Return the contents of an archive as a readable tree.

    Title, provenance, model, task, training log, units, and each recording with its shape, epochs, columns,
    size and performance. Long lists are cut.
    """
    return "\n".join(_lines(describe_dict(archive)))


def describe_recording(name: str, recording: Recording) -> str:
    """Return what a recording holds as lines of text: shapes, times, arrays, columns, epochs, and how it was read."""
    return "\n".join(_recording_lines(name, describe_recording_dict(recording), units=True))


def describe_dict(archive: Archive) -> dict[str, Any]:
    """Return the contents of an archive as plain values that JSON can hold."""
    return {
        "path": str(archive.path),
        "provenance": results.plain(archive.provenance),
        "model": _model(archive),
        "task": None
        if archive.task is None
        else {"name": archive.task.name, "config": results.plain(archive.task.config)},
        "training": None if archive.training is None else _training(archive.training),
        "units": _columns(archive.units),
        "recordings": {name: describe_recording_dict(recording) for name, recording in archive.recordings.items()},
    }


def _model(archive: Archive) -> dict[str, Any] | None:
    model = archive.model
    if model is None:
        return None
    parameters = {name: list(np.shape(array)) for name, array in model.parameters.items()}
    return {
        "family": model.family,
        "config": results.plain(model.config),
        "state_layout": results.plain(model.state_layout),
        "parameters": parameters,
        "n_parameters": int(sum(np.size(array) for array in model.parameters.values())),
        "checkpoints": [] if model.checkpoints is None else results.plain(model.checkpoints.trials_seen),
    }


def _training(log: Table) -> dict[str, Any]:
    last = {name: results.plain(log[name][-1]) for name in _LOG_COLUMNS if name in log}
    return {"n_rows": log.n_rows, "columns": _columns(log), "last": last}


def _columns(table: Table) -> dict[str, str]:
    return {name: table.unit(name) for name in table}


def describe_recording_dict(recording: Recording) -> dict[str, Any]:
    """Return what a recording holds as plain values that JSON can hold."""
    arrays = recording.arrays()
    described = {
        name: {
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "units": recording.array_units.get(name, ""),
        }
        for name, array in arrays.items()
    }
    return {
        "n_trials": recording.n_trials,
        "n_samples": recording.n_samples,
        "n_units": recording.n_units,
        "time": [float(recording.time[0]), float(recording.time[-1])],
        "arrays": described,
        "megabytes": round(sum(_n_bytes(array) for array in arrays.values()) / 1e6, 3),
        "epochs": {name: _span(edges) for name, edges in recording.epochs.items()},
        "trials": _columns(recording.trials),
        "units": _columns(recording.units),
        "attrs": results.plain(recording.attrs),
    }


def _n_bytes(array: Any) -> int:
    return int(math.prod(array.shape) * array.dtype.itemsize)


def _span(edges: np.ndarray[Any, np.dtype[Any]]) -> list[float | None]:
    """Return the first start and the last stop of an epoch over the trials that have it."""
    rows = np.atleast_2d(edges)
    rows = rows[~np.isnan(rows[:, 0])]
    return [float(rows[:, 0].min()), float(rows[:, 1].max())] if len(rows) else [None, None]


def _lines(found: Mapping[str, Any]) -> Iterable[str]:
    origin = found["provenance"]
    yield f"{found['path']}: {origin['title'] or 'untitled'}"
    yield f"  made      {origin['created']} by {origin['software']} {origin['software_version']}"
    yield f"  digest    {origin['digest']} (format {origin['format_version']})"
    if found["model"]:
        model = found["model"]
        yield f"  model     {model['family']}: {_pairs(model['config'])}"
        yield f"            {model['n_parameters']} parameters: {_shapes(model['parameters'])}"
        if seen := model["checkpoints"]:
            yield f"            {len(seen)} checkpoints, after {seen[0]} to {seen[-1]} trials"
    if found["task"]:
        yield f"  task      {found['task']['name']}: {_pairs(found['task']['config'])}"
    if found["training"]:
        yield f"  training  {found['training']['n_rows']} rows, the last: {_pairs(found['training']['last'])}"
    if found["units"]:
        yield f"  units     {_names(found['units'])}"
    for name, recording in found["recordings"].items():
        yield from _recording_lines(name, recording)


def _recording_lines(name: str, found: Mapping[str, Any], *, units: bool = False) -> Iterable[str]:
    sizes = f"{found['n_trials']} trials × {found['n_samples']} samples × {found['n_units']} units"
    yield f"  recording {name}: {sizes}"
    yield f"    time    {found['time'][0]:g} to {found['time'][1]:g} s"
    arrays = [
        " ".join([array, str(tuple(about["shape"])), about["dtype"], about["units"]]).rstrip()
        for array, about in found["arrays"].items()
    ]
    yield f"    arrays  {_cut(arrays)}; {found['megabytes']:g} MB"
    if found["trials"]:
        yield f"    trials  {_names(found['trials'])}"
    if units and found["units"]:
        yield f"    units   {_names(found['units'])}"
    if found["epochs"]:
        spans = [f"{key} {_number(span[0])}–{_number(span[1])} s" for key, span in found["epochs"].items()]
        yield f"    epochs  {_cut(spans)}"
    attrs = {name: value for name, value in found["attrs"].items() if name not in _OF_READER}
    if attrs:
        yield f"    attrs   {_pairs(attrs)}"
    for key, label in _OF_READER.items():
        for line in _listed(found["attrs"].get(key, ())):
            yield f"    {label} {line}"


def _listed(lines: Any) -> Iterable[str]:
    """Return the first lines of a list, and how many more there are."""
    shown = [str(line) for line in lines] if isinstance(lines, (list, tuple)) else [str(lines)]
    rest = len(shown) - _MAX_SHOWN
    return shown[:_MAX_SHOWN] + ([f"… and {rest} more"] if rest > 0 else [])


def _pairs(values: Mapping[str, Any]) -> str:
    return _cut(f"{name} {_short(value)}" for name, value in values.items()) or "no settings"


def _short(value: Any) -> str:
    text = _number(value) if isinstance(value, float) or value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


def _names(columns: Mapping[str, str]) -> str:
    return _cut(f"{name} [{unit}]" if unit else name for name, unit in columns.items())


def _shapes(parameters: Mapping[str, Any]) -> str:
    return _cut(f"{name} {tuple(shape)}" for name, shape in parameters.items())


def _cut(items: Iterable[str]) -> str:
    shown = list(items)
    rest = len(shown) - _MAX_SHOWN
    return ", ".join(shown[:_MAX_SHOWN]) + (f" … and {rest} more" if rest > 0 else "")
