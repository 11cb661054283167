"""Averages over stages and over training: the published estimate exactly, and intervals that cover between networks."""

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import (
    StagePSTH,
    TrainingGrowth,
    assign_stages,
    preferred_psth,
    select_units,
    stage_psth,
    training_growth,
)
from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import Recording

LABELS = np.tile(np.arange(8), 6)
TIME = 0.1 * np.arange(15)
CUE, BASE, DELAY = (0.5, 1.0), (0.0, 0.5), (1.0, 1.5)


def during(start, stop):
    return (start - 1e-9 <= TIME) & (stop - 1e-9 > TIME)


def network(seed, gains, units=10):
    """Checkpoints of one network whose delay response is the gain."""
    rng = np.random.default_rng(seed)
    shape = np.cos((LABELS[:, np.newaxis] - np.arange(units) % 8) * np.pi / 4)[:, np.newaxis]
    cue, delay = (during(*epoch) for epoch in (CUE, DELAY))
    drive = np.array([2 * cue + gain * delay for gain in gains])[:, np.newaxis, :, np.newaxis]
    return list(5 + drive * shape + 0.5 * rng.standard_normal((len(gains), len(LABELS), len(TIME), units)))


GAINS = np.array([0, 0, 0.5, 1, 1.5, 1.5])
STAGES = ["early", "early", "mid", "mid", "mature", "mature"]


def test_published_stage_curves_are_means_over_units_then_checkpoints():
    """Populations differ between checkpoints, so that a mean over all units and checkpoints would be another."""
    runs = network(0, GAINS)
    runs[1][:, 5:10, :4] = 5 + 0.5 * np.random.default_rng(1).standard_normal((len(LABELS), 5, 4))
    options = {"mode": "published", "population": "selective", "baseline": BASE, "normalize": "baseline"}
    found = stage_psth(runs, TIME, LABELS, STAGES, epoch=CUE, **options)
    sizes = []
    for stage, name in enumerate(found.stages):
        checkpoints = [run for run, own in zip(runs, STAGES, strict=True) if own == name]
        curves = []
        for run in checkpoints:
            selection = select_units(run, TIME, LABELS, CUE, BASE, mode="published")
            one = preferred_psth(run, TIME, LABELS, CUE, mode="published", baseline=BASE, normalize="baseline")
            curves.append(one.mean[:, :, selection.population].mean(axis=2))
            sizes.append(selection.population.sum())
        np.testing.assert_allclose(found.mean[stage], np.mean(curves, axis=0), rtol=1e-10)
    assert len(set(sizes)) > 1
    np.testing.assert_allclose(found.n_units, np.reshape(sizes, (3, 2)).mean(axis=1))
    assert found.n_checkpoints.tolist() == [2, 2, 2]


def test_growth_of_the_delay_is_found_with_its_size():
    runs = [run for seed in range(4) for run in network(seed, GAINS)]
    found = stage_psth(
        runs, TIME, LABELS, STAGES * 4, epoch=CUE, networks=np.repeat(np.arange(4), 6), baseline=BASE, measure=DELAY
    )
    assert (found.drawn, found.n_drawn.tolist(), found.n_networks.tolist()) == ("networks", [4] * 3, [4] * 3)
    np.testing.assert_allclose(found.epoch_mean[:, 0], [0, 0.75, 1.5], atol=0.05)
    np.testing.assert_allclose(found.epoch_mean[:, 1], [0, -0.75, -1.5], atol=0.05)
    pair = found.pairs.index(("early", "mature"))
    np.testing.assert_allclose(found.epoch_difference[pair], found.epoch_mean[2] - found.epoch_mean[0], atol=1e-12)
    assert found.epoch_difference_low[pair, 0] > 1
    np.testing.assert_allclose(found.epoch_mean, found.mean[:, :, during(*DELAY)].mean(axis=2), rtol=1e-12)
    assert "mature − early" in found.summary()


def nested(rng, shape, deviations, n_times=1):
    """Checkpoints (1 trial, time, unit) of networks in seeds, with known variances between seeds, networks and units.

    Times are independent data sets.
    """
    seeds, networks, units = shape
    sizes = [(seeds, 1, n_times, 1), (seeds, networks, n_times, 1), (seeds, networks, n_times, units)]
    total = sum(deviation * rng.standard_normal(size) for deviation, size in zip(deviations, sizes, strict=True))
    return list(total.reshape(seeds * networks, 1, n_times, units))


@pytest.mark.parametrize("interval", ["student", "percentile"])
@pytest.mark.parametrize(
    ("shape", "deviations"),
    [((2, 1, 6), (1, 0, 1)), ((5, 1, 8), (1, 0, 2)), ((4, 3, 5), (1, 0.7, 1.5)), ((1, 4, 5), (0, 1, 1)),
     ((1, 1, 12), (0, 0, 1))],
)  # fmt: skip
def test_intervals_cover_whatever_varies(shape, deviations, interval):
    """Over 4000 sets of networks; with one network and one seed those are fixed, and only units vary."""
    networks = np.arange(shape[0] * shape[1])
    runs = nested(np.random.default_rng(0), shape, deviations, n_times=4000)
    found = stage_psth(
        runs, np.arange(4000.0), None, ["only"] * len(runs), networks=networks, seeds=networks // shape[1],
        n_resamples=1000, interval=interval,
    )  # fmt: skip
    covered = ((found.low <= 0) & (found.high >= 0)).mean()
    if interval == "student":
        assert covered == pytest.approx(0.95, abs=0.012)
    else:  # what quantiles of so few groups can do
        assert 0.6 < covered < 0.97


def test_student_interval_is_that_of_network_means():
    runs = nested(np.random.default_rng(1), (1, 6, 5), (0, 1, 1))
    found = stage_psth(runs, [0.0], None, ["x"] * 6, networks=np.arange(6), n_resamples=20_000)
    means = np.mean(runs, axis=(1, 2, 3))
    reach = stats.t.ppf(0.975, 5) * stats.sem(means)
    assert found.mean[0, 0, 0] == pytest.approx(means.mean())
    assert found.high[0, 0, 0] - found.mean[0, 0, 0] == pytest.approx(reach, rel=0.03)
    wide = stage_psth(runs, [0.0], None, ["x"] * 6, networks=np.arange(6), interval="percentile")
    assert wide.low[0, 0, 0] < wide.mean[0, 0, 0] < wide.high[0, 0, 0]


def test_networks_count_alike_whatever_their_sizes_and_seeds_too():
    runs = [np.full((1, 1, units), value) for units, value in ((3, 0.0), (30, 1.0), (5, 5.0))]
    by_network = stage_psth(runs, [0.0], None, ["x"] * 3, networks=[0, 1, 2])
    assert by_network.mean[0, 0, 0] == pytest.approx(2)
    by_seed = stage_psth(runs, [0.0], None, ["x"] * 3, networks=[0, 1, 2], seeds=[0, 0, 1])
    assert by_seed.mean[0, 0, 0] == pytest.approx((0.5 + 5) / 2)
    assert by_seed.drawn == "seeds"


def test_differences_are_within_networks():
    """Networks differ by far more than their stages do."""
    rng = np.random.default_rng(2)
    offsets = 10 * rng.standard_normal(5)
    runs = [
        np.full((1, 1, 4), offset + gain) + 0.1 * rng.standard_normal((1, 1, 4))
        for offset in offsets
        for gain in (0, 1)
    ]
    found = stage_psth(runs, [0.0], None, ["early", "mature"] * 5, networks=np.repeat(np.arange(5), 2))
    assert found.high[0, 0, 0] - found.low[0, 0, 0] > 10
    assert 0.5 < found.difference_low[0, 0, 0] < 1 < found.difference_high[0, 0, 0] < 1.5


def test_one_network_draws_units_and_says_so():
    found = stage_psth(network(0, GAINS), TIME, LABELS, STAGES, epoch=CUE)
    assert found.drawn == "units"
    assert "not for other networks" in found.summary()
    assert np.isfinite(found.low).all()


def test_a_stage_that_one_network_reached_has_no_interval():
    runs = nested(np.random.default_rng(3), (1, 3, 4), (0, 1, 1))
    found = stage_psth(runs, [0.0], None, ["early", "early", "mature"], networks=[0, 1, 2])
    assert np.isfinite(found.low[0]).all()
    assert np.isnan(found.low[1]).all()
    assert "no interval for stages that fewer than two of them reached" in found.summary()


def recordings(seed, rule="odr"):
    for number, activity in enumerate(network(seed, GAINS)):
        yield Recording(
            activity, TIME, trials={"location": LABELS}, epochs={"fix1": BASE, "stim1": CUE, "delay1": DELAY},
            attrs={"performance": [0.2, 0.3, 0.5, 0.6, 0.8, 1.0][number], "trials_seen": 1280 * number, "rule": rule},
        )  # fmt: skip


def test_recordings_bring_their_own_times_labels_epochs_and_performance():
    found = stage_psth(list(recordings(0)), labels="location", epoch="stim1", baseline="fix1", measure="delay1")
    expected = stage_psth(network(0, GAINS), TIME, LABELS, STAGES, epoch=CUE, baseline=BASE, measure=DELAY)
    np.testing.assert_array_equal(found.mean, expected.mean)
    np.testing.assert_array_equal(found.epoch_low, expected.epoch_low)
    np.testing.assert_allclose(found.performance, [0.25, 0.55, 0.9])
    stages = assign_stages([r.attrs["performance"] for r in recordings(0)])
    again = stage_psth(recordings(0), labels="location", stages=stages, epoch="stim1", baseline="fix1", align="stim1",
                       window=(-0.2, 0.3))  # fmt: skip
    assert again.aligned
    np.testing.assert_allclose(again.time, [-0.2, -0.1, 0, 0.1, 0.2], atol=1e-12)


def test_all_labels_without_a_preference():
    found = stage_psth(network(0, GAINS), TIME, LABELS, STAGES)
    assert found.conditions == tuple(str(label) for label in range(8))
    expected = np.mean([run[LABELS == 3].mean(axis=(0, 2)) for run in network(0, GAINS)[:2]], axis=0)
    np.testing.assert_allclose(found.mean[0, 3], expected)


def test_results_survive_a_file_and_draw_themselves(tmp_path):
    found = stage_psth(network(0, GAINS), TIME, LABELS, STAGES, epoch=CUE, measure=DELAY)
    loaded = StagePSTH.load(found.save(tmp_path / "s.h5"))
    assert loaded.summary() == found.summary()
    assert (loaded.pairs, loaded.stages) == (found.pairs, found.stages)
    assert loaded.plot(epochs={"cue": CUE}).get_title().startswith("Stages of training")
    assert len(loaded.plot_differences().get_lines()) >= 6
    one = stage_psth(network(0, [1]), TIME, LABELS, ["only"])
    assert StagePSTH.load(one.save(tmp_path / "one.h5")).difference.shape == (0, 8, 15)
    labels = [text.get_text() for text in one.plot().get_legend().get_texts()]
    assert labels == ["only, 10 units", "mean of 8 conditions"]  # eight curves a stage cannot be told apart
    with pytest.raises(InputError, match="differences: expected at least 2 stages, found only"):
        one.plot_differences()


def test_growth_over_training():
    runs = [run for seed in range(3) for run in network(seed, GAINS)]
    seen = np.tile(1280 * np.arange(6), 3)
    found = training_growth(
        runs, DELAY, TIME, LABELS, epoch=CUE, trials_seen=seen, networks=np.repeat([0, 1, 2], 6), baseline=BASE
    )
    np.testing.assert_allclose(found.value[:, 0], GAINS, atol=0.08)
    assert ((found.low < found.value) & (found.value < found.high)).all()
    one = preferred_psth(runs[4], TIME, LABELS, CUE, baseline=BASE).mean[:, 10:].mean(axis=(1, 2))
    two, three = (
        preferred_psth(runs[i], TIME, LABELS, CUE, baseline=BASE).mean[:, 10:].mean(axis=(1, 2)) for i in (10, 16)
    )
    np.testing.assert_allclose(found.value[4], (one + two + three) / 3)
    assert (found.drawn, found.n_networks.tolist()) == ("networks", [3] * 6)


def test_growth_of_recordings_in_any_order(tmp_path):
    ordered = training_growth(list(recordings(1)), "delay1", labels="location", epoch="stim1", baseline="fix1")
    shuffled = [list(recordings(1))[i] for i in (3, 0, 5, 1, 4, 2)]
    found = training_growth(shuffled, "delay1", labels="location", epoch="stim1", baseline="fix1")
    np.testing.assert_allclose(found.value, ordered.value, rtol=1e-12)
    np.testing.assert_allclose(found.performance, [0.2, 0.3, 0.5, 0.6, 0.8, 1.0])
    loaded = TrainingGrowth.load(found.save(tmp_path / "g.h5"))
    assert loaded.summary() == found.summary()
    assert loaded.plot().get_xlabel() == "training trials"


ARRAYS = {"checkpoints": [np.ones((8, 15, 2))] * 2, "time": TIME, "labels": np.tile([0, 1], 4), "stages": ["a", "b"]}
REFUSED = [
    ({"checkpoints": []}, "checkpoints: expected at least one recording or array"),
    ({"time": None}, "time: expected the times of the samples, since checkpoints are arrays"),
    ({"labels": "location"}, "labels: 'location' names a trial column, but checkpoints are arrays"),
    ({"labels": [np.zeros(8)] * 3}, "labels: expected 2 arrays, one per checkpoint, found 3"),
    ({"labels": None, "epoch": CUE}, "labels: expected the condition of each trial"),
    ({"stages": None}, "stages: expected the stage of each checkpoint, or performance"),
    ({"stages": ["a"]}, "stages: expected one for each of 2 checkpoints, found 1"),
    ({"stages": ["", None]}, "stages: no checkpoint has a stage"),
    ({"epoch": "stim1"}, "epoch 'stim1': arrays have no named epochs"),
    ({"networks": [0]}, "networks: expected one label for each of 2 checkpoints"),
    ({"networks": [0, 0], "seeds": [0, 1]}, "seeds: network 0 has checkpoints of several seeds"),
    ({"performance": [0.5]}, "performance: expected 2 numbers, one per checkpoint"),
    ({"checkpoints": [np.ones((8, 15, 2)), np.ones((8, 15, 3))]}, r"checkpoints\[1\]: has .* expected the same units"),
    ({"population": "selective"}, "population: applies to preferred labels; give the epoch"),
    ({"interval": "normal"}, "unknown interval 'normal'"),
    ({"measure": (7, 8)}, "measure: no sample lies in 7 ≤ t < 8 s"),
    ({"n_resamples": 0}, "n_resamples: expected a whole number of at least 1"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused_by_name(changes, words):
    with pytest.raises(InputError, match=words):
        stage_psth(**{**ARRAYS, **changes})


def test_unknown_names_in_recordings_are_refused_with_the_nearest():
    runs = list(recordings(0))
    with pytest.raises(InputError, match="checkpoint 0: unknown trial column 'locaton': did you mean 'location'"):
        stage_psth(runs, labels="locaton")
    with pytest.raises(InputError, match="checkpoint 0: unknown epoch 'stim': did you mean 'stim1'"):
        stage_psth(runs, labels="location", epoch="stim")
    with pytest.raises(ConfigurationError, match="measure='delay1': curves are aligned to an event"):
        stage_psth(runs, labels="location", align="stim1", measure="delay1")


def test_growth_refuses_what_has_no_order():
    with pytest.raises(InputError, match="trials_seen: expected one number per checkpoint"):
        training_growth(ARRAYS["checkpoints"], DELAY, TIME)
    with pytest.raises(InputError, match="trials_seen: network network has two checkpoints at 5 trials"):
        training_growth(ARRAYS["checkpoints"], DELAY, TIME, trials_seen=[5, 5])
