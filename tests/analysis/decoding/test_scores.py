"""Scores are those of scikit-learn's classifiers in a plain loop, whatever the shape, the dtype and the folds."""

import h5py
import numpy as np
import pytest
from scikit_learn_loop import CLOSED, ESTIMATORS, loop, name, recording
from sklearn.model_selection import LeaveOneOut, StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from dynascope.analysis import cross_temporal_decoding
from dynascope.analysis.decoding import screening
from dynascope.analysis.decoding.folds import make_folds
from dynascope.analysis.decoding.linear import FixedShrinkage, NearestCentroid, Ridge
from dynascope.analysis.decoding.training import Moment, training_trials

# Fewer trials than units, more, as many, two labels with folds of unequal size.
SIZES = [(60, 80, 4), (90, 15, 3), (64, 51, 4), (43, 70, 2)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("options", "estimator"), ESTIMATORS, ids=name)
def test_scores_equal_a_loop_over_scikit_learn(size, options, estimator):
    activity, labels = recording(*size)
    splits = list(StratifiedKFold(5, shuffle=True, random_state=3).split(activity, labels))
    found = cross_temporal_decoding(activity, labels, seed=3, **options)
    assert found.scores.shape == (5, 4, 4)
    np.testing.assert_array_equal(found.scores, loop(activity, labels, estimator, splits))
    np.testing.assert_allclose(found.accuracy, found.scores.mean(axis=0), rtol=1e-15)
    assert found.accuracy[1:, 1:].mean() > 1.2 / size[2]  # there is something to find


@pytest.mark.parametrize("size", [(40, 60, 4), (40, 12, 2)], ids=str)
@pytest.mark.parametrize(("options", "estimator"), CLOSED, ids=name)
def test_leaving_one_trial_out_equals_the_loop(size, options, estimator):
    activity, labels = recording(*size, n_times=3)
    found = cross_temporal_decoding(activity, labels, cv="leave_one_out", **options)
    expected = loop(activity, labels, estimator, list(LeaveOneOut().split(activity)))
    np.testing.assert_array_equal(found.scores, expected)


@pytest.mark.parametrize("n_units", [50, 12])
@pytest.mark.parametrize("decoder", [FixedShrinkage(0.1), FixedShrinkage(0.9), Ridge(1.0), NearestCentroid()], ids=str)
def test_leaving_one_trial_out_has_the_discriminants_of_brute_force(decoder, n_units):
    activity, codes = recording(30, n_units, 3, 1)
    moment = Moment(activity[:, 0] - activity[:, 0].mean(axis=0))
    together = decoder.leave_one_out(moment, codes, 3)
    for trial in range(30):
        train = np.delete(np.arange(30), trial)
        alone = decoder.prepare(moment, training_trials([train], 30), 3, many=False)(codes[None, None, train])
        for values, expected in ((together.weights, alone.weights), (together.offsets, alone.offsets)):
            scale = np.abs(expected).max()
            np.testing.assert_allclose(values[0, trial] / scale, expected[0, 0] / scale, atol=1e-12)


@pytest.mark.parametrize(("options", "estimator"), [CLOSED[0], CLOSED[3], CLOSED[4], ESTIMATORS[8]], ids=name)
@pytest.mark.parametrize("n_units", [70, 15])
def test_standardised_units_equal_a_pipeline(options, estimator, n_units):
    activity, labels = recording(60, n_units)
    activity[:, :, 3] = 0.1  # a unit that does not vary is left alone
    splits = list(StratifiedKFold(5, shuffle=True, random_state=0).split(activity, labels))
    found = cross_temporal_decoding(activity, labels, standardize=True, **options)
    expected = loop(activity, labels, make_pipeline(StandardScaler(), estimator), splits)
    np.testing.assert_array_equal(found.scores, expected)
    assert "1 of" in found.summary()


def test_any_classifier_of_scikit_learn_can_be_handed_in():
    activity, labels = recording()
    estimator = make_pipeline(StandardScaler(), LinearSVC(random_state=0))
    splits = list(StratifiedKFold(4, shuffle=True, random_state=0).split(activity, labels))
    found = cross_temporal_decoding(activity, labels, classifier=estimator, cv=4)
    np.testing.assert_array_equal(found.scores, loop(activity, labels, estimator, splits))


def test_users_splits_may_overlap_repeat_and_train_on_some_labels_only():
    activity, labels = recording(100)
    two = np.flatnonzero(labels < 2)
    mask = np.zeros(100, bool)
    mask[20:60] = True
    splits = [
        (np.arange(40), np.arange(40, 100)),
        (two[5:], two[:5]),
        (~mask, mask),
        (np.arange(40), np.arange(70, 90)),
    ]
    found = cross_temporal_decoding(activity, labels, cv=splits)
    for index, (train, test) in enumerate(splits):
        alone = cross_temporal_decoding(activity, labels, cv=[(train, test)])
        np.testing.assert_array_equal(found.scores[index], alone.scores[0])
    np.testing.assert_array_equal(found.scores, loop(activity, labels, CLOSED[0][1], splits))


def test_groups_are_kept_together():
    activity, labels = recording(80)
    groups = np.arange(80) // 5
    splits = list(StratifiedGroupKFold(4, shuffle=True, random_state=1).split(activity, labels, groups))
    found = cross_temporal_decoding(activity, labels, cv=4, seed=1, groups=groups)
    np.testing.assert_array_equal(found.scores, loop(activity, labels, CLOSED[0][1], splits))


def test_generalisation_trains_on_all_other_conditions():
    activity, labels = recording()
    context = np.array(["x", "y", "z"])[np.arange(60) // 20]
    found = cross_temporal_decoding(activity, labels, generalize=context)
    splits = [(np.flatnonzero(context != name), np.flatnonzero(context == name)) for name in "xyz"]
    assert found.folds == ("x", "y", "z")
    np.testing.assert_array_equal(found.scores, loop(activity, labels, CLOSED[0][1], splits))


def test_another_recording_of_the_same_units_is_tested_whole():
    activity, labels = recording()
    later, later_labels = activity[40:] * 1.1, labels[40:]
    found = cross_temporal_decoding(activity[:40], labels[:40], test=(later, later_labels))
    both = np.concatenate([activity[:40], later])
    expected = loop(both, labels, CLOSED[0][1], [(np.arange(40), np.arange(40, 60))])
    np.testing.assert_array_equal(found.scores, expected)
    assert found.n_tested.tolist() == [20]


def test_balanced_draws_have_equally_many_trials_of_each_label():
    activity, labels = recording(90)
    keep = np.concatenate([np.flatnonzero(labels != 0), np.flatnonzero(labels == 0)[:10]])
    activity, labels = activity[keep], labels[keep]
    folds = make_folds(5, labels, list("abcd"), groups=None, generalize=None, balance=3, seed=0)
    assert len(folds) == 15
    for train, test in folds:
        assert np.ptp(np.bincount(labels[train])) == 0
        assert np.ptp(np.bincount(labels[test])) == 0
        assert not set(train) & set(test)
    assert any(set(folds.train[0]) != set(folds.train[fold]) for fold in (5, 10))
    found = cross_temporal_decoding(activity, labels, balance=3)
    assert found.chance == pytest.approx(0.25)
    np.testing.assert_array_equal(found.scores, loop(activity, labels, CLOSED[0][1], list(folds)))


def test_windows_are_means_over_samples():
    activity, labels = recording(n_times=11)
    found = cross_temporal_decoding(activity, labels, 3, 2, time=np.arange(11) * 0.1)
    means = np.stack([activity[:, start : start + 3].mean(axis=1) for start in range(0, 9, 2)], axis=1)
    np.testing.assert_array_equal(found.scores, cross_temporal_decoding(means, labels).scores)
    np.testing.assert_allclose(found.time, [0.1, 0.3, 0.5, 0.7, 0.9])


def test_any_array_of_numbers_works_and_stays_as_it_is(tmp_path):
    whole, labels = recording()
    integers = np.round(20 * whole).astype(np.int16)
    expected = cross_temporal_decoding(integers.astype(float), labels).scores
    np.testing.assert_array_equal(cross_temporal_decoding(integers, labels.tolist()).scores, expected)
    half = whole.astype(np.float16)
    expected = cross_temporal_decoding(half.astype(float), labels).scores
    half.flags.writeable = False
    np.testing.assert_array_equal(cross_temporal_decoding(half, labels.astype(str)).scores, expected)
    spread = np.moveaxis(np.ascontiguousarray(np.moveaxis(whole, 1, 2)), 1, 2)
    before = spread.copy()
    expected = cross_temporal_decoding(whole, labels).scores
    np.testing.assert_array_equal(cross_temporal_decoding(spread, labels).scores, expected)
    np.testing.assert_array_equal(spread, before)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["activity"] = whole
        np.testing.assert_array_equal(cross_temporal_decoding(file["activity"], labels).scores, expected)


def test_float32_gives_the_same_scores():
    activity, labels = recording(90, 60)
    single = cross_temporal_decoding(activity.astype(np.float32), labels)
    np.testing.assert_array_equal(single.scores, cross_temporal_decoding(activity, labels).scores)


def test_scale_and_mean_of_the_activity_cost_no_digits():
    activity, labels = recording()
    expected = cross_temporal_decoding(activity, labels).scores
    for changed in (1e-120 * activity, 1e120 * activity, activity + 1e6):
        np.testing.assert_array_equal(cross_temporal_decoding(changed, labels).scores, expected)


def test_blocks_do_not_change_the_answer(monkeypatch):
    activity, labels = recording(90, 30)
    expected = cross_temporal_decoding(activity, labels).scores
    monkeypatch.setattr(screening, "_BLOCK", 50)
    np.testing.assert_array_equal(cross_temporal_decoding(activity, labels).scores, expected)


@pytest.mark.parametrize("few", [0.0, 1.0])
def test_close_calls_are_decided_in_double_precision(monkeypatch, few):
    """Labels that differ by less than single precision resolves, one by one and in whole blocks."""
    monkeypatch.setattr(screening, "_FEW", few)
    rng = np.random.default_rng(0)
    weights = np.repeat(rng.standard_normal((2, 2, 30)), [1, 2], axis=1)  # two classes far from a third
    weights += 1e-9 * rng.standard_normal(weights.shape)
    shifts = 1e-9 * rng.standard_normal((2, 3, 5))
    trials = rng.standard_normal((8, 5, 30))
    values = np.einsum("scp,itp->scit", weights, trials) + shifts[:, :, None]
    found = screening.predicted_classes(weights, shifts, screening.tested_trials(trials, np.arange(8)))
    np.testing.assert_array_equal(found, values.argmax(axis=1))
    assert len(np.unique(found)) == 3


def test_many_labels_are_counted_right():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(300), 2)
    centres = rng.standard_normal((300, 20))
    activity = centres[labels][:, None] + 0.01 * rng.standard_normal((600, 1, 20))
    found = cross_temporal_decoding(activity, labels, cv=2, classifier="nearest_centroid")
    assert found.accuracy.tolist() == [[1.0]]


HITS = [{}, {"classifier": "logistic"}, {"shrinkage": "auto"}]


@pytest.mark.parametrize("options", HITS, ids=str)
def test_hits_are_the_trials_behind_the_diagonal(options):
    activity, labels = recording(60, 8, 3)
    split = np.array_split(np.random.default_rng(0).permutation(60)[:50], 4)
    pairs = [(np.concatenate(split[:i] + split[i + 1 :]), test) for i, test in enumerate(split)]
    found = cross_temporal_decoding(activity, labels, cv=pairs, keep_hits=True, **options)
    for scores, test in zip(found.scores, split, strict=True):
        assert set(np.unique(found.hits[test])) <= {0, 1}
        np.testing.assert_allclose(found.hits[test].mean(axis=0), np.diagonal(scores))
    assert np.isnan(found.hits).all(axis=1).sum() == np.isnan(found.hits).any(axis=1).sum() == 10


def test_hits_are_shares_of_all_tests_of_a_trial():
    activity, labels = recording(40, 8, 2)
    halves = np.split(np.random.default_rng(0).permutation(40), 2)
    pairs = [(halves[0], halves[1]), (halves[0][:15], halves[1])]
    first, second, both = (
        cross_temporal_decoding(activity, labels, cv=cv, keep_hits=True).hits for cv in ([pairs[0]], [pairs[1]], pairs)
    )
    np.testing.assert_array_equal(both, (first + second) / 2)
    assert (both == 0.5).any()
    alone = cross_temporal_decoding(activity, labels, cv="leave_one_out", keep_hits=True)
    np.testing.assert_array_equal(alone.hits, np.diagonal(alone.scores, axis1=1, axis2=2))
    assert cross_temporal_decoding(activity, labels).hits is None
