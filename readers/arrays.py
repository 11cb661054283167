"""Named arrays, from a file of any kind, as a recording: which is the activity, and which of its axes is which."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError, InputError, unknown_name
from .aligned import Aligned, Spend, free
from .axes import STANDARD, infer_axes, parse_axes, standard_order
from .cells import count_cells, is_cells, squeezed, stack_cells
from .naming import folder, is_vector, last
from .placing import place
from .recording import Recording

Array = npt.NDArray[Any]

TIME_NAMES = ("time", "times", "t", "timestamps", "time_s")
SCALES = {"s": 1.0, "ms": 1e-3, "us": 1e-6}


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the user says of the arrays; None leaves it to the file.

    Attributes
    ----------
    activity, time
        Names of arrays.
    axes
        The axes of the activity: some of trial, time, unit.
    dt
        The sample interval, in ``time_unit``.
    time_unit
        Of ``dt`` and the sample times: s, ms or us.
    window, bin
        For cells of spike times.
    """

    activity: str | None = None
    axes: str | None = None
    time: str | None = None
    dt: float | None = None
    time_unit: str = "s"
    window: Any = None
    bin: float | None = None


def arrange(
    where: Any, values: Mapping[str, Any], wishes: Wishes, *, trust_order: bool, spend: Spend = free
) -> Recording:
    """Return the recording that named arrays make.

    Parameters
    ----------
    where
        The file, for messages.
    values
        Name → array, cells (arrays of objects) or a single value; a name may have parts (``data.rates``).
    wishes
        The user's options.
    trust_order
        Whether an ``activity`` of three axes is (trial, time, unit) when nothing is said of its axes. Otherwise the
        lengths of other arrays must say it.
    spend
        Called with the bytes that will be needed.

    Raises
    ------
    ArchiveError
        If there is no activity, or its axes or sample times are not known; the message says which option helps.
    InputError
        If the arrays make no recording.
    """
    rest = dict(values)
    name = _activity_name(where, rest, wishes.activity)
    value = rest.pop(name)
    stamps = _stamps(where, rest, wishes, np.shape(value))
    notes = [] if name == "activity" else [f"activity: {name}"]
    axes = parse_axes(wishes.axes) if wishes.axes else None
    if is_cells(value) and axes is not None and "time" not in axes:
        found = count_cells(value, axes, window=wishes.window, bin=wishes.bin, where=name, spend=spend)
        return _recording(found, rest, [*notes, f"{name}: spike times, {found.how}"], unit="spikes")
    lengths = None
    if axes is None:
        axes, how = _guessed(where, name, value, rest, stamps, trust_order=trust_order)
        notes += how
    else:
        notes.append(f"axes of {name}: {', '.join(axes)}, as declared")
    if is_cells(value):
        value, lengths = stack_cells(value, axes, name, spend)
    activity = standard_order(value, axes, name)
    time = _time(where, stamps, activity.shape[1])
    columns = {} if lengths is None else {"n_samples": lengths}
    if activity.dtype.kind in "biu" or (activity.dtype.kind == "f" and activity.dtype.itemsize not in (4, 8)):
        spend(8 * activity.size, name)
        activity = activity.astype(np.float64)
    return _recording(Aligned.at(activity, time, columns), rest, notes, axes)


def _recording(
    found: Aligned, rest: Mapping[str, Any], notes: list[str], axes: tuple[str, ...] = STANDARD, unit: str = ""
) -> Recording:
    fields = place(rest, found.values.shape, axes)
    fields["trials"] = {**fields["trials"], **found.columns}
    if notes:
        fields["attrs"] = {**fields["attrs"], "read_as": notes}
    return Recording(found.values, found.time, **fields, array_units={"activity": unit} if unit else {})


def _activity_name(where: Any, values: Mapping[str, Any], wanted: str | None) -> str:
    if wanted is not None:
        return _named(where, values, wanted)
    if "activity" in values:
        return "activity"
    named = [name for name in values if last(name) == "activity"]
    large = [name for name, value in values.items() if _may_be_activity(value)]
    most = max((np.ndim(values[name]) for name in large if not is_cells(values[name])), default=0)
    cells = [name for name in large if is_cells(values[name])] if most < 3 else []
    candidates = named or [*cells, *(name for name in large if name not in cells and np.ndim(values[name]) == most)]
    if len(candidates) != 1:
        shown = ", ".join(f"{name} {np.shape(values[name])}" for name in (candidates or list(values))[:12]) or "nothing"
        raise ArchiveError(
            f"{where}: found {shown}, expected an array 'activity' (trial, time, unit); give activity=NAME"
        )
    return candidates[0]


def _may_be_activity(value: Any) -> bool:
    if is_cells(value):
        return value.size > 0 and all(np.asarray(cell).dtype.kind in "biuf" for cell in value.flat)
    return (
        isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and sum(length > 1 for length in value.shape) > 1
    )


def _named(where: Any, values: Mapping[str, Any], wanted: str) -> str:
    """Return the full name of a value from it, or from its last part when that is unique."""
    found = [wanted] if wanted in values else [name for name in values if last(name) == wanted]
    if len(found) != 1:
        raise InputError(f"{where}: {unknown_name('array', wanted, values)}")
    return found[0]


def _stamps(where: Any, values: dict[str, Any], wishes: Wishes, shape: tuple[int, ...]) -> Array | float | None:
    """Take the sample times, or the sample interval, out of the values; in seconds.

    Of several arrays of times one of a length in ``shape`` goes first.
    """
    if wishes.time_unit not in SCALES:
        raise InputError(f"time_unit: {unknown_name('unit', wishes.time_unit, SCALES)}")
    scale = SCALES[wishes.time_unit]
    names = [name for name in values if last(name) in TIME_NAMES and is_vector(values[name])]
    names.sort(key=lambda name: np.size(values[name]) not in shape)
    if wishes.time is not None:
        names = [_named(where, values, wishes.time)]
    stored = next((name for name in values if last(name) == "dt" and np.size(values[name]) == 1), None)
    if names:
        if stored is not None:
            values.pop(stored)
        return scale * np.asarray(values.pop(names[0]), np.float64).ravel()
    if wishes.dt is not None:
        if stored is not None:
            values.pop(stored)
        return scale * float(wishes.dt)
    return None if stored is None else scale * float(np.ravel(values.pop(stored))[0])


def _time(where: Any, stamps: Array | float | None, n_samples: int) -> Array:
    if isinstance(stamps, np.ndarray):
        return stamps
    if n_samples == 1 and stamps is None:
        return np.zeros(1)
    if stamps is None or not stamps > 0:
        raise ArchiveError(f"{where}: found no sample times; give dt=… (seconds), or store 'time' or 'dt' in the file")
    return stamps * np.arange(n_samples)


def _guessed(
    where: Any, name: str, value: Array, rest: Mapping[str, Any], stamps: Any, *, trust_order: bool
) -> tuple[tuple[str, ...], list[str]]:
    shape = np.shape(value)
    if is_cells(value):
        inner = np.ndim(squeezed(np.asarray(value.flat[0])))
        raise ArchiveError(
            f"{where}: {name}: found {squeezed(value).shape} cells of arrays with {inner} axes; say what the axes are, "
            "those of the cells first: axes=trial,unit,time, or axes=unit,trial with window=… for spike times"
        )
    if trust_order and len(shape) == 3:
        return STANDARD, []
    n_samples = len(stamps) if isinstance(stamps, np.ndarray) else None
    found = None
    if len(shape) in (2, 3) and not isinstance(stamps, float):
        either = {np.size(other) for other in rest.values() if other is not value and is_vector(other)}
        of_units = {np.size(other) for key, other in rest.items() if folder(key) == "units" and is_vector(other)}
        of_trials = {np.size(other) for key, other in rest.items() if folder(key) == "trials" and is_vector(other)}
        found = infer_axes(
            shape, n_samples=n_samples, trial_lengths=of_trials or either - of_units, unit_lengths=of_units
        )
    if found is None:
        raise ArchiveError(
            f"{where}: {name}: found shape {shape}, expected (trial, time, unit); declare the order, for example "
            f"axes={'unit,time,trial' if len(shape) == 3 else 'trial,unit'}"
        )
    return found, [f"axes of {name}: {', '.join(found)}, from the lengths of the other arrays"]
