"""What a sweep has done so far: its index, and the table of results."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import files
from ...errors import ConfigurationError, InputError, unknown_name
from ...readers import Archive, open_archive
from .tasks import Task, output_of, row_of, task_of

FORMAT = "dynascope-sweep"
FORMAT_VERSION = "1.0"
FINISHED, FAILED, MISSING = "finished", "failed", "missing"


@dataclasses.dataclass(frozen=True)
class SweepReport:
    """The state of a sweep.

    Attributes
    ----------
    output : directory of the sweep
    rows : one mapping per task, in the grid's order: ``identity``, ``status`` (finished, failed or missing), the
        options that vary, the numbers that the task noted, and for a failed one ``message`` and ``log``
    """

    output: Path
    rows: tuple[Mapping[str, Any], ...]

    def with_status(self, status: str) -> list[Mapping[str, Any]]:
        """Return the rows of one status."""
        return [row for row in self.rows if row["status"] == status]

    @property
    def counts(self) -> dict[str, int]:
        """Number of tasks of each status, and of finished networks whose loss became infinite or NaN."""
        counted = {status: len(self.with_status(status)) for status in (FINISHED, FAILED, MISSING)}
        return counted | {"diverged": sum(row.get("stop_reason") == "diverged" for row in self.rows)}

    @property
    def complete(self) -> bool:
        """Whether every task has finished, and no network diverged."""
        return self.counts[FINISHED] == len(self.rows) and not self.counts["diverged"]

    def path(self, identity: str) -> Path:
        """Return the output file of a task; the first letters of its identity are enough.

        Raises
        ------
        InputError
            If no task, or more than one, has an identity that begins so, or it has not finished.
        """
        found = [row for row in self.rows if row["identity"].startswith(identity)]
        if len(found) != 1:
            raise InputError(f"task '{identity}': {len(found)} of the {len(self.rows)} tasks begin so, expected one")
        if found[0]["status"] != FINISHED:
            raise InputError(f"task '{identity}' is {found[0]['status']}: it has no result")
        return output_of(self.output, found[0]["identity"])

    def load(self, task: "str | Mapping[str, Any] | Task") -> Archive:
        """Return the open archive of a task, given by its row, its identity or itself; use it in a ``with`` block."""
        if isinstance(task, Task):
            task = task.identity
        return open_archive(self.path(task if isinstance(task, str) else task["identity"]))

    def summary(self) -> str:
        """Return a few lines: how many finished, and every failed task with its reason and its log."""
        counts = self.counts
        lines = [f"{counts[FINISHED]} of {len(self.rows)} tasks finished"]
        lines += [f"{counts[name]} {name}" for name in (FAILED, MISSING) if counts[name]]
        if counts["diverged"]:
            lines.append(f"{counts['diverged']} diverged (finished with the weights from before)")
        text = [", ".join(lines) + f"; table in {self.output / 'table.csv'}"]
        for row in self.with_status(FAILED):
            text.append(f"failed: {row['label']} ({row['identity'][:12]}): {row['message']}; log {row['log']}")
        return "\n".join(text)

    def table(self) -> str:
        """Return the rows as CSV, with a column for everything that any row has."""
        names = list(dict.fromkeys(name for row in self.rows for name in row if name != "label"))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()

    def to_dict(self) -> dict[str, Any]:
        """Return counts and rows as plain values."""
        return {"output": str(self.output), "counts": self.counts, "rows": [dict(row) for row in self.rows]}


def write_index(output: Path, tasks: Sequence[Task], source: Any = None) -> None:
    """Write what the sweep consists of; ``source`` is the grid it was resolved from."""
    entries = [{**dataclasses.asdict(task), "identity": task.identity} for task in tasks]
    document = {"format": FORMAT, "format_version": FORMAT_VERSION, "source": source, "tasks": entries}
    files.write_text(output / "sweep.json", json.dumps(document, indent=1, default=str) + "\n")


def read_index(output: str | Path) -> list[Task]:
    """Return the tasks of the sweep in a directory.

    Raises
    ------
    InputError
        If there is no sweep, or its index cannot be read.
    """
    path = Path(output) / "sweep.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ConfigurationError(unknown_name("format", document["format"], [FORMAT]))
        return [task_of(values) for values in document["tasks"]]
    except OSError as error:
        raise InputError(f"{output}: no sweep there ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot read this index: {error}") from error


def read_failures(output: Path) -> dict[str, dict[str, Any]]:
    """Return the failed tasks by identity, each with its ``message`` and ``log``."""
    path = output / "failures.json"
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def write_failures(output: Path, failures: Mapping[str, Mapping[str, Any]]) -> None:
    """Replace the list of failed tasks."""
    files.write_text(output / "failures.json", json.dumps(failures, indent=1) + "\n")


def report_on(output: str | Path, tasks: Sequence[Task] | None = None) -> SweepReport:
    """Return how far the sweep in a directory has come, from its files alone.

    Raises
    ------
    InputError
        If there is no sweep.
    """
    output = Path(output)
    tasks = read_index(output) if tasks is None else tasks
    failures = read_failures(output)
    return SweepReport(output, tuple(_row(output, task, failures) for task in tasks))


def _row(output: Path, task: Task, failures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    row = {"identity": task.identity, "label": task.label, "status": MISSING, **task.options}
    if output_of(output, task.identity).exists():
        noted = row_of(output, task.identity)
        values = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else {}
        return row | {"status": FINISHED} | values
    if task.identity in failures:
        return row | {"status": FAILED} | dict(failures[task.identity])
    return row
