"""A recording: the activity of a network or a brain, with everything an analysis needs to know about it."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from .. import results
from ..errors import InputError, unknown_name
from ..hdf5.lazy import LazyArray
from . import recording_checks as checks
from .selection import selected
from .table import Table

__all__ = ["Recording", "Table"]

Array = npt.NDArray[Any]
AnyArray: TypeAlias = Array | LazyArray


@dataclasses.dataclass(frozen=True, eq=False, init=False)
class Recording:
    """Activity on trials, with conditions, units, epochs and what else was recorded.

    Attributes
    ----------
    activity
        (trial, time, unit) float32 or float64: rates, voltages or spike counts. Missing values are NaN; a
        trial shorter than the others is padded with NaN and has its length in ``trials["n_samples"]``.
    time
        (time,) float64, seconds, strictly increasing.
    trials, units
        Named columns with one row for each trial and each unit.
    epochs
        Name → (start, stop) in seconds, shape (2,), or (trial, 2) where trials differ, with NaN for a trial
        that lacks the epoch. An epoch covers start ≤ t < stop.
    inputs, outputs, targets
        (trial, time, channel) or None. Outputs and targets have the same channels.
    mask
        (trial, time) or (trial, time, channel) or None: the weight of each sample in the loss.
    states
        Name → (trial, time, unit, …): further state variables. A third axis of another length than the units
        is the state's own (a latent trajectory of low rank, for example).
    attrs
        Free metadata: trials_seen, performance, rule, session, species …
    array_units
        The unit of an array by name, for example ``{"activity": "Hz", "states/voltage": "mV"}``.
    parameters
        Name → array: the parameters of the model at this checkpoint.

    Raises
    ------
    InputError
        If shapes disagree, a type cannot be used, time does not increase or an epoch lies outside it.
        Mappings given for ``trials`` and ``units`` become tables; arrays may be lazy.

    Examples
    --------
    >>> recording = Recording(np.zeros((2, 4, 3)), [0.0, 0.1, 0.2, 0.3], epochs={"delay": (0.1, 0.3)})
    >>> recording.n_trials, recording.epoch_slice("delay")
    (2, slice(1, 3, None))
    """

    activity: AnyArray
    time: Array
    trials: Table
    units: Table
    epochs: Mapping[str, Array]
    inputs: AnyArray | None
    outputs: AnyArray | None
    targets: AnyArray | None
    mask: AnyArray | None
    states: Mapping[str, AnyArray]
    attrs: Mapping[str, Any]
    array_units: Mapping[str, str]
    parameters: Mapping[str, AnyArray]

    def __init__(
        self,
        activity: Any,
        time: Any,
        *,
        trials: Mapping[str, Any] | None = None,
        units: Mapping[str, Any] | None = None,
        epochs: Mapping[str, Any] | None = None,
        inputs: Any = None,
        outputs: Any = None,
        targets: Any = None,
        mask: Any = None,
        states: Mapping[str, Any] | None = None,
        attrs: Mapping[str, Any] | None = None,
        array_units: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        put = object.__setattr__  # the dataclass is frozen
        activity = checks.activity(activity)
        n_trials, n_samples, n_units = activity.shape
        put(self, "activity", activity)
        put(self, "time", checks.time(time, n_samples))
        put(self, "trials", checks.table("trials", trials, n_trials, "trial"))
        put(self, "units", checks.table("units", units, n_units, "unit"))
        checks.n_samples(self.trials, n_samples)
        put(self, "epochs", checks.epochs(epochs or {}, self.time, n_trials))
        for name, value in {"inputs": inputs, "outputs": outputs, "targets": targets, "mask": mask}.items():
            put(self, name, checks.channels(name, value, (n_trials, n_samples)))
        checks.same_channels(self.outputs, self.targets, self.mask)
        put(self, "states", checks.states(states or {}, activity.shape))
        put(self, "attrs", checks.named("attrs", attrs or {}))
        put(self, "parameters", checks.parameters(parameters or {}))
        put(self, "array_units", self._checked_units(array_units or {}))

    def _checked_units(self, array_units: Mapping[str, str]) -> dict[str, str]:
        known = self.arrays()
        for name, unit in array_units.items():
            if name not in known:
                raise InputError(f"array_units: {unknown_name('array', name, known)}")
            if not isinstance(unit, str):
                raise InputError(f"array_units[{name!r}]: found {unit!r}, expected text such as 'Hz'")
        return dict(array_units)

    def __repr__(self) -> str:
        return f"Recording({self.n_trials} trials × {self.n_samples} samples × {self.n_units} units)"

    @property
    def n_trials(self) -> int:
        """The number of trials."""
        return int(self.activity.shape[0])

    @property
    def n_samples(self) -> int:
        """The number of time samples of the longest trial; :meth:`trial_lengths` has each trial's own."""
        return int(self.activity.shape[1])

    @property
    def n_units(self) -> int:
        """The number of units."""
        return int(self.activity.shape[2])

    def arrays(self) -> dict[str, AnyArray]:
        """Return the large arrays by name: activity, inputs …, ``states/<name>``, ``parameters/<name>``."""
        plain = {name: getattr(self, name) for name in ("activity", "inputs", "outputs", "targets", "mask")}
        found = {name: array for name, array in plain.items() if array is not None}
        found |= {f"states/{name}": array for name, array in self.states.items()}
        return found | {f"parameters/{name}": array for name, array in self.parameters.items()}

    def trial_lengths(self) -> Array:
        """Return (trial,) int64: the number of samples of each trial before the padding."""
        lengths = self.trials.get("n_samples", np.full(self.n_trials, self.n_samples))
        return np.asarray(lengths, np.int64)

    def epoch_slice(self, name: str) -> slice:
        """Return the samples of an epoch that is the same in all trials.

        Raises
        ------
        InputError
            If there is no such epoch, it covers no sample, or trials differ (use :meth:`epoch_mask`).
        """
        edges = self._edges(name)
        if edges.ndim == 2:
            if not np.all(edges == edges[0]):
                raise InputError(f"epoch {name!r} differs between trials; use epoch_mask({name!r})")
            edges = edges[0]
        return checks.samples_between(self.time, edges[0], edges[1], f"epoch {name!r}")

    def epoch_mask(self, name: str) -> Array:
        """Return (trial, time) bool: the samples of an epoch in each trial, none where a trial lacks it.

        Raises
        ------
        InputError
            If there is no such epoch.
        """
        edges = np.broadcast_to(self._edges(name), (self.n_trials, 2))
        tolerance = checks.rounding(self.time)
        after_start = self.time >= edges[:, :1] - tolerance  # (trial, time)
        return np.asarray(after_start & (self.time < edges[:, 1:] - tolerance))

    def _edges(self, name: str) -> Array:
        if name not in self.epochs:
            raise InputError(unknown_name("epoch", name, self.epochs))
        return self.epochs[name]

    def load(self) -> Self:
        """Return the recording with every array in memory, usable after its file is closed."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("activity", "inputs", "outputs", "targets", "mask"):
            fields[name] = None if fields[name] is None else np.asarray(fields[name])
        for name in ("states", "parameters"):
            fields[name] = {key: np.asarray(array) for key, array in fields[name].items()}
        return type(self)(**fields)

    def select(self, *, trials: Any = None, units: Any = None, time: tuple[float, float] | None = None) -> "Recording":
        """Return a recording of chosen trials, units and times, in memory.

        Parameters
        ----------
        trials, units
            A boolean mask, an integer array or a slice; None keeps all. ``parameters`` describe the whole
            network and are left out when units are chosen.
        time
            (start, stop) in seconds, start ≤ t < stop; epochs are cut to it.

        Raises
        ------
        InputError
            If nothing is left, a mask has the wrong length or an index is out of range.
        """
        return Recording(**selected(self, trials=trials, units=units, time=time))

    def digest(self) -> str:
        """Return the SHA-256 of all arrays and columns with their names: the ``input_digest`` of results."""
        named: dict[str, AnyArray] = {"time": self.time, **self.arrays()}
        named |= {f"trials/{name}": column for name, column in self.trials.items()}
        named |= {f"units/{name}": column for name, column in self.units.items()}
        named |= {f"epochs/{name}": edges for name, edges in self.epochs.items()}
        return results.digest_arrays(part for name in sorted(named) for part in (_bytes(name), _hashable(named[name])))


def _bytes(text: str) -> Array:
    return np.frombuffer(text.encode(), np.uint8)


def _hashable(array: AnyArray) -> Array:
    """Return text as one line each in UTF-8: the width of a text array is no content."""
    loaded = np.asarray(array)
    return _bytes("\n".join(loaded.tolist())) if loaded.dtype.kind == "U" else loaded
