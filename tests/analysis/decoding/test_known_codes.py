"""Accuracies that have a closed form, codes whose stability is known, a published scheme, and the detector of leaks."""

import numpy as np
import pytest
from scikit_learn_loop import recording
from scipy.special import ndtr
from sklearn.svm import SVC

from dynascope.analysis import cross_temporal_decoding, leak_check, stability_index
from dynascope.analysis.decoding.leaks import LeakCheck, slow_noise

CODES = {
    "stable": np.zeros(6),
    "rotating": np.pi / 10 * np.arange(6),
    "switching": np.pi / 2 * (np.arange(6) >= 3),
    "reversing": np.pi * (np.arange(6) >= 3),
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("classifier", ["lda", "ridge", "nearest_centroid"])
def test_two_gaussian_classes_are_told_apart_as_often_as_theory_says(code, classifier):
    """Classes ±d(t) with white noise: trained at t, tested at t', Φ(d(t)·d(t') / ‖d(t)‖)."""
    rng = np.random.default_rng(0)
    n = 8000
    means = 0.9 * np.stack([np.cos(CODES[code]), np.sin(CODES[code]), 0 * CODES[code]], axis=1)  # (time, unit)
    labels = np.arange(n) % 2
    activity = rng.standard_normal((n, 6, 3)) + (2 * labels - 1)[:, None, None] * means
    expected = ndtr(means @ means.T / np.linalg.norm(means, axis=1)[:, None])
    found = cross_temporal_decoding(activity, labels, classifier=classifier)
    # Four standard errors of a share, and the loss to estimating three weights from 6400 trials.
    np.testing.assert_allclose(found.accuracy, expected, atol=4 * np.sqrt(0.25 / n) + 0.002)
    assert found.stability == pytest.approx(stability_index(expected, 0.5), abs=0.05)


def test_stability_is_its_formula():
    stable, dynamic = np.full((5, 5), 0.8), np.where(np.eye(5) == 1, 0.8, 0.5)
    switching = np.kron(np.where(np.eye(2) == 1, 0.8, 0.5), np.ones((3, 3)))
    assert stability_index(stable, 0.5) == 1
    assert stability_index(dynamic, 0.5) == 0
    assert stability_index(switching, 0.5) == pytest.approx(6 / 15)  # of 15 pairs, 6 are on the same side
    assert stability_index(switching, 0.5, separation=3) == 0
    assert stability_index(switching, 0.5, use=np.arange(6) < 3) == 1
    assert stability_index(1 - stable, 0.5) is None
    lopsided = np.array([[0.9, 0.7], [0.3, 0.7]])
    assert stability_index(lopsided, 0.5) == 0


def test_the_published_scheme_is_repeated_and_caught():
    """Slow noise and 8 labels: next to the diagonal far above chance, where a sound scheme is at chance."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(8), 16)
    noise = slow_noise(rng, 128, 10, 60, 0.97)
    found = cross_temporal_decoding(noise, labels, mode="published")
    expected = np.empty((10, 10))
    held_out = np.concatenate([np.flatnonzero(labels == label)[:2] for label in range(8)])
    kept = np.setdiff1d(np.arange(128), held_out)
    for train in range(10):
        fitted = SVC().fit(noise[kept, train], labels[kept])
        for test in range(10):
            tested = held_out if test == train else np.arange(128)
            expected[train, test] = (fitted.predict(noise[tested, test]) == labels[tested]).mean()
    np.testing.assert_allclose(found.scores[0], expected, rtol=1e-14)
    assert np.diagonal(found.accuracy, 1).mean() > 0.6
    assert found.diagonal.mean() < 0.3
    sound = cross_temporal_decoding(noise, labels, classifier="rbf_svm")
    assert abs(np.diagonal(sound.accuracy, 1).mean() - 0.125) < 0.08
    assert any("too high" in note for note in found.notes)


@pytest.mark.parametrize(
    "options",
    [{}, {"classifier": "ridge", "cv": "leave_one_out"}, {"window": 3, "stride": 1, "standardize": True}],
    ids=str,
)
def test_sound_schemes_pass_the_detector(options):
    found = leak_check(lambda activity, labels: cross_temporal_decoding(activity, labels, **options), n_sets=12)
    assert not found.leaks
    assert "no leak found" in found.summary()


def test_leaky_schemes_do_not():
    def published(activity, labels):
        return cross_temporal_decoding(activity, labels, mode="published").accuracy

    def selects_units_on_all_trials(activity, labels):
        means = np.stack([activity[labels == label].mean(axis=0) for label in np.unique(labels)])
        best = np.argsort(means.var(axis=0).sum(axis=0))[-8:]
        return cross_temporal_decoding(activity[:, :, best], labels)

    for pipeline in (published, selects_units_on_all_trials):
        found = leak_check(pipeline, n_sets=12)
        assert found.leaks
        assert found.summary().startswith("LEAKS")


def test_the_detector_saves_draws_and_refuses(tmp_path):
    found = leak_check(lambda activity, labels: np.full((3, 3), 0.25 + 1e-3 * activity[0, 0, 0]), n_sets=3)
    loaded = LeakCheck.load(found.save(tmp_path / "leak.h5"))
    assert loaded.summary() == found.summary()
    assert "standard errors" in found.plot().figure.axes[1].get_ylabel()
    with pytest.raises(ValueError, match="multiple of the 4 labels"):
        leak_check(cross_temporal_decoding, n_trials=30)
    with pytest.raises(ValueError, match=r"correlation: expected a number in \[0, 1\), found 1"):
        leak_check(cross_temporal_decoding, correlation=1)
    with pytest.raises(ValueError, match="pipeline: returned shape"):
        leak_check(lambda activity, labels: 0.5)


def test_classes_without_variation_are_told_by_their_means_and_reported():
    """A network without noise: nothing to standardise by, and still nothing wrong."""
    rng = np.random.default_rng(0)
    labels = np.arange(30) % 3
    activity = rng.standard_normal((3, 4, 8))[labels]
    activity[:, 0] = 0.1
    for options in ({}, {"shrinkage": "auto"}, {"cv": "leave_one_out"}, {"classifier": "ridge"}):
        found = cross_temporal_decoding(activity, labels, **options)
        assert found.diagonal[1:].tolist() == [1, 1, 1]
        assert found.diagonal[0] == pytest.approx(1 / 3, abs=0.34)
        assert any("nearest mean decided" in note for note in found.notes) == ("classifier" not in options)


def test_constant_units_change_nothing_but_the_note():
    activity, labels = recording()
    still = np.concatenate([activity, np.full((60, 4, 2), 3.7)], axis=2)
    found = cross_temporal_decoding(still, labels, classifier="ridge")
    np.testing.assert_array_equal(found.scores, cross_temporal_decoding(activity, labels, classifier="ridge").scores)
    assert "2 of 82 units never vary" in found.notes
