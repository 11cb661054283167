"""The job of a published experiment: train the networks of one combination and write their result folder."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import StoppedError
from ...results import Array
from ..loop import TrainedNetworks
from ..run_directory import RunDirectory
from ..settings import Settings
from ..sweeps import Job
from ..sweeps.networks import SAVE_SECONDS
from . import results_folder
from .grid import CONFIGURATION
from .grid_archive import write_network
from .grid_curves import curves_of, read_log
from .grid_loop import GridLoop
from .state_dicts import from_state_dict, to_state_dict
from .transfer import Pretrained, archive_path


def train_combination(job: Job) -> None:
    """Train every network of a combination, one after the other, and write what the published program writes and more.

    The payload holds ``index``, ``combo``, ``settings`` (one for each network), ``split`` (``n_trials`` and
    ``train_size``) and ``checkpoint_interval``; the inputs are those of :class:`Pretrained`. The result folder, which
    holds the configuration, is the parent of the job's directory. The state is saved every ten seconds
    and when asked to stop, and the next attempt goes on from it to the same bits.

    Raises
    ------
    StoppedError
        If the job was asked to stop; its state was saved.
    """
    payload, folder = job.payloads[0], job.directory.parent
    settings = [Settings.from_mapping(values) for values in payload["settings"]]
    pretrained = Pretrained.of_inputs(job.inputs[0])
    began = time.process_time()
    runs = []
    for iteration, own in enumerate(settings):
        archive = archive_path(folder, payload["index"], iteration)
        if not archive.exists():  # it appears when its network is finished
            loop = GridLoop(own, **payload["split"], pretrained=pretrained)
            _Run(job, folder, iteration, loop).train(archive)
        runs.append(read_log(archive))
    found = curves_of(payload["index"], payload["combo"], settings, runs, job.tasks[0].identity)
    results_folder.write_curves(folder, payload["index"], found.published())
    job.note(0, found.facts | {"cpu_seconds": round(time.process_time() - began, 3)})
    found.save(job.outputs[0])
    shutil.rmtree(job.state, ignore_errors=True)


class _Run:
    """One network of a combination: its training, its checkpoints and its archive."""

    def __init__(self, job: Job, folder: Path, iteration: int, loop: GridLoop) -> None:
        self.job, self.folder, self.iteration, self.loop = job, folder, iteration, loop
        self.payload: Mapping[str, Any] = job.payloads[0]
        self.drawn = loop.network()

    def train(self, archive: Path) -> None:
        """Train the network, going on from where an earlier attempt stopped, and write its archive."""
        run = RunDirectory.create(self.job.state / str(self.iteration), self.loop.settings)
        snapshot = run.load()
        if snapshot is not None:
            self.loop.restore(snapshot)
        saved_at = time.monotonic()
        while self.loop.active:
            if self._is_checkpoint(self.loop.epoch):
                self._write_checkpoint(self.loop.epoch, self.loop.network())
            self.loop.run_epoch()
            stop = bool(self.loop.active) and self.job.should_stop()
            if stop or time.monotonic() - saved_at >= SAVE_SECONDS:
                run.save(self.loop)
                saved_at = time.monotonic()
            if stop:
                words = f"{self.job.label}, iteration {self.iteration}: stopped at epoch {self.loop.epoch}"
                raise StoppedError(f"{words}; the same command goes on from there")
        self._write_results(archive, self.loop.trained())

    def _is_checkpoint(self, epochs: int) -> bool:
        """Return whether the published program, which counts epochs from 0, would write weights after so many."""
        return epochs > 0 and (epochs - 1) % self.payload["checkpoint_interval"] == 0

    def _write_checkpoint(self, epochs: int, network: Mapping[str, Array]) -> None:
        state = to_state_dict(network)
        results_folder.write_checkpoint(self.folder, self.payload["index"], epochs - 1, self.iteration, state)

    def _write_results(self, archive: Path, trained: TrainedNetworks) -> None:
        final = {name: array[0] for name, array in trained.parameters.items()}
        last = int(trained.best_epochs[0])
        if last > 0:
            self._write_checkpoint(last, final)
        seen = trained.log["trials_seen"]
        at = [epochs for epochs in range(1, last + 1) if self._is_checkpoint(epochs) or epochs == last]
        checkpoints = {0: self.drawn} | {int(seen[epochs]): self._checkpoint(epochs) for epochs in at}
        about = {
            "configuration": (self.folder / CONFIGURATION).read_text(encoding="utf-8"),
            "combination": self.payload["index"],
            "combo": self.payload["combo"],
            "iteration": self.iteration,
            "split": self.payload["split"],
            "pretrained": dict(self.job.inputs[0]),
        }
        write_network(archive, trained, self.loop.held_out_trials, checkpoints, about)

    def _checkpoint(self, epochs: int) -> dict[str, np.ndarray]:
        path = results_folder.checkpoint_path(self.folder, self.payload["index"], epochs - 1, self.iteration)
        return {**self.drawn, **from_state_dict(results_folder.read_checkpoint(path))}
