"""Preferred and opposite labels: no difference on noise, the published rule exactly, cross-fitting by plain loops."""

import numpy as np
import pytest

from dynascope.analysis import preferred_psth, select_units
from dynascope.errors import ConfigurationError, InputError

LABELS = np.tile(np.arange(8), 8)
TIME = 0.1 * np.arange(20)
CUE, BASE = (1.0, 1.5), (0.0, 1.0)


def during(start, stop):
    return (start - 1e-9 <= TIME) & (stop - 1e-9 > TIME)


def noise(seed, units=40, labels=LABELS):
    return np.random.default_rng(seed).standard_normal((len(labels), len(TIME), units))


def tuned(seed=0, units=24, gain=2.0):
    """Units with a baseline of 5 whose preferred label is their number modulo 8."""
    shape = np.cos((LABELS[:, np.newaxis] - np.arange(units) % 8) * np.pi / 4)
    return 5 + 0.5 * noise(seed, units) + gain * shape[:, np.newaxis] * during(*CUE)[:, np.newaxis]


def gap(found):
    """Difference between preferred and opposite in the cue, of the mean over units."""
    mean, _, _ = found.population()
    return (mean[0] - mean[1])[10:15].mean()


@pytest.mark.parametrize("population", [None, "tuned"])
@pytest.mark.parametrize("n_folds", [2, 4])
def test_noise_gives_no_difference_but_the_published_mode_does(population, n_folds):
    def best_half(responses, labels):
        spread = np.std([responses[labels == label].mean(axis=0) for label in range(8)], axis=0)
        return spread > np.median(spread)

    chosen = best_half if population else None
    gaps = {"crossfit": [], "published": []}
    for seed in range(12):
        for mode, found in gaps.items():
            options = {"n_folds": n_folds, "seed": seed} if mode == "crossfit" else {}
            found.append(gap(preferred_psth(noise(seed), TIME, LABELS, CUE, mode=mode, population=chosen, **options)))
    error = np.std(gaps["crossfit"], ddof=1) / np.sqrt(12)
    assert abs(np.mean(gaps["crossfit"])) < 4 * error < 0.08
    assert np.mean(gaps["published"]) > 0.2


def test_selection_on_other_trials_gives_no_difference_on_noise():
    """With α = 1 the corrected selection still prefers tuned-looking units; held-out trials do not follow."""

    def lax(responses, labels):
        activity = np.stack([responses * 0, responses], axis=1)
        return select_units(activity, [0, 1], labels, (1, 2), (0, 1), mode="published", normalize=False).selected

    gaps = [
        gap(preferred_psth(noise(seed, 60) + 1, TIME, LABELS, CUE, population=lax, n_folds=2, seed=seed))
        for seed in range(20)
    ]
    assert abs(np.nanmean(gaps)) < 4 * np.nanstd(gaps) / np.sqrt(20)


def plain_crossfit(activity, labels, folds, normalize):
    """Preferred and opposite curves (2, time, unit), each fold by itself, in the most literal way."""
    inside, before = during(*CUE), during(*BASE)
    curves = []
    for held_out in folds:
        training = ~held_out
        curve = np.empty((2, len(TIME), activity.shape[2]))
        for unit in range(activity.shape[2]):
            response = [activity[training & (labels == k)][:, inside, unit].mean() for k in range(8)]
            best = int(np.argmax(response))
            b = activity[training][:, before, unit].mean() if normalize else 0
            means = np.array([activity[training & (labels == k)][:, :, unit].mean(axis=0) for k in range(8)])
            scale = {None: 1, "baseline": b, "max": np.abs(means - b).max()}[normalize]
            for direction, label in enumerate((best, (best + 4) % 8)):
                curve[direction, :, unit] = activity[held_out & (labels == label)][:, :, unit].mean(axis=0)
                curve[direction, :, unit] = (curve[direction, :, unit] - b) / scale
        curves.append(curve)
    return np.mean(curves, axis=0)


@pytest.mark.parametrize("normalize", [None, "baseline", "max"])
def test_crossfit_is_the_plain_loop_over_folds(normalize):
    from dynascope.analysis.psth.folds import stratified_folds

    activity = tuned(3, units=9, gain=0.4)
    options = {"baseline": BASE, "normalize": normalize} if normalize else {}
    found = preferred_psth(activity, TIME, LABELS, CUE, n_folds=4, seed=5, **options)
    folds = [fold.held_out for fold in stratified_folds(LABELS, 4, 5)]
    np.testing.assert_allclose(found.mean, plain_crossfit(activity, LABELS, folds, normalize), rtol=1e-10)
    assert (np.sum(folds, axis=0) == 1).all()
    assert found.conditions == ("preferred", "opposite")


def test_published_mode_is_the_published_rule():
    """Argmax of responses over their own label's baseline, then that label's curve over that baseline, less 1."""
    activity = tuned(4) + np.random.default_rng(0).random(24)
    found = preferred_psth(
        activity, TIME, LABELS, CUE, mode="published", baseline=BASE, normalize="baseline", population="selective"
    )
    selection = select_units(activity, TIME, LABELS, CUE, BASE, mode="published")
    np.testing.assert_array_equal(found.in_population, selection.population)
    assert selection.population.sum() > 0
    for unit in np.flatnonzero(selection.population):
        best = selection.preferred[unit]
        for direction, label in enumerate((best, (best + 4) % 8)):
            own = activity[label == LABELS][:, :, unit]
            expected = own.mean(axis=0) / own[:, during(*BASE)].mean() - 1
            np.testing.assert_allclose(found.mean[direction, :, unit], expected, rtol=1e-10)
    assert np.isnan(found.mean[:, :, ~selection.population]).all()


def test_the_published_study_always_compares_the_cue_with_the_baseline():
    activity = tuned(5)
    late = (1.5, 2.0)
    options = {"mode": "published", "baseline": BASE, "normalize": "baseline", "population": "selective"}
    found = preferred_psth(activity, TIME, LABELS, late, responsive_epoch=CUE, **options)
    expected = select_units(activity, TIME, LABELS, late, BASE, mode="published", responsive_epoch=CUE).population
    np.testing.assert_array_equal(found.in_population, expected)


def test_planted_tuning_is_found_with_the_right_size():
    mean, low, high = preferred_psth(tuned(6), TIME, LABELS, CUE, baseline=BASE).population()
    cue = slice(10, 15)
    np.testing.assert_allclose(mean[0, cue], 2, atol=0.15)
    np.testing.assert_allclose(mean[1, cue], -2, atol=0.15)
    assert ((low < mean) & (mean < high)).all()


def test_odd_numbers_of_labels_have_two_opposites():
    labels = np.tile(np.arange(5), 10)
    activity = noise(7, 6, labels)
    activity[:, :, 0] += 3 * (labels == 1)[:, np.newaxis]
    found = preferred_psth(activity, TIME, labels, CUE, mode="published")
    opposite = np.mean([activity[labels == k][:, :, 0].mean(axis=0) for k in (3, 4)], axis=0)
    np.testing.assert_allclose(found.mean[1, :, 0], opposite, rtol=1e-10)
    assert (found.n_trials[:, 0, 0]).tolist() == [10, 20]
    variances = [activity[labels == k][:, :, 0].var(axis=0, ddof=1) / 10 for k in (3, 4)]
    np.testing.assert_allclose(found.sem[1, :, 0], np.sqrt(np.sum(variances, axis=0)) / 2, rtol=1e-10)


def test_standard_errors_have_the_right_size():
    """For given choices, the spread over data sets of the held-out mean is the standard error that is reported."""
    curves, errors = [], []
    for seed in range(60):
        found = preferred_psth(tuned(100 + seed, units=8, gain=9.0), TIME, LABELS, CUE)
        curves.append(found.mean[:, 12])
        errors.append(found.sem[:, 12])
    assert np.std(curves, axis=0).mean() == pytest.approx(np.mean(errors), rel=0.06)
    assert found.n_trials[0, 0, 0] == 8


def test_nobody_in_the_population_is_a_result_that_says_so(tmp_path):
    found = preferred_psth(noise(8), TIME, LABELS, CUE, baseline=BASE, population=np.zeros(40, bool))
    assert not found.in_population.any()
    assert np.isnan(found.mean).all()
    assert "in the mean over units: 0 of 40" in found.summary()
    assert found.plot().get_title() == "Mean over 0 units"
    found.save(tmp_path / "none.h5")


def test_units_missing_from_some_trials_use_those_they_have():
    activity = tuned(9, units=6)
    activity[::3, :, 0] = np.nan
    activity[:, :, 1] = np.nan
    found = preferred_psth(activity, TIME, LABELS, CUE, n_folds=2)
    assert np.isfinite(found.mean[:, :, 0]).all()
    assert np.isnan(found.mean[:, :, 1]).all()
    assert found.n_trials[0, 0, 0] < 8 == found.n_trials[0, 0, 2]
    assert found.weights.tolist() == [1, 0, 1, 1, 1, 1]


REFUSED = [
    ({"mode": "cross"}, "unknown mode 'cross': did you mean 'crossfit'"),
    ({"n_folds": 1}, "n_folds: expected at least 2, found 1"),
    ({"n_folds": 9}, "label number 0 .* has 8 trials; cross-fitting with 9 folds needs at least 9"),
    ({"labels": np.zeros(64)}, "labels: expected at least 2 different labels"),
    ({"labels": LABELS[1:]}, "labels: expected one label for each of 64 trials"),
    ({"epoch": (7, 8)}, "epoch: no sample lies in 7 ≤ t < 8 s"),
    ({"population": "selective"}, r"population='selective' needs baseline=\(start, stop\)"),
    ({"population": "tuned"}, "population: expected 'selective', booleans, a callable or None, found 'tuned'"),
    ({"population": np.ones(3, bool)}, r"population: expected 3 booleans|population: expected 4 booleans"),
    ({"population": np.arange(4)}, "population: expected 4 booleans, one per unit"),
    ({"population": lambda responses, labels: [True]}, "population: expected 4 booleans"),
    ({"normalize": "zscores"}, "unknown normalization"),
]


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused_by_name(changes, words):
    arguments = {"activity": noise(0, 4), "time": TIME, "labels": LABELS, "epoch": CUE, **changes}
    with pytest.raises(InputError, match=words):
        preferred_psth(**arguments)


def test_one_fold_is_a_configuration_error():
    with pytest.raises(ConfigurationError):
        preferred_psth(noise(0, 4), TIME, LABELS, CUE, n_folds=1)
