"""The job of a training sweep: train networks that differ only in their seed as one batch, and write their archives."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...errors import StoppedError
from ..export import export_network
from ..loop import TrainedNetworks, TrainingLoop
from ..run_directory import RunDirectory
from ..settings import Settings
from ..stopping import explain
from .tasks import Job

SAVE_SECONDS = 10.0


class SeededLoop(TrainingLoop):
    """A training loop in which every network has its own seed: each is what a run of that seed alone would train.

    Parameters
    ----------
    settings : one per network, equal but for ``seed``, with ``members`` 1
    """

    def __init__(self, settings: Sequence[Settings], *, keep: Callable[[TrainingLoop], None] | None = None) -> None:
        together = dataclasses.replace(settings[0], members=len(settings))
        super().__init__(together, keep=keep, origins=[(one.seed, 0) for one in settings])


def alone(trained: TrainedNetworks, member: int, settings: Settings) -> TrainedNetworks:
    """Return one network of a batch as the run of its own that it stands for."""
    return TrainedNetworks(
        settings,
        {name: array[member : member + 1] for name, array in trained.parameters.items()},
        {name: column[:, member : member + 1] if column.ndim == 2 else column for name, column in trained.log.items()},
        (trained.reasons[member],),
        trained.best_epochs[member : member + 1],
        trained.masks,
    )


def train_networks(job: Job) -> None:
    """Train the networks of a job and publish an archive and a row of results for each.

    A payload holds ``settings`` (of one network) and ``export`` (``trials`` and ``seed``). The state is saved every
    ten seconds and when asked to stop, and the next attempt at the same job goes on from it.

    Raises
    ------
    StoppedError
        If the job was asked to stop; its state was saved.
    """
    settings = [Settings.from_mapping(payload["settings"]) for payload in job.payloads]
    loop = SeededLoop(settings, keep=lambda loop: run.keep(loop))
    run = RunDirectory.create(job.state, loop.settings)
    snapshot = run.load()
    if snapshot is not None:
        loop.restore(snapshot)
    began = time.process_time()
    _train(loop, run, job)
    seconds = (time.process_time() - began) / len(settings)
    trained = loop.trained()
    for member, (own, payload) in enumerate(zip(settings, job.payloads, strict=True)):
        network = alone(trained, member, own)
        job.note(member, _facts(network) | {"cpu_seconds": round(seconds, 3)})
        export = payload["export"]
        shown: Any = {"n_trials": export["trials"], "seed": export["seed"]}
        export_network(network, job.outputs[member], history=run.history_of(member), **shown)
    shutil.rmtree(job.state, ignore_errors=True)


def _train(loop: TrainingLoop, run: RunDirectory, job: Job) -> None:
    saved_at = time.monotonic()
    while loop.active:
        loop.run_epoch()
        stop = bool(loop.active) and job.should_stop()
        if stop or time.monotonic() - saved_at >= SAVE_SECONDS:
            run.save(loop)
            saved_at = time.monotonic()
        if stop:
            raise StoppedError(f"{job.label}: stopped at epoch {loop.epoch}; the same sweep goes on from there")


def _facts(trained: TrainedNetworks) -> dict[str, Any]:
    """Return the row of one finished network."""
    reason = trained.reasons[0]
    epochs = np.flatnonzero(np.isfinite(trained.log["performance"][:, 0])).max(initial=0)
    return {
        "loss": float(trained.chosen("loss")[0]),
        "performance": float(trained.chosen("performance")[0]),
        "best_epoch": int(trained.best_epochs[0]),
        "epochs": int(trained.log["epoch"][epochs]),
        "stop_reason": reason,
        "stop_words": explain(reason),
    }
