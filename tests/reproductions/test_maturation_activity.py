"""Figures of activity by stage: our numbers against plain computation, on two copies of a network with made-up scores.

The copies differ in their performance, and so in which checkpoints stand for a stage.
"""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import TrainingGrowth, period_activity, preferred_psth, select_units, stage_psth
from dynascope.analysis.psth import Stages
from dynascope.reproductions import words
from dynascope.reproductions.maturation import delay_growth, periods, populations, stage_curves, tuned, tuning
from dynascope.reproductions.maturation import stage_psth as study
from dynascope.reproductions.maturation.networks import RULES, Network, followed, networks

ONE = np.array([0.2, 0.3, 0.5, 0.9])
OTHER = np.array([0.3, 0.5, 0.7, 0.8])


@pytest.fixture(scope="module")
def found(maturation):
    """Two networks that go through all stages, so the archive of their performance says."""
    (network,) = networks(maturation())
    rows = np.arange(4)
    seen = network.trials_seen[rows]
    return [
        dataclasses.replace(network, name=name, trials_seen=seen, performance=dict.fromkeys(RULES, scores))
        for name, scores in (("one", ONE), ("other", OTHER))
    ]


def everything(network):
    return np.arange(len(network.trials_seen))


@pytest.fixture(scope="module")
def odrd(found):
    """The recordings of odrd at all checkpoints, and their curves."""
    with followed(found, "odrd", everything) as checkpoints:
        yield checkpoints, populations.population_curves(checkpoints, "stim1")


def bench_of(maturation, name, monkeypatch, found):
    module = {"stage-psth": study, "delay-growth": delay_growth, "tuning": tuning, "periods": periods}[name]
    monkeypatch.setattr(module, "networks", lambda bench: found)
    monkeypatch.setattr(module, "span_of", lambda bench, rule: everything, raising=False)
    monkeypatch.setattr(module, "checkpoint_rows", lambda network, rule, most: everything(network), raising=False)
    return maturation(name)


def rows_of(table):
    return {tuple(row[:2]): row for row in table.rows}


def test_curves_of_the_population_are_averaged_as_if_from_recordings(odrd):
    checkpoints, curves = odrd
    plain = stage_psth(
        checkpoints, labels="cue", stages=checkpoints.stages(), epoch="stim1", measure="delay2",
        **populations.PUBLISHED, **checkpoints.what(),
    )  # fmt: skip
    ours = curves.by_stage(checkpoints.stages(), "delay2")
    assert ours.conditions == plain.conditions == ("preferred", "opposite")
    assert ours.drawn == "networks"
    for name in ("mean", "low", "high", "difference", "epoch_mean", "epoch_difference_low", "n_units", "performance"):
        np.testing.assert_allclose(getattr(ours, name), getattr(plain, name), rtol=1e-10, atol=1e-12)
    alone = curves.by_network(checkpoints.stages().labels, "delay2")
    means = np.stack([populations.epoch_means(alone[name])["mature"] for name in ("one", "other")])
    assert means.mean() == pytest.approx(populations.epoch_means(ours)["mature"], rel=1e-10)
    assert alone["one"].n_checkpoints.tolist() == [2, 1, 1]
    assert alone["other"].n_checkpoints.tolist() == [1, 1, 2]


def test_growth_is_the_mean_over_units_of_the_ratio_to_their_fixation(odrd):
    checkpoints, curves = odrd
    grown = curves.growth("other", "delay2")
    recording = checkpoints[6]
    activity, cue, time = np.array(recording.activity, float), np.array(recording.trials["cue"]), recording.time
    population = select_units(
        activity, time, cue, recording.epochs["stim1"], recording.epochs["fix1"], "published",
        responsive_epoch=recording.epochs["stim1"],
    )  # fmt: skip
    values = []
    for unit in np.flatnonzero(population.population):
        own = activity[cue == population.preferred[unit]][:, :, unit].mean(axis=0)
        values.append(own[(time >= 2.5 - 1e-9) & (time < 3.0 - 1e-9)].mean() / own[time < 1.0 - 1e-9].mean() - 1)
    assert grown.value[2, grown.conditions.index("preferred")] == pytest.approx(np.mean(values), rel=1e-6)


def test_gaps_have_the_sign_that_was_asked_for(odrd):
    _, curves = odrd
    names = np.array(["b", "b", "a", "a", "b", "a", "a", "a"])
    named = curves.by_stage(names, "stim1")
    value, low, high = populations.epoch_gap(named, "b", "a")
    assert low < value - 1e-3 < high - 2e-3
    assert populations.epoch_gap(named, "a", "b") == pytest.approx((-value, -high, -low))
    means = populations.epoch_means(named)
    assert value == pytest.approx(means["a"] - means["b"])
    assert np.isnan(populations.epoch_gap(named, "a", "c")).all()
    clear = populations.clear_rises({"up": named}, "b", "a") == "up"
    assert clear == (low > 0)
    assert (populations.clear_rises({"down": named}, "a", "b") == "down") == (-high > 0)
    alone = curves.by_network(names, "stim1")
    assert populations.clear_rises(alone, "b", "a") == "no interval with one network"


def test_words():
    assert populations.rising([{"early": 1, "mid": 2, "mature": 3}, {"early": 1, "mid": 2, "mature": 2}]) == (
        "1 of 2 networks"
    )
    assert (
        populations.rising([{"early": 1, "mature": 3}, {"early": 1, "mid": np.nan, "mature": 3}]) == "0 of 0 networks"
    )


def test_a_peak_is_no_end_of_a_slope():
    time = np.arange(0, 3, 0.5)
    assert stage_curves.peak(time, np.array([0, 1, 5, 4, 9, 9]), (0.5, 2.0)) == (5, 1.0)
    assert np.isnan(stage_curves.peak(time, np.array([0, 1, 5, 7, 9, 9]), (0.5, 2.0))).all()
    assert np.isnan(stage_curves.peak(time, np.array([0, 8, 5, 4, 9, 9]), (0.5, 2.0))).all()
    assert np.isnan(stage_curves.peak(time, np.full(6, np.nan), (0.5, 2.0))).all()


def test_the_stage_figure_shows_the_curves_at_the_published_times(maturation, found, odrd, monkeypatch):
    checkpoints, curves = odrd
    bench = bench_of(maturation, "stage-psth", monkeypatch, found)
    kept = [each for each in study.SELECTIONS if each[:2] in (("odrd", "stim1"), ("gap", "stim1"))]
    monkeypatch.setattr(study, "SELECTIONS", kept)
    findings = study.run(bench)
    assert all(path.exists() for path in findings.files)
    curve_table, stage_table, epoch_table = findings.tables
    plain = curves.by_stage(checkpoints.stages())
    at = {0.06: 3, 1.48: 74, 2.28: 114, 3.45: 172}
    row = rows_of(curve_table)["mid opposite", "ours"]
    for moment, sample in at.items():
        shown = row[2 + stage_curves.TIMES.index(moment)]
        assert shown == words.number(plain.mean[plain.stages.index("mid"), 1, sample])
    settled = stage_psth(
        checkpoints, labels="cue", stages=checkpoints.stages(), epoch="stim1",
        **{**populations.PUBLISHED, "baseline": (0.3, 1.0)}, **checkpoints.what(),
    )  # fmt: skip
    assert rows_of(curve_table)["early preferred", "ours, settled"][4] == words.number(settled.mean[0, 0, 74])
    assert [row[1] for row in stage_table.rows] == ["2, 1", "1, 1", "1, 2"]
    assert [row[3] for row in stage_table.rows] == ["0.25, 0.30", "0.50, 0.50", "0.90, 0.75"]
    assert [tuple(row[:3]) for row in epoch_table.rows] == [
        ("odrd", "stim1", "stim1"), ("odrd", "stim1", "delay2"), ("gap", "stim1", "1.1–1.35 s"),
    ]  # fmt: skip
    corrected = stage_psth(
        checkpoints, labels="cue", stages=checkpoints.stages(), epoch="stim1", measure="stim1",
        **populations.CORRECTED, **checkpoints.what(),
    )  # fmt: skip
    gap = populations.epoch_gap(corrected, "early", "mature")
    assert epoch_table.rows[0][-1] == words.with_interval(*gap)
    by_network = findings.values["odrd, selected on stim1, mean over stim1"]
    rising = populations.rising(by_network.values())
    assert findings.remarks[0].startswith(f"odrd: cue activity rises from early to mid to mature in {rising}")


def test_phases_of_training():
    seen = 1280 * np.arange(100)
    curves = {rule: np.where(np.arange(100) < 20, 0.2, 1.0) for rule in RULES}
    curves["gap"] = np.where(np.arange(100) < 30, 0.2, 1.0)
    curves["odr"] = np.select([np.arange(100) < 60, np.arange(100) < 80], [0.2, 0.5], 0.9)
    curves["odr"][[8, 40]] = 0.5  # a bump is no passing
    network = Network("n", None, seen, curves)
    # Means of six checkpoints look ahead by five.
    chosen = np.array([0, 5, 8, 20, 29, 31, 40, 61, 79, 80, 99])
    names = ["beginning", "beginning", "", "anti-saccades", "anti-saccades", "plateau", "plateau", "mid"]
    assert delay_growth.phases(network, "odr", seen[chosen]).tolist() == [*names, "mid", "mature", "mature"]
    curves["odr"] = np.full(100, 0.2)
    assert delay_growth.phases(network, "odr", seen[chosen])[6:].tolist() == ["plateau"] * 5
    rows = delay_growth.checkpoint_rows(dataclasses.replace(network, performance={"odr": ONE.repeat(25)}), "odr", 11)
    assert {0, 99} <= set(rows.tolist())
    assert 8 <= len(rows) <= 11


def test_medians_of_phases():
    names = np.array(["beginning", *["plateau"] * 8, "", "mid", "mature", "mature", "mature"])
    values = np.array([0.1, *range(1, 9), 100, 5, 6, np.nan, 30])
    found = delay_growth.phase_medians(values, names)
    assert found["plateau"] == 4.5
    assert found["late plateau"] == 7.5
    assert (found["mid"], found["mature"], found["end"]) == (5, 18, 18)
    assert found["end / late plateau"] == 2.4
    assert np.isnan(found["anti-saccades"])


def test_the_growth_figure_counts_phases(maturation, found, monkeypatch):
    bench = bench_of(maturation, "delay-growth", monkeypatch, found)
    names = {"one": ["beginning", "plateau", "mid", "mature"], "other": ["plateau", "plateau", "mid", "mature"]}
    monkeypatch.setattr(delay_growth, "phases", lambda network, rule, seen: np.array(names[network.name]))
    monkeypatch.setattr(delay_growth, "SELECTIONS", delay_growth.SELECTIONS[:1])
    findings = delay_growth.run(bench)
    assert all(path.exists() for path in findings.files)
    phase_table, growth_table = findings.tables
    with followed(found, "odr", everything) as checkpoints:
        curves = populations.population_curves(checkpoints, "delay1")
        lines = {name: curves.growth(name, "delay1") for name in names}
    values = {name: line.value[:, line.conditions.index("preferred")] for name, line in lines.items()}
    rows = {row[0]: row[1] for row in phase_table.rows}
    assert rows["beginning"] == f"{words.number(values['one'][0])}, –"
    assert rows["mid"] == f"{words.number(values['one'][2])}, {words.number(values['other'][2])}"
    rise = np.median(values["one"][1:]) / values["one"][1]
    assert rows["end / late plateau"].startswith(words.number(rise))
    mature = np.mean([line[3] for line in values.values()])
    plateau = np.mean([values["one"][1], values["other"][:2].mean()])
    assert growth_table.rows[0][5] == words.number(mature)
    assert growth_table.rows[0][6].split(" ")[0] == words.number(mature - plateau)
    assert isinstance(lines["one"], TrainingGrowth)


def test_tuning_of_units_by_hand(odrd):
    checkpoints, _ = odrd
    found = tuned.tuning(checkpoints)
    recording = checkpoints[2]
    activity, cue, time = np.array(recording.activity, float), np.array(recording.trials["cue"]), recording.time
    population = select_units(activity, time, cue, (1.0, 1.5), (0.0, 1.0), "published").population
    ratios = []
    for unit in np.flatnonzero(population):
        own = np.stack([activity[cue == place][:, :, unit].mean(axis=0) for place in range(8)])
        ratios.append(own[:, 50:75].mean(axis=1) / own[:, :50].mean(axis=1) - 1)
    heights = [values.max() - values.min() for values in ratios]
    rotated = np.mean([np.roll(values, 4 - values.argmax()) for values in ratios], axis=0)
    np.testing.assert_allclose(found.heights[2], heights, rtol=1e-6)
    np.testing.assert_allclose(found.curves[2], [*rotated, rotated[0]], rtol=1e-6)
    assert found.numbers[2, 0] == pytest.approx(np.mean(heights), rel=1e-6)


def made_up():
    rng = np.random.default_rng(0)
    performance = np.array([*ONE, *OTHER])
    labels = np.array(["early", "early", "mid", "mature", "early", "mid", "mature", "mature"])
    stages = Stages(
        membership=labels == np.array([["early"], ["mid"], ["mature"]]), performance=performance,
        trials_seen=np.arange(8.0), network_codes=np.repeat([0, 1], 4), representative=np.zeros((3, 2), int),
        names=("early", "mid", "mature"), networks=("one", "other"), targets=(0.35, 0.65, 0.95), mode="published",
        parameters={}, input_digest="",
    )  # fmt: skip
    heights = [rng.normal(level, 1, 20 + level) for level in range(8)]
    numbers = np.stack([[own.mean() for own in heights], *rng.normal(1.3, 0.1, (3, 8))], axis=1)
    numbers[1, 1] = np.nan
    return tuned.Tuned(rng.normal(0, 1, (8, 9)), heights, numbers, stages)


def test_stages_of_tuning():
    made = made_up()
    tests = tuned.height_tests(made)
    early = np.concatenate([made.heights[at] for at in (0, 1, 4)])
    mature = np.concatenate([made.heights[at] for at in (3, 6, 7)])
    assert tests.p_values[0, 2] == pytest.approx(stats.ttest_ind(early, mature).pvalue, rel=1e-9)
    assert tests.n_units.tolist() == [len(early), 20 + 2 + 20 + 5, len(mature)]
    alone = tuned.by_network(made)
    assert alone["one"]["height"]["early"] == pytest.approx(made.numbers[:2, 0].mean())
    assert alone["one"]["width"]["early"] == made.numbers[0, 1]
    assert alone["other"]["cross-fitted width"]["mature"] == pytest.approx(made.numbers[6:, 3].mean())
    gaps = np.array([alone[name]["height"]["mature"] - alone[name]["height"]["early"] for name in ("one", "other")])
    value, low, high = tuned.gap(made, "early", "mature", "height")
    assert value == pytest.approx(gaps.mean())
    error = gaps.std(ddof=1) / np.sqrt(2)
    reach = stats.t.ppf(0.975, 1) * error
    assert (high - low) / 2 == pytest.approx(reach, rel=0.05)
    curves = tuned.stage_curves(made)
    plain = (made.curves[:2].mean(axis=0) + made.curves[4]) / 2
    np.testing.assert_allclose(curves["early"], plain)


def test_a_curve_without_units_has_no_width():
    assert np.isnan(tuned.width_of(np.full(9, np.nan)))
    x = np.arange(9)
    assert tuned.width_of(3 * np.exp(-((x - 4) ** 2) / (2 * 0.7**2)) - 0.2) == pytest.approx(1.4, abs=0.01)


def test_the_tuning_figure(maturation, found, odrd, monkeypatch):
    findings = tuning.run(bench_of(maturation, "tuning", monkeypatch, found))
    assert all(path.exists() for path in findings.files)
    made = tuned.tuning(odrd[0])
    curve_table, test_table, network_table = findings.tables
    mature = tuned.stage_curves(made)["mature"]
    assert rows_of(curve_table)["mature", "ours"][2:-1] == [words.number(value) for value in mature]
    assert test_table.rows[1][2] == words.small(tuned.height_tests(made).p_values[0, 2])
    assert test_table.rows[1][4] == words.with_interval(*tuned.gap(made, "early", "mature", "height"))
    assert len(network_table.rows) == 2 * len(tuned.MEASURES)


def test_networks_that_are_early_again(odrd):
    checkpoints, _ = odrd
    assert periods.relapses(checkpoints) == 0
    again = dataclasses.replace(checkpoints, performance=np.array([0.2, 0.3, 0.9, 0.3, *OTHER]))
    assert periods.relapses(again) == 1


def test_units_of_checkpoints_are_compared_within_a_network(odrd):
    checkpoints, curves = odrd
    every = period_activity(
        checkpoints, "delay2", labels="cue", stages=checkpoints.stages(), epoch="stim1", chosen="all",
        **populations.PUBLISHED, **checkpoints.what(),
    )  # fmt: skip
    inside = (curves.time >= 2.5 - 1e-9) & (curves.time < 3.0 - 1e-9)
    units = [values[0][inside].mean(axis=0) for values in curves.activity[4:]]
    units = [values[~np.isnan(values)] for values in units]
    pairs = periods.checkpoint_pairs(every, checkpoints, "other")
    assert pairs.n_units.tolist() == [len(values) for values in units]
    assert pairs.p_values[0, 3] == pytest.approx(stats.ttest_ind(units[0], units[3]).pvalue, rel=1e-9)
    assert pairs.names[1] == f"{checkpoints.trials_seen[5] / 1000:.2f}k, 0.50"


def test_the_period_figure_tests_the_last_checkpoints(maturation, found, monkeypatch):
    bench = bench_of(maturation, "periods", monkeypatch, found)
    monkeypatch.setattr(periods, "PERIODS", periods.PERIODS[:2])
    findings = periods.run(bench)
    assert all(path.exists() for path in findings.files)
    delay_table, test_table = findings.tables
    with followed(found[:1], "odrd", everything) as checkpoints:
        units = []
        for at in (1, 2, 3):  # the last early, mid and mature ones
            recording = checkpoints[at]
            epochs = recording.epochs
            own = preferred_psth(
                recording.activity, recording.time, recording.trials["cue"], epochs["delay2"],
                **{**populations.PUBLISHED, "baseline": epochs["fix1"], "responsive_epoch": epochs["stim1"]},
            )  # fmt: skip
            values = own.mean[0, 125:150].mean(axis=0)
            units.append(values[~np.isnan(values)])
    p = words.small(stats.f_oneway(*units).pvalue)
    assert test_table.rows[0][5].split(", ")[0] == p
    assert [row[2].split(", ")[0] for row in delay_table.rows] == [words.number(own.mean()) for own in units]
    assert [row[0] for row in test_table.rows] == ["odrd delay2", "odr delay1"]
