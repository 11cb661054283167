"""Adjusted p-values against literal formulas and against numbers of statsmodels 0.15.0."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascope.analysis.statistics import ADJUSTMENTS, adjust_p_values
from dynascope.errors import InputError

P = [0.04, 0.001, 1.0, 0.0, 0.3, 0.04, 0.008, 0.97]
STATSMODELS = {
    "fdr_bh": [0.064, 0.004, 1.0, 0.0, 0.39999999999999997, 0.064, 0.021333333333333333, 1.0],
    "fdr_by": [0.17394285714285715, 0.01087142857142857, 1.0, 0.0, 1.0, 0.17394285714285715, 0.05798095238095238, 1.0],
    "holm": [0.2, 0.007, 1.0, 0.0, 0.8999999999999999, 0.2, 0.048, 1.0],
    "bonferroni": [0.32, 0.008, 1.0, 0.0, 1.0, 0.32, 0.064, 1.0],
    "sidak": [
        0.2786104210161664, 0.007972055930055972, 1.0, 0.0,
        0.94235199, 0.2786104210161664, 0.06223638710768473, 0.9999999999993439,
    ],
}  # fmt: skip


def literal(p, method):
    """Each adjusted p by its definition, one at a time."""
    n = len(p)
    found = []
    for mine in p:
        rank = {other: sum(q <= other for q in p) for other in p}
        if method == "bonferroni":
            value = n * mine
        elif method == "sidak":
            value = 1 - (1 - mine) ** n
        elif method == "holm":
            value = max((n - sum(q < other for q in p)) * other for other in p if other <= mine)
        else:
            factor = sum(1 / i for i in range(1, n + 1)) if method == "fdr_by" else 1
            value = min(factor * n * other / rank[other] for other in p if other >= mine)
        found.append(min(1, value))
    return found


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_equals_statsmodels(method):
    np.testing.assert_allclose(adjust_p_values(P, method), STATSMODELS[method], atol=1e-14, rtol=0)


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_equals_an_installed_statsmodels(method):
    peer = pytest.importorskip("statsmodels.stats.multitest")
    p = np.random.default_rng(0).uniform(size=1000) ** 3
    np.testing.assert_allclose(adjust_p_values(p, method), peer.multipletests(p, method=method)[1], atol=1e-14, rtol=0)


@pytest.mark.parametrize("method", ADJUSTMENTS)
@settings(max_examples=60, deadline=None)
@given(p=st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.01, 0.5, 1.0])), min_size=1, max_size=12))
def test_equals_the_definition(method, p):
    np.testing.assert_allclose(adjust_p_values(p, method), literal(p, method), atol=1e-14, rtol=0)


@pytest.mark.parametrize("method", ADJUSTMENTS)
def test_shape_nan_and_order(method):
    rng = np.random.default_rng(1)
    p = rng.uniform(size=(4, 5))
    missing = p.copy()
    missing[1, 2] = missing[3, 0] = np.nan
    kept = ~np.isnan(missing)
    found = adjust_p_values(missing, method)
    assert found.shape == (4, 5)
    np.testing.assert_array_equal(np.isnan(found), ~kept)
    np.testing.assert_array_equal(found[kept], adjust_p_values(missing[kept], method))
    assert (found[kept] >= missing[kept]).all()
    assert adjust_p_values(0.3, method) == pytest.approx(0.3, abs=1e-15)
    assert adjust_p_values([], method).shape == (0,)
    assert adjust_p_values([np.nan], method).shape == (1,)
    np.testing.assert_array_equal(adjust_p_values([0, 1], method), [0.0, 1.0])


def test_sidak_keeps_small_p_values():
    assert adjust_p_values(np.full(10, 1e-30), "sidak") == pytest.approx(1e-29, rel=1e-12)


def test_false_discoveries_stay_below_their_rate():
    """500 experiments of 100 tests, 20 with an effect: the mean share of false discoveries is 0.8 · 0.1."""
    from scipy.stats import norm

    rng = np.random.default_rng(2)
    shares = []
    for _ in range(500):
        rejected = adjust_p_values(norm.sf(rng.standard_normal(100) + 3 * (np.arange(100) < 20))) <= 0.1
        shares.append(rejected[20:].sum() / max(1, rejected.sum()))
    assert abs(np.mean(shares) - 0.08) < 4 * np.std(shares) / np.sqrt(500)


@pytest.mark.parametrize(
    ("p", "method", "message"),
    [
        ([0.1, 1.2], "holm", r"p: found 1.2 at index \(1,\); expected values in \[0, 1\]"),
        ([[0.1], [-0.1]], "holm", r"found -0.1 at index \(1, 0\)"),
        ([np.inf], "holm", "found inf"),
        (["a"], "holm", "expected real numbers"),
        ([0.1], "fdr", "unknown adjustment 'fdr'"),
    ],
)
def test_refusals(p, method, message):
    with pytest.raises(InputError, match=message):
        adjust_p_values(p, method)
