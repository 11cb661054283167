"""Selections of units, from :func:`select_units` or as arrays: which are in the population, and what they prefer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ..selectivity import SelectedUnits
from ..validation import Array


@dataclass(frozen=True, eq=False)
class Selection:
    """Units at one checkpoint: ``selected`` and in the ``population`` (unit,) bool, and their ``preferred`` label."""

    selected: Array
    population: Array
    preferred: Array


def selection(name: str, item: Any) -> Selection:
    """Return a selection from :class:`SelectedUnits`, or from (units bool, preferred labels), each (unit,).

    Preferred labels are those of the trials, not their numbers: two selections may have seen different labels.

    Raises
    ------
    InputError
        If it is neither, or a unit of the population has no preferred label.
    """
    if isinstance(item, SelectedUnits):
        labels = np.asarray(item.conditions)
        undefined = item.preferred < 0
        found = Selection(item.selected, item.population, labels[np.where(undefined, 0, item.preferred)])
    else:
        try:
            units, preferred = (np.asarray(part) for part in item)
        except (TypeError, ValueError):
            raise InputError(
                f"{name}: expected SelectedUnits, or (units, preferred labels), found {item!r:.80}"
            ) from None
        if units.ndim != 1 or units.dtype != np.bool_ or preferred.shape != units.shape:
            raise InputError(
                f"{name}: expected booleans (unit,) and as many labels, found {units.dtype} of shape {units.shape} and "
                f"shape {preferred.shape}"
            )
        undefined = np.isnan(preferred) if preferred.dtype.kind == "f" else np.zeros(len(units), bool)
        found = Selection(units, units, preferred)
    if (undefined & found.population).any():
        unit = int(np.argmax(undefined & found.population))
        raise InputError(f"{name}: unit {unit} is selected but has no preferred label")
    return found


def selections(name: str, items: Sequence[Any]) -> list[Selection]:
    """Return the selections of checkpoints, at least one."""
    found = [selection(f"{name}[{index}]", item) for index, item in enumerate(items)]
    if not found:
        raise InputError(f"{name}: expected the selection of at least one checkpoint, found none")
    return found
