"""Tasks of the spiking family beside evidence accumulation (evidence.py): pattern generation and delayed match."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError
from ...results import Array
from .. import randomness
from ..config import positive, whole_steps
from ..task import Batch, Task, Trials, r_squared
from .cues import CueConfig, CueDecision, check_rate


@dataclasses.dataclass(frozen=True)
class DelayedMatchConfig(CueConfig):
    """Options of the delayed match, those of :class:`CueConfig` with its own durations; ``delay`` parts the cues."""

    cue_duration: float = positive(0.15)
    delay: float = positive(0.75)

    def periods(self) -> list[tuple[str, str]]:
        """Return cue, delay, cue, recall."""
        cue = "cue_duration"
        return [("cue_1", cue), ("delay", "delay"), ("cue_2", cue), ("recall", "recall_duration")]


class DelayedMatch(CueDecision):
    """Delayed match to sample: say whether two cues, each active or silent, are equal.

    Inputs: cue, recall and background, ten channels each; 1.2 s of 1 ms. Label 1 is equal. The four pairs of cues
    are balanced. The task is one of Liu et al., PNAS 118 (2021) e2111821118; rates, channels and the recall signal,
    which published code does not show, are ours and equal those of evidence accumulation.
    """

    name = "match"
    config_class = DelayedMatchConfig
    config: DelayedMatchConfig
    populations = ("cue", "recall", "background")
    cue_populations: ClassVar[Mapping[int, str]] = {1: "cue"}

    def columns(self, cues: Array) -> dict[str, Array]:
        """Return ``first`` and ``second`` (1 active, 0 silent) and ``label``."""
        first, second = cues.T
        return {"first": first, "second": second, "label": (first == second).astype(int)}


@dataclasses.dataclass(frozen=True)
class PatternConfig:
    """Options of pattern generation.

    Attributes
    ----------
    duration, dt : trial and step in seconds, a whole number of steps, at least two
    n_channels, input_rate : input channels and their Poisson rate in Hz
    frequencies : of the sinusoids in Hz, below half the sampling rate
    pattern_seed : seed of the input and of the target
    """

    duration: float = positive(1.0)
    n_channels: int = positive(40)
    input_rate: float = positive(10.0)
    frequencies: tuple[float, ...] = positive((0.5, 1.0, 2.0, 3.0, 4.0))
    pattern_seed: int = positive(0, zero=True)
    dt: float = positive(1e-3)

    def __post_init__(self) -> None:
        check_rate(self, "input_rate")
        if whole_steps(self, "duration") < 2:
            raise ConfigurationError(f"task.duration = {self.duration}: a pattern needs at least 2 steps")
        if not self.frequencies or max(self.frequencies) >= 0.5 / self.dt:
            raise ConfigurationError(
                f"task.frequencies = {self.frequencies}: expected at least one, all below {0.5 / self.dt:g} Hz"
            )


class PatternGeneration(Task):
    """Turn a frozen random input into a fixed wave: all trials of all draws are the same.

    Inputs are one sample of Poisson counts, uint8 (trial, time, input). The target (trial, time, 1) is a sum of
    sinusoids with amplitudes uniform in [0.5, 2] and uniform phases, divided by its largest absolute value. The task
    is one of Liu et al., PNAS 118 (2021) e2111821118; published code does not show it, so all its numbers are ours.
    """

    name = "pattern"
    config_class = PatternConfig
    config: PatternConfig

    def __init__(self, config: PatternConfig) -> None:
        super().__init__(config)
        n_steps = whole_steps(config, "duration")
        draws = randomness.generator(config.pattern_seed, "pattern input")
        counts = draws.poisson(config.input_rate * config.dt, (n_steps, config.n_channels))
        self.pattern = counts.astype(np.uint8)
        self.wave = wave(config, n_steps)

    @property
    def n_inputs(self) -> int:
        """Channels of the frozen input."""
        return self.config.n_channels

    @property
    def n_outputs(self) -> int:
        """One: the wave."""
        return 1

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the one trial ``n_trials`` times; the generator is left alone."""
        inputs = np.repeat(self.pattern[None], n_trials, axis=0)
        targets = np.repeat(self.wave[None, :, None], n_trials, axis=0)
        return Trials(inputs, targets)

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return R² of each trial: 1 − squared error / variance of the target (1 is perfect)."""
        return r_squared(outputs, batch)


def wave(config: PatternConfig, n_steps: int) -> Array:
    """Return the target, (time,), in [−1, 1]; its draws do not depend on the number of channels."""
    draws = randomness.generator(config.pattern_seed, "pattern target")
    amplitudes = draws.uniform(0.5, 2, len(config.frequencies))
    phases = draws.uniform(0, 2 * np.pi, len(config.frequencies))
    angles = 2 * np.pi * np.outer(config.dt * np.arange(n_steps), config.frequencies) + phases
    total = np.sin(angles) @ amplitudes
    result: Array = total / np.abs(total).max()
    return result
