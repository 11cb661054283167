"""Codes of bursts and single spikes that are known: what is decoded from which, how surely, and the pictures."""

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import (
    BurstStatistics,
    CodeComparison,
    burst_statistics,
    burst_trains,
    compare_codes,
    decode_values,
)
from dynascope.analysis.bursts.features import code_features
from dynascope.analysis.statistics import Permutations


def test_the_standard_error_of_the_burst_fraction_is_its_spread_over_experiments():
    spikes, _, _ = ensemble(n_trials=6000, n_units=2)
    found = [
        burst_statistics(burst_trains(part, 0.001 * np.arange(400), 0.01), bin_width=0.4)
        for part in np.split(spikes, 200)
    ]
    fractions, errors = (
        np.array([getattr(each, name)[0, 0, 0] for each in found])
        for name in ("burst_fractions", "burst_fraction_sems")
    )
    assert np.sqrt(np.square(errors).mean()) == pytest.approx(fractions.std(ddof=1), rel=0.12)


def ensemble(seed=0, n_trials=120, n_units=6):
    """Return spikes, and what sets the event rate and the burst fraction of each trial, independent of each other.

    Events are 40 ms apart or more; a burst is two or three spikes 5 ms apart.
    """
    rng = np.random.default_rng(seed)
    rate, fraction = rng.permutation(np.arange(n_trials) % 2), rng.permutation(np.arange(n_trials) % 2)
    shape = (n_trials, 10, n_units)
    event = rng.random(shape) < np.where(rate, 0.6, 0.4)[:, None, None]
    burst = event & (rng.random(shape) < np.where(fraction, 0.65, 0.35)[:, None, None])
    third = burst & (rng.random(shape) < 0.4)
    spikes = np.zeros((n_trials, 10, 40, n_units), np.uint8)
    for offset, which in ((0, event), (5, burst), (10, third)):
        spikes[:, :, offset] |= which
    return spikes.reshape(n_trials, 400, n_units), rate, fraction


@pytest.fixture(scope="module")
def coded():
    spikes, rate, fraction = ensemble()
    trains = burst_trains(spikes, 0.001 * np.arange(400), 0.01)
    return trains, {name: compare_codes(trains, labels) for name, labels in (("rate", rate), ("fraction", fraction))}


def test_event_rate_and_burst_fraction_carry_one_variable_each(coded):
    _, found = coded

    def decoded(name):
        return dict(zip(found[name].codes, found[name].familywise_p_values <= 0.05, strict=True))

    assert decoded("rate")["events"]
    assert not decoded("rate")["burst_fraction"]
    assert decoded("fraction")["burst_fraction"]
    assert not decoded("fraction")["events"]
    assert decoded("rate")["singles_and_bursts"]
    assert decoded("fraction")["singles_and_bursts"]
    assert found["rate"].chance == 0.5
    assert found["rate"].p_values[1] == pytest.approx(1 / 201)  # the observed labels count among the 200
    for each in found.values():
        assert (each.familywise_p_values >= each.p_values).all()
        assert (each.familywise_p_values > each.p_values).any()
    means = np.mean([scores_of(ensemble(seed)) for seed in range(1, 13)], axis=0)  # (variable, code)
    (rate_from_events, rate_from_fraction), (fraction_from_events, fraction_from_fraction) = means
    assert min(rate_from_events, fraction_from_fraction) > 0.85
    # One experiment varies by 0.06, so the mean of 12 by 0.02.
    assert (rate_from_fraction, fraction_from_events) == pytest.approx((0.5, 0.5), abs=0.05)


def scores_of(drawn):
    spikes, *variables = drawn
    trains = burst_trains(spikes, 0.001 * np.arange(400), 0.01)
    codes = ("events", "burst_fraction")
    return [compare_codes(trains, labels, codes=codes, permutations=0).scores for labels in variables]


def test_differences_between_codes_are_of_the_same_trials(coded):
    _, found = coded
    each = found["rate"]
    events, fraction = each.codes.index("events"), each.codes.index("burst_fraction")
    np.testing.assert_allclose(each.differences, each.scores[:, None] - each.scores)
    np.testing.assert_allclose(each.difference_low, -each.difference_high.T)
    assert each.difference_low[events, fraction] > 0
    assert (each.difference_low <= each.differences + 1e-9).all()
    assert not np.diag(each.difference_high).any()
    assert ((each.low < each.scores) & (each.scores < each.high)).all()


def test_labels_that_say_nothing_are_decoded_at_the_stated_rate():
    """Calibration: familywise p ≤ 0.1 in about one of ten experiments, whichever code is best."""
    p_values = []
    for seed in range(40):
        spikes, _, _ = ensemble(seed, n_trials=24, n_units=2)
        trains = burst_trains(spikes, 0.001 * np.arange(400), 0.01)
        labels = np.random.default_rng(seed + 1000).permutation(np.arange(24) % 2)
        found = compare_codes(trains, labels, codes=("events", "burst_fraction"), folds=3, permutations=39, seed=seed)
        p_values.append(found.familywise_p_values.min())
    assert 0.01 < np.mean(np.array(p_values) <= 0.1) < 0.25


def test_values_are_decoded_by_ridge_regression(coded):
    trains, _ = coded
    _, rate, _ = ensemble()
    values = rate + 0.1 * np.random.default_rng(3).standard_normal(len(rate))
    found = compare_codes(trains, values=values, codes=["events", "burst_fraction"], permutations=70, folds=4)
    assert found.measure == "R²"
    assert found.scores[0] > 0.3 > 0.05 > found.scores[1]
    assert found.p_values[0] == pytest.approx(1 / 71)
    assert found.p_values[1] > 0.05
    assert found.low[0] + 0.02 < found.scores[0] < found.high[0] - 0.02
    # The null is that of the decoder itself, one permutation at a time.
    rates = trains.events.sum(axis=1) / 0.4
    null = [
        decode_values(rates[:, None], values[order], folds=4).r2[0]
        for order in Permutations.of_labels(values, 70).indices()
    ]
    assert found.null_bounds[0] == pytest.approx(np.quantile(null, 0.95), abs=1e-10)


def test_codes_see_the_events_of_the_window(coded):
    trains, _ = coded
    labels = np.random.default_rng(5).permutation(np.arange(120) % 2)
    spikes = trains.spikes.copy()
    spikes[labels == 1, 301:306:2] = 1  # a burst, only late
    late = burst_trains(spikes, trains.time, 0.01)
    scores = [
        compare_codes(late, labels, codes=["bursts"], window=window, permutations=0).scores[0]
        for window in ((0.0, 0.28), (0.28, 0.4))
    ]
    assert scores[0] < 0.65 < 0.9 < scores[1]


def test_the_burst_fraction_of_a_trial_without_events_is_that_of_all():
    spikes = np.zeros((4, 60, 2), np.uint8)
    spikes[0, [5, 9, 40], 0] = spikes[1, [5, 40], 0] = spikes[2, [5, 9], 0] = 1
    trains = burst_trains(spikes, 0.001 * np.arange(60), 0.01)
    [fractions] = code_features(trains, trains.recorded(), ["burst_fraction"])
    np.testing.assert_allclose(fractions, [[1 / 2, 0], [0, 0], [1, 0], [2 / 5, 0]])


def test_results_survive_being_saved(coded, tmp_path):
    trains, found = coded
    _, rate, _ = ensemble()
    statistics = burst_statistics(trains, labels=rate, groups=list("aabbbb"), epochs={"late": (0.2, 0.4)})
    for result, kind in ((statistics, BurstStatistics), (found["rate"], CodeComparison)):
        loaded = kind.load(result.save(tmp_path / "result.h5"))
        assert loaded.to_dict() == result.to_dict()
        assert loaded.summary() == result.summary()


def test_pictures_show_what_the_results_hold(coded):
    trains, found = coded
    _, rate, _ = ensemble()
    statistics = burst_statistics(trains, labels=rate, groups=list("aabbbb"))
    drawn = {line.get_label(): line for line in statistics.plot().get_lines()}
    assert list(drawn) == ["0, a", "0, b", "1, a", "1, b"]
    np.testing.assert_array_equal(drawn["1, a"].get_ydata(), statistics.burst_fractions[1, 0])
    drawn = {line.get_label(): line for line in statistics.plot_event_rate().get_lines()}
    np.testing.assert_array_equal(drawn["0, b"].get_ydata(), statistics.event_rates[0, 1])
    ax = statistics.plot_intervals()
    assert ax.get_lines()[0].get_xdata()[0] == pytest.approx(10)
    colours = [bar.get_facecolor() for bar in ax.patches if bar.get_x() + bar.get_width() <= 10.6]
    assert len(set(colours)) == 1
    ax = found["rate"].plot()
    assert [text.get_text() for text in ax.get_yticklabels()][-2:] == ["singles and bursts", "burst fraction"]
    np.testing.assert_array_equal(ax.get_lines()[0].get_xdata(), found["rate"].scores)
    plotting.figure_of(ax)
