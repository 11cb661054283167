"""Spike counts: equal to numpy.histogram of every unit and trial, to the last spike on an edge."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascope.errors import InputError
from dynascope.readers import bin_edges, count_spikes
from dynascope.readers import counts as counting


def histograms(spikes, events, edges):
    """The plain version: one histogram for each unit and trial."""
    return np.stack(
        [np.stack([np.histogram(np.asarray(unit) - event, edges)[0] for unit in spikes], -1) for event in events]
    )


# Times on a coarse grid of decimals fall on edges, and beside them by one rounding error, as often as between them.
TIMES = st.lists(st.integers(-300, 300).map(lambda number: number / 100), max_size=40)


@settings(max_examples=150, deadline=None)
@given(
    spikes=st.lists(TIMES, min_size=1, max_size=4),
    events=st.lists(st.integers(-100, 100).map(lambda number: number / 50), min_size=1, max_size=5),
    start=st.sampled_from([-1.1, -0.5, 0.0, 0.3]),
    bin=st.sampled_from([0.1, 0.02, 1 / 3, 0.007]),
    n_bins=st.integers(1, 30),
)
def test_counts_are_those_of_histogram(spikes, events, start, bin, n_bins):
    edges = start + bin * np.arange(n_bins + 1)
    spikes = [*spikes, np.concatenate([event + edges for event in events])]
    counts = count_spikes(spikes, events, edges)
    assert counts.dtype == np.float32
    np.testing.assert_array_equal(counts, histograms(spikes, events, edges))


def test_many_blocks_give_what_one_gives(monkeypatch):
    random = np.random.default_rng(0)
    spikes = [random.uniform(0, 100, 400) for _ in range(7)]
    events, edges = random.uniform(0, 100, 50), bin_edges((-0.5, 1.0), 0.01)
    whole = count_spikes(spikes, events, edges)
    monkeypatch.setattr(counting, "_BLOCK", 13)
    np.testing.assert_array_equal(count_spikes(spikes, events, edges), whole)
    np.testing.assert_array_equal(whole, histograms(spikes, events, edges))


def test_inputs_of_any_kind_are_left_as_they_are():
    spikes = np.array([3, 1, 2], np.int32)
    spikes.flags.writeable = False
    counts = count_spikes([spikes, np.array([], np.float16), spikes[::-1]], np.array([0, 1], np.float32), [0, 1, 2])
    assert counts[:, :, 0].tolist() == [[0, 2], [1, 2]]
    assert spikes.tolist() == [3, 1, 2]
    assert not counts[:, :, 1].any()


def test_no_events_and_no_units_give_empty_counts():
    assert count_spikes([[0.5]], [], [0, 1]).shape == (0, 1, 1)
    assert count_spikes([], [0.0], [0, 1]).shape == (1, 1, 0)
    assert count_spikes([[], []], [0.0], [0, 1]).tolist() == [[[0, 0]]]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: count_spikes([[0.0, np.nan]], [0.0], [0, 1]), r"spike_times\[0\]\[1\] is nan, expected finite"),
        (lambda: count_spikes([[0.0]], [0.0, np.inf], [0, 1]), r"events\[1\] is inf"),
        (lambda: count_spikes([[[0.0]]], [0.0], [0, 1]), r"spike_times\[0\]: found shape \(1, 1\)"),
        (lambda: count_spikes([[0.0]], [0.0], [0, 1, 3]), "edges: expected two or more, increasing in equal steps"),
        (lambda: count_spikes([[0.0]], [0.0], [0]), "edges: expected two or more"),
        (lambda: bin_edges((0, 1), 0.3), "not a whole number of bins of 0.3 s; .* a stop at 0.9 s"),
        (lambda: bin_edges((1, 0), 0.3), "expected start < stop and a bin above 0"),
        (lambda: bin_edges((0, 1), -0.1), "a bin above 0"),
        (lambda: bin_edges((0, 1), np.nan), "a bin above 0"),
        (lambda: bin_edges((0, 1), 1e-12), "more than 10000000 bins"),
    ],
)
def test_impossible_input_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
