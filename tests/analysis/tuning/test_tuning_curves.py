"""Tuning curves: flat for noise, the published peak for the same noise, and planted tuning recovered."""

import numpy as np
import pytest

from dynascope.analysis import TuningCurves, select_units, tuning_curves
from dynascope.errors import ConfigurationError, InputError

LOCATIONS = np.repeat(np.arange(8), 16)
ANGLES = LOCATIONS * np.pi / 4
TIME = np.arange(20) * 0.1
FIX, CUE = (0.0, 1.0), (1.0, 2.0)


def noise(n_units, seed=0):
    """Activity around 20 whose epoch means have unit standard deviation: (trial, time, unit)."""
    return np.random.default_rng(seed).normal(20, np.sqrt(10), (128, 20, n_units))


def tuned(preferred, height=2.0, seed=1):
    rates = np.random.default_rng(seed).standard_normal((128, len(preferred)))
    return rates + height * np.exp(2 * (np.cos(ANGLES[:, None] - np.asarray(preferred)) - 1))


class TestNoise:
    """Units without tuning, noise of standard deviation 1 in every epoch mean."""

    def test_crossfit_is_flat(self):
        found = tuning_curves(noise(2000), ANGLES, time=TIME, epoch=CUE)
        assert abs(found.peak) < 0.03
        assert abs(found.peak) < 3 * found.peak_error

    def test_crossfit_with_selection_is_flat_too(self):
        found = tuning_curves(noise(4000), ANGLES, time=TIME, epoch=CUE, baseline=FIX, alpha=0.05)
        assert 300 < found.used.sum() < 900
        assert abs(found.peak) < 0.12
        assert abs(found.peak) < 3 * found.peak_error

    def test_the_published_curve_has_a_peak(self):
        found = tuning_curves(noise(3000), ANGLES, time=TIME, epoch=CUE, baseline=FIX, mode="published")
        assert 20 * found.peak == pytest.approx(0.77, abs=0.05)  # responses are in units of the baseline, 20
        assert "noise alone gives a peak" in found.summary()

    def test_selection_on_the_same_trials_shows_even_when_the_preferred_angle_is_crossfitted(self):
        """0.43 in the literature of this package's plan: the reason why selection is cross-fitted as well."""
        activity = noise(4000)
        chosen = select_units(activity, TIME, LOCATIONS, CUE, FIX, "published").population
        found = tuning_curves(activity, ANGLES, time=TIME, epoch=CUE, baseline=FIX, units=chosen)
        assert 0.1 < found.peak < 0.7


def test_published_mode_by_the_book():
    activity = noise(40, seed=5)
    activity[:, 10:, :20] += 4 * np.exp(3 * (np.cos(ANGLES[:, None] - np.arange(20)) - 1))[:, None, :]
    selected = select_units(activity, TIME, LOCATIONS, CUE, FIX, "published")
    curves = []
    for unit in np.flatnonzero(selected.population):
        fixation, response = activity[:, :10, unit].mean(axis=1), activity[:, 10:, unit].mean(axis=1)
        means = [response[k == LOCATIONS].mean() / fixation[k == LOCATIONS].mean() - 1 for k in range(8)]
        rotated = np.roll(means, 4 - int(np.argmax(means)))
        curves.append(np.append(rotated, rotated[0]))
    found = tuning_curves(activity, LOCATIONS, period=8, time=TIME, epoch=CUE, baseline=FIX, mode="published")
    assert found.mean_curve == pytest.approx(np.mean(curves, axis=0), rel=1e-12)
    assert found.aligned[found.used] == pytest.approx(np.array(curves), rel=1e-12)
    assert found.offsets.tolist() == list(range(-4, 5))


def test_crossfit_literally():
    """Two folds by hand: each half aligned by the other."""
    rates = tuned(np.arange(12))
    found = tuning_curves(rates, ANGLES, n_folds=2, seed=4)
    generator, folds = np.random.default_rng(4), np.empty(128, int)
    for location in range(8):
        own = generator.permutation(np.flatnonzero(location == LOCATIONS))
        folds[own] = (np.arange(16) + generator.integers(2)) % 2
    assert np.bincount(folds).tolist() == [64, 64]
    halves = [np.array([rates[(folds == k) & (j == LOCATIONS)].mean(axis=0) for j in range(8)]) for k in range(2)]
    for unit in range(12):
        curves = [np.roll(halves[k][:, unit], 4 - int(halves[1 - k][:, unit].argmax())) for k in range(2)]
        expected = np.mean(curves, axis=0)
        assert found.aligned[unit] == pytest.approx(np.append(expected, expected[0]), rel=1e-12)


def test_planted_directions_are_found():
    preferred = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    found = tuning_curves(tuned(preferred, height=5), ANGLES)
    away = np.angle(np.exp(1j * (found.direction - preferred)))
    assert np.abs(away).max() < 0.35
    nearest = np.round(preferred / (np.pi / 4)).astype(int) % 8
    assert (np.abs(np.mod(found.preferred - nearest + 4, 8) - 4) <= 1).all()
    assert found.peak > 2
    assert found.offsets == pytest.approx(np.arange(-4, 5) * np.pi / 4)
    assert found.responses.shape == found.errors.shape == (30, 8)
    expected = tuned(preferred, height=5)[LOCATIONS == 3]
    assert found.errors[:, 3] == pytest.approx(expected.std(axis=0, ddof=1) / 4)


def test_odd_circles_have_no_double_end():
    angles = np.tile(np.arange(5) * 72, 8)
    found = tuning_curves(np.random.default_rng(0).standard_normal((40, 3)), angles, period=360)
    assert found.offsets.tolist() == [-144, -72, 0, 72, 144]
    assert found.mean_curve.shape == (5,)


def test_named_conditions_are_ranked_on_other_trials():
    names = np.array(["face", "house", "tool"])[np.tile([0, 1, 2], 40)]
    rng = np.random.default_rng(0)
    flat = tuning_curves(rng.standard_normal((120, 3000)), names, alignment="ranked")
    assert abs(flat.peak) < 0.02
    assert flat.direction is None
    assert flat.offsets.tolist() == [0, 1, 2]
    steep = tuning_curves(rng.standard_normal((120, 50)) + 3 * (names == "tool")[:, None], names, alignment="ranked")
    assert steep.peak == pytest.approx(3, abs=0.2)
    assert steep.conditions.tolist() == ["face", "house", "tool"]


def test_normalizations_come_from_other_trials():
    activity = noise(500)
    activity[:, 10:] += np.exp(np.cos(ANGLES[:, None] - np.arange(500)))[:, None, :]
    z = tuning_curves(activity, ANGLES, time=TIME, epoch=CUE, normalize="zscore")
    ratio = tuning_curves(activity, ANGLES, time=TIME, epoch=CUE, baseline=FIX, normalize="ratio")
    plain = tuning_curves(activity, ANGLES, time=TIME, epoch=CUE, baseline=FIX)
    assert 20 * ratio.peak == pytest.approx(plain.peak, rel=0.1)
    assert abs(z.mean_curve[:8].mean()) < 0.02
    flat = tuning_curves(noise(2000), ANGLES, time=TIME, epoch=CUE, baseline=FIX, normalize="ratio")
    assert abs(20 * flat.peak) < 0.03


def test_units_with_nothing_to_divide_by_are_left_out_and_reported():
    activity = noise(4)
    activity[:, :, 1] = 0
    for options in ({"normalize": "zscore"}, {"normalize": "ratio"}, {"mode": "published"}):
        found = tuning_curves(activity, ANGLES, time=TIME, epoch=CUE, baseline=FIX, **options)
        assert found.excluded.tolist() == [False, True, False, False]
        assert not found.used[1]
        assert np.isnan(found.aligned[1]).all()
        assert "left out, nothing to divide by: 1 of 4" in found.summary()


def test_no_unit_at_all_is_said():
    found = tuning_curves(noise(3), ANGLES, time=TIME, epoch=CUE, units=np.zeros(3, bool))
    assert np.isnan(found.mean_curve).all()
    assert "no unit is selected: there is no mean curve" in found.summary()
    assert found.plot().get_title() == "crossfit tuning, 0 of 3 units"


def test_results_survive_being_saved(tmp_path):
    for options in ({}, {"alignment": "ranked"}, {"mode": "published"}):
        found = tuning_curves(tuned(np.arange(6)), ANGLES, **options)
        loaded = TuningCurves.load(found.save(tmp_path / "a.h5"))
        assert loaded.to_dict() == found.to_dict()
        assert loaded.summary() == found.summary()
        assert loaded.plot().get_title()


def test_inputs_may_be_read_only_single_precision_views_and_stay_as_they_are():
    rates = tuned(np.arange(6)).astype(np.float32)[:, ::2]
    copy = rates.copy()
    rates.flags.writeable = False
    found = tuning_curves(rates, ANGLES, seed=1)
    assert found.aligned == pytest.approx(tuning_curves(copy.astype(float), ANGLES, seed=1).aligned, rel=1e-6)
    assert (rates == copy).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: tuning_curves(x, LOCATIONS), InputError, "^angles: expected at least 3 in equal steps .* period=8"),
        (lambda x: tuning_curves(x, ANGLES[:-1]), InputError, "^angles: expected one for each of 128 trials"),
        (lambda x: tuning_curves(x, LOCATIONS.astype(str)), InputError, "^angles: expected numbers, found <U.*ranked"),
        (
            lambda x: tuning_curves(x, np.where(ANGLES > 5, np.nan, ANGLES)),
            InputError,
            "^angles: found nan at index 112",
        ),
        (
            lambda x: tuning_curves(x, ANGLES, n_folds=17),
            InputError,
            "^angles: condition number 0 has 16 trials, fewer",
        ),
        (lambda x: tuning_curves(x, ANGLES, n_folds=1), ConfigurationError, "^n_folds: expected a whole number"),
        (lambda x: tuning_curves(x, ANGLES, epoch=CUE), InputError, "^epoch, baseline: need activity"),
        (lambda x: tuning_curves(noise(2), ANGLES), InputError, r"^epoch: expected \(start, stop\) in seconds"),
        (
            lambda x: tuning_curves(x, ANGLES, normalize="ratio"),
            InputError,
            "^normalize: 'ratio' divides by the baseline",
        ),
        (lambda x: tuning_curves(x, ANGLES, normalize="max"), InputError, "unknown normalize 'max'"),
        (lambda x: tuning_curves(x, ANGLES, alpha=2), ConfigurationError, "^alpha: expected a number above 0"),
        (lambda x: tuning_curves(x, ANGLES, mode="published", alpha=0.1), InputError, "^alpha: does not go with mode"),
        (lambda x: tuning_curves(x, ANGLES, units=[0, 1]), InputError, r"^units: expected bool of shape \(3,\)"),
        (lambda x: tuning_curves(x, ANGLES, period=0), InputError, "^period: expected a positive number"),
        (lambda x: tuning_curves(x, ANGLES, mode="crosfit"), InputError, "did you mean 'crossfit'"),
    ],
)
def test_refusals(call, error, words):
    with pytest.raises(error, match=words):
        call(tuned(np.arange(3)))
