"""Task variables as regressors, and how held-out projections follow them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array
from .trials import Conditions


def scaled_regressors(regressors: Mapping[str, Any], n_trials: int) -> tuple[tuple[str, ...], Array]:
    """Return the names and the regressors (trial, regressor), each scaled to [−1, 1]."""
    if not isinstance(regressors, Mapping) or not regressors:
        raise InputError("regressors: expected a mapping of names to (trial,) values, with at least one")
    columns = []
    for name, values in regressors.items():
        column = np.asarray(values)
        if column.shape != (n_trials,):
            raise InputError(f"regressors[{name!r}]: expected {n_trials} values, one per trial, found {column.shape}")
        if column.dtype.kind not in "biuf":
            levels, column = np.unique(column, return_inverse=True)
            if len(levels) != 2:
                raise InputError(
                    f"regressors[{name!r}]: expected numbers or exactly two labels, found {len(levels)} labels"
                )
        column = column.astype(np.float64)
        if not np.isfinite(column).all():
            where = int(np.argmin(np.isfinite(column)))
            raise InputError(f"regressors[{name!r}]: found {column[where]} at index {where}; expected finite numbers")
        low, high = column.min(), column.max()
        if low == high:
            raise InputError(f"regressors[{name!r}]: is {low:g} on every trial; expected a variable that varies")
        columns.append((2 * column - low - high) / (high - low))
    return tuple(str(name) for name in regressors), np.stack(columns, axis=1)


def combinations(regressors: Mapping[str, Any]) -> Conditions:
    """Return the distinct combinations of the regressors' values as conditions, ordered by the first, then the next."""
    coded = [np.unique(np.asarray(values), return_inverse=True) for values in regressors.values()]
    rows, condition = np.unique(np.stack([codes for _, codes in coded], axis=1), axis=0, return_inverse=True)
    names = tuple(", ".join(str(levels[code]) for (levels, _), code in zip(coded, row, strict=True)) for row in rows)
    return Conditions(names, condition.reshape(-1))


def _standard(columns: Array, folds: Array) -> Array:
    """Return columns (trial, …) centred within folds and of length 1; one that only rounding varies becomes NaN."""
    rounding = 4 * np.sqrt(len(columns)) * np.finfo(np.float64).eps * np.abs(columns).max(axis=0)
    centred = columns.copy()
    for fold in range(int(folds.max()) + 1):
        centred[folds == fold] -= centred[folds == fold].mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    found: Array = np.divide(centred, lengths, out=np.full_like(centred, np.nan), where=lengths > rounding)
    return found


def held_out_correlations(projected: Array, design: Array, folds: Array) -> Array:
    """Return the correlation (axis, regressor, time) of projections with regressors, within folds."""
    found: Array = np.einsum("nta,nr->art", _standard(projected, folds), _standard(design, folds))
    return found


def correlation_p_values(projected: Array, design: Array, folds: Array, n_permutations: int, seed: int) -> Array | None:
    """Return p (regressor, time) of each axis' own correlation, corrected for all of them by the maximum."""
    from ..statistics import Permutations, max_statistic_p_values

    if n_permutations == 0:
        return None
    scores, columns = _standard(projected, folds), _standard(design, folds)
    permutations = Permutations.of_labels(len(design), n_permutations, seed, groups=folds)
    null = permutations.null(lambda rows: np.einsum("ntr,knr->krt", scores, columns[rows], optimize=True))
    observed = np.einsum("ntr,nr->rt", scores, columns)
    p: Array = max_statistic_p_values(observed, null, tail="two-sided", exact=permutations.exact)
    return p
