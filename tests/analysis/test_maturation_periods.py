"""Activity of units in an epoch by stage: the published numbers from plain code, and statistics over networks."""

import dataclasses
import weakref
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import (
    PeriodActivity,
    PeriodComparison,
    assign_stages,
    compare_periods,
    period_activity,
    preferred_psth,
    select_units,
    stage_psth,
)
from dynascope.analysis.maturation.period_record import histogram_edges
from dynascope.errors import ConfigurationError, InputError
from dynascope.readers import Recording

LABELS = np.tile(np.arange(8), 6)
TIME = 0.1 * np.arange(15)
CUE, BASE, DELAY = (0.5, 1.0), (0.0, 0.5), (1.0, 1.5)
STAGES = ["early", "early", "mid", "mid", "mature", "mature"]
PUBLISHED = {"mode": "published", "population": "selective", "baseline": BASE, "normalize": "baseline"}


def during(start, stop):
    return (start - 1e-9 <= TIME) & (stop - 1e-9 > TIME)


def network(seed, gains=(0, 0.2, 0.5, 1, 1.5, 2), units=12):
    rng = np.random.default_rng(seed)
    shape = np.cos((LABELS[:, np.newaxis] - np.arange(units) % 8) * np.pi / 4)[:, np.newaxis]
    drive = np.array([2 * during(*CUE) + gain * during(*DELAY) for gain in gains])[:, np.newaxis, :, np.newaxis]
    return list(5 + drive * shape + 0.5 * rng.standard_normal((len(gains), len(LABELS), len(TIME), units)))


def plain_population_means(run):
    """Spec §10.2, 10.3 and 10.7, unit by unit."""
    chosen = select_units(run, TIME, LABELS, CUE, BASE, mode="published")
    found = []
    for unit in np.flatnonzero(chosen.population):
        own = run[chosen.conditions[chosen.preferred[unit]] == LABELS, :, unit]
        found.append((own.mean(axis=0) / own[:, during(*BASE)].mean() - 1)[during(*DELAY)].mean())
    return np.array(found)


def test_published_test_from_plain_code():
    runs = network(0)
    found = period_activity(
        runs, DELAY, TIME, LABELS, STAGES, epoch=CUE, trials_seen=1280 * np.arange(6), test="published", **PUBLISHED
    )
    expected = [plain_population_means(runs[index]) for index in (1, 3, 5)]
    assert found.checkpoints.tolist() == [1, 3, 5]
    for name, own in zip(found.stages, expected, strict=True):
        np.testing.assert_allclose(found.of_stage(name), own, rtol=1e-10)
    np.testing.assert_allclose(found.mean, [own.mean() for own in expected], rtol=1e-10)
    np.testing.assert_allclose(found.median, [np.median(own) for own in expected], rtol=1e-10)
    f, p = stats.f_oneway(*expected)
    np.testing.assert_allclose([found.f, found.p_value], [f, p], rtol=1e-8)
    assert (found.df, found.df_residual) == (2, sum(map(len, expected)) - 3)
    assert "takes units for independent" in found.summary()
    quiet = period_activity(runs, DELAY, TIME, LABELS, STAGES, epoch=CUE, trials_seen=range(6), **PUBLISHED)
    assert quiet.p_value is None
    assert "F(" not in quiet.summary()


def test_effect_size_is_cohens_d_for_one_checkpoint_per_stage():
    found = period_activity(network(0), DELAY, TIME, LABELS, STAGES, epoch=CUE, trials_seen=range(6), **PUBLISHED)
    early, mature = found.of_stage("early"), found.of_stage("mature")
    pooled = np.sqrt(
        ((len(early) - 1) * early.var(ddof=1) + (len(mature) - 1) * mature.var(ddof=1)) / (len(early) + len(mature) - 2)
    )
    pair = found.pairs.index(("early", "mature"))
    assert found.effect_size[pair] == pytest.approx((mature.mean() - early.mean()) / pooled)
    assert found.effect_size_low[pair] == pytest.approx(found.difference_low[pair] / pooled)


def test_all_checkpoints_of_networks_agree_with_stage_psth():
    runs = [run for seed in range(3) for run in network(seed)]
    options = {"epoch": CUE, "networks": np.repeat(["a", "b", "c"], 6), "baseline": BASE, "n_resamples": 300}
    found = period_activity(runs, DELAY, TIME, LABELS, STAGES * 3, chosen="all", **options)
    curves = stage_psth(runs, TIME, LABELS, STAGES * 3, measure=DELAY, **options)
    np.testing.assert_allclose(found.mean, curves.epoch_mean[:, 0], rtol=1e-10)
    np.testing.assert_allclose(found.low, curves.epoch_low[:, 0], rtol=1e-8)
    np.testing.assert_allclose(found.difference_high, curves.epoch_difference_high[:, 0], rtol=1e-8)
    np.testing.assert_allclose(found.network_mean.mean(axis=1), found.mean, rtol=1e-10)
    assert (found.drawn, found.n_drawn.tolist(), found.n_checkpoints.tolist()) == ("networks", [3] * 3, [6] * 3)
    assert (found.difference_low > 0).all()
    assert [len(each) for each in found.of_checkpoints()] == [12] * 18


def test_each_network_has_its_own_last_and_representative_checkpoint():
    runs = [*network(0, (0.0, 0.5, 1.0)), *network(1, (0.2, 0.4, 2.0))]
    options = {"epoch": CUE, "networks": [0, 0, 0, 1, 1, 1], "trials_seen": [2, 1, 0, 0, 1, 2]}
    found = period_activity(runs, DELAY, TIME, LABELS, ["mid"] * 6, **options)
    assert found.checkpoints.tolist() == [0, 5]
    stages = assign_stages([0.5, 0.64, 0.4, 0.5, 0.4, 0.6], [2, 1, 0, 0, 1, 2], networks=options["networks"])
    found = period_activity(runs, DELAY, TIME, LABELS, stages, chosen="representative", **options)
    assert found.checkpoints.tolist() == [1, 5]


def test_the_opposite_direction():
    run = network(0, (0, 1))
    options = {"epoch": CUE, "trials_seen": [0, 1], "mode": "published", "baseline": BASE}
    found = period_activity(run, DELAY, TIME, LABELS, ["early", "mature"], direction="opposite", **options)
    curve = preferred_psth(run[1], TIME, LABELS, CUE, mode="published", baseline=BASE).mean[1, during(*DELAY)]
    np.testing.assert_allclose(found.of_stage("mature"), curve.mean(axis=0), rtol=1e-10)


def test_empty_populations_are_no_error():
    runs = network(0, (0, 1, 2))
    nobody = np.zeros(12, bool)
    options = {"epoch": CUE, "trials_seen": range(3), "test": "published", "baseline": BASE}
    found = period_activity(runs, DELAY, TIME, LABELS, ["early", "mid", "mature"], population=nobody, **options)
    assert found.n_units.tolist() == [0, 0, 0]
    assert np.isnan(found.mean).all()
    assert np.isnan(found.p_value)
    assert "no test" in found.summary()
    assert [len(each) for each in found.of_checkpoints()] == [0, 0, 0]
    found.plot()
    found.plot_boxes()
    runs[0] = runs[0] + 10
    some = period_activity(
        runs, DELAY, TIME, LABELS, ["early", "mid", "mature"], **options,
        population=lambda responses, labels: np.full(12, responses.mean() < 10),
    )  # fmt: skip
    assert some.n_units.tolist() == [0, 12, 12]
    assert np.isnan(some.mean).tolist() == [True, False, False]
    np.testing.assert_allclose(some.p_value, stats.ttest_ind(some.of_stage("mid"), some.of_stage("mature")).pvalue)
    assert some.df == 1
    assert "early: no units" in [text.get_text() for text in some.plot().get_legend().get_texts()]


class OnDisk(Sequence):
    """Recordings that are made when asked for: how many exist at most?"""

    def __init__(self, runs):
        self.runs, self.alive, self.most = runs, weakref.WeakSet(), 0

    def __len__(self):
        return len(self.runs)

    def __getitem__(self, index):
        made = Recording(
            self.runs[index], TIME, trials={"cue": LABELS}, epochs={"stim1": CUE, "fix1": BASE, "delay1": DELAY},
            attrs={"performance": (0.1, 0.2, 0.5, 0.6, 0.9, 1.0)[index], "trials_seen": 1280 * index},
        )  # fmt: skip
        self.alive.add(made)
        self.most = max(self.most, len(self.alive))
        return made


def test_recordings_bring_names_and_are_not_kept():
    """The one before may still be there when the next is made, and no more."""
    runs = OnDisk(network(0))
    found = period_activity(runs, "delay1", labels="cue", epoch="stim1", baseline="fix1", chosen="all")
    assert runs.most <= 2
    plain = period_activity(network(0), DELAY, TIME, LABELS, STAGES, epoch=CUE, chosen="all", baseline=BASE)
    np.testing.assert_array_equal(found.values, plain.values)
    assert (found.period, found.stages) == ("delay1", ("early", "mid", "mature"))


def test_a_checkpoint_of_two_stages_is_in_both_and_once_in_the_list():
    stages = assign_stages([0.2, 0.5, 0.9])
    membership = stages.membership.copy()
    membership[2, 1] = True
    both = dataclasses.replace(stages, membership=membership)
    found = period_activity(network(0, (0, 1, 2)), DELAY, TIME, LABELS, both, epoch=CUE, chosen="all", baseline=BASE)
    assert found.n_units.tolist() == [12, 12, 24]
    assert [len(each) for each in found.of_checkpoints()] == [12, 12, 12]
    np.testing.assert_array_equal(found.of_checkpoints()[1], found.of_stage("mid"))


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"chosen": "first"}, InputError, "unknown choice of checkpoints 'first'"),
        ({"test": "anova"}, InputError, "unknown test"),
        ({"direction": "left"}, InputError, "unknown direction"),
        ({"epoch": None}, ConfigurationError, "expected the epoch that shows preferred labels"),
        ({"trials_seen": None}, InputError, "which is the last"),
        ({"chosen": "representative"}, InputError, "needs the stages that assign_stages returns"),
        ({"population": {"other": np.ones(12, bool)}}, InputError, "unknown network 'network'"),
    ],
)
def test_bad_options_are_refused(changed, error, words):
    options = {"epoch": CUE, "trials_seen": range(2), **changed}
    with pytest.raises(error, match=words):
        period_activity(network(0, (0, 1)), DELAY, TIME, LABELS, ["early", "mid"], **options)


@pytest.mark.parametrize("values", [[], [-3.2], [-3.2, -0.6], [0.0, 64.2], [0.5, 1.0], [-1e9, 1e9]])
def test_histograms_cover_any_range(values):
    """The published bins are none when the largest value is at or below −0.5."""
    edges = histogram_edges(np.array(values), 0.5)
    assert 2 <= len(edges) <= 403
    assert np.histogram(values, edges)[0].sum() == len(values)
    assert (np.diff(edges) > 0).all()
    np.testing.assert_allclose(edges / 0.5, np.round(edges / 0.5))


def test_pairs_of_checkpoints_are_scipys_t_tests():
    rng = np.random.default_rng(0)
    samples = [rng.normal(mean, 1, n) for mean, n in ((0, 20), (0.3, 15), (2, 30), (0, 1))]
    found = compare_periods(samples, ["a", "b", "c", "d"])
    for i, first in enumerate(samples):
        for j, second in enumerate(samples):
            if i != j:
                t, p = stats.ttest_ind(second, first)
                np.testing.assert_allclose([found.t[i, j], found.p_values[i, j]], [t, p], rtol=1e-10)
    assert np.isnan(np.diag(found.p_values)).all()
    d = (samples[2].mean() - samples[0].mean()) / np.sqrt(
        (19 * samples[0].var(ddof=1) + 29 * samples[2].var(ddof=1)) / 48
    )
    assert found.effect_sizes[0, 2] == pytest.approx(d)
    adjusted = compare_periods(samples, adjustment="fdr_bh")
    above = np.triu_indices(4, 1)
    expected = stats.false_discovery_control(found.p_values[above])
    np.testing.assert_allclose(adjusted.adjusted_p_values[above], expected, rtol=1e-10)
    np.testing.assert_array_equal(adjusted.adjusted_p_values, adjusted.adjusted_p_values.T)
    np.testing.assert_array_equal(adjusted.p_values, found.p_values)


def test_empty_and_constant_populations_are_not_tested():
    found = compare_periods([[], [1.0], [1.0], [2.0, 2.0], [3.0, 3.0], [1.0, 2.0]], adjustment="holm")
    assert np.isnan(found.p_values[:5, :5]).all()
    assert np.isfinite(found.p_values[5, [1, 2, 3, 4]]).all()
    assert "without units: 1 checkpoints" in found.summary()
    found.plot()
    with pytest.raises(InputError, match="found nan"):
        compare_periods([[np.nan]])
    with pytest.raises(InputError, match="at least one checkpoint"):
        compare_periods([])
    with pytest.raises(InputError, match="one number per unit"):
        compare_periods([[[1.0]]])


def test_results_are_saved_and_drawn(tmp_path):
    found = period_activity(
        network(0), DELAY, TIME, LABELS, STAGES, epoch=CUE, trials_seen=range(6), test="published", **PUBLISHED
    )
    loaded = PeriodActivity.load(found.save(tmp_path / "period.h5"))
    assert (loaded.to_dict(), loaded.summary()) == (found.to_dict(), found.summary())
    assert "1 to 1.5 s" in found.plot().get_xlabel()
    assert [text.get_text().split("\n")[0] for text in found.plot_boxes().get_xticklabels()] == list(found.stages)
    compared = compare_periods(found.of_checkpoints())
    again = PeriodComparison.load(compared.save(tmp_path / "pairs.h5"))
    assert (again.to_dict(), again.summary()) == (compared.to_dict(), compared.summary())
