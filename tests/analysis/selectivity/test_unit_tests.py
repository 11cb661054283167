"""Tests of all units at once beside scipy's of one unit at a time, and exact null distributions beside enumeration."""

import itertools

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import UnitTests, discrimination, paired_test, rank_test
from dynascope.analysis.selectivity.rank_nulls import rank_sum_distribution, signed_rank_distribution
from dynascope.analysis.statistics import adjust_p_values
from dynascope.errors import InputError

UNITS = 25


def samples(n, *, ties):
    """Two samples (trial, unit); every third unit has ties and zero differences."""
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((n, UNITS)) + 0.4, rng.standard_normal((n, UNITS))
    if ties:
        x[:, ::3], y[:, ::3] = np.round(x[:, ::3] * 2), np.round(y[:, ::3] * 2)
    return x, y


@pytest.mark.parametrize("n", [5, 12, 50, 51])
def test_paired_t_is_scipys(n):
    x, y = samples(n, ties=False)
    found, expected = paired_test(x, y), stats.ttest_rel(x, y)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_values == pytest.approx(expected.pvalue, rel=1e-12)
    assert found.effect_sizes == pytest.approx((x - y).mean(axis=0) / (x - y).std(axis=0, ddof=1), rel=1e-12)
    assert found.adjusted_p_values.tolist() == adjust_p_values(found.p_values, "fdr_bh").tolist()


@pytest.mark.parametrize("n", [5, 12, 50, 51])
@pytest.mark.parametrize("ties", [False, True])
def test_wilcoxon_is_scipys_unit_by_unit(n, ties):
    x, y = samples(n, ties=ties)
    found = paired_test(x, y, test="wilcoxon")
    for unit in range(UNITS):
        d = x[:, unit] - y[:, unit]
        exact = n <= 50 and len(np.unique(np.abs(d))) == n and (d != 0).all()
        expected = stats.wilcoxon(d, method="exact" if exact else "asymptotic")
        assert found.p_values[unit] == pytest.approx(expected.pvalue, rel=1e-12)
        other = found.statistic[unit] - (d != 0).sum() * ((d != 0).sum() + 1) / 2
        assert min(found.statistic[unit], -other) == expected.statistic


@pytest.mark.parametrize("n", [6, 17, 60])
@pytest.mark.parametrize("ties", [False, True])
def test_mann_whitney_is_scipys_unit_by_unit(n, ties):
    x, _ = samples(n, ties=ties)
    labels = np.arange(n) % 3 == 0
    found = rank_test(x, labels)
    assert found.test == "Mann-Whitney test"
    for unit in range(UNITS):
        expected = stats.mannwhitneyu(x[labels, unit], x[~labels, unit])
        assert found.statistic[unit] == expected.statistic
        assert found.p_values[unit] == pytest.approx(expected.pvalue, rel=1e-12)
    areas = discrimination(x[:, None, :], labels, n_shuffles=1)
    assert found.effect_sizes == pytest.approx(areas.index[0], abs=1e-15)


@pytest.mark.parametrize("ties", [False, True])
def test_kruskal_wallis_is_scipys_unit_by_unit(ties):
    x, _ = samples(40, ties=ties)
    labels = np.arange(40) % 4
    found = rank_test(x.reshape(40, 5, 5), labels)
    assert found.statistic.shape == (5, 5)
    for unit in range(UNITS):
        expected = stats.kruskal(*(x[labels == level, unit] for level in range(4)))
        assert found.statistic.ravel()[unit] == pytest.approx(expected.statistic, rel=1e-12)
        assert found.p_values.ravel()[unit] == pytest.approx(expected.pvalue, rel=1e-12)


def test_exact_distributions_by_enumeration():
    signs = np.array(list(itertools.product([0, 1], repeat=7)))
    sums = signs @ np.arange(1, 8)
    assert signed_rank_distribution(7) == pytest.approx([(sums <= w).mean() for w in range(29)], abs=1e-15)
    wins = [
        sum(i > j for i in chosen for j in set(range(7)) - set(chosen))
        for chosen in itertools.combinations(range(7), 3)
    ]
    assert rank_sum_distribution(3, 4) == pytest.approx([(np.array(wins) <= u).mean() for u in range(13)], abs=1e-15)


def test_a_baseline_per_trial_serves_all_times():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 4, 3)), rng.standard_normal((20, 3))
    found = paired_test(x, y)
    assert found.statistic[2] == pytest.approx(paired_test(x[:, 2], y).statistic)


def test_units_without_variation_are_reported():
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((12, 3)), np.repeat([0, 1], 6)
    y = rng.standard_normal((12, 3))
    y[:, 0] = x[:, 0] - 0.3  # the same difference in every trial, up to rounding
    y[:, 1] = x[:, 1]
    for test, undefined in (("t", [True, True, False]), ("wilcoxon", [False, True, False])):
        found = paired_test(x, y, test=test)
        assert found.undefined.tolist() == undefined
        assert np.isnan(found.p_values).tolist() == undefined
        assert np.isnan(found.adjusted_p_values).tolist() == undefined
        assert f"not tested, no variation: {sum(undefined)} of 3" in found.summary()
    x[:, 2] = 7
    for groups in (labels, np.arange(12) % 3):
        assert rank_test(x, groups).undefined.tolist() == [False, False, True]


def test_results_survive_being_saved(tmp_path):
    x, y = samples(12, ties=True)
    for found in (paired_test(x, y), rank_test(x, np.arange(12) % 2), rank_test(x[:, :, None], np.arange(12) % 3)):
        loaded = UnitTests.load(found.save(tmp_path / "a.h5"))
        assert loaded.to_dict() == found.to_dict()
        assert loaded.summary() == found.summary()
        assert loaded.plot().get_title()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: paired_test(x, x[:, :2]), r"^baseline: has shape \(8, 2\), values has \(8, 3\)"),
        (lambda x: paired_test(x[:1], x[:1]), "^values: expected at least 2 trials"),
        (lambda x: paired_test(x, x, test="z"), "unknown test 'z'"),
        (lambda x: rank_test(x, np.zeros(8)), "^labels: expected at least 2 different labels"),
        (lambda x: rank_test(x, np.arange(8) % 3, test="mann_whitney"), "compares 2 labels, found 3"),
        (lambda x: rank_test(x, np.arange(8) % 2, correction="fdr"), "unknown adjustment 'fdr'"),
        (lambda x: rank_test(np.where(x > 9, x, np.inf), np.arange(8) % 2), r"^values: found inf at index \(0, 0\)"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call(np.random.default_rng(0).standard_normal((8, 3)))
