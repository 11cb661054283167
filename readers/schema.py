"""The names of an activity archive, format 1.1: docs/archive.md, section 2, in code."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..hdf5.nodes import checked_name

Array = npt.NDArray[Any]

FORMAT = "dynascope-activity"
FORMAT_VERSION = "1.1"
ELEMENT_VERSION = "1.0"

DIMS = {
    "activity": ("trial", "time", "unit"),
    "time": ("time",),
    "inputs": ("trial", "time", "input"),
    "outputs": ("trial", "time", "output"),
    "targets": ("trial", "time", "output"),
    "mask": ("trial", "time", "output"),
}
OPTIONAL = ("inputs", "outputs", "targets", "mask")


@dataclasses.dataclass(frozen=True, eq=False)
class CheckpointsRecord:
    """The parameters of a network at moments of its training.

    Attributes
    ----------
    trials_seen
        (checkpoint,) whole numbers of training trials, ascending.
    parameters
        Name → (checkpoint, …), arrays or, from an open archive, lazy ones. The axes after the first are those of the
        model's parameter of that name.

    Raises
    ------
    InputError
        If the numbers do not ascend, or an array has not one entry for each.
    """

    trials_seen: Any
    parameters: Mapping[str, Any]

    def __post_init__(self) -> None:
        seen = np.asarray(self.trials_seen)
        whole = seen.ndim == 1 and seen.size > 0 and seen.dtype.kind in "iu"
        if not whole or (np.diff(seen.astype(np.int64)) <= 0).any():
            found = f"{seen.dtype} {seen[:5]}"
            raise InputError(f"checkpoints trials_seen: expected ascending whole numbers, found {found}")
        for name, array in self.parameters.items():
            shape = tuple(array.shape)
            if shape[:1] != (len(seen),):
                raise InputError(
                    f"checkpoints parameter {name!r}: found {shape}, expected {len(seen)} checkpoints first"
                )

    def __len__(self) -> int:
        return len(self.trials_seen)

    def at(self, trials_seen: int) -> dict[str, Array]:
        """Return the parameters after so many trials.

        Raises
        ------
        InputError
            If there is no such checkpoint.
        """
        seen = np.asarray(self.trials_seen)
        rows = np.flatnonzero(seen == trials_seen)
        if not len(rows):
            nearest = int(seen[np.abs(seen - trials_seen).argmin()])
            raise InputError(f"no checkpoint at {trials_seen} trials; the nearest is at {nearest}")
        row = int(rows[0])
        return {name: np.asarray(array[row]) for name, array in self.parameters.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class ModelRecord:
    """The model of an archive, enough to build it again.

    Attributes
    ----------
    family
        The model family, for example ``"three_body"``.
    config
        All settings that its constructor needs, as JSON can hold them.
    state_layout
        The names and slices of the flat state vector, in order.
    parameters
        Name → array in its own type and shape. Masks, signs and other constants belong here too.
    parameter_dims
        Name → the names of the axes (``unit``, ``unit_pre``, ``input``, ``output`` …). A parameter that is
        not listed has the axes ``<name>_0``, ``<name>_1`` ….
    checkpoints
        The parameters at moments of the training, or None.

    Raises
    ------
    InputError
        If a field has the wrong type, or axes are named for no parameter or not one by one.
    """

    family: str
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    state_layout: Sequence[Any] = ()
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    parameter_dims: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    checkpoints: CheckpointsRecord | None = None

    def __post_init__(self) -> None:
        _expect("model family", self.family, str)
        _expect("model config", self.config, Mapping)
        _expect("model state_layout", self.state_layout, (list, tuple))
        for name, dims in self.parameter_dims.items():
            if name not in self.parameters:
                raise InputError(f"model parameter_dims: found {name!r}, expected one of {sorted(self.parameters)}")
            parameter_axes(name, np.ndim(self.parameters[name]), {name: dims})


@dataclasses.dataclass(frozen=True, eq=False)
class TaskRecord:
    """The task of an archive: its name, and all settings with the seed as JSON can hold them."""

    name: str
    config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        _expect("task name", self.name, str)
        _expect("task config", self.config, Mapping)


def _expect(what: str, value: object, kind: type | tuple[type, ...]) -> None:
    if not isinstance(value, kind):
        wanted = " or ".join(one.__name__.lower() for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise InputError(f"{what}: found {type(value).__name__}, expected {wanted}")


def parameter_axes(name: str, n_axes: int, given: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the names of a parameter's axes: the given ones, or ``<name>_0``, ``<name>_1`` ….

    Raises
    ------
    InputError
        If the given names are not one for each axis.
    """
    axes = tuple(given.get(name) or (f"{name}_{axis}" for axis in range(n_axes)))
    if len(axes) != n_axes:
        raise InputError(f"parameter {name!r}: found the axes {axes} for {n_axes} axes, expected one name for each")
    return axes


def state_axes(name: str, shape: tuple[int, ...], n_units: int) -> tuple[str, ...]:
    """Return the names of a state's axes; the third is the units' when it has their number.

    >>> state_axes("dendrites", (10, 50, 100, 3), 100), state_axes("kappa", (10, 50, 2), 100)
    (('trial', 'time', 'unit', 'dendrites_3'), ('trial', 'time', 'kappa_2'))
    """
    third = "unit" if shape[2] == n_units else f"{name}_2"
    return ("trial", "time", third, *(f"{name}_{axis}" for axis in range(3, len(shape))))


def recording_path(name: object) -> tuple[str, str]:
    """Return the folder (empty when there is none) and the last part of a recording's name.

    >>> recording_path("0628480/odr"), recording_path("final")
    (('0628480', 'odr'), ('', 'final'))
    """
    parts = name.split("/") if isinstance(name, str) else [name]
    if len(parts) > 2:
        raise InputError(f"recording {name!r}: expected at most one '/' in the name")
    for part in parts:
        checked_name(part, f"recording {name!r}")
    return ("", str(parts[0])) if len(parts) == 1 else (str(parts[0]), str(parts[1]))


def element(kind: str) -> dict[str, str]:
    """Return the attributes that say what a group is and which version of its encoding it has."""
    return {"encoding-type": kind, "encoding-version": ELEMENT_VERSION}
