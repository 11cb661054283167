"""Dissimilarity matrices against their definitions, pair by pair and run by run, and against planted truths."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.covariance import LedoitWolf

from dynascope import plotting
from dynascope.analysis import dissimilarities
from dynascope.analysis.rsa.noise import shrunk_covariance
from dynascope.errors import ConfigurationError, InputError

CONDITIONS, RUNS, REPEATS, TIMES, UNITS = 5, 4, 3, 6, 12


def experiment(seed=0, scale=1.0, noise=None):
    """Trials in random order; patterns change with time; noise of units is correlated."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.array(list("edcba")), RUNS * REPEATS)
    runs = np.repeat(np.arange(RUNS), CONDITIONS * REPEATS)
    order = rng.permutation(len(labels))
    labels, runs = labels[order], runs[order]
    patterns = scale * rng.standard_normal((CONDITIONS, TIMES, UNITS))
    mixing = np.linalg.cholesky(covariance() if noise is None else noise).T
    activity = patterns[np.array([ord(each) - ord("a") for each in labels])] + 5
    return activity + rng.standard_normal((len(labels), TIMES, UNITS)) @ mixing, labels, runs, patterns


def covariance():
    lag = np.abs(np.subtract.outer(np.arange(UNITS), np.arange(UNITS)))
    scales = np.linspace(0.5, 2, UNITS)
    return 0.5**lag * np.outer(scales, scales)


def literal_crossnobis(activity, labels, runs, precision):
    """Leave one run out: difference in it, times the difference in the mean of the others."""
    means = np.array(
        [[activity[(labels == c) & (runs == r)].mean(axis=0) for c in np.unique(labels)] for r in np.unique(runs)]
    )
    values = []
    for a, b in itertools.combinations(range(CONDITIONS), 2):
        difference = means[:, a] - means[:, b]
        folds = [
            np.einsum("tu,uv,tv->t", difference[r], precision, np.delete(difference, r, axis=0).mean(axis=0))
            for r in range(RUNS)
        ]
        values.append(np.mean(folds, axis=0) / UNITS)
    return np.array(values).T


def test_crossnobis_equals_leaving_one_run_out():
    activity, labels, runs, _ = experiment()
    found = dissimilarities(activity, labels, runs=runs)
    np.testing.assert_allclose(found.values, literal_crossnobis(activity, labels, runs, np.eye(UNITS)), atol=1e-10)
    whitened = dissimilarities(activity, labels, runs=runs, noise=covariance())
    precision = np.linalg.inv(covariance())
    np.testing.assert_allclose(whitened.values, literal_crossnobis(activity, labels, runs, precision), atol=1e-10)
    assert found.conditions == tuple("abcde")


@pytest.mark.parametrize("method", ["euclidean", "correlation"])
def test_every_time_equals_scipy(method):
    activity, labels, _, _ = experiment()
    found = dissimilarities(activity, labels, method=method)
    for time in range(TIMES):
        means = np.array([activity[labels == c, time].mean(axis=0) for c in np.unique(labels)])
        expected = pdist(means, "correlation") if method == "correlation" else pdist(means) ** 2 / UNITS
        np.testing.assert_allclose(found.values[time], expected, atol=1e-11)


def test_times_are_independent_of_each_other():
    activity, labels, runs, _ = experiment()
    movie = dissimilarities(activity, labels, runs=runs)
    one = dissimilarities(activity[:, 2], labels, runs=runs)
    np.testing.assert_allclose(movie.values[2:3], one.values, atol=1e-12)
    np.testing.assert_allclose(movie.square()[2][np.triu_indices(CONDITIONS, 1)], one.values[0], atol=1e-12)


def test_univariate_normalisation_divides_by_the_deviation_over_repeats():
    activity, labels, runs, _ = experiment()
    residuals = activity.copy()
    for run, label in itertools.product(range(RUNS), "abcde"):
        residuals[(labels == label) & (runs == run)] -= activity[(labels == label) & (runs == run)].mean(axis=0)
    free = (REPEATS - 1) * CONDITIONS * RUNS * TIMES
    deviation = np.sqrt((residuals**2).sum(axis=(0, 1)) / free)
    found = dissimilarities(activity, labels, runs=runs, noise="univariate")
    expected = dissimilarities(activity / deviation, labels, runs=runs)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-10)


def test_noise_covariance_is_recovered_and_shrunk():
    rng = np.random.default_rng(0)
    mixing = np.linalg.cholesky(covariance()).T
    many = rng.standard_normal((20000, UNITS)) @ mixing
    np.testing.assert_allclose(shrunk_covariance(many, 20000), covariance(), atol=0.15)
    few = rng.standard_normal((10, UNITS)) @ mixing
    plain, shrunk = few.T @ few / 10, shrunk_covariance(few, 10)
    assert np.linalg.eigvalsh(plain)[0] < 1e-10 < 1e-3 < np.linalg.eigvalsh(shrunk)[0]
    assert np.linalg.norm(shrunk - covariance()) < np.linalg.norm(plain - covariance())
    np.testing.assert_allclose(np.diagonal(shrunk), np.diagonal(plain))


def test_shrinkage_minimises_the_expected_error():
    rng = np.random.default_rng(1)
    mixing = np.linalg.cholesky(covariance()).T
    errors = {"found": [], "ledoit": [], 0.0: [], 1.0: []}
    off = ~np.eye(UNITS, dtype=bool)
    for _ in range(60):
        x = rng.standard_normal((15, UNITS)) @ mixing
        plain = x.T @ x / 15
        for share in (0.0, 1.0):
            errors[share].append(np.linalg.norm(((1 - share) * plain - covariance())[off]))
        errors["found"].append(np.linalg.norm((shrunk_covariance(x, 15) - covariance())[off]))
        errors["ledoit"].append(
            np.linalg.norm((LedoitWolf(assume_centered=True).fit(x).covariance_ - covariance())[off])
        )
    mean = {name: np.mean(np.square(each)) for name, each in errors.items()}
    assert mean["found"] < min(mean[0.0], mean[1.0])
    # With units of unequal variance the diagonal target does no worse than a multiple of the identity.
    assert mean["found"] < 1.1 * mean["ledoit"]


def test_crossnobis_is_unbiased_and_euclidean_is_not():
    truth, found, naive = [], [], []
    for seed in range(60):
        activity, labels, runs, patterns = experiment(seed, scale=0.2, noise=np.eye(UNITS))
        truth.append([pdist(patterns[:, time]) ** 2 / UNITS for time in range(TIMES)])
        found.append(dissimilarities(activity, labels, runs=runs).values)
        naive.append(dissimilarities(activity, labels, method="euclidean").values)
    error = (np.array(found) - truth).mean(axis=(1, 2))
    assert abs(error.mean()) < 4 * error.std() / np.sqrt(60)
    # Two means of 12 trials of variance 1.
    assert np.mean(np.array(naive) - truth) == pytest.approx(2 / (RUNS * REPEATS), rel=0.05)


def test_any_array_and_label_types():
    activity, labels, runs, _ = experiment()
    whole = np.round(activity * 4).astype(np.int16)
    whole.flags.writeable = False
    expected = dissimilarities(whole.astype(float), labels, runs=runs).values
    np.testing.assert_allclose(dissimilarities(whole, labels, runs=runs).values, expected, atol=1e-12)
    np.testing.assert_allclose(
        dissimilarities(np.asfortranarray(whole), labels.tolist(), runs=runs.astype(float)).values, expected, atol=1e-12
    )


def test_result_prints_saves_and_draws(tmp_path):
    activity, labels, runs, _ = experiment()
    found = dissimilarities(activity, labels, runs=runs)
    assert found.summary().splitlines()[0] == "crossnobis dissimilarity of 5 conditions, 6 times"
    assert type(found).load(found.save(tmp_path / "rdm.h5")).to_dict() == found.to_dict()
    assert plotting.save(found.plot(), tmp_path / "rdm.png").stat().st_size > 3000


def test_bad_input_is_named():
    activity, labels, runs, _ = experiment()
    with pytest.raises(ConfigurationError, match="runs: crossnobis multiplies patterns of different runs"):
        dissimilarities(activity, labels)
    with pytest.raises(ConfigurationError, match="runs: all trials are of one run"):
        dissimilarities(activity, labels, runs=np.zeros(60))
    with pytest.raises(InputError, match=r"labels: expected one label for each of 60 trials"):
        dissimilarities(activity, labels[1:], runs=runs)
    with pytest.raises(InputError, match="labels: all trials have the label 'a'"):
        dissimilarities(activity, ["a"] * 60, runs=runs)
    with pytest.raises(InputError, match="condition 'e' has no trial in run '2'"):
        dissimilarities(activity, labels, runs=np.where((labels == "e") & (runs == 2), 1, runs))
    bad = activity.copy()
    bad[1, 2, 3] = np.nan
    with pytest.raises(InputError, match=r"activity: found nan at index \(1, 2, 3\)"):
        dissimilarities(bad, labels, runs=runs)
    with pytest.raises(InputError, match="every condition has a single trial in every run"):
        dissimilarities(activity[:5], list("abcde"), method="euclidean", noise="univariate")
    with pytest.raises(InputError, match="noise: unit 1 has no variance over repeats"):
        dissimilarities(np.where(np.arange(UNITS) == 1, 2.0, activity), labels, runs=runs, noise="multivariate")
    with pytest.raises(InputError, match=r"or a covariance \(12, 12\), found float64 of shape \(3, 3\)"):
        dissimilarities(activity, labels, runs=runs, noise=np.eye(3))
    with pytest.raises(InputError, match="not positive definite"):
        dissimilarities(activity, labels, runs=runs, noise=np.ones((UNITS, UNITS)))
    with pytest.raises(InputError, match="same mean in every unit at time 0"):
        dissimilarities(np.ones((60, 2, 3)), labels, method="correlation")
    with pytest.raises(InputError, match="mahalanobis"):
        dissimilarities(activity, labels, method="mahalanobis")
