"""Permutation p-values: exact on small designs, equal to refits, and with the error rates that they promise."""

import itertools

import numpy as np
import pytest
from scipy import stats

from dynascope.analysis import anova
from dynascope.analysis.selectivity.design import make_design
from dynascope.analysis.selectivity.permutation import permuted_p_values
from dynascope.analysis.selectivity.responses import factors_of
from dynascope.analysis.statistics import Permutations


def test_all_arrangements_of_a_small_design():
    """6 trials, 20 arrangements of the labels: p-values are counts over all of them."""
    values, labels = np.random.default_rng(0).standard_normal((6, 3)), np.array([0, 0, 0, 1, 1, 1])
    table = anova(values, labels, permutations=1000)
    assert table.n_permutations == (20,)
    every = []
    for chosen in itertools.combinations(range(6), 3):
        first = np.isin(np.arange(6), chosen)
        every.append(stats.f_oneway(values[first], values[~first], axis=0).statistic)
    null = np.array(every)
    assert table.permutation_p_values[0] == pytest.approx((null >= table.f[0] * (1 - 1e-9)).mean(axis=0))
    largest = null.max(axis=1)[:, None]
    assert table.familywise_p_values[0] == pytest.approx((largest >= table.f[0] * (1 - 1e-9)).mean(axis=0))


def test_main_effects_are_exchanged_within_the_other_factor():
    """Two trials of each level of a in each level of b: 6 × 6 arrangements, each refitted."""
    a, b = np.tile([0, 1], 4), np.repeat([0, 1], 4)
    values = np.random.default_rng(1).standard_normal((8, 2)) + b[:, None]
    table = anova(values, {"a": a, "b": b}, permutations=100)
    assert table.n_permutations[:2] == (36, 36)
    null = []
    for first, second in itertools.product(itertools.combinations(range(4), 2), repeat=2):
        arranged = np.zeros(8, int)
        arranged[list(first) + [4 + place for place in second]] = 1
        null.append(anova(values, {"a": arranged, "b": b}).f[0])
    assert table.permutation_p_values[0] == pytest.approx((np.array(null) >= table.f[0] * (1 - 1e-9)).mean(axis=0))


def test_every_permuted_f_equals_a_refit():
    """Unbalanced, two factors: rearranging rows of the basis gives the F of rearranged labels (or residuals)."""
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 3, 40), rng.integers(0, 2, 40)
    values = rng.standard_normal((40, 5)) + a[:, None]
    table = anova(values, {"a": a, "b": b}, permutations=30, seed=7)
    rows = Permutations.of_labels(a, 30, 7, b).indices()
    null = np.array([anova(values, {"a": a[row], "b": b}).f[0] for row in rows])
    count = (null >= table.f[0]).sum(axis=0)
    assert table.permutation_p_values[0] == pytest.approx((1 + count) / 31)
    count = (null.max(axis=1)[:, None] >= table.f[0]).sum(axis=0)
    assert table.familywise_p_values[0] == pytest.approx((1 + count) / 31)
    # The interaction: residuals of the additive model, rearranged, and fitted anew.
    columns = np.hstack([a[:, None] == np.unique(a), b[:, None] == np.unique(b)]).astype(float)
    left = values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]
    rows = Permutations.of_labels(40, 30, 7).indices()
    places = np.argsort(rows, axis=1)  # labels in row order beside data in place, or data moved beside labels
    null = np.array([anova(values - left + left[place], {"a": a, "b": b}).f[2] for place in places])
    count = (null >= table.f[2]).sum(axis=0)
    assert table.permutation_p_values[2] == pytest.approx((1 + count) / 31)


def test_the_answer_depends_on_the_seed_alone():
    rng = np.random.default_rng(0)
    values, labels = rng.standard_normal((20, 1500)), np.repeat([0, 1], 10)
    whole = anova(values, labels, permutations=70, seed=3)
    again = anova(values[:, :1100], labels, permutations=70, seed=3)  # other blocks
    assert whole.permutation_p_values[:, :1100].tolist() == again.permutation_p_values.tolist()
    assert anova(values, labels, permutations=70, seed=4).permutation_p_values.tolist() != (
        whole.permutation_p_values.tolist()
    )


def test_deterministic_units_stay_out_of_the_largest_f():
    labels = np.repeat([0, 1], 6)
    values = np.random.default_rng(0).standard_normal((12, 3))
    values[:, 1], values[:, 2] = labels, 5
    table = anova(values, labels, permutations=50)
    alone = anova(values[:, :1], labels, permutations=50)
    assert np.isnan(table.familywise_p_values[0, 1:]).all()
    assert table.familywise_p_values[0, 0] == alone.familywise_p_values[0, 0]


def test_familywise_error_is_five_percent():
    """2 000 data sets of 12 dependent units without any effect: 5 % ± 1 % have a familywise p ≤ 0.05."""
    rng = np.random.default_rng(11)
    labels = np.tile([0, 1, 2], 8)
    design = make_design(factors_of(labels, 24), "all", 2)
    wrong = 0
    for data_set in range(2000):
        values = rng.standard_normal((24, 12)) + rng.standard_normal((24, 1))
        found = permuted_p_values(values, design, np.ones(12, bool), 2, 99, groups=None, seed=data_set)
        wrong += found["familywise_p_values"].min() <= 0.05
    assert 0.04 <= wrong / 2000 <= 0.06


def test_interactions_are_tested_with_main_effects_kept():
    """600 data sets with strong main effects and no interaction: uniform p of the interaction."""
    rng = np.random.default_rng(12)
    a, b = np.tile([0, 1], 10), np.repeat([0, 1], 10)
    design = make_design(factors_of({"a": a, "b": b}, 20), "all", 2)
    values = 5 * a[:, None] + 8 * b[:, None] + rng.standard_normal((20, 600))
    found = permuted_p_values(values, design, np.ones(600, bool), 2, 199, groups=None, seed=0)
    p = found["permutation_p_values"][2]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert (found["permutation_p_values"][:2] <= 0.01).all()


def test_groups_keep_sessions_apart():
    """Labels that differ between sessions only by a session's own level say nothing once sessions are kept."""
    rng = np.random.default_rng(0)
    session = np.repeat(np.arange(8), 6)
    labels = rng.permuted(np.tile([0, 1, 1, 1, 1, 1], (8, 1)), axis=1).ravel()
    labels[session > 3] = 1 - labels[session > 3]
    values = 4 * (session > 3)[:, None] + rng.standard_normal((48, 40))
    free = anova(values, labels, permutations=199).permutation_p_values
    kept = anova(values, labels, permutations=199, groups=session).permutation_p_values
    assert (free <= 0.05).mean() > 0.8
    assert (kept <= 0.05).mean() < 0.2
