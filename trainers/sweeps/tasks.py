"""What a sweep is made of: tasks, named by what determines them, and jobs, which are tasks done in one call.

This layer knows nothing of training. A task says which function to call, with which values; both are plain text, so
that nothing is ever unpickled and a task means the same on every engine and on every machine.
"""

import contextlib
import dataclasses
import functools
import hashlib
import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import files, hdf5
from ...errors import ArchiveError, DynascopeError, InputError
from ...results import plain
from .. import config as configuration

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclasses.dataclass(frozen=True)
class Task:
    """One result to compute: a function and the values that determine what it writes.

    Attributes
    ----------
    function : ``module:name`` of a function that takes a :class:`Job`
    payload : JSON-ready values; with the contents of ``inputs`` they determine the result and so the identity
    options : columns of the table of results; they do not enter the identity
    inputs : name → path of files that the function reads; their contents enter the identity, their paths do not
    batch : tasks of equal ``batch`` may be done in one call; empty for a call of its own
    fixed_batch : whether the batch must stay together, because results depend (in the last digits) on it
    """

    function: str
    payload: Mapping[str, Any]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    inputs: Mapping[str, str] = dataclasses.field(default_factory=dict)
    batch: str = ""
    fixed_batch: bool = False

    def __post_init__(self) -> None:
        if not _FUNCTION.fullmatch(self.function):
            raise InputError(f"task function '{self.function}': expected module:name, as in mylab.students:fit")
        if plain(self.payload) != self.payload or any(not isinstance(key, str) for key in self.payload):
            raise InputError(
                f"task payload {self.payload!r}: expected only what JSON holds (lists, not tuples or arrays)"
            )

    @functools.cached_property
    def identity(self) -> str:
        """The SHA-256 of everything that determines the result: the name of its output file."""
        return configuration.identity(
            {
                "function": self.function,
                "payload": self.payload,
                "inputs": {name: content_digest(path) for name, path in self.inputs.items()},
            }
        )

    @property
    def label(self) -> str:
        """The options as words."""
        return " ".join(f"{name}={value}" for name, value in self.options.items()) or self.identity[:12]


def content_digest(path: str | Path) -> str:
    """Return the digest of a file: of the contents of an archive or result, of the bytes of anything else.

    Two archives of equal contents, written at different times, have equal digests.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        if path.suffix == ".h5":
            with contextlib.suppress(ArchiveError):
                return hdf5.content_digest(path)
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: this input of a task cannot be read: {error.strerror or error}") from error


@dataclasses.dataclass(frozen=True)
class Job:
    """Tasks done in one call of their common function, and where their results go.

    The function writes ``outputs[i]``, whole or not at all (as all writers of dynascope do), for each of ``payloads``;
    it may :meth:`note` a row of numbers before. Between steps it asks :meth:`should_stop` and then saves what it needs
    to go on in the directory ``state`` and raises StoppedError; without that, a stopped job begins anew.
    """

    tasks: tuple[Task, ...]
    directory: Path
    stop: Callable[[], bool] | None = None

    @property
    def payloads(self) -> list[Mapping[str, Any]]:
        """The payload of each task."""
        return [task.payload for task in self.tasks]

    @property
    def inputs(self) -> list[Mapping[str, str]]:
        """The input files of each task, by name."""
        return [task.inputs for task in self.tasks]

    @property
    def outputs(self) -> list[Path]:
        """The file that each task writes."""
        return [output_of(self.directory, task.identity) for task in self.tasks]

    @functools.cached_property
    def key(self) -> str:
        """Name of the job: that of its only task, or a digest of the names of all."""
        names = [task.identity for task in self.tasks]
        return names[0] if len(names) == 1 else configuration.identity(names)

    @property
    def label(self) -> str:
        """The job in words."""
        more = f" and {len(self.tasks) - 1} more" if len(self.tasks) > 1 else ""
        return f"{self.tasks[0].label}{more}"

    @property
    def log(self) -> Path:
        """File with everything that the function printed, and the traceback when it raised."""
        return self.directory / "logs" / f"{self.key}.log"

    @property
    def state(self) -> Path:
        """Directory for what the function needs to go on after a stop or a kill; the function removes it."""
        return self.directory / "states" / self.key

    @property
    def splits(self) -> bool:
        """Whether the tasks may be done one by one instead."""
        return len(self.tasks) > 1 and not any(task.fixed_batch for task in self.tasks)

    def split(self) -> "list[Job]":
        """Return one job per task."""
        return [dataclasses.replace(self, tasks=(task,)) for task in self.tasks]

    def should_stop(self) -> bool:
        """Return whether the sweep is being stopped."""
        return self.stop is not None and self.stop()

    def note(self, index: int, values: Mapping[str, Any]) -> None:
        """Keep a row of numbers and words about task ``index`` for the table of results."""
        text = json.dumps(plain(values), indent=1) + "\n"
        files.write_text(row_of(self.directory, self.tasks[index].identity), text)

    def run(self) -> None:
        """Call the function.

        Raises
        ------
        InputError
            If there is no such function.
        DynascopeError
            If it returned without writing an output.
        """
        _function(self.tasks[0].function)(self)
        missing = [path for path in self.outputs if not path.exists()]
        if missing:
            raise DynascopeError(f"{self.tasks[0].function} returned without writing {missing[0]}")

    def to_json(self) -> str:
        """Return the job as one line of text."""
        # The identities travel along: the job is named by what its inputs held when the sweep was planned.
        tasks = [{**dataclasses.asdict(task), "identity": task.identity} for task in self.tasks]
        return json.dumps({"directory": str(self.directory.absolute()), "tasks": tasks})

    @classmethod
    def from_json(cls, text: str, stop: Callable[[], bool] | None = None) -> "Job":
        """Return the job that :meth:`to_json` wrote."""
        document = json.loads(text)
        return cls(tuple(task_of(values) for values in document["tasks"]), Path(document["directory"]), stop)


def task_of(values: Mapping[str, Any]) -> Task:
    """Return a task from plain values that include its identity, which is not computed again."""
    identity = values["identity"]
    task = Task(**{name: value for name, value in values.items() if name != "identity"})
    task.__dict__["identity"] = identity  # where cached_property keeps it
    return task


def output_of(directory: Path, identity: str) -> Path:
    """Return the file that a task writes."""
    return directory / f"{identity}.h5"


def row_of(directory: Path, identity: str) -> Path:
    """Return the file that holds a task's row of the table."""
    return directory / "rows" / f"{identity}.json"


def planned(tasks: Sequence[Task], directory: Path, *, largest: int) -> list[Job]:
    """Return the jobs for tasks, in order: those of equal ``batch`` together, at most ``largest`` in one job.

    Tasks whose output exists are left out, except where their batch is fixed and another of it is missing.
    """
    batches: dict[str, list[Task]] = {}
    for task in tasks:
        batches.setdefault(task.batch or task.identity, []).append(task)
    jobs = []
    for batch in batches.values():
        missing = [task for task in batch if not output_of(directory, task.identity).exists()]
        size = len(batch) if batch[0].fixed_batch else largest
        chosen = batch if batch[0].fixed_batch and missing else missing
        jobs += [Job(tuple(chosen[i : i + size]), directory) for i in range(0, len(chosen), size)]
    return jobs


def _function(name: str) -> Callable[[Job], None]:
    module, _, attribute = name.partition(":")
    try:
        found: Callable[[Job], None] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"task function '{name}': cannot be found here ({error})") from error
    return found
