"""Choosing the regularizer: every candidate fitted without one trial of each cell and scored on those trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..validation import Array
from .averages import CellAverages
from .design import Design
from .marginalizations import Marginals, Terms, dimensions
from .options import Options
from .reduced_basis import MOST_EXACT
from .scores import Split

# Candidates whose approximate score is this close to the best (relative to the largest) are scored exactly:
# several times the error of the approximation.
_DOUBT = 1e-4


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Squared errors on left-out trials, ``scores`` (split, marginalization, regularizer), and the ``best`` one."""

    regularizers: Array
    scores: Array
    best: float


def choose_regularizer(
    activity: Array, design: Design, averages: CellAverages, terms: Terms, sizes: Mapping[str, int], options: Options
) -> CrossValidation:
    """Return the regularizer with the least mean squared error over splits.

    Each split leaves out one whole trial of every cell; splits leave out different trials as long as there are any.

    Raises
    ------
    InputError
        If a cell has one trial.
    """
    scarce = averages.counts < 2
    if scarce.any():
        cell = int(design.observed[np.argmax(scarce)])
        raise InputError(
            f"regularizer='auto': the cell {design.name_of(cell)} has one trial; expected at least 2 in every cell "
            "that has any, one to leave out; give a number instead"
        )
    # Components beyond the dimensions of a marginalization are nothing but rounding.
    n_times = activity.shape[1]
    live = {name: min(size, dimensions(design, n_times, terms[name])) for name, size in sizes.items()}
    splits = []
    for left_out in left_out_trials(design, options.n_splits, options.seed):
        test = np.asarray(activity[left_out], dtype=np.float64)
        n = averages.counts[:, np.newaxis, np.newaxis]
        train = (n * averages.means - test) / (n - 1)
        pair = [Marginals.of(means, design, terms) for means in (train, test)]
        splits.append(Split(pair[0], pair[1], live, encoder=options.encoder, loss=options.loss))
    regularizers = options.regularizers
    scores = np.stack([split.scores(regularizers) for split in splits])
    if len(regularizers) > MOST_EXACT:
        _settle(scores, splits, regularizers)
    return CrossValidation(regularizers, scores, float(regularizers[scores.sum(axis=(0, 1)).argmin()]))


def left_out_trials(design: Design, n_splits: int, seed: int) -> Array:
    """Return (split, observed cell): the trial of each cell that a split leaves out."""
    generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    found = np.empty((n_splits, len(design.observed)), dtype=np.intp)
    for at, cell in enumerate(design.observed):
        found[:, at] = np.resize(generator.permutation(design.trials_of(cell)), n_splits)
    return found


def _settle(scores: Array, splits: Sequence[Split], regularizers: Array) -> None:
    """Replace, in place, the scores of all candidates that could be the best one by exact ones."""
    total = scores.sum(axis=(0, 1))
    close = np.flatnonzero(total <= total.min() + _DOUBT * total.max())
    if len(close) < 2:
        return
    for some in np.array_split(close, -(-len(close) // MOST_EXACT)):
        for at, split in enumerate(splits):
            scores[at][:, some] = split.scores(regularizers[some])
