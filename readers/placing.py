"""Find the place in a recording of every array that came with the activity, by its name and shape."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .axes import Axes, standard_order
from .cells import is_cells
from .naming import clean, folder, is_vector, last
from .storage import printable

Array = npt.NDArray[Any]

_CHANNELS = ("inputs", "outputs", "targets", "mask")
_LONGEST_TEXT = 10_000


@dataclasses.dataclass(frozen=True)
class Unusable:
    """A value of a file that no recording can hold.

    Attributes
    ----------
    reason
        What it is.
    """

    reason: str


def place(values: Mapping[str, Any], shape: tuple[int, ...], axes: Axes) -> dict[str, Any]:
    """Return the fields of a recording that values of these names and shapes become.

    ``inputs``, ``outputs``, ``targets`` and ``mask`` with the activity's trials and times keep their names; arrays of
    the activity's shape (in its order of ``axes``) are states; lists with one entry for each trial are trial columns,
    those for each unit are unit columns, and trials go first when both have one number. A name with a folder
    (``units.area``) goes where the folder says. Single values are attributes. What fits nowhere is named in
    ``attrs["left_out"]``.
    """
    return _Places(shape, axes).fields(values)


class _Places:
    """The fields of one recording while they are filled."""

    def __init__(self, shape: tuple[int, ...], axes: Axes) -> None:
        self.shape, self.axes = shape, axes
        self.trials: dict[str, Array] = {}
        self.units: dict[str, Array] = {}
        self.states: dict[str, Array] = {}
        self.epochs: dict[str, Array] = {}
        self.parameters: dict[str, Array] = {}
        self.channels: dict[str, Array] = {}
        self.attrs: dict[str, Any] = {}
        self.left_out: list[str] = []

    def fields(self, values: Mapping[str, Any]) -> dict[str, Any]:
        for name, value in values.items():
            if not self._placed(name, value):
                reason = f" ({value.reason})" if isinstance(value, Unusable) else ""
                self.left_out.append(printable(name) + reason)
        attrs = {**self.attrs, "left_out": self.left_out} if self.left_out else self.attrs
        return {
            "trials": self.trials,
            "units": self.units,
            "states": self.states,
            "epochs": self.epochs,
            "parameters": self.parameters,
            **self.channels,
            "attrs": attrs,
        }

    def _placed(self, name: str, value: Any) -> bool:
        if is_cells(value):
            return False
        if (
            folder(name) == "parameters"
            and isinstance(value, np.ndarray)
            and value.dtype.kind in "biufc"
            and value.size
        ):
            self.parameters[clean(last(name), self.parameters)] = value
            return True
        if isinstance(value, np.ndarray) and value.ndim and value.size:
            return self._column(name, value) or self._array(name, value) or self._attribute(name, value)
        return self._attribute(name, value)

    def _column(self, name: str, value: Array) -> bool:
        """Place a list with one entry for each trial or unit, or the edges of an epoch."""
        n_trials, _, n_units = self.shape
        kind = folder(name)
        edges = value.reshape(2) if value.size == 2 else value
        if kind == "epochs" and edges.shape in ((2,), (n_trials, 2)) and value.dtype.kind in "iuf":
            self.epochs[clean(last(name), self.epochs)] = edges
            return True
        if not (is_vector(value) or value.size == 1):
            return False
        if value.size == n_trials and kind in ("", "trials") and (value.ndim == 1 or value.size > 1 or kind):
            self.trials[clean(last(name), {"trial", *self.trials})] = _plain(value)
        elif value.size == n_units and kind in ("", "units") and (value.ndim == 1 or value.size > 1 or kind):
            self.units[clean(last(name), {"unit", *self.units})] = _plain(value)
        else:
            return False
        return True

    def _array(self, name: str, value: Array) -> bool:
        """Place an array along trials and times: a channel array or a state."""
        if value.dtype.kind not in "biufc":
            return False
        expected, short = self.shape[:2], last(name)
        if short == "mask" and value.shape == expected:
            self.channels["mask"] = value
            return True
        if len(self.axes) != 3:
            return False
        ordered = standard_order(value, self.axes, name) if value.ndim == 3 else value
        if short in _CHANNELS and ordered.ndim == 3 and ordered.shape[:2] == expected:
            self.channels[short] = ordered
        elif ordered.shape == self.shape or value.shape[:3] == self.shape or self._is_state(name, ordered):
            self.states[clean(short, {"trial", "time", "unit", *self.states})] = ordered
        else:
            return False
        return True

    def _is_state(self, name: str, value: Array) -> bool:
        return folder(name) == "states" and value.ndim >= 3 and value.shape[:2] == self.shape[:2]

    def _attribute(self, name: str, value: Any) -> bool:
        """Place a single number, truth value or short text."""
        if isinstance(value, np.ndarray):
            if value.size != 1:
                return False
            value = value.reshape(())[()]
        value = value.item() if isinstance(value, np.generic) else value
        if not isinstance(value, (str, bool, int, float)) or (isinstance(value, str) and len(value) > _LONGEST_TEXT):
            return False
        self.attrs[clean(name, {"left_out", "read_as", *self.attrs})] = (
            printable(value) if isinstance(value, str) else value
        )
        return True


def _plain(value: Array) -> Array:
    """Return a column along one axis, of a type that an archive stores."""
    column = value.ravel()
    return column.astype(np.float64) if column.dtype.kind == "f" and column.dtype.itemsize not in (4, 8) else column
