"""Engines do jobs: here the interface they share, the one that works in this process, and the call that all make."""

import contextlib
import dataclasses
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

import threadpoolctl
import torch

from ...errors import DynascopeError, StoppedError
from .tasks import Job

DONE, RAISED, DIED, STOPPED = "done", "raised", "died", "stopped"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one attempt at a job ended: ``done``, ``raised``, ``died`` (its worker did) or ``stopped``, and why."""

    job: Job
    ending: str
    message: str = ""


class Engine(Protocol):
    """Takes jobs and gives outcomes in any order; a context manager that leaves no process behind."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of every worker, at once."""

    def submit(self, job: Job) -> None:
        """Take a job."""

    def wait(self, seconds: float) -> Outcome | None:
        """Return the next outcome, or None when there is none within so many seconds."""

    def stop(self) -> None:
        """Ask running jobs to save their state, and return when they have."""


class SerialEngine:
    """Does one job after the other in this process."""

    def __init__(self, should_stop: Callable[[], bool]) -> None:
        self.jobs: deque[Job] = deque()
        self.should_stop = should_stop

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.jobs.clear()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self.jobs.append(dataclasses.replace(job, stop=self.should_stop))

    def wait(self, seconds: float) -> Outcome | None:
        """Do the next job, however long it takes."""
        if not self.jobs:
            return None
        job = self.jobs.popleft()
        return Outcome(job, *attempt(job))

    def stop(self) -> None:
        """Do nothing: between two jobs nothing runs."""


def attempt(job: Job) -> tuple[str, str]:
    """Do a job on one thread and return how it ended and why; the traceback of an error goes to the job's log."""
    try:
        with one_thread():
            job.run()
    except StoppedError as error:
        return STOPPED, str(error)
    except Exception as error:  # noqa: BLE001  (whatever a task raises must not end the sweep)
        append(job, traceback.format_exc())
        words = " ".join(str(error).split()) or "no message"
        return RAISED, words if isinstance(error, DynascopeError) else f"{type(error).__name__}: {words}"
    return DONE, ""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread: results must not depend on how many a worker has, and workers share the processors."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpoolctl.threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def append(job: Job, text: str) -> None:
    """Add text to the log of a job."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "a", encoding="utf-8") as log:
        log.write(text.rstrip() + "\n")


def remaining(deadline: float) -> float:
    """Return the seconds until a moment of the monotonic clock, at least 0."""
    return max(0.0, deadline - time.monotonic())
