"""What trained networks of dendritic neurons have come to, read from their archives."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...readers import open_archive
from ...trainers.prc import best_threshold_accuracy


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """The networks of one kind: the log, and what the archives' trials add to it.

    Attributes
    ----------
    log : column → (network, evaluation)
    epochs : (evaluation,)
    n_units, n_steps : hidden units, and steps of a trial
    best_threshold : accuracy under the best constant threshold, (network,); NaN for more than two classes
    """

    log: dict[str, np.ndarray]
    epochs: np.ndarray
    n_units: int
    n_steps: int
    best_threshold: np.ndarray

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy on the training trials, (network, evaluation)."""
        return self.log["performance"]

    def at(self, column: str, epoch: int) -> np.ndarray:
        """Return a column of the log at an epoch, or at the last one before it, (network,)."""
        row: np.ndarray = self.log[column][:, np.searchsorted(self.epochs, epoch, side="right") - 1]
        return row

    def spikes(self, epoch: int, dt: float) -> float:
        """Return the mean spikes per unit and trial."""
        return float(self.at("firing_rate", epoch).mean() * dt * self.n_steps)


def read_outcomes(paths: Sequence[Path]) -> Outcomes:
    """Return the outcomes of networks of one kind that were trained equally long."""
    logs, best = [], []
    for path in paths:
        with open_archive(path, verify=False) as archive:
            assert archive.model is not None  # training writes no other archives
            assert archive.training is not None
            logs.append({name: np.asarray(archive.training[name]) for name in archive.training})
            recording = archive.recording("final")
            outputs, labels = np.asarray(recording.outputs), np.asarray(recording.trials["label"])
            n_units, n_steps = int(archive.model.config["n_units"]), outputs.shape[1]
        highest = outputs.max(1)
        is_binary = highest.shape[1] == 2
        best.append(best_threshold_accuracy(highest[:, 1] - highest[:, 0], labels) if is_binary else np.nan)
    log = {name: np.stack([one[name] for one in logs]) for name in logs[0]}
    return Outcomes(log, log["epoch"][0].astype(int), n_units, n_steps, np.array(best, float))
