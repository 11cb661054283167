"""Procrustes distances and canonical correlations against closed forms and other implementations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from dynascope import plotting
from dynascope.analysis import cca, procrustes_distance


def related(n, p, q, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((n, 2))
    x = shared @ rng.standard_normal((2, p)) + rng.standard_normal((n, p)) + 1
    return x, shared @ rng.standard_normal((2, q)) + rng.standard_normal((n, q))


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def nuclear_angle(x, y):
    x, y = (array - array.mean(axis=0) for array in (x, y))
    overlap = np.linalg.svd(x.T @ y, compute_uv=False).sum() / np.linalg.norm(x) / np.linalg.norm(y)
    return np.arccos(overlap)


@pytest.mark.parametrize(("n", "p", "q"), [(50, 4, 4), (50, 3, 7), (50, 7, 3), (10, 30, 20), (2, 1, 3)])
def test_angular_distance_equals_the_nuclear_norm(n, p, q):
    x, y = related(n, p, q)
    # The arc cosine of the plain form rounds angles to the root of 1e-16.
    assert procrustes_distance(x, y) == pytest.approx(nuclear_angle(x, y), abs=3e-8)


def test_euclidean_distance_equals_scipy():
    x, y = related(50, 4, 4)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    turn, _ = orthogonal_procrustes(y, x)
    assert procrustes_distance(x, y, metric="euclidean") == pytest.approx(np.linalg.norm(x - y @ turn), rel=1e-12)


@pytest.mark.parametrize("epsilon", [1e-12, 1e-8, 1e-4])
@pytest.mark.parametrize(("n", "p"), [(200, 20), (30, 80)])
def test_a_rotated_copy_with_noise_is_as_far_as_the_noise(epsilon, n, p):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((n, p))
    x -= x.mean(axis=0)
    # Noise M X with M symmetric is normal to every rotation X A (A antisymmetric): tr(Xᵀ M X A) = 0. Its
    # part along X is a change of scale; the mean of its columns is a shift. What is left cannot be undone.
    half = rng.standard_normal((n, n))
    noise = (half + half.T) @ x if n < p else rng.standard_normal((n, p))
    if n > p:
        noise -= x @ np.linalg.lstsq(x, noise, rcond=None)[0]
    noise -= noise.mean(axis=0)
    noise -= x * (x * noise).sum() / (x * x).sum()
    noise *= epsilon / np.linalg.norm(noise)
    expected = epsilon / np.linalg.norm(x)
    found = procrustes_distance(x, 3 * (x + noise) @ rotation(p))
    # Rounding of X and of the rotation leaves some 1e-16 per entry, one part in 500 of the smallest epsilon.
    assert found == pytest.approx(expected, rel=0.01)


def test_a_rotated_copy_is_at_distance_zero():
    x, _ = related(100, 6, 2)
    assert procrustes_distance(x, 5 * x @ rotation(6) + 2) < 5e-15
    assert procrustes_distance(x, x @ rotation(6) + 2, metric="euclidean") < 1e-12
    assert procrustes_distance(x, x + 2, centered=False) > 0.1


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(3, 20), p=st.integers(1, 8), q=st.integers(1, 8))
@pytest.mark.parametrize("metric", ["angular", "euclidean"])
def test_distances_are_symmetric_and_obey_the_triangle(metric, seed, n, p, q):
    (x, y), (z, _) = related(n, p, q, seed), related(n, q, 1, seed + 1)
    xy, yz, xz = (procrustes_distance(a, b, metric=metric) for a, b in ((x, y), (y, z), (x, z)))
    assert xy == pytest.approx(procrustes_distance(y, x, metric=metric), abs=1e-10)
    assert xz <= xy + yz + 1e-10
    if metric == "angular":
        assert 0 <= xy <= np.pi / 2 + 1e-12


def test_correlations_equal_the_covariance_form():
    x, y = related(300, 4, 3)
    covariance = np.cov(x.T, y.T)
    xx, yy, xy = covariance[:4, :4], covariance[4:, 4:], covariance[:4, 4:]
    squared = np.linalg.eigvals(np.linalg.solve(xx, xy) @ np.linalg.solve(yy, xy.T)).real
    expected = np.sqrt(np.sort(squared)[::-1][:3])
    np.testing.assert_allclose(cca(x, y).correlations, expected, atol=1e-10)


def test_weights_give_variates_with_those_correlations():
    x, y = related(200, 5, 3)
    found = cca(x, y)
    a, b = (x - x.mean(axis=0)) @ found.weights_x, (y - y.mean(axis=0)) @ found.weights_y
    joint = np.cov(a.T, b.T)
    np.testing.assert_allclose(joint[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(joint[3:, 3:], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(joint[:3, 3:], np.diag(found.correlations), atol=1e-12)


def test_one_feature_each_is_pearson():
    x, y = related(80, 1, 1)
    assert cca(x, y).correlations[0] == pytest.approx(abs(np.corrcoef(x.T, y.T)[0, 1]), abs=1e-12)


def test_correlations_ignore_any_invertible_map():
    x, y = related(150, 4, 3)
    mixed = x @ np.random.default_rng(2).standard_normal((4, 4)) + 5
    np.testing.assert_allclose(cca(mixed, y).correlations, cca(x, y).correlations, atol=1e-10)


def test_dependent_and_constant_features_do_no_harm():
    x, y = related(150, 4, 3)
    padded = np.column_stack([x, x[:, 0] + x[:, 1], np.full(150, 0.1)])
    found = cca(padded, y)
    assert (found.rank_x, found.rank_y, found.n_trivial) == (4, 3, 0)
    np.testing.assert_allclose(found.correlations, cca(x, y).correlations, atol=1e-10)


def test_too_few_samples_are_reported():
    rng = np.random.default_rng(0)
    found = cca(rng.standard_normal((10, 6)), rng.standard_normal((10, 5)))
    assert found.n_trivial == 2
    np.testing.assert_allclose(found.correlations[:2], 1, atol=1e-12)
    assert found.correlations[2] < 1 - 1e-6
    assert "2 correlations are 1 whatever the data" in found.summary()


def test_result_prints_and_draws(tmp_path):
    found = cca(*related(200, 5, 3))
    assert found.summary().startswith("CCA, 200 samples, ranks 5 and 3\nmean correlation 0.")
    assert "whatever" not in found.summary()
    assert plotting.save(found.plot(), tmp_path / "cca.png").stat().st_size > 3000
