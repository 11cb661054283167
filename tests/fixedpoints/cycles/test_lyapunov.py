"""Lyapunov exponents against closed forms and published values."""

import numpy as np
import pytest
import torch

from dynascope import plotting
from dynascope.errors import InputError
from dynascope.fixedpoints.cycles.lyapunov import lyapunov_spectrum
from dynascope.fixedpoints.cycles.spectrum import LyapunovSpectrum


def henon(x):
    return torch.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], dim=1)


def lorenz(x):
    a, b, c = x.unbind(1)
    return torch.stack([10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c], dim=1)


def van_der_pol(x):
    return torch.stack([x[:, 1], (1 - x[:, 0] ** 2) * x[:, 1] - x[:, 0]], dim=1)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def linear(matrix):
    matrix = torch.as_tensor(matrix)
    return lambda x: x @ matrix.T


def random_network(n_units, gain, seed=1):
    weight = torch.as_tensor(draw(n_units, n_units, seed=seed) * gain / np.sqrt(n_units))
    return lambda x: torch.tanh(x @ weight.T)


SLOPES = np.array([[0.5], [0.2]])
NON_NORMAL = np.array([[0.9, 5.0, 1.0], [0.0, -0.5, 7.0], [0.0, 0.0, 0.1]])


def test_henon():
    found = lyapunov_spectrum(henon, 0.1 * draw(8, 2), n_steps=10_000, transient=200)
    # Published: 0.4192 and −1.6232 (their sum is the log of the constant determinant).
    assert found.exponents == pytest.approx([0.4192, -1.6232], abs=0.005)
    assert found.exponents.sum() == pytest.approx(np.log(0.3), abs=1e-12)
    assert found.kaplan_yorke == pytest.approx(1.258, abs=0.005)
    assert found.converged
    assert found.verdict() == "chaotic"


def test_lorenz():
    starts = 5 * draw(40, 3) + [0, 0, 20]
    found = lyapunov_spectrum(lorenz, starts, dynamics="flow", n_steps=5000, transient=500)
    assert found.exponents[0] == pytest.approx(0.9056, rel=0.01)
    assert found.exponents[1] == pytest.approx(0.0, abs=0.005)
    assert found.exponents[2] == pytest.approx(-14.572, rel=0.01)
    # The divergence is constant; the Runge-Kutta step keeps it to O(dt⁴).
    assert found.exponents.sum() == pytest.approx(-(10 + 1 + 8 / 3), abs=3e-4)
    assert found.kaplan_yorke == pytest.approx(2.062, abs=0.003)
    assert found.neutral.tolist() == [False, True, False]


def test_the_sum_tends_to_the_divergence_with_the_fourth_power_of_dt():
    errors = [
        lyapunov_spectrum(lorenz, 5 * draw(4, 3) + [0, 0, 20], dynamics="flow", n_steps=400, transient=50, dt=dt)
        .exponents.sum() + 41 / 3
        for dt in (0.01, 0.005)
    ]  # fmt: skip
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.25)


def test_logistic_map_at_4_is_ln_2():
    found = lyapunov_spectrum(lambda x: 4 * x * (1 - x), np.linspace(0.11, 0.87, 20)[:, None], n_steps=5000)
    assert found.exponents == pytest.approx(np.log(2), abs=1e-3)
    assert abs(found.exponents[0] - np.log(2)) < 4 * found.standard_errors[0]
    assert found.kaplan_yorke == 1.0
    assert "whole state space" in found.summary()


@pytest.mark.parametrize("matrix", [np.diag([0.3, -1.7, 0.9]), NON_NORMAL], ids=["diagonal", "non-normal"])
def test_linear_maps_have_the_logs_of_their_moduli(matrix):
    found = lyapunov_spectrum(linear(matrix), np.zeros((2, 3)), n_steps=50, transient=300)
    known = np.sort(np.log(np.abs(np.linalg.eigvals(matrix))))[::-1]
    assert found.exponents == pytest.approx(known, abs=1e-12)
    assert found.converged


def test_a_linear_flow_has_the_real_parts():
    matrix = np.array([[-0.5, 2.0, 0.0], [-2.0, -0.5, 0.0], [1.0, 0.0, 0.3]])
    found = lyapunov_spectrum(linear(matrix), np.zeros((1, 3)), dynamics="flow", n_steps=4000, transient=2000)
    assert found.exponents == pytest.approx([0.3, -0.5, -0.5], abs=1e-6)


def test_leading_exponents_are_those_of_the_whole_spectrum():
    step, start = random_network(40, 2.0), draw(2, 40)
    whole = lyapunov_spectrum(step, start, n_steps=100, transient=100)
    some = lyapunov_spectrum(step, start, n_steps=100, transient=100, n_exponents=3)
    # Other random directions, the same ones after the transient.
    assert some.exponents == pytest.approx(whole.exponents[:3], abs=0.02)
    assert (some.complete, len(some)) == (False, 3)


def test_pushing_vectors_and_multiplying_jacobians_agree():
    step, start = random_network(40, 1.5), draw(3, 40)
    weight = next(cell.cell_contents for cell in step.__closure__)

    def jacobian(x):
        return (1 - step(x) ** 2)[:, :, None] * weight

    pushed = lyapunov_spectrum(step, start, n_steps=60, transient=5, n_exponents=6)
    multiplied = lyapunov_spectrum(step, start, n_steps=60, transient=5, n_exponents=6, jacobian=jacobian)
    assert pushed.exponents == pytest.approx(multiplied.exponents, abs=1e-9)


def test_a_random_network_of_100_units_is_chaotic():
    found = lyapunov_spectrum(random_network(100, 2.0), draw(4, 100), n_exponents=10, n_steps=400, transient=100)
    assert found.exponents[0] > 10 * found.standard_errors[0] > 0
    assert found.verdict().startswith("hyperchaotic")
    assert np.isnan(found.kaplan_yorke)
    assert "the sum of the 10 exponents is not negative yet" in found.summary()


def test_factorising_less_often_changes_nothing():
    each, fifth = (
        lyapunov_spectrum(henon, 0.1 * draw(2, 2), n_steps=1003, transient=100, qr_every=every) for every in (1, 5)
    )
    assert fifth.exponents == pytest.approx(each.exponents, abs=1e-9)


def test_limit_cycle_of_a_flow():
    found = lyapunov_spectrum(van_der_pol, draw(4, 2), dynamics="flow", n_steps=5000, transient=2000)
    # The nontrivial exponent is the logarithm of the Floquet multiplier over the period.
    assert found.exponents == pytest.approx([0.0, -7.0589328 / 6.66328686], abs=2e-3)
    assert (found.verdict(), found.kaplan_yorke) == ("limit cycle", 1.0)


def test_seconds_per_step_scale_the_exponents_of_a_map():
    per_step, per_second = (
        lyapunov_spectrum(henon, 0.1 * draw(2, 2), n_steps=200, transient=10, dt=dt) for dt in (None, 0.05)
    )
    assert per_second.exponents == pytest.approx(per_step.exponents / 0.05)
    assert (per_step.time_unit, per_second.time_unit, per_second.duration) == ("step", "s", 10.0)


def driven_exponent(drive, x, n_before):
    """Mean log |2 (1 − x'²)| of x' = tanh(2 x + u) along the drive, past the first samples."""
    logs = []
    for value in drive:
        x = np.tanh(2 * x + value)
        logs.append(np.log(2 * (1 - x**2)))
    return np.mean(logs[n_before:])


@pytest.mark.parametrize("shared", [False, True])
def test_a_drive_is_used_one_sample_per_step(shared):
    drive = np.random.default_rng(0).uniform(-1, 1, (3, 80, 1))
    given = drive[:1] if shared else drive
    found = lyapunov_spectrum(lambda x, u: torch.tanh(2 * x + u), np.full((3, 1), 0.3), given, n_steps=50, transient=30)
    known = [driven_exponent(given[0 if shared else row, :, 0], 0.3, 30) for row in range(3)]
    assert found.trajectory_exponents[:, 0] == pytest.approx(known, abs=1e-12)


def test_lost_directions_are_minus_infinity():
    step = linear(np.outer([1.0, 2.0, 0.5], [0.1, 0.3, -0.2]))  # rank 1, eigenvalue 0.6
    found = lyapunov_spectrum(step, np.zeros((2, 3)), n_steps=100)
    assert found.exponents[0] == pytest.approx(np.log(0.6), abs=1e-12)
    assert np.isneginf(found.exponents[1:]).all()
    assert found.converged
    assert found.kaplan_yorke == 0.0
    assert "2 exponents are −inf" in found.summary()


def test_a_diverging_trajectory_is_left_out_and_counted():
    found = lyapunov_spectrum(henon, np.array([[0.0, 0.0], [100.0, 100.0]]), n_steps=1000)
    alone = lyapunov_spectrum(henon, np.array([[0.0, 0.0]]), n_steps=1000)
    assert found.exponents == pytest.approx(alone.exponents, abs=1e-12)
    assert found.diverged_at[0] == -1
    # x grows like x², from 100: past 1e308 = 100^(2^k) within 8 steps.
    assert 5 <= found.diverged_at[1] <= 10
    assert np.isnan(found.trajectory_exponents[1]).all()
    assert not found.converged
    assert "1 of 2 trajectories were no longer finite" in found.summary()


def test_all_diverging_is_an_outcome():
    found = lyapunov_spectrum(henon, np.full((2, 2), 100.0), n_steps=20)
    assert np.isnan(found.exponents).all()
    assert found.verdict().startswith("diverged")
    assert not found.converged
    assert np.isnan(found.kaplan_yorke)
    plotting.figure_of(found.plot()).canvas.draw()


def test_a_short_run_is_not_converged():
    found = lyapunov_spectrum(lorenz, np.array([[1.0, 1.0, 20.0]]), dynamics="flow", n_steps=500)
    assert not found.converged
    assert "not converged: λ1" in found.summary()
    assert found.standard_errors[0] > 0.02


def test_different_attractors_are_pointed_out():
    """Two slopes at 0, chosen by the input, stand in for two attractors of one map."""
    found = lyapunov_spectrum(lambda x, u: torch.tanh(u * x), 0.1 * np.ones((2, 1)), SLOPES, n_steps=50)
    assert found.trajectory_exponents[:, 0] == pytest.approx(np.log([0.5, 0.2]))
    assert not found.trajectories_agree
    assert "several attractors?" in found.summary()


def test_errors_cover_the_truth_and_shrink_with_the_root_of_time():
    misses, sizes = [], []
    for seed in range(12):
        starts = np.random.default_rng(seed).uniform(0.05, 0.95, (4, 1))
        # 3.999…: at 4 exactly rounding drives orbits to 0 now and then.
        found = lyapunov_spectrum(lambda x: 3.9999999 * x * (1 - x), starts, n_steps=500, transient=10)
        misses.append(found.exponents[0] - np.log(2))
        sizes.append(found.standard_errors[0])
    ratio = np.sqrt(np.mean(np.square(misses))) / np.mean(sizes)
    assert 0.3 < ratio < 1.5


def test_a_too_long_integration_step_is_pointed_out():
    found = lyapunov_spectrum(lorenz, np.array([[1.0, 1.0, 20.0]]), dynamics="flow", n_steps=50, dt=0.03)
    assert found.step_error > 1e-6
    assert "use a smaller dt" in found.summary()


def test_round_trip_and_pictures(tmp_path):
    found = lyapunov_spectrum(henon, 0.1 * draw(2, 2), n_steps=300, transient=50)
    again = LyapunovSpectrum.load(found.save(tmp_path / "exponents.h5"))
    assert again.summary() == found.summary()
    assert again.history == pytest.approx(found.history)
    assert found.history[-1] == pytest.approx(found.exponents)
    axes = found.plot()
    assert len(axes.lines) == 3  # two exponents and zero
    assert "±" in found.plot_spectrum().get_title()


def test_same_seed_same_numbers_and_inputs_untouched():
    starts = 0.1 * draw(2, 2)
    before = starts.copy()
    first, second = (lyapunov_spectrum(henon, starts, n_steps=50) for _ in range(2))
    assert np.array_equal(first.history, second.history)
    assert np.array_equal(starts, before)


REFUSED = [
    ({"n_steps": 0}, "n_steps: expected an integer of at least 1, found 0"),
    ({"transient": -1}, "transient: expected an integer of at least 0, found -1"),
    ({"n_exponents": 3}, "n_exponents: expected an integer from 1 to the number of state variables, 2, found 3"),
    ({"n_exponents": True}, "n_exponents: expected an integer"),
    ({"qr_every": 2.0}, "qr_every: expected an integer of at least 1, found 2.0"),
    ({"tolerance": 0.0}, "tolerance: expected a number > 0"),
    ({"dt": -0.1}, "dt: expected a number > 0, found -0.1"),
    ({"dynamics": "flwo"}, "unknown dynamics 'flwo': did you mean 'flow'"),
    ({"initial_states": np.array([0.0, np.nan])}, "expected finite numbers, found nan"),
    ({"initial_states": np.ones(2)}, "write x[None] for a single state"),
    ({"step": lambda x: x * torch.nan}, "found nan after one step from each of the 3 initial states"),
    ({"step": lambda x: x[:, :1]}, "shape of the states"),
    ({"inputs": np.ones((3, 10, 1))}, "expected a drive of transient + n_steps = 20 samples or more, found 10"),
    ({"inputs": np.full((1, 20, 1), np.inf)}, "inputs: expected finite numbers, found inf at index (0, 0, 0)"),
    ({"inputs": np.ones((2, 20, 1)), "step": lambda x, u: u * x}, "or (3, input) with one row per start"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_bad_input_is_refused(options, words):
    given = {"step": henon, "initial_states": np.zeros((3, 2)), "n_steps": 10, "transient": 10, **options}
    with pytest.raises(InputError) as caught:
        lyapunov_spectrum(given.pop("step"), given.pop("initial_states"), given.pop("inputs", None), **given)
    assert words in str(caught.value)
