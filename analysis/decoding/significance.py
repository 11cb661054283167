"""Scores of predictions, and how often labels that say nothing score as high, over the whole matrix."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array
from .folds import Folds
from .predictions import Block, Predict

# Cells above this quantile of their own null form clusters.
CLUSTER_QUANTILE = 0.95


@dataclass(frozen=True, eq=False)
class Significance:
    """p-values of every cell (train time, test time): by itself, for the whole matrix by its maximum, and of clusters.

    ``cluster_labels`` are 0 outside clusters, k inside cluster k, whose p-value is ``cluster_p_values[k − 1]``;
    ``null`` (permutation, train time, test time) are the accuracies. ``exchange`` says in words what was permuted.
    """

    p_values: Array
    familywise_p_values: Array
    cluster_labels: Array
    cluster_p_values: Array
    null: Array
    exchange: str
    exact: bool

    def fields(self, *, keep_null: bool) -> dict[str, Any]:
        """Return the fields of the result that say it."""
        return {
            "p_values": self.p_values,
            "familywise_p_values": self.familywise_p_values,
            "cluster_labels": self.cluster_labels,
            "cluster_p_values": self.cluster_p_values,
            "n_permutations": len(self.null),
            "null_accuracy": self.null if keep_null else None,
        }

    def describe(self) -> str:
        """Return in words what was permuted."""
        count = f"all {len(self.null)} distinct" if self.exact else f"{len(self.null)}"
        return f"{count} permutations exchanged {self.exchange}"


def fold_scores(blocks: Iterable[Block], folds: Folds, count: int) -> tuple[Array, Array, int]:
    """Return the share of right predictions (fold, train time, test time), and how many fits were notable.

    Between them is that share of each trial at the training time, (trial, time), NaN for trials that no fold tests.
    """
    scores, hits, notable = np.empty((len(folds), count, count)), np.zeros((len(folds.codes), count)), 0
    for block in blocks:
        scores[block.folds, block.times] = _shares(block, folds.codes[None])[:, 0].transpose(1, 0, 2)
        own = np.diagonal(block.codes[:, 0, :, block.times], axis1=0, axis2=2)  # (tested trial, time)
        hits[block.trials, block.times] += own == folds.codes[block.trials, None]
        notable += block.notable
    tested = np.bincount(np.concatenate(folds.test), minlength=len(hits))[:, None]
    return scores, np.divide(hits, tested, out=np.full(hits.shape, np.nan), where=tested > 0), notable


def mean_scores(blocks: Iterable[Block], labels: Array, n_folds: int, count: int) -> Array:
    """Return the accuracy (label set, train time, test time): the mean over folds of their shares."""
    total = np.zeros((len(labels), count, count))
    for block in blocks:
        total[block.sets, block.times] += _shares(block, labels[block.sets]).sum(axis=2).transpose(1, 0, 2)
    return total / n_folds


def _shares(block: Block, labels: Array) -> Array:
    """Return the share of right predictions (train time, label set, fold, test time)."""
    right = block.codes == labels[:, block.trials][None, :, :, None]
    n_folds = block.folds.stop - block.folds.start
    by_fold = right.reshape(*right.shape[:2], n_folds, -1, right.shape[3])
    shares: Array = by_fold.sum(axis=3) / by_fold.shape[3]
    return shares


def permutation_test(
    predict: Predict, folds: Folds, accuracy: Array, n_permutations: int, groups: Array | None, seed: int
) -> Significance:
    """Return the significance of ``accuracy`` (train time, test time) against permuted labels.

    Labels are exchanged between trials that play the same part in all folds, so that the folds keep their composition
    and permutations share their factorisations. Where folds are such that this is impossible (drawn at random for
    balance, for instance), trials change places with label and part together, and every permutation is a refit;
    both are exact tests. With ``groups``, only trials of the same group are exchanged.
    """
    from ..statistics import Permutations, cluster_test, max_statistic_p_values, permutation_p_values

    codes, count = folds.codes, len(accuracy)
    parts = _parts(folds)
    within = parts if groups is None else _combined(parts, groups)
    if _mixed(within, codes, folds):
        exchange = "labels within folds" if not folds.leave_one_out else "labels"
        permutations = Permutations.of_labels(codes, n_permutations, seed=seed, groups=within)
        labels = codes[permutations.indices()]
        null = mean_scores(predict(folds, labels), labels, len(folds), count)
    else:
        exchange = "trials with their label and part"
        if groups is not None and not _any_mixed(groups, codes):
            raise InputError("groups: every group has one label throughout: no labels can be exchanged within groups")
        permutations = Permutations.of_labels(_combined(parts, codes), n_permutations, seed=seed, groups=groups)
        null = np.empty((permutations.n, count, count))
        for number, row in enumerate(permutations.indices()):
            moved, labels = folds.moved(np.argsort(row)), codes[row][None]
            null[number] = mean_scores(predict(moved, labels), labels, len(folds), count)[0]
    exact = permutations.exact
    threshold = np.quantile(null, CLUSTER_QUANTILE, axis=0)
    clusters = cluster_test(accuracy, null, threshold, mass="excess", exact=exact)
    return Significance(
        p_values=permutation_p_values(accuracy, null, exact=exact),
        familywise_p_values=max_statistic_p_values(accuracy, null, exact=exact),
        cluster_labels=clusters.labels,
        cluster_p_values=clusters.p_values,
        null=null,
        exchange=exchange if groups is None else f"{exchange}, within groups",
        exact=exact,
    )


def _parts(folds: Folds) -> Array:
    """Return which trials play the same part in all folds (trial,): equal codes. Trials that play none are alone."""
    if folds.leave_one_out:
        return np.zeros(len(folds.codes), np.int64)
    roles = folds.roles()
    parts = np.unique(roles, axis=0, return_inverse=True)[1].reshape(-1)
    idle = np.flatnonzero((roles == 0).all(axis=1))
    parts[idle] = parts.max() + 1 + np.arange(len(idle))
    return parts


def _combined(first: Array, second: Array) -> Array:
    pairs: Array = np.unique(np.stack([first, second], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    return pairs


def _mixed(blocks: Array, codes: Array, folds: Folds) -> bool:
    """Return whether every block of trials that are used holds more than one label."""
    used = np.unique(np.concatenate([*folds.train, *folds.test]))
    labels_per_block = [len(np.unique(codes[used][blocks[used] == block])) for block in np.unique(blocks[used])]
    return min(labels_per_block) > 1


def _any_mixed(blocks: Array, codes: Array) -> bool:
    return any(len(np.unique(codes[blocks == block])) > 1 for block in np.unique(blocks))
