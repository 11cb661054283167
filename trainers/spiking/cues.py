"""Decisions about cues that arrive as Poisson spike counts: what these tasks share."""

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError
from ...results import Array
from ..config import positive, whole_steps
from ..model import Trajectory
from ..task import Batch, Task, Trials, cross_entropy, labels, one_hot

# Counts are bytes: with at most this many spikes expected per step and channel, one above 255 has probability < 1e-200.
MAX_EXPECTED_COUNT = 10


@dataclasses.dataclass(frozen=True)
class CueConfig(ABC):
    """Options of every task of cues: durations in seconds, each a whole number of steps, and rates in Hz.

    Attributes
    ----------
    cue_duration, delay, recall_duration : how long a cue, the silence and the recall signal last
    decision_duration : how long before the end of a trial its decision counts; None is the last step alone
    cue_rate, recall_rate, background_rate : Poisson rate of a channel while its population is active
    channels_per_population : input channels of each population
    clip_counts : make counts above 1 per step and channel 1, so that inputs are spikes
    dt : step
    """

    cue_duration: float = positive(0.1)
    delay: float = positive(0.85)
    recall_duration: float = positive(0.15)
    decision_duration: float | None = positive(None)
    cue_rate: float = positive(40.0, zero=True)
    recall_rate: float = positive(40.0, zero=True)
    background_rate: float = positive(10.0, zero=True)
    channels_per_population: int = positive(10)
    clip_counts: bool = False
    dt: float = positive(1e-3)

    def __post_init__(self) -> None:
        for name in ("cue_rate", "recall_rate", "background_rate"):
            check_rate(self, name)
        if self.decision_steps > self.windows()["recall"].stop:
            raise ConfigurationError(f"task.decision_duration = {self.decision_duration}: longer than the trial")

    @abstractmethod
    def periods(self) -> list[tuple[str, str]]:
        """Return (epoch, option that holds its duration) from the first step to the last; a gap's epoch is ''."""

    def windows(self) -> dict[str, slice]:
        """Return the steps of each epoch."""
        found, start = {}, 0
        for name, option in self.periods():
            stop = start + whole_steps(self, option)
            if name:
                found[name] = slice(start, stop)
            start = stop
        return found

    @property
    def decision_steps(self) -> int:
        """Number of steps, the last of a trial, that loss and performance look at."""
        return 1 if self.decision_duration is None else whole_steps(self, "decision_duration")


def check_rate(config: Any, option: str) -> None:
    """Refuse a rate at which a count in a step of ``config.dt`` could leave its byte."""
    rate = getattr(config, option)
    if rate * config.dt > MAX_EXPECTED_COUNT:
        raise ConfigurationError(
            f"task.{option} = {rate}: expected at most {MAX_EXPECTED_COUNT} spikes per step of {config.dt} s"
        )


class CueDecision(Task):
    """Two-way decision at the end of a trial about two-valued cues; a recall signal says when.

    Inputs are independent Poisson counts, uint8 (trial, time, input). A population of channels is active while its
    signal is on and silent otherwise, except for the background, which is always active. Targets are the one-hot
    label at every step; the mask is 1 at the steps of the decision.

    Attributes
    ----------
    windows, n_steps : epoch → its steps, and the steps of a trial
    cues : the steps of each cue
    channels : population → its input channels
    """

    config: CueConfig
    populations: ClassVar[tuple[str, ...]]
    cue_populations: ClassVar[Mapping[int, str]]  # value of a cue → the population that it activates, if any

    def __init__(self, config: CueConfig) -> None:
        super().__init__(config)
        size = config.channels_per_population
        self.windows = config.windows()
        self.n_steps: int = self.windows["recall"].stop
        self.cues = [steps for epoch, steps in self.windows.items() if epoch.startswith("cue_")]
        self.channels = {name: slice(i * size, (i + 1) * size) for i, name in enumerate(self.populations)}

    @abstractmethod
    def columns(self, cues: Array) -> dict[str, Array]:
        """Return the trial columns, ``label`` among them, of cues (trial, cue) of 0 and 1."""

    @property
    def n_inputs(self) -> int:
        """Channels of all populations."""
        return len(self.populations) * self.config.channels_per_population

    @property
    def n_outputs(self) -> int:
        """One logit per label."""
        return 2

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials whose cue patterns are balanced: see :func:`draw_patterns`."""
        cues = draw_patterns(n_trials, len(self.cues), generator)
        columns = self.columns(cues)
        mask = np.zeros((n_trials, self.n_steps), np.float32)
        mask[:, -self.config.decision_steps :] = 1
        return Trials(
            self._spike_counts(cues, generator),
            one_hot(columns["label"], self.n_steps, self.n_outputs),
            mask,
            columns=columns,
            epochs=self.seconds(self.windows),
        )

    def _spike_counts(self, cues: Array, generator: np.random.Generator) -> Array:
        config = self.config
        counts = np.zeros((len(cues), self.n_steps, self.n_inputs), np.uint8)

        def activate(population: str, trials: Array, steps: slice, rate: float) -> None:
            add_poisson_counts(counts, trials, steps, self.channels[population], rate * self.dt, generator)

        for cue, steps in enumerate(self.cues):
            for value, population in self.cue_populations.items():
                activate(population, np.flatnonzero(cues[:, cue] == value), steps, config.cue_rate)
        every_trial = np.arange(len(cues))
        activate("recall", every_trial, self.windows["recall"], config.recall_rate)
        activate("background", every_trial, slice(0, self.n_steps), config.background_rate)
        return np.minimum(counts, 1, out=counts) if config.clip_counts else counts

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the cross-entropy of the labels at the steps of the decision."""
        return {"task": cross_entropy(trajectory.outputs, batch)}

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return 1 for each trial whose mean logits over the steps of the decision favour the label, else 0."""
        weighted = outputs if batch.mask is None else outputs * batch.mask.unsqueeze(-1)
        chosen = weighted.sum(-2).argmax(-1)
        return (chosen == labels(batch)).to(outputs.dtype)


def draw_patterns(n_trials: int, n_bits: int, generator: np.random.Generator) -> Array:
    """Draw patterns of bits, (trial, bit), most significant bit first.

    Trials go through random orders of all 2^bits patterns, one order after the other, so that no pattern comes twice
    before every other has come. (The published draw equals this for 7 cues and is less even for fewer.)
    """
    n_patterns = 2**n_bits
    rounds = -(-n_trials // n_patterns)
    orders = generator.permuted(np.tile(np.arange(n_patterns), (rounds, 1)), axis=1)
    numbers = orders.reshape(-1)[:n_trials]
    bits: Array = numbers[:, None] >> np.arange(n_bits)[::-1] & 1
    return bits


def add_poisson_counts(
    counts: Array, trials: Array, steps: slice, channels: slice, mean: float, generator: np.random.Generator
) -> None:
    """Add independent Poisson counts of mean ``mean`` to a block of ``counts`` (trial, time, channel), in place.

    One total is drawn for the block of all ``trials``, ``steps`` and ``channels``, and a uniform place for every
    spike. By the splitting property of the Poisson process this is exact, and it costs one draw per spike instead of
    one per bin.
    """
    shape = (len(trials), steps.stop - steps.start, channels.stop - channels.start)
    n_bins = math.prod(shape)
    if n_bins == 0:
        return
    trial, step, channel = np.unravel_index(generator.integers(n_bins, size=generator.poisson(mean * n_bins)), shape)
    index = np.ravel_multi_index((trials[trial], steps.start + step, channels.start + channel), counts.shape)
    np.add.at(counts.reshape(-1), index, np.uint8(1))
