"""Stimuli of single cells: samples, times and amplitudes as published."""

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.trainers.prc.stimuli import alpha_pulse, steps, synaptic_pulse, white_noise

DT = 0.1


def test_steps_have_whole_numbers_of_samples():
    assert steps((0.3, 0.25, 0.2), (1, 2, -3), DT).tolist() == [1, 1, 1, 2, 2, -3, -3]
    bursting = steps((10, 100, 50, 100, 50, 100), (0, 2, 0, 0, 0, 2), DT)
    assert len(bursting) == 4100
    assert np.flatnonzero(bursting).tolist() == [*range(100, 1100), *range(3100, 4100)]
    with pytest.raises(InputError, match="expected as many values as durations, found 1 and 2"):
        steps((1, 2), (1,), DT)


@pytest.mark.parametrize(
    ("onset", "duration", "first", "n_samples"),
    [(20, 600, 199, 5999), (30, 100, 299, 999), (10, 50, 99, 499), (0, 5, 0, 49)],
)
def test_a_synaptic_pulse_begins_a_sample_early_and_ends_a_sample_short(onset, duration, first, n_samples):
    pulse = synaptic_pulse(7.0, onset, duration, DT, tau_rise=0.1, tau_decay=5.0)
    assert len(pulse) == n_samples
    assert np.flatnonzero(pulse)[0] == first + 1  # still 0 at its first sample
    time = DT * np.arange(n_samples - first)
    shape = np.exp(-time / 5.0) - np.exp(-time / 0.1)
    assert pulse[first:] == pytest.approx(7 * shape / shape.max(), rel=1e-12)
    assert pulse.max() == 7.0


def test_synaptic_pulses_may_be_negative_or_nothing():
    one, minus, none = (synaptic_pulse(a, 1, 9, DT, tau_rise=0.1, tau_decay=5.0) for a in (1.0, -1.0, 0.0))
    assert np.array_equal(minus, -one)
    assert not none.any()


def test_a_synaptic_pulse_that_begins_at_the_last_sample_is_silent():
    assert not synaptic_pulse(1.0, 8.9, 9.0, DT, tau_rise=0.1, tau_decay=5.0).any()


@pytest.mark.parametrize("onset", [9.0, 50.0])
def test_a_synaptic_pulse_lies_within_the_stimulus(onset):
    with pytest.raises(InputError, match=f"onset {onset:g} ms: expected within the stimulus of 9 ms"):
        synaptic_pulse(1.0, onset, 9.0, DT, tau_rise=0.1, tau_decay=5.0)
    with pytest.raises(InputError, match="decay time constant"):
        synaptic_pulse(1.0, 1.0, 9.0, DT, tau_rise=5.0, tau_decay=0.1)


def test_an_alpha_pulse():
    time = 0.01 * np.arange(5001)
    pulse = alpha_pulse(1.75, 2.0, time)
    assert (pulse[0], pulse.argmax()) == (0.0, 200)
    assert pulse.max() == pytest.approx(1.75, rel=1e-15)
    assert pulse == pytest.approx(1.75 * np.e / 2 * time * np.exp(-time / 2), rel=1e-12)


def test_white_noise():
    noise = white_noise(-45.0, 1.0, 200_000, DT, np.random.default_rng(0))
    assert noise.mean() == pytest.approx(-45, abs=4 * 100 / np.sqrt(200_000))
    assert noise.std() == pytest.approx(100, rel=0.01)
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(0, abs=0.01)
    louder = white_noise(0.0, 3.0, 200_000, 4 * DT, np.random.default_rng(0))
    np.testing.assert_allclose(louder, 1.5 * (noise + 45), atol=1e-9)
    again = white_noise(-45.0, 1.0, 200_000, DT, np.random.default_rng(0))
    assert np.array_equal(again, noise)
