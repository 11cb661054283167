"""A recording from an xarray object: dimensions have names, coordinates say what is known of each trial and unit."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ..arrays import SCALES
from ..axes import STANDARD
from ..naming import clean
from ..recording import Recording
from .columns import storable

Array = npt.NDArray[Any]

_SYNONYMS = {
    "trial": ("trial", "trials", "event", "events", "presentation", "repeat", "stimulus_presentation_id"),
    "time": ("time", "times", "t", "time_s", "time_bin", "time_relative_to_stimulus_onset"),
    "unit": ("unit", "units", "neuron", "neurons", "neuroid", "cell", "cells", "channel", "unit_id", "roi"),
}
_CHANNELS = ("inputs", "outputs", "targets", "mask")


def is_xarray(data: Any) -> bool:
    """Return whether an object has the dimensions and coordinates of an xarray DataArray or Dataset."""
    return all(hasattr(data, name) for name in ("dims", "coords", "attrs", "sizes"))


def from_xarray(
    data: Any, *, activity: str | None = None, dims: Mapping[str, str] | None = None, dt: float | None = None,
    time_unit: str | None = None,
) -> Recording:  # fmt: skip
    """Return the recording in an xarray DataArray or Dataset.

    Coordinates along trials and units become their columns. Of a Dataset, variables along trials or units become
    columns too, ``inputs``, ``outputs``, ``targets`` and ``mask`` keep their names, and other variables along trials
    and times are states. A dimension that is missing has length 1. What fits nowhere is named in ``attrs["left_out"]``.

    Parameters
    ----------
    data
        The object.
    activity
        The variable of a Dataset; by default ``activity``, or the only one with times or trials, and units.
    dims
        Dimension of ``data`` → trial, time or unit, for names that do not say so themselves.
    dt
        The sample interval in ``time_unit``, when there is no coordinate of times.
    time_unit
        s, ms or us; by default the attribute ``units`` of the coordinate, or seconds.

    Raises
    ------
    InputError
        If a dimension is unknown, two mean the same, or there are no sample times.
    """
    variables = dict(data.data_vars) if hasattr(data, "data_vars") else {}
    main = data if not variables else variables.pop(_activity_name(variables, activity, dims or {}))
    roles = _roles(main.dims, dims or {})
    values = _ordered(main, roles)
    if values.dtype.kind in "biu" or values.dtype == np.float16:
        values = values.astype(np.float64)
    tables: dict[str, dict[str, Any]] = {"trial": {}, "unit": {}}
    fields: dict[str, Any] = {"states": {}}
    attrs: dict[str, Any] = {
        clean(str(name)): value
        for name, value in data.attrs.items()
        if isinstance(value, (str, bool, int, float)) and not str(name).startswith("encoding-")
    }
    left_out: list[str] = []
    for name, variable in {**dict(data.coords), **variables}.items():
        if not _placed(str(name), variable, roles, tables, fields, attrs, values.shape):
            left_out.append(str(name))
    if left_out:
        attrs["left_out"] = left_out
    unit = main.attrs.get("units")
    return Recording(
        values, _times(main, roles, values.shape[1], dt, time_unit), trials=tables["trial"], units=tables["unit"],
        attrs=attrs, array_units={"activity": unit} if isinstance(unit, str) and unit else {}, **fields,
    )  # fmt: skip


def _activity_name(variables: Mapping[Any, Any], wanted: str | None, dims: Mapping[str, str]) -> Any:
    if wanted is not None or "activity" in variables:
        name = "activity" if wanted is None else wanted
        if name not in variables:
            raise InputError(f"activity: {unknown_name('variable', name, map(str, variables))}")
        return name
    usable = []
    for name, variable in variables.items():
        known = {_role(str(dim), dims) for dim in variable.dims}
        if "unit" in known and known & {"trial", "time"}:
            usable.append(name)
    if len(usable) != 1:
        shown = ", ".join(f"{name} {variable.dims}" for name, variable in variables.items())
        raise InputError(
            f"found the variables {shown}, expected one with units and times or trials; give activity=NAME"
        )
    return usable[0]


def _role(dim: str, dims: Mapping[str, str]) -> str:
    """Return trial, time or unit, empty for a dimension that is none of them."""
    if dim in dims:
        if dims[dim] not in STANDARD:
            raise InputError(f"dims[{dim!r}]: {unknown_name('axis', dims[dim], STANDARD)}")
        return dims[dim]
    return next((role for role, names in _SYNONYMS.items() if dim.lower() in names), "")


def _roles(found: Any, dims: Mapping[str, str]) -> dict[str, str]:
    """Return dimension → trial, time or unit for each dimension of the activity."""
    for dim in dims:
        if dim not in found:
            raise InputError(f"dims: {unknown_name('dimension', dim, map(str, found))}")
    roles = {str(dim): _role(str(dim), dims) for dim in found}
    for dim, role in roles.items():
        if not role or list(roles.values()).count(role) > 1:
            raise InputError(
                f"dimension {dim!r}: expected one each of trial, time, unit; give dims={{{dim!r}: 'trial'}}"
            )
    return roles


def _ordered(variable: Any, roles: Mapping[str, str]) -> Array:
    """Return the values as (trial, time, unit, …)."""
    values = np.asarray(variable.values)
    own = [roles.get(str(dim), str(dim)) for dim in variable.dims]
    for role in STANDARD:
        if role not in own:
            own.append(role)
            values = values[..., None]
    others = [name for name in own if name not in STANDARD]
    return values.transpose([own.index(name) for name in (*STANDARD, *others)])


def _placed(
    name: str, variable: Any, roles: Mapping[str, str], tables: dict[str, dict[str, Any]], fields: dict[str, Any],
    attrs: dict[str, Any], shape: tuple[int, ...],
) -> bool:  # fmt: skip
    """Put a coordinate or variable where it belongs; False when it belongs nowhere."""
    own = [roles.get(str(dim), "") for dim in variable.dims]
    if own == ["time"] and name in roles:
        return True
    if own in (["trial"], ["unit"]):
        column = storable(variable.values)
        if column is None:
            return False
        unit = variable.attrs.get("units")
        tables[own[0]][clean(name, {own[0], *tables[own[0]]})] = (column, unit) if isinstance(unit, str) else column
        return True
    if not own and isinstance(variable.values.item(), (str, bool, int, float)):
        attrs[clean(name)] = variable.values.item()
        return True
    if "time" not in own or variable.dtype.kind not in "biufc":
        return False
    values = _ordered(variable, roles)
    if name in _CHANNELS:  # (trial, time, no unit, channel)
        fields[name] = values[:, :, 0] if "unit" not in own else values
        return bool(fields[name].ndim == 3 or name == "mask")
    fields["states"][clean(name, {"trial", "time", "unit"})] = values if "unit" in own else values[:, :, 0]
    return values.shape[:2] == shape[:2]


def _times(main: Any, roles: Mapping[str, str], n_samples: int, dt: float | None, time_unit: str | None) -> Array:
    dim = next((dim for dim, role in roles.items() if role == "time"), None)
    if dim is None:
        return np.zeros(1)
    if dim not in main.coords:
        if dt is None or not dt > 0:
            raise InputError(f"dimension {dim!r} has no coordinate; give dt=… (the sample interval)")
        return dt * _scale(time_unit) * np.arange(n_samples)
    coordinate = main.coords[dim]
    values = np.asarray(coordinate.values)
    if values.dtype.kind == "M":
        values = values - values[0]
    if values.dtype.kind == "m":
        return values / np.timedelta64(1, "s")
    stated = coordinate.attrs.get("units")
    return values.astype(np.float64) * _scale(time_unit or (stated if stated in SCALES else None))


def _scale(time_unit: str | None) -> float:
    if time_unit is not None and time_unit not in SCALES:
        raise InputError(f"time_unit: {unknown_name('unit', time_unit, SCALES)}")
    return SCALES[time_unit or "s"]
