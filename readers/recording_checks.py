"""The checks of a recording: each returns the value in its final form or refuses it in one sentence."""

from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..hdf5.lazy import LazyArray
from ..hdf5.nodes import checked_name
from ..hdf5.values import stored_type
from .table import Table

Array = npt.NDArray[Any]

# An epoch may begin with the first sample or one step before it, and end one step after the last.
_SLACK_STEPS = 1.5


def array(name: str, value: Any) -> Any:
    """Return ``value`` as a NumPy array of a type that can be stored, or as it is when it is lazy."""
    if isinstance(value, np.ma.MaskedArray):
        raise InputError(f"{name}: found a masked array, expected NaN for missing values; use .filled(np.nan)")
    if not isinstance(value, (LazyArray, h5py.Dataset)):
        value = np.asarray(value)
    if getattr(value.dtype, "kind", "") == "U":
        raise InputError(f"{name}: found text, expected numbers or booleans")
    stored_type(value.dtype, name)
    if 0 in value.shape:
        raise InputError(f"{name}: found shape {tuple(value.shape)}, expected no empty axis")
    return value


def activity(value: Any) -> Any:
    """Return the activity: (trial, time, unit), float32 or float64."""
    value = array("activity", value)
    if len(value.shape) != 3:
        raise InputError(f"activity: found shape {tuple(value.shape)}, expected three axes (trial, time, unit)")
    if value.dtype.kind != "f":
        raise InputError(
            f"activity: found the type {value.dtype}, expected float32 or float64; use .astype(np.float32)"
        )
    return value


def time(value: Any, n_samples: int) -> Array:
    """Return the sample times: (time,), finite and strictly increasing seconds."""
    try:
        times = np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"time: expected numbers in seconds; {error}") from error
    if times.shape != (n_samples,):
        raise InputError(f"time: found shape {times.shape}, expected ({n_samples},), one for each sample of activity")
    for problem, bad in (
        ("not finite", ~np.isfinite(times)),
        ("not after the one before", np.diff(times) <= 0),
    ):
        if bad.any():
            index = int(np.argmax(bad)) + (len(bad) < n_samples)
            raise InputError(f"time: sample {index} is {times[index]}, {problem}; expected increasing seconds")
    times.flags.writeable = False
    return times


def table(name: str, columns: Mapping[str, Any] | None, n_rows: int, dim: str) -> Table:
    """Return a table with ``n_rows`` rows, or with no columns."""
    try:
        made = columns if isinstance(columns, Table) else Table(columns)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    if len(made) and made.n_rows != n_rows:
        raise InputError(f"{name}: found {made.n_rows} rows, expected {n_rows} as in activity")
    if dim in made:
        raise InputError(f"{name}: a column cannot be called {dim!r}, the name of its axis; call it {dim}_id")
    return made


def n_samples(trials: Table, longest: int) -> None:
    """Refuse trial lengths that are not whole numbers from 0 to the number of samples."""
    if "n_samples" not in trials:
        return
    lengths = trials["n_samples"]
    if lengths.dtype.kind not in "iu":
        raise InputError(f"trials['n_samples']: found the type {lengths.dtype}, expected whole numbers")
    bad = (lengths < 0) | (lengths > longest)
    if bad.any():
        index = int(np.argmax(bad))
        raise InputError(f"trials['n_samples']: row {index} is {lengths[index]}, expected 0 to {longest}")


def epochs(given: Mapping[str, Any], times: Array, n_trials: int) -> dict[str, Array]:
    """Return each epoch as float64 seconds, (2,) or (trial, 2)."""
    slack = _SLACK_STEPS * float(np.diff(times).max()) if len(times) > 1 else np.inf
    return {name: _epoch(name, value, n_trials, (times[0] - slack, times[-1] + slack)) for name, value in given.items()}


def _epoch(name: str, value: Any, n_trials: int, allowed: tuple[float, float]) -> Array:
    checked_name(name, "epochs")
    try:
        edges = np.array(value, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"epochs[{name!r}]: expected (start, stop) in seconds; {error}") from error
    if edges.shape not in ((2,), (n_trials, 2)):
        raise InputError(
            f"epochs[{name!r}]: found shape {edges.shape}, "
            f"expected (start, stop) or one pair for each of {n_trials} trials"
        )
    rows = np.atleast_2d(edges)
    missing = np.isnan(rows).all(axis=1) & (edges.ndim == 2)
    within = (rows[:, 0] <= rows[:, 1]) & (rows[:, 0] >= allowed[0]) & (rows[:, 1] <= allowed[1])
    if not (missing | within).all():
        index = int(np.argmin(missing | within))
        start, stop = rows[index]
        raise InputError(
            f"epochs[{name!r}]: found start {start} and stop {stop} (row {index}), expected start ≤ stop "
            f"between {allowed[0]:g} and {allowed[1]:g} s"
        )
    edges.flags.writeable = False
    return edges


def channels(name: str, value: Any, expected: tuple[int, int]) -> Any:
    """Return None or an array (trial, time, channel); a mask may lack the channel axis."""
    if value is None:
        return None
    value = array(name, value)
    n_axes = (2, 3) if name == "mask" else (3,)
    if len(value.shape) not in n_axes or tuple(value.shape[:2]) != expected:
        raise InputError(
            f"{name}: found shape {tuple(value.shape)}, "
            f"expected ({expected[0]}, {expected[1]}, channel) as activity has"
        )
    return value


def same_channels(outputs: Any, targets: Any, mask: Any) -> None:
    """Refuse outputs, targets and mask whose channels differ."""
    found = {"outputs": outputs, "targets": targets, "mask": mask}
    counts = {name: value.shape[2] for name, value in found.items() if value is not None and len(value.shape) == 3}
    if len(set(counts.values())) > 1:
        described = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise InputError(
            f"found different numbers of channels ({described}), expected one number; a class label belongs to trials"
        )


def states(given: Mapping[str, Any], expected: tuple[int, ...]) -> dict[str, Any]:
    """Return the states: name → (trial, time, unit, …), or (trial, time, …) along axes of their own."""
    found = {}
    for name, value in given.items():
        checked_name(name, "states")
        if name in ("trial", "time", "unit"):
            raise InputError(f"states: {name!r} is the name of an axis; choose another")
        found[name] = value = array(f"states[{name!r}]", value)
        if len(value.shape) < 3 or tuple(value.shape[:2]) != tuple(expected[:2]):
            raise InputError(
                f"states[{name!r}]: found shape {tuple(value.shape)}, "
                f"expected ({expected[0]}, {expected[1]}, …) as activity has, and further axes"
            )
    return found


def parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters: name → array of numbers."""
    return {checked_name(name, "parameters"): array(f"parameters[{name!r}]", value) for name, value in given.items()}


def named(where: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of free metadata whose names can be stored."""
    for name in given:
        checked_name(name, where)
        if name.startswith("_") or name.startswith("encoding-"):
            raise InputError(f"{where}: the name {name!r} is used by the file format; choose another")
    return dict(given)


def rounding(times: Array) -> float:
    """Return the time that counts as none: a millionth of a step, so that 0.1 + 0.2 is 0.3."""
    return 1e-6 * float(np.diff(times).min()) if len(times) > 1 else 0.0


def samples_between(times: Array, start: float, stop: float, what: str) -> slice:
    """Return the samples with start ≤ t < stop; refuses when there are none."""
    first, last = np.searchsorted(times, np.array([start, stop]) - rounding(times))
    if last <= first:
        raise InputError(
            f"{what}: no sample lies in {start:g} ≤ t < {stop:g} s; times go from {times[0]:g} to {times[-1]:g} s"
        )
    return slice(int(first), int(last))
