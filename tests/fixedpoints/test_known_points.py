"""Maps with fixed points known in closed form or found by independent means."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq, fsolve

from dynascope.fixedpoints import find_fixed_points

_TANH2 = brentq(lambda x: np.tanh(2 * x) - x, 0.1, 2, xtol=1e-15)

ONE_DIMENSIONAL = {
    "linear": (lambda x: 0.5 * x + 1, [2.0], [True]),
    "expanding": (lambda x: 3 * x - 4, [2.0], [False]),
    "odd cubic": (lambda x: 1.5 * x - 0.5 * x**3, [-1.0, 0.0, 1.0], [True, False, True]),
    "tanh": (lambda x: torch.tanh(2 * x), [-_TANH2, 0.0, _TANH2], [True, False, True]),
    "logistic": (lambda x: 3.2 * x * (1 - x), [0.0, 1 - 1 / 3.2], [False, False]),
    "cosine": (torch.cos, [0.7390851332151607], [True]),
}


@pytest.mark.parametrize("name", ONE_DIMENSIONAL)
def test_one_dimension(name):
    step, known, stable = ONE_DIMENSIONAL[name]
    points = find_fixed_points(step, np.linspace(-2.2, 2.2, 23)[:, None])
    order = np.argsort(points.states[:, 0])
    np.testing.assert_allclose(points.states[order, 0], known, atol=1e-14)
    assert points.stable[order].tolist() == stable
    assert points.certified.all()
    assert points.speeds.max() <= 1e-25
    assert np.all(np.abs(points.states[order, 0] - known) <= points.error_bound[order] + 1e-15)


def test_henon_has_a_saddle_and_a_repeller():
    step = lambda x: torch.stack([1 - 1.4 * x[:, 0] ** 2 + x[:, 1], 0.3 * x[:, 0]], dim=1)  # noqa: E731
    points = find_fixed_points(step, np.random.default_rng(0).uniform(-2, 2, (40, 2)))
    roots = np.sort(np.roots([1.4, 0.7, -1]))
    np.testing.assert_allclose(np.sort(points.states[:, 0]), roots, atol=1e-13)
    assert points.types() == ["saddle", "saddle"]
    assert points.n_unstable.tolist() == [1, 1]


def test_linear_map_is_certified_everywhere(box):
    rng = np.random.default_rng(1)
    matrix, offset = rng.standard_normal((6, 6)), rng.standard_normal(6)
    step = lambda x: x @ torch.tensor(matrix).T + torch.tensor(offset)  # noqa: E731
    points = find_fixed_points(step, box(20, 6), lipschitz=0.0)
    np.testing.assert_allclose(points.states[0], np.linalg.solve(np.eye(6) - matrix, offset), atol=1e-12)
    assert (len(points), points.radius[0], points.multiplicity[0]) == (1, np.inf, 20)
    assert points.certificate_kind == "bounded"


def test_prescribed_spectrum():
    values = np.array([1.3, 0.9, -0.7, 0.2])
    basis = np.random.default_rng(2).standard_normal((4, 4))
    matrix = torch.tensor(basis @ np.diag(values) @ np.linalg.inv(basis))
    points = find_fixed_points(lambda x: x @ matrix.T, np.ones((3, 4)))
    np.testing.assert_allclose(points.eigenvalues[0].real, values, atol=1e-10)
    np.testing.assert_allclose(points.eigenvalues[0].imag, 0, atol=1e-10)
    assert points.types() == ["saddle"]


@pytest.mark.parametrize("n_bits", [1, 2, 3])
def test_planted_grid_of_saddles(n_bits, box, same_set):
    turn = np.linalg.qr(np.random.default_rng(4).standard_normal((n_bits, n_bits)))[0]
    rotate = torch.tensor(turn)
    step = lambda x: torch.tanh(2 * x @ rotate) @ rotate.T  # noqa: E731
    points = find_fixed_points(step, box(400, n_bits, 1.5))
    levels = [np.array([-_TANH2, 0, _TANH2])] * n_bits
    grid = np.stack(np.meshgrid(*levels), axis=-1).reshape(-1, n_bits)
    same_set(points.states, grid @ turn.T, 1e-12)
    assert points.certified.all()
    unstable = (np.abs(points.states @ turn) < 0.1).sum(axis=1)
    assert points.n_unstable.tolist() == unstable.tolist()
    assert (np.diff(points.n_unstable) >= 0).all()


def test_flipflop_network_full_and_reduced_agree(flipflop, same_set):
    rng = np.random.default_rng(0)
    latent = rng.uniform(-2.5, 2.5, (500, 3))
    starts = latent @ flipflop.directions.T + 0.1 * rng.standard_normal((500, 30))
    full = find_fixed_points(flipflop, starts)
    same_set(full.states, flipflop.known(), 1e-8)
    assert np.bincount(full.n_unstable).tolist() == [8, 12, 6, 1]
    assert full.certified.all()
    reduced = find_fixed_points(lambda k: 2 * torch.tanh(k), latent)
    same_set(full.states, reduced.states @ flipflop.directions.T, 1e-8)


def test_rank_one_bias_network_full_and_reduced_agree():
    rng = np.random.default_rng(6)
    m, n, bias = rng.standard_normal((3, 12))
    left, right, offset = torch.tensor(m), torch.tensor(3 * n / 12), torch.tensor(0.2 * bias)
    starts = np.linspace(-4, 4, 41)[:, None]
    reduced = find_fixed_points(lambda k: (torch.tanh(k * left + offset) @ right)[:, None], starts)
    full = find_fixed_points(lambda x: (torch.tanh(x) @ right)[:, None] * left + offset, starts * m + 0.2 * bias)
    np.testing.assert_allclose(
        np.sort(full.states @ m / (m @ m)),
        np.sort((reduced.states * m + 0.2 * bias) @ m / (m @ m)),
        atol=1e-8,
    )
    assert len(full) >= 1


def test_hopfield_network_against_scipy(box):
    rng = np.random.default_rng(7)
    patterns = np.sign(rng.standard_normal((2, 20)))
    weight = 2.5 * patterns.T @ patterns / 20
    points = find_fixed_points(lambda x: torch.tanh(x @ torch.tensor(weight).T), box(300, 20, 1.5))
    assert points.certified.all()
    for pattern in (patterns[0], -patterns[1]):
        memory = fsolve(lambda x: np.tanh(weight @ x) - x, pattern, xtol=1e-13)
        distance = np.linalg.norm(points.states - memory, axis=1)
        assert distance.min() < 1e-9
        assert points.stable[distance.argmin()]


@pytest.mark.parametrize("kind", ["RNNCell", "GRUCell"])
def test_torch_cells_settle_where_the_point_is(kind):
    torch.manual_seed(0)
    cell = getattr(torch.nn, kind)(2, 7).double()
    inputs = np.array([0.3, -1.0])
    points = find_fixed_points(lambda x, u: cell(u, x), np.zeros((4, 7)), inputs)
    state, given = torch.zeros(1, 7, dtype=torch.float64), torch.tensor(inputs)[None]
    with torch.no_grad():
        for _ in range(2000):
            state = cell(given, state)
    np.testing.assert_allclose(points.states, state, atol=1e-12)
    assert points.stable.all()
    assert points.certified.all()


def test_one_input_per_start_gives_each_its_own_points():
    inputs = np.repeat([[-1.0], [0.0], [2.0]], 5, axis=0)
    points = find_fixed_points(lambda x, u: 0.5 * x + u, np.ones((15, 1)), inputs)
    np.testing.assert_allclose(points.states[:, 0], [-2, 0, 4], atol=1e-14)
    np.testing.assert_array_equal(points.inputs, [[-1], [0], [2]])
    assert points.multiplicity.tolist() == [5, 5, 5]


def test_shared_input_is_repeated():
    points = find_fixed_points(lambda x, u: 0.5 * x + u, np.ones((4, 1)), np.array([3.0]))
    np.testing.assert_allclose(points.states, [[6.0]])
    np.testing.assert_array_equal(points.inputs, [[3.0]])


def test_equal_states_under_different_inputs_stay_two_points():
    step = lambda x, u: 0.5 * x * (1 + u)  # noqa: E731
    points = find_fixed_points(step, np.ones((2, 1)), np.array([[0.0], [0.5]]))
    assert points.multiplicity.tolist() == [1, 1]


@pytest.mark.parametrize("seed", range(3))
def test_isolated_points_are_not_lost_to_speed(seed, box):
    # Two patterns: 9 points, 8 of them rare in a 20-dimensional box; sharing factorisations loses some.
    patterns = np.sign(np.random.default_rng(7).standard_normal((2, 20)))
    weight = torch.tensor(2.5 * patterns.T @ patterns / 20)
    points = find_fixed_points(lambda x: torch.tanh(x @ weight.T), box(300, 20, 1.5, seed=seed))
    assert np.bincount(points.n_unstable).tolist() == [4, 4, 1]
    assert points.certified.all()
