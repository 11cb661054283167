"""Enumeration by linear regions: networks solved by hand, brute force, and against Newton's method with none missed."""

import itertools

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints.certificates.regions import ReluFixedPoints, enumerate_relu
from dynascope.fixedpoints.search import find_all_fixed_points
from dynascope.fixedpoints.starts import draw_from_box


def _step(weight, bias, form, alpha=1.0):
    """Return the map of the docstring, in numpy."""
    if form == "voltage":
        return lambda x: (1 - alpha) * x + alpha * np.maximum(x @ weight.T + bias, 0)
    return lambda x: (1 - alpha) * x + alpha * (np.maximum(x, 0) @ weight.T + bias)


def test_two_units_by_hand():
    """Mutual inhibition of strength 2: x₁ = relu(1 − 2 x₂), x₂ = relu(1 − 2 x₁)."""
    points = enumerate_relu(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.ones(2))
    np.testing.assert_allclose(points.states, [[0, 1], [1, 0], [1 / 3, 1 / 3]], atol=1e-15)
    assert points.stable.tolist() == [True, True, False]
    assert points.patterns.tolist() == [[False, True], [True, False], [True, True]]
    # The losing unit's row of the Jacobian is 0; both active: ±2.
    np.testing.assert_allclose(points.jacobians[2], [[0, -2], [-2, 0]])
    np.testing.assert_allclose(np.sort(points.eigenvalues[2].real), [-2, 2])
    assert points.index.tolist() == [1, 1, -1]
    assert (points.n_regions, points.n_singular, points.on_boundary.any()) == (4, 0, False)
    assert points.summary() == "3 isolated fixed points in 4 linear regions, no more: 2 stable, 1 not"


def test_rate_form_gives_the_inputs_of_the_voltage_form():
    weight, bias = np.array([[0.0, -2.0], [-2.0, 0.0]]), np.ones(2)
    rate = enumerate_relu(weight, bias, form="rate")
    np.testing.assert_allclose(rate.states, [[-1, 1], [1, -1], [1 / 3, 1 / 3]], atol=1e-15)
    np.testing.assert_allclose(rate.jacobians[0], [[0, -2], [0, 0]])


@pytest.mark.parametrize("form", ["rate", "voltage"])
def test_every_point_is_one_and_brute_force_finds_the_same(form, same_set):
    rng = np.random.default_rng(5)
    for _ in range(30):
        weight, bias = 1.2 * rng.standard_normal((4, 4)), rng.standard_normal(4)
        points = enumerate_relu(weight, bias, form=form, alpha=0.3)
        image = _step(weight, bias, form, 0.3)(points.states)
        np.testing.assert_allclose(image, points.states, atol=1e-10 * (1 + np.abs(points.states).max(initial=0)))
        known = []
        for pattern in itertools.product([0.0, 1.0], repeat=4):
            z = np.linalg.solve(np.eye(4) - weight * pattern, bias)
            if ((z > 0) == np.array(pattern, bool)).all():
                known.append(z if form == "rate" else np.maximum(z, 0))
        same_set(points.states, np.array(known).reshape(-1, 4), 1e-8) if known else None
        assert len(points) == len(known)


def test_alpha_and_drive():
    weight, bias, drive = np.array([[0.5, 0.2], [-1.0, 0.3]]), np.array([0.3, -0.1]), np.array([0.2, 0.9])
    slow = enumerate_relu(weight, bias, alpha=0.1, input_drive=drive)
    fast = enumerate_relu(weight, bias + drive)
    np.testing.assert_array_equal(slow.states, fast.states)
    np.testing.assert_allclose(slow.eigenvalues, 0.9 + 0.1 * fast.eigenvalues)
    np.testing.assert_allclose(
        enumerate_relu(weight, bias, input_drive=0.5).states, enumerate_relu(weight, bias + 0.5).states
    )
    torched = enumerate_relu(torch.tensor(weight), torch.tensor(bias), input_drive=torch.tensor(drive))
    np.testing.assert_array_equal(torched.states, fast.states)


def test_a_point_on_a_boundary_is_counted_once():
    """x₂ = relu(x₁ − 1) at x₁ = 1: two regions meet in the point."""
    points = enumerate_relu(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([1.0, -1.0]))
    np.testing.assert_allclose(points.states, [[1, 0]])
    assert points.on_boundary.tolist() == [True]
    assert points.index.tolist() == [0]
    assert "1 point on a boundary between regions, without derivative" in points.summary()
    # Where all inputs are 0 every region meets.
    silent = enumerate_relu(0.5 * np.eye(3), np.zeros(3))
    np.testing.assert_array_equal(silent.states, np.zeros((1, 3)))
    assert silent.on_boundary.tolist() == [True]


def test_a_line_of_fixed_points():
    """x₁ = relu(½(x₁ + x₂)) = x₂: the ray x₁ = x₂ ≥ 0, of which 0 is a part and no isolated point."""
    points = enumerate_relu(np.full((2, 2), 0.5), np.zeros(2))
    assert (len(points), points.n_singular, points.n_unresolved) == (0, 1, 0)
    assert points.set_dimensions.tolist() == [1]
    assert points.set_patterns.tolist() == [[True, True]]
    assert points.set_states[0, 0] == pytest.approx(points.set_states[0, 1])
    assert points.set_states[0, 0] > 0
    assert "1 region with a set of fixed points of dimension 1" in points.summary()


def test_a_segment_beside_an_isolated_point():
    """Units 1 and 2 hold a sum of 1 between them; unit 3 is bistable: relu(2 x₃ − 1) has 0 and 1."""
    weight = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 2.0]])
    points = enumerate_relu(weight, np.array([1.0, 1.0, -1.0]))
    assert len(points) == 0  # the ends (1, 0) and (0, 1) belong to the segment
    assert points.set_dimensions.tolist() == [1, 1]
    np.testing.assert_allclose(points.set_states[:, :2], 0.5)
    np.testing.assert_allclose(np.sort(points.set_states[:, 2]), [0, 1], atol=1e-12)


def test_a_plane_of_fixed_points():
    points = enumerate_relu(np.eye(3), np.array([0.0, 0.0, -1.0]))
    assert points.set_dimensions.tolist() == [2]
    assert (points.set_states[0, :2] > 0).all()
    assert points.set_states[0, 2] == 0
    assert enumerate_relu(np.eye(3), -np.ones(3)).n_singular == 7
    np.testing.assert_array_equal(enumerate_relu(np.eye(3), -np.ones(3)).states, np.zeros((1, 3)))


def test_sets_that_shrink_to_a_point_are_the_point():
    """With both units active z₂ = −z₁, with unit 2 alone z₁ = z₂: of both lines only 0 has the right signs."""
    points = enumerate_relu(np.array([[2.0, 1.0], [0.0, 1.0]]), np.zeros(2))
    assert points.n_singular == 2
    assert len(points.set_states) == 0
    np.testing.assert_array_equal(points.states, [[0, 0]])
    assert points.on_boundary.tolist() == [True]


def test_a_set_within_a_larger_one_is_not_given_again():
    """Units 1 and 2 keep any value; 3 and 4 read their difference. x₁ = x₂ is the common edge of two half planes."""
    weight = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, -1, 0, 0], [-1, 1, 0, 0]], float)
    points = enumerate_relu(weight, np.zeros(4))
    assert points.set_dimensions.tolist() == [2, 2]
    assert sorted(points.set_patterns.tolist()) == [[True, True, False, True], [True, True, True, False]]
    assert len(points) == 0
    image = _step(weight, np.zeros(4), "voltage")(points.set_states)
    np.testing.assert_allclose(image, points.set_states, rtol=1e-9)


def test_singular_regions_beyond_the_limit_are_left_open_and_said():
    points = enumerate_relu(np.eye(4), np.zeros(4), max_polytopes=3)
    assert points.n_unresolved == 12
    assert "12 singular regions left open" in points.summary()
    assert "no more" not in points.summary()


def test_sixteen_units():
    """A contraction has one point, where its iterates go: one of 65 536 regions holds it."""
    rng = np.random.default_rng(0)
    weight, bias = rng.standard_normal((16, 16)), rng.standard_normal(16)
    weight *= 0.9 / np.linalg.norm(weight, 2)
    points = enumerate_relu(weight, bias)
    assert (points.n_regions, len(points), points.index.tolist()) == (65536, 1, [1])
    state = np.zeros(16)
    for _ in range(500):
        state = _step(weight, bias, "voltage")(state)
    np.testing.assert_allclose(points.states[0], state, atol=1e-13)


@pytest.mark.parametrize("n_units", range(2, 9))
def test_newton_misses_none_of_the_points_of_random_networks(n_units, same_set):
    """Seven sizes of 29 networks each, the networks of one size as the inputs of one search."""
    n_networks, rng = 29, np.random.default_rng(n_units)
    weights = 3 * rng.standard_normal((n_networks, n_units, n_units)) / np.sqrt(n_units)
    biases = rng.standard_normal((n_networks, n_units))
    matrices, offsets = torch.tensor(weights), torch.tensor(biases)

    def step(x, u):
        which = u[:, 0].round().long().clamp(0, n_networks - 1)
        return (matrices[which] @ torch.relu(x)[..., None])[..., 0] + offsets[which]

    corner = np.full(n_units, 3 * np.abs(biases).max())
    found = find_all_fixed_points(
        step,
        draw_from_box(-corner, corner),
        np.arange(float(n_networks))[:, None],
        patience=48,
        batch=96,
        max_starts=384,
        max_iterations=40,
        certify=False,
    )
    for network in range(n_networks):
        exact = enumerate_relu(weights[network], biases[network], form="rate")
        same_set(found.states[found.point_groups == network], exact.states, 1e-7) if len(exact) else None
        assert np.count_nonzero(found.point_groups == network) == len(exact)


def test_saved_loaded_and_drawn(tmp_path):
    points = enumerate_relu(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.ones(2))
    loaded = ReluFixedPoints.load(points.save(tmp_path / "relu.h5"))
    np.testing.assert_array_equal(loaded.states, points.states)
    assert loaded.set_states.shape == (0, 2)
    assert loaded.summary() == points.summary()
    assert points.plot().get_title() == "3 isolated fixed points"


@pytest.mark.parametrize(
    ("weight", "bias", "options", "words"),
    [
        (np.ones((2, 3)), np.ones(2), {}, "weight: expected shape (state, state), found (2, 3)"),
        (np.ones((0, 0)), np.ones(0), {}, "weight: expected shape (state, state), found (0, 0)"),
        (np.eye(2), np.ones(3), {}, "bias: expected shape (2,), found (3,)"),
        (np.eye(2) * np.nan, np.ones(2), {}, "weight: expected finite numbers, found NaN or infinity"),
        (np.eye(2) * 1j, np.ones(2), {}, "weight: expected real numbers, found dtype complex128"),
        (
            np.eye(2),
            np.ones(2),
            {"input_drive": np.ones(3)},
            "input_drive: expected a number or shape (2,), found (3,)",
        ),
        (np.eye(21), np.ones(21), {}, "21 units have 2^21 linear regions; enumeration is for at most 20"),
        (np.eye(2), np.ones(2), {"form": "volt"}, "unknown form 'volt': did you mean 'voltage'?"),
        (np.eye(2), np.ones(2), {"alpha": 0.0}, "alpha: expected a number above 0, at most 1, found 0.0"),
        (np.eye(2), np.ones(2), {"max_polytopes": -1}, "max_polytopes: expected an integer of at least 0, found -1"),
    ],
)
def test_refusals(weight, bias, options, words):
    with pytest.raises(InputError) as caught:
        enumerate_relu(weight, bias, **options)
    assert words in str(caught.value)
