"""Angles between subspaces, participation ratio and captured variance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from dynascope.analysis import participation_ratio, principal_angles, variance_captured


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


@pytest.mark.parametrize("degrees", [0.0, 1e-12, 1e-6, 3.0, 40.0, 45.0, 85.0, 90 - 1e-9, 90.0])
def test_planted_angles_are_found(degrees):
    # Two planes that share one direction and differ by a known angle in the other.
    angle = np.deg2rad(degrees)
    a = np.eye(5)[:, :2]
    b = np.column_stack([np.eye(5)[:, 0], np.cos(angle) * np.eye(5)[:, 1] + np.sin(angle) * np.eye(5)[:, 3]])
    turn = rotation(5)
    mixed = (turn @ a @ [[1, 2], [0, 1]], turn @ b @ [[1, 0], [3, 2]])
    np.testing.assert_allclose(principal_angles(*mixed), [0, angle], rtol=1e-12, atol=2e-15)


def test_the_length_of_columns_does_not_matter():
    a, b = np.random.default_rng(0).standard_normal((2, 6, 2))
    np.testing.assert_allclose(principal_angles(a * [1e-20, 1e20], b), principal_angles(a, b), rtol=1e-10)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(4, 12), k=st.integers(1, 4), m=st.integers(1, 4))
def test_angles_equal_scipy_and_are_symmetric(seed, n, k, m):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((n, k)), 1e6 * rng.standard_normal((n, m))
    expected = np.sort(subspace_angles(a, b))
    # SciPy gives up to some 1e-8 for an angle of zero beside larger ones.
    np.testing.assert_allclose(principal_angles(a, b), expected, atol=1e-7)
    np.testing.assert_allclose(principal_angles(b, a), principal_angles(a, b), atol=1e-14)


def test_participation_ratio_equals_its_eigenvalue_form():
    x = np.random.default_rng(0).standard_normal((400, 6)) * [5, 3, 2, 1, 1, 0.1] + 7
    eigenvalues = np.linalg.eigvalsh(np.cov(x.T))
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert participation_ratio(x) == pytest.approx(expected, rel=1e-12)
    assert participation_ratio(x.astype(np.float32)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_participation_ratio_counts_equal_dimensions(k):
    x = np.vstack([np.eye(5)[:k], -np.eye(5)[:k]]) @ rotation(5) + 3
    assert participation_ratio(x) == pytest.approx(k, rel=1e-12)


def test_variance_captured_equals_the_leading_eigenvalues():
    x = np.random.default_rng(0).standard_normal((300, 6)) * [5, 3, 2, 1, 1, 0.1] + 7
    eigenvalues, vectors = np.linalg.eigh(np.cov(x.T))
    expected = eigenvalues[-2:].sum() / eigenvalues.sum()
    assert variance_captured(x, vectors[:, -2:]) == pytest.approx(expected, rel=1e-12)
    skewed = vectors[:, -2:] @ [[1, 3], [0, 1e-3]]
    assert variance_captured(x, skewed) == pytest.approx(expected, rel=1e-9)
    assert variance_captured(x, np.eye(6)) == pytest.approx(1, abs=1e-14)
