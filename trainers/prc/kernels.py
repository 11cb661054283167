"""Causal kernels of linear-nonlinear subunits, as impulse responses and as recursive filters.

A kernel κ filters an input x by y[n] = Σ_k κ[k] x[n − k]. All kernels here but tables are sums of a few decaying
exponentials, so that the same y follows from a short recursion::

    y[n] = Σ_lag c_lag x[n − lag] + a_1 y[n − 1] + a_2 y[n − 2]

It is exact, also for a kernel that is cut off after a duration (two more lags subtract what decays beyond it), and
costs O(T) for T samples whatever the duration, where the sum over k costs O(T · duration). A table of K samples is its
own recursion, with K lags.

Times are in the unit of ``dt``; the demos of single cells use milliseconds, trained networks seconds.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from scipy import signal

from ...errors import InputError
from ...results import Array


@dataclasses.dataclass(frozen=True)
class Recursion:
    """The recursive form of a kernel: ``lags`` maps lag → c, ``feedback`` holds a_1 and, where there is one, a_2."""

    lags: Mapping[int, float]
    feedback: tuple[float, ...] = ()

    @property
    def least_lag(self) -> int:
        """Steps after which an input can first be felt."""
        return min(self.lags)

    def apply(self, x: Array) -> Array:
        """Return the filtered input, (…, time) → (…, time), from rest. O(T · number of lags)."""
        driven = np.zeros(x.shape, np.result_type(x, np.float64))
        for lag, coefficient in self.lags.items():
            if lag < x.shape[-1]:
                driven[..., lag:] += coefficient * x[..., : x.shape[-1] - lag]
        if not self.feedback:
            return driven
        result: Array = signal.lfilter([1.0], [1.0, *(-a for a in self.feedback)], driven, axis=-1)
        return result


class Kernel(Protocol):
    """A causal kernel."""

    def recursion(self, dt: float) -> Recursion:
        """Return the recursive form at a step of ``dt``."""
        ...

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return κ[0], …, κ[n_samples − 1], the plain definition that the recursion must agree with."""
        ...


@dataclasses.dataclass(frozen=True)
class Instantaneous:
    """The kernel that leaves its input as it is."""

    def recursion(self, dt: float) -> Recursion:
        """Return one lag, 0."""
        return Recursion({0: 1.0})

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return 1, 0, 0, …."""
        values = np.zeros(n_samples)
        values[:1] = 1
        return values


@dataclasses.dataclass(frozen=True)
class Exponential:
    """amplitude · e^{−t/τ}, sampled at 0, dt, 2 dt, … below ``duration``, and ``delay`` steps late.

    The published cells use five conventions; their names here are the classmethods and :class:`Lag`.

    Attributes
    ----------
    tau, duration : time constant and length; the length is infinite by default
    area : sum of the samples; None leaves the first one at 1, so that it is 1 / (1 − e^{−dt/τ}) without an end
    first : what takes the place of the first sample after that, if anything
    delay : steps by which the whole kernel is late
    """

    tau: float
    duration: float = math.inf
    area: float | None = 1.0
    first: float | None = None
    delay: int = 0

    def __post_init__(self) -> None:
        _check_positive("time constant", self.tau)
        _check_positive("duration", self.duration)

    @classmethod
    def normalized_without_first(cls, tau: float, duration: float, dt: float) -> "Exponential":
        """Return the kernel whose first sample is zero and whose others add up to 1."""
        return cls(tau, duration - dt, delay=1)

    @classmethod
    def normalized_then_without_first(cls, tau: float, duration: float) -> "Exponential":
        """Return the kernel that is divided by its sum and then loses its first sample; it adds up to less than 1."""
        return cls(tau, duration, first=0.0)

    @classmethod
    def normalized_one_step_late(cls, tau: float, duration: float) -> "Exponential":
        """Return the kernel that is divided by its sum and acts on the previous input."""
        return cls(tau, duration, delay=1)

    @classmethod
    def leaky_sum(cls, tau: float) -> "Exponential":
        """Return the kernel of y[n + 1] = d y[n] + x[n], d = e^{−dt/τ}."""
        return cls(tau, area=None, delay=1)

    def recursion(self, dt: float) -> Recursion:
        """Return at most four lags and one feedback."""
        d, length = math.exp(-dt / self.tau), _length(self.duration, dt)
        scale = self._scale(d, length)
        lags = {0: scale}
        if length is not None:
            lags[length] = -scale * d**length
        if self.first is not None:
            # A change of one sample is a filter of its own; (1 − d z) brings it under the common denominator.
            change = self.first - scale
            lags[0] += change
            lags[1] = lags.get(1, 0.0) - d * change
        return Recursion({lag + self.delay: value for lag, value in lags.items() if value}, (d,))

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the impulse response."""
        d, length = math.exp(-dt / self.tau), _length(self.duration, dt)
        values = self._scale(d, length) * np.exp(-dt / self.tau * np.arange(n_samples))
        if self.first is not None:
            values[:1] = self.first
        return _late(values, length, self.delay)

    def _scale(self, d: float, length: int | None) -> float:
        if self.area is None:
            return 1.0
        # expm1 keeps the digits that 1 − d loses where dt is much smaller than τ.
        rest = -math.expm1(math.log(d))
        return self.area * rest / (1.0 if length is None else -math.expm1(length * math.log(d)))


@dataclasses.dataclass(frozen=True)
class Alpha:
    """(t/τ) e^{1 − t/τ}: 0 at first, with its peak of 1 at t = τ; ``area`` scales it to that sum of the samples."""

    tau: float
    area: float | None = None

    def __post_init__(self) -> None:
        _check_positive("time constant", self.tau)

    def recursion(self, dt: float) -> Recursion:
        """Return one lag and two feedbacks, both of d: a double pole."""
        d = math.exp(-dt / self.tau)
        return Recursion({1: self._scale(dt) * d}, (2 * d, -d * d))

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the impulse response."""
        steps = np.arange(n_samples)
        values: Array = self._scale(dt) * steps * np.exp(-dt / self.tau * steps)
        return values

    def _scale(self, dt: float) -> float:
        """Return the factor of n dⁿ at sample n."""
        if self.area is None:
            return math.e * dt / self.tau
        d = math.exp(-dt / self.tau)
        return self.area * (1 - d) ** 2 / d


@dataclasses.dataclass(frozen=True)
class Difference:
    """e^{−t/τ_decay} − e^{−t/τ_rise}, 0 at first; ``area`` scales it to that sum of the samples."""

    tau_rise: float
    tau_decay: float
    area: float | None = None

    def __post_init__(self) -> None:
        _check_positive("rise time constant", self.tau_rise)
        if not self.tau_decay > self.tau_rise:
            raise InputError(f"decay time constant {self.tau_decay}: expected above that of the rise, {self.tau_rise}")

    def recursion(self, dt: float) -> Recursion:
        """Return one lag and two feedbacks."""
        slow, fast = math.exp(-dt / self.tau_decay), math.exp(-dt / self.tau_rise)
        return Recursion({1: self._scale(slow, fast) * (slow - fast)}, (slow + fast, -slow * fast))

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the impulse response."""
        steps = np.arange(n_samples)
        slow, fast = np.exp(-dt / self.tau_decay * steps), np.exp(-dt / self.tau_rise * steps)
        values: Array = self._scale(math.exp(-dt / self.tau_decay), math.exp(-dt / self.tau_rise)) * (slow - fast)
        return values

    def _scale(self, slow: float, fast: float) -> float:
        """Return the factor of slowⁿ − fastⁿ at sample n."""
        return 1.0 if self.area is None else self.area / (1 / (1 - slow) - 1 / (1 - fast))


@dataclasses.dataclass(frozen=True)
class Lag:
    """The first-order lag τ y' = x − y in continuous time, exact where x is linear between two samples."""

    tau: float

    def __post_init__(self) -> None:
        _check_positive("time constant", self.tau)

    def recursion(self, dt: float) -> Recursion:
        """Return two lags and one feedback."""
        d = math.exp(-dt / self.tau)
        mean = -math.expm1(-dt / self.tau) * self.tau / dt  # of e^{−t/τ} over one step
        return Recursion({0: 1 - mean, 1: mean - d}, (d,))

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the response to an input that rises from 0 to 1 and falls back within one step each."""
        d = math.exp(-dt / self.tau)
        mean = -math.expm1(-dt / self.tau) * self.tau / dt
        values: Array = mean * (1 - d) * np.exp(-dt / self.tau * (np.arange(n_samples) - 1))
        values[:1] = 1 - mean
        return values


@dataclasses.dataclass(frozen=True)
class Boxcar:
    """``height`` for ``duration``, then 0."""

    duration: float
    height: float = 1.0

    def __post_init__(self) -> None:
        _check_positive("duration", self.duration)

    def recursion(self, dt: float) -> Recursion:
        """Return two lags: a running sum."""
        length = _length(self.duration, dt)
        return Recursion({0: self.height} | ({} if length is None else {length: -self.height}), (1.0,))

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the impulse response."""
        return _late(np.full(n_samples, self.height), _length(self.duration, dt), 0)


@dataclasses.dataclass(frozen=True)
class Tabulated:
    """Any samples κ[0], κ[1], …, 0 beyond their end; costs O(T · samples)."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values or not np.isfinite(self.values).all() or not np.any(self.values):
            raise InputError("a tabulated kernel: expected finite samples that are not all zero")

    def recursion(self, dt: float) -> Recursion:
        """Return a lag per sample."""
        return Recursion({lag: value for lag, value in enumerate(self.values) if value})

    def samples(self, dt: float, n_samples: int) -> Array:
        """Return the table, cut or continued with zeros."""
        found = np.zeros(n_samples)
        kept = self.values[:n_samples]
        found[: len(kept)] = kept
        return found


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} {value}: expected above 0")


def _length(duration: float, dt: float) -> int | None:
    """Return the number of samples below ``duration``, None without an end."""
    # A duration of whole steps is not exactly so in binary: 100 / 0.1 must give 1000 samples, not 1001.
    return None if math.isinf(duration) else max(1, math.ceil(duration / dt - 1e-6))


def _late(values: Array, length: int | None, delay: int) -> Array:
    """Return samples cut after ``length`` and shifted by ``delay``, as many as before."""
    if length is not None:
        values = np.where(np.arange(len(values)) < length, values, 0.0)
    return np.concatenate([np.zeros(min(delay, len(values))), values[: max(len(values) - delay, 0)]])
