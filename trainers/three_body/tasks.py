"""Tasks of the three-body family: K-bit flip-flop and sine waves; gene circuits are in multifate.py."""

import dataclasses

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError
from ..config import positive
from ..task import Batch, Task, Trials, r_squared


@dataclasses.dataclass(frozen=True)
class FlipFlopConfig:
    """Options of the flip-flop: channels K, steps T, pulse probability per step and sign, step in seconds."""

    n_bits: int = positive(1)
    n_steps: int = positive(100)
    pulse_probability: float = positive(0.025)
    dt: float = positive(0.2)


class FlipFlop(Task):
    """K-bit flip-flop: each output holds the sign of the last pulse on its input.

    Every entry of the inputs is −1 or +1 with probability p each, else 0; at the first step every channel
    carries a pulse. The target is the value of the most recent pulse, the pulse step included.
    (Sussillo and Barak 2013; settings of the three-body study.)
    """

    name = "flip_flop"
    config_class = FlipFlopConfig
    config: FlipFlopConfig

    @property
    def n_inputs(self) -> int:
        """One channel per bit."""
        return self.config.n_bits

    @property
    def n_outputs(self) -> int:
        """One channel per bit."""
        return self.config.n_bits

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials; each also has a column ``n_pulses``, the pulses on all its channels."""
        config = self.config
        shape = (n_trials, config.n_steps, config.n_bits)
        uniform = generator.random(shape)
        pulses = (uniform > 1 - config.pulse_probability).astype(float)
        pulses -= uniform < config.pulse_probability
        forced = np.where(generator.random((n_trials, config.n_bits)) < 0.5, -1.0, 1.0)
        pulses[:, 0] = np.where(pulses[:, 0] == 0, forced, pulses[:, 0])
        columns = {"n_pulses": np.count_nonzero(pulses, axis=(1, 2))}
        return Trials(pulses, last_pulse(pulses), columns=columns)

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the share of steps and channels in which the output has the target's sign (chance ½)."""
        return (outputs.sign() == batch.targets.sign()).to(outputs.dtype).mean((-2, -1))


def last_pulse(pulses: np.ndarray) -> np.ndarray:
    """Return the most recent nonzero value along time of ``pulses`` (trial, time, channel)."""
    steps = np.arange(pulses.shape[1])[None, :, None]
    latest = np.maximum.accumulate(np.where(pulses != 0, steps, 0), axis=1)
    return np.take_along_axis(pulses, latest, axis=1)


@dataclasses.dataclass(frozen=True)
class SineConfig:
    """Options of the sine task: steps T and duration, which is divided into T − 1 steps."""

    n_steps: int = positive(100)
    duration: float = positive(5.0)

    def __post_init__(self) -> None:
        if self.n_steps < 2:
            raise ConfigurationError(f"task.n_steps = {self.n_steps}: a wave needs at least 2 steps")


class Sine(Task):
    """Sine waves: a constant input u in (0.04, 1) asks for sin(2π (0.4 u + 0.1) t) on t = 0 … duration."""

    name = "sine"
    config_class = SineConfig
    config: SineConfig

    @property
    def n_inputs(self) -> int:
        """One channel: the frequency."""
        return 1

    @property
    def n_outputs(self) -> int:
        """One channel: the wave."""
        return 1

    @property
    def dt(self) -> float:
        """Step in seconds."""
        return self.config.duration / (self.config.n_steps - 1)

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials; each also has a column ``frequency`` in Hz."""
        u = generator.uniform(0.04, 1.0, n_trials)
        frequency = 0.4 * u + 0.1
        t = np.linspace(0, self.config.duration, self.config.n_steps)
        inputs = np.repeat(u[:, None, None], self.config.n_steps, axis=1)
        targets = np.sin(2 * np.pi * frequency[:, None] * t)[..., None]
        return Trials(inputs, targets, columns={"frequency": (frequency, "Hz")})

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return R² of each trial: 1 − squared error / variance of the target (1 is perfect)."""
        return r_squared(outputs, batch)
