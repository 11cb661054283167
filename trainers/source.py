"""Where a training run's trials come from: a fixed set, drawn once, or fresh trials for every update."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from ..errors import ConfigurationError
from . import randomness
from .settings import TrainingConfig
from .task import Batch, Task, Trials


class TrialSource(ABC):
    """Batches for the networks of a run; each network has its own generators and so its own trials.

    A batch comes with the rule that its trials follow. The order of the rules is the run's: all its networks follow the
    same rule at a time, so that they train as one batch.

    Parameters
    ----------
    origins : seed and number of each network, from which its random numbers derive
    """

    def __init__(self, task: Task, config: TrainingConfig, origins: Sequence[randomness.Origin]) -> None:
        self.task, self.config, self.origins = task, config, list(origins)
        self.dtype = getattr(torch, config.dtype)

    @property
    @abstractmethod
    def updates_per_epoch(self) -> int:
        """Number of updates between two evaluations."""

    @abstractmethod
    def batch(self) -> tuple[Task, Batch]:
        """Return the next batch to train on, and the rule that it follows."""

    @abstractmethod
    def evaluations(self) -> Iterator[tuple[Task, Batch]]:
        """Yield each rule with the trials to evaluate it on."""

    @property
    def is_whole(self) -> bool:
        """Whether each update sees exactly the trials that evaluations see."""
        return False

    @abstractmethod
    def select_members(self, indices: list[int]) -> None:
        """Go on with some of the networks only."""

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Return what is needed to go on from here, between two epochs, as plain values."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""

    def drawn(self, task: Task, n_trials: int, generators: list[np.random.Generator]) -> tuple[Task, Batch]:
        """Return a rule and a batch of ``n_trials`` new trials of it for each network."""
        return task, self.stacked([task.draw(n_trials, generator) for generator in generators])

    def stacked(self, trials: list[Trials]) -> Batch:
        """Return the trials of each network as one batch."""
        return Batch.of(trials, dtype=self.dtype, device=self.config.device)

    def generators(self, name: str) -> list[np.random.Generator]:
        """Return one generator per network for the consumer ``name``."""
        return [randomness.generator(seed, name, member) for seed, member in self.origins]


class FixedTrials(TrialSource):
    """A training set drawn once; an epoch is one pass in shuffled order, the last batch possibly smaller."""

    def __init__(self, task: Task, config: TrainingConfig, origins: Sequence[randomness.Origin]) -> None:
        super().__init__(task, config, origins)
        if len(task.rules) > 1:
            raise ConfigurationError(
                f"training.n_trials = {config.n_trials}: the trials of the {len(task.rules)} rules of task {task.name} "
                "are drawn afresh; expected 0"
            )
        self.trials = self.stacked(
            [task.training_set(config.n_trials, generator) for generator in self.generators("trials")]
        )
        self._order_generators = self.generators("order")
        self._order = np.zeros((len(self.origins), 0), np.int64)

    @property
    def updates_per_epoch(self) -> int:
        """Number of batches in one pass."""
        return -(-self.config.n_trials // self.config.batch_size)

    @property
    def is_whole(self) -> bool:
        """Whether one batch is the whole training set; its order then does not matter."""
        return self.updates_per_epoch == 1

    def batch(self) -> tuple[Task, Batch]:
        """Return the next batch of the pass, beginning a new shuffled pass when the last one is over."""
        if self.is_whole:
            return self.task, self.trials
        if self._order.shape[1] == 0:
            self._order = np.stack([self._pass(generator) for generator in self._order_generators])
        now, self._order = np.split(self._order, [self.config.batch_size], axis=1)
        return self.task, self.trials.take(torch.as_tensor(now, device=self.config.device))

    def _pass(self, generator: np.random.Generator) -> np.ndarray:
        """Return the order of the trials in the next pass."""
        n_trials = self.config.n_trials
        return np.arange(n_trials) if self.config.order == "fixed" else generator.permutation(n_trials)

    def evaluations(self) -> Iterator[tuple[Task, Batch]]:
        """Yield the whole training set."""
        yield self.task, self.trials

    def select_members(self, indices: list[int]) -> None:
        """Go on with some of the networks only."""
        self.origins = [self.origins[i] for i in indices]
        self.trials = self.trials.select_members(indices)
        self._order_generators = [self._order_generators[i] for i in indices]
        self._order = self._order[indices]

    def state(self) -> dict[str, Any]:
        """Return the generators' states; between epochs no pass is under way."""
        return {"generators": [randomness.state_of(generator) for generator in self._order_generators]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        for generator, saved in zip(self._order_generators, state["generators"], strict=True):
            randomness.restore(generator, saved)


class FreshTrials(TrialSource):
    """New trials for every update and every evaluation; nothing is seen twice."""

    def __init__(self, task: Task, config: TrainingConfig, origins: Sequence[randomness.Origin]) -> None:
        super().__init__(task, config, origins)
        self._generators = {name: self.generators(name) for name in ("trials", "evaluation")}
        self._rules = list(task.rules.values())
        self._probabilities = list(task.rule_probabilities.values())
        self._choices = randomness.generator(self.origins[0][0], "rules")

    @property
    def updates_per_epoch(self) -> int:
        """Number of updates between two evaluations."""
        return self.config.updates_per_epoch

    def batch(self) -> tuple[Task, Batch]:
        """Choose a rule and draw a batch of it."""
        chosen = int(self._choices.choice(len(self._rules), p=self._probabilities))
        return self.drawn(self._rules[chosen], self.config.batch_size, self._generators["trials"])

    def evaluations(self) -> Iterator[tuple[Task, Batch]]:
        """Draw the trials of an evaluation, one rule after the other."""
        for rule in self._rules:
            yield self.drawn(rule, self.config.evaluation_trials, self._generators["evaluation"])

    def select_members(self, indices: list[int]) -> None:
        """Go on with some of the networks only."""
        self.origins = [self.origins[i] for i in indices]
        self._generators = {name: [made[i] for i in indices] for name, made in self._generators.items()}

    def state(self) -> dict[str, Any]:
        """Return the generators' states."""
        states = {name: [randomness.state_of(one) for one in made] for name, made in self._generators.items()}
        return {**states, "rules": randomness.state_of(self._choices)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        randomness.restore(self._choices, state["rules"])
        for name, made in self._generators.items():
            for generator, saved in zip(made, state[name], strict=True):
                randomness.restore(generator, saved)


def trial_source(task: Task, config: TrainingConfig, origins: Sequence[randomness.Origin]) -> TrialSource:
    """Return the source that the settings ask for: fixed when ``n_trials`` is above 0, else fresh."""
    cls = FixedTrials if config.n_trials else FreshTrials
    return cls(task, config, origins)
