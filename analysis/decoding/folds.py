"""Which trials train and which test: stratified, by group, by condition, one left out, or as the user says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array, label_codes

LEAVE_ONE_OUT = "leave_one_out"


@dataclass(frozen=True, eq=False)
class Folds:
    """Pairs of training and test trials; iterating gives (train, test) index arrays.

    ``codes`` (trial,) are the classes 0, 1, …, ``n_classes`` − 1 by which the folds were made. ``leave_one_out`` says
    that fold i tests trial i and trains on all others.
    """

    train: tuple[Array, ...]
    test: tuple[Array, ...]
    codes: Array
    names: tuple[str, ...]
    leave_one_out: bool = False

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return iter(zip(self.train, self.test, strict=True))

    def __len__(self) -> int:
        return len(self.train)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return int(self.codes.max()) + 1

    @property
    def n_tested(self) -> Array:
        """The number of trials that each fold tests (fold,)."""
        return np.array([len(test) for test in self.test])

    def roles(self) -> Array:
        """Return (trial, fold): 1 where a trial trains, 2 where it tests, 0 where it does neither."""
        roles = np.zeros((len(self.codes), len(self)), np.int8)
        for index, (train, test) in enumerate(self):
            roles[train, index], roles[test, index] = 1, 2
        return roles

    def moved(self, order: Array) -> "Folds":
        """Return the folds in which trial ``order[i]`` plays the part of trial i."""
        if self.leave_one_out:
            return self
        train, test = (tuple(order[part] for part in parts) for parts in (self.train, self.test))
        return replace(self, train=train, test=test)


def make_folds(
    cv: Any, codes: Array, class_names: Sequence[str], *, groups: Any, generalize: Any, balance: int, seed: int
) -> Folds:
    """Return the folds that the options of :func:`cross_temporal_decoding` ask for, checked.

    Raises
    ------
    InputError
        If the options contradict each other, or a fold cannot be trained or tested.
    """
    grouped = None if groups is None else label_codes("groups", groups, len(codes))[1]
    if generalize is not None:
        folds = _across_conditions(generalize, codes, grouped)
    elif isinstance(cv, str):
        if cv != LEAVE_ONE_OUT:
            raise InputError(f"cv: found {cv!r}, expected a number of folds, '{LEAVE_ONE_OUT}' or (train, test) pairs")
        folds = _leave_one_out(codes, grouped)
    elif isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        folds = _stratified(int(cv), codes, class_names, grouped, seed)
    else:
        folds = _given(cv, codes, grouped)
    _check_classes(folds, class_names)
    return balanced(folds, balance, seed) if balance else folds


def pair(train: Array, test: Array, codes: Array, class_names: Sequence[str]) -> Folds:
    """Return a single fold, checked."""
    if not len(train):
        raise InputError("labels: no trials are left to train on")
    folds = _numbered([train], [test], codes)
    _check_classes(folds, class_names)
    return folds


def _stratified(n_folds: int, codes: Array, class_names: Sequence[str], groups: Array | None, seed: int) -> Folds:
    """Deal the trials of every class (whole groups, where given) out evenly, at random: scikit-learn's splitters."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if n_folds < 2:
        raise InputError(f"cv: expected at least 2 folds, found {n_folds}")
    counts = np.bincount(codes)
    fewest = int(np.argmin(counts))
    if counts[fewest] < n_folds:
        raise InputError(
            f"labels: '{class_names[fewest]}' has {counts[fewest]} of {len(codes)} trials, cv={n_folds} folds need at "
            f"least {n_folds} of each label; use fewer folds or leave the label out"
        )
    nothing = np.zeros(len(codes))
    if groups is None:
        pairs = list(StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(nothing, codes))
    else:
        n_groups = int(groups.max()) + 1
        if n_groups < n_folds:
            raise InputError(f"groups: {n_groups} groups cannot be dealt to cv={n_folds} folds; use fewer folds")
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
        pairs = list(splitter.split(nothing, codes, groups))
    return _numbered([train for train, _ in pairs], [test for _, test in pairs], codes)


def _leave_one_out(codes: Array, groups: Array | None) -> Folds:
    if groups is not None:
        raise InputError("groups: one trial left out would leave its group in training; give the folds as pairs in cv")
    every = np.arange(len(codes))
    folds = _numbered([np.delete(every, trial) for trial in every], list(every[:, None]), codes)
    return replace(folds, leave_one_out=True)


def _across_conditions(generalize: Any, codes: Array, groups: Array | None) -> Folds:
    levels, conditions = label_codes("generalize", generalize, len(codes))
    names = tuple(map(str, levels))
    if len(names) < 2:
        raise InputError(f"generalize: found one condition, '{names[0]}': nothing is left to generalise to")
    train = [np.flatnonzero(conditions != condition) for condition in range(len(names))]
    test = [np.flatnonzero(conditions == condition) for condition in range(len(names))]
    folds = replace(_numbered(train, test, codes), names=names)
    _keep_groups_apart(folds, groups)
    return folds


def _given(cv: Any, codes: Array, groups: Array | None) -> Folds:
    """Return the user's pairs of index arrays or masks, refusing any trial on both sides."""
    try:
        pairs = [(train, test) for train, test in cv]
    except (TypeError, ValueError):
        raise InputError(
            f"cv: found {type(cv).__name__}, expected a number of folds, '{LEAVE_ONE_OUT}' or (train, test) pairs"
        ) from None
    if not pairs:
        raise InputError("cv: expected at least one (train, test) pair, found none")
    train, test = [], []
    for index, (training, tested) in enumerate(pairs):
        train.append(_trial_indices(f"cv[{index}] train", training, len(codes)))
        test.append(_trial_indices(f"cv[{index}] test", tested, len(codes)))
        both = np.intersect1d(train[-1], test[-1])
        if both.size:
            raise InputError(
                f"cv[{index}]: trial {both[0]} is in both train and test ({both.size} such trials); a decoder must "
                "never be tested on a trial that it was trained on"
            )
    folds = _numbered(train, test, codes)
    _keep_groups_apart(folds, groups)
    return folds


def _trial_indices(name: str, trials: Any, n: int) -> Array:
    found = np.asarray(trials)
    if found.dtype == np.bool_ and found.shape == (n,):
        found = np.flatnonzero(found)
    if found.ndim != 1 or found.size == 0 or found.dtype.kind not in "iu":
        raise InputError(
            f"{name}: expected trial numbers or a mask of {n} trials, found {found.dtype} of shape {found.shape}"
        )
    if found.min() < 0 or found.max() >= n:
        outside = found.min() if found.min() < 0 else found.max()
        raise InputError(f"{name}: found trial {outside}, expected 0 to {n - 1}")
    indices = np.unique(found)
    if len(indices) < len(found):
        raise InputError(f"{name}: found {len(found) - len(indices)} trials more than once")
    return indices.astype(np.int64)


def _keep_groups_apart(folds: Folds, groups: Array | None) -> None:
    if groups is None:
        return
    for index, (train, test) in enumerate(folds):
        if np.intersect1d(groups[train], groups[test]).size:
            raise InputError(f"groups: fold {index} trains and tests on trials of the same group")


def balanced(folds: Folds, repeats: int, seed: int) -> Folds:
    """Return every fold ``repeats`` times with as many trials of each class as its rarest class has, drawn anew."""
    rng = np.random.default_rng(seed)
    train, test = [], []
    for _ in range(repeats):
        for training, tested in folds:
            train.append(_equal_shares(training, folds.codes, rng))
            test.append(tested if folds.leave_one_out else _equal_shares(tested, folds.codes, rng))
    return _numbered(train, test, folds.codes)


def _equal_shares(trials: Array, codes: Array, rng: np.random.Generator) -> Array:
    members = [trials[codes[trials] == label] for label in np.unique(codes[trials])]
    fewest = min(map(len, members))
    return np.sort(np.concatenate([rng.permutation(group)[:fewest] for group in members]))


def _check_classes(folds: Folds, class_names: Sequence[str]) -> None:
    for name, (train, test) in zip(folds.names, folds, strict=True):
        trained = np.unique(folds.codes[train])
        if len(trained) < 2:
            raise InputError(
                f"fold {name}: all its {len(train)} training trials have label '{class_names[trained[0]]}'; "
                "expected at least two different labels"
            )
        unknown = np.setdiff1d(folds.codes[test], trained)
        if unknown.size:
            raise InputError(f"fold {name}: tests label '{class_names[unknown[0]]}', which it has no trial to train on")


def _numbered(train: Sequence[Array], test: Sequence[Array], codes: Array) -> Folds:
    return Folds(tuple(train), tuple(test), codes, tuple(str(index) for index in range(len(train))))
