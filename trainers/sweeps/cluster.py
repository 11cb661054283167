"""The cluster engine: jobs go to Dask workers, of this machine or behind a scheduler's address.

A SLURM or LSF cluster is reached through dask-jobqueue: start its cluster, and give the address of its scheduler.
The workers must see the output directory under the same path, and need dynascope installed.
"""

import importlib
import os
import queue
import time
import uuid
from collections import deque
from pathlib import Path
from typing import Any, Self

from ...errors import InputError
from .engines import DIED, RAISED, STOPPED, Outcome, append, attempt, remaining
from .tasks import Job

_GRACE_SECONDS = 60.0
# A worker looks for the file that stops the sweep this often: the file system may be a slow one.
_LOOK_SECONDS = 1.0


class DaskEngine:
    """Does jobs on Dask workers, one thread each.

    Parameters
    ----------
    workers : processes to start on this machine; with an address, the fewest jobs to ask it for at a time (a
        cluster that grows on demand would otherwise not grow)
    scheduler : address of a running scheduler, as in ``tcp://10.0.0.1:8786``; None starts a cluster of this machine
    directory : the sweep's output; a file there tells the workers to stop
    """

    def __init__(self, workers: int, scheduler: str | None, directory: Path) -> None:
        try:
            distributed = importlib.import_module("distributed")
        except ImportError as error:
            raise InputError(
                f"executor dask needs the package 'distributed': pip install 'dynascope[cluster]' ({error})"
            ) from None
        self._dask, self._workers, self._scheduler = distributed, workers, scheduler
        self._cluster: Any = None
        self._client: Any = None
        self._waiting: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._running: dict[str, Any] = {}
        self._ended: queue.Queue[str] = queue.Queue()
        self._flag = directory.absolute() / f".stop-{uuid.uuid4().hex}"

    def __enter__(self) -> Self:
        """Start or find the cluster.

        Raises
        ------
        InputError
            If no scheduler answers at the address.
        """
        try:
            if self._scheduler is None:
                with importlib.import_module("dask").config.set({"distributed.scheduler.allowed-failures": 0}):
                    self._cluster = self._dask.LocalCluster(
                        n_workers=self._workers, threads_per_worker=1, processes=True, dashboard_address=None
                    )
            self._client = self._dask.Client(self._scheduler or self._cluster, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"scheduler '{self._scheduler}': no Dask scheduler there ({error})") from error
        return self

    def __exit__(self, *_: object) -> None:
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        self._flag.unlink(missing_ok=True)

    def submit(self, job: Job) -> None:
        """Take a job."""
        self._waiting.append(job)

    def wait(self, seconds: float) -> Outcome | None:
        """Hand out jobs, and return the next outcome or None."""
        # One job per thread and no more: Dask blames a death on every job that the dead worker had been given.
        threads = sum(self._client.nthreads().values())
        while self._waiting and len(self._running) < max(threads, self._workers if self._scheduler else 1):
            self._hand_out(self._waiting.popleft())
        try:
            name = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        job, future = self._jobs.pop(name), self._running.pop(name)
        if future.status == "finished":
            ending, message = future.result()
            return Outcome(job, ending, message)
        error = future.exception() if future.status == "error" else None
        killed = isinstance(error, self._dask.KilledWorker)
        message = "its worker died" if killed else f"Dask gave it up: {error or future.status}"
        append(job, message)
        return Outcome(job, DIED if killed else RAISED, message)

    def stop(self) -> None:
        """Ask the workers to save and leave, and wait until they have."""
        self._flag.touch()
        self._waiting.clear()
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._running and remaining(deadline):
            self.wait(min(0.2, remaining(deadline)))

    def _hand_out(self, job: Job) -> None:
        name = f"{job.key}-{uuid.uuid4().hex[:8]}"
        future = self._client.submit(_attempt, job.to_json(), str(self._flag), key=name, pure=False)
        self._jobs[name], self._running[name] = job, future
        future.add_done_callback(lambda _: self._ended.put(name))


def _attempt(text: str, flag: str) -> tuple[str, str]:
    """Do a job on a worker, looking now and then whether the sweep is being stopped."""
    looked_at, stopped = 0.0, False

    def should_stop() -> bool:
        nonlocal looked_at, stopped
        if not stopped and time.monotonic() - looked_at >= _LOOK_SECONDS:
            looked_at, stopped = time.monotonic(), os.path.exists(flag)
        return stopped

    job = Job.from_json(text, should_stop)
    if os.path.exists(flag):
        return STOPPED, "the sweep was being stopped"
    return attempt(job)
