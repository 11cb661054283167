"""Spike times into rates: counts equal to ``numpy.histogram``, rates and bands in Hz."""

import numpy as np
import pytest

from dynascope.analysis import psth, psth_of_spikes
from dynascope.errors import InputError


def session(seed=0, units=3, rate=20.0):
    rng = np.random.default_rng(seed)
    events = np.sort(rng.uniform(1, 59, 25))
    return [rng.uniform(0, 60, rng.poisson(60 * rate)) for _ in range(units)], events, rng.integers(0, 2, 25)


def histograms(times, events, edges):
    return np.stack([[np.histogram(train - event, edges)[0] for train in times] for event in events])


@pytest.mark.parametrize(("window", "bin"), [((-0.5, 1.0), 0.05), ((0.0, 0.3), 0.1), ((-1.0, -0.2), 0.02)])
def test_counts_are_those_of_histograms(window, bin):
    times, events, labels = session()
    found = psth_of_spikes(times, events, window, bin, labels)
    edges = window[0] + bin * np.arange(round((window[1] - window[0]) / bin) + 1)
    counts = histograms(times, events, edges).transpose(0, 2, 1)  # (trial, bin, unit)
    for code in (0, 1):
        np.testing.assert_array_equal(found.counts[code], counts[labels == code].sum(axis=0))
        np.testing.assert_allclose(found.mean[code], counts[labels == code].mean(axis=0) / bin)
        np.testing.assert_allclose(
            found.sem[code], counts[labels == code].std(axis=0, ddof=1) / np.sqrt((labels == code).sum()) / bin
        )
    np.testing.assert_allclose(found.time, (edges[1:] + edges[:-1]) / 2)
    assert (found.conditions, found.quantity, found.aligned) == (("0", "1"), "rate (Hz)", True)


def test_spikes_on_edges_belong_to_the_bin_that_begins_there():
    times = np.array([0.0, 0.1, 0.2, 0.3, 0.30001, -1e-9])
    edges = 0.1 * np.arange(4)
    found = psth_of_spikes(times, [0.0], (0, 0.3), 0.1)
    np.testing.assert_array_equal(found.counts[0, :, 0], np.histogram(times, edges)[0])


def test_rates_keep_their_units_through_baselines_and_smoothing():
    times, events, _ = session(rate=30)
    options = {"kernel": "gaussian", "width": 0.05}
    raw = psth_of_spikes(times, events, (-0.5, 0.5), 0.01, **options)
    assert raw.mean.mean() == pytest.approx(30, rel=0.05)
    before = raw.mean[0, raw.time < 0].mean(axis=0)
    found = psth_of_spikes(times, events, (-0.5, 0.5), 0.01, baseline=(-0.5, 0), **options)
    np.testing.assert_allclose(found.mean[0], raw.mean[0] - before, atol=1e-6)
    ratio = psth_of_spikes(times, events, (-0.5, 0.5), 0.01, baseline=(-0.5, 0), normalize="baseline", **options)
    np.testing.assert_allclose(ratio.mean[0], raw.mean[0] / before - 1, atol=1e-7)
    soft = psth_of_spikes(times, events, (-0.5, 0.5), 0.01, normalize="softmax", softening=5, **options)
    np.testing.assert_allclose(soft.mean[0], raw.mean[0] / (raw.mean[0].max(axis=0) + 5), atol=1e-7)


def test_poisson_bands_of_a_process_of_known_rate():
    rng = np.random.default_rng(1)
    events = np.arange(40) * 1.0
    times = [np.sort(rng.uniform(0, 40, rng.poisson(40 * 12.0))) for _ in range(150)]
    found = psth_of_spikes(times, events, (0, 1), 0.02, interval="poisson")
    assert ((found.low <= 12) & (found.high >= 12)).mean() == pytest.approx(0.95, abs=0.01)


def test_one_train_alone_and_a_silent_unit():
    found = psth_of_spikes([0.1, 0.2, 0.35], [0.0], (0, 0.4), 0.2)
    assert found.counts[0, :, 0].tolist() == [1, 2]
    assert psth_of_spikes([[0.1], []], [0.0], (0, 0.4), 0.2).mean[0, :, 1].tolist() == [0, 0]
    assert psth(np.ones((2, 3, 1)), np.arange(3.0)).counts is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[np.nan]], [0.0], (0, 1), 0.1), r"spike_times\[0\]\[0\] is nan"),
        (([[0.1]], [np.inf], (0, 1), 0.1), r"events\[0\] is inf"),
        (([[0.1]], [], (0, 1), 0.1), r"events: expected \(trial,\) times in seconds, at least one"),
        (([[0.1]], [0.0], (0, 1), 0.3), "not a whole number of bins"),
        (([[0.1]], [0.0], (1, 0), 0.1), "expected start < stop"),
        (([], [0.0], (0, 1), 0.1), "times: expected the spike times of at least one unit"),
        (([[0.1]], [0.0], (0, 1), 0.1, ["a", "b"]), "labels: expected one label for each of 1 trials"),
    ],
)
def test_bad_input_is_refused_by_name(arguments, words):
    with pytest.raises(InputError, match=words):
        psth_of_spikes(*arguments)


def test_alignment_is_refused_here():
    with pytest.raises(InputError, match="align: events and window say what is cut out"):
        psth_of_spikes([[0.1]], [0.0], (0, 1), 0.1, align=0.0)
