"""The local engine: worker processes of our own, replaced when they die, at the cost of what they held and no more."""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from typing import Any, Self

from .engines import DIED, Outcome, append, remaining
from .tasks import Job

# Longest time that a worker may take to save its state when the sweep is stopped.
_GRACE_SECONDS = 60.0
_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class _Worker:
    """One process and the job that it holds."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            # -P: the working directory must not lend its file names to imports.
            [sys.executable, "-P", "-m", f"{__package__}.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # Ctrl-C reaches the sweep, which tells its workers
        )
        self.job: Job | None = None
        self.received = b""

    def send(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died; the end of its output says so

    def take(self, job: Job) -> None:
        self.job = job
        self.send(job.to_json())

    def read(self) -> dict[str, Any] | None:
        """Return an answer, or an empty one while it is incomplete, or None when the process has ended."""
        assert self.process.stdout is not None
        data = os.read(self.process.stdout.fileno(), 65536)
        if not data:
            return None
        self.received += data
        line, newline, rest = self.received.partition(b"\n")
        if not newline:
            return {}
        self.received = rest
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> str:
        """Make sure that the process has ended, and return how in words."""
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


class ProcessEngine:
    """Does jobs in up to ``workers`` processes of this machine."""

    def __init__(self, workers: int) -> None:
        self.workers: list[_Worker] = []
        self.most = workers
        self.jobs: deque[Job] = deque()
        self.selector = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.end()
        self.selector.close()

    def submit(self, job: Job) -> None:
        """Take a job."""
        self.jobs.append(job)

    def wait(self, seconds: float) -> Outcome | None:
        """Hand out jobs, and return the next outcome or None."""
        self._assign()
        deadline = time.monotonic() + seconds
        while True:
            for key, _ in self.selector.select(remaining(deadline)):
                outcome = self._heard(key.data)
                if outcome is not None:
                    return outcome
            if not remaining(deadline):
                return None

    def stop(self) -> None:
        """Ask the workers to save and leave, and wait until they have."""
        self.jobs.clear()
        for worker in self.workers:
            worker.send('{"stop": true}')
        deadline = time.monotonic() + _GRACE_SECONDS
        for worker in self.workers:
            try:
                worker.process.wait(remaining(deadline))
            except subprocess.TimeoutExpired:
                continue  # __exit__ ends it

    def _assign(self) -> None:
        """Give a job to every idle worker, starting workers as long as there are jobs for them."""
        while self.jobs:
            worker = next((worker for worker in self.workers if worker.job is None), None)
            if worker is None:
                if len(self.workers) >= self.most:
                    return
                worker = _Worker()
                self.workers.append(worker)
                self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)  # type: ignore[arg-type]
            worker.take(self.jobs.popleft())

    def _heard(self, worker: _Worker) -> Outcome | None:
        answer = worker.read()
        job = worker.job
        if answer is None:
            self.selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
            self.workers.remove(worker)
            message = f"its worker died ({worker.end()})"
            if job is None:
                return None
            append(job, message)
            return Outcome(job, DIED, message)
        if not answer or job is None:
            return None
        worker.job = None
        return Outcome(job, answer["ending"], answer["message"])


def _environment() -> dict[str, str]:
    """Return the environment of a worker: one thread, and the import path of this process."""
    paths = [path or os.getcwd() for path in sys.path]
    return {**os.environ, **dict.fromkeys(_ONE_THREAD, "1"), "PYTHONPATH": os.pathsep.join(paths)}
