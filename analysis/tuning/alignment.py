"""Curves by distance from the preferred condition, found on other trials (crossfit) or the same (published)."""

from dataclasses import dataclass

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..selectivity.anova import fit
from ..selectivity.design import make_design
from ..selectivity.responses import factor
from ..validation import Array

NORMALIZATIONS = ("zscore", "ratio")


@dataclass(frozen=True)
class Aligned:
    """Curves (unit, condition), the first condition the preferred one and the others in order (or by rank).

    ``n_folds`` (unit,) counts the folds behind a curve, 0 for none; ``preferred`` (unit,) is that of all trials, −1
    where it is undefined; ``excluded`` (unit,): nothing to divide by.
    """

    curves: Array
    n_folds: Array
    preferred: Array
    excluded: Array


def crossfit(
    responses: Array,
    before: Array | None,
    codes: Array,
    *,
    ranked: bool,
    normalize: str | None,
    alpha: float | None,
    n_folds: int,
    seed: int,
) -> Aligned:
    """Return curves of each fold of the trials, aligned and scaled by the other folds, averaged over folds.

    ``responses``, ``before`` (trial, unit); ``codes`` (trial,) the condition of each trial.
    """
    if normalize is not None:
        validation.choice("normalize", normalize, NORMALIZATIONS)
    if normalize == "ratio" and before is None:
        raise InputError("normalize: 'ratio' divides by the baseline, found none; give activity in time and baseline")
    if alpha is not None and (isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha <= 1):
        raise ConfigurationError(f"alpha: expected a number above 0 and at most 1, found {alpha!r}")
    folds = _folds(codes, n_folds, seed)
    n_conditions, n_units = int(codes.max()) + 1, responses.shape[1]
    total, count = np.zeros((n_units, n_conditions)), np.zeros(n_units, dtype=np.int64)
    excluded = np.zeros(n_units, dtype=bool)
    for number in range(n_folds):
        held_out = folds == number
        shift, scale = _normalization(responses[~held_out], None if before is None else before[~held_out], normalize)
        excluded |= scale == 0
        scale = np.where(scale == 0, 1.0, scale)
        shown = (_condition_means(responses[held_out], codes[held_out]) - shift) / scale
        found_on = _condition_means(responses[~held_out], codes[~held_out])
        # Dividing by a negative baseline turns the curve over, and the preferred condition with it.
        curves = _align(shown.T, (found_on * np.sign(scale)).T, ranked=ranked)
        selected = np.ones(n_units, bool)
        if alpha is not None:
            design = make_design([factor("angles", codes[~held_out], int((~held_out).sum()))], None, 2)
            selected = fit(responses[~held_out], design).p_values[0] <= alpha
        total[selected] += curves[selected]
        count += selected
    curves = np.divide(total, count[:, np.newaxis], out=np.full(total.shape, np.nan), where=count[:, np.newaxis] > 0)
    return Aligned(curves, count, _condition_means(responses, codes).argmax(axis=0), excluded)


def in_sample(rates: Array, before: Array | None, codes: Array, *, ranked: bool) -> Aligned:
    """Return curves aligned on their own trials; over the condition's mean baseline, less 1, if that is given."""
    means = _condition_means(rates, codes)
    excluded = np.zeros(means.shape[1], dtype=bool)
    if before is not None:
        fixation = _condition_means(before, codes)
        excluded = (fixation == 0).any(axis=0)
        means = means / np.where(fixation == 0, 1.0, fixation) - 1
    preferred = np.where(excluded, -1, means.argmax(axis=0))
    return Aligned(_align(means.T, means.T, ranked=ranked), np.ones(len(excluded), np.int64), preferred, excluded)


def _folds(codes: Array, n_folds: int, seed: int) -> Array:
    """Return the fold of each trial: random, as many of each condition in every fold as can be."""
    n_folds = validation.whole_number("n_folds", n_folds, least=2)
    counts = np.bincount(codes)
    if counts.min() < n_folds:
        raise InputError(
            f"angles: condition number {int(counts.argmin())} has {counts.min()} trials, fewer than the "
            f"{n_folds} folds; use fewer folds or join conditions"
        )
    generator = np.random.default_rng(seed)
    folds = np.empty(len(codes), dtype=np.intp)
    for code in range(len(counts)):
        own = generator.permutation(np.flatnonzero(codes == code))
        folds[own] = (np.arange(len(own)) + generator.integers(n_folds)) % n_folds
    return folds


def _condition_means(responses: Array, codes: Array) -> Array:
    """Return the mean of each condition, (condition, unit)."""
    counts = np.bincount(codes)
    members = (codes == np.arange(len(counts))[:, np.newaxis]) / counts[:, np.newaxis]
    return np.asarray(members @ responses)


def _normalization(responses: Array, before: Array | None, normalize: str | None) -> tuple[Array, Array]:
    """Return what to subtract from and then to divide by, (unit,); a divisor of 0 marks a unit that has none."""
    if normalize == "zscore":
        mean, deviation = responses.mean(axis=0), responses.std(axis=0, ddof=1)
        return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 0.0)
    if normalize == "ratio" and before is not None:
        mean = before.mean(axis=0)
        return mean, mean
    return np.zeros(responses.shape[1]), np.ones(responses.shape[1])


def _align(curves: Array, found_on: Array, *, ranked: bool) -> Array:
    """Return ``curves`` (unit, condition) from the condition that is largest in ``found_on``, onwards or by rank."""
    if ranked:
        order = np.argsort(-found_on, axis=1, kind="stable")
    else:
        order = (found_on.argmax(axis=1)[:, np.newaxis] + np.arange(curves.shape[1])) % curves.shape[1]
    return np.take_along_axis(curves, order, axis=1)
