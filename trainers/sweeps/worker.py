"""A worker process: reads jobs from its standard input, one JSON line each, and answers with one line per job.

``{"stop": true}`` asks it to save the state of what it does and leave. When its input just ends, the sweep has died:
it leaves at once, since another sweep may already be starting. What jobs print goes to their logs.
"""

import faulthandler
import json
import os
import queue
import sys
import threading
from typing import BinaryIO

from .engines import attempt
from .tasks import Job


def main() -> None:
    """Work until told to stop."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what tasks print must not be read as an answer
    faulthandler.enable()
    stopping = threading.Event()
    jobs: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, jobs, stopping), daemon=True).start()
    while (line := jobs.get()) is not None:
        job = Job.from_json(line, stopping.is_set)
        ending, message = _logged(job)
        answers.write(json.dumps({"ending": ending, "message": message}).encode() + b"\n")


def _listen(source: BinaryIO, jobs: "queue.Queue[str | None]", stopping: threading.Event) -> None:
    for line in source:
        if json.loads(line).get("stop"):
            stopping.set()
            jobs.put(None)
            return
        jobs.put(line.decode())
    os._exit(1)


def _logged(job: Job) -> tuple[str, str]:
    """Do a job with the output of this process going to the job's log; an empty log is removed."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.log, "ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        result = attempt(job)
        sys.stdout.flush()
        sys.stderr.flush()
        empty = log.seek(0, os.SEEK_END) == 0
    if empty:
        job.log.unlink(missing_ok=True)
    return result


if __name__ == "__main__":
    main()
