"""What a list may lack: species richness against worked examples, indices against the theorem, spheres."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import FixedPoints, find_fixed_points
from dynascope.fixedpoints.completeness import (
    IndexCheck,
    fixed_point_index,
    residual_index,
    starts_since_new,
)
from dynascope.fixedpoints.problem import make_problem
from dynascope.fixedpoints.richness import richness
from dynascope.fixedpoints.spheres import inward_radius


def _grid(step, levels, n_states, leave_out=()):
    """Return what a search finds from the points of a grid themselves, some left out."""
    grid = np.stack(np.meshgrid(*[levels] * n_states, indexing="ij"), axis=-1).reshape(-1, n_states)
    return find_fixed_points(step, np.delete(grid, list(leave_out), axis=0))


def _twice(x):
    return torch.tanh(2 * x)


ROOT = 0.9575040240772688  # of x = tanh 2x


def test_chao1_by_hand():
    # n = 17, f₁ = 4, f₂ = 2: 7 + 16/17 · 4 · 3 / (2 · 3), and the variance of the bias-corrected form.
    found = richness(np.array([1, 1, 1, 1, 2, 2, 9]))
    share, unseen = 16 / 17, 16 / 17 * 2
    variance = share * 12 / 6 + share**2 * 4 * 49 / 36 + share**2 * 16 * 2 * 9 / 324
    factor = np.exp(1.959964 * np.sqrt(np.log(1 + variance / unseen**2)))
    assert found.estimate == pytest.approx(7 + unseen)
    assert (found.low, found.high) == pytest.approx((7 + unseen / factor, 7 + unseen * factor), rel=1e-6)
    assert found.coverage == pytest.approx(1 - 4 / 17)


def test_chao1_without_pairs_and_without_unseen():
    # f₂ = 0: 3 + 4/5 · 2 · 1 / 2.
    assert richness(np.array([1, 1, 3])).estimate == pytest.approx(3.8)
    full = richness(np.full(27, 40))
    assert (full.estimate, full.coverage) == (27, 1)
    assert full.low == pytest.approx(27, abs=1e-6)
    assert full.high == pytest.approx(27, abs=1e-6)
    assert np.isnan(richness(np.zeros(0, dtype=int)).estimate)


def test_interval_covers_the_number_of_points_that_starts_can_reach():
    # Chao's interval is a lower bound's: on 40 points with unequal chances it should hold the truth most of the time.
    rng, chances, inside, low = np.random.default_rng(0), np.random.default_rng(1).dirichlet(np.full(40, 3.0)), 0, 0
    for _ in range(200):
        found = richness(np.bincount(rng.choice(40, 100, p=chances), minlength=40))
        inside += found.low <= 40 <= found.high
        low += found.estimate
    assert inside >= 170
    assert low / 200 == pytest.approx(40, rel=0.1)


def test_index_is_the_sign_of_the_determinant():
    rng = np.random.default_rng(0)
    jacobians = 1.5 * rng.standard_normal((200, 5, 5))
    values = np.linalg.eigvals(jacobians).astype(complex)
    expected = np.sign(np.linalg.det(np.eye(5) - jacobians))
    np.testing.assert_array_equal(fixed_point_index(values), expected)
    np.testing.assert_array_equal(fixed_point_index(values, "flow"), np.sign(np.linalg.det(-jacobians)))
    np.testing.assert_array_equal(residual_index(torch.tensor(jacobians - np.eye(5))).numpy(), expected)


def test_index_where_a_determinant_would_overflow():
    rng = np.random.default_rng(1)
    jacobian = 1e3 * rng.standard_normal((1, 256, 256))
    expected, logarithm = np.linalg.slogdet(np.eye(256) - jacobian)
    assert logarithm[0] > np.log(np.finfo(float).max)
    assert fixed_point_index(np.linalg.eigvals(jacobian)).tolist() == expected.tolist()
    assert residual_index(torch.tensor(jacobian - np.eye(256))).tolist() == expected.tolist()


@pytest.mark.parametrize("smallest", [0.0, 1e-15, 1e-9])
def test_singular_points_have_no_index(smallest):
    basis = np.random.default_rng(2).standard_normal((4, 4))
    jacobian = basis @ np.diag([1 - smallest, 0.5, -2.0, 3.0]) @ np.linalg.inv(basis)
    assert fixed_point_index(np.linalg.eigvals(jacobian[None])).tolist() == [0]
    assert residual_index(torch.tensor(jacobian - np.eye(4))[None]).tolist() == [0]


def test_certificates_overrule_the_eigenvalues():
    values = np.array([[1 - 1e-9, 0.5], [0.5, 0.5]])
    assert fixed_point_index(values, certificates=np.array([0, 1])).tolist() == [1, 0]


def test_indices_of_a_complete_grid_sum_to_one():
    points = _grid(_twice, [-ROOT, 0, ROOT], 3)
    assert len(points) == 27
    assert points.index.tolist() == [(-1) ** n for n in points.n_unstable]
    assert points.index_sum.tolist() == [1]
    assert points.index_check.tolist() == [IndexCheck.CONSISTENT]
    assert not points.incomplete
    assert "the indices sum to 1, as they must" in points.summary()


@pytest.mark.parametrize("missing", [0, 1, 4, 13])
def test_one_missing_point_is_noticed(missing):
    points = _grid(_twice, [-ROOT, 0, ROOT], 3, leave_out=[missing])
    assert len(points) == 26
    assert points.incomplete
    assert points.index_sum[0] in {0, 2}
    assert f"INCOMPLETE: the indices must sum to 1 and do not: points are missing (sum {points.index_sum[0]})" in (
        points.summary()
    )


def test_flow_that_points_inward_and_the_lorenz_flow():
    points = find_fixed_points(lambda x: x - x**3, np.array([[-1.1], [0.1], [0.9]]), dynamics="flow")
    assert points.index.tolist() == [1, 1, -1]
    assert points.index_check.tolist() == [IndexCheck.CONSISTENT]

    def lorenz(s):
        x, y, z = s.T
        return torch.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], dim=1)

    starts = np.random.default_rng(0).uniform([-20, -20, 0], [20, 20, 45], (200, 3))
    # Not inward on spheres around the starts, though it is on ellipsoids around (0, 0, 38): the caller may know.
    assert find_fixed_points(lorenz, starts, dynamics="flow").index_check.tolist() == [IndexCheck.NO_BALL]
    known = find_fixed_points(lorenz, starts, dynamics="flow", ball=True)
    assert (known.index_sum.tolist(), known.index_check.tolist()) == ([1], [IndexCheck.CONSISTENT])
    half = find_fixed_points(lorenz, np.zeros((1, 3)), dynamics="flow", ball=True)
    assert half.incomplete


def _gru(x):
    torch.manual_seed(0)
    return torch.nn.GRUCell(1, 8).double()(torch.ones(len(x), 1, dtype=torch.float64), x)


def _lstm(x):
    torch.manual_seed(0)
    cell = torch.nn.LSTMCell(1, 6).double()
    hidden, memory = cell(torch.zeros(len(x), 1, dtype=torch.float64), (3 * x[:, :6], x[:, 6:]))
    return torch.cat([hidden, memory], dim=1)


EXPANDING = torch.diag(torch.tensor([0.1] * 63 + [1.5], dtype=torch.float64))


@pytest.mark.parametrize(
    ("step", "n_states", "dynamics", "inward"),
    [
        (_twice, 3, "map", True),
        (lambda x: 0.9 * x + torch.tanh(x), 3, "map", True),
        (_gru, 8, "map", True),  # gates saturate to the last digit far out
        (_lstm, 12, "map", True),  # open gates let the memory grow for one step
        (lambda x: x - 0.3 * x**3, 2, "map", True),
        (lambda x: -x + torch.tanh(3 * x), 2, "flow", True),
        (lambda x: 2 * x, 3, "map", False),
        (lambda x: x + 1, 2, "map", False),
        (lambda x: x.clone(), 2, "map", False),
        (lambda x: torch.exp(x), 2, "map", False),
        (lambda x: torch.relu(x @ EXPANDING) - 1, 64, "map", False),  # one direction of 64 grows
        (lambda x: x @ EXPANDING - 0.9 * x, 64, "flow", False),
    ],
)
def test_spheres(step, n_states, dynamics, inward):
    starts = np.random.default_rng(0).uniform(-2, 2, (30, n_states))
    problem = make_problem(step, starts, None, dynamics=dynamics)
    assert np.isfinite(inward_radius(problem, None)).tolist() == [inward]


def test_index_check_is_undefined_at_a_continuum_and_not_applicable_without_a_ball(box):
    line = find_fixed_points(lambda x: x * torch.tensor([1.0, 0.5], dtype=torch.float64), box(50, 2))
    assert line.index_check.tolist() == [IndexCheck.UNDEFINED]
    assert np.isnan(line.estimated_points).all()
    assert "index check: undefined: a point is singular" in line.summary()
    assert find_fixed_points(lambda x: 2 * x, box(5, 2)).index_check.tolist() == [IndexCheck.NO_BALL]
    assert find_fixed_points(_twice, box(5, 2), ball=False).index_check.tolist() == [IndexCheck.NOT_ASKED]


def test_nothing_found_where_something_must_be(box):
    points = find_fixed_points(_twice, np.array([[1e8, 1e8]]), ball=True, max_iterations=1, tolerance=1e-30)
    assert points.incomplete == (points.index_sum[0] != 1)
    none = find_fixed_points(lambda x: x + 1, box(5, 2), ball=True)
    assert (none.index_sum.tolist(), none.incomplete) == ([0], True)


def test_each_input_is_checked_by_itself():
    starts = np.concatenate([[[-2.0], [0.01], [2.0]], [[-2.0], [2.0]], np.zeros((2, 1))])
    inputs = np.array([0.0, 0, 0, 0.1, 0.1, 5, 5])[:, None]
    points = find_fixed_points(lambda x, u: torch.tanh(2 * x + u), starts, inputs)
    np.testing.assert_array_equal(points.group_inputs, [[0.0], [0.1], [5.0]])
    assert points.point_groups.tolist() == [0, 0, 0, 1, 1, 2]
    assert points.index_sum.tolist() == [1, 2, 1]
    assert points.index_check.tolist() == [IndexCheck.CONSISTENT, IndexCheck.INCOMPLETE, IndexCheck.CONSISTENT]
    assert "index check at 1 of 3 inputs: INCOMPLETE" in points.summary()
    assert points.estimated_points[2] == 1


def test_starts_since_the_last_new_point():
    labels, groups = np.array([0, 1, 0, -1, 2, 2, 0, 3]), np.array([0, 0, 0, 0, 1, 1, 0, 1])
    assert starts_since_new(labels, groups, np.array([True, True, True, True])).tolist() == [3, 0]
    assert starts_since_new(labels, groups, np.array([True, True, True, False])).tolist() == [3, 2]
    assert starts_since_new(np.array([-1, -1]), np.array([0, 0]), np.zeros(0, bool)).tolist() == [2]


def test_completeness_is_saved_and_loaded(tmp_path, box):
    points = find_fixed_points(_twice, box(200, 2))
    loaded = FixedPoints.load(points.save(tmp_path / "points.h5"))
    for name in ("index", "index_sum", "index_check", "estimated_points", "coverage", "starts_since_new"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(points, name))
    assert loaded.summary() == points.summary()
