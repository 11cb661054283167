"""The job of a training sweep: train networks that differ only in their seed as one batch, and write their archives."""

import dataclasses
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...errors import StoppedError
from ..export import export_network
from ..loop import TrainedNetworks, TrainingLoop
from ..run_directory import RunDirectory
from ..settings import Settings
from ..source import FixedTrials
from ..stopping import explain
from ..task import Batch
from .tasks import Job

SAVE_SECONDS = 10.0


class SeededLoop(TrainingLoop):
    """A training loop in which every network has its own seed: each is what a run of that seed alone would train.

    Parameters
    ----------
    settings : one per network, equal but for ``seed``, with ``members`` 1
    """

    def __init__(self, settings: Sequence[Settings], *, keep: Callable[[TrainingLoop], None] | None = None) -> None:
        super().__init__(dataclasses.replace(settings[0], members=len(settings)), keep=keep)
        if len(settings) > 1:
            self._take_over([TrainingLoop(one) for one in settings])

    def _take_over(self, alone: Sequence[TrainingLoop]) -> None:
        """Start from the weights, trials and generators of loops of one network each."""
        merged = _merged([loop.snapshot() for loop in alone])
        merged["values"]["active"] = list(range(len(alone)))
        self.restore(merged)
        if isinstance(self.source, FixedTrials):
            self.source.trials = _side_by_side([_fixed(loop) for loop in alone])
        found = [loop.validation for loop in alone if loop.validation is not None]
        self.validation = _side_by_side(found) if found else None


def _fixed(loop: TrainingLoop) -> Batch:
    assert isinstance(loop.source, FixedTrials)  # all have the same settings but for the seed
    return loop.source.trials


def _merged(parts: Sequence[Any]) -> Any:
    """Return nested snapshots of one network each as one: arrays and lists one after the other."""
    first = parts[0]
    if isinstance(first, Mapping):
        return {key: _merged([part[key] for part in parts]) for key in first}
    if isinstance(first, np.ndarray):
        return np.concatenate(parts)
    return [item for part in parts for item in part] if isinstance(first, list) else first


def _side_by_side(batches: Sequence[Batch]) -> Batch:
    columns: dict[str, Any] = {}
    for field in dataclasses.fields(Batch):
        values = [getattr(batch, field.name) for batch in batches]
        columns[field.name] = _joined(values)
    return Batch(**columns)


def _joined(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, Mapping):
        return {name: _joined([value[name] for value in values]) for name in first}
    return None if first is None else torch.cat(list(values))


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
