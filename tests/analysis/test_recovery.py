"""The report of how well a student recovers its teacher."""

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import R2_MODES, cka, flatten_samples, recovery, trajectory_r2
from dynascope.errors import InputError


@pytest.fixture
def trajectories():
    rng = np.random.default_rng(0)
    teacher = np.cumsum(rng.standard_normal((6, 25, 4)), axis=1)
    return teacher, teacher + 0.4 * rng.standard_normal(teacher.shape)


@pytest.fixture
def report(trajectories):
    teacher, student = trajectories
    return recovery({"states": (teacher, student), "rates": (np.tanh(teacher), np.tanh(student))})


def test_holds_every_measure_of_every_pair(report, trajectories):
    teacher, student = trajectories
    for index, mode in enumerate(R2_MODES):
        assert report.r2[0, 0, index] == trajectory_r2(teacher, student, mode=mode)
        assert report.r2[0, 1, index] == trajectory_r2(student, teacher, mode=mode)
    rates = [np.tanh(array) for array in trajectories]
    np.testing.assert_array_equal(report.trial_r2[1, 0], trajectory_r2(*rates, average=False))
    flat = [flatten_samples(array) for array in trajectories]
    assert report.cka[0].tolist() == [cka(*flat), cka(*flat, centered=False)]


def test_masked_samples_do_not_count(trajectories):
    teacher, student = trajectories
    mask = np.ones(teacher.shape[:2], dtype=bool)
    mask[:, 20:] = False
    damaged = np.where(mask[:, :, np.newaxis], student, np.nan)
    found = recovery({"states": (teacher, damaged)}, mask=mask)
    expected = recovery({"states": (teacher[:, :20], student[:, :20])})
    np.testing.assert_allclose(found.r2[:, 0, 0], expected.r2[:, 0, 0], rtol=1e-12)
    np.testing.assert_allclose(found.cka, expected.cka, rtol=1e-12)


def test_summary_states_both_directions(report):
    lines = report.summary().splitlines()
    assert lines[0] == "states: R² with the target as reference (with the prediction as reference)"
    low, high = report.intervals[0, 0, 0]
    value = f"  per_trial        {report.r2[0, 0, 0]:.4f} ({report.r2[0, 1, 0]:.4f})"
    assert lines[1] == f"{value}, 95 % of resamples of trials in {low:.4f} to {high:.4f}"
    assert lines[6].startswith("  over 6 trials: median 0.")
    assert lines[7].startswith("  linear CKA       centred 0.")
    assert lines[8].startswith("  principal angles ")
    assert lines[9].startswith("rates: ")


def test_undefined_measures_are_said_to_be_so(trajectories):
    teacher, _ = trajectories
    silent = recovery({"states": (teacher[:1], np.zeros((1, 25, 4)))})
    assert np.isnan(silent.cka).all()
    undefined = dict(zip(silent.modes, np.isnan(silent.r2[0, 0]), strict=True))
    assert undefined == {
        "per_trial": False,
        "per_time": True,
        "per_unit": True,
        "per_unit_pooled": False,
        "pooled": False,
    }
    assert "per_time         undefined (undefined)" in silent.summary()
    assert "centred undefined, uncentred undefined" in silent.summary()
    assert silent.plot().get_ylim()[0] < 0


def test_picture_shows_values_below_the_axis(report, trajectories, tmp_path):
    assert [text.get_text() for text in report.plot().get_legend().get_texts()] == ["states", "rates"]
    poor = recovery({"states": (trajectories[0], 3 - trajectories[0])})
    ax = poor.plot()
    assert f"{poor.r2[0, 0, 0]:.3g}" in [text.get_text() for text in ax.texts]
    assert ax.get_ylim() == (-1.08, 1.05)
    assert plotting.save(ax, tmp_path / "recovery.svg").stat().st_size > 5000


def test_intervals_cover_the_value_and_shrink_with_trials():
    generator = np.random.default_rng(0)
    target = generator.normal(size=(200, 12, 3))
    prediction = target + 0.5 * generator.normal(size=target.shape)
    widths = []
    for n_trials in (20, 200):
        found = recovery({"x": (target[:n_trials], prediction[:n_trials])})
        for index, mode in enumerate(found.interval_modes):
            low, high = found.intervals[0, 0, index]
            assert low < found.r2[0, 0, found.modes.index(mode)] < high
        widths.append(np.ptp(found.intervals[0, 0, 1]))
    assert widths[1] < 0.5 * widths[0]


def test_pooled_interval_equals_plain_resampling():
    generator = np.random.default_rng(0)
    target, noise = generator.normal(3.0, 1.0, size=(2, 15, 6, 2))
    prediction = target + 0.3 * noise
    found = recovery({"x": (target, prediction)}, n_resamples=300, seed=5)
    chosen = np.random.default_rng(5).integers(15, size=(300, 15))
    plain = [trajectory_r2(target[rows], prediction[rows], mode="pooled") for rows in chosen]
    np.testing.assert_allclose(found.intervals[0, 0, 1], np.quantile(plain, [0.025, 0.975]), rtol=1e-10)


def test_angles_of_planted_subspaces():
    """Activity along one axis against activity along an axis 30 degrees away."""
    signal = np.random.default_rng(0).normal(size=(5, 20, 1))
    axis, turned = np.array([1.0, 0, 0]), np.array([np.cos(np.pi / 6), np.sin(np.pi / 6), 0])
    found = recovery({"x": (signal * axis, signal * turned)})
    np.testing.assert_allclose(found.angles, [[np.pi / 6]], atol=1e-12)
    assert "30.0 degrees" in found.summary()


def test_a_second_run_of_the_target_is_the_ceiling():
    generator = np.random.default_rng(0)
    clean = generator.normal(size=(30, 10, 2))
    first, second = clean + 0.3 * generator.normal(size=(2, *clean.shape))
    found = recovery({"x": (first, clean)}, repeats={"x": second})
    np.testing.assert_allclose(found.ceilings[0, found.modes.index("pooled")], trajectory_r2(first, second, "pooled"))
    assert "ceiling" in found.summary()
    with pytest.raises(InputError, match="unknown pair in repeats 'y'"):
        recovery({"x": (first, clean)}, repeats={"y": second})
