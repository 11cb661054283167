"""Targeted dimensionality reduction: the published steps, planted axes, and honest cross-validation."""

import numpy as np
import pytest

from dynascope.analysis import TargetedAxes, targeted_dimensionality_reduction
from dynascope.errors import InputError


def planted(seed=0, *, n_trials=160, n_times=20, n_units=40, noise=1.0, strength=1.0, overlap=0.0):
    """Motion and colour are coded along two axes, in the second half of the trial; the axes share ``overlap``."""
    rng = np.random.default_rng(seed)
    motion, colour = rng.choice([-1.0, -0.5, 0.5, 1.0], n_trials), rng.choice([-1.0, 1.0], n_trials)
    axes = np.linalg.qr(rng.standard_normal((n_units, 2)))[0]
    axes[:, 1] = overlap * axes[:, 0] + np.sqrt(1 - overlap**2) * axes[:, 1]
    ramp = np.clip(np.arange(n_times) / n_times - 0.4, 0, None) * 10
    code = np.stack([motion, colour], axis=1) @ axes.T * strength
    x = code[:, None] * ramp[:, None] + noise * rng.standard_normal((n_trials, n_times, n_units))
    return x, {"motion": motion, "colour": colour}, axes


def test_planted_axes_are_recovered():
    x, regressors, axes = planted(noise=0.3)
    found = targeted_dimensionality_reduction(x, regressors, n_components=4)
    # Units have nearly equal variance, so standardising them hardly turns the axes.
    unit = axes / x.std(axis=(0, 1))[:, None]
    unit /= np.linalg.norm(unit, axis=0)
    assert (np.abs((found.directions * unit).sum(axis=0)) > 0.97).all()
    np.testing.assert_allclose(found.components.T @ found.components, np.eye(2), atol=1e-12)
    assert (found.peaks >= 15).all()
    own = found.correlations[[0, 1], [0, 1]]
    assert (own[:, -1] > 0.9).all()
    assert (np.abs(own[:, :8]) < 0.35).all()
    assert found.variance_captured.sum() > 0.85
    assert found.labels[:2] == ("-1.0, -1.0", "-1.0, 1.0")
    np.testing.assert_allclose(
        found.scores[0], found.transform(x[(regressors["motion"] == -1) & (regressors["colour"] == -1)]).mean(axis=0)
    )


def test_equals_the_published_steps():
    x, regressors, _ = planted(1, n_trials=60, n_units=10)
    found = targeted_dimensionality_reduction(x, regressors, n_components=3)
    z = (x - x.mean(axis=(0, 1))) / x.std(axis=(0, 1))
    design = np.column_stack([regressors["motion"], regressors["colour"], np.ones(60)])
    beta = np.empty((2, 20, 10))
    for time in range(20):
        for unit in range(10):
            beta[:, time, unit] = np.linalg.lstsq(design, z[:, time, unit], rcond=None)[0][:2]
    rows = np.unique(design, axis=0)
    means = np.concatenate([z[(design == row).all(axis=1)].mean(axis=0) for row in rows])
    basis = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)[2][:3]
    denoised = beta @ basis.T @ basis
    strengths = np.linalg.norm(denoised, axis=2)
    vectors = np.stack([denoised[v, strengths[v].argmax()] for v in range(2)], axis=1)
    first = vectors[:, 0] / np.linalg.norm(vectors[:, 0])
    second = vectors[:, 1] - first * (first @ vectors[:, 1])
    np.testing.assert_allclose(found.strengths, strengths, rtol=1e-9)
    np.testing.assert_allclose(found.components[:, 0], first, atol=1e-9)
    np.testing.assert_allclose(found.components[:, 1], second / np.linalg.norm(second), atol=1e-9)


def test_later_axes_lose_what_they_share():
    x, regressors, _ = planted(2, overlap=0.6)
    found = targeted_dimensionality_reduction(x, regressors, n_components=3)
    assert found.directions[:, 0] @ found.directions[:, 1] == pytest.approx(0.6, abs=0.08)
    # The motion axis, which comes first, still carries colour; the colour axis carries no motion.
    end = found.correlations[:, :, -1]
    assert end[0, 1] > 0.4
    assert abs(end[1, 0]) < 0.25


def test_noise_predicts_nothing():
    means, p_values = [], []
    for seed in range(25):
        x, regressors, _ = planted(seed, n_trials=50, n_times=6, n_units=15, strength=0.0)
        found = targeted_dimensionality_reduction(x, regressors, n_components=3, n_permutations=49)
        means.append(found.correlations[[0, 1], [0, 1]].mean())
        p_values.append(found.p_values.min())
    # In-sample projections of noise on fitted axes would correlate by about 0.5.
    assert abs(np.mean(means)) < 4 * np.std(means) / np.sqrt(25) + 0.02
    assert np.mean(np.array(p_values) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 25)


def test_p_values_of_a_code():
    x, regressors, _ = planted(3, strength=0.5)
    found = targeted_dimensionality_reduction(x, regressors, n_components=3, n_permutations=199)
    assert (found.p_values[:, -3:] == 1 / 200).all()
    assert (found.p_values[:, :6] > 0.05).all()


def test_labels_as_regressors_saved_and_drawn(tmp_path):
    x, regressors, _ = planted(4)
    words = {"motion": 10 * regressors["motion"] + 3, "colour": np.where(regressors["colour"] > 0, "red", "green")}
    plain = targeted_dimensionality_reduction(x, regressors, n_components=3)
    time = np.arange(20) * 0.05
    found = targeted_dimensionality_reduction(x, words, n_components=3, time=time, n_permutations=9)
    np.testing.assert_allclose(found.components, plain.components, atol=1e-9)
    assert found.labels[0] == "-7.0, green"
    loaded = TargetedAxes.load(found.save(tmp_path / "tdr.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()
    assert TargetedAxes.load(plain.save(tmp_path / "plain.h5")).p_values is None
    assert found.plot().get_xlabel() == "time (s)"
    assert plain.plot().get_xlabel() == "sample"
    assert found.plot_trajectories().get_xlabel() == "motion axis (SD)"


def test_constant_units_and_silent_times_are_reported_as_nan_correlations():
    x, regressors, _ = planted(5)
    x[:, :4] = 1.5
    x[..., 7] = 2.0
    found = targeted_dimensionality_reduction(x, regressors, n_components=3)
    assert np.isnan(found.correlations[:, :, :4]).all()
    assert np.isfinite(found.correlations[:, :, 4:]).all()
    assert found.components[7].tolist() == [0, 0]
    assert np.isfinite(found.scores).all()
    assert "motion" in found.summary()
    assert found.plot().get_title() == "Axes and their variables"


def test_refusals():
    x, regressors, _ = planted(6, n_trials=40)
    motion, colour = regressors.values()
    missing = colour.copy()
    missing[5] = np.nan
    cases = [
        ({}, "regressors: expected a mapping"),
        ({"motion": motion[:5]}, r"regressors\['motion'\]: expected 40 values, one per trial, found \(5,\)"),
        ({"motion": motion, "again": 1 + 2 * motion}, "2 regressors and a constant have rank 2"),
        ({"motion": np.zeros(40)}, r"regressors\['motion'\]: is 0 on every trial"),
        ({"colour": missing}, "found nan at index 5"),
        ({"word": np.repeat(list("abcd"), 10)}, "exactly two labels, found 4 labels"),
    ]
    for given, message in cases:
        with pytest.raises(InputError, match=message):
            targeted_dimensionality_reduction(x, given)
    with pytest.raises(InputError, match="has 8 trials for 5 folds; expected at least 2 per fold"):
        targeted_dimensionality_reduction(x[:8], {"motion": np.arange(8)})
    with pytest.raises(InputError, match="n_components: expected a whole number of at least 2"):
        targeted_dimensionality_reduction(x, regressors, n_components=1)
    padded = x.copy()
    padded[1, -1] = np.nan
    with pytest.raises(InputError, match="trial 1 has no sample at time 19"):
        targeted_dimensionality_reduction(padded, regressors)
