"""Bursts: against plain loops, on the published bursting cell, and what is refused."""

import doctest
import importlib
import itertools

import numpy as np
import pytest

from dynascope.analysis import burst_statistics, burst_trains, compare_codes, firing_rates
from dynascope.errors import ConfigurationError, InputError
from dynascope.trainers.prc.cells import DT, loop
from dynascope.trainers.prc.simulation import simulate
from dynascope.trainers.prc.stimuli import steps


def poisson(*shape, rate=0.12, seed=0):
    return (np.random.default_rng(seed).random(shape) < rate).astype(np.uint8)


def plain_events(train, keep, dt, max_interval, min_spikes, merge_runs):
    """Return the events (lists of samples: a single spike or a burst) of one unit and trial in order."""
    groups, last = [], None
    for sample, count in enumerate(train):
        if not keep[sample]:
            last = None  # nothing reaches across
        elif not (merge_runs and sample and train[sample - 1] and keep[sample - 1]):
            for _ in range(count):
                if last is not None and (sample - last) * dt <= max_interval + 1e-9:
                    groups[-1].append(sample)
                else:
                    groups.append([sample])
                last = sample
    return [
        event for group in groups for event in ([group] if len(group) >= min_spikes else [[each] for each in group])
    ]


CASES = [(2, True, 1), (2, False, 1), (3, True, 1), (2, False, 3)]


@pytest.mark.parametrize(("min_spikes", "merge_runs", "most"), CASES)
def test_agrees_with_plain_loops(min_spikes, merge_runs, most):
    rng, dt, limit = np.random.default_rng(1), 0.002, 0.012
    spikes = poisson(5, 180, 4) * rng.integers(1, most + 1, (5, 180, 4))
    spikes[:, :, 3] = 0
    kept = np.ones((5, 180), bool)
    kept[1, 120:], kept[3, 60:70] = False, False
    window, inside = (0.05, 0.3), np.zeros((5, 180), bool)
    inside[:, 25:150] = kept[:, 25:150]
    trains = burst_trains(spikes, dt * np.arange(180), limit, min_spikes=min_spikes, merge_runs=merge_runs, mask=kept)
    found = burst_statistics(trains, window=window)
    seconds = inside.sum() * dt
    for unit in range(4):
        n_spikes, n_events, sizes, within, between = 0, 0, [], [], []
        for trial in range(5):
            events = plain_events(spikes[trial, :, unit], kept[trial], dt, limit, min_spikes, merge_runs)
            expected = {name: np.zeros(180) for name in ("spikes", "events", "singles", "bursts")}
            for event in events:
                np.add.at(expected["spikes"], event, 1)
                expected["events"][event[0]] += 1
                expected["singles" if len(event) == 1 else "bursts"][event[0]] += 1
                n_spikes += inside[trial, event].sum()
                n_events += inside[trial, event[0]]
                if len(event) > 1 and inside[trial, event[0]]:
                    sizes.append(len(event))
                within += [(b - a) * dt for a, b in itertools.pairwise(event) if inside[trial, b]]
            for one, two in itertools.pairwise(events):
                if inside[trial, two[0]] and kept[trial, one[-1] : two[0]].all():
                    between.append((two[0] - one[-1]) * dt)
            for name, train in expected.items():
                np.testing.assert_array_equal(getattr(trains, name)[trial, :, unit], train)
        assert found.unit_spike_rates[unit] == pytest.approx(n_spikes / seconds)
        assert found.unit_event_rates[unit] == pytest.approx(n_events / seconds)
        assert found.unit_burst_rates[unit] == pytest.approx(len(sizes) / seconds)
        same = {"nan_ok": True, "abs": 1e-12}
        assert found.unit_burst_fractions[unit] == pytest.approx(len(sizes) / n_events if n_events else np.nan, **same)
        assert found.spikes_per_burst[unit] == pytest.approx(np.mean(sizes) if sizes else np.nan, **same)
        assert found.within_intervals[unit] == pytest.approx(np.median(within) if within else np.nan, **same)
        assert found.between_intervals[unit] == pytest.approx(np.median(between) if between else np.nan, **same)
    assert found.unit_burst_rates[:3].all()


def test_curves_over_time_agree_with_plain_loops():
    spikes, dt, time = poisson(12, 100, 5), 0.01, 0.01 * np.arange(100) - 0.2
    labels, groups = np.repeat(["b", "a"], [5, 7]), np.array(["x", "y", "x", "y", "y"])
    kept = np.ones((12, 100), bool)
    kept[4, 70:] = False
    trains = burst_trains(spikes, time, 0.05, mask=kept)
    found = burst_statistics(trains, groups=groups, labels=labels, bin_width=0.3)
    assert (found.conditions, found.groups, found.n_trials) == (("a", "b"), ("x", "y"), (7, 5))
    np.testing.assert_allclose(found.edges, [-0.2, 0.1, 0.4, 0.7, 0.8])
    for (c, condition), (g, group), (b, start) in itertools.product(
        enumerate("ab"), enumerate("xy"), enumerate([0, 30, 60, 90])
    ):
        part, units = slice(start, start + 30), groups == group
        trials = [trial for trial in np.flatnonzero(labels == condition) if kept[trial, part].any()]
        bursts, events = (
            np.array([train[trial, part][:, units].sum() for trial in trials], float)
            for train in (trains.bursts, trains.events)
        )
        seconds = dt * np.array([kept[trial, part].sum() for trial in trials]) * units.sum()
        fraction = bursts.sum() / events.sum()
        n = (labels == condition).sum()  # a trial without samples in the bin adds nothing to the sums
        error = np.sqrt(n / (n - 1) * np.square(bursts - fraction * events).sum()) / events.sum()
        assert found.event_rates[c, g, b] == pytest.approx((events / seconds).mean())
        assert found.burst_rates[c, g, b] == pytest.approx((bursts / seconds).mean())
        spread = (events / seconds).std(ddof=1) / np.sqrt(len(trials))
        assert found.event_rate_sems[c, g, b] == pytest.approx(spread)
        assert found.burst_fractions[c, g, b] == pytest.approx(fraction)
        assert found.burst_fraction_sems[c, g, b] == pytest.approx(error)


@pytest.fixture(scope="module")
def published():
    """Soma only, dendrite only, both: the bursting experiment of figure 6 (Harkin et al. 2022)."""
    durations = (10, 100, 50, 100, 50, 100)
    somatic, dendritic = (steps(durations, on, DT) for on in ((0, 2, 0, 0, 0, 2), (0, 0, 0, 2, 0, 2)))
    soma = simulate(loop(), {"somatic": somatic, "dendritic": dendritic}, DT)["soma"]
    return (soma > 0)[None, :, None], 1e-3 * DT * np.arange(len(soma))


def test_the_published_cell_bursts_when_both_compartments_are_driven(published):
    spikes, time = published
    trains = burst_trains(spikes, time, 0.016)
    onsets = [1e3 * time[np.flatnonzero(train)] for train in (trains.spikes, trains.bursts, trains.singles)]
    alone = [24.0, 48.5, 77.6, 106.8]
    both = [323.2, 328.4, 335.2, 360.7, 369.2, 391.7, 400.8]
    np.testing.assert_allclose(onsets[0], alone + both, atol=0.051)
    np.testing.assert_allclose(onsets[1], [323.2, 360.7, 391.7], atol=0.051)
    np.testing.assert_allclose(onsets[2], alone, atol=0.051)
    assert np.bincount(trains.table.group)[-3:].tolist() == [3, 2, 2]
    assert trains.run_lengths[0] == 3
    both_driven = burst_statistics(trains, window=(0.31, 0.41))
    assert both_driven.unit_burst_fractions[0] == 1
    assert both_driven.spikes_per_burst[0] == pytest.approx(7 / 3)
    intervals = trains.table.steps[5:] * trains.dt * 1e3
    short = intervals[intervals < 16]
    assert (short.min(), short.max()) == (pytest.approx(5.2), pytest.approx(9.1))
    long = intervals[intervals >= 16]
    assert (long.min(), long.max()) == (pytest.approx(22.5), pytest.approx(25.5))
    soma_only = burst_statistics(trains, window=(0.01, 0.11))
    assert soma_only.unit_burst_fractions[0] == 0
    assert soma_only.unit_event_rates[0] == pytest.approx(40)


@pytest.mark.parametrize("max_interval", [0.0092, 0.016, 0.0224])
def test_any_interval_between_the_two_humps_separates_them(published, max_interval):
    spikes, time = published
    assert np.flatnonzero(burst_trains(spikes, time, max_interval).bursts).size == 3


def test_an_interval_of_exactly_the_limit_is_within_a_burst():
    time = 0.7 + 0.001 * np.arange(60)  # the mean step is a little above 0.001
    for step in range(2, 50):
        spikes = np.zeros((1, 60, 1))
        spikes[0, [3, 3 + step], 0] = 1
        assert burst_trains(spikes, time, 0.001 * step).bursts.sum() == 1
        assert burst_trains(spikes, time, 0.001 * (step + 0.9)).bursts.sum() == 1
        assert step == 2 or burst_trains(spikes, time, 0.001 * (step - 0.1)).bursts.sum() == 0


def test_nothing_reaches_from_trial_to_trial_or_from_unit_to_unit():
    spikes = np.zeros((2, 30, 2))
    spikes[0, 10, 0] = spikes[1, 14, 0] = spikes[0, 18, 1] = spikes[1, 22, 1] = 1
    trains = burst_trains(spikes, 0.001 * np.arange(30), 0.01)
    assert (trains.singles.sum(), trains.bursts.sum()) == (4, 0)
    assert burst_statistics(trains).interval_counts.sum() == 0
    assert burst_trains(spikes[:1], 0.001 * np.arange(30), 0.01).bursts.sum() == 0


def test_runs_of_two_samples_are_one_spike_or_a_burst():
    spikes = np.zeros((1, 30, 1), bool)
    spikes[0, [5, 6, 20, 21], 0] = True
    merged, apart = (burst_trains(spikes, 0.001 * np.arange(30), 0.004, merge_runs=each) for each in (True, False))
    assert (merged.spikes.sum(), merged.bursts.sum(), merged.singles.sum()) == (2, 0, 2)
    assert (apart.spikes.sum(), apart.bursts.sum(), apart.singles.sum()) == (4, 2, 0)
    assert merged.run_lengths[0] == apart.run_lengths[0] == 2


def test_padding_may_hold_anything():
    spikes, kept = poisson(4, 80, 2).astype(float), np.broadcast_to(np.arange(80) < 60, (4, 80))
    time = 0.001 * np.arange(80)
    padded = burst_trains(np.where(kept[:, :, None], spikes, np.nan), time, 0.008, mask=kept)
    short = burst_trains(spikes[:, :60], time[:60], 0.008)
    np.testing.assert_array_equal(padded.events[:, :60], short.events)
    assert not padded.events[:, 60:].any()
    found, expected = burst_statistics(padded), burst_statistics(short)
    for name in ("unit_event_rates", "unit_burst_fractions", "between_intervals"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    labels = np.arange(4) % 2
    codes = [compare_codes(trains, labels, folds=2, permutations=0) for trains in (padded, short)]
    np.testing.assert_array_equal(codes[0].scores, codes[1].scores)


def test_silent_units_are_nan_and_nothing_else_is():
    found = burst_statistics(burst_trains(np.zeros((3, 50, 2)), 0.001 * np.arange(50), 0.01))
    for name in ("unit_spike_rates", "unit_event_rates", "unit_burst_rates", "event_rates", "burst_rates"):
        assert not getattr(found, name).any()
    for name in ("unit_burst_fractions", "spikes_per_burst", "within_intervals", "run_lengths", "burst_fractions"):
        assert np.isnan(getattr(found, name)).all()
    assert "nan" not in found.summary()


@pytest.mark.parametrize("limit", [13, 61, 87, 140])
def test_the_histogram_holds_every_interval_and_is_cut_at_the_limit(limit):
    trains = burst_trains(poisson(6, 400, 3, rate=0.02), 0.001 * np.arange(400), 0.001 * limit)
    found = burst_statistics(trains)
    apart = np.concatenate(
        [np.diff(np.flatnonzero(trains.spikes[trial, :, unit])) for trial in range(6) for unit in range(3)]
    )
    assert found.interval_counts.sum() == len(apart)
    within = found.interval_edges[1:] < 0.001 * (limit + 0.6)
    assert found.interval_edges[1:][within][-1] == pytest.approx(0.001 * (limit + 0.5))
    assert found.interval_counts[within].sum() == (apart <= limit).sum()
    colours = {bar.get_x() < limit: bar.get_facecolor() for bar in found.plot_intervals().patches}
    assert colours[True] != colours[False]


def test_nothing_is_known_outside_the_window():
    trains = burst_trains(poisson(6, 400, 3), 0.001 * np.arange(400), 0.01)
    found, whole = (burst_statistics(trains, bin_width=0.1, window=window) for window in ((0.1, 0.2), None))
    for name in ("event_rates", "burst_rates", "burst_fractions", "event_rate_sems"):
        values = getattr(found, name)[0, 0]
        assert np.isnan(values).tolist() == [True, False, True, True]
        assert values[1] == getattr(whole, name)[0, 0, 1]


TRAINS = burst_trains(poisson(6, 40, 2), 0.001 * np.arange(40), 0.01)
REFUSED = [
    (lambda: burst_trains(np.full((1, 9, 1), 2), np.arange(9), 5), InputError, r"spikes: found 2 at index \(0, 0, 0\)"),
    (lambda: burst_trains(np.full((1, 9, 1), 0.5), np.arange(9), 5), InputError, r"spikes: found 0\.5"),
    (lambda: burst_trains(np.full((1, 9, 1), np.nan), np.arange(9), 5), InputError, "spikes: found nan"),
    (lambda: burst_trains(np.zeros((9, 1)), np.arange(9), 5), InputError, r"spikes: expected \(trial, time, unit\)"),
    (lambda: burst_trains(np.zeros((1, 9, 1)), np.arange(9) ** 2, 5), InputError, "time: .*at equal intervals"),
    (lambda: burst_trains(np.zeros((1, 9, 1)), None, 5), InputError, "time: expected times in seconds, found None"),
    (lambda: burst_trains(np.zeros((1, 9, 1)), np.arange(9), 1.9), InputError, r"max_interval: expected at least 2 s"),
    (lambda: burst_trains(np.zeros((1, 9, 1)), np.arange(9), np.nan), InputError, "max_interval: expected a positive"),
    (lambda: burst_trains(np.zeros((1, 9, 1)), np.arange(9), 5, min_spikes=1), ConfigurationError, "min_spikes"),
    (
        lambda: burst_trains(np.zeros((2, 9, 1)), np.arange(9), 5, mask=np.eye(2, 9, dtype=bool) * [[1], [0]] > 0),
        InputError,
        "mask: trial 1 has no recorded sample",
    ),
    (lambda: burst_statistics(TRAINS, groups=["a"]), InputError, "groups: expected one label for each of 2 units"),
    (lambda: burst_statistics(TRAINS, bin_width=1), InputError, "bin_width"),
    (lambda: burst_statistics(TRAINS, labels=[1, 2]), InputError, "labels: expected one label for each of 6 trials"),
    (lambda: burst_statistics(TRAINS, window=(1, 2)), InputError, "window: no sample of trial 0"),
    (lambda: compare_codes(TRAINS), ConfigurationError, "expected either labels or values"),
    (lambda: compare_codes(TRAINS, [0, 1] * 3, codes=["burst"]), InputError, "unknown code 'burst': did you mean"),
    (lambda: compare_codes(TRAINS, [0, 1] * 3, codes=[]), ConfigurationError, "codes: expected at least one"),
    (lambda: compare_codes(TRAINS, [0] * 6), InputError, "labels: all 6 are '0'"),
    (lambda: compare_codes(TRAINS, [0, 1] * 3), InputError, "labels: '0' has 3 of 6 trials, cv=5"),
    (lambda: compare_codes(TRAINS, values=[2.0] * 6, folds=2), InputError, r"values: all 6 are 2\.0"),
    (lambda: compare_codes(TRAINS, values=[1.0, 2.0]), InputError, "values: expected shape"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_bad_input_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("module", ["trains", "measure", "codes"])
def test_docstring_examples(module):
    found = doctest.testmod(importlib.import_module(f"dynascope.analysis.bursts.{module}"))
    assert found.attempted
    assert not found.failed


def test_rates_of_all_spikes_are_firing_rates():
    trains = burst_trains(poisson(5, 300, 3), 0.001 * np.arange(300), 0.01)
    expected = firing_rates(trains.spikes, 0.001).unit_rates
    np.testing.assert_allclose(burst_statistics(trains).unit_spike_rates, expected)
