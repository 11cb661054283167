"""The sodium neuron of figure 4 in closed form: exact at any time, without steps, for thousands of cells at once.

All lags have unit gain, S is the back-propagating action potential, and nothing of the dendrite reaches the soma::

    u(t)             = P (t / τ) e^{1 − t / τ}                        stimulus, the same for soma and dendrite
    τ_soma V_s'      = u − V_s
    S(t)             = H for a duration w after V_s reaches θ, else 0
    τ_membrane V_d'  = u + S − V_d          τ_sodium x' = u + S − x
    dendrite         = V_d + G / (1 + e^{−(x − threshold) / width})

Lags of u and of the pulse are written down; the one number to be searched for is the time of the somatic spike. The
stimulus has one maximum, hence V_s too, and the spike lies before it.

Source: Harkin et al., Neuroscience 489:200 (2022), figure 4; :func:`dynascope.trainers.prc.cells.sodium` is the same
neuron in steps.
"""

import dataclasses
import math
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from scipy import optimize, special

from ...errors import InputError, unknown_name
from ...results import Array
from .stimuli import alpha_pulse

CHANNELS = ("sodium", "bap")
# Numbers of one block of times: large enough for NumPy, small enough for the processor's cache.
_BLOCK = 2**17
_HALVINGS = 60


@dataclasses.dataclass(frozen=True)
class Maximum:
    """Largest value of a trace and when it is reached, (…,) each."""

    value: Array
    time: Array


@dataclasses.dataclass(frozen=True, eq=False)
class BackPropagatingNeuron:
    """Cells of figure 4, each under its own alpha pulse. Times are in milliseconds.

    The first eight are numbers or arrays that broadcast to the batch, (…,): sweep a parameter along an axis of its own,
    such as (61, 1, 1), and what does not depend on the others is computed once.

    Attributes
    ----------
    peak : P, height of the stimulus
    threshold, width, gain : of the sodium conductance
    soma_threshold : θ
    pulse_height, pulse_duration : H and w
    coupling : factor on S on its way into the dendrite, 0 where the BAP is blocked
    tau_stimulus, tau_soma, tau_membrane, tau_sodium : one number each

    Raises
    ------
    InputError
        If a number is not finite, a width, a somatic threshold, a duration or a time constant is not above 0, or
        shapes do not go together.
    """

    peak: Any
    threshold: Any = 1.9
    width: Any = 0.3
    gain: Any = 3.0
    soma_threshold: Any = 0.19
    pulse_height: Any = 2.0
    pulse_duration: Any = 1.0
    coupling: Any = 1.0
    tau_stimulus: float = 2.0
    tau_soma: float = 40.0
    tau_membrane: float = 20.0
    tau_sodium: float = 2.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            values = np.asarray(getattr(self, field.name), float)
            if not np.isfinite(values).all():
                raise InputError(f"{field.name}: expected finite numbers")
            if field.name in _ABOVE_ZERO and not (values > 0).all():
                raise InputError(f"{field.name} {values.min():g}: expected above 0")
            if field.name not in _BATCHED and values.ndim:
                raise InputError(f"{field.name}: expected one number, found an array of shape {values.shape}")
            object.__setattr__(self, field.name, values if field.name in _BATCHED else float(values))
        try:
            _ = self.shape
        except ValueError:
            shapes = ", ".join(f"{name} {getattr(self, name).shape}" for name in _BATCHED)
            raise InputError(f"expected shapes that broadcast, found {shapes}") from None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the batch."""
        return np.broadcast_shapes(*(getattr(self, name).shape for name in _BATCHED))

    def blocked(self, channels: Iterable[str]) -> "BackPropagatingNeuron":
        """Return the neuron without its sodium conductance ("sodium"), or without a BAP in the dendrite ("bap").

        Raises
        ------
        InputError
            If there is no such channel.
        """
        changes = {"sodium": {"gain": 0.0}, "bap": {"coupling": 0.0}}
        found = self
        for channel in channels:
            if channel not in changes:
                raise InputError(unknown_name("channel to block", channel, CHANNELS))
            found = dataclasses.replace(found, **changes[channel])
        return found

    @property
    def rest(self) -> Array:
        """Value of the dendrite before the stimulus, (…,); not 0."""
        return np.broadcast_to(self._conductance(np.zeros(1))[..., 0], self.shape)

    @cached_property
    def soma_maximum(self) -> tuple[float, float]:
        """Largest value of V_s for P = 1, and its time."""

        def slope(t: float) -> float:
            return float(alpha_pulse(1.0, self.tau_stimulus, np.array(t)) - self._lag(self.tau_soma, np.array(t)))

        # V_s peaks where the falling stimulus meets it, which is some time after the stimulus's own peak.
        late = 2 * self.tau_stimulus
        while slope(late) >= 0:
            late *= 2
        when = optimize.brentq(slope, self.tau_stimulus, late, xtol=1e-14, rtol=1e-15)
        return float(self._lag(self.tau_soma, np.array(when))), float(when)

    @property
    def least_peak(self) -> Array:
        """Weakest stimulus with a somatic spike, at each somatic threshold; V_s then only touches the threshold."""
        return np.asarray(self.soma_threshold / self.soma_maximum[0])

    @property
    def spike_times(self) -> Array:
        """Time of the somatic spike, (…,), infinite where there is none."""
        return np.broadcast_to(self._onset, self.shape)

    def traces(self, time: Any) -> dict[str, Array]:
        """Return the state at any times; those before 0 are at rest.

        Parameters
        ----------
        time : (time,), in any order

        Returns
        -------
        dict
            (…, time) each, named as the subunits of :func:`~dynascope.trainers.prc.cells.sodium`: ``soma`` (V_s),
            ``spike`` (S), ``membrane`` (V_d), ``sodium`` (conductance), ``sodium_drive`` (x), ``dendrite``.

        Raises
        ------
        InputError
            If times are not one axis of finite numbers.
        """
        times = np.asarray(time, float)
        if times.ndim != 1 or not np.isfinite(times).all():
            raise InputError(f"time: expected finite numbers along one axis, found an array of shape {times.shape}")
        membrane, drive = self._dendritic(times)
        sodium = self._conductance(drive)
        found = {
            "soma": _column(self.peak) * self._lag(self.tau_soma, times), "spike": self._pulse(times),
            "membrane": membrane, "sodium": sodium, "sodium_drive": drive, "dendrite": membrane + sodium,
        }  # fmt: skip
        return {name: np.broadcast_to(trace, (*self.shape, len(times))) for name, trace in found.items()}

    def maximum(self, time: Any, *, refined: bool = False) -> Maximum:
        """Return the maximum of the dendrite, without ever holding all its traces.

        Costs one exponential per cell and time; lags are computed once for all cells that share them.

        Parameters
        ----------
        time : ascending samples among which the largest is found
        refined : go on from there to the maximum between its neighbours in continuous time, also where that is a kink,
            the end of a pulse
        """
        times = np.asarray(time, float)
        if times.ndim != 1 or not len(times) or not (np.diff(times) > 0).all():
            raise InputError("time: expected at least one sample, ascending")
        best, at = np.full(self.shape, -np.inf), np.zeros(self.shape, int)
        length = max(1, _BLOCK // max(1, best.size))
        for start in range(0, len(times), length):
            dendrite = self._dendrite(times[start : start + length])
            own = dendrite.argmax(axis=-1)
            value = np.take_along_axis(dendrite, own[..., None], -1)[..., 0]
            higher = value > best
            best, at = np.where(higher, value, best), np.where(higher, start + own, at)
        if not refined:
            return Maximum(best, times[at])
        # Bisection for where the slope stops being positive: a kink will do as well as a smooth maximum.
        low, high = times[np.maximum(at - 1, 0)][..., None], times[np.minimum(at + 1, len(times) - 1)][..., None]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            rising = self._slope(middle) > 0
            low, high = np.where(rising, middle, low), np.where(rising, high, middle)
        value = self._dendrite(low)[..., 0]
        return Maximum(np.maximum(value, best), np.where(value >= best, low[..., 0], times[at]))

    def open_share(self, time: Any) -> Array:
        """Return the share of the sodium conductance that is open, (…,), at one time per cell; 0 where blocked."""
        _, drive = self._dendritic(np.asarray(time, float)[..., None])
        return np.where(self.gain == 0, 0.0, self._open_share(drive)[..., 0])

    # Times below are (time,) or (…, time); parameters become (…, 1).

    @cached_property
    def _onset(self) -> Array:
        """Time of the spike in the shape of peak and somatic threshold alone, by bisection to the last bit."""
        peak, level = np.broadcast_arrays(self.peak, self.soma_threshold)
        height, when = self.soma_maximum
        spikes = peak * height >= level
        low, high = np.zeros(peak.shape), np.full(peak.shape, when)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = peak * self._lag(self.tau_soma, middle) < level
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return np.where(spikes, high, np.inf)

    def _lag(self, tau: float, t: Array) -> Array:
        """Return the lag of the stimulus of P = 1: (e / τ_u)(t² / τ) e^{−t / τ_u} φ(w), w = (1 / τ_u − 1 / τ) t."""
        t = np.maximum(t, 0.0)
        a, b = 1 / self.tau_stimulus, 1 / tau
        w = (a - b) * t
        near = np.abs(w) < 0.5
        # φ(w) = (e^w − 1 − w) / w² as its series where that loses digits, notably at τ = τ_u, where w = 0. Elsewhere
        # e^{−t / τ_u} goes inside, since e^w alone may overflow.
        series = np.exp(-a * t) * np.polynomial.polynomial.polyval(np.where(near, w, 0.0), _PHI)
        direct = (np.exp(-b * t) - np.exp(-a * t) * (1 + w)) / np.where(near, 1.0, w) ** 2
        result: Array = math.e * a * b * t**2 * np.where(near, series, direct)
        return result

    def _pulse(self, t: Array) -> Array:
        since = t - _column(self._onset)
        result: Array = _column(self.pulse_height) * ((since >= 0) & (since <= _column(self.pulse_duration)))
        return result

    def _pulse_lag(self, tau: float, t: Array) -> Array:
        since = np.maximum(t - _column(self._onset), 0.0)
        within = np.minimum(since, _column(self.pulse_duration))
        result: Array = -_column(self.pulse_height) * np.expm1(-within / tau) * np.exp((within - since) / tau)
        return result

    def _dendritic(self, t: Array) -> tuple[Array, Array]:
        """Return the passive membrane V_d and the drive x of the conductance."""
        membrane, drive = (
            _column(self.peak) * self._lag(tau, t) + _column(self.coupling) * self._pulse_lag(tau, t)
            for tau in (self.tau_membrane, self.tau_sodium)
        )
        return membrane, drive

    def _open_share(self, drive: Array) -> Array:
        result: Array = special.expit((drive - _column(self.threshold)) / _column(self.width))
        return result

    def _conductance(self, drive: Array) -> Array:
        return np.asarray(_column(self.gain) * self._open_share(drive))

    def _dendrite(self, t: Array) -> Array:
        membrane, drive = self._dendritic(t)
        return np.asarray(membrane + self._conductance(drive))

    def _slope(self, t: Array) -> Array:
        """Return the derivative of the dendrite, after the jump where it has one."""
        membrane, drive = self._dendritic(t)
        since = t - _column(self._onset)
        pulse = _column(self.pulse_height) * ((since >= 0) & (since < _column(self.pulse_duration)))
        stimulus = _column(self.peak) * alpha_pulse(1.0, self.tau_stimulus, np.maximum(t, 0.0))
        arriving = stimulus + _column(self.coupling) * pulse
        share = self._open_share(drive)
        steepness = _column(self.gain) / _column(self.width) * share * (1 - share)
        result: Array = (arriving - membrane) / self.tau_membrane + steepness * (arriving - drive) / self.tau_sodium
        return result


_BATCHED = tuple(field.name for field in dataclasses.fields(BackPropagatingNeuron) if not field.name.startswith("tau_"))
_ABOVE_ZERO = (
    "width", "soma_threshold", "pulse_duration", "tau_stimulus", "tau_soma", "tau_membrane", "tau_sodium",
)  # fmt: skip
# Taylor coefficients of (e^w − 1 − w) / w²; the rest is below 1e-16 for |w| < 0.5.
_PHI = np.array([1 / math.factorial(order + 2) for order in range(14)])


def _column(values: Array) -> Array:
    """Give parameters (…,) an axis for times."""
    return np.asarray(values)[..., None]
