"""Matrices of every measure equal their pairs; scaling and trees of planted distances."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from dynascope import analysis, plotting
from dynascope.analysis import metric_mds, similarity_matrix
from dynascope.analysis.similarity_measures import MEASURES
from dynascope.errors import ConfigurationError, InputError

PAIRS = {
    "cca": lambda x, y: analysis.cca(x, y).correlations.mean(),
    "svcca": analysis.svcca,
    "pwcca": analysis.pwcca,
    "procrustes": analysis.procrustes_distance,
    "rsa": lambda x, y: analysis.compare_dissimilarities(pdist(x) ** 2, pdist(y) ** 2)[0, 0],
    "predictivity": lambda x, y: analysis.linear_predictivity(x, y).r2[0],
    "dsa": lambda x, y: analysis.dynamical_distance(x, y, rank=3),
}


def populations():
    """Activity (trial, time, unit) of three populations that share slow signals."""
    rng = np.random.default_rng(0)
    shared = np.cumsum(rng.standard_normal((10, 12, 4)), axis=1)
    return [shared @ rng.standard_normal((4, units)) + rng.standard_normal((10, 12, units)) for units in (5, 4, 6)]


@pytest.mark.parametrize("measure", MEASURES)
def test_every_entry_is_that_of_its_pair(measure):
    arrays = populations() if measure == "dsa" else [analysis.flatten_samples(each) for each in populations()]
    options = {"rank": 3} if measure == "dsa" else {}
    found = similarity_matrix(arrays, list("abc"), measure=measure, **options)
    for i, j in itertools.permutations(range(3), 2):
        assert found.values[i, j] == pytest.approx(PAIRS[measure](arrays[i], arrays[j]), abs=1e-9)
    np.testing.assert_array_equal(np.diagonal(found.values), 0 if found.distance else 1)
    assert found.n_samples == 120
    assert type(found).__name__ == "SimilarityMatrix"
    assert np.allclose(found.values, found.values.T) != found.directed
    assert found.parameters["measure"] == measure


@pytest.mark.parametrize("measure", ["procrustes", "predictivity"])
def test_summary_names_the_pair_that_is_alike(measure):
    x, y, _ = (analysis.flatten_samples(each) for each in populations())
    found = similarity_matrix([x, y, 2 * x], list("abc"), measure=measure)
    assert found.summary().splitlines()[1].startswith("most similar   a and c")


def test_pictures(tmp_path):
    arrays = [analysis.flatten_samples(each) for each in populations()]
    for measure in ("procrustes", "predictivity", "cka"):
        found = similarity_matrix(arrays, ["rnn", "gru", "brain"], measure=measure)
        assert type(found).load(found.save(tmp_path / "matrix.h5")).to_dict() == found.to_dict()
        figure = plotting.figure(columns=3)
        found.plot(figure.axes[0])
        found.scaling().plot(figure.axes[1])
        tree = found.plot_dendrogram(figure.axes[2])
        assert {text.get_text() for text in tree.get_yticklabels()} == {"rnn", "gru", "brain"}
        assert plotting.save(figure, tmp_path / f"{measure}.png").stat().st_size > 5000


def test_distances_of_similar_kernels_are_euclidean():
    arrays = [analysis.flatten_samples(each) for each in populations()]
    found = similarity_matrix(arrays).dissimilarities()
    kernels = [array - array.mean(axis=0) for array in arrays]
    kernels = [each @ each.T for each in kernels]
    flat = np.array([each.ravel() / np.linalg.norm(each) for each in kernels])
    np.testing.assert_allclose(found, squareform(pdist(flat)), atol=1e-8)


def test_scaling_recovers_points():
    points = np.random.default_rng(0).standard_normal((9, 2)) * [3, 1]
    distances = squareform(pdist(points))
    found = metric_mds(distances)
    assert found.stress < 1e-12
    np.testing.assert_allclose(squareform(pdist(found.positions)), distances, atol=1e-10)
    assert found.positions[:, 0].var() > found.positions[:, 1].var()


def test_scaling_reaches_no_more_stress_than_scikit_learn():
    from sklearn.manifold import smacof

    distances = squareform(pdist(np.random.default_rng(0).standard_normal((12, 6))))
    points, _ = smacof(distances, n_components=2, n_init=1, init=metric_mds(distances).positions, eps=1e-9)
    theirs = np.linalg.norm(distances - squareform(pdist(points))) / np.linalg.norm(distances)
    assert metric_mds(distances).stress == pytest.approx(theirs, abs=1e-4)
    assert metric_mds(distances, n_dimensions=1).stress > metric_mds(distances).stress


def test_scaling_result_prints_and_saves(tmp_path):
    found = metric_mds(squareform(pdist(np.eye(4))), list("abcd"))
    assert found.summary().startswith("metric scaling of 4 arrays in 2 dimensions, stress 0.")
    assert type(found).load(found.save(tmp_path / "map.h5")).to_dict() == found.to_dict()


def test_bad_input_is_named():
    arrays = [analysis.flatten_samples(each) for each in populations()]
    with pytest.raises(ConfigurationError, match=r"measure.*'procrustes'"):
        similarity_matrix(arrays, measure="procruste")
    with pytest.raises(ConfigurationError, match="option of measure 'cka'"):
        similarity_matrix(arrays, variance=0.9)
    with pytest.raises(ConfigurationError, match="option of measure 'cca'"):
        similarity_matrix(arrays, measure="cca", debiased=True)
    with pytest.raises(InputError, match="arrays: expected at least one array"):
        similarity_matrix([], measure="cca")
    with pytest.raises(InputError, match="expected a symmetric matrix"):
        metric_mds([[0, 1], [2, 0]])
    with pytest.raises(InputError, match="distances: all are zero"):
        metric_mds(np.zeros((3, 3)))
    with pytest.raises(InputError, match=r"distances: expected a matrix \(n, n\)"):
        metric_mds(np.zeros((3, 2)))
