"""The moments of CKA under permutation against every permutation, and the p-value against many."""

import itertools

import numpy as np
import pytest
from scipy.stats import pearson3, skew

from dynascope import plotting
from dynascope.analysis import cka, cka_test
from dynascope.analysis.alignment import kernel_shape
from dynascope.analysis.alignment.significance import pearson_tail
from dynascope.errors import InputError


def pair(n, p, q, seed=0, shared=1.0):
    rng = np.random.default_rng(seed)
    common = shared * rng.standard_normal((n, 2))
    x = common @ rng.standard_normal((2, p)) + rng.standard_exponential((n, p)) + 3
    return x, common @ rng.standard_normal((2, q)) + rng.standard_normal((n, q))


@pytest.mark.parametrize(
    ("n", "p", "q", "kernel"), [(4, 2, 3, "linear"), (5, 2, 1, "linear"), (7, 3, 9, "linear"), (6, 3, 2, "rbf")]
)
def test_moments_equal_those_of_all_permutations(n, p, q, kernel):
    x, y = pair(n, p, q)
    values = np.array([cka(x, y[list(order)], kernel) for order in itertools.permutations(range(n))])
    found = cka_test(x, y, kernel)
    assert found.value == pytest.approx(cka(x, y, kernel), abs=1e-14)
    assert found.expected == pytest.approx(values.mean(), abs=1e-13)
    assert found.deviation == pytest.approx(values.std(), abs=1e-13)
    assert found.skewness == pytest.approx(skew(values), abs=1e-10)
    assert found.z == pytest.approx((found.value - values.mean()) / values.std(), abs=1e-9)


@pytest.mark.parametrize(("n", "p"), [(40, 6), (300, 20)])
def test_sums_in_feature_space_equal_those_of_the_kernel_matrix(n, p):
    x, _ = pair(n, p, 2)
    mean = x.mean(axis=0)
    by_features = kernel_shape.shape_of_features(x, mean)
    by_kernel = kernel_shape.shape_of_kernel(kernel_shape.centred_linear_kernel(x, mean))
    for name, value in vars(by_kernel).items():
        assert getattr(by_features, name) == pytest.approx(value, rel=1e-9), name


def test_a_large_mean_relative_to_the_spread_keeps_its_digits():
    # Biased CKA of wide arrays is close to 1 and hardly varies: raw third moments would lose every digit.
    x, y = pair(12, 400, 400, shared=0)
    rng = np.random.default_rng(1)
    centred = [array - array.mean(axis=0) for array in (x, y)]
    k, low = (array @ array.T for array in centred)
    orders = [rng.permutation(12) for _ in range(20000)]
    values = np.array([np.vdot(k, low[np.ix_(order, order)]) for order in orders])
    values /= np.linalg.norm(k) * np.linalg.norm(low)
    found = cka_test(x, y)
    assert found.expected == pytest.approx(values.mean(), abs=4 * values.std() / 140)
    assert found.deviation == pytest.approx(values.std(), rel=0.03)
    assert found.skewness == pytest.approx(skew(values), abs=0.1)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (2, 5), (30, 30)])
def test_p_values_match_permutations_in_the_tail(p, q):
    x, y = pair(60, p, q, shared=0)
    k, low = (each @ each.T for each in (array - array.mean(axis=0) for array in (x, y)))
    rng = np.random.default_rng(2)
    orders = (rng.permutation(60) for _ in range(10_000))
    values = np.array([np.vdot(k, low[order][:, order]) for order in orders])
    values /= np.linalg.norm(k) * np.linalg.norm(low)
    found = cka_test(x, y)
    for level in (0.05, 0.5, 0.9, 0.95, 0.99, 0.999):
        z = (np.quantile(values, level) - found.expected) / found.deviation
        expected = 1 - level
        # Four standard errors of the quantile, and a tenth for a distribution of three moments.
        tolerance = 4 * np.sqrt(expected * level / 10_000) + 0.1 * expected
        assert pearson_tail(z, found.skewness) == pytest.approx(expected, abs=tolerance)


def test_many_samples_estimate_one_sum_from_some(monkeypatch):
    x, y = pair(900, 4, 5)
    exact = cka_test(x, y)
    monkeypatch.setattr(kernel_shape, "MOST_FOR_CUBES", 200)
    found = cka_test(x, y)
    assert found.deviation == pytest.approx(exact.deviation, rel=1e-12)
    assert found.skewness == pytest.approx(exact.skewness, rel=0.01)
    assert found.skewness != exact.skewness


@pytest.mark.parametrize("skewness", [-1.2, -1e-5, 0.0, 0.3, 2.5])
def test_tail_equals_scipy(skewness):
    for z in (-1.0, 0.0, 1.7, 5.0):
        assert pearson_tail(z, skewness) == pytest.approx(pearson3.sf(z, skewness), rel=1e-4)


def test_related_arrays_are_significant_and_the_result_says_so(tmp_path):
    x, y = pair(80, 5, 6)
    found = cka_test(x, y)
    assert found.p_value < 1e-4
    assert found.debiased == pytest.approx(cka(x, y, debiased=True))
    assert "permuted samples give" in found.summary()
    assert type(found).load(found.save(tmp_path / "test.h5")).to_dict() == found.to_dict()
    assert plotting.save(found.plot(), tmp_path / "test.png").stat().st_size > 3000


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_any_dtype_is_computed_in_float64(dtype):
    x, y = ((10 * array).astype(dtype) for array in pair(50, 4, 5))
    x.flags.writeable = False
    found, expected = cka_test(x, y), cka_test(x.astype(float), y.astype(float))
    assert found.expected == pytest.approx(expected.expected, rel=1e-6)
    assert found.skewness == pytest.approx(expected.skewness, rel=1e-9)


def test_what_cannot_be_tested_is_refused():
    x, y = pair(10, 2, 2)
    with pytest.raises(InputError, match="x: expected at least 4 samples"):
        cka_test(x[:3], y[:3])
    with pytest.raises(InputError, match=r"y: has 9 samples, x has 10"):
        cka_test(x, y[:9])
    with pytest.raises(InputError, match="every permutation of the samples has the same CKA"):
        cka_test(np.eye(6), y[:6])
    with pytest.raises(InputError, match="x: has 9000 samples; expected at most 8192"):
        cka_test(np.arange(9000.0)[:, None], np.arange(9000.0)[:, None], "rbf", bandwidth=1)
