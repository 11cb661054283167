"""Fits along a grid of ranks, each begun where a smaller one ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..validation import Array
from .alternating import Factors, alternate, compose, leading_factors
from .multilinear import iterate, tucker_parameters, tucker_ranks
from .polyadic import cp_parameters, cp_rank
from .slices import compose_parts, fit_slices, slice_parameters, slice_ranks
from .unfolding import leading, times_all, unfold

Ranks = tuple[int, ...]


@dataclass(frozen=True)
class GridFit:
    """One fit of a grid: what the next one may start from, the approximation, error on its data, whether it settled."""

    state: Any
    tensor: Array
    error: float
    converged: bool


@dataclass(frozen=True)
class GridMethod:
    """A method on a grid: checks ranks, counts parameters, and fits from a smaller fit (or from nothing)."""

    ranks: Callable[[Any, tuple[int, ...]], Ranks]
    parameters: Callable[[tuple[int, ...], Ranks], int]
    fit: Callable[..., GridFit]


def _slice_fit(values: Array, shown: Array, ranks: Ranks, before: GridFit | None, **stop: Any) -> GridFit:
    fit = fit_slices(values, shown, ranks, parts=None if before is None else before.state, **stop)
    return GridFit(fit.parts, compose_parts(fit.parts, values.shape), fit.error, fit.converged)


def _cp_fit(values: Array, shown: Array, ranks: Ranks, before: GridFit | None, **stop: Any) -> GridFit:
    known = 0 if before is None else before.state[0].shape[1]
    residual = values if before is None else np.where(shown, values - before.tensor, 0.0)
    added = leading_factors(residual, ranks[0] - known)
    # New components start at size zero: the first solve gives them theirs, and the error starts from the smaller fit's.
    added = (0 * added[0], added[1], added[2])
    start = added if before is None else _joined(before.state, added)
    fit = alternate(values, shown, start, **stop)
    return GridFit(fit.factors, compose(fit.factors), fit.errors[-1], fit.converged)


def _tucker_fit(values: Array, shown: Array, ranks: Ranks, before: GridFit | None, **stop: Any) -> GridFit:
    filled = values if before is None else np.where(shown, values, before.tensor)
    known = [np.zeros((size, 0)) for size in values.shape] if before is None else before.state
    bases = [_extended(basis, unfold(filled, axis), ranks[axis]) for axis, basis in enumerate(known)]
    fit = iterate(values, shown, bases, filled=filled, **stop)
    return GridFit(fit.bases, times_all(fit.core, fit.bases), fit.errors[-1], fit.converged)


def _extended(basis: Array, unfolding: Array, rank: int) -> Array:
    """Return ``basis`` with the leading directions of what it leaves of ``unfolding``, up to ``rank`` columns."""
    left = unfolding - basis @ (basis.T @ unfolding)
    return np.concatenate([basis, leading(left, rank - basis.shape[1])], axis=1)


def _joined(before: Factors, added: Factors) -> Factors:
    first, second, third = (np.concatenate(pair, axis=1) for pair in zip(before, added, strict=True))
    return first, second, third


GRID_METHODS = {
    "cp": GridMethod(
        ranks=lambda value, shape: (cp_rank(value, shape),),
        parameters=lambda shape, ranks: cp_parameters(shape, ranks[0]),
        fit=_cp_fit,
    ),
    "slice": GridMethod(ranks=slice_ranks, parameters=slice_parameters, fit=_slice_fit),
    "tucker": GridMethod(ranks=tucker_ranks, parameters=tucker_parameters, fit=_tucker_fit),
}


def fit_grid(
    method: GridMethod, values: Array, shown: Array, grid: Sequence[Ranks], *, max_sweeps: int, tolerance: float
) -> list[GridFit]:
    """Return one fit per entry of ``grid``, made in order of size, each from the best smaller one that it contains."""
    made: dict[Ranks, GridFit] = {}
    for ranks in sorted(set(grid), key=lambda ranks: (sum(ranks), ranks)):
        inside = [other for other in made if all(a <= b for a, b in zip(other, ranks, strict=True))]
        start = min((made[other] for other in inside), key=lambda fit: fit.error, default=None)
        made[ranks] = method.fit(values, shown, ranks, start, max_sweeps=max_sweeps, tolerance=tolerance)
    return [made[ranks] for ranks in grid]
