"""Stimuli of single cells. Times and steps are in milliseconds; every function returns samples at 0, dt, 2 dt, …."""

from collections.abc import Sequence

import numpy as np

from ...errors import InputError
from ...results import Array
from .kernels import Difference


def steps(durations: Sequence[float], values: Sequence[float], dt: float) -> Array:
    """Return constant pieces one after the other, as many whole steps of each as fit its duration.

    Raises
    ------
    InputError
        If there are not as many values as durations.
    """
    if len(durations) != len(values):
        raise InputError(f"steps: expected as many values as durations, found {len(values)} and {len(durations)}")
    return np.repeat(np.asarray(values, float), [int(duration / dt + 1e-6) for duration in durations])


def synaptic_pulse(
    amplitude: float, onset: float, duration: float, dt: float, *, tau_rise: float, tau_decay: float
) -> Array:
    """Return a pulse e^{−t/τ_decay} − e^{−t/τ_rise} whose largest sample is ``amplitude``, from ``onset`` on.

    The published pulses have int(duration / dt − ½) samples and begin at sample int(onset / dt − ½), where they are
    still 0: one sample less, and one earlier, than the times say.

    Raises
    ------
    InputError
        If the onset lies outside the stimulus.
    """
    n_samples, first = (max(int(time / dt - 0.5), 0) for time in (duration, onset))
    if not 0 <= first < n_samples:
        raise InputError(f"onset {onset:g} ms: expected within the stimulus of {duration:g} ms")
    shape = Difference(tau_rise, tau_decay).samples(dt, n_samples - first)
    return np.concatenate([np.zeros(first), amplitude * shape / shape.max(initial=np.finfo(float).tiny)])


def alpha_pulse(peak: float, tau: float, time: Array) -> Array:
    """Return peak (t/τ) e^{1 − t/τ} at the given times, with its peak at t = τ."""
    result: Array = peak * time / tau * np.exp(1 - time / tau)
    return result


def white_noise(mean: float, sigma: float, n_samples: int, dt: float, generator: np.random.Generator) -> Array:
    """Return Gaussian noise of standard deviation σ / √(dt in seconds): 100 for σ = 1 and steps of 0.1 ms."""
    noise: Array = generator.normal(mean, sigma / np.sqrt(dt / 1000), n_samples)
    return noise
