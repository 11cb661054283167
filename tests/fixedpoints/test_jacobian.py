"""Jacobians: against closed forms, finite differences and each other; eigenvalues against numpy."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascope.fixedpoints import find_fixed_points
from dynascope.fixedpoints.jacobian import chunks, make_jacobian, one_by_one, together
from dynascope.fixedpoints.problem import make_problem
from dynascope.fixedpoints.stability import count_unstable, eigenvalues, is_stable, point_types


def _loop(x):
    # Internal loops, matrix products and an in-place write.
    weight = torch.tensor([[0.5, -1.0, 0.2], [0.3, 0.1, 0.7], [-0.4, 0.9, 0.6]], dtype=x.dtype)
    for _ in range(3):
        x = x.clone()
        x[:, 0] *= 0.5
        x = torch.sin(x @ weight.T) + 0.1 * x**2
    return x


def _branches(x):
    return torch.stack([row * 2 if row.sum() > 0 else torch.sin(row) for row in x])


STEPS = {"loop": _loop, "branches": _branches, "gru": torch.nn.GRUCell(2, 3).double()}


def _problem(name, states, dtype=torch.float64):
    step = STEPS[name]
    if name == "gru":
        cell = step
        return make_problem(lambda x, u: cell(u, x), states, np.array([0.2, -1.0]), dtype=dtype)
    return make_problem(step, states, None, dtype=dtype)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(STEPS)), st.integers(0, 2**31))
def test_against_finite_differences(name, seed):
    states = np.random.default_rng(seed).uniform(-1.5, 1.5, (4, 3))
    problem = _problem(name, states)
    found = make_jacobian(problem)(problem.starts, problem.inputs)
    width = 1e-6
    columns = []
    for j in range(3):
        shift = width * torch.eye(3, dtype=torch.float64)[j]
        ahead, behind = (problem.map(problem.starts + s * shift, problem.inputs) for s in (1, -1))
        columns.append((ahead - behind) / (2 * width))
    # Central differences: error h² F''' + ε / h, about 1e-9 here.
    torch.testing.assert_close(found, torch.stack(columns, dim=2), rtol=0, atol=1e-7)


@pytest.mark.parametrize("name", sorted(STEPS))
def test_vectorised_equals_one_by_one(name, box):
    problem = _problem(name, box(6, 3))
    arguments = problem, problem.starts, problem.inputs
    torch.testing.assert_close(together(*arguments), one_by_one(*arguments), rtol=0, atol=1e-12)


def test_step_whose_backward_cannot_be_vectorised_takes_the_plain_path(box):
    class Tanh(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(torch.tanh(x))
            return torch.tanh(x)

        @staticmethod
        def backward(ctx, gradient):
            (value,) = ctx.saved_tensors
            assert float(gradient.abs().sum()) >= 0  # refuses tensors under vmap
            return gradient * (1 - value**2)

    problem = make_problem(lambda x: 2 * Tanh.apply(x), box(5, 3), None, dtype=torch.float64)
    with pytest.raises(RuntimeError):
        together(problem, problem.starts, None)
    found = make_jacobian(problem)(problem.starts, None)
    expected = torch.diag_embed(2 / torch.cosh(problem.starts) ** 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_analytic_jacobian_is_used_and_gives_the_same_points(box):
    calls = []

    def jacobian(x):
        calls.append(len(x))
        return torch.diag_embed(2 / torch.cosh(2 * x) ** 2)

    step = lambda x: torch.tanh(2 * x)  # noqa: E731
    starts = box(200, 2)
    analytic, automatic = find_fixed_points(step, starts, jacobian=jacobian), find_fixed_points(step, starts)
    assert calls
    np.testing.assert_allclose(analytic.states, automatic.states, atol=1e-13)
    np.testing.assert_allclose(analytic.jacobians, automatic.jacobians, atol=1e-12)


def test_start_on_a_kink_is_no_contradiction():
    points = find_fixed_points(lambda x: 0.5 * torch.relu(x) + 1, np.zeros((3, 2)))
    np.testing.assert_allclose(points.states, [[2.0, 2.0]])


def test_chunks_cover_every_row_once_within_the_bound():
    states = torch.zeros(10, 8, dtype=torch.float64)
    parts = chunks(states, 3 * 16 * 64 * 8)
    assert [len(part) for part in parts] == [3, 3, 3, 1]
    assert torch.cat(parts).tolist() == list(range(10))
    assert chunks(states[:0], 1) == []


def test_memory_bound_does_not_change_the_points(flipflop, box):
    starts = box(60, 30)
    whole, pieces = (find_fixed_points(flipflop, starts, memory=memory) for memory in (2**30, 2**18))
    np.testing.assert_allclose(whole.states, pieces.states, atol=1e-12)
    assert whole.multiplicity.tolist() == pieces.multiplicity.tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(0, 2**31))
def test_eigenvalues_equal_numpy_and_are_sorted(size, seed):
    matrix = np.random.default_rng(seed).standard_normal((size, size))
    found = eigenvalues(matrix[None])[0]
    assert (np.diff(np.abs(found)) <= 1e-12).all()
    np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(np.linalg.eigvals(matrix)), atol=1e-10)


@pytest.mark.parametrize(
    ("values", "n_unstable", "stable", "name"),
    [
        ([0.5, -0.9], 0, True, "stable"),
        ([1.5, 0.5], 1, False, "saddle"),
        ([-1.5, 1.1], 2, False, "repeller"),
        ([1.0, 0.3], 0, False, "marginal"),
        ([np.exp(1j), np.exp(-1j)], 0, False, "marginal"),
        ([1 + 1e-12, 0.0], 0, False, "marginal"),
        ([1.1j, -1.1j], 2, False, "repeller"),
    ],
)
def test_stability_of_a_map(values, n_unstable, stable, name):
    row = np.array([values], dtype=complex)
    assert count_unstable(row).tolist() == [n_unstable]
    assert is_stable(row).tolist() == [stable]
    assert point_types(row) == [name]


class _WithFormula(torch.nn.Module):
    """tanh(2x) with a method ``jacobian``, which counts its calls and may lie."""

    def __init__(self, factor):
        super().__init__()
        self.factor, self.calls = factor, []

    def forward(self, x):
        return torch.tanh(2 * x)

    def jacobian(self, x):
        self.calls.append(len(x))
        return torch.diag_embed(self.factor * (1 - torch.tanh(2 * x) ** 2))


def test_the_steps_own_formula_is_used():
    step = _WithFormula(2.0)
    problem = make_problem(step, np.ones((4, 3)), None)
    made = make_jacobian(problem)(problem.starts, None)
    assert problem.step.calls[-1] == 4  # on the copy that the search uses
    np.testing.assert_allclose(made, together(problem, problem.starts, None), atol=1e-15)


@pytest.mark.parametrize("factor", [1.0, float("nan"), None])
def test_a_method_of_that_name_that_is_not_the_derivative_is_not_used(factor):
    problem = make_problem(_WithFormula(factor), np.ones((4, 3)), None)
    made = make_jacobian(problem)(problem.starts, None)
    np.testing.assert_allclose(made, together(problem, problem.starts, None), atol=1e-15)
