"""One population out of several recordings: units that were not recorded together, trials matched by label."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from ..validation import Array


@dataclass(frozen=True, eq=False)
class PseudoPopulation:
    """Pseudo-trials of all recordings' units, and the folds that they must be decoded with.

    Attributes
    ----------
    activity : ndarray, shape (trial, time, unit)
        A pseudo-trial puts beside each other one trial of the same label of each recording.
    labels : ndarray, shape (trial,)
    folds : ndarray of int, shape (trial,)
        The fold that tests a pseudo-trial. All trials in it come from this fold of their recordings.
    recordings : ndarray of int, shape (unit,)
        Which recording a unit is from.
    sources : ndarray of int, shape (trial, recording)
        The trial of each recording that went into a pseudo-trial.
    """

    activity: Array
    labels: Array
    folds: Array
    recordings: Array
    sources: Array

    @property
    def splits(self) -> list[tuple[Array, Array]]:
        """(train, test) pairs for ``cv`` of :func:`cross_temporal_decoding`: no trial is on both sides of any."""
        return [
            (np.flatnonzero(self.folds != fold), np.flatnonzero(self.folds == fold)) for fold in np.unique(self.folds)
        ]


def pseudo_population(
    activities: Sequence[Any],
    labels: Sequence[Any],
    *,
    n_folds: int = 5,
    trials_per_label: int | None = None,
    seed: int = 0,
) -> PseudoPopulation:
    """Return pseudo-trials of several recordings of different units, split into folds before they are put together.

    The trials of every label are dealt to the folds at random, in each recording; only then are pseudo-trials put
    together, each from trials of one fold. Dealing finished pseudo-trials to folds would put a trial on both sides.

    Parameters
    ----------
    activities : sequence of (trial, time, unit)
        Finite real numbers, with the same times. Trials and units differ between recordings.
    labels : sequence of (trial,)
        The same labels in each recording.
    n_folds : int
    trials_per_label : int, optional
        Pseudo-trials of each label. None takes as many as the recordings allow with every trial used at most once.
        More repeat trials of the fold in new combinations: that adds no information, and permutation p-values of
        repeated trials are too small.
    seed : int

    Raises
    ------
    InputError
        If recordings differ in times or labels, or a label has fewer trials than there are folds in some recording.

    Notes
    -----
    Correlations between units of different recordings are lost: pseudo-populations say what the units could tell
    together if their noise were independent (Averbeck, Latham and Pouget 2006, Nat. Rev. Neurosci. 7:358). The matching
    of trials is one of many: repeat with several seeds.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> first, second = rng.random((20, 3, 4)), rng.random((30, 3, 6))
    >>> found = pseudo_population([first, second], [np.arange(20) % 2, np.arange(30) % 2])
    >>> found.activity.shape, len(found.splits)
    ((20, 3, 10), 5)
    """
    validation.whole_number("n_folds", n_folds, least=2)
    recorded, columns = _recordings(activities, labels)
    names = np.unique(columns[0])
    rng = np.random.default_rng(seed)
    sources, chosen_labels, chosen_folds = [], [], []
    for name in names:
        pools = [
            _dealt(index, np.flatnonzero(column == name), name, n_folds, rng) for index, column in enumerate(columns)
        ]
        available = [min(len(pool[fold]) for pool in pools) for fold in range(n_folds)]
        wanted = available if trials_per_label is None else _shares(trials_per_label, n_folds)
        for fold, (count, most) in enumerate(zip(wanted, available, strict=True)):
            draws = [_draw(pool[fold], count, most, rng) for pool in pools]
            sources.append(np.stack(draws, axis=1))
            chosen_labels.append(np.repeat(name, count))
            chosen_folds.append(np.full(count, fold))
    rows = np.concatenate(sources)
    activity = np.concatenate([array[rows[:, index]] for index, array in enumerate(recorded)], axis=2)
    return PseudoPopulation(
        activity=activity,
        labels=np.concatenate(chosen_labels),
        folds=np.concatenate(chosen_folds),
        recordings=np.repeat(np.arange(len(recorded)), [array.shape[2] for array in recorded]),
        sources=rows,
    )


def _recordings(activities: Sequence[Any], labels: Sequence[Any]) -> tuple[list[Array], list[Array]]:
    if not len(activities) or len(activities) != len(labels):
        raise InputError(f"labels: expected one column for each of {len(activities)} recordings, found {len(labels)}")
    recorded, columns = [], []
    for index, (activity, column) in enumerate(zip(activities, labels, strict=True)):
        found = validation.trajectories(f"activities[{index}]", activity)
        validation.finite(f"activities[{index}]", found)
        validation.label_codes(f"labels[{index}]", column, len(found))
        recorded.append(found)
        columns.append(np.asarray(column))
        if found.shape[1] != recorded[0].shape[1]:
            raise InputError(
                f"activities[{index}]: has {found.shape[1]} times, activities[0] has {recorded[0].shape[1]}; "
                "expected the same"
            )
        missing = np.setxor1d(columns[index], columns[0])
        if missing.size:
            raise InputError(f"labels[{index}]: label '{missing[0]}' is not in every recording; choose trials first")
    return recorded, columns


def _dealt(index: int, trials: Array, name: Any, n_folds: int, rng: np.random.Generator) -> list[Array]:
    if len(trials) < n_folds:
        raise InputError(
            f"labels[{index}]: '{name}' has {len(trials)} trials, n_folds={n_folds} needs at least {n_folds} of each"
        )
    mixed = rng.permutation(trials)
    return [mixed[fold::n_folds] for fold in range(n_folds)]


def _shares(count: int, n_folds: int) -> list[int]:
    count = validation.whole_number("trials_per_label", count, least=n_folds)
    return [len(range(fold, count, n_folds)) for fold in range(n_folds)]


def _draw(pool: Array, count: int, most: int, rng: np.random.Generator) -> Array:
    """Return ``count`` trials: each once where the recordings have enough, else whole pools repeated in new orders."""
    if count <= most:
        return rng.permutation(pool)[:count]
    rounds = -(-count // len(pool))
    return np.concatenate([rng.permutation(pool) for _ in range(rounds)])[:count]
