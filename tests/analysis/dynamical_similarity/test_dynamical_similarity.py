"""Operators and their distances against planted linear systems, closed forms and brute force."""

import itertools

import numpy as np
import pytest

from dynascope import plotting
from dynascope.analysis import dynamic_modes, dynamical_distance
from dynascope.analysis.dynamical_similarity.conjugation import conjugation_angle
from dynascope.analysis.dynamical_similarity.eigenvalues import wasserstein
from dynascope.errors import ConfigurationError, InputError


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def system(eigenvalues):
    """A normal operator with the given eigenvalues and their conjugates."""
    n = 2 * len(eigenvalues)
    operator = np.zeros((n, n))
    for index, value in enumerate(eigenvalues):
        block = [[value.real, -value.imag], [value.imag, value.real]]
        operator[2 * index : 2 * index + 2, 2 * index : 2 * index + 2] = block
    return operator


EIGENVALUES = np.array([0.97 * np.exp(0.3j), 0.9 * np.exp(1.1j)])


def run(operator, n_trials=30, n_times=40, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    states = [rng.standard_normal((n_trials, len(operator)))]
    for _ in range(n_times - 1):
        states.append(states[-1] @ operator.T + noise * rng.standard_normal(states[-1].shape))
    return np.stack(states, axis=1)


def zero_mean(activity):
    """Trials with their mirror images, so that subtracting the mean changes nothing."""
    return np.concatenate([activity, -activity])


def test_noise_free_dynamics_are_recovered_exactly():
    activity = zero_mean(run(system(EIGENVALUES))) @ rotation(7)[:4]
    found = dynamic_modes(activity, rank=4)
    expected = np.concatenate([EIGENVALUES, EIGENVALUES.conj()])
    assert wasserstein(found.eigenvalues, expected) < 1e-10
    assert found.r2 == pytest.approx(1, abs=1e-12)
    assert found.kept == pytest.approx(1)


def test_delays_show_hidden_state():
    seen = zero_mean(run(system(EIGENVALUES)))[:, :, [0]] + zero_mean(run(system(EIGENVALUES)))[:, :, [2]]
    found = dynamic_modes(seen, rank=4, n_delays=6)
    assert wasserstein(found.eigenvalues, np.concatenate([EIGENVALUES, EIGENVALUES.conj()])) < 1e-7
    assert dynamic_modes(seen, rank=1).r2 < 0.99


def test_the_operator_is_the_least_squares_solution():
    activity = zero_mean(run(system(EIGENVALUES), noise=0.3))
    found = dynamic_modes(activity, rank=4)
    now, after = (activity[:, part].reshape(-1, 4) for part in (slice(None, -1), slice(1, None)))
    plain = (np.linalg.pinv(now) @ after).T
    assert wasserstein(found.eigenvalues, np.linalg.eigvals(plain)) < 1e-10


@pytest.mark.parametrize("metric", ["wasserstein", "angular"])
def test_rotated_copies_are_at_distance_zero(metric):
    activity = run(system(EIGENVALUES), noise=0.2)
    options = {"rank": 4, "n_delays": 2, "metric": metric}
    assert dynamical_distance(activity, 3 * activity @ rotation(4) + 1, **options) < 1e-9
    other = run(system(EIGENVALUES * np.exp(0.4j)), noise=0.2)
    assert dynamical_distance(activity, other, **options) > 0.1


def test_wasserstein_is_the_best_assignment():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(5) + 1j * rng.standard_normal(5) for _ in "ab")
    best = min(np.abs(a - b[list(order)]).mean() for order in itertools.permutations(range(5)))
    assert wasserstein(a, b) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 6, 10])
def test_angle_of_rotated_operators_is_zero(n):
    for seed in range(5):
        operator = np.random.default_rng(seed).standard_normal((n, n))
        turn = rotation(n, seed + 1)
        assert conjugation_angle(operator, 2 * turn @ operator @ turn.T) < 1e-12


def test_angle_of_two_by_two_is_the_best_on_a_grid():
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.standard_normal((2, 2, 2))
        angles = np.linspace(0, 2 * np.pi, 4001)
        turns = np.array([[np.cos(angles), -np.sin(angles)], [np.sin(angles), np.cos(angles)]]).transpose(2, 0, 1)
        turns = np.concatenate([turns, turns * [1, -1]])
        cosines = np.einsum("ij,kij->k", a, turns @ b @ turns.swapaxes(1, 2)) / np.linalg.norm(a) / np.linalg.norm(b)
        assert conjugation_angle(a, b) == pytest.approx(np.arccos(cosines.max()), abs=2e-3)


def test_angle_of_symmetric_operators_pairs_sorted_eigenvalues():
    rng = np.random.default_rng(0)
    a, b = (each + each.T for each in rng.standard_normal((2, 6, 6)))
    left, right = np.linalg.eigvalsh(a), np.linalg.eigvalsh(b)
    expected = np.arccos(left @ right / np.linalg.norm(left) / np.linalg.norm(right))
    assert conjugation_angle(a, b) == pytest.approx(expected, abs=1e-7)


def test_angle_is_nearly_symmetric_and_no_greater_than_that_of_the_starts():
    a, b = np.random.default_rng(0).standard_normal((2, 8, 8))
    found = conjugation_angle(a, b)
    assert found == pytest.approx(conjugation_angle(b, a), abs=0.05)
    assert found < np.arccos(np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


def test_result_prints_saves_and_draws(tmp_path):
    found = dynamic_modes(run(system(EIGENVALUES), noise=0.2), rank=4, n_delays=2)
    assert found.summary().startswith("4 dynamic modes of 2 delays holding ")
    assert type(found).load(found.save(tmp_path / "modes.h5")).to_dict() == found.to_dict()
    assert plotting.save(found.plot(), tmp_path / "modes.png").stat().st_size > 3000


def test_bad_input_is_named():
    activity = run(system(EIGENVALUES))
    with pytest.raises(ConfigurationError, match="rank: found 5; activity with 1 delays has 4 dimensions"):
        dynamic_modes(activity, rank=5)
    with pytest.raises(InputError, match="x: has 40 times; expected at least 41 for n_delays=40"):
        dynamical_distance(activity, activity, n_delays=40)
    with pytest.raises(InputError, match="y: has 2 dynamic modes, x has 4"):
        dynamical_distance(activity, dynamic_modes(activity, rank=2), rank=4)
    with pytest.raises(InputError, match=r"y: found nan at index \(0, 1, 2\)"):
        dynamical_distance(
            activity, np.where(np.arange(activity.size).reshape(activity.shape) == 6, np.nan, activity), rank=2
        )
    with pytest.raises(InputError, match=r"expected \(trial, time, unit\)"):
        dynamic_modes(activity[0])
    with pytest.raises(InputError, match="metric"):
        dynamical_distance(activity, activity, metric="euclid")
