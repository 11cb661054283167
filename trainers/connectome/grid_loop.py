"""The training loop of a published experiment: one pool of trials split in two, cut into batches once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...errors import ConfigurationError
from .. import randomness
from ..loop import Row, TrainingLoop, evaluate, metrics
from ..model import Generators, Model
from ..rules import Gradients, Response, Rule
from ..settings import Settings, TrainingConfig
from ..source import TrialSource
from ..task import Batch, Task
from .kernel import ElmanKernel, fits
from .memory_task import MemoryTask
from .transfer import Pretrained, transferred


class GridLoop(TrainingLoop):
    """One network of a published experiment.

    The log has, beside the published means over batches (a batch of 16 counts as much as one of 128), ``weighted_…``
    columns, the means over trials. Its row 0 is of the untrained network, so that the published epoch e is row e + 1.

    Parameters
    ----------
    settings : of one network; its ``n_trials`` and ``validation_trials`` are those of the split
    n_trials, train_size : trials of the pool (of each kind, see :meth:`MemoryTask.split`) and the share for training
    pretrained : the network to start from, None to start from drawn weights

    Raises
    ------
    ConfigurationError
        If the settings do not fit the split, ask for a random order of the batches, or for several networks.
    """

    def __init__(
        self, settings: Settings, *, n_trials: int, train_size: float, pretrained: Pretrained | None = None
    ) -> None:
        check_settings(settings, n_trials, train_size)
        super().__init__(settings)
        assert isinstance(self.task, MemoryTask)  # the family has no other tasks
        generator = randomness.generator(settings.seed, "split")
        training, held_out = self.task.split(n_trials, train_size, generator)
        self.source = FixedBatches(self.task, self.config, self.origins, self.source.stacked([training]))
        self.held_out_trials = held_out
        self.held_out = cut(self.source.stacked([held_out]), self.config.batch_size)
        if pretrained is not None:
            drawn = {name: array[0] for name, array in self.model.arrays().items()}
            start = transferred(drawn, pretrained, randomness.generator(settings.seed, "readout"))
            self.model.load_arrays({name: array[np.newaxis] for name, array in start.items()})
        self.kept = self.model.arrays()
        self.kernel = ElmanKernel(self.model) if fits(self.model) else None
        self._gradients: Rule = self.kernel or self.rule
        self.rule = self._remembered
        self._last: Response | None = None

    def run_epoch(self) -> None:
        """Evaluate, decide and train for one epoch; see :class:`TrainingLoop`."""
        super().run_epoch()
        if self.during:
            self.during |= self._weighted(self.during)

    def network(self) -> dict[str, np.ndarray]:
        """Return the current parameters of the network, without a member axis."""
        return {name: array[0] for name, array in self.model.arrays().items()}

    def _draw_validation(self) -> Batch | None:
        """Return nothing: these trials come from the split."""
        return None

    def _evaluate(self) -> tuple[Row, Gradients | None]:
        row, gradients = super()._evaluate()
        for name in ("loss", "performance"):
            row.setdefault(f"weighted_{name}", row[name])  # the untrained network is evaluated on all trials at once
        return row | self._validated(), gradients

    def _remembered(self, model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
        found = self._gradients(model, task, batch, generators)
        self._last = found.response
        return found

    def _weighted(self, means: Row) -> Row:
        """Return means over the trials of the last pass from its means over batches, of which the last is smaller."""
        assert self._last is not None  # a pass has just ended
        assert isinstance(self.source, FixedBatches)
        last, size = self.source.batches[-1], self.config.batch_size
        row, n_batches = metrics(self.task, self._last, last), self.source.updates_per_epoch
        total = {
            name: n_batches * size * means[name] - (size - len(last)) * row[name] for name in ("loss", "performance")
        }
        return {f"weighted_{name}": value / len(self.source.trials) for name, value in total.items()}

    def _validated(self) -> Row:
        """Return what the log says of the validation trials: means over batches, and over trials."""
        rows = [self._evaluated(batch) for batch in self.held_out]
        sizes = [len(batch) for batch in self.held_out]
        found = {}
        for name in ("loss", "performance"):
            values = [row[name] for row in rows]
            found[f"validation_{name}"] = np.mean(values, axis=0)
            found[f"validation_weighted_{name}"] = np.average(values, axis=0, weights=sizes)
        return found

    def _evaluated(self, batch: Batch) -> Row:
        if self.kernel is None:
            return evaluate(self.model, [(self.task, batch)], self.noise)
        with torch.no_grad():
            return metrics(self.task, self.kernel.respond(self.model, self.task, batch), batch)


class FixedBatches(TrialSource):
    """A training set of one network in batches of fixed order, cut once; the last one may be smaller."""

    def __init__(self, task: Task, config: TrainingConfig, origins: Sequence[randomness.Origin], trials: Batch) -> None:
        super().__init__(task, config, origins)
        self.trials, self.batches, self._next = trials, cut(trials, config.batch_size), 0

    @property
    def updates_per_epoch(self) -> int:
        """Number of batches."""
        return len(self.batches)

    def batch(self) -> tuple[Task, Batch]:
        """Return the next batch, after the last one the first."""
        found = self.batches[self._next]
        self._next = (self._next + 1) % len(self.batches)
        return self.task, found

    def evaluations(self) -> Iterator[tuple[Task, Batch]]:
        """Yield the whole training set."""
        yield self.task, self.trials

    def select_members(self, indices: list[int]) -> None:
        """Do nothing: the only network stays."""

    def state(self) -> dict[str, Any]:
        """Return nothing: between two epochs the first batch is next."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Begin a pass."""
        self._next = 0


def cut(trials: Batch, size: int) -> list[Batch]:
    """Return trials in batches of ``size`` and a last one of what remains."""
    edges = range(0, len(trials), size)
    return [trials.take(torch.arange(first, min(first + size, len(trials)))[np.newaxis]) for first in edges]


def check_settings(settings: Settings, n_trials: int, train_size: float) -> None:
    """Refuse settings that do not fit the split of a pool of trials, or the published way of training.

    Raises
    ------
    ConfigurationError
        Naming the option, its value and what it should be.
    """
    training, task = settings.training, settings.get_task()
    assert isinstance(task, MemoryTask)
    expected = dict(zip(("n_trials", "validation_trials"), task.split_sizes(n_trials, train_size), strict=True))
    for name, value in expected.items():
        if getattr(training, name) != value:
            raise ConfigurationError(
                f"training.{name} = {getattr(training, name)}: expected {value}, which follows from nr_of_trials and "
                "train_size in trial_params"
            )
    fixed: Mapping[str, Any] = {"order": "fixed", "log": "during"}
    for name, value in fixed.items():
        if getattr(training, name) != value:
            raise ConfigurationError(
                f"training.{name} = '{getattr(training, name)}': expected {value}, as published programs train"
            )
    if settings.members != 1:
        raise ConfigurationError(f"members = {settings.members}: expected 1, every network has its own seed and trials")
