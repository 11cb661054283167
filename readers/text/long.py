"""A long table, one row for each value or spike, as a recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ..aligned import Spend
from ..alignment import DEFAULT_BIN
from ..arrays import SCALES
from ..counts import bin_edges, place_in_bins
from ..events import trial_lengths
from ..naming import clean
from ..recording import Recording

Array = npt.NDArray[Any]

_VALUES = ("value", "rate", "activity", "count", "spikes")


def long_recording(
    path: Path,
    columns: dict[str, Array],
    names: Mapping[str, str | None],
    *,
    time_unit: str,
    window: Any,
    bin: float | None,
    spend: Spend,
) -> Recording:
    """Return the recording in the columns of a long table; see :func:`dynascope.readers.text.read_text`.

    Values that no row gives are NaN. Rows may come in any order.

    Raises
    ------
    InputError
        If a column is missing or of the wrong kind, a time is not finite, or a value comes twice.
    """
    if time_unit not in SCALES:
        raise InputError(f"time_unit: {unknown_name('unit', time_unit, SCALES)}")
    times = _numbers(path, columns, str(names["time"])) * SCALES[time_unit]
    if not np.isfinite(times).all():
        raise InputError(f"{path}: row {int(np.argmin(np.isfinite(times))) + 1}: its time is not a number")
    one = np.zeros(len(times), np.int64)
    trials, trial = np.unique(columns.get(str(names["trial"]), one), return_inverse=True)
    units, unit = np.unique(_column(path, columns, str(names["unit"])), return_inverse=True)
    value = names["value"] or next((name for name in _VALUES if name in columns), None)
    notes = [f"long table: {len(times)} rows, {len(trials)} trials, {len(units)} units"]
    if value is None:
        activity, time, note = _counted(times, trial, unit, (len(trials), len(units)), window, bin, spend)
        lengths = {}
    else:
        activity, time, note = _filled(path, times, trial, unit, _numbers(path, columns, value), spend)
        sampled = np.zeros(activity.shape[:2], bool)
        sampled[trial, np.searchsorted(time, times)] = True
        lengths = trial_lengths(sampled)
    taken = {names["trial"], names["time"], names["unit"], value}
    tables, left_out = _sorted({name: column for name, column in columns.items() if name not in taken}, trial, unit)
    attrs: dict[str, Any] = {"read_as": [*notes, note]}
    if left_out:
        attrs["left_out"] = left_out
    own = {f"{names['trial']}_id": trials} if names["trial"] in columns else {}
    return Recording(
        activity, time, trials={**_clean(own), **tables["trials"], **lengths},
        units={**_clean({f"{names['unit']}_id": units}), **tables["units"]}, attrs=attrs,
        array_units={} if value else {"activity": "spikes"},
    )  # fmt: skip


def _counted(
    times: Array, trial: Array, unit: Array, shape: tuple[int, int], window: Any, bin: float | None, spend: Spend
) -> tuple[Array, Array, str]:
    """Return spike counts (trial, time, unit)."""
    step = DEFAULT_BIN if bin is None else float(bin)
    if window is None:
        if not step > 0:
            raise InputError(f"bin: found {step:g} s, expected more than 0")
        window = (step * np.floor(times.min() / step), step * (np.floor(times.max() / step) + 1))
    n_bins_bound = (float(window[1]) - float(window[0])) / step
    spend(int(12 * shape[0] * shape[1] * max(1.0, n_bins_bound)), "counts")
    edges = bin_edges((float(window[0]), float(window[1])), step)
    bins = place_in_bins(times, edges)
    inside = bins >= 0
    n_bins = len(edges) - 1
    cells = ((trial * n_bins + bins) * shape[1] + unit)[inside]
    counts = np.bincount(cells, minlength=shape[0] * n_bins * shape[1]).reshape(shape[0], n_bins, shape[1])
    outside = f", {(~inside).sum()} spikes outside the window" if not inside.all() else ""
    return counts.astype(np.float32), (edges[:-1] + edges[1:]) / 2, f"spikes, counts in bins of {step:g} s{outside}"


def _filled(
    path: Path, times: Array, trial: Array, unit: Array, values: Array, spend: Spend
) -> tuple[Array, Array, str]:
    """Return the values as (trial, time, unit), NaN where no row gives one."""
    time, sample = np.unique(times, return_inverse=True)
    shape = (int(trial.max()) + 1, len(time), int(unit.max()) + 1)
    spend(16 * shape[0] * shape[1] * shape[2], f"activity of shape {shape}")
    cells = (trial * shape[1] + sample) * shape[2] + unit
    order = np.argsort(cells, kind="stable")
    twice = np.flatnonzero(np.diff(cells[order]) == 0)
    if len(twice):
        rows = sorted(int(row) + 1 for row in order[twice[0] : twice[0] + 2])
        raise InputError(f"{path}: rows {rows[0]} and {rows[1]} give a value for one trial, time and unit")
    activity = np.full(shape, np.nan)
    activity.reshape(-1)[cells] = values
    missing = activity.size - len(cells)
    return activity, time, f"values on {len(time)} times" + (f", {missing} missing" if missing else "")


def _sorted(columns: dict[str, Array], trial: Array, unit: Array) -> tuple[dict[str, dict[str, Array]], list[str]]:
    """Return the columns that belong to trials and to units, and the names of those that vary within both."""
    tables: dict[str, dict[str, Array]] = {"trials": {}, "units": {}}
    left_out = []
    for name, column in columns.items():
        for table, owner, axis in (("trials", trial, "trial"), ("units", unit, "unit")):
            _, first = np.unique(owner, return_index=True)
            kept = column[first]
            same = kept[owner] == column
            if column.dtype.kind == "f":
                same |= np.isnan(kept[owner]) & np.isnan(column)
            if same.all():
                tables[table][clean(name, {axis, *tables[table]})] = kept
                break
        else:
            left_out.append(name)
    return tables, left_out


def _column(path: Path, columns: dict[str, Array], name: str) -> Array:
    if name not in columns:
        raise InputError(f"{path}: {unknown_name('column', name, columns)}")
    return columns[name]


def _numbers(path: Path, columns: dict[str, Array], name: str) -> Array:
    column = _column(path, columns, name)
    if column.dtype.kind not in "biuf":
        raise InputError(f"{path}: column {name!r} holds text, expected numbers")
    return column.astype(np.float64)


def _clean(columns: dict[str, Array]) -> dict[str, Array]:
    return {clean(name): column for name, column in columns.items()}
