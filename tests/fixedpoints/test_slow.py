"""Slow points: ghosts of vanished points with q in closed form, told apart from fixed points and from barriers."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import FixedPoints, find_fixed_points


def _ghost(mu):
    """Just past a saddle-node bifurcation: the minimum of q is ½(0.3 μ)² at x = 0."""
    return lambda x: x + 0.3 * (mu + x**2)


@pytest.mark.parametrize("mu", [0.1, 1e-2, 1e-4, 1e-6])
def test_ghost_of_a_saddle_node(mu):
    points = find_fixed_points(_ghost(mu), np.linspace(-1, 1, 21)[:, None], slow_points=True)
    assert len(points) == 0
    np.testing.assert_allclose(points.slow_states, [[0.0]], atol=1e-8)
    np.testing.assert_allclose(points.slow_speeds, [0.5 * (0.3 * mu) ** 2], rtol=1e-9)
    np.testing.assert_allclose(points.slow_eigenvalues, [[1.0]], atol=1e-8)
    assert points.slow_multiplicity.tolist() == [21]
    assert "1 slow point (minima of q that are no zeros): q " in points.summary()


def test_ghost_in_a_flow_and_before_the_bifurcation():
    starts = np.linspace(-1, 1, 21)[:, None]
    flow = find_fixed_points(lambda x: 0.01 + x**2, starts, dynamics="flow", slow_points=True)
    np.testing.assert_allclose(flow.slow_states, [[0.0]], atol=1e-8)
    np.testing.assert_allclose(flow.slow_speeds, [0.5e-4])
    pair = find_fixed_points(_ghost(-0.01), starts, slow_points=True)
    np.testing.assert_allclose(np.sort(pair.states[:, 0]), [-0.1, 0.1], atol=1e-12)
    assert len(pair.slow_states) == 0  # q has a maximum between the two


def test_ghost_in_a_plane_of_many_dimensions(box):
    turn = torch.tensor(np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0])

    def step(x):
        first, *others = (x @ turn).T
        return torch.stack([_ghost(0.01)(first), *(0.5 * other for other in others)], dim=1) @ turn.T

    points = find_fixed_points(step, box(64, 6, 1.0), slow_points=True)
    assert (len(points), len(points.slow_states)) == (0, 1)
    np.testing.assert_allclose(points.slow_states[0], np.zeros(6), atol=1e-7)
    np.testing.assert_allclose(np.sort(points.slow_eigenvalues[0].real), [0.5] * 5 + [1.0], atol=1e-7)


def _two_kinds(x):
    """A ghost near 2, q ≈ 2e-7, whose starts Newton's method rescues to the fixed point −1."""
    return x - 0.3 * ((x - 2) ** 2 + 7e-4) * (x + 1)


def test_slow_points_and_fixed_points_side_by_side():
    points = find_fixed_points(_two_kinds, np.linspace(-3, 3, 25)[:, None], slow_points=True)
    np.testing.assert_allclose(points.states, [[-1.0]], atol=1e-12)
    assert len(points.slow_states) == 1
    # The double root of the derivative of ((x − 2)² + ε)(x + 1) next to 2.
    expected = np.roots([3.0, -6.0, 7e-4]).max()
    np.testing.assert_allclose(points.slow_states, [[expected]], atol=1e-7)
    speed = 0.5 * float(_two_kinds(torch.tensor(expected)) - expected) ** 2
    np.testing.assert_allclose(points.slow_speeds, [speed])


def test_barriers_are_no_slow_points_and_the_tolerance_decides():
    starts, step = np.linspace(-1, 1, 21)[:, None], _ghost(0.1)
    assert len(find_fixed_points(step, starts, slow_points=True, slow_tolerance=4e-4).slow_states) == 0
    assert len(find_fixed_points(step, starts, slow_points=True, slow_tolerance=5e-4).slow_states) == 1
    assert find_fixed_points(step, starts).slow_states.shape == (0, 1)  # not asked for
    assert find_fixed_points(lambda x: x + 1, starts, slow_points=True).slow_states.shape == (0, 1)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda x: x + 1e-3, "a constant drift has no minimum"),
        (lambda x: x + torch.exp(-x), "the infimum lies at infinity"),
        (lambda x: torch.tanh(2 * x), "only zeros"),
        (lambda x: x + x**3, "a degenerate zero"),
    ],
)
def test_nothing_slow(step, why):
    points = find_fixed_points(step, np.linspace(-1, 1, 21)[:, None], slow_points=True)
    assert len(points.slow_states) == 0, why


def test_zeros_that_rounding_hides_are_no_slow_points(box):
    """States of about 1e9 are known to 1e-7: q ≈ 1e-11 at the zero, far above the tolerance."""
    rng = np.random.default_rng(0)
    matrix, offset = torch.tensor(rng.standard_normal((30, 30))), torch.tensor(1e9 * rng.standard_normal(30))
    points = find_fixed_points(lambda x: x @ matrix.T + offset, 1e9 * box(6, 30), slow_points=True)
    assert (len(points), len(points.slow_states), points.slow_unverified) == (0, 0, 0)


def test_memory_that_a_network_forgets_slowly(box):
    """x' = m tanh(2 mᵀx + b), ‖m‖ = 1: of two memories one vanishes at b = √2 − artanh √½ and leaves its ghost."""
    direction = np.random.default_rng(3).standard_normal(12)
    direction /= np.linalg.norm(direction)
    m, bias = torch.tensor(direction), np.sqrt(2) - np.arctanh(np.sqrt(0.5)) + 1e-3
    step = lambda x: torch.tanh(2 * x @ m + bias)[:, None] * m  # noqa: E731
    points = find_fixed_points(step, box(200, 12, 1.0), slow_points=True)
    assert (len(points), points.types()) == (1, ["stable"])
    # Along m the derivative of G vanishes where tanh = −√½.
    along = (-np.arctanh(np.sqrt(0.5)) - bias) / 2
    np.testing.assert_allclose(points.slow_states, [along * direction], atol=1e-7)
    np.testing.assert_allclose(points.slow_speeds, [0.5 * (-np.sqrt(0.5) - along) ** 2], rtol=1e-9)
    assert points.slow_speeds[0] < 1e-6


def test_slow_points_of_an_analytic_jacobian_that_torch_cannot_see():
    step = lambda x: _ghost(0.01)(x.detach())  # noqa: E731
    slope = lambda x: (1 + 0.6 * x)[:, :, None]  # noqa: E731
    points = find_fixed_points(step, np.linspace(-1, 1, 21)[:, None], jacobian=slope, slow_points=True)
    np.testing.assert_allclose(points.slow_states, [[0.0]], atol=1e-8)


def test_each_input_has_its_own_slow_points():
    inputs = np.repeat([[0.02], [0.01], [-0.01]], 11, axis=0)
    starts = np.tile(np.linspace(-1, 1, 11)[:, None], (3, 1))
    points = find_fixed_points(lambda x, u: x + 0.3 * (u + x**2), starts, inputs, slow_points=True)
    np.testing.assert_array_equal(points.slow_inputs, [[0.01], [0.02]])
    np.testing.assert_allclose(points.slow_speeds, [0.5 * 0.003**2, 0.5 * 0.006**2])
    assert (points.inputs == -0.01).all()


def test_kinks_are_counted_and_not_called_minima():
    # q = ½(0.01 + |x|)² has its least value at the kink of relu, where ∇q does not vanish.
    step = lambda x: x + 0.01 + torch.relu(x) + torch.relu(-x)  # noqa: E731
    points = find_fixed_points(step, np.linspace(-1, 0.9, 11)[:, None], slow_points=True)
    assert len(points.slow_states) == 0
    assert points.slow_unverified > 0
    assert "ended in slow states that are no verified minimum" in points.summary()


def test_slow_points_are_saved_and_loaded(tmp_path):
    points = find_fixed_points(_two_kinds, np.linspace(-3, 3, 25)[:, None], slow_points=True)
    loaded = FixedPoints.load(points.save(tmp_path / "slow.h5"))
    for name in ("slow_states", "slow_speeds", "slow_eigenvalues", "slow_jacobians", "slow_multiplicity"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(points, name))
    assert loaded.summary() == points.summary()
