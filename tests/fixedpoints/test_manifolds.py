"""Manifolds of fixed points: planted ones, and those that a search brings back."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.manifolds import Manifolds, find_manifolds
from dynascope.fixedpoints.solver.unique import group_rows, typical_size


def of_search(step, starts, inputs=None, dynamics="map"):
    """Return the manifolds among the points of a search."""
    points = find_fixed_points(step, starts, inputs, dynamics=dynamics, certify=False)
    groups = group_rows(points.inputs, len(points))
    scale = typical_size(points.states, starts)
    return points, find_manifolds(points.states, points.jacobians, dynamics, groups, scale)


def of_points(states, jacobians, groups=None):
    groups = np.zeros(len(states), dtype=int) if groups is None else groups
    jacobians = np.broadcast_to(jacobians, (len(states), *np.shape(jacobians)[-2:]))
    return find_manifolds(states, jacobians, "map", groups, 1.0)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def circle(n_points, n_states, seed=0, *, spread=2 * np.pi):
    """Return points on a unit circle in a random plane, and Jacobians that are neutral along it."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(0, spread, n_points)
    plane = np.linalg.qr(rng.standard_normal((n_states, n_states)))[0][:2]
    radial = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane
    tangent = np.stack([-np.sin(angles), np.cos(angles)], axis=1) @ plane
    jacobians = tangent[:, :, None] * tangent[:, None, :] + 0.3 * radial[:, :, None] * radial[:, None, :]
    return radial, jacobians


# --- planted


def test_line_ring_plane_and_sphere():
    line = np.c_[draw(50), np.zeros((50, 2))]
    found = of_points(line, np.diag([1, 0.5, -0.5]))
    assert found.labels.tolist() == [0] * 50
    assert found.dimensions.tolist() == [1]
    assert not found.closed[0]
    assert found.sentences() == ["a manifold of dimension 1 (50 points; open or not sampled all round)"]
    assert of_points(*circle(143, 10)).sentences() == ["a manifold of dimension 1 (143 points; closed curve)"]
    plane = np.c_[draw(100, 2), np.zeros(100)]
    assert of_points(plane, np.diag([1, 1, 0.3])).sentences() == ["a manifold of dimension 2 (100 points)"]
    normal = np.random.default_rng(0).standard_normal((200, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    sphere = np.eye(3) - 0.5 * normal[:, :, None] * normal[:, None, :]
    assert of_points(normal, sphere).dimensions.tolist() == [2]


def test_every_state_at_rest_is_one_manifold_of_full_dimension():
    found = of_points(draw(60, 4), np.eye(4))
    assert found.dimensions.tolist() == [4]
    assert (found.labels == 0).all()


@pytest.mark.parametrize("distance", [1.0, 0.2])
def test_two_parallel_lines_stay_apart(distance):
    states = np.c_[draw(100), np.repeat([0, distance], 50), np.zeros(100)]
    found = of_points(states, np.diag([1, 0.2, 0.3]))
    assert found.labels.tolist() == [0] * 50 + [1] * 50
    assert found.dimensions.tolist() == [1, 1]


def test_crossing_and_coaxial_lines():
    along, across = draw(40), draw(40, seed=1)
    states = np.r_[np.c_[along, 0 * along], np.c_[0 * across + 3, across]]
    jacobians = np.r_[np.tile(np.diag([1, 0.5]), (40, 1, 1)), np.tile(np.diag([0.5, 1]), (40, 1, 1))]
    assert of_points(states, jacobians).labels.tolist() == [0] * 40 + [1] * 40
    far = np.c_[np.r_[along, along + 5], np.zeros(80)]
    assert of_points(far, np.diag([1, 0.5])).dimensions.tolist() == [1, 1]


def test_half_a_ring_is_open_and_a_sparse_one_closed():
    assert not of_points(*circle(60, 3, spread=np.pi)).closed[0]
    closed = [of_points(*circle(25, 4, seed=seed)) for seed in range(20)]
    assert sum(len(one.dimensions) == 1 and bool(one.closed[0]) for one in closed) >= 18


def test_isolated_points_and_other_inputs():
    states = np.r_[np.c_[draw(30), np.zeros(30)], [[0.0, 0.5]]]
    jacobians = np.r_[np.tile(np.diag([1, 0.5]), (30, 1, 1)), [np.diag([2.0, 0.5])]]
    assert of_points(states, jacobians).labels.tolist() == [0] * 30 + [-1]
    groups = np.r_[np.zeros(15, int), np.ones(16, int)]
    assert of_points(states, jacobians, groups).labels.tolist() == [0] * 15 + [1] * 15 + [-1]
    groups = np.r_[np.ones(15, int), np.zeros(16, int)]
    assert of_points(states, jacobians, groups).labels.tolist() == [0] * 15 + [1] * 15 + [-1]
    nothing = of_points(np.zeros((0, 2)), np.zeros((0, 2, 2)))
    assert len(nothing.labels) == len(nothing.dimensions) == 0
    assert nothing.sentences() == []


def test_saddle_near_neutrality_is_isolated():
    assert of_points(draw(10, 2), np.diag([1 + 1e-5, 0.5])).labels.tolist() == [-1] * 10


def test_many_points_of_many_units():
    assert of_points(*circle(400, 100)).sentences() == ["a manifold of dimension 1 (400 points; closed curve)"]


# --- searched


def test_line_attractor_of_a_turned_linear_map():
    turn = np.linalg.qr(draw(5, 5))[0]
    matrix = torch.tensor(turn @ np.diag([1, 0.8, 0.5, -0.3, 0.1]) @ turn.T)
    points, found = of_search(lambda x: x @ matrix.T, draw(60, 5))
    assert len(points) > 40
    assert found.dimensions.tolist() == [1]
    assert (found.labels == 0).all()


def test_ring_network_and_its_centre():
    angles = torch.arange(64, dtype=torch.float64) * (2 * np.pi / 64)
    weight = 4 / 64 * torch.cos(angles[:, None] - angles[None])
    points, found = of_search(lambda x: torch.tanh(x) @ weight, np.random.default_rng(0).normal(size=(150, 64)))
    assert found.dimensions.tolist() == [1]
    assert found.closed[0]
    centre = np.linalg.norm(points.states, axis=1) < 1e-6
    np.testing.assert_array_equal(found.labels, np.where(centre, -1, 0))


def test_two_line_attractors_of_a_flow():
    # dy/dt = y − y³ and dx/dt = 0: lines at y = ±1, which attract, and at y = 0, which repels.
    velocity = lambda x: torch.stack([0 * x[:, 0], x[:, 1] - x[:, 1] ** 3], dim=1)  # noqa: E731
    points, found = of_search(velocity, 2 * draw(120, 2), dynamics="flow")
    assert found.dimensions.tolist() == [1, 1, 1]
    for number in range(3):
        assert np.ptp(points.states[found.labels == number, 1]) < 1e-6


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("fold", lambda x: x + x**2),
        ("pitchfork", torch.tanh),
        ("cubic", lambda x: x - x**3),
        ("fifth order", lambda x: x - x**5),
    ],
)
def test_degenerate_points_are_no_manifold(name, step):
    points, found = of_search(step, draw(60, 1))
    assert len(points) >= 1
    assert (found.dimensions == 0).all()
    assert len(found.dimensions) <= 1


def test_fold_among_other_directions():
    step = lambda x: torch.stack([x[:, 0] + x[:, 0] ** 2, 0.5 * x[:, 1]], dim=1)  # noqa: E731
    _, found = of_search(step, draw(40, 2))
    assert found.dimensions.tolist() == [0]
    assert found.sentences()[0].startswith("a degenerate point of dimension 0 (")
    assert found.sentences()[0].endswith("singular, no manifold seen around it)")


def test_two_degenerate_points_are_not_joined():
    states = np.array([[-1.0], [1.0]])
    assert of_points(states, np.eye(1)).dimensions.tolist() == [0, 0]


def test_copies_of_degenerate_points_in_a_row_are_not_joined():
    # Copies of three triple roots of a map of one variable, whose null space is all there is.
    states = np.array([-1, -1 + 1e-5, 0, 1e-5, 1, 1 + 1e-5])[:, None]
    found = of_points(states, np.array([[1 + 1e-8]]))
    assert found.dimensions.tolist() == [0, 0, 0]
    assert found.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_one_sentence_per_manifold():
    made = Manifolds(np.array([0, 1, 1, -1, 2, 2]), np.array([0, 1, 2]), np.array([False, True, False]))
    assert made.sentences() == [
        "a degenerate point of dimension 0 (1 point; singular, no manifold seen around it)",
        "a manifold of dimension 1 (2 points; closed curve)",
        "a manifold of dimension 2 (2 points)",
    ]


def test_a_search_reports_the_line_and_the_ring_it_was_let_loose_on():
    starts = np.random.default_rng(0).normal(size=(200, 2))
    line = find_fixed_points(lambda x: x * x.new_tensor([1.0, 0.5]), starts)
    assert "a manifold of dimension 1 (200 points; open or not sampled all round)" in line.summary()
    ring = find_fixed_points(lambda x: x * (1.3 - 0.3 * x.square().sum(1, keepdim=True)), starts)
    assert ring.manifold_dimensions.tolist() == [1]
    assert ring.manifold_closed.tolist() == [True]
    centre = np.linalg.norm(ring.states, axis=1) < 0.5
    assert ring.manifolds[centre].tolist() == [-1]
    assert not ring.manifolds[~centre].any()


def test_certified_points_belong_to_no_manifold():
    points = find_fixed_points(lambda x: torch.tanh(2 * x), np.linspace(-2, 2, 9)[:, None])
    assert points.manifolds.tolist() == [-1, -1, -1]
    assert len(points.manifold_dimensions) == 0
