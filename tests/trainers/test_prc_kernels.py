"""Kernels: every recursion against the convolution with its samples, and the samples against their formulas."""

import math

import numpy as np
import pytest

from dynascope.errors import InputError
from dynascope.trainers.prc.kernels import (
    Alpha,
    Boxcar,
    Difference,
    Exponential,
    Instantaneous,
    Lag,
    Recursion,
    Tabulated,
)

DT = 0.1
KERNELS = {
    "instantaneous": Instantaneous(),
    "exponential": Exponential(2.0),
    "exponential not scaled": Exponential(2.0, area=None),
    "exponential of area 3": Exponential(2.0, area=3.0),
    "cut at a sample": Exponential(2.0, 4.0),
    "cut between samples": Exponential(2.0, 4.03),
    "cut after one sample": Exponential(2.0, 0.05),
    "cut and not scaled": Exponential(2.0, 4.0, area=None),
    "cut beyond the input": Exponential(2.0, 1000.0),
    "another first sample": Exponential(2.0, area=2.0, first=1.0),
    "another first sample, cut": Exponential(2.0, 4.0, area=2.0, first=1.0),
    "another first sample, cut after it": Exponential(2.0, 0.1, first=0.3),
    "another first sample, cut and late": Exponential(2.0, 4.0, first=0.7, delay=3),
    "late": Exponential(2.0, delay=2),
    "normalized without first": Exponential.normalized_without_first(2.0, 4.0, DT),
    "normalized, then without first": Exponential.normalized_then_without_first(2.0, 4.0),
    "normalized, one step late": Exponential.normalized_one_step_late(2.0, 4.0),
    "leaky sum": Exponential.leaky_sum(2.0),
    "alpha": Alpha(1.5),
    "alpha of an area": Alpha(1.5, area=2.0),
    "difference": Difference(0.3, 2.0),
    "difference of an area": Difference(0.3, 2.0, area=5.0),
    "lag": Lag(2.0),
    "boxcar": Boxcar(1.0, 2.5),
    "boxcar without end": Boxcar(math.inf),
    "table": Tabulated((0.0, 1.0, -0.5, 0.0, 2.0)),
}
kernels = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)


def convolved(kernel, x, dt=DT):
    samples = kernel.samples(dt, x.shape[-1])
    return np.stack([np.convolve(samples, row)[: len(row)] for row in x])


@kernels
@pytest.mark.parametrize("n_samples", [1, 3, 300])
def test_the_recursion_is_the_convolution_with_the_samples(kernel, n_samples):
    x = np.random.default_rng(0).normal(size=(2, n_samples))
    assert kernel.recursion(DT).apply(x) == pytest.approx(convolved(kernel, x), abs=1e-10)


@kernels
@pytest.mark.parametrize("dt", [0.003, 0.7])
def test_at_any_step(kernel, dt):
    x = np.random.default_rng(1).normal(size=(1, 200))
    assert kernel.recursion(dt).apply(x) == pytest.approx(convolved(kernel, x, dt), abs=1e-10)


@kernels
def test_samples_begin_the_same_however_many_are_asked_for(kernel):
    assert np.array_equal(kernel.samples(DT, 100)[:7], kernel.samples(DT, 7))


@pytest.mark.parametrize(
    "kernel",
    [kernel for name, kernel in KERNELS.items() if name != "table"],
    ids=[name for name in KERNELS if name != "table"],
)
def test_the_cost_does_not_grow_with_the_duration(kernel):
    for dt in (DT, DT / 1000):
        recursion = kernel.recursion(dt)
        assert len(recursion.lags) <= 4
        assert len(recursion.feedback) <= 2


def test_a_table_costs_a_lag_per_sample_that_is_not_zero():
    assert Tabulated((0.0, 1.0, 0.0, 2.0)).recursion(DT) == Recursion({1: 1.0, 3: 2.0})


def test_trials_of_any_shape_are_filtered_one_by_one():
    x = np.random.default_rng(2).normal(size=(2, 3, 40))
    recursion = KERNELS["another first sample, cut"].recursion(DT)
    found = recursion.apply(x)
    assert found.shape == x.shape
    assert np.array_equal(found[1, 2], recursion.apply(x[1, 2]))


def test_whole_numbers_are_filtered_as_real_ones():
    x = np.array([1, 0, 0, 2])
    assert Exponential(2.0).recursion(DT).apply(x) == pytest.approx(convolved(Exponential(2.0), x[None])[0])


def test_the_five_conventions_of_the_published_cells():
    """The kernels of the published code, written as it defines them: samples of e^{-t/τ} below the duration L."""
    tau, length = 5.0, 100.0
    plain = np.exp(-DT / tau * np.arange(1000))
    first_zero = np.concatenate([[0], plain[1:]])
    published = {
        "K1": (Exponential.normalized_without_first(tau, length, DT), first_zero / first_zero.sum()),
        "K2": (
            Exponential.normalized_then_without_first(tau, length),
            np.concatenate([[0], (plain / plain.sum())[1:]]),
        ),
        "K3": (Exponential.normalized_one_step_late(tau, length), np.concatenate([[0], plain / plain.sum()])),
        "K4": (Exponential.leaky_sum(tau), np.concatenate([[0], plain])),
    }
    for name, (kernel, samples) in published.items():
        n = len(samples)
        assert kernel.samples(DT, n) == pytest.approx(samples, rel=1e-12, abs=0), name
        if name != "K4":
            beyond = kernel.samples(DT, n + 500)
            assert np.count_nonzero(beyond) == np.count_nonzero(samples)


@pytest.mark.parametrize(
    ("tau", "length", "gain"), [(5, 100, 0.98020), (40, 100, 0.99728), (40, 200, 0.99749), (80, 200, 0.99864)]
)
def test_gains_that_are_printed(tau, length, gain):
    kernel = Exponential.normalized_then_without_first(tau, length)
    ones = np.ones(3000)
    assert kernel.recursion(DT).apply(ones)[-1] == pytest.approx(gain, abs=5e-6)
    assert kernel.samples(DT, 3000).sum() == pytest.approx(gain, abs=5e-6)
    # The tail that an endless exponential would add: 8 % for τ = 40 and 80.
    assert np.exp(-length / tau) == pytest.approx(1 - Exponential(tau).samples(DT, int(length / DT)).sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("kernel", "gain"),
    [
        (Exponential.normalized_without_first(10, 100, DT), 1.0),
        (Exponential.normalized_one_step_late(10, 100), 1.0),
        (Exponential.leaky_sum(10), 1 / (1 - math.exp(-DT / 10))),
        (Exponential(10, area=3.0), 3.0),
        (Exponential(20, 200, area=2.0, first=1.0, delay=1), 2.990025),  # adaptation and reset of figure 6
        (Alpha(3.0, area=4.0), 4.0),
        (Difference(0.5, 5.0, area=4.0), 4.0),
        (Lag(7.0), 1.0),
        (Boxcar(1.0, 2.0), 20.0),
    ],
)
def test_gains_for_constant_input(kernel, gain):
    assert kernel.recursion(DT).apply(np.ones(4000))[-1] == pytest.approx(gain, rel=1e-6)
    assert kernel.samples(DT, 4000).sum() == pytest.approx(gain, rel=1e-6)


def test_peaks():
    alpha = Alpha(1.5).samples(DT, 100)
    assert alpha[15] == alpha.max() == pytest.approx(1)
    for rise, decay in ((0.1, 5.0), (0.1, 20.0), (0.33, 0.71), (1.9, 2.0)):
        shape = np.exp(-DT / decay * np.arange(400)) - np.exp(-DT / rise * np.arange(400))
        assert Difference(rise, decay).samples(DT, 400) == pytest.approx(shape, rel=1e-14)


def test_a_lag_is_exact_for_lines():
    """x(t) = a + b t from rest: y = (a − b τ)(1 − e^{−t/τ}) + b t."""
    tau, a, b = 2.0, 0.7, -0.3
    for dt in (0.01, DT, 3.0):
        time = dt * np.arange(100)
        # Before time 0 the input rises from 0 within one step; a start at 0 keeps the line exact.
        found = Lag(tau).recursion(dt).apply(b * time)
        assert found == pytest.approx(b * time - b * tau * (1 - np.exp(-time / tau)), abs=1e-13)
    time = DT * np.arange(400)
    settled = Lag(tau).recursion(DT).apply(a + b * time)
    assert settled[-1] == pytest.approx(a + b * (time[-1] - tau), rel=1e-8)


def test_a_lag_converges_to_the_continuous_one_with_the_square_of_the_step():
    """An alpha pulse through a lag, against the solution of the equation."""
    tau, pulse = 20.0, 2.0
    errors = []
    for dt in (0.04, 0.02):
        t = dt * np.arange(int(30 / dt))
        slow, fast, c = 1 / tau, 1 / pulse, math.e / pulse
        wanted = (
            slow
            * c
            * (t * np.exp(-fast * t) / (slow - fast) - (np.exp(-fast * t) - np.exp(-slow * t)) / (slow - fast) ** 2)
        )
        found = Lag(tau).recursion(dt).apply(c * t * np.exp(-t / pulse))
        errors.append(np.abs(found - wanted).max())
    assert errors[0] < 1e-5
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)


def test_durations_of_whole_steps_have_that_many_samples():
    assert 2.1 / 0.3 > 7  # in binary
    cases = ((100.0, DT, 1000), (0.3, DT, 3), (0.1, DT, 1), (0.31, DT, 4), (2.1, 0.3, 7))
    for duration, dt, length in cases:
        assert np.count_nonzero(Exponential(500.0, duration).samples(dt, 2000)) == length
        assert np.count_nonzero(Boxcar(duration).samples(dt, 2000)) == length


def test_least_lags():
    found = {name: kernel.recursion(DT).least_lag for name, kernel in KERNELS.items()}
    assert found["exponential"] == found["lag"] == found["boxcar"] == found["instantaneous"] == 0
    assert found["leaky sum"] == found["normalized without first"] == found["normalized, then without first"] == 1
    assert found["alpha"] == found["difference"] == found["table"] == 1
    assert found["another first sample, cut and late"] == 3


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(0.0), "time constant 0.0: expected above 0"),
        (lambda: Exponential(math.nan), "time constant nan: expected above 0"),
        (lambda: Exponential(1.0, -1.0), "duration -1.0: expected above 0"),
        (lambda: Alpha(-2.0), "time constant -2.0"),
        (lambda: Lag(0.0), "time constant 0.0"),
        (lambda: Boxcar(0.0), "duration 0.0"),
        (lambda: Difference(0.0, 1.0), "rise time constant 0.0"),
        (lambda: Difference(2.0, 2.0), "decay time constant 2.0: expected above that of the rise, 2.0"),
        (lambda: Tabulated(()), "a tabulated kernel"),
        (lambda: Tabulated((0.0, 0.0)), "not all zero"),
        (lambda: Tabulated((1.0, math.inf)), "finite samples"),
    ],
)
def test_what_cannot_be_a_kernel_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()
