"""Sweeps: many networks from one grid, on any number of workers, each written once and never trained twice.

:func:`run_sweep` trains the networks of a grid. Below it, :func:`run_tasks` does any tasks that are named by what
determines them, on the same engines: ``serial``, ``local`` (worker processes) and ``dask``.
"""

from .grid import can_share_a_batch, read_grid
from .report import SweepReport, report_on
from .runner import EXECUTORS, run_sweep, run_tasks
from .tasks import Job, Task

__all__ = [
    "EXECUTORS",
    "Job",
    "SweepReport",
    "Task",
    "can_share_a_batch",
    "read_grid",
    "report_on",
    "run_sweep",
    "run_tasks",
]
