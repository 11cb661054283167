"""What trained networks of dendritic neurons have come to, read from their archives."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...readers import open_archive
from ...trainers.prc import best_threshold_accuracy
from ..archives import training_logs


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """The networks of one kind: the log, and what the archives' trials add to it.

    Attributes
    ----------
    paths : the archives, one per network
    log : column → (network, evaluation)
    n_units, duration : hidden units, and s of a trial
    best_threshold : accuracy under the best constant threshold, (network,); NaN for more than two classes
    """

    paths: tuple[Path, ...]
    log: dict[str, np.ndarray]
    n_units: int
    duration: float
    best_threshold: np.ndarray

    @property
    def epochs(self) -> np.ndarray:
        """When networks were evaluated, (evaluation,)."""
        epochs: np.ndarray = self.log["epoch"][0]
        return epochs

    @property
    def accuracy(self) -> np.ndarray:
        """Accuracy on the training trials, (network, evaluation)."""
        return self.log["performance"]

    def at(self, column: str, epoch: int) -> np.ndarray:
        """Return a column of the log at an epoch, or at the last one before it, (network,)."""
        row: np.ndarray = self.log[column][:, np.searchsorted(self.epochs, epoch, side="right") - 1]
        return row

    def spikes(self, epoch: int) -> float:
        """Return the mean spikes per unit and trial."""
        return float(self.at("firing_rate", epoch).mean() * self.duration)


def read_outcomes(paths: Sequence[Path]) -> Outcomes:
    """Return the outcomes of networks of one kind that were trained equally long."""
    best = []
    for path in paths:
        with open_archive(path, verify=False) as archive:
            assert archive.model is not None  # training writes no other archives
            config = archive.model.config
            recording = archive.recording("final")
            highest, labels = np.asarray(recording.outputs).max(1), np.asarray(recording.trials["label"])
            duration = len(recording.time) * config["dt"]
        is_binary = highest.shape[1] == 2
        best.append(best_threshold_accuracy(highest[:, 1] - highest[:, 0], labels) if is_binary else np.nan)
    return Outcomes(tuple(paths), training_logs(paths), int(config["n_units"]), duration, np.array(best, float))
