"""Smoothing: its shape inside a trial, and what it keeps at the borders and beside missing samples."""

import numpy as np
import pytest

from dynascope.analysis import forward_average, smooth_activity
from dynascope.errors import ConfigurationError, InputError

STEP = 0.01
KERNELS = ("gaussian", "boxcar", "causal")


def plain(values, kernel, width):
    """Weighted means by the formulas of the kernels, with symmetric ones reflected about the ends of the trial."""
    n = len(values)
    smoothed = np.empty(n)
    reach = int(np.ceil(6 * width / STEP)) + 1
    for i in range(n):
        top = bottom = 0.0
        for lag in range(-reach, reach + 1):
            j = i - lag
            if kernel == "causal" and (lag < 0 or j < 0):
                continue
            j = j % (2 * n)
            j = 2 * n - 1 - j if j >= n else j
            if kernel == "boxcar":
                inner = np.linspace(lag - 0.5, lag + 0.5, 2001)[1::2] * STEP
                weight = (np.abs(inner) <= width / 2).mean()
            else:
                weight = np.exp(-0.5 * (lag * STEP / width) ** 2) if abs(lag) <= np.ceil(5 * width / STEP) else 0
            top, bottom = top + weight * values[j], bottom + weight
        smoothed[i] = top / bottom
    return smoothed


@pytest.mark.parametrize("width", [0.013, 0.03, 0.04, 0.11])
@pytest.mark.parametrize("kernel", KERNELS)
def test_smoothing_is_the_plain_weighted_mean(kernel, width):
    values = np.random.default_rng(0).random(17)
    found = smooth_activity(values[np.newaxis, :, np.newaxis], STEP * np.arange(17), kernel, width)
    np.testing.assert_allclose(found[0, :, 0], plain(values, kernel, width), rtol=2e-3 if kernel == "boxcar" else 1e-10)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("n", [2, 7, 40])
def test_a_constant_stays_constant_up_to_the_borders(kernel, n):
    found = smooth_activity(np.full((3, n, 2), 7.0), STEP * np.arange(n), kernel, min(0.1, n * STEP))
    np.testing.assert_allclose(found, 7, rtol=1e-14)


@pytest.mark.parametrize("kernel", ["gaussian", "boxcar"])
def test_no_spike_is_lost_at_the_borders_of_trials_of_any_length(kernel):
    rng = np.random.default_rng(1)
    spikes = rng.poisson(0.3, (6, 50, 3)).astype(float)
    lengths = np.array([50, 50, 31, 20, 31, 9])
    for trial, length in enumerate(lengths):
        spikes[trial, length:] = np.nan
    found = smooth_activity(spikes, STEP * np.arange(50), kernel, 0.05)
    np.testing.assert_allclose(np.nansum(found, axis=1), np.nansum(spikes, axis=1), rtol=1e-13)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(spikes))


@pytest.mark.parametrize("kernel", KERNELS)
def test_missing_samples_stay_missing_and_have_no_weight(kernel):
    rng = np.random.default_rng(2)
    values = np.full((4, 30, 3), 5.0)
    gaps = rng.random(values.shape) < 0.3
    values[gaps] = np.nan
    found = smooth_activity(values, STEP * np.arange(30), kernel, 0.04)
    np.testing.assert_array_equal(np.isnan(found), gaps)
    np.testing.assert_allclose(found[~gaps], 5, rtol=1e-13)


def test_a_causal_kernel_does_not_look_ahead():
    values = np.zeros((1, 40, 1))
    values[0, 20] = 1
    found = smooth_activity(values, STEP * np.arange(40), "causal", 0.03)[0, :, 0]
    assert (found[:20] == 0).all()
    assert (found[20:35] > 0).all()


def test_width_is_what_it_says():
    time = STEP * np.arange(401)
    impulse = (np.arange(401) == 200).astype(float)[np.newaxis, :, np.newaxis]
    gaussian = smooth_activity(impulse, time, "gaussian", 0.1)[0, :, 0]
    assert np.sqrt((gaussian * (time - 2) ** 2).sum()) == pytest.approx(0.1, rel=1e-4)
    boxcar = smooth_activity(impulse, time, "boxcar", 0.1)[0, :, 0]
    assert (boxcar > 1e-12).sum() == 11
    assert boxcar.max() == pytest.approx(0.1)


def test_the_input_is_not_changed_and_a_trial_without_samples_stays_empty():
    values = np.random.default_rng(3).random((3, 20, 2))
    values[1] = np.nan
    kept = values.copy()
    found = smooth_activity(values, STEP * np.arange(20), "gaussian", 0.02)
    np.testing.assert_array_equal(values, kept)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_forward_average_has_one_point_more_than_its_window_and_shrinks_at_the_end():
    values = np.random.default_rng(4).random(12)
    expected = [np.mean(values[i : i + 4]) for i in range(12)]
    np.testing.assert_allclose(forward_average(values, 3), expected)
    np.testing.assert_array_equal(forward_average(values, 0), values)
    assert forward_average(np.ones((5, 2)), 9).shape == (5, 2)
    with pytest.raises(ConfigurationError, match="window: expected a whole number of at least 0, found -1"):
        forward_average(values, -1)
    with pytest.raises(InputError, match=r"values: found nan at index \(0\)"):
        forward_average([np.nan], 1)


def test_no_kernel_is_refused():
    with pytest.raises(InputError, match="kernel: expected one of gaussian, boxcar, causal, found None"):
        smooth_activity(np.ones((1, 3, 1)), np.arange(3.0), None)
