"""SVCCA and projection-weighted CCA against their definitions."""

import numpy as np
import pytest

from dynascope.analysis import cca, pwcca, svcca
from dynascope.errors import ConfigurationError, InputError


def related(n=300, p=6, q=5, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 3))
    scales = np.geomspace(1, 0.01, p)
    x = (shared @ rng.standard_normal((3, p)) + rng.standard_normal((n, p))) * scales + 1
    return x, shared @ rng.standard_normal((3, q)) + rng.standard_normal((n, q))


@pytest.mark.parametrize("variance", [0.5, 0.9, 0.99])
def test_svcca_is_the_mean_correlation_of_components(variance):
    x, y = related()
    scores = []
    for array in (x, y):
        values, vectors = np.linalg.eigh(np.cov(array.T))
        values, vectors = values[::-1], vectors[:, ::-1]
        count = next(k for k in range(1, len(values) + 1) if values[:k].sum() >= variance * values.sum())
        scores.append((array - array.mean(axis=0)) @ vectors[:, :count])
    a, b = (np.linalg.qr(each)[0] for each in scores)
    expected = np.linalg.svd(a.T @ b, compute_uv=False).mean()
    assert svcca(x, y, variance=variance) == pytest.approx(expected, abs=1e-10)


def test_svcca_of_all_variance_is_the_mean_of_cca():
    x, y = related()
    assert svcca(x, y, variance=1) == pytest.approx(cca(x, y).correlations.mean(), abs=1e-10)
    redundant = np.column_stack([x, x[:, 0] + x[:, 1]])
    assert svcca(redundant, y, variance=1) == pytest.approx(cca(x, y).correlations.mean(), abs=1e-10)


def test_pwcca_weighs_by_projections_on_variates():
    x, y = related()
    x0, y0 = x - x.mean(axis=0), y - y.mean(axis=0)
    qx, qy = np.linalg.qr(x0)[0], np.linalg.qr(y0)[0]
    u, correlations, _ = np.linalg.svd(qx.T @ qy, full_matrices=False)
    variates = qx @ u
    weights = np.array([sum(abs(h @ z) for z in x0.T) for h in variates.T])
    assert pwcca(x, y) == pytest.approx((weights * correlations).sum() / weights.sum(), abs=1e-10)
    assert abs(pwcca(x, y) - pwcca(y, x)) > 0.01


def test_noise_of_small_variance_hardly_lowers_them():
    rng = np.random.default_rng(1)
    signal = rng.standard_normal((2000, 3))
    x = np.column_stack([signal, 0.001 * rng.standard_normal((2000, 20))])
    y = np.column_stack([signal @ rng.standard_normal((3, 3)), 0.001 * rng.standard_normal((2000, 20))])
    assert cca(x, y).correlations.mean() < 0.3
    assert svcca(x, y, variance=0.99) > 0.999
    assert pwcca(x, y) > 0.97


def test_bad_input_is_named():
    x, y = related()
    for value in (0, 1.01, float("nan")):
        with pytest.raises(ConfigurationError, match="variance: expected a share above 0 and at most 1"):
            svcca(x, y, variance=value)
    with pytest.raises(InputError, match="y: has 299 samples"):
        pwcca(x, y[1:])
    with pytest.raises(InputError, match="every feature is constant"):
        svcca(np.ones((300, 2)), y)
