"""A training run on disk: its settings, a resumable state, and the history of its weights.

::

    RUN/run.json                the settings, written once
    RUN/state.h5                everything needed to go on, replaced as a whole now and then
    RUN/history/<trials>.h5     weights at chosen epochs
    RUN/lock                    held while a process trains here
"""

import fcntl
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .. import files, hdf5
from ..errors import ConfigurationError, InputError, StoppedError
from .loop import Progress, TrainedNetworks, TrainingLoop
from .settings import Settings

FORMAT = "dynascope-training-state"
FORMAT_VERSION = "1.0"


class RunDirectory:
    """The files of one run. Use :meth:`create` to start or resume it and :meth:`open` to read it."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.settings = path, settings

    @classmethod
    def create(cls, path: str | Path, settings: Settings) -> "RunDirectory":
        """Make the directory for these settings, or return it when it already belongs to them.

        Raises
        ------
        ConfigurationError
            If the directory holds a run of other settings; the message names the first difference.
        InputError
            If the directory cannot be made or written, or holds other files.
        """
        path = Path(path)
        if (path / "run.json").exists():
            found = cls.open(path)
            if found.settings.identity != settings.identity:
                difference = _first_difference(found.settings.as_mapping(), settings.as_mapping())
                raise ConfigurationError(
                    f"{path}: holds a run of another configuration ({difference}); choose another directory"
                )
            return found
        if path.is_dir() and any(entry.name != "lock" for entry in path.iterdir()):
            raise InputError(f"{path}: expected a new or empty directory, or a run, found other files")
        files.make_directory(path)
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, "settings": settings.as_mapping()}
        files.write_text(path / "run.json", json.dumps(document, indent=1) + "\n")
        return cls(path, settings)

    @classmethod
    def open(cls, path: str | Path) -> "RunDirectory":
        """Return the run in a directory.

        Raises
        ------
        InputError
            If there is no run, or its settings cannot be read.
        """
        path = Path(path)
        try:
            document = json.loads((path / "run.json").read_text(encoding="utf-8"))
            return cls(path, Settings.from_mapping(document["settings"]))
        except FileNotFoundError:
            raise InputError(f"{path}: expected a training run (a directory with run.json), found none") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}/run.json: cannot read these settings: {error}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for this process; a killed process lets go of it.

        Raises
        ------
        InputError
            If another process is training here.
        """
        with open(self.path / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(f"{self.path}: another process is training this run") from None
            yield

    def save(self, loop: TrainingLoop) -> None:
        """Replace the resumable state."""
        self._write(self.path / "state.h5", loop.snapshot())

    def load(self) -> dict[str, Any] | None:
        """Return the last saved snapshot, or None when there is none yet."""
        path = self.path / "state.h5"
        return self._read(path) if path.exists() else None

    def keep(self, loop: TrainingLoop) -> None:
        """Add the current weights to the history, under the number of trials seen."""
        directory = files.make_directory(self.path / "history")
        values = {"epoch": loop.epoch, "trials_seen": loop.trials_seen, "active": loop.active}
        self._write(directory / f"{loop.trials_seen:07d}.h5", {"values": values, "parameters": loop.model.arrays()})

    def history(self) -> list[int]:
        """Return the numbers of trials seen for which weights are kept, in order."""
        return sorted(int(path.stem) for path in (self.path / "history").glob("*.h5") if path.stem.isdigit())

    def history_of(self, member: int) -> dict[int, dict[str, np.ndarray]]:
        """Return one network's weights at every kept checkpoint up to its end, by trials seen, in order.

        Weights that are no longer finite, at the end of a training that diverged, are left out.
        """
        found = {}
        for trials in self.history():
            kept = self._read(self.path / "history" / f"{trials:07d}.h5")
            active = kept["values"]["active"]
            if member in active:
                row = active.index(member)
                weights = {name: array[row] for name, array in kept["parameters"].items()}
                if all(np.isfinite(array).all() for array in weights.values()):
                    found[trials] = weights
        return found

    def trained(self) -> TrainedNetworks:
        """Return the networks of a finished run.

        Raises
        ------
        InputError
            If the run has not finished.
        """
        snapshot = self.load()
        if snapshot is None or snapshot["values"]["active"]:
            raise InputError(f"{self.path}: this training has not finished; run the same train command to go on")
        loop = TrainingLoop(self.settings)
        loop.restore(snapshot)
        return loop.trained()

    def _write(self, path: Path, snapshot: Mapping[str, Any]) -> None:
        arrays = {name: value for name, value in snapshot.items() if name != "values"}
        attrs = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "identity": self.settings.identity,
            "values": snapshot["values"],
        }
        hdf5.write(path, hdf5.Group(attrs, _nodes(arrays)))

    def _read(self, path: Path) -> dict[str, Any]:
        with hdf5.read(path) as root:
            if root.attrs.get("format") != FORMAT or root.attrs.get("identity") != self.settings.identity:
                raise InputError(f"{path}: not a training state of the run in {self.path}")
            return {"values": root.attrs["values"], **_arrays(root)}


def train_in(
    directory: str | Path,
    settings: Settings,
    *,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    save_seconds: float = 10.0,
) -> TrainedNetworks:
    """Train in a directory, going on from its last saved state, and return the finished networks.

    The state is saved every ``save_seconds`` and at the end. However often the run is killed in between,
    the result is the same to the last bit (same machine, same versions).

    Raises
    ------
    StoppedError
        If ``should_stop`` said so; the state was saved and the same call goes on.
    """
    # Settings that no network can be built from must not leave a directory behind.
    loop = TrainingLoop(settings, keep=lambda loop: run.keep(loop))
    run = RunDirectory.create(directory, settings)
    with run.locked():
        snapshot = run.load()
        if snapshot is not None:
            loop.restore(snapshot)
        saved_at = time.monotonic()
        was_training = bool(loop.active)
        while loop.active:
            loop.run_epoch()
            if progress is not None:
                progress(loop.progress())
            stop = should_stop is not None and should_stop() and bool(loop.active)
            if stop or time.monotonic() - saved_at >= save_seconds:
                run.save(loop)
                saved_at = time.monotonic()
            if stop:
                raise StoppedError(f"{directory}: stopped at epoch {loop.epoch}; the same command goes on from there")
        if was_training:
            run.save(loop)
        return loop.trained()


def _nodes(arrays: Mapping[str, Any]) -> dict[str, hdf5.Node]:
    """Return nested mappings of arrays as HDF5 nodes; empty arrays are left out."""
    nodes: dict[str, hdf5.Node] = {}
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            nodes[name] = hdf5.Group({}, _nodes(value))
        elif np.asarray(value).size:
            array = np.asarray(value)
            nodes[name] = hdf5.Dataset(array, tuple(f"{name}_{axis}" for axis in range(array.ndim)))
    return nodes


def _arrays(group: hdf5.Group) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, node in group.children.items():
        found[name] = _arrays(node) if isinstance(node, hdf5.Group) else np.array(node.data[...])
    return found


def _first_difference(found: Any, wanted: Any, name: str = "") -> str:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*found, *wanted}):
            if found.get(key) != wanted.get(key):
                return _first_difference(found.get(key), wanted.get(key), f"{name}.{key}".lstrip("."))
    return f"{name} is {found!r} there and {wanted!r} here"
