"""Comparisons of dissimilarity matrices and noise ceilings against literal formulas."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import rankdata

from dynascope.analysis import cka, compare_dissimilarities, noise_ceiling
from dynascope.errors import InputError

METHODS = ["pearson", "spearman", "kendall", "cosine", "whitened_cosine"]


def matrices(count, k, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal((k, 8))
    return np.array([pdist(shared + rng.standard_normal((k, 8))) ** 2 for _ in range(count)])


def covariance_of_pairs(k):
    pairs = list(itertools.combinations(range(k), 2))
    contrasts = np.zeros((len(pairs), k))
    for row, (a, b) in enumerate(pairs):
        contrasts[row, a], contrasts[row, b] = 1, -1
    return (contrasts @ contrasts.T) ** 2


def literal(a, b, method):
    if method == "pearson":
        return np.corrcoef(a, b)[0, 1]
    if method == "spearman":
        return np.corrcoef(rankdata(a), rankdata(b))[0, 1]
    if method == "kendall":
        signs = [np.sign(np.subtract.outer(each, each))[np.triu_indices(len(each), 1)] for each in (a, b)]
        return (signs[0] * signs[1]).mean()
    k = int((1 + np.sqrt(1 + 8 * len(a))) / 2)
    precision = np.eye(len(a)) if method == "cosine" else np.linalg.inv(covariance_of_pairs(k))
    return a @ precision @ b / np.sqrt((a @ precision @ a) * (b @ precision @ b))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [3, 4, 9])
def test_equals_the_literal_formula(method, k):
    left, right = matrices(3, k), matrices(2, k, seed=1).round(1)
    right[0, 0] = right[0, 1]  # a tie
    expected = [[literal(a, b, method) for b in right] for a in left]
    np.testing.assert_allclose(compare_dissimilarities(left, right, method), expected, atol=1e-11)


def test_whitened_cosine_is_cka_of_the_patterns():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((12, 5)), rng.standard_normal((12, 7))
    found = compare_dissimilarities(pdist(x) ** 2, pdist(y) ** 2, "whitened_cosine")
    assert found[0, 0] == pytest.approx(cka(x, y), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_a_matrix_is_like_itself(method):
    found = compare_dissimilarities(*[matrices(2, 6)] * 2, method)
    np.testing.assert_allclose(np.diagonal(found), 1, atol=1e-12)
    np.testing.assert_allclose(found, found.T, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_no_model_beats_the_upper_bound_and_the_truth_lies_between(method):
    rng = np.random.default_rng(3)
    truth = matrices(1, 8)[0]
    subjects = truth + 3 * rng.standard_normal((12, len(truth)))
    ceiling = noise_ceiling(subjects, method)
    assert ceiling.lower < ceiling.upper < 1
    of_truth = compare_dissimilarities(truth, subjects, method).mean()
    assert ceiling.lower - 0.02 < of_truth < ceiling.upper
    if method != "kendall":  # whose best average is not known in closed form
        models = truth + rng.standard_normal((200, len(truth)))
        assert compare_dissimilarities(models, subjects, method).mean(axis=1).max() <= ceiling.upper + 1e-12


def test_the_upper_bound_is_the_best_mean_similarity():
    subjects = matrices(5, 6)
    units = subjects / np.linalg.norm(subjects, axis=1, keepdims=True)
    # The mean of the cosines to unit vectors is largest, and equal to the norm of their mean, along that mean.
    assert noise_ceiling(subjects, "cosine").upper == pytest.approx(np.linalg.norm(units.mean(axis=0)), abs=1e-12)
    others = [units[np.arange(5) != subject].sum(axis=0) for subject in range(5)]
    lower = np.mean([literal(a, b, "cosine") for a, b in zip(subjects, others, strict=True)])
    assert noise_ceiling(subjects, "cosine").lower == pytest.approx(lower, abs=1e-12)


def test_equal_subjects_have_a_ceiling_of_one():
    same = np.tile(matrices(1, 5), (4, 1))
    for method in METHODS:
        assert noise_ceiling(same, method) == pytest.approx((1, 1), abs=1e-12)


def test_bad_input_is_named():
    found = matrices(2, 5)
    with pytest.raises(InputError, match="b: has 6 pairs of conditions, a has 10"):
        compare_dissimilarities(found, matrices(1, 4))
    with pytest.raises(InputError, match=r"a: has 9 pairs; expected k \(k − 1\)/2"):
        compare_dissimilarities(found[:, :9], found[:, :9])
    with pytest.raises(InputError, match=r"a: found nan at index \(1, 3\)"):
        compare_dissimilarities(np.where(np.arange(20).reshape(2, 10) == 13, np.nan, found), found)
    with pytest.raises(InputError, match="b: matrix 1 is constant, so its pearson similarity is undefined"):
        compare_dissimilarities(found, np.stack([found[0], np.ones(10)]), "pearson")
    with pytest.raises(InputError, match="a: matrix 0 is zero"):
        compare_dissimilarities(0 * found, found, "whitened_cosine")
    with pytest.raises(InputError, match="subjects: found 1 matrix"):
        noise_ceiling(found[:1])
    with pytest.raises(InputError, match="comparison"):
        noise_ceiling(found, "tau")
