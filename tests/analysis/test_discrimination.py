"""Discrimination of two labels: against counting pairs and SciPy, chance, and what is refused."""

import itertools

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from dynascope.analysis import Discrimination, discrimination
from dynascope.errors import InputError

LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1])


def cube(seed=0, shape=(13, 6, 4)):
    return np.random.default_rng(seed).standard_normal(shape)


def tied(seed=0):
    counts = np.random.default_rng(seed).poisson(0.7, (13, 6, 4))
    counts[:, 0, 0] = 3  # every trial ties
    return counts


@pytest.mark.parametrize("activity", [cube(), tied(), tied() > 0], ids=["continuous", "counts", "booleans"])
def test_equals_mann_and_whitney_as_scipy_computes_it(activity):
    found = discrimination(activity, LABELS)
    numbers = activity.astype(float)
    expected = mannwhitneyu(numbers[LABELS == 1], numbers[LABELS == 0], axis=0, method="asymptotic")
    np.testing.assert_allclose(found.p_values, expected.pvalue, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.auc, expected.statistic / (8 * 5), rtol=0, atol=1e-12)


def test_the_area_counts_pairs_and_ties_half():
    activity = tied(1)
    high, low = activity[LABELS == 1], activity[LABELS == 0]
    pairs = [(a > b) + 0.5 * (a == b) for a, b in itertools.product(high, low)]
    found = discrimination(activity, LABELS)
    np.testing.assert_allclose(found.auc, np.mean(pairs, axis=0), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(found.index, 2 * found.auc - 1)
    assert (found.auc[0, 0], found.z[0, 0], found.p_values[0, 0]) == (0.5, 0, 1)


def test_the_larger_label_is_positive():
    activity = cube()
    activity[LABELS == 1] += 10
    found = discrimination(activity, np.where(LABELS == 1, "right", "left"))
    assert (found.labels, found.n_trials) == (("left", "right"), (5, 8))
    assert (found.auc == 1).all()
    assert (found.z > 2).all()
    turned = discrimination(activity, np.where(LABELS == 1, "a", "b"))
    np.testing.assert_array_equal(turned.auc, 0)
    np.testing.assert_allclose(turned.z, -found.z)
    np.testing.assert_array_equal(turned.p_values, found.p_values)


def test_groups_are_averages_of_absolute_indices():
    found = discrimination(cube(), LABELS, groups=["x", "y", "x", "x"])
    assert found.groups == ("x", "y")
    np.testing.assert_allclose(found.selectivity[0], np.abs(found.index[:, [0, 2, 3]]).mean(1))
    np.testing.assert_allclose(found.selectivity[1], np.abs(found.index[:, 1]))


def test_chance_is_the_mean_over_all_arrangements_of_the_labels():
    activity = np.random.default_rng(3).poisson(0.8, (6, 2, 3))
    means = []
    for chosen in itertools.combinations(range(6), 3):
        labels = np.isin(np.arange(6), chosen)
        means.append(np.abs(discrimination(activity, labels, n_shuffles=1).index).mean(1))
    found = discrimination(activity, np.arange(6) < 3, n_shuffles=20_000)
    np.testing.assert_allclose(found.chance[0], np.mean(means, axis=0), rtol=0.02)
    np.testing.assert_allclose(found.chance_bound[0], np.max(means, axis=0), rtol=1e-9)  # a tenth of arrangements


def test_chance_of_a_rare_spike_is_exact():
    """One active trial of n, half of them positive: |2 AUC − 1| is 2/n whatever the labels."""
    activity = np.zeros((20, 3, 1))
    activity[4] = 1
    found = discrimination(activity, np.arange(20) % 2)
    np.testing.assert_allclose([found.selectivity, found.chance, found.chance_bound], 2 / 20)


def test_without_selectivity_a_group_stays_at_chance():
    labels = np.arange(80) % 2
    common = np.random.default_rng(1).standard_normal((80, 300, 1))  # units that vary together
    found = discrimination(common + cube(2, (80, 300, 5)), labels)
    assert found.selectivity.mean() == pytest.approx(found.chance.mean(), rel=0.05)
    assert (found.selectivity > found.chance_bound).mean() == pytest.approx(0.05, abs=0.04)
    assert (found.p_values < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_blocks_do_not_change_the_result(monkeypatch):
    whole = discrimination(tied(), LABELS)
    # The package's function has the name of its module.
    import sys

    monkeypatch.setattr(sys.modules["dynascope.analysis.discrimination"], "_BLOCK", 1)
    blocks = discrimination(tied(), LABELS)
    for name in ("auc", "z", "p_values", "selectivity", "chance", "chance_bound"):
        np.testing.assert_allclose(getattr(blocks, name), getattr(whole, name), rtol=1e-13)


def test_the_seed_moves_chance_alone():
    first, again, other = (discrimination(cube(), LABELS, seed=seed) for seed in (0, 0, 1))
    assert first.to_dict() == again.to_dict()
    assert (first.chance != other.chance).any()
    np.testing.assert_array_equal(first.p_values, other.p_values)


def test_input_is_not_changed():
    activity, labels = cube().astype(np.float32), LABELS.copy()
    activity.flags.writeable = labels.flags.writeable = False
    assert discrimination(activity, labels).auc.dtype == np.float64


BAD = cube()
BAD[2, 3, 1] = np.nan
REFUSED = [
    ((BAD, LABELS), {}, r"activity: found nan at index \(2, 3, 1\)"),
    ((cube()[0], LABELS), {}, r"activity: expected \(trial, time, unit\)"),
    ((cube(), LABELS[1:]), {}, r"labels: expected one label for each of 13 trials, found shape \(12,\)"),
    ((cube(), np.where(LABELS, 1.0, np.nan)), {}, "labels: found nan at index 0; drop trials without a label"),
    ((cube(), 0 * LABELS), {}, r"labels: expected exactly 2 different values, found 1 \(0\)"),
    ((cube(), np.arange(13)), {}, r"labels: expected exactly 2 different values, found 13 \(0, 1, 2, 3, 4, …\)"),
    ((cube(), LABELS), {"groups": list("abc")}, "groups: expected one label for each of 4 units"),
    ((cube(), LABELS), {"time": [0, 1, 2, 3, 4, 4]}, "time: expected 6 increasing times in seconds"),
    ((cube(), LABELS), {"n_shuffles": 0}, "n_shuffles: expected a whole number of at least 1, found 0"),
]


@pytest.mark.parametrize(("arguments", "options", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_bad_input_is_refused(arguments, options, words):
    with pytest.raises(InputError, match=f"^{words}"):
        discrimination(*arguments, **options)


def test_saved_summarised_and_drawn(tmp_path):
    activity = cube()
    activity[LABELS == 1, 4:, :2] += 10
    found = discrimination(activity, LABELS, groups=["E-LIF", "E-LIF", "I-LIF", "I-LIF"], time=np.arange(6) / 10)
    loaded = Discrimination.load(found.save(tmp_path / "d.h5"))
    assert loaded.to_dict() == found.to_dict()
    lines = loaded.summary().splitlines()
    assert lines[0] == "label 1 (8 trials) against 0 (5 trials), 4 units × 6 times"
    assert lines[2].split()[:3] == ["E-LIF", "2", "1.000"]
    assert lines[2].split()[4] in ("0.4", "0.5")
    ax = loaded.plot()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["E-LIF (2)", "I-LIF (2)", "shuffled labels"]
    assert ax.get_xlabel() == "time (s)"
    assert discrimination(activity, LABELS).plot().get_xlabel() == "sample"
