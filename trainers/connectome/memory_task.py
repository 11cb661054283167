"""What all working-memory tasks of the family share: a cue, scored steps, and one pool of trials split in two."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError
from ...results import Array
from ..config import positive
from ..model import Trajectory
from ..task import Batch, Task, Trials, cross_entropy

FIXATION, NON_MATCH, MATCH = range(3)


@dataclasses.dataclass(frozen=True)
class MemoryConfig:
    """Options of every task of the family.

    Attributes
    ----------
    dt : step in seconds. The published tasks count steps; at the default an epoch in seconds reads as step numbers
    """

    dt: float = positive(1.0)


class MemoryTask(Task):
    """Task in which channel 0 of the inputs says when to answer and the others carry what is to be kept in mind.

    The mask (trial, time) is 1 at scored steps, where alone loss and performance look; targets are 0 elsewhere.

    Attributes
    ----------
    windows : epoch → its steps (``stimulus``, ``cue``, ``response``); the response is what is scored

    Source: Goulas, Damicelli and Hilgetag 2021, Neural Networks 142:608–618.
    """

    config: MemoryConfig
    #: trials in the pool for each one asked for: a task that has two kinds of trials makes that many of each
    kinds_of_trial: ClassVar[int] = 1

    @property
    @abstractmethod
    def windows(self) -> Mapping[str, slice]:
        """Steps of each epoch."""

    @abstractmethod
    def pool(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw the pool of an experiment: ``n_trials`` trials of each kind, one kind after the other."""

    @property
    def n_steps(self) -> int:
        """Steps of a trial."""
        stop: int = self.windows["response"].stop
        return stop

    def mask(self, n_trials: int) -> Array:
        """Return 1 at the scored steps, (trial, time) float32."""
        mask = np.zeros((n_trials, self.n_steps), np.float32)
        mask[:, self.windows["response"]] = 1
        return mask

    @classmethod
    def split_sizes(cls, n_trials: int, train_size: float) -> tuple[int, int]:
        """Return how many trials of the pool are for training and for validation.

        ``n_trials`` counts one kind of trial: 500 at 0.8 are (400, 100) where there is one kind, (800, 200) for two.

        Raises
        ------
        ConfigurationError
            If either would have no trial.
        """
        n_pool = cls.kinds_of_trial * n_trials
        # 0.29 · 100 is 28.999…96: a share that is meant to be whole stays whole.
        n_training = int(round(train_size * n_pool, 6)) if 0 < train_size < 1 else 0
        if not 0 < n_training < n_pool:
            raise ConfigurationError(
                f"train_size = {train_size}, nr_of_trials = {n_trials}: expected a share between 0 and 1 that leaves "
                f"trials for training and for validation, of {n_pool}"
            )
        return n_training, n_pool - n_training

    def split(self, n_trials: int, train_size: float, generator: np.random.Generator) -> tuple[Trials, Trials]:
        """Return training and validation trials of one pool, split at random by whole trial.

        Classes are not balanced within the parts: their counts differ by a few, as published. The order is random,
        so that fixed batches of the training trials are a shuffle made once.

        Raises
        ------
        ConfigurationError
            As :meth:`split_sizes`.
        """
        n_training, _ = self.split_sizes(n_trials, train_size)
        trials = self.pool(n_trials, generator)
        order = generator.permutation(len(trials))
        return take(trials, order[:n_training]), take(trials, order[n_training:])


class MatchTask(MemoryTask):
    """Task whose answer at one step is match or non-match; outputs are logits of fixation, non-match and match.

    Targets are one-hot, (trial, time, 3): fixation wherever nothing is scored. Chance is an accuracy of ½ and a loss
    of ln 2 = 0.693.
    """

    kinds_of_trial = 2

    @property
    def n_outputs(self) -> int:
        """Fixation, non-match, match."""
        return 3

    @abstractmethod
    def trials_of(self, matching: Array, generator: np.random.Generator) -> Trials:
        """Draw one trial for each entry of ``matching`` (trial,) bool."""

    def pool(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw ``n_trials`` matching trials, then as many non-matching ones."""
        return self.trials_of(np.repeat([True, False], n_trials), generator)

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials in random order, half of them matching (a coin decides about an odd one)."""
        odd = n_trials % 2 and generator.random() < 0.5
        matching = np.arange(n_trials) < n_trials // 2 + bool(odd)
        return self.trials_of(generator.permutation(matching), generator)

    def targets(self, matching: Array) -> Array:
        """Return the one-hot targets, (trial, time, 3) float32."""
        targets = np.zeros((len(matching), self.n_steps, self.n_outputs), np.float32)
        targets[..., FIXATION] = 1
        response = self.windows["response"]
        targets[:, response] = np.eye(self.n_outputs)[np.where(matching, MATCH, NON_MATCH)][:, np.newaxis]
        return targets

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the negative log-likelihood of the three classes, averaged over scored steps."""
        return {"task": cross_entropy(trajectory.outputs, batch)}

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return 1 for each trial in which the largest of the three outputs is the right one, else 0."""
        response = self.windows["response"]
        right = outputs[..., response, :].argmax(-1) == batch.targets[..., response, :].argmax(-1)
        return right.to(outputs.dtype).mean(-1)


def take(trials: Trials, rows: Array) -> Trials:
    """Return the trials of index ``rows``; epochs are those of the task, equal in all trials."""

    def column(value: Any) -> Any:
        return (np.asarray(value[0])[rows], value[1]) if isinstance(value, tuple) else np.asarray(value)[rows]

    return dataclasses.replace(
        trials,
        inputs=trials.inputs[rows],
        targets=trials.targets[rows],
        mask=None if trials.mask is None else trials.mask[rows],
        columns={name: column(value) for name, value in trials.columns.items()},
        scoring={name: array[rows] for name, array in trials.scoring.items()},
    )
