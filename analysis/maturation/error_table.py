"""The errors of the trials of every checkpoint, by group, and what is kept of them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError, unknown_name
from .. import validation
from ..psth.checkpoints import Checkpoints
from ..validation import Array
from .medians import weighted_median

# Errors computed in float32 may exceed π by rounding.
_BEYOND = 1e-5


def trial_column(name: str, item: Any, column: Any, index: int) -> Array:
    """Return numbers of the trials of a checkpoint, (trial,): a column of a recording, or the array itself."""
    if hasattr(item, "trials"):
        if column not in item.trials:
            raise InputError(f"checkpoint {index}: {unknown_name('trial column', column, item.trials)}")
        item = item.trials[column]
    found = np.asarray(item)
    if found.ndim != 1 or not len(found):
        raise InputError(f"{name}: checkpoint {index}: expected one number per trial, found shape {found.shape}")
    validation.real_numbers(f"{name}: checkpoint {index}", found)
    return found.astype(float)


def checked_errors(errors: Array, index: int) -> Array:
    """Return absolute circular errors after checking that they are radians from 0 to π."""
    wrong = ~((errors >= 0) & (errors <= np.pi + _BEYOND))
    validation.refuse(f"errors of checkpoint {index}", errors, wrong, "circular distances in radians, 0 to π")
    return np.minimum(errors, np.pi)


def error_row(errors: Array, edges: Array, criterion: float) -> Array:
    """Return the fraction of errors in each bin, then the fraction below the criterion and the mean; NaN without any.

    Parameters
    ----------
    errors : (trial,)
    edges : (bin + 1,)
    criterion : float
    """
    if not len(errors):
        return np.full(len(edges) + 1, np.nan)
    counts = np.histogram(errors, edges)[0]
    return np.concatenate([counts / len(errors), [(errors < criterion).mean(), errors.mean()]])


class ErrorTable:
    """The errors of each checkpoint that is ``used``, by group, and other columns of the same trials."""

    def __init__(self, run: Checkpoints, errors: str, groups: Any, also: Any, used: Array) -> None:
        self.also = tuple(also)
        if isinstance(also, str) or not all(isinstance(name, str) for name in self.also):
            raise InputError(f"also: expected names of trial columns, or a mapping to arrays, found {also!r}")
        given = also if isinstance(also, Mapping) else {}
        self._n, self._used = len(run), used
        self._columns: dict[int, list[Array]] = {}
        codes: dict[int, Array] = {}
        self.units = ("",) * len(self.also)
        for index in used:
            item = run.items[index]
            found = checked_errors(trial_column("errors", item, errors, index), index)
            others = [
                trial_column(name, _source(name, given, name, item, index, self._n), name, index) for name in self.also
            ]
            labels = np.zeros(len(found))
            if groups is not None:
                labels = trial_column("groups", _source("groups", groups, groups, item, index, self._n), groups, index)
            for name, other in (*zip(self.also, others, strict=True), ("groups", labels)):
                if len(other) != len(found):
                    raise InputError(
                        f"{name}: checkpoint {index}: expected {len(found)} numbers, one per trial, found {len(other)}"
                    )
            validation.finite(f"groups of checkpoint {index}", labels)
            self._columns[index], codes[index] = [found, *others], labels
            self.units = tuple(getattr(getattr(item, "trials", None), "units", {}).get(name, "") for name in self.also)
        values = np.unique(np.concatenate(list(codes.values())))
        self.groups = ("all",) if groups is None else tuple(f"{value:g}" for value in values)
        self._members = {index: labels == values[:, np.newaxis] for index, labels in codes.items()}  # (group, trial)
        self.counts = np.zeros((self._n, len(values)), np.int64)
        for index, members in self._members.items():
            self.counts[index] = members.sum(axis=1)

    def rows(self, edges: Array, criterion: float) -> Array:
        """Return (checkpoint, group, bins + 2 + also): see :func:`error_row`; NaN for checkpoints that are not used."""
        found = np.full((*self.counts.shape, len(edges) + 1 + len(self.also)), np.nan)
        for index, (errors, *others) in self._columns.items():
            for group, own in enumerate(self._members[index]):
                found[index, group, : len(edges) + 1] = error_row(errors[own], edges, criterion)
                for place, other in enumerate(others, len(edges) + 1):
                    known = other[own & ~np.isnan(other)]
                    found[index, group, place] = known.mean() if len(known) else np.nan
        return found

    def medians(self, shares: Array) -> Array:
        """Return the medians of the mixtures of checkpoints with given weights (stage, checkpoint), (stage, group)."""
        parts = [
            [self._columns[index][0][self._members[index][group]] for index in self._used]
            for group in range(len(self.groups))
        ]
        return np.array([[weighted_median(part, own[self._used]) for part in parts] for own in shares])

    def digested(self) -> list[Array]:
        """Return the arrays that were looked at."""
        return [array for index in self._used for array in (*self._columns[index], self._members[index])]


def _source(name: str, given: Any, key: Any, item: Any, index: int, n: int) -> Any:
    """Return what :func:`trial_column` reads: the recording, or the array of this checkpoint from a list."""
    if isinstance(given, Mapping):
        given = given.get(key)
    if given is None or isinstance(given, str):
        if not hasattr(item, "trials"):
            raise InputError(f"{name}: checkpoints are arrays, which have no trial columns; give one array for each")
        return item
    if len(given) != n:
        raise InputError(f"{name}: expected {n} arrays, one per checkpoint, found {len(given)}")
    return given[index]
