"""Fits of tuning: exact curves recovered, scipy's optimum reached, errors that cover, and bad fits called bad."""

import numpy as np
import pytest
from scipy.optimize import curve_fit, least_squares

from dynascope.analysis import TuningFits, fit_tuning, published_tuning_fit
from dynascope.analysis.tuning.fits import STATUS
from dynascope.analysis.tuning.models import MODELS
from dynascope.errors import InputError

ANGLES = np.tile(np.arange(8) * np.pi / 4, 16)


def curve(angles, baseline, amplitude, preferred, width, model):
    delta = np.mod(np.asarray(angles) - preferred + np.pi, 2 * np.pi) - np.pi
    if model == "gaussian":
        return baseline + amplitude * np.exp(-(delta**2) / (2 * width**2))
    return baseline + amplitude * np.exp(width * (np.cos(delta) - 1))


@pytest.mark.parametrize(
    ("model", "width"), [("gaussian", 0.7), ("gaussian", 1.3), ("von_mises", 0.7), ("von_mises", 4.0)]
)
def test_noise_free_curves_are_recovered(model, width):
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    preferred = np.linspace(0.01, 6.2, 20)
    responses = np.stack([curve(angles, 1e3, 2.5, p, width, model) for p in preferred], axis=1)
    found = fit_tuning(responses, angles, model=model)
    expected = np.stack([np.full(20, 1e3), np.full(20, 2.5), preferred, np.full(20, width)], axis=1)
    assert found.parameters_found == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found.ok.all()
    assert found.r_squared == pytest.approx(np.ones(20))
    assert found.predict(angles) == pytest.approx(responses.T, rel=1e-9)


@pytest.mark.parametrize("model", list(MODELS))
def test_no_start_of_scipy_does_better(model):
    """From 16 starts each, for 8 noisy units: our sum of squares is never larger."""
    rng = np.random.default_rng(0)
    width = 0.8 if model == "gaussian" else 1.5
    responses = np.stack([curve(ANGLES, 1, 2, p, width, model) for p in rng.uniform(0, 6, 8)], axis=1)
    responses += 1.5 * rng.standard_normal(responses.shape)
    found = fit_tuning(responses, ANGLES, model=model)
    low, high = MODELS[model].limits(np.pi / 4)
    for unit in range(8):
        best = min(
            least_squares(
                lambda q: curve(ANGLES, *q, model) - responses[:, unit],  # noqa: B023  (called at once)
                [0, 1, start, np.clip(scale, low * 1.1, high * 0.9)],
                bounds=([-50, 0, -9, low], [50, 90, 16, high]),
            ).cost
            for start in np.arange(8) * np.pi / 4
            for scale in (0.4, 1.5)
        )
        ours = np.square(curve(ANGLES, *found.parameters_found[unit], model) - responses[:, unit]).sum() / 2
        assert ours <= best * (1 + 1e-9)


@pytest.mark.parametrize(("model", "width"), [("gaussian", 0.7), ("von_mises", 2.0)])
def test_standard_errors_cover(model, width):
    """1 500 units: 95 % ± 2 % of the intervals of each parameter hold the truth."""
    rng = np.random.default_rng(1)
    preferred = rng.uniform(0, 2 * np.pi, 1500)
    truth = np.stack([np.full(1500, 5.0), np.full(1500, 4.0), preferred, np.full(1500, width)], axis=1)
    responses = MODELS[model].value(truth, ANGLES).T + rng.standard_normal((128, 1500))
    found = fit_tuning(responses, ANGLES, model=model)
    assert found.ok.mean() > 0.99
    low, high = found.intervals(0.95)
    off = np.abs(found.parameters_found - truth)
    off[:, 2] = np.abs(np.angle(np.exp(1j * off[:, 2])))
    covered = (off <= (high - low) / 2)[found.ok].mean(axis=0)
    assert covered == pytest.approx(np.full(4, 0.95), abs=0.02)
    half = curve_half_width(model, width)
    reach = 1.98 * found.full_width_errors[found.ok]
    assert (np.abs(found.full_width[found.ok] - 2 * half) <= reach).mean() == pytest.approx(0.95, abs=0.02)
    assert (found.lack_of_fit_p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.02)


def curve_half_width(model, width):
    fine = np.linspace(0, np.pi, 200_001)
    return fine[np.argmin(np.abs(curve(fine, 0, 1, 0, width, model) - 0.5))]


def test_standard_errors_are_scipys():
    rng = np.random.default_rng(3)
    angles = rng.uniform(0, 2 * np.pi, 150)  # every trial its own angle
    responses = curve(angles, 2, 3, 2.5, 0.8, "gaussian") + 0.5 * rng.standard_normal(150)
    found = fit_tuning(responses, angles)
    best, covariance = curve_fit(
        lambda x, *q: curve(x, *q, "gaussian"), angles, responses, p0=found.parameters_found[0], xtol=1e-14, ftol=1e-14
    )
    assert found.parameters_found[0] == pytest.approx(best, rel=1e-5)
    assert found.standard_errors[0] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)


def test_given_errors_weigh_and_scale():
    rng = np.random.default_rng(4)
    angles = np.arange(12) * np.pi / 6
    errors = rng.uniform(0.1, 0.6, (12, 1))
    responses = curve(angles, 2, 3, 2.5, 0.8, "gaussian")[:, None] + errors * rng.standard_normal((12, 1))
    found = fit_tuning(responses, angles, errors=errors)
    best, covariance = curve_fit(
        lambda x, *q: curve(x, *q, "gaussian"), angles, responses[:, 0], p0=found.parameters_found[0],
        sigma=errors[:, 0], absolute_sigma=True, xtol=1e-14, ftol=1e-14,
    )  # fmt: skip
    assert found.parameters_found[0] == pytest.approx(best, rel=1e-5)
    assert found.standard_errors[0] == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-4)
    assert 0 < found.lack_of_fit_p_values[0] < 1


def test_angles_in_degrees_and_locations():
    rng = np.random.default_rng(5)
    responses = curve(ANGLES, 1, 3, 2.0, 0.8, "gaussian")[:, None] + 0.3 * rng.standard_normal((128, 2))
    radians = fit_tuning(responses, ANGLES)
    for period in (360.0, 8.0):
        scale = period / (2 * np.pi)
        other = fit_tuning(responses, ANGLES * scale, period=period)
        assert other.preferred == pytest.approx(radians.preferred * scale, rel=1e-7)
        assert other.width == pytest.approx(radians.width * scale, rel=1e-6)
        assert other.full_width_errors == pytest.approx(radians.full_width_errors * scale, rel=1e-5)
        assert other.predict(ANGLES * scale) == pytest.approx(radians.predict(ANGLES), rel=1e-7)


class TestBadFits:
    def status(self, responses, **options):
        found = fit_tuning(responses, ANGLES, **options)
        assert np.isnan(found.standard_errors).all(axis=1).tolist() == (~found.ok | found.deterministic).tolist()
        return np.array(STATUS)[found.status], found

    def test_noise_is_no_better_than_flat(self):
        names, found = self.status(np.random.default_rng(0).standard_normal((128, 1000)))
        assert (names == "no better than flat").mean() > 0.98
        assert "ok: " in found.summary().splitlines()[1]

    def test_constant_units(self):
        names, found = self.status(np.full((128, 2), 0.1))
        assert names.tolist() == ["constant", "constant"]
        assert np.isnan(found.r_squared).all()
        assert (found.amplitude == 0).all()
        assert found.plot().get_title() == "gaussian fits: 0 of 2 units usable"

    def test_a_spike_at_one_angle_has_no_width(self):
        one = np.where(np.arange(128) % 8 == 3, 5.0, 0.0) + 0.1 * np.random.default_rng(0).standard_normal(128)
        names, _ = self.status(one)
        assert names.tolist() == ["width at its limit"]

    def test_units_without_scatter_have_no_errors(self):
        names, found = self.status(curve(ANGLES, 1, 3, 2.0, 0.8, "von_mises"), model="gaussian")
        assert names.tolist() == ["ok"]
        assert found.deterministic.tolist() == [True]
        assert "(deterministic), no standard errors: 1 of 1" in found.summary()

    def test_the_wrong_shape_shows_as_lack_of_fit(self):
        two = np.cos(2 * ANGLES)[:, None] + 0.5 * np.random.default_rng(0).standard_normal((128, 20))
        found = fit_tuning(two, ANGLES)
        assert (found.lack_of_fit_p_values < 1e-6).all()


def test_results_survive_being_saved(tmp_path):
    rng = np.random.default_rng(5)
    found = fit_tuning(curve(ANGLES, 1, 3, 2.0, 0.8, "gaussian")[:, None] + rng.standard_normal((128, 3)), ANGLES)
    loaded = TuningFits.load(found.save(tmp_path / "a.h5"))
    assert loaded.to_dict() == found.to_dict()
    assert loaded.summary() == found.summary()


def test_the_published_fit_by_the_book():
    values = np.array([-0.22, -0.25, -0.18, 0.94, 3.61, 1.05, -0.19, -0.27, -0.22])  # the study's mature curve
    x = np.arange(9)

    def gaussian(x, a, u, s):
        return a * np.exp(-((x - u) ** 2) / (2 * s**2)) / (s * np.sqrt(2 * np.pi))

    (a, u, s), _ = curve_fit(gaussian, x, values - values.min(), p0=(values.max() + 1, 4, 1))
    found = published_tuning_fit(values)
    assert (found.area, found.centre, found.sd) == pytest.approx((a, u, s), rel=1e-12)
    assert found.minimum == values.min()
    assert found.width == pytest.approx(1.34, abs=0.01)  # as the study reports
    assert found.predict(x) == pytest.approx(gaussian(x, a, u, s) + values.min(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: fit_tuning(x, ANGLES, model="gauss"), "unknown model 'gauss': did you mean 'gaussian'"),
        (lambda x: fit_tuning(x[:, None, None], ANGLES), r"^responses: expected \(sample,\) or \(sample, unit\)"),
        (lambda x: fit_tuning(x, ANGLES % np.pi), "^angles: four parameters need at least 5 different angles, found 4"),
        (lambda x: fit_tuning(np.append(x[1:], np.nan), ANGLES), r"^responses: found nan at index \(127\)"),
        (lambda x: fit_tuning(x, ANGLES[1:]), "^angles: expected one for each of 128 trials"),
        (lambda x: fit_tuning(x, ANGLES, errors=0 * x), r"^errors: expected standard errors above 0, found 0.0 at"),
        (lambda x: fit_tuning(x, ANGLES, errors=x[1:]), r"^errors: has shape \(127,\), responses has \(128,\)"),
        (lambda x: published_tuning_fit(x[:3]), "^curve: expected a vector of at least 4 positions"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(InputError, match=words):
        call(np.random.default_rng(0).standard_normal(128))
