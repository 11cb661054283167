"""Certificates: checked by brute force, against closed forms, and refused where there is no proof."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import (
    TANH_CURVATURE,
    Certificate,
    find_fixed_points,
    lipschitz_from_curvature,
)
from dynascope.fixedpoints.certificates.curvature import LOGISTIC_CURVATURE
from dynascope.fixedpoints.certificates.kantorovich import certify_points
from dynascope.fixedpoints.jacobian import make_jacobian
from dynascope.fixedpoints.problem import make_problem

WEIGHT = np.array([[1.8, -0.3], [0.2, 1.6]])


def _voltage(x):
    return torch.tanh(x @ torch.tensor(WEIGHT).T + torch.tensor([0.1, -0.2]))


def _certify(step, states, lipschitz=None):
    problem = make_problem(step, states, None, dtype=torch.float64)
    return certify_points(
        problem, make_jacobian(problem), problem.starts, None, lipschitz=lipschitz, scale=1.0, memory=2**20
    )


def _count_zeros_in_ball(step, centre, radius):
    """Count the zeros of F(x) − x in a disc: Newton from a fine grid of the disc and its surroundings."""
    side = np.linspace(-1.2, 1.2, 61) * radius
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2) + centre
    found = find_fixed_points(step, grid, certify=False)
    return int((np.linalg.norm(found.states - centre, axis=1) <= radius).sum())


@pytest.mark.parametrize("kind", ["estimated", "bounded"])
def test_exactly_one_zero_in_every_ball(kind, box):
    bound = lipschitz_from_curvature(WEIGHT, form="voltage") if kind == "bounded" else None
    points = find_fixed_points(_voltage, box(300, 2), lipschitz=bound)
    assert points.certificate_kind == kind
    assert len(points) >= 3
    assert points.certified.all()
    for centre, radius in zip(points.states, points.radius, strict=True):
        assert radius > 0.01
        assert _count_zeros_in_ball(_voltage, centre, radius) == 1


def test_radius_and_bound_in_closed_form():
    # F = x − a(x − 1) + b(x − 1)²: M = −a, L = 2b, η ≈ 0, hence radius 2/ω with ω = 2b/a, which is the
    # other zero.
    a, b = 0.5, 0.25
    step = lambda x: x - a * (x - 1) + b * (x - 1) ** 2  # noqa: E731
    certificates = _certify(step, np.array([[1.0]]), lipschitz=2 * b)
    other = a / b
    assert certificates.radius[0] == pytest.approx(other, rel=1e-6)
    assert certificates.radius[0] < other
    assert certificates.error_bound[0] < 1e-13


def test_error_bound_contains_the_point_from_afar():
    step = lambda x: torch.tanh(2 * x)  # noqa: E731
    root = find_fixed_points(step, np.ones((1, 1))).states[0, 0]
    bound = 4 * TANH_CURVATURE
    for offset in (1e-3, -1e-4, 1e-6):
        found = _certify(step, np.array([[root + offset]]), lipschitz=bound)
        assert found.codes[0] == Certificate.CERTIFIED
        assert abs(offset) <= found.error_bound[0] <= 1.5 * abs(offset)


@pytest.mark.parametrize("lipschitz", [None, 4 * TANH_CURVATURE])
@pytest.mark.parametrize("wrong", [0.3, 0.5, 2.0, 10.0])
def test_wrong_point_is_not_certified(lipschitz, wrong):
    found = _certify(lambda x: torch.tanh(2 * x), np.array([[wrong]]), lipschitz)
    # A certificate far from the point may hold only if its error ball reaches a true point.
    if found.codes[0] == Certificate.CERTIFIED:
        nearest = min(abs(wrong - root) for root in (-0.9575040240772687, 0.0, 0.9575040240772687))
        assert found.error_bound[0] >= nearest
    else:
        assert found.codes[0] == Certificate.INCONCLUSIVE
        assert np.isnan(found.radius[0])
    assert found.codes[0] == Certificate.INCONCLUSIVE or wrong != 0.5


def test_slow_point_without_a_zero_is_not_certified():
    # x² + x + δ has no fixed point; near the ghost at 0 the speed is δ.
    found = _certify(lambda x: x + x**2 + 1e-9, np.array([[1e-5], [0.0], [-1e-5]]), lipschitz=2.0)
    assert (found.codes == Certificate.INCONCLUSIVE).sum() + (found.codes == Certificate.SINGULAR).sum() == 3


def test_local_bound_as_a_function_beats_a_global_one():
    # F = x/2 + x³/10: F'' = 0.6 x is unbounded; on the ball of radius r around x it is at most 0.6 (|x| + r).
    step = lambda x: 0.5 * x + 0.1 * x**3  # noqa: E731
    bound = lambda states, radii: 0.6 * (np.abs(states[:, 0]) + radii)  # noqa: E731
    points = find_fixed_points(step, np.linspace(-3, 3, 31)[:, None], lipschitz=bound)
    np.testing.assert_allclose(np.sort(points.states[:, 0]), [-np.sqrt(5), 0, np.sqrt(5)], atol=1e-13)
    assert points.certified.all()
    assert (points.radius < np.sqrt(5)).all()
    assert points.radius.min() > 0.3


def test_estimated_curvature_is_near_the_truth_in_many_dimensions(flipflop):
    # Random directions alone would see about 1/√30 of the curvature along the bits.
    points = find_fixed_points(flipflop, flipflop.known() + 1e-3)
    assert len(points) == 27
    # The nearest other point bounds every true radius.
    distance = np.linalg.norm(points.states[:, None] - points.states[None], axis=-1)
    np.fill_diagonal(distance, np.inf)
    assert (points.radius < distance.min(axis=1)).all()
    assert points.radius.min() > 0.05


@pytest.mark.parametrize(
    ("phi", "curvature"), [(np.tanh, TANH_CURVATURE), (lambda x: 1 / (1 + np.exp(-x)), LOGISTIC_CURVATURE)]
)
def test_curvature_constants(phi, curvature):
    x = np.linspace(-4, 4, 20001)
    second = np.diff(phi(x), 2) / (x[1] - x[0]) ** 2
    assert np.abs(second).max() == pytest.approx(curvature, rel=1e-4)


@pytest.mark.parametrize("form", ["rate", "voltage"])
def test_lipschitz_bound_holds_and_is_attained_within_a_factor(form, box):
    weight, scale = np.random.default_rng(0).standard_normal((4, 4)), 0.2
    torch_weight = torch.tensor(weight)

    def step(x):
        drive = torch.tanh(x) @ torch_weight.T if form == "rate" else torch.tanh(x @ torch_weight.T)
        return (1 - scale) * x + scale * drive

    problem = make_problem(step, box(4000, 4, 1.0), None, dtype=torch.float64)
    jacobian = make_jacobian(problem)
    near = problem.starts + 0.05 * torch.tensor(box(4000, 4, 1.0, seed=1))
    change = torch.linalg.matrix_norm(jacobian(near, None) - jacobian(problem.starts, None), ord=2)
    seen = float((change / (near - problem.starts).norm(dim=1)).max())
    bound = lipschitz_from_curvature(weight, form=form, scale=scale)
    assert bound / 4 < seen <= bound


def test_ring_attractor_is_kept_and_called_singular():
    def ring(x):
        size = x.norm(dim=1, keepdim=True)
        return x * (1.5 - 0.5 * size)

    angles = np.linspace(0, 6, 40)
    starts = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.linspace(0.5, 1.5, 40)[:, None]
    points = find_fixed_points(ring, starts)
    on_ring = np.abs(np.linalg.norm(points.states, axis=1) - 1) < 1e-9
    assert on_ring.sum() >= 38
    assert not points.certified[on_ring].any()
    assert (points.certificate[on_ring] == Certificate.SINGULAR).all()
    assert "continuous attractor" in points.reasons()[int(np.flatnonzero(on_ring)[0])]
    assert set(np.array(points.types())[on_ring]) == {"marginal"}


def test_identity_map_keeps_every_start_uncertified(box):
    starts = box(10, 3)
    points = find_fixed_points(lambda x: x.clone(), starts)
    assert len(points) == 10
    assert points.speeds.max() == 0
    assert (points.certificate == Certificate.SINGULAR).all()


def test_no_certificate_asked():
    points = find_fixed_points(lambda x: 0.5 * x, np.ones((2, 1)), certify=False)
    assert points.certificate_kind == "none"
    assert (points.certificate == Certificate.NOT_ASKED).all()
    assert not points.certified.any()
    assert np.isnan(points.radius).all()
