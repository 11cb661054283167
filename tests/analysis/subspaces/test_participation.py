"""The unbiased participation ratio: its literal definition, known eigenvalues, flat under subsampling."""

import itertools
import math

import numpy as np
import pytest

from dynascope.analysis import participation_ratio
from dynascope.errors import ConfigurationError, InputError


def literal(blocks, n_units=None):
    """Average over all quadruples of different trials, unit pair by unit pair."""
    second = [block.T @ block / len(block) for block in blocks]
    mean = [block.mean(axis=0) for block in blocks]

    def covariance(i, j):
        product = np.outer(mean[i], mean[j])
        return (second[i] + second[j]) / 2 - (product + product.T) / 2

    quadruples = list(itertools.permutations(range(len(blocks)), 4))
    pairs = [(covariance(i, j), covariance(k, m)) for i, j, k, m in quadruples]
    traces = np.mean([np.outer(np.diag(a), np.diag(b)) for a, b in pairs], axis=0)
    squares = np.mean([a * b for a, b in pairs], axis=0)
    p = len(traces)
    if n_units is None:
        return traces.sum() / squares.sum()
    off = ~np.eye(p, dtype=bool)
    weight = 0 if n_units == math.inf else 1 / n_units
    top, bottom = (weight * np.diag(m).mean() + (1 - weight) * m[off].mean() for m in (traces, squares))
    return top / bottom


def trials_of(rng, lengths, offset=0.0):
    mixing = np.array([[3, 3, 3, 3], [0, 2, 1, 2], [0, 0, 1, 0], [0, 0, 0, 0.5]])  # units vary together
    return [(rng.standard_normal((n, 4)) + rng.standard_normal(4)) @ mixing + offset for n in lengths]


@pytest.mark.parametrize("lengths", [(1,) * 8, (2, 3, 1, 4, 2), (9, 9, 9, 9)])
@pytest.mark.parametrize("n_units", [None, 4, 30, math.inf])
def test_equals_the_mean_over_quadruples_of_trials(lengths, n_units):
    blocks = trials_of(np.random.default_rng(3), lengths, offset=5.0)
    labels = np.repeat(np.arange(len(lengths)), lengths)
    order = np.random.default_rng(1).permutation(len(labels))
    x = np.concatenate(blocks)[order]
    found = participation_ratio(x, unbiased=True, trials=labels[order], n_units=n_units)
    # The definition below is about 0; translation changes nothing but rounding.
    assert found == pytest.approx(literal(blocks, n_units), rel=1e-9)


def test_without_trials_every_sample_is_one():
    x = np.concatenate(trials_of(np.random.default_rng(0), (7,)))
    assert participation_ratio(x, unbiased=True) == pytest.approx(literal(list(x[:, None])), rel=1e-10)
    assert participation_ratio(1e-150 * x, unbiased=True) == pytest.approx(literal(list(x[:, None])), rel=1e-10)


def test_known_eigenvalues_with_fewer_samples_than_units():
    rng = np.random.default_rng(0)
    eigenvalues = 1 / np.arange(1, 41) ** 0.5
    truth = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    samples = [rng.standard_normal((25, 40)) * np.sqrt(eigenvalues) for _ in range(200)]
    plain = np.mean([participation_ratio(x) for x in samples])
    unbiased = [participation_ratio(x, unbiased=True) for x in samples]
    assert plain < 0.62 * truth
    # The median: a ratio of unbiased estimates is skewed.
    assert np.median(unbiased) == pytest.approx(truth, rel=0.05)


@pytest.fixture(scope="module")
def population():
    """Samples of 300 units that share 8 directions of decaying variance, beside private noise."""
    rng = np.random.default_rng(1)
    loadings = rng.standard_normal((8, 300)) * np.sqrt(0.8 ** np.arange(8))[:, None]
    covariance = loadings.T @ loadings + 0.5 * np.eye(300)
    factor = np.linalg.cholesky(covariance)
    truth = np.trace(covariance) ** 2 / np.square(covariance).sum()
    return rng.standard_normal((400, 300)) @ factor.T, truth


@pytest.mark.parametrize("n_units", [12, 40, 150])
def test_subsampling_curve_of_units_is_flat(population, n_units):
    x, truth = population
    rng = np.random.default_rng(2)
    subsets = [rng.choice(300, n_units, replace=False) for _ in range(40)]
    estimates = [participation_ratio(x[:, units], unbiased=True, n_units=300) for units in subsets]
    assert np.median(estimates) == pytest.approx(truth, rel=0.06)
    if n_units == 12:
        assert np.mean([participation_ratio(x[:, units]) for units in subsets]) < 0.75 * truth


@pytest.mark.parametrize("n_samples", [30, 100])
def test_subsampling_curve_of_samples_is_flat(population, n_samples):
    x, truth = population
    rng = np.random.default_rng(3)
    chosen = [rng.choice(400, n_samples, replace=False) for _ in range(40)]
    estimates = [participation_ratio(x[rows], unbiased=True) for rows in chosen]
    assert np.median(estimates) == pytest.approx(truth, rel=0.08)


def test_samples_of_one_trial_are_not_independent():
    rng = np.random.default_rng(4)
    truth, found, naive = 12.0, [], []
    labels = np.repeat(np.arange(20), 15)
    for _ in range(60):
        slow = np.repeat(rng.standard_normal((20, 12)), 15, axis=0)  # constant within trials: 20 samples, not 300
        found.append(participation_ratio(slow, unbiased=True, trials=labels))
        naive.append(participation_ratio(slow, unbiased=True))
    assert np.median(found) == pytest.approx(truth, rel=0.06)
    assert np.median(naive) < 0.75 * truth


def test_refusals():
    x = np.random.default_rng(0).standard_normal((10, 3))
    with pytest.raises(ConfigurationError, match="pass unbiased=True"):
        participation_ratio(x, n_units=10)
    with pytest.raises(ConfigurationError, match="n_units: expected a whole number of at least 3"):
        participation_ratio(x, unbiased=True, n_units=2)
    with pytest.raises(InputError, match="has 3 trials; expected at least 4"):
        participation_ratio(x[:3], unbiased=True)
    with pytest.raises(InputError, match=r"trials: expected one label for each of 10 samples, found shape \(9,\)"):
        participation_ratio(x, unbiased=True, trials=np.arange(9))
    with pytest.raises(InputError, match="every feature is constant"):
        participation_ratio(np.ones((10, 3)), unbiased=True)
    with pytest.raises(InputError, match="at least 2 to estimate the ratio of a larger population"):
        participation_ratio(x[:, :1], unbiased=True, n_units=50)
    with pytest.raises(InputError, match="cannot tell the sum of squared eigenvalues from 0"):
        participation_ratio(np.random.default_rng(0).standard_normal((5, 300)), unbiased=True, n_units=math.inf)


def test_any_real_array_untouched():
    x = np.random.default_rng(0).integers(-9, 9, (40, 8))
    x.flags.writeable = False
    expected = participation_ratio(x.astype(float), unbiased=True)
    assert participation_ratio(x, unbiased=True) == expected
    assert participation_ratio(x.astype(np.float16)[:, ::-1], unbiased=True) == pytest.approx(expected, rel=1e-12)
