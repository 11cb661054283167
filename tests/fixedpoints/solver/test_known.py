"""Known zeros and the stages of a search: what they may take, and that nothing is lost by them."""

import numpy as np
import pytest
import torch

from dynascope.fixedpoints.jacobian import make_jacobian
from dynascope.fixedpoints.problem import make_problem
from dynascope.fixedpoints.solver import newton
from dynascope.fixedpoints.solver.known import Known, number_inputs
from dynascope.fixedpoints.solver.outcome import Outcome


def _known(problem, states, rows=None):
    found = torch.as_tensor(states, dtype=problem.starts.dtype)
    rows = torch.arange(len(found)) if rows is None else torch.tensor(rows)
    known = Known.none(problem)
    return known.extended(problem, make_jacobian(problem), rows, found, groups=number_inputs(problem), memory=2**24)


def _pull(known, problem, *, fresh=False):
    return known.pull(
        problem,
        problem.starts,
        problem.residual(problem.starts, problem.inputs),
        problem.inputs,
        groups=number_inputs(problem),
        fresh=torch.full((len(problem.starts),), fresh),
        tolerance=1e-25,
    )


def test_copies_are_dropped_and_inverses_are_inverses(flipflop):
    points = flipflop.known()
    found = np.concatenate([points, points[::-1] + 1e-9])
    problem = make_problem(flipflop, found, None)
    known = _known(problem, found)
    assert len(known) == 27
    derivative = problem.residual_jacobian(make_jacobian(problem)(known.states, None))
    identity = torch.eye(30, dtype=torch.float64).expand(27, -1, -1)
    torch.testing.assert_close(known.inverses @ derivative, identity, rtol=0, atol=1e-12)


def test_a_start_near_a_known_zero_converges_to_it(flipflop):
    points = flipflop.known()
    noise = 0.03 * np.random.default_rng(0).standard_normal(points.shape)
    problem = make_problem(flipflop, points + noise, None)
    rows, states, residuals = _pull(_known(problem, points), problem)
    assert len(rows) >= 25
    np.testing.assert_allclose(states, points[rows], atol=1e-10)
    assert float(residuals.square().sum(1).max()) <= 2e-25


def test_a_start_that_has_not_moved_has_to_be_nearer():
    problem = make_problem(lambda x: torch.tanh(2 * x), np.array([[0.9], [0.7]]), None)
    known = _known(problem, [[0.9575040240772687]], rows=[0])
    assert _pull(known, problem, fresh=True)[0].tolist() == [0]
    assert _pull(known, problem, fresh=False)[0].tolist() == [0, 1]


def test_far_starts_and_starts_with_other_inputs_are_left_alone():
    step = lambda x, u: torch.tanh(2 * x) + u  # noqa: E731
    # Beyond its bend, the chord of the zero near 0.96 leads the first start away.
    problem = make_problem(step, np.array([[0.3], [0.95], [0.95]]), np.array([[0.0], [0.0], [0.5]]))
    known = _known(problem, [[0.9575040240772687]], rows=[1])
    assert _pull(known, problem)[0].tolist() == [1]


def test_only_zeros_of_the_same_input_are_near():
    step = lambda x, u: 0.5 * x + u  # noqa: E731
    problem = make_problem(step, np.ones((4, 1)), np.array([[1.0], [0.5], [1.0], [2.0]]))
    known, groups = _known(problem, [[2.0], [1.0]]), number_inputs(problem)
    rows, labels = known.nearest(problem.starts, groups)
    assert rows.tolist() == [0, 1, 2]  # the fourth start has an input of its own
    assert known.states[labels, 0].tolist() == [2.0, 1.0, 2.0]


@pytest.mark.parametrize("slope", [1.0, 1 - 1e-12])
def test_zeros_on_a_line_are_not_used(slope):
    problem = make_problem(lambda x: x * torch.tensor([slope, 0.5], dtype=x.dtype), np.ones((3, 2)), None)
    assert len(_known(problem, [[1.0, 0.0], [2.0, 0.0]])) == 0


def test_directions_are_those_of_each_rows_zero(box, monkeypatch):
    weight = torch.tensor(box(6, 6))
    problem = make_problem(lambda x: torch.tanh(x @ weight.T), box(50, 6), None)
    known, value = _known(problem, problem.starts[:9]), torch.tensor(box(50, 6, seed=1))
    labels = torch.arange(50) % 9
    expected = -torch.stack([known.inverses[label] @ row for label, row in zip(labels, value, strict=True)])
    torch.testing.assert_close(known.directions(labels, value), expected, rtol=0, atol=1e-12)
    monkeypatch.setattr("dynascope.fixedpoints.solver.known._GATHER", 0)
    torch.testing.assert_close(known.directions(labels, value), expected, rtol=0, atol=1e-12)


def test_a_list_that_is_full_stays_as_it_is(flipflop):
    problem = make_problem(flipflop, flipflop.known(), None)
    found = torch.as_tensor(flipflop.known())
    options = {"groups": number_inputs(problem), "memory": 4 * 30 * 30 * 8 * 5}
    assert len(Known.none(problem).extended(problem, make_jacobian(problem), torch.arange(27), found, **options)) == 5


def test_inputs_are_numbered():
    step = lambda x, u: 0.5 * x + u  # noqa: E731
    shared = make_problem(step, np.ones((4, 1)), np.array([2.0]))
    each = make_problem(step, np.ones((4, 1)), np.array([[1.0], [2.0], [1.0], [3.0]]))
    assert number_inputs(shared).tolist() == [0, 0, 0, 0]
    assert number_inputs(each).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(("n_starts", "n_states", "sizes"), [(100, 60, [7, 18, 75]), (100, 5, [100]), (40, 60, [40])])
def test_stages_hold_every_start_once_in_an_order_of_their_own(n_starts, n_states, sizes, box):
    starts = torch.tensor(box(n_starts, n_states))
    stages = newton._stages(starts)
    assert [len(stage) for stage in stages] == sizes
    assert torch.cat(stages).sort().values.tolist() == list(range(n_starts))
    turned = newton._stages(starts.flip(0))
    for stage, other in zip(stages, turned, strict=True):
        torch.testing.assert_close(starts[stage], starts.flip(0)[other])


def _solved(problem, memory=2**28):
    return newton.solve(problem, make_jacobian(problem), tolerance=1e-25, max_iterations=100, memory=memory)


def test_stages_save_factorisations_and_lose_no_point(flipflop_class, same_set, monkeypatch):
    network = flipflop_class(60, dtype=torch.float64)
    rng = np.random.default_rng(0)
    starts = rng.uniform(-2.5, 2.5, (400, 3)) @ network.directions.T + 0.1 * rng.standard_normal((400, 60))
    problem = make_problem(network, starts, None)
    staged = _solved(problem)
    monkeypatch.setattr(newton, "_PILOTS", 1000)
    plain = _solved(problem)
    for solution in (staged, plain):
        assert (solution.outcomes == int(Outcome.CONVERGED)).all()
        assert float(solution.speeds.max()) <= 1e-25
        same_set(np.unique(solution.states.numpy().round(6) + 0.0, axis=0), network.known(), 1e-5)
    assert staged.iterations.sum() < 0.7 * plain.iterations.sum()
    same = (staged.states - plain.states).norm(dim=1) < 1e-6
    assert same.double().mean() > 0.8


def test_chunks_do_not_matter(flipflop_class, box):
    problem = make_problem(flipflop_class(60, dtype=torch.float64), box(100, 60, 2.5), None)
    whole, pieces = _solved(problem), _solved(problem, memory=2**22)
    torch.testing.assert_close(whole.states, pieces.states, rtol=0, atol=1e-9)
    assert whole.iterations.tolist() == pieces.iterations.tolist()
