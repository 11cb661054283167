"""Which units are shared or stay selective, one unit by location, and components of z-scored means."""

import itertools

import numpy as np
import pytest
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from dynascope import plotting
from dynascope.analysis import (
    DirectionOverlap,
    SampleUnit,
    condition_pca,
    direction_overlap,
    fixed_population,
    period_activity,
    sample_unit,
    select_units,
    stage_psth,
)
from dynascope.analysis.subspaces import ConditionPCA
from dynascope.errors import InputError

LABELS = np.tile(np.arange(8), 6)
TIME = 0.1 * np.arange(15)
CUE, BASE = (0.5, 1.0), (0.0, 0.5)


def selected(rng, n=60, share=0.7, n_labels=8):
    return rng.random(n) < share, rng.integers(0, n_labels, n)


def test_counts_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    first, second = [selected(rng) for _ in range(5)], [selected(rng, share=0.4) for _ in range(5)]
    found = direction_overlap(first, second, trials_seen=1280 * np.arange(5), n_permutations=100)
    for index in range(5):
        both = same = 0
        for unit in range(60):
            if first[index][0][unit] and second[index][0][unit]:
                both += 1
                same += first[index][1][unit] == second[index][1][unit]
        assert (found.both[index], found.same[index], found.different[index]) == (both, same, both - same)
        sizes = first[index][0].sum(), second[index][0].sum()
        assert (found.n_first[index], found.n_second[index]) == sizes
        expected = stats.hypergeom(60, *sizes)
        assert found.both_expected[index] == pytest.approx(expected.mean())
        assert found.both_p_values[index] == pytest.approx(sum(expected.pmf(k) for k in range(both, 61)))


def test_chance_of_equal_preferences_over_all_orders():
    """Six units: every rearrangement of the preferences, by hand."""
    one, other = np.array([0, 0, 1, 2, 2, 1]), np.array([0, 2, 1, 2, 0, 0])
    everyone = np.ones(6, bool)
    found = direction_overlap([(everyone, one)], [(everyone, other)], n_permutations=1000)
    null = np.array([(one == np.array(order)).sum() for order in itertools.permutations(other)])
    assert found.same_expected[0] == pytest.approx(null.mean())
    assert found.same_p_values[0] == pytest.approx((null >= found.same[0]).mean())
    assert found.same_low[0] <= found.same_expected[0] <= found.same_high[0]


def test_p_values_hold_by_chance_and_find_agreement():
    rng = np.random.default_rng(1)
    first, second = [selected(rng) for _ in range(200)], [selected(rng) for _ in range(200)]
    found = direction_overlap(first, second, n_permutations=200)
    assert 0.0 <= (found.same_p_values <= 0.05).mean() <= 0.09
    assert 0.0 <= (found.both_p_values <= 0.05).mean() <= 0.09
    inside = (found.same >= found.same_low) & (found.same <= found.same_high)
    assert inside.mean() >= 0.93
    agreeing = direction_overlap(first, first, n_permutations=200)
    assert (agreeing.same_p_values <= 0.01).all()
    assert (agreeing.different == 0).all()


def test_preferences_are_compared_as_labels_not_as_their_numbers():
    """Recordings with locations 0 … 7 and with 1 … 8: index 0 is not the same direction."""
    rng = np.random.default_rng(0)
    activity = rng.normal(5, 0.3, (48, 15, 8))
    activity[:, 5:10] += 2 * np.cos((LABELS[:, np.newaxis] - np.arange(8)) * np.pi / 4)[:, np.newaxis]
    one = select_units(activity, TIME, LABELS, CUE, BASE)
    other = select_units(activity, TIME, LABELS + 1, CUE, BASE)
    assert direction_overlap([one], [one]).same.item() == 8
    assert direction_overlap([one], [other]).same.item() == 0
    assert direction_overlap([one], [other]).both.item() == 8


def test_the_population_counts_not_every_selected_unit():
    """Inhibited units are selected, but not of the published population."""
    activity = np.random.default_rng(0).normal(5, 0.3, (48, 15, 2))
    activity[:, 5:10, 0] += 2 * np.cos(LABELS * np.pi / 4)[:, np.newaxis]
    activity[:, 5:10, 1] -= 3 - np.cos(LABELS * np.pi / 4)[:, np.newaxis]
    found = select_units(activity, TIME, LABELS, CUE, BASE)
    assert (found.selected.tolist(), found.population.tolist()) == ([True, True], [True, False])
    assert direction_overlap([found], [found]).both.item() == 1
    assert fixed_population([found])["network"].tolist() == [True, False]


def test_nobody_shared_and_one_label_only():
    nobody, everyone, zero = np.zeros(4, bool), np.ones(4, bool), np.zeros(4, int)
    found = direction_overlap([(nobody, zero), (everyone, zero)], [(everyone, zero), (everyone, zero)])
    assert np.isnan(found.same_expected[0])
    assert np.isnan(found.same_p_values[0])
    assert (found.same_p_values[1], found.same_expected[1], found.both_p_values[1]) == (1.0, 4.0, 1.0)
    found.summary()
    found.plot()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ([], [], "at least one checkpoint"),
        ([(np.ones(3, bool), np.zeros(3))], [], "at least one checkpoint"),
        ([(np.ones(3, bool), np.zeros(3))] * 2, [(np.ones(3, bool), np.zeros(3))], "expected 2 checkpoints"),
        ([(np.ones(3, bool), np.zeros(3))], [(np.ones(4, bool), np.zeros(4))], "expected 3 units"),
        ([(np.ones(3), np.zeros(3))], [(np.ones(3, bool), np.zeros(3))], "expected booleans"),
        ([3], [3], "expected SelectedUnits"),
        ([(np.ones(2, bool), [0.0, np.nan])], [(np.ones(2, bool), [0.0, 1.0])], "unit 1 is selected but has no"),
    ],
)
def test_bad_selections_are_refused(first, second, words):
    with pytest.raises(InputError, match=words):
        direction_overlap(first, second)


def test_fixed_population_is_selected_always_and_excited_last():
    rng = np.random.default_rng(2)
    runs = [selected(rng, 30, 0.8) for _ in range(6)]
    networks, seen = ["a", "b"] * 3, [5, 0, 3, 1, 4, 2]
    found = fixed_population(runs, trials_seen=seen, networks=networks)
    for start, name in enumerate("ab"):
        always = [all(runs[index][0][unit] for index in range(start, 6, 2)) for unit in range(30)]
        assert found[name].tolist() == always
    with pytest.raises(InputError, match="checkpoints of network have 3 and 4 units"):
        fixed_population([(np.ones(3, bool), np.zeros(3)), (np.ones(4, bool), np.zeros(4))])


def test_the_last_checkpoint_is_that_of_most_training():
    """A unit excited at one of two checkpoints and inhibited at the other, listed in either order."""
    runs = []
    for change in (2.0, -2.0):
        activity = np.random.default_rng(0).normal(8, 0.3, (48, 15, 1))
        activity[:, 5:10, 0] += change + 0.5 * np.cos(LABELS * np.pi / 4)[:, np.newaxis]
        runs.append(select_units(activity, TIME, LABELS, CUE, BASE))
    assert all(run.selected.all() for run in runs)
    assert fixed_population(runs, trials_seen=[0, 1])["network"].tolist() == [False]
    assert fixed_population(runs, trials_seen=[1, 0])["network"].tolist() == [True]


def test_populations_by_network_reach_the_curves():
    rng = np.random.default_rng(0)
    runs = [rng.normal(5, 1, (48, 15, 4)) + np.arange(4) * (index + 1) for index in range(4)]
    members = {"a": np.array([True, False, False, False]), "b": np.array([False, False, True, True])}
    options = {"epoch": CUE, "networks": ["a", "a", "b", "b"], "mode": "published"}
    found = stage_psth(runs, TIME, LABELS, ["mid"] * 4, population=members, **options)
    assert found.n_units.tolist() == [1.5]
    alone = [
        stage_psth(runs[part], TIME, LABELS, ["mid"] * 2, epoch=CUE, mode="published", population=members[name]).mean
        for name, part in (("a", slice(0, 2)), ("b", slice(2, 4)))
    ]
    np.testing.assert_allclose(found.mean, np.mean(alone, axis=0), rtol=1e-10)
    units = period_activity(
        runs, (1.0, 1.5), TIME, LABELS, ["mid"] * 4, population=members, trials_seen=[0, 1, 0, 1], **options
    )
    assert units.observation_unit.tolist() == [0, 2, 3]


def unit_activity(n_labels=8, n_trials=6):
    labels = np.tile(np.arange(n_labels), n_trials)
    rng = np.random.default_rng(0)
    tuned = np.exp(3 * (np.cos((labels - 2) * 2 * np.pi / n_labels) - 1))[:, np.newaxis] * (
        (TIME > 0.45) & (TIME < 0.95)
    )
    return 0.3 + 2 * tuned[:, :, np.newaxis] * [0.0, 1.0] + 0.1 * rng.random((len(labels), 15, 2)), labels


@pytest.mark.parametrize("n_labels", [8, 5])
def test_a_sample_unit_from_plain_code(n_labels):
    activity, labels = unit_activity(n_labels)
    found = sample_unit(activity, TIME, labels, 1, CUE, description="odr")
    inside = (TIME > 0.45) & (TIME < 0.95)
    for location in range(n_labels):
        own = activity[labels == location, :, 1]
        np.testing.assert_allclose(found.mean[location], own.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(found.sem[location], own.std(axis=0, ddof=1) / np.sqrt(len(own)), rtol=1e-10)
        assert found.rates[location] == pytest.approx(own[:, inside].mean())
        error = own[:, inside].mean(axis=1).std(ddof=1) / np.sqrt(len(own))
        assert found.rate_sem[location] == pytest.approx(error)
    assert (found.preferred, found.normalized_rates.max()) == (2, 1.0)
    np.testing.assert_allclose(found.angles, 2 * np.pi * np.arange(n_labels) / n_labels)


def test_locations_stand_round_the_polar_plot_by_their_angles():
    """0 top middle, then clockwise; also when labels are not in the order of angles."""
    activity, labels = unit_activity()
    drawn = sample_unit(activity, TIME, labels, 1, CUE).plot_grid()
    where = {panel.get_title(loc="left") or panel.get_title(): panel.get_subplotspec() for panel in drawn.axes}
    grid = {title: (spec.rowspan.start, spec.colspan.start) for title, spec in where.items() if title}
    assert grid == {
        "0°": (0, 1), "45°": (0, 2), "90°": (1, 2), "135°": (2, 2), "180°": (2, 1), "225°": (2, 0), "270°": (1, 0),
        "315°": (0, 0),
    }  # fmt: skip
    limits = {panel.get_ylim() for panel in drawn.axes if panel.name != "polar"}
    assert len(limits) == 1
    [polar] = [panel for panel in drawn.axes if panel.name == "polar"]
    spec = polar.get_subplotspec()
    assert (spec.rowspan.start, spec.colspan.start) == (1, 1)
    assert (polar.get_theta_direction(), polar.get_theta_offset()) == (-1, np.pi / 2)
    turned = sample_unit(activity, TIME, labels, 1, CUE, angles=np.pi / 2 - 2 * np.pi * np.arange(8) / 8).plot_grid()
    places = {panel.get_title(loc="left") or panel.get_title(): panel.get_subplotspec() for panel in turned.axes}
    assert (places["90°"].rowspan.start, places["90°"].colspan.start) == (1, 2)
    assert (places["0°"].rowspan.start, places["0°"].colspan.start) == (0, 1)


@pytest.mark.parametrize("n_labels", [2, 5, 11])
def test_other_numbers_of_locations_are_in_rows(n_labels, tmp_path):
    activity, labels = unit_activity(n_labels)
    drawn = sample_unit(activity, TIME, labels, 1, CUE).plot_grid()
    titled = [panel for panel in drawn.axes if panel.get_title(loc="left") or panel.get_title()]
    assert len(titled) == n_labels
    if n_labels == 2:
        plotting.save(drawn, tmp_path / "rows.png")


def test_a_silent_unit_and_bad_arguments():
    activity, labels = unit_activity()
    silent = sample_unit(0 * activity, TIME, labels, 0, CUE)
    assert np.isnan(silent.normalized_rates).all()
    silent.plot_grid()
    with pytest.raises(InputError, match="below the last"):
        sample_unit(activity, TIME, labels, 2, CUE)
    with pytest.raises(InputError, match="expected 8 finite angles"):
        sample_unit(activity, TIME, labels, 1, CUE, angles=[0.0])
    with pytest.raises(InputError, match="no sample"):
        sample_unit(activity, TIME, labels, 1, (5, 6))
    with pytest.raises(InputError, match="expected polar axes"):
        silent.plot(plotting.figure().axes[0])


def test_condition_pca_is_that_of_scaled_condition_means():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 5)
    activity = rng.standard_normal((40, 12, 6)) * [1, 10, 100, 0.1, 1, 1] + rng.standard_normal((8, 12, 6))[labels]
    found = condition_pca(activity, labels, n_components=3, time=0.02 * np.arange(12))
    means = np.concatenate([activity[labels == label].mean(axis=0) for label in range(8)])
    scaled = StandardScaler().fit_transform(means)
    plain = PCA(3).fit(scaled)
    scores = plain.transform(scaled).reshape(8, 12, 3)
    signs = np.sign((plain.components_.T * found.components).sum(axis=0))
    np.testing.assert_allclose(found.scores * signs, scores, atol=1e-8)
    np.testing.assert_allclose(found.variance_ratio, plain.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(found.transform(means).reshape(8, 12, 3), found.scores, atol=1e-8)


def test_constant_units_have_no_loading(tmp_path):
    rng = np.random.default_rng(0)
    activity, labels = rng.standard_normal((20, 6, 4)), np.repeat(np.arange(4), 5)
    activity[:, :, 2] = 0.1
    found = condition_pca(activity, labels, n_components=2)
    np.testing.assert_allclose(found.components[2], 0, atol=1e-10)
    assert found.scale[2] == 1
    loaded = ConditionPCA.load(found.save(tmp_path / "pca.h5"))
    assert (loaded.to_dict(), loaded.summary()) == (found.to_dict(), found.summary())
    drawn = found.plot_components(2)
    assert [len(panel.get_lines()) for panel in drawn.axes] == [5, 5]
    with pytest.raises(InputError, match="expected 1 to 2, found 3"):
        found.plot_components(3)
    with pytest.raises(InputError, match="4\\) units"):
        found.transform(np.zeros((2, 3)))


def test_results_are_saved_and_drawn(tmp_path):
    rng = np.random.default_rng(0)
    first, second = [selected(rng) for _ in range(4)], [selected(rng) for _ in range(4)]
    for networks in (None, ["a", "a", "b", "b"]):
        found = direction_overlap(first, second, networks=networks, names=("odr stim1", "odrd stim1"))
        loaded = DirectionOverlap.load(found.save(tmp_path / "overlap.h5"))
        assert (loaded.to_dict(), loaded.summary()) == (found.to_dict(), found.summary())
        assert "odr stim1" in found.plot().get_title(loc="left") + found.plot().get_title()
    activity, labels = unit_activity()
    unit = sample_unit(activity, TIME, labels, 1, CUE)
    again = SampleUnit.load(unit.save(tmp_path / "unit.h5"))
    assert (again.to_dict(), again.summary()) == (unit.to_dict(), unit.summary())
    assert unit.plot().name == "polar"
