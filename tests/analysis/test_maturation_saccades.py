"""Saccade errors and distractor performance by stage: plain loops, known answers, and intervals over networks."""

import numpy as np
import pytest

from dynascope.analysis import (
    DistractorPerformance,
    SaccadeErrors,
    assign_stages,
    distractor_performance,
    saccade_errors,
)
from dynascope.analysis.maturation.medians import binned_median, weighted_median
from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import Recording

STAGES = ["early", "early", "mid", "mature", "mature", ""]


def errors_of(seed, n=100, spread=(3.1, 2.5, 1.5, 0.9, 0.5, 0.1)):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0, most, n) for most in spread]


def test_a_stage_of_one_network_is_all_its_trials_together():
    """The published figure: equal numbers of trials, so that means over checkpoints are means over trials."""
    runs = errors_of(0)
    found = saccade_errors(runs, STAGES)
    assert found.stages == ("early", "mid", "mature")
    for stage, name in enumerate(found.stages):
        pooled = np.concatenate([run for run, own in zip(runs, STAGES, strict=True) if own == name])
        counts, edges = np.histogram(np.rad2deg(pooled), bins=30, range=(0, 180))
        np.testing.assert_allclose(found.fraction[stage, 0], counts / len(pooled), atol=1e-12)
        np.testing.assert_allclose(np.rad2deg(found.bin_edges), edges, atol=1e-10)
        expected = [(pooled < np.deg2rad(36)).mean(), pooled.mean(), np.median(pooled)]
        np.testing.assert_allclose(found.value[stage, 0], expected, rtol=1e-12)
    assert found.n_trials.tolist() == [[200], [100], [200]]
    assert (found.drawn, found.n_drawn.tolist()) == ("checkpoints", [2, 1, 2])
    assert "not for other networks" in found.summary()
    assert np.isnan(found.low[1]).all()
    assert not np.isnan(found.low[[0, 2]]).any()


def test_checkpoints_count_alike_within_networks_and_networks_alike():
    """Unequal numbers of trials and of checkpoints: pooling all trials would give another mean."""
    runs = [np.full(10, 0.1), np.full(1000, 0.4), np.full(7, 1.0)]
    found = saccade_errors(runs, ["mid"] * 3, networks=["a", "a", "b"], n_resamples=50)
    assert found.of("mean error")[0].item() == pytest.approx(((0.1 + 0.4) / 2 + 1.0) / 2)
    assert found.of("correct")[0].item() == pytest.approx(0.5)
    # Half the weight lies at 0.1 and 0.4, half at 1.0: the middle is between 0.4 and 1.0.
    assert found.of("median error")[0].item() == pytest.approx(0.7)
    assert (found.drawn, found.n_networks.tolist(), found.n_drawn.tolist()) == ("networks", [2], [2])


def test_the_criterion_itself_is_not_correct():
    at = 0.2 * np.pi
    found = saccade_errors([np.array([np.nextafter(at, 0), at, np.nextafter(at, 4), 0.0])], ["mature"])
    assert found.of("correct")[0].item() == 0.5
    assert saccade_errors([np.array([0.1, 0.3])], ["mature"], criterion=0.2).of("correct")[0].item() == 0.5


def test_the_interval_is_that_of_the_means_of_networks():
    """Student's interval over networks, as t times the standard error of their means (a large bootstrap away)."""
    rng = np.random.default_rng(1)
    centres = rng.uniform(0.5, 2.0, 6)
    runs = [np.clip(centre + 0.2 * rng.standard_normal(50), 0, np.pi) for centre in centres for _ in range(3)]
    found = saccade_errors(runs, ["mid"] * 18, networks=np.repeat(np.arange(6), 3), n_resamples=20_000)
    means = np.reshape([run.mean() for run in runs], (6, 3)).mean(axis=1)
    reach = 2.570581835636305 * means.std(ddof=1) / np.sqrt(6)  # t(5), 97.5 %
    value, low, high = (part.item() for part in found.of("mean error"))
    assert value == pytest.approx(means.mean())
    assert (high - value, value - low) == (pytest.approx(reach, rel=0.02), pytest.approx(reach, rel=0.02))
    spread = found.of("median error")
    assert spread[1].item() < spread[0].item() < spread[2].item()
    wide = saccade_errors(runs, ["mid"] * 18, networks=np.repeat(np.arange(6), 3), interval="percentile")
    assert wide.of("mean error")[1].item() < value < wide.of("mean error")[2].item()


def test_differences_are_within_networks():
    """Networks that differ much but improve alike: the difference is certain, the stages are not."""
    runs = [np.full(20, start - drop) for start in (1.0, 2.0, 3.0) for drop in (0.0, 0.5)]
    found = saccade_errors(runs, ["early", "mature"] * 3, networks=np.repeat([0, 1, 2], 2))
    gap, low, high = (part.item() for part in found.difference_of("mean error"))
    assert found.pairs == (("early", "mature"),)
    assert (gap, low, high) == (pytest.approx(-0.5), pytest.approx(-0.5), pytest.approx(-0.5))
    assert found.of("mean error")[2][0, 0] - found.of("mean error")[1][0, 0] > 1


def test_groups_and_columns_of_recordings():
    """Reaction times are averaged over the trials that have one, and every group is on its own."""
    rng = np.random.default_rng(2)
    recordings, plain = [], []
    for trials in (0, 1280):
        error, distance = rng.uniform(0, np.pi, 60), np.tile([0, 1, 4], 20)
        reaction = np.where(rng.random(60) < 0.5, rng.random(60), np.nan)
        columns = {"error": (error, "rad"), "distance": distance, "reaction_time": (reaction, "s")}
        attrs = {"performance": 0.2 + trials / 2000, "trials_seen": trials}
        recordings.append(Recording(np.zeros((60, 2, 1)), [0.0, 0.1], trials=columns, attrs=attrs))
        plain.append((error, distance, reaction))
    found = saccade_errors(recordings, groups="distance", also=["reaction_time"])
    assert (found.stages, found.groups, found.measures[3], found.units[3]) == (
        ("early", "mature"), ("0", "1", "4"), "reaction_time", "s",
    )  # fmt: skip
    for stage, (error, distance, reaction) in enumerate(plain):
        for group, value in enumerate((0, 1, 4)):
            own = distance == value
            expected = [(error[own] < 0.2 * np.pi).mean(), error[own].mean(), np.median(error[own])]
            np.testing.assert_allclose(found.value[stage, group], [*expected, np.nanmean(reaction[own])], rtol=1e-12)
    arrays = saccade_errors(
        [row[0] for row in plain], ["early", "mature"], groups=[row[1] for row in plain],
        also={"reaction_time": [row[2] for row in plain]},
    )  # fmt: skip
    np.testing.assert_array_equal(arrays.value, found.value)
    assert "reaction_time (4)" in found.summary()


def test_a_group_that_a_checkpoint_lacks_is_left_out():
    runs, groups = [np.full(4, 0.5), np.full(4, 1.5)], [np.zeros(4), np.array([0, 0, 1, 1])]
    found = saccade_errors(runs, ["mid", "mid"], groups=groups)
    np.testing.assert_allclose(found.of("mean error")[0], [[1.0, 1.5]])
    empty = saccade_errors(runs, ["early", "mid"], groups=groups)
    assert np.isnan(empty.of("mean error")[0][0, 1])
    assert np.isnan(empty.of("median error")[0][0, 1])
    assert np.isnan(empty.fraction[0, 1]).all()


def test_weighted_median_is_numpys_for_equal_weights():
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 8):
        parts = [rng.random(n) for _ in range(3)]
        assert weighted_median(parts, [1 / 3] * 3) == pytest.approx(np.median(np.concatenate(parts)))
    assert weighted_median([np.array([1.0, 2.0]), np.array([5.0])], [0.25, 0.75]) == 5.0
    assert np.isnan(weighted_median([np.array([]), np.array([1.0])], [1.0, 0.0]))


def test_binned_median_interpolates():
    edges = np.array([0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(
        binned_median(np.array([[0.25, 0.5, 0.25], [1, 0, 0], [0, 0, 1], [0.5, 0, 0.5]]), edges), [1.5, 0.5, 2.5, 1.0]
    )
    samples = np.random.default_rng(0).uniform(0, 3, 100_000)
    fine = np.linspace(0, 3, 181)
    fractions = np.histogram(samples, fine)[0] / len(samples)
    assert binned_median(fractions, fine) == pytest.approx(np.median(samples), abs=1e-3)


@pytest.mark.parametrize(
    ("runs", "options", "words"),
    [
        ([np.array([10.0])], {}, "circular distances in radians, 0 to π"),
        ([np.array([-0.1])], {}, "circular distances in radians"),
        ([np.array([np.nan])], {}, "found nan at index"),
        ([np.array([[1.0]])], {}, "expected one number per trial"),
        ([np.array([1.0])], {"groups": "distance"}, "have no trial columns"),
        ([np.array([1.0])], {"groups": [[1, 2]]}, "expected 1 numbers, one per trial, found 2"),
        ([np.array([1.0])], {"groups": [[1], [2]]}, "expected 1 arrays, one per checkpoint, found 2"),
        ([np.array([1.0])], {"also": "reaction_time"}, "expected names of trial columns"),
        ([np.array([1.0])], {"stages": [""]}, "no checkpoint has a stage"),
        ([np.array([1.0])], {"criterion": 36}, "expected an angle in rad"),
        ([np.array([1.0])], {"n_bins": 0}, "n_bins"),
        ([np.array([1.0])], {"level": 2}, "level"),
    ],
)
def test_bad_errors_are_refused(runs, options, words):
    with pytest.raises(InputError, match=words):
        saccade_errors(runs, options.pop("stages", ["mid"]), **options)


def test_unknown_columns_groups_and_measures_are_named():
    recording = Recording(np.zeros((2, 2, 1)), [0.0, 0.1], trials={"error": [0.1, 0.2]})
    with pytest.raises(InputError, match="did you mean 'error'"):
        saccade_errors([recording], ["mid"], errors="eror")
    found = saccade_errors([recording], ["mid"])
    with pytest.raises(InputError, match="unknown measure 'medain error': did you mean 'median error'"):
        found.of("medain error")
    with pytest.raises(InputError, match="unknown group"):
        found.plot(group="4")


def plain_by_distance(grid):
    n = len(grid)
    found = [[] for _ in range(n // 2 + 1)]
    for cue in range(n):
        for distractor in range(n):
            apart = abs(cue - distractor)
            found[min(apart, n - apart)].append(grid[cue, distractor])
    return np.array([np.nanmean(each) for each in found]), [len(each) for each in found]


@pytest.mark.parametrize("n", [2, 3, 5, 6, 8, 10])
def test_every_combination_counts_alike_on_any_ring(n):
    grids = np.random.default_rng(n).random((4, n, n))
    grids[0, 0, 1] = np.nan
    found = distractor_performance(grids, ["early", "early", "mature", ""])
    plain = [plain_by_distance(grid) for grid in grids]
    np.testing.assert_allclose(found.by_checkpoint, [row for row, _ in plain], rtol=1e-12)
    np.testing.assert_allclose(found.performance, [(plain[0][0] + plain[1][0]) / 2, plain[2][0]], rtol=1e-12)
    assert found.n_combinations.tolist() == plain[0][1]
    np.testing.assert_allclose(found.rise, found.performance[:, -1] - found.performance[:, 0])
    np.testing.assert_allclose(found.distance, 2 * np.pi * np.arange(n // 2 + 1) / n)
    assert found.n_checkpoints.tolist() == [2, 1]


def test_the_rise_is_found_over_networks_and_stages_assigned():
    rng = np.random.default_rng(0)
    apart = np.abs(np.arange(8)[:, np.newaxis] - np.arange(8))
    shape = 0.05 * np.minimum(apart, 8 - apart)
    performance = np.tile([0.2, 0.5, 0.8], 5)
    networks = np.repeat(np.arange(5), 3)
    grids = [np.clip(level + shape + 0.02 * rng.standard_normal((8, 8)), 0, 1) for level in performance - 0.1]
    found = distractor_performance(grids, networks=networks, stage_performance=performance)
    expected = distractor_performance(grids, assign_stages(performance, networks=networks), networks=networks)
    np.testing.assert_array_equal(found.performance, expected.performance)
    assert (found.stages, found.drawn, found.n_drawn.tolist()) == (("early", "mid", "mature"), "networks", [5, 5, 5])
    np.testing.assert_allclose(found.rise, 0.2, atol=0.02)
    assert (found.rise_low > 0.15).all()
    assert (found.rise_low < found.rise).all()
    assert (found.difference_low[0] > 0.2).all()
    # Networks that differ in level and not in shape: the rise is as certain as before.
    lifted = [np.clip(grid + 0.02 * network, 0, 1) for grid, network in zip(grids, networks, strict=True)]
    wide = distractor_performance(lifted, networks=networks, stage_performance=performance)
    assert (wide.high - wide.low)[:2].min() > 0.06
    assert (wide.rise_high - wide.rise_low)[:2].max() < 0.05
    one = distractor_performance(grids[:1], ["mid"])
    assert np.isnan(one.low).all()


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (np.zeros((2, 8, 7)), "expected \\(checkpoint, cue, distractor\\)"),
        (np.zeros((8, 8)), "expected \\(checkpoint, cue, distractor\\)"),
        (np.full((2, 8, 8), 50.0), "fractions correct, 0 to 1"),
    ],
)
def test_bad_grids_are_refused(grid, words):
    with pytest.raises(InputError, match=words):
        distractor_performance(grid, ["early", "mid"])
    with pytest.raises(ConfigurationError):
        distractor_performance(np.zeros((2, 8, 8)), ["early", "mid"], n_resamples=0)


def test_results_are_saved_and_drawn(tmp_path):
    found = saccade_errors(errors_of(0), STAGES, groups=[np.arange(100) % 2] * 6)
    loaded = SaccadeErrors.load(found.save(tmp_path / "errors.h5"))
    assert (loaded.to_dict(), loaded.summary()) == (found.to_dict(), found.summary())
    ax = found.plot(group="1")
    assert ("(°)" in ax.get_xlabel(), ax.get_xlim()) == (True, (0, 180))
    assert [panel.get_title(loc="center") or panel.get_title(loc="left") for panel in found.plot_stages().axes] == [
        "early", "mid", "mature",
    ]  # fmt: skip
    grids = np.random.default_rng(0).random((4, 8, 8))
    ring = distractor_performance(grids, ["early", "early", "mature", ""])
    again = DistractorPerformance.load(ring.save(tmp_path / "ring.h5"))
    assert (again.to_dict(), again.summary()) == (ring.to_dict(), ring.summary())
    assert [text.get_text() for text in ring.plot().get_xticklabels()] == ["0", "45", "90", "135", "180"]
