"""Open an activity archive: its recordings, model, task, training log and provenance."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from .. import hdf5
from ..errors import ArchiveError, InputError, unknown_name
from ..hdf5.reading import MAX_BYTES
from . import schema
from .recording import Recording, Table
from .schema import CheckpointsRecord, ModelRecord, TaskRecord

_PROVENANCE = ("title", "created", "software", "software_version", "git_commit", "command", "history")


def open_archive(path: str | os.PathLike[str], *, verify: bool = True, max_bytes: int = MAX_BYTES) -> "Archive":
    """Return the open archive at ``path``; use it in a ``with`` block, or close it.

    Parameters
    ----------
    path
        The file.
    verify
        Whether to read everything once and compare it with the content digest that the archive states.
    max_bytes
        The most that the arrays may take in memory together.

    Raises
    ------
    ArchiveError
        If the file is missing, damaged, unsafe, too large, no activity archive, or of a newer major
        version. The message names the file, the path in it, what was found, what was expected and what to
        do.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from dynascope.readers import Recording, write_archive
    >>> recording = Recording(np.ones((2, 3, 4), np.float32), [0.0, 0.1, 0.2])
    >>> path = write_archive(Path(tempfile.mkdtemp()) / "run.h5", {"final": recording})
    >>> with open_archive(path) as archive:
    ...     print(archive.recording().activity[0].mean(), archive.model)
    1.0 None
    """
    file = hdf5.read(path, verify=verify, max_bytes=max_bytes, format=schema.FORMAT, version=schema.FORMAT_VERSION)
    try:
        return Archive(file)
    except BaseException:
        file.close()
        raise


class Archive:
    """An open activity archive; made by :func:`open_archive`.

    Large arrays of the recordings are lazy: slice them while the archive is open, or take
    ``recording.load()``.

    Attributes
    ----------
    path
        Where the file is.
    recordings
        Name → :class:`Recording`.
    model, task
        What made the recordings, or None.
    training
        The log, one row for each evaluation, or None.
    units
        The columns of the units, which all recordings share.
    provenance
        title, created, software, software_version, git_commit, command, history, digest, format_version.
    digest
        The content digest: the same for the same computation, on any day.
    """

    def __init__(self, file: hdf5.File) -> None:
        self._file = file
        self.path: Path = file.path
        self.digest: str = file.digest
        root = _Element(str(file.path), "/", file.root, "archive")
        self.provenance: Mapping[str, Any] = {
            **{name: root.attrs.get(name, [] if name == "history" else "") for name in _PROVENANCE},
            "digest": file.digest,
            "format_version": root.attrs["format_version"],
        }
        self.units: Table = _table(root.child("units", "table"), "unit") or Table()
        self.training: Table | None = _table(root.child("training", "table"), "step")
        self.model: ModelRecord | None = _model(root.child("model", "model"))
        self.task: TaskRecord | None = _task(root.child("task", "task"))
        self.recordings: Mapping[str, Recording] = _Recordings(root.required("recordings", "recordings"), self.units)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Archive({str(self.path)!r}: {', '.join(self.recordings)})"

    def close(self) -> None:
        """Close the file; lazy arrays cannot be read any more."""
        self._file.close()

    def recording(self, name: str | None = None) -> Recording:
        """Return the recording called ``name``; without a name the only one, or the one called ``final``.

        Raises
        ------
        InputError
            If there is no such recording, or a name is needed.
        """
        names = list(self.recordings)
        if name is None:
            if len(names) > 1 and "final" not in names:
                shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
                raise InputError(f"{self.path}: holds {len(names)} recordings, say which: {shown}")
            name = names[0] if len(names) == 1 else "final"
        if name not in self.recordings:
            raise InputError(f"{self.path}: {unknown_name('recording', name, names)}")
        return self.recordings[name]


class _Element:
    """A group of an archive with its place, for messages."""

    def __init__(self, file: str, path: str, group: hdf5.Group, kind: str) -> None:
        self.file, self.path, self.group, self.attrs = file, path, group, group.attrs
        found = group.attrs.get("encoding-type")
        if found != kind:
            raise self.fault(f"encoding-type {found!r}", repr(kind))
        version = group.attrs.get("encoding-version")
        major = str(version).partition(".")[0]
        if not isinstance(version, str) or not major.isdecimal():
            raise self.fault(f"encoding-version {version!r}", f"a version such as {schema.ELEMENT_VERSION!r}")
        if int(major) > int(schema.ELEMENT_VERSION.partition(".")[0]):
            raise self.fault(
                f"encoding-version {version}",
                f"{schema.ELEMENT_VERSION} or older; a newer dynascope wrote it: upgrade (pip install -U dynascope)",
            )

    def fault(self, found: str, expected: str, name: str = "") -> ArchiveError:
        where = f"{self.path.rstrip('/')}/{name}" if name else self.path
        return ArchiveError(f"{self.file}: {where}: found {found}, expected {expected}")

    def child(self, name: str, kind: str) -> "_Element | None":
        """Return a group below this one, None when it is absent."""
        node = self.group.children.get(name)
        if node is None:
            return None
        if not isinstance(node, hdf5.Group):
            raise self.fault("a dataset", f"a group with encoding-type {kind!r}", name)
        return _Element(self.file, f"{self.path.rstrip('/')}/{name}", node, kind)

    def required(self, name: str, kind: str) -> "_Element":
        found = self.child(name, kind)
        if found is None:
            raise self.fault("nothing", f"a group with encoding-type {kind!r}", name)
        return found

    def datasets(self) -> Iterator[tuple[str, hdf5.Dataset]]:
        for name, node in self.group.children.items():
            if isinstance(node, hdf5.Dataset):
                yield name, node

    def dataset(self, name: str, dims: tuple[str, ...]) -> hdf5.Dataset | None:
        """Return a dataset whose axes are ``dims``, None when it is absent."""
        node = self.group.children.get(name)
        if node is None:
            return None
        if not isinstance(node, hdf5.Dataset):
            raise self.fault("a group", "a dataset", name)
        if node.dims != dims and not (name == "mask" and node.dims == dims[:2]):
            raise self.fault(f"axes ({', '.join(node.dims)})", f"({', '.join(dims)})", name)
        return node

    def attribute(self, name: str, kind: type[str] | type[dict[str, Any]] | type[list[Any]]) -> Any:
        value = self.attrs.get(name)
        if not isinstance(value, kind):
            wanted = {"str": "text", "dict": "a JSON table", "list": "a JSON list"}[kind.__name__]
            raise self.fault(f"attribute {name!r} = {value!r}", wanted)
        return value


class _Recordings(Mapping[str, Recording]):
    """The recordings of an archive, each made when it is asked for."""

    def __init__(self, folder: _Element, units: Table) -> None:
        self._units = units
        self._elements: dict[str, _Element] = {}
        self._made: dict[str, Recording] = {}
        self._collect(folder, "")
        if not self._elements:
            raise folder.fault("no recording", "one or more")

    def _collect(self, folder: _Element, prefix: str) -> None:
        for name, node in folder.group.children.items():
            kind = node.attrs.get("encoding-type")
            if not isinstance(node, hdf5.Group) or kind not in ("recording", "recordings"):
                continue  # of a newer minor version
            inner = folder.required(name, kind)
            if kind == "recording":
                self._elements[prefix + name] = _complete(inner)
            elif not prefix:
                self._collect(inner, f"{name}/")

    def __getitem__(self, name: str) -> Recording:
        if name not in self._made:
            self._made[name] = _recording(self._elements[name], self._units)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    def __contains__(self, name: object) -> bool:
        return name in self._elements


def _complete(element: _Element) -> _Element:
    for name in ("activity", "time"):
        if element.dataset(name, schema.DIMS[name]) is None:
            raise element.fault("nothing", f"a dataset ({', '.join(schema.DIMS[name])})", name)
    return element


def _recording(element: _Element, units: Table) -> Recording:
    array_units: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, dims in schema.DIMS.items():
        node = element.dataset(name, dims)
        if node is not None:
            fields[name] = node.data
            if node.units and name != "time":
                array_units[name] = node.units
    for name in ("states", "parameters"):
        fields[name] = {}
        for inner, node in child.datasets() if (child := element.child(name, name)) else ():
            fields[name][inner] = node.data
            if node.units:
                array_units[f"{name}/{inner}"] = node.units
    epochs = element.child("epochs", "epochs")
    free = {key: value for key, value in element.attrs.items() if not key.startswith("encoding-")}
    try:
        return Recording(
            **fields,
            trials=_table(element.child("trials", "table"), "trial"),
            units=units,
            epochs={name: node.data for name, node in epochs.datasets()} if epochs else {},
            attrs=free,
            array_units=array_units,
        )
    except ArchiveError:
        raise
    except InputError as error:
        raise ArchiveError(f"{element.file}: {element.path}: {error}") from error


def _table(element: _Element | None, dim: str) -> Table | None:
    if element is None:
        return None
    columns = {}
    for name, node in element.datasets():
        if node.dims != (dim,):
            raise element.fault(f"axes ({', '.join(node.dims)})", f"({dim})", name)
        columns[name] = (np.asarray(node.data), node.units) if node.units else np.asarray(node.data)
    return Table(columns)


def _model(element: _Element | None) -> ModelRecord | None:
    if element is None:
        return None
    stored = element.child("parameters", "parameters")
    nodes = dict(stored.datasets()) if stored else {}
    return ModelRecord(
        family=element.attribute("family", str),
        config=element.attribute("config", dict),
        state_layout=element.attribute("state_layout", list),
        parameters={name: np.asarray(node.data) for name, node in nodes.items()},
        parameter_dims={name: node.dims for name, node in nodes.items()},
        checkpoints=_checkpoints(element.child("checkpoints", "checkpoints")),
    )


def _checkpoints(element: _Element | None) -> CheckpointsRecord | None:
    if element is None:
        return None
    seen = element.dataset("trials_seen", ("checkpoint",))
    if seen is None:
        raise element.fault("nothing", "a dataset (checkpoint)", "trials_seen")
    stored = element.required("parameters", "parameters")
    try:
        return CheckpointsRecord(np.asarray(seen.data), {name: node.data for name, node in stored.datasets()})
    except InputError as error:
        raise ArchiveError(f"{element.file}: {element.path}: {error}") from error


def _task(element: _Element | None) -> TaskRecord | None:
    if element is None:
        return None
    return TaskRecord(name=element.attribute("name", str), config=element.attribute("config", dict))
