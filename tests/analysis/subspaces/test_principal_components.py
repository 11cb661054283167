"""Principal components against plain eigenvectors, and noise floors against planted noise."""

import h5py
import numpy as np
import pytest

from dynascope.analysis import PrincipalComponents, pca
from dynascope.analysis.subspaces.spectra import _shuffled_rows
from dynascope.errors import ConfigurationError, InputError


def planted(rng, *, n_trials=60, n_times=25, n_units=30, n_conditions=6, rank=3, noise=1.0, strength=1.0):
    """Trials of conditions whose means fill ``rank`` dimensions; returns activity, labels and the means."""
    labels = np.arange(n_trials) % n_conditions
    courses = rng.standard_normal((n_conditions, n_times, rank)) * strength
    axes = np.linalg.qr(rng.standard_normal((n_units, rank)))[0]
    means = courses @ axes.T
    return means[labels] + noise * rng.standard_normal((n_trials, n_times, n_units)), labels, means


def literal(samples):
    values, vectors = np.linalg.eigh(np.cov(samples.T))
    return values[::-1], vectors[:, ::-1]


@pytest.mark.parametrize("shape", [(20, 30, 8), (2, 5, 40)])
def test_single_trials_equal_eigenvectors(shape):
    x = np.random.default_rng(0).standard_normal(shape) * np.linspace(1, 3, shape[2]) + 7
    found = pca(x, n_components=4, n_surrogates=2)
    values, vectors = literal(x.reshape(-1, shape[2]))
    np.testing.assert_allclose(found.variance, values[:4], rtol=1e-10)
    np.testing.assert_allclose(np.abs((found.components * vectors[:, :4]).sum(axis=0)), 1, atol=1e-10)
    np.testing.assert_allclose(found.scores, (x - x.mean((0, 1))) @ found.components, atol=1e-10)
    np.testing.assert_allclose(found.transform(x), found.scores, atol=1e-10)
    assert found.participation_ratio == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-10)
    assert found.total_variance == pytest.approx(values.sum(), rel=1e-12)
    largest = np.abs(found.components).argmax(axis=0)
    assert (found.components[largest, range(4)] > 0).all()


def test_condition_means_with_trials_of_different_length():
    x, labels, _ = planted(np.random.default_rng(1), n_trials=18)
    x[labels == 2, 20:] = np.nan
    x[0, 22:] = np.nan
    names = np.array(list("abcdef"))[labels]
    found = pca(x, names)
    means = np.stack([np.nanmean(x[labels == c, :20], axis=0) for c in range(6)])
    rows = [mean for c in range(6) for mean in np.nanmean(x[labels == c, : 20 if c == 2 else None], axis=0)]
    values, _ = literal(np.array(rows))
    assert found.labels == tuple("abcdef")
    np.testing.assert_allclose(found.variance, values, rtol=1e-9)
    np.testing.assert_allclose(found.scores[:, :20], (means - found.mean) @ found.components, atol=1e-10)
    assert np.isnan(found.scores[2, 20:]).all()
    assert np.isfinite(np.delete(found.scores, 2, axis=0)).all()


def test_signal_and_noise_of_condition_means():
    rng = np.random.default_rng(2)
    x, labels, means = planted(rng, n_trials=120, noise=2.0)
    found = pca(x, labels, n_surrogates=30)
    assert found.n_above_noise == 3
    truth = np.linalg.eigvalsh(np.cov(means.reshape(-1, 30).T))[::-1]
    # Axes of noisy halves miss a little of the signal; along them it is not inflated by noise.
    np.testing.assert_allclose(found.signal_variance[:3], truth[:3], rtol=0.2)
    assert np.abs(found.signal_variance[3:]).max() < 0.05 * truth[2]
    # 20 trials of variance 4 in each mean.
    assert found.noise_floor.mean() == pytest.approx(4 / 20, rel=0.02)
    assert (found.variance[3:] < found.noise_bound).all()


def test_dimension_of_the_signal_is_free_of_trial_noise():
    found, plain, truths = [], [], []
    for seed in range(12):
        x, labels, means = planted(np.random.default_rng(seed), n_trials=72, rank=5, noise=2.0)
        result = pca(x, labels, n_surrogates=5)
        found.append(result.signal_participation_ratio)
        plain.append(result.participation_ratio)
        values = np.linalg.eigvalsh(np.cov(means.reshape(-1, 30).T))
        truths.append(values.sum() ** 2 / (values**2).sum())
    assert np.mean(found) == pytest.approx(np.mean(truths), rel=0.07)
    assert np.mean(plain) > 1.3 * np.mean(truths)
    few = np.arange(60) % 20  # 3 trials each
    assert pca(planted(np.random.default_rng(0))[0], few, n_surrogates=2).signal_participation_ratio is None


def test_pure_noise_has_no_signal():
    rng = np.random.default_rng(3)
    above, signal = [], []
    for _ in range(20):
        found = pca(rng.standard_normal((40, 10, 12)), np.arange(40) % 4, n_surrogates=10)
        above.append(found.n_above_noise)
        signal.append(found.signal_variance.sum())
    assert np.mean(above) < 0.4
    assert abs(np.mean(signal)) < 4 * np.std(signal) / np.sqrt(20)


def test_shifted_surrogates_keep_autocorrelation_and_break_what_units_share():
    rng = np.random.default_rng(4)
    slow = np.cumsum(rng.standard_normal((40, 60, 10)), axis=1)
    alone = pca(slow, n_surrogates=10)
    shared = pca(slow + 15 * np.cumsum(rng.standard_normal((40, 60, 1)), axis=1), n_surrogates=10)
    assert shared.n_above_noise == 1
    assert alone.variance[0] < 1.5 * alone.noise_bound
    assert alone.noise_floor.sum() == pytest.approx(alone.total_variance, rel=1e-9)
    # A level of each trial that units share is no noise, though rolling trials leaves it alone.
    levels = rng.standard_normal((40, 1, 1)) * np.ones((60, 10)) + 0.1 * rng.standard_normal((40, 60, 10))
    assert pca(levels, n_surrogates=5).n_above_noise == 1


def test_surrogates_hold_every_sample_of_every_unit_once():
    rows = _shuffled_rows(np.array([3, 0, 5, 1]), np.random.default_rng(0))
    assert sorted(rows) == list(range(9))
    steps = np.diff(rows)
    assert (steps == 1).sum() >= 4  # neighbours stay neighbours but for seams


def test_networks_without_noise():
    _, labels, means = planted(np.random.default_rng(5))
    found = pca(means[labels], labels)
    assert len(found.variance) == 3
    np.testing.assert_allclose(found.signal_variance, found.variance, rtol=1e-10)
    assert found.signal_participation_ratio == pytest.approx(found.participation_ratio, rel=1e-10)
    assert found.n_above_noise == 3


def test_cross_validated_number_of_components():
    x, labels, _ = planted(np.random.default_rng(6), n_trials=120)
    assert pca(x, labels, n_components="cv").components.shape == (30, 3)


def test_any_array_and_no_change(tmp_path):
    x, labels, _ = planted(np.random.default_rng(7))
    x = np.round(5 * x).astype(np.int16)
    x.flags.writeable = False
    expected = pca(x.astype(float), labels)
    for array in (x, x.astype(np.float16), np.asfortranarray(x.astype(np.float32)), x.tolist()):
        np.testing.assert_array_equal(pca(array, labels).components, expected.components)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = x
        np.testing.assert_array_equal(pca(file["x"], labels).components, expected.components)


def test_scale_changes_nothing():
    x, labels, _ = planted(np.random.default_rng(10))
    expected = pca(x, labels)
    for scale in (2.0**-200, 2.0**200):
        found = pca(scale * x, labels)
        np.testing.assert_allclose(found.components, expected.components, atol=1e-9)
        np.testing.assert_allclose(found.variance_ratio, expected.variance_ratio, rtol=1e-9)
        assert found.n_above_noise == expected.n_above_noise
        assert found.signal_participation_ratio == pytest.approx(expected.signal_participation_ratio, rel=1e-9)


def test_ragged_trials_are_drawn():
    x, labels, _ = planted(np.random.default_rng(11))
    x[4, 20:] = np.nan
    x[:, 24] = np.nan
    assert len(pca(x, n_surrogates=2).plot_trajectories().get_lines()) == 62  # 60 trials, the mean and its dot
    assert len(pca(x, labels, n_surrogates=2).plot_trajectories().get_lines()) == 12


def test_leading_and_saved(tmp_path):
    x, labels, _ = planted(np.random.default_rng(8))
    found = pca(x, labels, time=np.arange(25) * 0.02).leading(2)
    assert found.scores.shape == (6, 25, 2)
    loaded = PrincipalComponents.load(found.save(tmp_path / "pca.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()
    assert "means of 6 conditions × 25 times, 30 units" in found.summary()
    assert len(found.plot().get_lines()) == 4
    assert found.plot_trajectories().get_xlabel().startswith("component 1 (")
    bare = pca(x)
    assert bare.signal_variance is None
    assert PrincipalComponents.load(bare.save(tmp_path / "bare.h5")).time is None
    assert bare.plot_trajectories(components=(1, 2)).get_title().startswith("60 of 60 trials")


def test_refusals():
    x, labels, _ = planted(np.random.default_rng(9))
    broken = x.copy()
    broken[3, 4, 5] = np.nan
    cases = [
        (lambda: pca(broken), InputError, r"activity: found nan at index \(3, 4, 5\)"),
        (lambda: pca(1e90 * x), InputError, "activity: values up to .* overflow or underflow when multiplied"),
        (lambda: pca(1e-90 * x), InputError, "activity: values up to .* overflow or underflow when multiplied"),
        (lambda: pca(x[0]), InputError, r"expected \(trial, time, unit\)"),
        (lambda: pca(np.full((3, 4, 5), 0.1)), InputError, "every unit is constant"),
        (lambda: pca(np.full((3, 4, 5), np.nan)), InputError, "every sample is NaN"),
        (lambda: pca(x, labels[:-1]), InputError, r"one label for each of 60 trials, found shape \(59,\)"),
        (lambda: pca(x, np.arange(60)), InputError, "condition 0 has 1 trial; expected at least 2"),
        (lambda: pca(x, np.where(labels, 1, np.nan)), InputError, "labels: found nan at index 0"),
        (lambda: pca(x, n_components=31), ConfigurationError, "n_components: expected a whole number from 1 to 30"),
        (lambda: pca(x, n_components="all"), ConfigurationError, "'cv' or None, found 'all'"),
        (lambda: pca(x, time=np.zeros(25)), InputError, "time: expected 25 increasing times"),
        (lambda: pca(x, n_surrogates=0), ConfigurationError, "n_surrogates"),
        (lambda: pca(x, n_surrogates=1).transform(x[..., :3]), InputError, r"expected \(…, 30\) units"),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
