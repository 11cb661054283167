"""Stimulation protocols of single cells: settings that turn amplitudes into a trial each. Times are in milliseconds."""

import dataclasses
from typing import Protocol

import numpy as np

from ...errors import ConfigurationError
from ...results import Array
from ..config import positive
from . import stimuli


class Stimulus(Protocol):
    """The settings of a stimulus."""

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return input name → (trial, time), one trial per amplitude (trial,)."""
        ...


@dataclasses.dataclass(frozen=True)
class RectangularPulse:
    """``amplitude`` into the dendrite for ``length`` from ``onset`` on."""

    onset: float = positive(10.0, zero=True)
    length: float = positive(5.0)
    duration: float = positive(100.0)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return the dendritic input."""
        rest = self.duration - self.onset - self.length
        if rest < 0:
            raise ConfigurationError(
                f"duration {self.duration:g} ms: expected at least onset and length, {self.onset + self.length:g} ms"
            )
        return {"dendritic": _scaled(amplitudes, stimuli.steps((self.onset, self.length, rest), (0, 1, 0), dt))}


@dataclasses.dataclass(frozen=True)
class Noise:
    """Gaussian white noise into the dendrite, the same in all trials; amplitudes are the means."""

    sigma: float = positive(1.0, zero=True)
    duration: float = positive(5001.0)
    seed: int = positive(0, zero=True)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return the dendritic input."""
        n_samples = int(self.duration / dt + 1e-6)
        noise = stimuli.white_noise(0.0, self.sigma, n_samples, dt, np.random.default_rng(self.seed))
        return {"dendritic": amplitudes[:, None] + _scaled(np.ones(1), noise)}


@dataclasses.dataclass(frozen=True)
class AlphaPulse:
    """An alpha pulse with its peak at ``tau``, into soma and dendrite alike."""

    tau: float = positive(2.0)
    duration: float = positive(50.0)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return both inputs, from time 0 to the duration, both included."""
        time = dt * np.arange(int(self.duration / dt + 1e-6) + 1)
        pulse = _scaled(amplitudes, stimuli.alpha_pulse(1.0, self.tau, time))
        return {"somatic": pulse, "dendritic": pulse}


@dataclasses.dataclass(frozen=True)
class SynapticPulse:
    """A synaptic pulse into the dendrite."""

    onset: float = positive(20.0, zero=True)
    duration: float = positive(600.0)
    tau_rise: float = positive(0.1)
    tau_decay: float = positive(5.0)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return the dendritic input."""
        pulse = stimuli.synaptic_pulse(
            1.0, self.onset, self.duration, dt, tau_rise=self.tau_rise, tau_decay=self.tau_decay
        )
        return {"dendritic": _scaled(amplitudes, pulse)}


@dataclasses.dataclass(frozen=True)
class Steps:
    """Current into the soma, then into the dendrite, then into both: ``step`` each, with ``pause`` in between."""

    onset: float = positive(10.0, zero=True)
    step: float = positive(100.0)
    pause: float = positive(50.0, zero=True)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return both inputs."""
        durations = (self.onset, self.step, self.pause, self.step, self.pause, self.step)
        given = {"somatic": (0, 1, 0, 0, 0, 1), "dendritic": (0, 0, 0, 1, 0, 1)}
        return {name: _scaled(amplitudes, stimuli.steps(durations, on, dt)) for name, on in given.items()}


@dataclasses.dataclass(frozen=True)
class PairedPulses:
    """Synaptic pulses: one into the soma, and one of ``dendritic_amplitude`` into the dendrite, ``lag`` later."""

    onset: float = positive(10.0, zero=True)
    duration: float = positive(50.0)
    dendritic_amplitude: float = 3.0
    lag: float = 0.0
    tau_rise: float = positive(0.1)
    tau_decay: float = positive(20.0)

    def inputs(self, amplitudes: Array, dt: float) -> dict[str, Array]:
        """Return both inputs; amplitudes are those of the soma."""
        somatic, dendritic = (
            stimuli.synaptic_pulse(1.0, onset, self.duration, dt, tau_rise=self.tau_rise, tau_decay=self.tau_decay)
            for onset in (self.onset, self.onset + self.lag)
        )
        return {
            "somatic": _scaled(amplitudes, somatic),
            "dendritic": _scaled(np.full_like(amplitudes, self.dendritic_amplitude), dendritic),
        }


def _scaled(amplitudes: Array, shape: Array) -> Array:
    """Return amplitude · shape, (trial, time), refusing what has no samples."""
    if not shape.size:
        raise ConfigurationError("a stimulus shorter than one step: expected a longer one, or a smaller dt")
    return amplitudes[:, None] * shape
