"""Continuous data cut into trials: what lies where, what is missing, what is refused."""

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.readers.alignment import align_samples, align_spikes
from dynascope.readers.events import Events, epoch_of_trials, intervals_of_trials

STAMPS = np.arange(0, 20, 0.1)
SIGNAL = np.stack([STAMPS, -STAMPS], axis=1)


def events(times, lengths=None):
    times = np.asarray(times, float)
    return Events(times) if lengths is None else Events(times, times, times + np.asarray(lengths))


def test_spikes_of_trials_of_different_lengths_are_padded():
    found = align_spikes([np.array([0.05, 0.15, 1.05, 1.25])], events([0.0, 1.0], [0.3, 0.25]), bin=0.1)
    np.testing.assert_array_equal(found.values[:, :, 0], [[1, 1, 0], [1, 0, np.nan]])
    assert found.columns["n_samples"].tolist() == [3, 2]
    np.testing.assert_allclose(found.time, [0.05, 0.15, 0.25])


def test_a_given_window_reaches_beyond_the_trial():
    found = align_spikes([np.array([0.95, 1.05, 1.35])], events([1.0], [0.2]), window=(-0.1, 0.4), bin=0.1)
    assert found.values[0, :, 0].tolist() == [1, 1, 0, 0, 1]
    assert found.columns == {}


def test_bins_outside_the_observed_times_are_missing_not_silent():
    observed = [np.array([[0.0, 0.25], [0.3, 1.0]]), np.empty((0, 2))]
    found = align_spikes([np.array([0.05]), np.array([0.05])], events([0.0]), window=(0, 0.5), bin=0.1,
                         observed=observed)  # fmt: skip
    np.testing.assert_array_equal(found.values[0, :, 0], [1, 0, np.nan, 0, 0])
    assert not np.isnan(found.values[0, :, 1]).any()
    observed[0] = np.array([[0.3, 0.5], [0.0, 0.2], [0.1, 0.15], [0.2, 0.3]])
    found = align_spikes([np.array([0.05])], events([0.0]), window=(-0.1, 0.6), bin=0.1, observed=observed[:1])
    np.testing.assert_array_equal(np.isnan(found.values[0, :, 0]), [1, 0, 0, 0, 0, 0, 1])
    with pytest.raises(InputError, match="no unit was recorded then"):
        align_spikes([np.array([0.05])], events([5.0]), window=(0, 0.5), bin=0.1, observed=observed[:1])


def test_samples_on_the_moments_are_taken_as_they_are():
    found = align_samples(STAMPS, SIGNAL, events([1.0, 5.0]), window=(-0.2, 0.3))
    np.testing.assert_allclose(found.time, [-0.2, -0.1, 0.0, 0.1, 0.2], atol=1e-12)
    np.testing.assert_array_equal(found.values[1, :, 0], STAMPS[48:53])
    assert found.how == "samples as they are"


def test_between_samples_the_nearest_is_taken_and_the_distance_said():
    found = align_samples(STAMPS, SIGNAL, events([1.03, 5.0]), window=(-0.2, 0.3))
    np.testing.assert_allclose(found.values[:, :, 0], [np.arange(8, 13) / 10, np.arange(48, 53) / 10])
    assert found.how == "nearest samples of a grid, at most 30 ms away"


def test_a_gap_in_the_samples_is_missing():
    kept = np.r_[0:48, 51:200]
    found = align_samples(STAMPS[kept], SIGNAL[kept], events([1.0, 5.0]), window=(-0.3, 0.3))
    assert np.isnan(found.values[1, :, 0]).tolist() == [False, True, True, True, False, False]
    assert not np.isnan(found.values[0]).any()


def test_bins_hold_means_of_their_samples():
    found = align_samples(STAMPS + 0.05, SIGNAL, events([0.0, 1.0], [0.6, 0.4]), bin=0.2)
    np.testing.assert_allclose(found.values[:, :, 0], [[0.05, 0.25, 0.45], [1.05, 1.25, np.nan]], atol=1e-12)
    assert found.columns["n_samples"].tolist() == [3, 2]


def test_a_window_at_the_end_of_the_data_is_padded_and_one_beyond_refused():
    found = align_samples(STAMPS, SIGNAL, events([1.0, 19.8]), window=(0, 0.5))
    assert np.isnan(found.values[:, :, 0]).sum(axis=1).tolist() == [0, 3]
    assert found.columns["n_samples"].tolist() == [5, 2]
    with pytest.raises(InputError, match=r"trial 1 asks for 25 to 25.5 s and the data go from 0 to 19.9 s"):
        align_samples(STAMPS, SIGNAL, events([1.0, 25.0]), window=(0, 0.5))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "trials have no known begin and end; give window="),
        ({"window": (1, 0)}, "expected start < stop"),
        ({"window": "all"}, r"expected \(start, stop\) in seconds"),
        ({"window": (0, np.nan)}, "expected start < stop"),
        ({"window": (0, 0.5), "bin": 0.3}, "not a whole number of bins"),
    ],
)
def test_impossible_windows_are_refused(options, words):
    for align, data in ((align_spikes, ([np.ones(2)],)), (align_samples, (STAMPS, SIGNAL))):
        with pytest.raises(InputError, match=words):
            align(*data, events([1.0]), **{**options, "bin": options.get("bin", 0.1)})


def test_a_bin_longer_than_the_trials_is_refused():
    with pytest.raises(InputError, match=r"no more than the longest trial, 0.3 s"):
        align_spikes([np.ones(2)], events([0.0], [0.3]), bin=0.5)


def test_sample_times_must_increase():
    with pytest.raises(InputError, match=r"sample 1 at 0.0 s is not after the one before"):
        align_samples(np.zeros(3), np.ones((3, 1)), events([0.0]), window=(0, 1))
    with pytest.raises(InputError, match="found 2 sample times for 3 samples"):
        align_samples(np.arange(2.0), np.ones((3, 1)), events([0.0]), window=(0, 1))


def test_epochs_are_cut_to_the_window_and_missing_where_outside():
    starts, stops = np.array([-1.0, 0.2, 3.0, np.nan]), np.array([0.1, 0.3, 4.0, 0.2])
    edges = epoch_of_trials(starts, stops, (0.0, 1.0), 0.1)
    np.testing.assert_array_equal(edges, [[0, 0.1], [0.2, 0.3], [np.nan, np.nan], [np.nan, np.nan]])
    assert epoch_of_trials(starts[2:], stops[2:], (0.0, 1.0), 0.1) is None
    same = epoch_of_trials(np.array([0.1, 0.1 + 1e-12]), np.array([0.2, 0.2]), (0.0, 1.0), 0.1)
    assert same.shape == (2,)
    trials = events([0.0, 10.0])
    pairs = intervals_of_trials(np.array([0.5, 10.2]), np.array([0.6, 30.0]), trials, (0.0, 1.0))
    np.testing.assert_allclose(pairs, [[0.5, 0.6], [0.2, 20.0]])
    assert intervals_of_trials(np.array([0.1, 0.5]), np.array([0.2, 0.6]), trials, (0.0, 1.0)) is None
