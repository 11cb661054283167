"""Sums over the trials of each fold and label, from which everything that cross-fitting needs follows."""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..validation import Array
from .averages import averages, divide, sums
from .epochs import means_over
from .normalization import EpochSums, Moments
from .preparation import Preparation


@dataclass(frozen=True, eq=False)
class Fold:
    """Trials to choose with and trials to average, (trial,) bool each; both all trials when nothing is held out."""

    training: Array
    held_out: Array


def stratified_folds(codes: Array, n_folds: int, seed: int) -> list[Fold]:
    """Return folds in which every label is held out, in as equal numbers as possible.

    Raises
    ------
    InputError
        If a label has fewer trials than folds.
    """
    counts = np.bincount(codes)
    if counts.min() < n_folds:
        raise InputError(
            f"labels: label number {int(counts.argmin())} (sorted) has {int(counts.min())} trials; cross-fitting with "
            f"{n_folds} folds needs at least {n_folds} of each: use fewer folds (from 2) or join labels"
        )
    generator = np.random.default_rng(seed)
    member = np.empty(len(codes), np.int64)
    for code in range(len(counts)):
        own = generator.permutation(np.flatnonzero(codes == code))
        member[own] = np.arange(len(own)) % n_folds
    return [Fold(member != fold, member == fold) for fold in range(n_folds)]


def no_folds(n_trials: int) -> list[Fold]:
    """Return one fold that chooses with and averages all trials."""
    everyone = np.ones(n_trials, bool)
    return [Fold(everyone, everyone)]


@dataclass(frozen=True, eq=False)
class Reduced:
    """What is kept of the trials of all units.

    Attributes
    ----------
    totals, counts : ndarray, shape (fold, label, time, unit)
        Sums and numbers of held-out trials.
    variance : ndarray, shape (label, time, unit)
        Over all trials of a label.
    epochs : dict of ndarray, shape (trial, unit)
        Means in "epoch", which decides the preference, in "baseline" (the whole trial without one) and perhaps in
        "cue".
    baseline : EpochSums or None
    """

    totals: Array
    counts: Array
    variance: Array
    epochs: dict[str, Array]
    baseline: EpochSums | None

    def held_out(self, fold: int) -> tuple[Array, Array]:
        """Return the mean over the held-out trials of each label and their number, (label, time, unit)."""
        return divide(self.totals[fold], self.counts[fold]), self.counts[fold]

    def training_mean(self, fold: int) -> Array:
        """Return the mean over the training trials of each label, (label, time, unit)."""
        if len(self.totals) == 1:
            return self.held_out(0)[0]
        return divide(self.totals.sum(axis=0) - self.totals[fold], self.counts.sum(axis=0) - self.counts[fold])

    def moments(self, members: Array) -> Moments:
        """Return the moments of the baseline in groups of trials, (group, trial) bool."""
        if self.baseline is None:
            return Moments.none(self.variance.shape[-1])
        return self.baseline.moments(members)


def reduce_trials(
    prepared: Preparation, codes: Array, folds: list[Fold], epochs: dict[str, Array], *, with_moments: bool
) -> Reduced:
    """Return the sums over trials; ``epochs`` are (trial, time) bool by the names of :class:`Reduced`."""
    n_labels = int(codes.max()) + 1
    parts: dict[str, list[Array]] = {name: [] for name in ("totals", "counts", "variance")}
    means: dict[str, list[Array]] = {name: [] for name in epochs}
    baselines = []
    for block in prepared.blocks():
        known = ~np.isnan(block.cut)
        filled = np.where(known, block.cut, 0)
        own = [fold.held_out for fold in folds]
        parts["totals"].append(np.stack([sums(filled[rows], codes[rows], n_labels) for rows in own]))
        parts["counts"].append(np.stack([sums(known[rows], codes[rows], n_labels) for rows in own]))
        parts["variance"].append(averages(block.cut, codes, n_labels).variance)
        for name, inside in epochs.items():
            means[name].append(means_over(block.whole, inside))
        if with_moments:
            baselines.append(EpochSums.of(block.whole, epochs["baseline"]))
    joined = {name: np.concatenate(arrays, axis=-1) for name, arrays in parts.items()}
    of_units = {name: np.concatenate(arrays, axis=-1) for name, arrays in means.items()}
    return Reduced(**joined, epochs=of_units, baseline=EpochSums.joined(baselines) if baselines else None)
