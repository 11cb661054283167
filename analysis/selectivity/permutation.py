"""Permutation p-values of the effects of a design, and of the largest F over all tests."""

from typing import Any

import numpy as np

from ..samples import row_chunks
from ..statistics import Permutations, permutation_p_values
from ..statistics.p_values import p_from_count
from ..validation import Array
from .design import Design, residual_basis

# Permutations whose projections are one matrix product, and tests per product: both factors stay in cache.
_TOGETHER, _BLOCK = 32, 1024
# Relative difference of two ratios that count as equal: two ways of rounding one number must not split a tie.
_TIE = 1e-10


def permuted_p_values(
    values: Array, design: Design, tested: Array, sums_of_squares: int, n_permutations: int, *, groups: Any, seed: int
) -> dict[str, Any]:
    """Return p-values of every test, familywise ones (effect, test), and how many permutations each effect had.

    ``values`` (trial, test); tests that are not ``tested`` get NaN and do not enter the largest F.
    Per permutation 2 · trials · tests · df floating-point operations: 1 ms for 200 trials × 19 200 tests × 7.
    """
    every = np.full((len(design.effects), len(tested)), np.nan)
    family = every.copy()
    counts = []
    for index in range(len(design.effects)):
        rearranged = _rearrangements(design, index, n_permutations, groups, seed)
        counts.append(rearranged.n)
        if not tested.any():
            continue
        data, bases = _exchangeable_data(values[:, tested], design, index, sums_of_squares)
        observed = _ratios(data, bases, np.arange(len(data))[np.newaxis], design.df[index])[0]
        reached, largest = _null(data, bases, rearranged, observed, design.df[index])
        every[index, tested] = p_from_count(reached, rearranged.n, exact=rearranged.exact)
        null = np.broadcast_to(largest[:, np.newaxis], (rearranged.n, len(observed)))
        family[index, tested] = permutation_p_values(observed, null, exact=rearranged.exact)
    return {"permutation_p_values": every, "familywise_p_values": family, "n_permutations": tuple(counts)}


def _rearrangements(design: Design, index: int, n_permutations: int, groups: Any, seed: int) -> Permutations:
    """Return the permutations of trials that leave everything but this effect as it is."""
    effect = design.effects[index]
    if len(effect) > 1:
        return Permutations.of_labels(len(design.cells), n_permutations, seed, groups)
    held = [item.codes for item in design.factors if item.name not in effect]
    if groups is not None:
        held.append(np.unique(np.asarray(groups), return_inverse=True)[1])
    labels = next(item.codes for item in design.factors if item.name in effect)
    blocks = np.unique(np.stack(held, axis=1), axis=0, return_inverse=True)[1].reshape(-1) if held else None
    return Permutations.of_labels(labels, n_permutations, seed, blocks)


def _exchangeable_data(values: Array, design: Design, index: int, sums_of_squares: int) -> tuple[Array, Array]:
    """Return what is rearranged (trial, test), scaled to unit sum of squares, and the bases (trial, df) of the model.

    The first columns of the bases span the effect. For an interaction the fit of the model without it is taken out.
    """
    weights = np.sqrt(design.counts)[:, np.newaxis]
    own = design.bases[index]
    rest = design.model - own @ (own.T @ design.model)
    left, sizes, _ = np.linalg.svd(rest, full_matrices=False)
    rest = left[:, sizes > 0.5]  # projections of an orthonormal basis: singular values are 0 or 1
    bases = (np.hstack([own, rest]) / weights)[design.cells]  # orthonormal over trials
    data = values - values.mean(axis=0, dtype=np.float64)
    if len(design.effects[index]) > 1:
        reduced = (residual_basis(design, index, sums_of_squares) / weights)[design.cells]
        data -= reduced @ (reduced.T @ data)
    norm = np.sqrt(np.einsum("ij,ij->j", data, data))
    return np.divide(data, norm, out=np.zeros_like(data), where=norm > 0), bases


def _null(data: Array, bases: Array, rearranged: Permutations, observed: Array, df: int) -> tuple[Array, Array]:
    """Return how many permutations reach each observed ratio, and the largest ratio of each permutation."""
    reached, largest = np.zeros(data.shape[1], dtype=np.int64), np.zeros(rearranged.n)
    threshold = observed - _TIE * np.maximum(observed, 1)
    for block in rearranged.blocks(_TOGETHER):
        rows = rearranged.indices(block)
        for start, stop in row_chunks(data.shape[1], _BLOCK):
            ratios = _ratios(data[:, start:stop], bases, rows, df)
            reached[start:stop] += (ratios >= threshold[start:stop]).sum(axis=0)
            largest[block] = np.maximum(largest[block], ratios.max(axis=1))
    return reached, largest


def _ratios(data: Array, bases: Array, rows: Array, df: int) -> Array:
    """Return explained over residual sum of squares, (permutation, test): F but for degrees of freedom.

    Rearranging the rows of the bases is rearranging the trials, and the bases are small.
    """
    n_permutations, n_columns = len(rows), bases.shape[1]
    stacked = bases[rows].transpose(0, 2, 1).reshape(n_permutations * n_columns, -1)
    squares = np.square(stacked @ data).reshape(n_permutations, n_columns, -1)
    explained = squares[:, :df].sum(axis=1)
    residual = 1 - explained - squares[:, df:].sum(axis=1)
    return np.asarray(explained / np.maximum(residual, np.finfo(float).tiny))
