"""The result saves, loads, prints and draws; the interval covers; pseudo-populations keep trials apart."""

import doctest
import importlib

import numpy as np
import pytest
from scikit_learn_loop import CLOSED, loop, recording

from dynascope import plotting
from dynascope.analysis import CrossTemporalDecoding, cross_temporal_decoding, pseudo_population


@pytest.fixture(scope="module")
def tested():
    activity, labels = recording(n_times=8)
    time, epochs = 0.05 * np.arange(8), {"cue": (0.05, 0.2), "after": (0.2, 9.0)}
    return cross_temporal_decoding(activity, labels, 2, 1, permutations=40, time=time, epochs=epochs, keep_null=True)


@pytest.mark.parametrize("module", ["cross_temporal", "leaks", "pseudo_population", "stability"])
def test_docstring_examples(module):
    found = doctest.testmod(importlib.import_module(f"dynascope.analysis.decoding.{module}"))
    assert found.attempted
    assert not found.failed


def test_a_result_survives_being_saved(tested, tmp_path):
    loaded = CrossTemporalDecoding.load(tested.save(tmp_path / "decoded.h5"))
    assert loaded.summary() == tested.summary()
    assert loaded.to_dict() == tested.to_dict()
    np.testing.assert_array_equal(loaded.null_accuracy, tested.null_accuracy)
    np.testing.assert_array_equal(loaded.significant, tested.significant)


def test_the_summary_says_what_was_done_and_found(tested):
    text = tested.summary()
    for words in (
        "lda (shrinkage 0.1), 4 labels, 60 trials, 80 units, 7 windows of 2 samples; 5 folds",
        "chance 0.250",
        "40 permutations",
        "stability",
        "exchanged labels within folds",
    ):
        assert words in text
    values = tested.to_dict()
    assert np.shape(values["accuracy"]) == (7, 7)
    assert len(values["diagonal"]) == 7
    assert values["parameters"]["window"] == 2


def test_pictures_have_axes_units_and_epochs(tested, tmp_path):
    figure = tested.figure()
    left, right = figure.axes[:2]
    assert left.get_xlabel() == "test time (s)"
    assert right.get_ylabel() == "accuracy"
    names = [text.get_text() for ax in left.child_axes for text in ax.get_xticklabels()]
    assert names == ["cue", "after"]
    plotting.save(figure, tmp_path / "both.png")
    alone = cross_temporal_decoding(*recording(n_times=1))
    assert alone.plot().get_xlabel() == "test time (sample)"
    assert alone.plot_diagonal().get_legend() is not None


def test_the_interval_covers_and_stays_within_bounds():
    rng = np.random.default_rng(0)
    labels = np.arange(100) % 2
    mean = 0.5 / np.sqrt(2)
    covered = []
    for _ in range(100):
        activity = rng.standard_normal((100, 1, 1)) + mean * (2 * labels - 1)[:, None, None]
        found = cross_temporal_decoding(activity, labels, cv=[(np.arange(50), np.arange(50, 100))])
        low, high = found.diagonal_interval()
        new = rng.standard_normal((4_000, 1, 1)) + mean * (2 * (np.arange(4_000) % 2) - 1)[:, None, None]
        both = np.concatenate([activity[:50], new])
        again = cross_temporal_decoding(
            both,
            np.arange(len(both)) % 2,
            cv=[(np.arange(50), np.arange(50, len(both)))],
            classifier="nearest_centroid",
        )
        covered.append(low[0] <= again.diagonal[0] <= high[0])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.06)
    perfect = cross_temporal_decoding(1e3 * labels[:, None, None] + rng.standard_normal((100, 1, 2)), labels)
    low, high = perfect.diagonal_interval()
    assert (low[0], high[0]) == pytest.approx((0.963, 1.0), abs=1e-3)


def test_pseudo_trials_are_put_together_after_the_split():
    rng = np.random.default_rng(0)
    columns = [np.array(["a", "b"])[np.arange(size) % 2] for size in (30, 24, 41)]
    recordings = [
        rng.standard_normal((len(column), 3, units)) for column, units in zip(columns, (4, 7, 2), strict=True)
    ]
    found = pseudo_population(recordings, columns, n_folds=4, seed=1)
    assert found.activity.shape == (24, 3, 13)
    assert found.recordings.tolist() == [0] * 4 + [1] * 7 + [2] * 2
    for index, (activity, column) in enumerate(zip(recordings, columns, strict=True)):
        sources = found.sources[:, index]
        assert len(np.unique(sources)) == len(sources)  # every trial once
        np.testing.assert_array_equal(found.activity[:, :, found.recordings == index], activity[sources])
        np.testing.assert_array_equal(column[sources], found.labels)
    for train, test in found.splits:
        assert not any(set(found.sources[train, index]) & set(found.sources[test, index]) for index in range(3))
    assert np.concatenate([test for _, test in found.splits]).size == 24


def test_repeated_trials_of_a_pseudo_population_stay_in_their_fold():
    rng = np.random.default_rng(0)
    columns = [np.arange(20) % 2, np.arange(30) % 2]
    recordings = [rng.standard_normal((len(column), 2, 30)) for column in columns]
    found = pseudo_population(recordings, columns, trials_per_label=50)
    assert np.bincount(found.labels).tolist() == [50, 50]
    for train, test in found.splits:
        assert not any(set(found.sources[train, index]) & set(found.sources[test, index]) for index in range(2))
    scores = cross_temporal_decoding(found.activity, found.labels, cv=found.splits).scores
    np.testing.assert_array_equal(scores, loop(found.activity, found.labels, CLOSED[0][1], found.splits))
    assert abs(scores.mean() - 0.5) < 0.2  # noise: dealing pseudo-trials to folds at random gives nearly 1
    leaky = cross_temporal_decoding(found.activity, found.labels)
    assert leaky.diagonal.mean() > 0.8


def test_pseudo_populations_refuse_recordings_that_do_not_match():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 3, 2)), np.arange(20) % 2
    with pytest.raises(ValueError, match=r"labels: expected one column for each of 2 recordings, found 1"):
        pseudo_population([x, x], [y])
    with pytest.raises(ValueError, match=r"activities\[1\]: has 2 times, activities\[0\] has 3"):
        pseudo_population([x, x[:, :2]], [y, y])
    with pytest.raises(ValueError, match=r"labels\[1\]: label '2' is not in every recording"):
        pseudo_population([x, x], [y, np.arange(20) % 3])
    with pytest.raises(ValueError, match=r"labels\[0\]: '0' has 10 trials, n_folds=11"):
        pseudo_population([x, x], [y, y], n_folds=11)
