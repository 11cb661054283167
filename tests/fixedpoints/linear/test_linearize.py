"""Linearisation: modes, time scales, types, non-normality and attractor scores against closed forms."""

import dataclasses
import json
import re

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.linear.continuous import line_scores, ring_score
from dynascope.fixedpoints.linear.linearize import Linearization, linearize
from dynascope.fixedpoints.linear.modes import modes
from dynascope.fixedpoints.linear.nonnormality import henrici_departure, immediate_growth, transient_amplification
from dynascope.fixedpoints.linear.timescales import detailed_types, time_scales
from dynascope.fixedpoints.stability import eigenvalues


def linear(matrix, dynamics="map", **options):
    """Return the linearisation of x' = M x or dx/dt = M x at its one fixed point."""
    weight = torch.tensor(np.asarray(matrix, float))
    starts = np.ones((1, len(weight)))
    return linearize(find_fixed_points(lambda x: x @ weight.T, starts, dynamics=dynamics), **options)


def planted(values, seed=0):
    """Return a non-normal real matrix with the given real eigenvalues, and its eigenvectors."""
    basis = np.random.default_rng(seed).standard_normal((len(values), len(values)))
    return basis @ np.diag(values) @ np.linalg.inv(basis), basis / np.linalg.norm(basis, axis=0)


def rotation(modulus, angle):
    return modulus * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


# --- eigenvectors


def test_planted_eigenvectors_are_recovered_in_the_order_of_the_eigenvalues():
    matrix, basis = planted([1.4, -0.9, 0.5, 0.1])
    found = linear(matrix)
    cosines = np.abs(np.sum(found.right_eigenvectors[0].conj() * basis, axis=0))
    np.testing.assert_allclose(cosines, 1, atol=1e-12)
    np.testing.assert_allclose(found.eigenvalues[0], [1.4, -0.9, 0.5, 0.1], atol=1e-12)
    np.testing.assert_allclose(found.left_eigenvectors[0] @ found.right_eigenvectors[0], np.eye(4), atol=1e-12)


@pytest.mark.parametrize("n_units", [2, 7, 40])
def test_both_sides_of_the_eigenvalue_equation_and_the_phase(n_units):
    matrix = np.random.default_rng(n_units).standard_normal((n_units, n_units)) / np.sqrt(n_units)
    values = eigenvalues(matrix[None])[0]
    found = modes(matrix, values)
    np.testing.assert_allclose(matrix @ found.right, found.right * values, atol=1e-12)
    np.testing.assert_allclose(found.left @ matrix, values[:, None] * found.left, atol=1e-10)
    np.testing.assert_allclose(np.linalg.norm(found.right, axis=0), 1, atol=1e-12)
    largest = found.right[np.abs(found.right).argmax(axis=0), np.arange(n_units)]
    assert (largest.real > 0).all()
    # Conjugate eigenvalues have conjugate vectors, real ones real vectors.
    order = [int(np.abs(values.conj() - value).argmin()) for value in values]
    np.testing.assert_allclose(found.right[:, order], found.right.conj(), atol=1e-9)


def test_eigenvalue_conditions_in_closed_form():
    # [[a, b], [0, c]]: both projectors have norm √(1 + (b / (a − c))²).
    found = linear([[0.5, 3.0], [0.0, 0.25]])
    np.testing.assert_allclose(found.eigenvalue_conditions[0], np.sqrt(1 + 12**2), rtol=1e-12)
    assert not found.defective[0]
    # The same for the projector on a plane: √(1 + |b|² / (a − c)²).
    twice = linear([[0.5, 0.0, 3.0], [0.0, 0.5, 4.0], [0.0, 0.0, 0.25]])
    np.testing.assert_allclose(twice.eigenvalue_conditions[0], np.sqrt(1 + 20**2), rtol=1e-12)
    normal = linear(np.diag([0.9, 0.5, 0.5]))
    np.testing.assert_allclose(normal.eigenvalue_conditions, 1, rtol=1e-12)
    np.testing.assert_allclose(normal.eigenvector_conditions, 1, rtol=1e-12)


def test_repeated_eigenvalues_with_all_eigenvectors_are_not_defective():
    # A low-rank network: 27 zero eigenvalues, whose vectors LAPACK returns nearly parallel.
    left, right = np.random.default_rng(2).standard_normal((2, 30, 3))
    found = linear(left @ right.T / 40)
    assert not found.defective[0]
    assert found.eigenvector_conditions[0] < 100
    np.testing.assert_allclose(found.left_eigenvectors[0] @ found.right_eigenvectors[0], np.eye(30), atol=1e-12)
    assert not linear(np.kron(np.eye(2), rotation(0.5, 1.0))).defective[0]
    assert not linear(np.zeros((3, 3))).defective[0]


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("turned", [False, True])
def test_jordan_blocks_are_reported(size, turned):
    matrix = np.zeros((size + 2, size + 2))
    matrix[:size, :size] = 0.5 * np.eye(size) + np.eye(size, k=1)
    matrix[size, size], matrix[size + 1, size + 1] = 0.1, -0.3
    if turned:
        turn = np.linalg.qr(np.random.default_rng(0).standard_normal(matrix.shape))[0]
        matrix = turn @ matrix @ turn.T
    found = linear(matrix)
    assert found.defective[0]
    assert np.isinf(found.eigenvector_conditions[0])
    assert found.notes == ["defective: too few eigenvectors"]
    assert np.sort(found.eigenvalue_conditions[0])[:2] == pytest.approx(1)
    assert (np.sort(found.eigenvalue_conditions[0])[2:] > 1e7).all()


# --- time scales and types


def test_continuous_equivalents_of_a_map_with_dt():
    found = linear(np.diag([0.9, -0.8, 0.0]), dt=0.02)
    np.testing.assert_allclose(found.time_constants[0], [-0.02 / np.log(0.9), -0.02 / np.log(0.8), 0], rtol=1e-12)
    np.testing.assert_allclose(found.frequencies[0], [0, 25, 0], atol=1e-12)
    assert found.time_unit == "s"
    turning = linear(rotation(0.99, 2 * np.pi * 10 * 0.001), dt=0.001)
    np.testing.assert_allclose(turning.frequencies, 10, rtol=1e-12)


def test_steps_without_dt_and_time_of_a_flow():
    assert linear(rotation(0.5, np.pi / 3)).frequencies == pytest.approx(1 / 6)
    assert linear(np.diag([0.5, 0.1])).time_unit == "step"
    flow = linear([[-0.1, -3.0], [3.0, -0.1]], "flow")
    assert flow.time_constants == pytest.approx(10)
    assert flow.frequencies == pytest.approx(3 / (2 * np.pi))
    assert flow.time_unit == "unit of time"


def test_the_map_of_a_flow_has_the_time_scales_of_the_flow():
    values = np.array([[-0.5 + 3j, -0.5 - 3j, -2.0, 0.3]])
    of_flow = time_scales(values, "flow")
    of_map = time_scales(np.exp(0.01 * values), "map", 0.01)
    np.testing.assert_allclose(of_map, of_flow, rtol=1e-9)
    assert of_map[0][0, 3] == pytest.approx(-1 / 0.3)


def test_neutral_modes_never_decay():
    assert time_scales(np.array([[1.0 + 1e-15, -1.0, 1j]]), "map")[0].tolist() == [[np.inf] * 3]
    assert np.isinf(time_scales(np.array([[1e-15, -1.0]]), "flow")[0][0, 0])
    np.testing.assert_array_equal(time_scales(np.array([[0.0, -0.0, complex(-0.0, -0.0)]]), "map"), 0)


TYPES = [
    ([0.9, 0.5 + 0.5j, 0.5 - 0.5j], "map", "stable node"),
    ([0.6 + 0.6j, 0.6 - 0.6j, 0.2], "map", "stable focus"),
    ([-0.9, 0.2, 0.1], "map", "stable node"),
    ([2.0, 1.5, 0.5], "map", "saddle with 2 unstable directions"),
    ([1.5, 0.5, 0.1], "map", "saddle with 1 unstable direction"),
    ([1 + 1j, 1 - 1j, 0.5], "map", "saddle-focus with 2 unstable directions"),
    ([1.5, 0.5 + 0.5j, 0.5 - 0.5j], "map", "saddle-focus with 1 unstable direction"),
    ([3.0, 2.0, 1.1], "map", "repelling node"),
    ([1 + 1j, 1 - 1j, 1.2], "map", "repelling focus"),
    ([1.0, 0.5, 0.1], "map", "marginal"),
    ([-0.1, -0.2, -0.3], "flow", "stable node"),
    ([-0.1 + 5j, -0.1 - 5j, -7], "flow", "stable focus"),
    ([0.2, -0.1, -0.3], "flow", "saddle with 1 unstable direction"),
    ([0.0, -1.0, -2.0], "flow", "marginal"),
]


@pytest.mark.parametrize(("values", "dynamics", "name"), TYPES)
def test_types(values, dynamics, name):
    assert detailed_types(np.array([values], dtype=complex), dynamics) == [name]


def test_lorenz_points():
    def lorenz(state):
        x, y, z = state.T
        return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], dim=1)

    starts = np.array([[0.1, 0.1, 0.1], [8.0, 8, 27], [-8.0, -8, 27]])
    found = linearize(find_fixed_points(lorenz, starts, dynamics="flow"), lorenz)
    focus = "saddle-focus with 2 unstable directions"
    assert found.types == ["saddle with 1 unstable direction", focus, focus]
    # σ = 10, ρ = 28, β = 8/3: roots of λ³ + (σ+β+1) λ² + β(σ+ρ) λ + 2σβ(ρ−1).
    roots = np.roots([1, 10 + 8 / 3 + 1, 8 / 3 * 38, 20 * 8 / 3 * 27])
    pair = roots[roots.imag > 0][0]
    assert found.frequencies[1, 0] == pytest.approx(pair.imag / (2 * np.pi), rel=1e-9)
    assert found.time_constants[1, 0] == pytest.approx(-1 / pair.real, rel=1e-9)
    assert found.input_jacobians is None


# --- inputs


def test_input_jacobians_and_projections_of_a_tanh_network():
    rng = np.random.default_rng(5)
    weight, feed = torch.tensor(0.3 * rng.standard_normal((4, 4))), torch.tensor(rng.standard_normal((4, 2)))
    step = lambda x, u: torch.tanh(x @ weight.T + u @ feed.T)  # noqa: E731
    points = find_fixed_points(step, np.zeros((3, 4)), np.array([[0.0, 0.0], [1.0, 0.0], [0.5, -2.0]]))
    found = linearize(points, step)
    expected = (1 - points.states**2)[:, :, None] * feed.numpy()
    np.testing.assert_allclose(found.input_jacobians, expected, atol=1e-13)
    drive = np.linalg.solve(found.right_eigenvectors, expected.astype(complex))
    np.testing.assert_allclose(found.input_projections, drive, atol=1e-12)
    assert linearize(points).input_jacobians is None


def test_input_jacobian_of_a_torch_cell_and_of_a_flow_against_finite_differences():
    torch.manual_seed(0)
    cell = torch.nn.GRUCell(3, 5).double()
    step = lambda x, u: cell(u, x)  # noqa: E731
    inputs = np.array([0.3, -1.0, 0.5])
    points = find_fixed_points(step, np.zeros((2, 5)), inputs)
    state, given = torch.tensor(points.states), torch.tensor(inputs)[None]
    with torch.no_grad():
        differences = [
            (step(state, given + change) - step(state, given - change)) / 2e-6
            for change in 1e-6 * torch.eye(3, dtype=torch.float64)
        ]
    np.testing.assert_allclose(linearize(points, step).input_jacobians, np.stack(differences, axis=-1), atol=1e-9)
    velocity = lambda x, u: -x + u[:, :1] * u[:, 1:]  # noqa: E731
    flow = find_fixed_points(velocity, np.ones((1, 1)), np.array([2.0, 3.0]), dynamics="flow")
    np.testing.assert_allclose(linearize(flow, velocity).input_jacobians, [[[3.0, 2.0]]], rtol=1e-12)


def test_projections_on_missing_modes_are_nan():
    step = lambda x, u: x @ torch.tensor([[0.5, 0.0], [1.0, 0.5]], dtype=torch.float64) + u  # noqa: E731
    found = linearize(find_fixed_points(step, np.ones((1, 2)), np.ones(2)), step)
    assert np.isnan(found.input_projections).all()
    np.testing.assert_allclose(found.input_jacobians[0], np.eye(2), atol=1e-15)


# --- non-normality


def test_henrici_departure_in_closed_form():
    # Upper triangular with distinct diagonal: the norm of what is above it.
    matrix = np.diag([0.5, 0.2, -0.3]) + np.triu(np.full((3, 3), 2.0), 1)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0]
    assert henrici_departure(turn @ matrix @ turn.T) == pytest.approx(np.sqrt(12), rel=1e-12)
    values = np.linalg.eigvals(matrix)
    formula = np.sqrt(np.sum(matrix**2) - np.sum(np.abs(values) ** 2))
    assert henrici_departure(matrix) == pytest.approx(formula, rel=1e-12)
    assert henrici_departure(rotation(0.9, 0.7)) < 1e-14
    nilpotent = linear([[0.0, 3.0], [0.0, 0.0]])
    assert nilpotent.normalized_departures == pytest.approx(1)
    assert linear(np.zeros((2, 2))).normalized_departures == 0


@pytest.mark.parametrize(("decay", "feed"), [(0.5, 1.0), (0.9, 1.0), (0.999, 0.5), (0.99997, 0.01)])
def test_transient_of_a_map_in_closed_form(decay, feed):
    # [[a, b], [0, a]]^t = a^t [[1, tb/a], [0, 1]], of norm a^t exp(asinh(tb / 2a)).
    times = np.arange(300_000)
    norms = decay**times * np.exp(np.arcsinh(times * feed / (2 * decay)))
    found = transient_amplification(np.array([[decay, feed], [0, decay]]), np.array([decay, decay]))
    assert found.peak == pytest.approx(norms.max(), rel=1e-9)
    assert found.time == norms.argmax()
    assert found.note == ""


@pytest.mark.parametrize("feed", [1.0, 2.5, 4.0, 100.0])
def test_transient_of_a_flow_in_closed_form(feed):
    # exp([[−1, b], [0, −1]] t) has norm e^−t exp(asinh(bt / 2)): largest at t² = 1 − 4/b², monotone if b ≤ 2.
    time = np.sqrt(max(0.0, 1 - 4 / feed**2))
    found = transient_amplification(np.array([[-1, feed], [0, -1.0]]), np.array([-1.0, -1.0]), "flow")
    assert found.peak == pytest.approx(np.exp(-time + np.arcsinh(feed * time / 2)), rel=1e-10)
    assert found.time == pytest.approx(time, abs=1e-5)
    assert immediate_growth(np.array([[-1, feed], [0, -1.0]]), "flow") == pytest.approx(feed / 2 - 1)


def test_transients_against_a_scan_of_random_networks():
    rng = np.random.default_rng(3)
    for _ in range(10):
        matrix = rng.standard_normal((8, 8))
        matrix *= 0.97 / np.abs(np.linalg.eigvals(matrix)).max()
        norms = [np.linalg.norm(np.linalg.matrix_power(matrix, time), 2) for time in range(200)]
        found = transient_amplification(matrix, np.linalg.eigvals(matrix))
        assert found.peak == pytest.approx(max(1.0, *norms), rel=1e-12)
        assert found.time == int(np.argmax(norms))
        assert immediate_growth(matrix) == pytest.approx(norms[1])


def test_amplification_times_have_the_unit_of_all_times():
    # [[0.9, 1], [0, 0.9]] peaks after 9 steps, see above.
    assert linear([[0.9, 1.0], [0.0, 0.9]], dt=0.1).amplification_times == pytest.approx(0.9)


def test_normal_contractions_do_not_amplify():
    assert linear(rotation(0.99, 0.3)).amplifications == pytest.approx(1)
    assert linear(np.diag([-0.1, -2.0]), "flow").amplification_times == 0


def test_amplification_without_bound():
    saddle = linear(np.diag([1.1, 0.5]))
    assert saddle.amplifications == np.inf
    assert saddle.notes == ["amplification has no bound: an unstable direction"]
    fed = linear([[1.0, 0.5], [0.0, 1.0]])
    assert fed.amplifications == np.inf
    assert "neutral directions that feed one another" in fed.notes[0]
    # Neutral, but fed by a mode that decays: J^t tends to the projector [[1, 2b], [0, 0]].
    line = linear([[1.0, 1.0], [0.0, 0.5]])
    assert line.amplifications == pytest.approx(np.sqrt(5), rel=1e-9)
    assert line.notes == [""]


# --- continuous attractors


def test_line_scores():
    assert linear(np.diag([1.0, 0.5, 0.2])).line_scores == pytest.approx(1)
    assert linear(np.diag([0.999, 0.5, 0.2])).line_scores == pytest.approx(0.998)
    assert linear(np.diag([1.001, 0.5, 0.2])).line_scores == pytest.approx(0.998)
    assert linear(np.diag([0.8, 0.7, 0.2])).line_scores == pytest.approx(1 / 3)
    assert linear(np.diag([0.0, -2.0]), "flow").line_scores == pytest.approx(1)
    assert linear(np.diag([-0.01, -2.0]), "flow").line_scores == pytest.approx(0.995)
    for other in (np.diag([1.0, 1.0, 0.5]), np.diag([-1.0, 0.5]), rotation(0.999, 0.5), np.diag([1.5, 1.2, 0.1])):
        assert linear(other).line_scores == 0
    assert line_scores(np.array([[0.9]])) == pytest.approx(0.9)


def polar(pinning, n_pins=8):
    """Return x' with r' = r + (r − r³)/2 and θ' = θ + p sin(mθ): a ring, pinned at 2m points if p > 0."""

    def step(states):
        radius, angle = states.norm(dim=1), torch.atan2(states[:, 1], states[:, 0])
        radius, angle = radius + (radius - radius**3) / 2, angle + pinning * torch.sin(n_pins * angle)
        return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)

    return step


def ring_starts(n_starts, seed=0):
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, n_starts)
    return 1.1 * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_ring_attractor_in_polar_coordinates():
    found = linearize(find_fixed_points(polar(0.0), ring_starts(60)))
    assert found.ring["score"] > 0.99
    assert found.ring["radius"] == pytest.approx(1)
    assert found.ring["alignment"] == pytest.approx(1)
    assert (found.line_scores > 1 - 1e-9).all()
    assert (found.ring_scores == found.ring["score"]).all()


def test_pinned_ring_scores_less_the_faster_it_drifts():
    # At the pins λ = 1 ∓ 8p along the ring and 0 across it, so that the slowness is 1 − 8p.
    for pinning in (0.001, 0.01):
        found = linearize(find_fixed_points(polar(pinning), ring_starts(200)))
        assert found.ring["n_points"] == len(found) == 16
        assert found.ring["score"] == pytest.approx(1 - 8 * pinning, abs=1e-6)


def test_ring_network_with_cosine_connectivity():
    angles = torch.arange(64, dtype=torch.float64) * (2 * np.pi / 64)
    weight = 4 / 64 * torch.cos(angles[:, None] - angles[None])
    found = linearize(
        find_fixed_points(lambda x: torch.tanh(x) @ weight, np.random.default_rng(0).normal(size=(60, 64)))
    )
    assert found.ring["n_points"] >= 15
    assert found.ring["score"] > 0.85
    assert found.types.count("marginal") == found.ring["n_points"]


def test_what_is_no_ring_scores_low():
    line = linearize(find_fixed_points(lambda x: x * torch.tensor([1.0, 0.5]).to(x), ring_starts(40)))
    assert line.ring["n_points"] == 40
    assert line.ring["score"] < 0.01
    grid = linearize(find_fixed_points(lambda x: torch.tanh(2 * x), np.random.default_rng(0).uniform(-2, 2, (200, 2))))
    assert grid.ring["score"] == 0
    angles = np.linspace(0, np.pi / 2, 20)
    quarter = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    tangent = np.stack([-np.sin(angles), np.cos(angles)], axis=1)
    part = ring_score(quarter, tangent, np.ones(20))
    assert part.coverage == pytest.approx(1 - (270 - 45) / 315)
    assert part.roundness == pytest.approx(1)
    assert ring_score(quarter, quarter, np.ones(20)).score == pytest.approx(0, abs=1e-12)


def test_rings_of_different_inputs_are_scored_apart():
    step = lambda x, u: polar(0.0)(x / (1 + u)) * (1 + u)  # noqa: E731
    inputs = np.repeat([[0.0], [1.0]], 30, axis=0)
    found = linearize(find_fixed_points(step, ring_starts(60) * (1 + inputs), inputs))
    assert found.ring["n_points"] == 30
    assert (found.ring_scores > 0.9).all()


# --- the record


def test_summary():
    text = linear(np.diag([1.1, 0.5]), dt=0.1).summary().splitlines()
    assert text[0] == "1 point of a map, linearised"
    assert text[1].split("  ")[0] == "point"
    assert "slowest τ (s)" in text[1]
    shown = ["0", "saddle with 1 unstable direction", "-1.049", "0", "inf", "0.00", "0.80"]
    assert re.split("  +", text[2].strip()) == shown
    assert text[3] == "ring score 0.00; points with an isolated slow mode: 1"
    assert text[4] == "1 of 1: amplification has no bound: an unstable direction"
    many = linearize(find_fixed_points(lambda x: x.clone(), np.random.default_rng(0).normal(size=(25, 2))))
    assert "… and 5 more" in many.summary()


@pytest.mark.parametrize("n_found", [0, 1])
def test_saved_loaded_and_plain(tmp_path, n_found):
    step = lambda x, u: (0.5 * x if n_found else x + 1) + u  # noqa: E731
    found = linearize(find_fixed_points(step, np.ones((2, 3)), np.zeros(3)), step, dt=0.1)
    loaded = Linearization.load(found.save(tmp_path / "linear.h5"))
    for name in ("right_eigenvectors", "left_eigenvectors", "input_jacobians", "amplifications", "defective"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(found, name))
        assert len(getattr(found, name)) == n_found
    assert loaded.summary() == found.summary()
    assert loaded.types == found.types
    assert json.loads(json.dumps(found.to_dict()))["time_unit"] == "s"


def test_single_precision_points():
    step = lambda x, u: torch.tanh(0.5 * x + u)  # noqa: E731
    points = find_fixed_points(step, np.ones((2, 2)), np.ones(2), dtype=torch.float32, tolerance=1e-12)
    found = linearize(points, step)
    expected = np.eye(2) * (1 - points.states.astype(float)[0] ** 2)
    np.testing.assert_allclose(found.input_jacobians[0], expected, rtol=1e-5)


DRIVEN = lambda x, u: 0.5 * x + u  # noqa: E731

REFUSED = [
    ((np.ones((2, 2)),), {}, "points: expected the FixedPoints of a search, found ndarray"),
    ((), {"dt": 0.0}, "dt: expected a number of seconds > 0, found 0.0"),
    ((), {"dt": np.nan}, "dt: expected a number of seconds > 0, found nan"),
    ((), {"dt": "1 ms"}, "dt: expected a number of seconds > 0, found '1 ms'"),
    ((), {"step": lambda x, u: 0.5 * x + 2 * u}, "point 0 is no point of rest of it (it moves by"),
    ((), {"step": lambda x: 0.5 * x}, "step failed on states"),
    ((), {"step": lambda x, u: 0.5 * x + u.detach() + 0 * u}, "leave step out to go without input Jacobians"),
]


@pytest.mark.parametrize(("arguments", "options", "words"), REFUSED)
def test_refusals(arguments, options, words):
    points = find_fixed_points(DRIVEN, np.ones((1, 2)), np.ones(2))
    with pytest.raises(InputError, match=re.escape(words)):
        linearize(*(arguments or (points,)), **options)


def test_jacobians_with_nan_are_refused():
    points = find_fixed_points(DRIVEN, np.ones((1, 2)), np.ones(2))
    broken = dataclasses.replace(points, jacobians=np.full((1, 2, 2), np.nan))
    with pytest.raises(InputError, match="expected finite Jacobians, found NaN or infinity at point 0"):
        linearize(broken)


def test_a_flow_takes_no_dt():
    with pytest.raises(InputError, match="a flow has its own unit of time"):
        linear(np.diag([-1.0, -2.0]), "flow", dt=0.1)
