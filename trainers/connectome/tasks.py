"""Memory of numbers: replay a sequence, and compare the last number with the one n places earlier."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ...results import Array
from ..config import positive
from ..task import Batch, Trials
from .lags import NBackConfig, repeat_last
from .memory_task import MatchTask, MemoryConfig, MemoryTask

# Variance of the uniform numbers: the loss of answering ½ always.
UNIFORM_VARIANCE = 1 / 12


@dataclasses.dataclass(frozen=True)
class SequenceConfig(MemoryConfig):
    """Options of sequence memory: how many numbers P there are to replay, and the step in seconds."""

    pattern_length: int = positive(3)


class SequenceMemory(MemoryTask):
    """Keep P numbers, uniform in (0, 1), in mind and replay them in order after a cue.

    Inputs (trial, 2P + 1, 2): the cue at step P, and the numbers at steps 0 … P − 1. Targets (trial, 2P + 1, 1): the
    numbers at steps P + 1 … 2P, which are scored by their mean squared error. Answering ½ always costs 1/12.
    """

    name = "seq_mem"
    config_class = SequenceConfig
    config: SequenceConfig

    @property
    def n_inputs(self) -> int:
        """Cue and number."""
        return 2

    @property
    def n_outputs(self) -> int:
        """The number."""
        return 1

    @property
    def windows(self) -> Mapping[str, slice]:
        """P steps of numbers, one of the cue, P of the replay."""
        length = self.config.pattern_length
        return {
            "stimulus": slice(0, length),
            "cue": slice(length, length + 1),
            "response": slice(length + 1, 2 * length + 1),
        }

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials; columns ``value_1`` … ``value_P`` are their numbers."""
        values = generator.random((n_trials, self.config.pattern_length))
        inputs = np.zeros((n_trials, self.n_steps, self.n_inputs))
        inputs[:, self.windows["cue"], 0] = 1
        inputs[:, self.windows["stimulus"], 1] = values
        targets = np.zeros((n_trials, self.n_steps, 1))
        targets[:, self.windows["response"], 0] = values
        return Trials(
            inputs, targets, self.mask(n_trials), columns=numbered("value", values), epochs=self.seconds(self.windows)
        )

    def pool(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw ``n_trials`` trials: there is one kind."""
        return self.draw(n_trials, generator)

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return 1 − 12 · mean squared error of each trial: 1 is perfect, 0 what answering ½ always has on average.

        Its mean is the share of the variance of all numbers that is recalled. R² within a trial would depend on
        how much its few numbers happen to differ, and not exist for P = 1.
        """
        response = self.windows["response"]
        errors = (outputs[..., response, :] - batch.targets[..., response, :]).square()
        return 1 - errors.mean((-2, -1)) / UNIFORM_VARIANCE


class NBackMemory(MatchTask):
    """Say whether the last of L numbers, uniform in (0, 1), equals the one n places earlier.

    Inputs (trial, L + 1, 2): the cue at step L − 1, together with the last number, and the numbers. The answer is
    scored at step L.
    """

    name = "nback_mem"
    config_class = NBackConfig
    config: NBackConfig

    @property
    def n_inputs(self) -> int:
        """Cue and number."""
        return 2

    @property
    def windows(self) -> Mapping[str, slice]:
        """L − 1 steps of numbers, the last number with the cue, one step of the answer."""
        length = self.config.trial_length
        return {
            "stimulus": slice(0, length - 1),
            "cue": slice(length - 1, length),
            "response": slice(length, length + 1),
        }

    def trials_of(self, matching: Array, generator: np.random.Generator) -> Trials:
        """Draw trials with columns ``match``, ``lag`` (where else the last number is; 0: nowhere) and ``value_1`` …."""
        length = self.config.trial_length
        lags = self.config.draw_lags(matching, generator)
        values = repeat_last(generator.random((len(matching), length)), lags)
        inputs = np.zeros((len(matching), self.n_steps, self.n_inputs))
        inputs[:, self.windows["cue"], 0] = 1
        inputs[:, :length, 1] = values
        columns = {"match": matching, "lag": lags, **numbered("value", values)}
        return Trials(
            inputs, self.targets(matching), self.mask(len(matching)), columns=columns, epochs=self.seconds(self.windows)
        )


def numbered(name: str, values: Array) -> dict[str, Array]:
    """Return the columns of ``values`` (trial, place) as ``name_1``, ``name_2``, …."""
    return {f"{name}_{place + 1}": column for place, column in enumerate(values.T)}
