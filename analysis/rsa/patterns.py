"""Patterns of activity by condition and run, from trials."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array, label_codes


@dataclass(frozen=True, eq=False)
class Patterns:
    """Mean activity ``means`` (run, time, condition, unit) of the trials ``values`` (trial, time, unit).

    ``cells`` (trial,) number run and condition of every trial; without runs there is one.
    """

    means: Array
    values: Array
    cells: Array
    conditions: tuple[str, ...]

    @property
    def n_cells(self) -> int:
        """How many means there are."""
        return len(self.means) * len(self.conditions)

    @property
    def residuals(self) -> Array:
        """Activity of every trial less the mean of its cell, (trial, time, unit)."""
        by_cell = self.means.swapaxes(1, 2).reshape(self.n_cells, *self.values.shape[1:])
        return np.asarray(self.values - by_cell[self.cells])


def patterns_of(activity: Any, labels: Any, runs: Any) -> Patterns:
    """Return mean activity by condition and run.

    Raises
    ------
    InputError
        If activity is not (trial, time, unit) or (trial, unit) of finite real numbers, labels or runs do not match,
        there are fewer than two conditions, or a condition has no trial in some run.
    """
    found = np.asarray(validation.sliceable("activity", activity)[...])
    if found.ndim == 2:
        found = found[:, np.newaxis]
    values = validation.trajectories("activity", found).astype(np.float64)
    validation.finite("activity", values if np.ndim(activity) == 3 else values[:, 0])
    condition_names, conditions = _codes("labels", labels, len(values))
    if len(condition_names) < 2:
        raise InputError(f"labels: all trials have the label {condition_names[0]!r}; expected at least two conditions")
    run_names, run_codes = ([""], np.zeros(len(values), int)) if runs is None else _codes("runs", runs, len(values))
    shape = (len(run_names), len(condition_names))
    cells = run_codes * shape[1] + conditions
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    if not counts.all():
        run, condition = divmod(int(np.argmin(counts)), shape[1])
        raise InputError(
            f"labels: condition {condition_names[condition]!r} has no trial in run {run_names[run]!r}; expected every "
            "condition in every run: drop the condition or the run, or merge runs"
        )
    order = np.argsort(cells, kind="stable")
    starts = np.cumsum(counts) - counts
    means = np.add.reduceat(values[order], starts, axis=0) / counts[:, np.newaxis, np.newaxis]
    by_cell = means.reshape(*shape, *values.shape[1:]).swapaxes(1, 2)
    return Patterns(by_cell, values, cells, tuple(condition_names))


def _codes(name: str, values: Any, n_trials: int) -> tuple[list[str], Array]:
    names, codes = label_codes(name, values, n_trials)
    return [str(each) for each in names], codes
