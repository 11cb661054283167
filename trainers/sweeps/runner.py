"""Run a sweep: give jobs to an engine, try again what deserves it, and keep account."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ... import files
from ...errors import ConfigurationError, InputError, StoppedError, unknown_name
from .. import config as configuration
from .engines import DIED, DONE, STOPPED, Engine, Outcome, SerialEngine
from .grid import Batching, read_grid
from .pool import ProcessEngine
from .report import FINISHED, SweepReport, report_on, write_failures, write_index
from .tasks import Job, Task, output_of, planned

EXECUTORS = ("serial", "local", "dask")
_TICK_SECONDS = 0.2

Progress = Callable[[int, int, int], None]


def run_sweep(
    grid: "str | Path | Mapping[str, Any]",
    output: str | Path,
    *,
    executor: str = "local",
    workers: int | None = None,
    scheduler: str | None = None,
    retries: int = 2,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SweepReport:
    """Train every network of a grid that is not yet in ``output``, and return the state of the sweep.

    Each network is one activity archive, ``output/<identity>.h5``, that appears when it is finished; ``identity`` is
    the SHA-256 of everything that determines it. Its content digest is the same for any executor, number of workers
    and batch, and however often the sweep was interrupted.

    Parameters
    ----------
    grid, output : see :func:`read_grid`; directory of the sweep, made when missing
    executor : ``serial``, ``local`` (processes of this machine) or ``dask``
    workers : number of processes (default: one per processor)
    scheduler : address of a Dask scheduler; without it ``dask`` starts a cluster of this machine
    retries : how often a job is tried again whose worker died. One that raises is not tried again.
    progress : is called with the numbers of finished, failed and all tasks
    should_stop : is asked five times a second

    Raises
    ------
    InputError
        For a bad grid or option, or when another process is at work in ``output``.
    StoppedError
        If ``should_stop`` said so; the same call goes on.
    """
    document = configuration.read_toml(grid) if isinstance(grid, (str, Path)) else dict(grid)
    batch = configuration.build(Batching, {"batch": document.get("batch", Batching().batch)}, where="grid").batch
    return run_tasks(
        read_grid(document),
        output,
        executor=executor,
        workers=workers,
        scheduler=scheduler,
        retries=retries,
        largest=batch,
        source=document,
        progress=progress,
        should_stop=should_stop,
    )


def run_tasks(
    tasks: Sequence[Task],
    output: str | Path,
    *,
    executor: str = "local",
    workers: int | None = None,
    scheduler: str | None = None,
    retries: int = 2,
    largest: int = 8,
    source: Any = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SweepReport:
    """Do the tasks whose output is not there yet, and return the state of them all: the layer below :func:`run_sweep`.

    ``largest`` bounds the tasks of equal ``batch`` in one job, and so does a worker's share of all tasks, so that none
    goes without; ``source`` is kept in the index. A task that raises, or whose worker dies more than ``retries`` times,
    is failed and does not hold up the others; a job of several is then done task by task, so that the culprit is known.
    The other parameters and errors are those of :func:`run_sweep`.
    """
    output = files.make_directory(output)
    tasks = list({task.identity: task for task in tasks}.values())
    stop = should_stop or (lambda: False)
    engine = _made_engine(executor, workers, scheduler, retries, stop, output)
    with _locked(output):
        for folder in ("rows", "logs"):
            files.make_directory(output / folder)
        write_index(output, tasks, source)
        # Of all tasks, not of those still missing: a job that is tried again must be the same job.
        share = len(tasks) if executor == "serial" else max(1, len(tasks) // _count(workers))
        jobs = planned(tasks, output, largest=min(largest, share))
        try:
            if jobs:
                with engine:
                    _Foreman(engine, output, tasks, retries, progress).work(jobs, stop)
        finally:
            report = report_on(output, tasks)
            files.write_text(output / "table.csv", report.table())
        if report.counts[FINISHED] == len(tasks):
            shutil.rmtree(output / "states", ignore_errors=True)
    return report


class _Foreman:
    """Hands jobs to an engine, decides which to try again, and writes down failures."""

    def __init__(
        self, engine: Engine, output: Path, tasks: Sequence[Task], retries: int, progress: Progress | None
    ) -> None:
        self.engine, self.output, self.retries = engine, output, retries
        self.identities = {task.identity for task in tasks}
        self.progress = progress
        self.open: set[str] = set()
        self.deaths: dict[str, int] = {}
        # What failed before is tried again, so it is no failure until it fails again.
        self.failures: dict[str, dict[str, Any]] = {}
        write_failures(output, self.failures)

    def work(self, jobs: Sequence[Job], should_stop: Callable[[], bool]) -> None:
        """Do all jobs.

        Raises
        ------
        StoppedError
            If ``should_stop`` said so.
        """
        for job in jobs:
            self._submit(job)
        self._tell()
        while self.open:
            if should_stop():
                self._stop()
            outcome = self.engine.wait(_TICK_SECONDS)
            if outcome is not None:
                self._account(outcome)
                self._tell()

    def _submit(self, job: Job) -> None:
        self.open.add(job.key)
        self.engine.submit(job)

    def _stop(self) -> None:
        self.engine.stop()
        missing = len(self.identities) - self._finished() - len(self.failures)
        raise StoppedError(
            f"{self.output}: the sweep was stopped with {missing} tasks to do; the same command goes on from there"
        )

    def _account(self, outcome: Outcome) -> None:
        job = outcome.job
        self.open.discard(job.key)
        if outcome.ending == DONE:
            return
        if outcome.ending == STOPPED:
            self._submit(job)  # the loop sees the request to stop before it does anything with it
            return
        if outcome.ending == DIED:
            self.deaths[job.key] = self.deaths.get(job.key, 0) + 1
            if self.deaths[job.key] <= self.retries:
                self._submit(job)
                return
        if job.splits:
            for part in job.split():
                self._submit(part)
            return
        self._fail(outcome)

    def _fail(self, outcome: Outcome) -> None:
        deaths = self.deaths.get(outcome.job.key, 0)
        times = f" {deaths} times" if outcome.ending == DIED and deaths > 1 else ""
        for task in outcome.job.tasks:
            if not output_of(self.output, task.identity).exists():
                log = str(outcome.job.log)
                self.failures[task.identity] = {"message": f"{outcome.message}{times}", "log": log}
        write_failures(self.output, self.failures)

    def _finished(self) -> int:
        return sum(output_of(self.output, identity).exists() for identity in self.identities)

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(self._finished(), len(self.failures), len(self.identities))


def _made_engine(
    executor: str,
    workers: int | None,
    scheduler: str | None,
    retries: int,
    should_stop: Callable[[], bool],
    output: Path,
) -> Engine:
    if executor not in EXECUTORS:
        raise ConfigurationError(unknown_name("executor", executor, EXECUTORS))
    if (workers is not None and workers < 1) or retries < 0:
        raise InputError(f"expected at least 1 worker and 0 retries, found {workers} and {retries}")
    if scheduler is not None and executor != "dask":
        raise InputError(f"scheduler '{scheduler}': only executor dask has one, found executor {executor}")
    if executor == "serial":
        return SerialEngine(should_stop)
    if executor == "local":
        return ProcessEngine(_count(workers))
    from .cluster import DaskEngine

    return DaskEngine(_count(workers), scheduler, output)


def _count(workers: int | None) -> int:
    """Return the number of workers: one per processor when None."""
    return workers or len(os.sched_getaffinity(0))


@contextmanager
def _locked(output: Path) -> Iterator[None]:
    """Hold the sweep for this process; a killed process lets go of it."""
    with open(output / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(f"{output}: another process is at work on this sweep") from None
        yield
