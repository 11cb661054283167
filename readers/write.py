"""Write an activity archive."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import hdf5, provenance
from ..errors import InputError
from . import schema
from .recording import Recording, Table
from .schema import CheckpointsRecord, ModelRecord, TaskRecord


def write_archive(
    path: str | os.PathLike[str],
    recordings: Mapping[str, Recording] | Iterable[tuple[str, Recording]],
    model: ModelRecord | Mapping[str, Any] | None = None,
    task: TaskRecord | Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    units: Mapping[str, Any] | None = None,
    title: str = "",
    *,
    history: Sequence[Any] = (),
    compress: bool = False,
) -> Path:
    """Write an activity archive, whole or not at all, and return its path.

    Parameters
    ----------
    path
        Where to write, by custom with the extension ``.h5``. An archive that is there is replaced.
    recordings
        Name → recording, or pairs that come one at a time and are not kept: a long training history need not
        fit in memory. A name may hold one ``/``.
    model, task
        What made the recordings; mappings with the fields of the records will do.
    training
        The log: columns with one row for each evaluation.
    units
        Columns for the units, which all recordings share. By default the ``units`` of the recordings, which
        must then agree.
    title
        One line for people.
    history
        What was done to the data, oldest first: texts or mappings.
    compress
        Whether floats are compressed too (about a seventh smaller, ten times slower to write).

    Raises
    ------
    InputError
        If there is no recording, a name comes twice, units disagree, or something cannot be stored.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> recording = Recording(np.zeros((2, 3, 4), np.float32), [0.0, 0.1, 0.2], units={"area": list("aabb")})
    >>> path = write_archive(Path(tempfile.mkdtemp()) / "run.h5", {"final": recording}, title="an example")
    """
    if isinstance(recordings, Recording):
        raise InputError("recordings: found one recording, expected a mapping such as {'final': recording}")
    pairs = recordings.items() if isinstance(recordings, Mapping) else recordings
    writer = _ArchiveWriter(_model(model), _task(task), None if units is None else Table(units), compress=compress)
    attrs = {
        "format": schema.FORMAT,
        "format_version": schema.FORMAT_VERSION,
        **schema.element("archive"),
        "title": str(title),
        "history": list(history),
        **provenance.describe(),
    }
    produced = writer.children(pairs, training)
    return hdf5.write(path, hdf5.StreamedGroup(attrs, dims=("unit",), produced=produced))


class _ArchiveWriter:
    """The elements of one archive, made one after the other while the file is written."""

    def __init__(
        self, model: ModelRecord | None, task: TaskRecord | None, units: Table | None, *, compress: bool
    ) -> None:
        self.model = model
        self.task = task
        self.units = units
        self.units_given = units is not None
        self.compress = True if compress else None
        self.names: set[str] = set()
        self.folders: set[str] = set()
        self.n_units = 0

    def children(
        self, pairs: Iterable[tuple[str, Recording]], training: Mapping[str, Any] | None
    ) -> Iterator[tuple[str, hdf5.Node]]:
        if self.model is not None:
            yield "model", self._model_group(self.model)
        if self.task is not None:
            attrs = {**schema.element("task"), "name": self.task.name, "config": dict(self.task.config)}
            yield "task", hdf5.Group(attrs, {})
        if training is not None:
            yield "training", _table_group(_table("training", training), "step")
        yield "recordings", hdf5.StreamedGroup(schema.element("recordings"), produced=self._recordings(pairs))
        if not self.names:
            raise InputError("recordings: found none, expected one or more")
        if self.units:
            yield "units", _table_group(self.units, "unit")

    def _model_group(self, model: ModelRecord) -> hdf5.Group:
        attrs = {
            **schema.element("model"),
            "family": model.family,
            "config": dict(model.config),
            "state_layout": list(model.state_layout),
        }
        children = {"parameters": self._parameters(model.parameters)} if model.parameters else {}
        if model.checkpoints is not None:
            children["checkpoints"] = self._checkpoints(model.checkpoints)
        return hdf5.Group(attrs, children)

    def _checkpoints(self, checkpoints: CheckpointsRecord) -> hdf5.Group:
        children: dict[str, hdf5.Node] = {
            "trials_seen": hdf5.Dataset(np.asarray(checkpoints.trials_seen, np.int64), ("checkpoint",)),
            "parameters": self._parameters(checkpoints.parameters, lead=("checkpoint",)),
        }
        return hdf5.Group(schema.element("checkpoints"), children, ("checkpoint",))

    def _recordings(self, pairs: Iterable[tuple[str, Recording]]) -> Iterator[tuple[str, hdf5.Node]]:
        for name, recording in pairs:
            folder, last = schema.recording_path(name)
            if not isinstance(recording, Recording):
                raise InputError(f"recording {name!r}: found {type(recording).__name__}, expected a Recording")
            if name in self.names or name in self.folders or folder in self.names:
                raise InputError(f"recording {name!r}: this name comes twice")
            self._share_units(name, recording)
            self.names.add(name)
            self.folders.add(folder)
            group = self._recording_group(recording)
            yield ((folder, hdf5.Group(schema.element("recordings"), {last: group})) if folder else (last, group))

    def _share_units(self, name: str, recording: Recording) -> None:
        """Take the units of the first recording that has a table, and refuse others that differ."""
        expected = self.units.n_rows if self.units else self.n_units
        if expected and recording.n_units != expected:
            raise InputError(
                f"recording {name!r}: found {recording.n_units} units, expected {expected}: "
                "all recordings of an archive share their units; write another archive"
            )
        self.n_units = recording.n_units
        if self.units_given or not recording.units:
            return
        if self.units is not None and self.units != recording.units:
            raise InputError(
                f"recording {name!r}: its unit columns differ from those of the recordings before it; give units=…"
            )
        self.units = recording.units

    def _recording_group(self, recording: Recording) -> hdf5.Group:
        arrays = recording.array_units
        children: dict[str, hdf5.Node] = {
            "activity": self._dataset(recording.activity, schema.DIMS["activity"], arrays.get("activity", "")),
            "time": hdf5.Dataset(recording.time, schema.DIMS["time"], "s"),
        }
        for name in schema.OPTIONAL:
            array = getattr(recording, name)
            if array is not None:
                dims = schema.DIMS[name][: len(array.shape)]
                children[name] = self._dataset(array, dims, arrays.get(name, ""))
        owned = {"trial", "time"}
        if recording.states:
            states = {
                name: self._dataset(
                    array,
                    schema.state_axes(name, tuple(array.shape), recording.n_units),
                    arrays.get(f"states/{name}", ""),
                )
                for name, array in recording.states.items()
            }
            owned |= {dim for state in states.values() for dim in state.dims} - {"unit"}
            children["states"] = hdf5.Group(schema.element("states"), states)
        if recording.trials:
            children["trials"] = _table_group(recording.trials, "trial")
        if recording.epochs:
            children["epochs"] = _epochs_group(recording.epochs)
        if recording.parameters:
            units = {name: arrays.get(f"parameters/{name}", "") for name in recording.parameters}
            children["parameters"] = self._parameters(recording.parameters, units)
        return hdf5.Group({**schema.element("recording"), **recording.attrs}, children, tuple(sorted(owned)))

    def _parameters(
        self, parameters: Mapping[str, Any], units: Mapping[str, str] | None = None, lead: tuple[str, ...] = ()
    ) -> hdf5.Group:
        """Return the parameters; axes ``lead`` come before their own. Axes named after a parameter belong here."""
        given = {} if self.model is None else self.model.parameter_dims
        children: dict[str, hdf5.Node] = {}
        owned: set[str] = set()
        for name, value in parameters.items():
            array = value if isinstance(value, hdf5.LazyArray) else np.asarray(value)
            dims = schema.parameter_axes(name, len(array.shape) - len(lead), given)
            if name not in given:
                owned |= set(dims)
            children[name] = self._dataset(array, (*lead, *dims), (units or {}).get(name, ""))
        return hdf5.Group(schema.element("parameters"), children, tuple(sorted(owned)))

    def _dataset(self, array: hdf5.Sliceable, dims: tuple[str, ...], unit: str) -> hdf5.Dataset:
        return hdf5.Dataset(array, dims, unit, compress=self.compress)


def _model(model: ModelRecord | Mapping[str, Any] | None) -> ModelRecord | None:
    return ModelRecord(**_fields("model", model)) if isinstance(model, Mapping) else model


def _task(task: TaskRecord | Mapping[str, Any] | None) -> TaskRecord | None:
    return TaskRecord(**_fields("task", task)) if isinstance(task, Mapping) else task


def _fields(what: str, given: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "model": ("family", "config", "state_layout", "parameters", "parameter_dims", "checkpoints"),
        "task": ("name", "config"),
    }[what]
    unknown = sorted(set(given) - set(known))
    if unknown or known[0] not in given:
        raise InputError(f"{what}: found the fields {sorted(given)}, expected {known[0]!r} and any of {known[1:]}")
    return dict(given)


def _table(name: str, columns: Mapping[str, Any]) -> Table:
    try:
        return Table(columns)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def _table_group(table: Table, dim: str) -> hdf5.Group:
    children = {name: hdf5.Dataset(column, (dim,), table.unit(name)) for name, column in table.items()}
    return hdf5.Group(schema.element("table"), children, (dim,) if dim == "step" else ())


def _epochs_group(epochs: Mapping[str, Any]) -> hdf5.Group:
    children = {name: hdf5.Dataset(edges, ("trial", "edge")[-edges.ndim :], "s") for name, edges in epochs.items()}
    return hdf5.Group(schema.element("epochs"), children)
