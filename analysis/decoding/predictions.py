"""From closed-form decoders to predicted classes at every test time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..samples import row_chunks
from ..validation import Array
from .folds import Folds
from .linear import Discriminants, Fit, LinearDecoder
from .screening import Tested, predicted_classes, tested_trials
from .training import Moment, TrainingTrials, training_trials
from .windows import Windows

# Numbers of the training sets held at once: 32 MB of float64.
_HELD = 2**22
# Label sets fitted at once.
_SETS = 16


@dataclass(frozen=True, eq=False)
class Block:
    """Predicted classes ``codes`` (train time, label set, tested trial, test time) of some folds.

    ``trials`` are the tested trials, in equal shares for the folds ``folds``; ``times`` and ``sets`` say which
    training times and label sets the first two axes are. ``notable`` counts fits with something to report.
    """

    folds: slice
    trials: Array
    times: slice
    sets: slice
    codes: Array
    notable: int = 0


Predict = Callable[[Folds, Array], Iterator[Block]]
"""Folds and label sets (set, trial) → predictions: what every decoder becomes, once it has seen the activity."""


def linear_predictions(
    windows: Windows, decoder: LinearDecoder, folds: Folds, labels: Array, *, standardize: bool = False
) -> Iterator[Block]:
    """Yield the predictions of a closed-form decoder for label sets (set, trial).

    Factorisations are shared by all label sets; with ``standardize`` every fold divides units by their deviation
    over its training trials.
    """
    if folds.leave_one_out and decoder.leaves_one_out and not standardize:
        yield from _leave_one_out(windows, decoder, folds, labels)
        return
    many = len(labels) > 1
    n, count, p = windows.values.shape
    tests = _test_sets(windows, folds)
    groups = list(_fold_groups(folds, labels, 1 if standardize else max(1, _HELD // n**2)))
    held = 1 if many else max(1, min(count, _HELD // (n * (n + p))))
    for start, stop in row_chunks(count, held):
        moments = [windows.at(time) for time in range(start, stop)]
        for group in groups:
            fits = (_prepared(decoder, moment, group, many=many, standardize=standardize) for moment in moments)
            kept = list(fits) if many else fits  # one set of labels takes one turn: nothing to keep
            for first, last in row_chunks(len(labels), _SETS):
                found = [fit(group.codes[:, first:last]) for fit in kept]
                notable = sum(each.degenerate for each in found)
                for place, index in enumerate(group.folds):
                    chosen = _predict(found, place, tests(index), windows.origin, range(start, stop))
                    yield Block(
                        slice(index, index + 1), folds.test[index], slice(start, stop), slice(first, last),
                        group.classes[chosen], 0 if place else notable,
                    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _FoldGroup:
    """Folds that train on the same classes: their numbers, training trials, classes, and codes (fold, set, place)."""

    folds: Sequence[int]
    trials: TrainingTrials
    classes: Array
    codes: Array


def _fold_groups(folds: Folds, labels: Array, most: int) -> Iterator[_FoldGroup]:
    """Yield groups of at most ``most`` folds. All label sets have the same classes in the training set of a fold."""
    alike: dict[tuple[int, ...], list[int]] = {}
    for index, train in enumerate(folds.train):
        alike.setdefault(tuple(np.unique(labels[0, train]).tolist()), []).append(index)
    for classes, members in alike.items():
        codes = np.searchsorted(classes, labels).astype(np.int16)
        for start, stop in row_chunks(len(members), most):
            chosen = members[start:stop]
            trials = training_trials([folds.train[index] for index in chosen], labels.shape[1])
            yield _FoldGroup(chosen, trials, np.array(classes), trials.of(codes))


def _test_sets(windows: Windows, folds: Folds) -> Callable[[int], Tested]:
    """Return what gives the test trials of a fold: all at hand where folds share none, else made when asked for."""

    def made(index: int) -> Tested:
        return tested_trials(windows.values, folds.test[index])

    if folds.n_tested.sum() > len(windows.values):
        return made
    return [made(index) for index in range(len(folds))].__getitem__


def _prepared(decoder: LinearDecoder, moment: Moment, group: _FoldGroup, *, many: bool, standardize: bool) -> Fit:
    if not standardize:
        return decoder.prepare(moment, group.trials, len(group.classes), many=many)
    scaled, scale = moment.standardized(group.trials.indices[0])
    fit = decoder.prepare(scaled, group.trials, len(group.classes), many=many)

    def fit_scaled(codes: Array) -> Discriminants:
        found = fit(codes)
        return replace(found, weights=found.weights / scale)

    return fit_scaled


def _predict(found: Sequence[Discriminants], fold: int, tested: Tested, origin: Array, times: range) -> Array:
    """Return class indices (train time, set, trial, test time)."""
    weights = np.stack([each.weights[fold] for each in found])  # (train time, set, class, unit)
    offsets = np.stack([each.offsets[fold] for each in found])
    # Weights act on activity less its mean at the training time; that of a test time has another mean.
    shifts = np.stack([rows @ (origin - origin[time]).T for rows, time in zip(weights, times, strict=True)])
    shifts += offsets[..., None]
    chosen = predicted_classes(weights.reshape(-1, *weights.shape[2:]), shifts.reshape(-1, *shifts.shape[2:]), tested)
    return chosen.reshape(*weights.shape[:2], *chosen.shape[1:])


def _leave_one_out(windows: Windows, decoder: LinearDecoder, folds: Folds, labels: Array) -> Iterator[Block]:
    everyone = np.arange(len(windows.values))
    for time in range(windows.count):
        moment = windows.at(time)
        for row, codes in enumerate(labels):
            found = decoder.leave_one_out(moment, codes, folds.n_classes)
            weights, offsets = found.weights[0], found.offsets[0]  # (trial, class, unit)
            shifts = weights @ (windows.origin - windows.origin[time]).T + offsets[:, :, None]
            values = windows.values @ weights.transpose(0, 2, 1) + shifts.transpose(0, 2, 1)
            chosen = np.argmax(values, axis=-1)  # (trial, test time)
            fold, at, label_set = slice(0, len(everyone)), slice(time, time + 1), slice(row, row + 1)
            yield Block(fold, everyone, at, label_set, chosen[None, None], found.degenerate)
