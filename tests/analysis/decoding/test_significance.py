"""Permuted scores are those of refits, small designs are enumerated, and p-values of noise are uniform."""

import itertools

import numpy as np
import pytest
from scikit_learn_loop import CLOSED, ESTIMATORS, loop, name, recording

from dynascope.analysis import cross_temporal_decoding
from dynascope.analysis.decoding.classifiers import resolve
from dynascope.analysis.decoding.estimators import predictor
from dynascope.analysis.decoding.folds import make_folds
from dynascope.analysis.decoding.significance import mean_scores, permutation_test
from dynascope.analysis.decoding.windows import windowed


def permuted_within_folds(labels, splits, count, seed=0):
    rng = np.random.default_rng(seed)
    rows = np.tile(labels, (count, 1))
    for row in rows:
        for _, test in splits:
            row[test] = rng.permutation(row[test])
    return rows


def folds_of(cv, labels, **options):
    none = {"groups": None, "generalize": None, "balance": 0, "seed": 0}
    return make_folds(cv, labels, [str(label) for label in np.unique(labels)], **none | options)


@pytest.mark.parametrize("n_units", [70, 12])
@pytest.mark.parametrize("options", [*[options for options, _ in CLOSED], ESTIMATORS[8][0]], ids=name)
def test_permuted_scores_equal_refits(options, n_units):
    activity, labels = recording(60, n_units)
    folds = folds_of(5, labels)
    rows = permuted_within_folds(labels, folds, 20 if options["classifier"] != "svm" else 2)
    predict = predictor(windowed(activity, 1, 1), resolve(options["classifier"], dict(list(options.items())[1:]))[0])
    null = mean_scores(predict(folds, rows), rows, 5, 4)
    for permuted, accuracy in zip(rows, null, strict=True):
        refit = cross_temporal_decoding(activity, permuted, cv=list(folds), **options)
        np.testing.assert_allclose(accuracy, refit.accuracy, rtol=1e-14)


def test_permuted_scores_of_standardised_units_and_left_out_trials_equal_refits():
    activity, labels = recording(40, 50)
    rng = np.random.default_rng(0)
    rows = np.stack([rng.permutation(labels) for _ in range(4)])
    for cv, standardize in (("leave_one_out", False), (4, True)):
        folds = folds_of(cv, labels)
        rows = rows if cv != 4 else permuted_within_folds(labels, folds, 4)
        predict = predictor(windowed(activity, 1, 1), resolve("lda", {})[0], standardize=standardize)
        null = mean_scores(predict(folds, rows), rows, len(folds), 4)
        for permuted, accuracy in zip(rows, null, strict=True):
            refit = cross_temporal_decoding(activity, permuted, cv=list(folds), standardize=standardize)
            np.testing.assert_allclose(accuracy, refit.accuracy, rtol=1e-14)


def test_six_trials_are_enumerated():
    activity, _ = recording(6, 5, 2, 3)
    labels = np.array([0, 0, 0, 1, 1, 1])
    activity[labels == 1] += 1.0
    found = cross_temporal_decoding(
        activity, labels, cv="leave_one_out", classifier="ridge", permutations=20, keep_null=True
    )
    splits = [(np.delete(np.arange(6), trial), np.array([trial])) for trial in range(6)]
    null = []
    for chosen in itertools.combinations(range(6), 3):
        relabelled = np.isin(np.arange(6), chosen).astype(int)
        null.append(loop(activity, relabelled, CLOSED[4][1], splits).mean(axis=0))
    null = np.array(null)
    assert found.n_permutations == 20
    assert any("all 20 distinct" in note for note in found.notes)
    order = [np.sort(rows.reshape(20, -1), axis=0) for rows in (found.null_accuracy, null)]
    np.testing.assert_allclose(*order, rtol=1e-14)
    reached = null >= found.accuracy - 1e-12
    np.testing.assert_allclose(found.p_values, reached.mean(axis=0))
    largest = null.max(axis=(1, 2))
    expected = (largest[:, None, None] >= found.accuracy - 1e-12).mean(axis=0)
    np.testing.assert_allclose(found.familywise_p_values, expected)


def test_labels_are_exchanged_within_folds_and_groups():
    """With one trial of each label in each block, 2⁶ arrangements are all there are."""
    activity, labels = recording(12, 5, 2, 1)
    labels = np.arange(12) % 2
    blocks = np.arange(12) // 2
    found = cross_temporal_decoding(activity, labels, cv=3, groups=blocks, permutations=64, keep_null=True)
    assert found.n_permutations == 64
    assert len(found.null_accuracy) == 64
    assert "all 64 distinct permutations exchanged labels within folds, within groups" in found.notes


def test_trials_move_with_their_part_where_labels_cannot_be_exchanged():
    activity, labels = recording(60, 10, 2, 2, seed=1)
    keep = np.sort(np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:18]]))
    activity, labels = activity[keep], labels[keep]
    found = cross_temporal_decoding(activity, labels, balance=4, permutations=30, keep_null=True)
    assert any("trials with their label and part" in note for note in found.notes)
    assert abs(found.null_accuracy.mean() - 0.5) < 0.05
    assert found.p_values[1, 1] == pytest.approx(1 / 31)
    assert found.chance == 0.5


def test_trials_that_move_take_their_part_in_every_fold_along():
    activity, labels = recording(60, 10, 2, 2, seed=1)
    keep = np.sort(np.concatenate([np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)[:18]]))
    activity, labels = activity[keep], labels[keep]
    folds = folds_of(3, labels, balance=2)
    predict = predictor(windowed(activity, 1, 1), resolve("lda", {})[0])
    seen = []

    def recorded(moved, permuted):
        seen.append((moved, permuted))
        return predict(moved, permuted)

    accuracy = mean_scores(predict(folds, labels[None]), labels[None], len(folds), 2)[0]
    found = permutation_test(recorded, folds, accuracy, 5, None, 0)
    assert len(seen) == len(found.null) == 5
    for number, (moved, permuted) in enumerate(seen):
        for (train, test), (new_train, new_test) in zip(folds, moved, strict=True):
            for before, after in ((train, new_train), (test, new_test)):
                assert np.bincount(permuted[0, after]).tolist() == np.bincount(labels[before]).tolist()
        used = np.concatenate([moved.train[0], moved.test[0]])
        assert sorted(used) != sorted(np.concatenate([folds.train[0], folds.test[0]]))
        refit = cross_temporal_decoding(activity, permuted[0], cv=list(moved)).accuracy
        np.testing.assert_allclose(found.null[number], refit, rtol=1e-14)


def test_the_best_cell_of_noise_is_significant_as_often_as_it_should():
    """Uniform p-values over sets of noise: of a cell, of the maximum and of the largest cluster."""
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 2
    cell, familywise, clusters = [], [], []
    for seed in range(100):
        noise = rng.standard_normal((24, 4, 6)).cumsum(axis=1)
        found = cross_temporal_decoding(noise, labels, cv=4, classifier="nearest_centroid", permutations=19, seed=seed)
        cell.append(found.p_values[1, 2])
        familywise.append(found.familywise_p_values.min())
        clusters.append(min(found.cluster_p_values, default=1.0))
    for level in (0.1, 0.25):
        margin = 3.5 * np.sqrt(level * (1 - level) / 100)
        for p_values in (cell, familywise, clusters):
            assert np.mean(np.array(p_values) <= level + 1e-9) <= level + margin
        assert np.mean(np.array(familywise) <= level + 1e-9) >= level - margin - 0.05  # ties make it conservative


def test_a_code_is_found_where_it_is():
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    activity = rng.standard_normal((60, 9, 20))
    activity[:, 3:6] += rng.standard_normal((3, 20))[labels][:, None]
    found = cross_temporal_decoding(activity, labels, permutations=99)
    inside = np.zeros((9, 9), bool)
    inside[3:6, 3:6] = True
    np.testing.assert_allclose(found.familywise_p_values[inside], 0.01)
    assert (found.familywise_p_values[~inside] > 0.05).all()
    assert found.significant[inside].all()
    assert found.significant[~inside].mean() < 0.1
    assert found.stability == pytest.approx(1, abs=0.05)
    assert (found.p_values <= found.familywise_p_values + 1e-12).all()


def test_the_seed_decides_and_nothing_else():
    activity, labels = recording(40, 10)
    first, again, other = (cross_temporal_decoding(activity, labels, permutations=20, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.p_values, again.p_values)
    assert (first.scores != other.scores).any()
    assert first.null_accuracy is None
