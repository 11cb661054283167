"""What one combination of a published experiment leaves: the curves of all its runs."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...readers import open_archive
from ...results import Array, Result, axes
from ..settings import Settings
from .memory_task import MatchTask
from .results_folder import Curves, combo_text

_RUN_BY_EPOCH = ("iteration", "epoch")
# Published programs give accuracies in percent.
_PERCENT = 100


def _curve() -> Any:
    return axes(*_RUN_BY_EPOCH)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class CombinationCurves(Result):
    """Loss and performance of the runs of one combination, (iteration, epoch); NaN after a run's end.

    Attributes
    ----------
    index, combo : place and values of the combination in its grid
    accuracy : whether the performance is the share of right answers
    seeds, stop_reasons, epochs : of each run: its seed, why and after how many epochs it ended
    train_loss, … : means over batches, as published; training trials while the weights change, validation trials after
    weighted_train_loss, … : the same as means over trials
    """

    kind: ClassVar[str] = "connectome-combination"

    index: int
    combo: Sequence[Any]
    accuracy: bool
    seeds: Sequence[int]
    stop_reasons: Sequence[str]
    epochs: Sequence[int]
    train_loss: Array = _curve()
    validate_loss: Array = _curve()
    train_performance: Array = _curve()
    validate_performance: Array = _curve()
    weighted_train_loss: Array = _curve()
    weighted_validate_loss: Array = _curve()
    weighted_train_performance: Array = _curve()
    weighted_validate_performance: Array = _curve()

    def published(self) -> Curves:
        """Return the curves of the published result folder; an accuracy is in percent there."""
        if not self.accuracy:
            return Curves(self.train_loss, self.validate_loss)
        metrics = (_PERCENT * self.train_performance, _PERCENT * self.validate_performance)
        return Curves(self.train_loss, self.validate_loss, *metrics)

    @property
    def facts(self) -> dict[str, Any]:
        """Means over the runs: the lowest validation loss and its epoch (from 0), and the last loss and performance."""
        exists = np.asarray(np.isfinite(self.validate_loss))
        ran = np.asarray(exists.any(axis=1))
        if not ran.any():
            return {"runs": len(ran), "diverged": len(ran)}
        loss = np.where(exists, self.validate_loss, np.inf)[ran]
        last = exists.shape[1] - 1 - exists[ran][:, ::-1].argmax(axis=1)
        rows = np.arange(len(loss))
        return {
            "runs": len(ran),
            "diverged": sum(reason == "diverged" for reason in self.stop_reasons),
            "minimum_loss": float(loss.min(axis=1).mean()),
            "minimum_epoch": float(loss.argmin(axis=1).mean()),
            "final_loss": float(loss[rows, last].mean()),
            "epochs": float(np.mean(self.epochs)),
            **self._final(float(self.validate_performance[ran][rows, last].mean())),
        }

    def _final(self, performance: float) -> dict[str, float]:
        return {"final_accuracy": _PERCENT * performance} if self.accuracy else {"final_performance": performance}

    def summary(self) -> str:
        """Return one line."""
        values = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.facts.items())
        return f"combination {self.index} {combo_text(self.combo)}: {values}"


@dataclasses.dataclass(frozen=True)
class RunLog:
    """How one training went: columns of its log (row,), and why it ended."""

    columns: Mapping[str, Array]
    stop_reason: str


def read_log(path: Path) -> RunLog:
    """Return the log of the training in the archive of a network."""
    with open_archive(path, verify=False) as archive:
        training = archive.training
        assert training is not None  # every network has one that was trained
        columns = {name: np.asarray(training[name]) for name in training}
        return RunLog(columns, str(archive.recordings["final"].attrs["stop_reason"]))


def curves_of(
    index: int, combo: Sequence[Any], settings: Sequence[Settings], runs: Sequence[RunLog], digest: str
) -> CombinationCurves:
    """Return the curves of finished runs: of each log all rows but the first, which is of the untrained network."""
    n_epochs = settings[0].training.epochs

    def stacked(column: str) -> Array:
        found = np.full((len(runs), n_epochs), np.nan)
        for curve, run in zip(found, runs, strict=True):
            values = run.columns[column][1:]
            curve[: len(values)] = values
        return found

    names: Mapping[str, str] = {"train": "", "validate": "validation_"}
    arrays: Any = {
        f"{weight}{ours}_{name}": stacked(f"{prefix}{weight}{name}")
        for ours, prefix in names.items()
        for weight in ("", "weighted_")
        for name in ("loss", "performance")
    }
    return CombinationCurves(
        index=index,
        combo=list(combo),
        accuracy=isinstance(settings[0].get_task(), MatchTask),
        seeds=[own.seed for own in settings],
        stop_reasons=[run.stop_reason for run in runs],
        epochs=[int(run.columns["epoch"][-1]) for run in runs],
        input_digest=digest,
        **arrays,
    )
