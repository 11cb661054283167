"""The search as a whole: starts that fail, order, determinism, what it leaves untouched, and its solver."""

import functools

import numpy as np
import pytest
import torch

from dynascope.fixedpoints import Certificate, find_fixed_points, sample_starts
from dynascope.fixedpoints.jacobian import make_jacobian
from dynascope.fixedpoints.problem import make_problem
from dynascope.fixedpoints.solver.directions import broyden_step
from dynascope.fixedpoints.solver.newton import Outcome, polish, solve


def _plain_newton(step, jacobian, state):
    """One start, full Newton steps with halving, numpy only: the reference."""
    for _ in range(200):
        value = step(state) - state
        if 0.5 * value @ value <= 1e-28:
            break
        direction = -np.linalg.solve(jacobian(state) - np.eye(len(state)), value)
        size = 1.0
        while size > 1e-5 and np.sum((step(state + size * direction) - state - size * direction) ** 2) >= value @ value:
            size /= 2
        state = state + size * direction
    return state, 0.5 * value @ value


def test_solver_finds_what_plain_newton_finds(box):
    rng = np.random.default_rng(5)
    weight, bias = 2.5 * rng.standard_normal((3, 3)), 0.3 * rng.standard_normal(3)
    step = lambda x: np.tanh(weight @ x + bias)  # noqa: E731
    slope = lambda x: (1 - np.tanh(weight @ x + bias) ** 2)[:, None] * weight  # noqa: E731
    starts = box(300, 3, 1.0)
    torch_weight, torch_bias = torch.tensor(weight), torch.tensor(bias)
    points = find_fixed_points(lambda x: torch.tanh(x @ torch_weight.T + torch_bias), starts)
    assert points.n_converged >= 295
    reached = [state for state, q in (_plain_newton(step, slope, start) for start in starts) if q <= 1e-25]
    assert len(reached) > 200
    for state in reached:
        assert np.linalg.norm(points.states - state, axis=1).min() < 1e-9
    for state, jacobian in zip(points.states, points.jacobians, strict=True):
        assert np.linalg.norm(step(state) - state) < 1e-14
        np.testing.assert_allclose(jacobian, slope(state), atol=1e-12)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda x: x + 1, "local minimum of q"),
        (lambda x: x + x**2 + 1e-6, "local minimum of q"),
    ],
)
def test_map_without_fixed_points_gives_none(step, words):
    points = find_fixed_points(step, np.linspace(-1, 1, 21)[:, None], max_iterations=60)
    assert len(points) == 0
    assert points.n_converged == 0
    assert points.states.shape == (0, 1)
    assert points.jacobians.shape == (0, 1, 1)
    assert points.eigenvalues.shape == (0, 1)
    assert sum(points.outcomes.values()) == 21
    assert any(words in sentence for sentence in points.outcomes)
    assert points.summary().startswith("no fixed points found\n0 of 21 starts converged")


def test_zero_at_infinity_is_flagged_and_not_certified():
    # exp(−x) falls below any tolerance, so q does too: what is reported says that it is no ordinary point.
    points = find_fixed_points(lambda x: x + torch.exp(-x), np.linspace(-1, 1, 21)[:, None])
    assert points.states.min() > 20
    assert points.outside.all()
    assert (points.certificate == Certificate.SINGULAR).all()


def test_start_where_the_map_is_not_finite_is_recorded():
    step = lambda x: torch.sqrt(x) / 2 + 0.5  # noqa: E731
    points = find_fixed_points(step, np.array([[-1.0], [2.0], [3.0]]))
    np.testing.assert_allclose(points.states, [[1.0]])
    assert points.start_points.tolist() == [-1, 0, 0]
    assert points.outcomes["met states where the map is not finite"] == 1


def test_iterations_run_out():
    # q of x⁹ shrinks by (8/9)¹⁸ in a Newton step.
    points = find_fixed_points(lambda x: x + x**9, np.array([[40.0], [0.0]]), max_iterations=1)
    assert points.start_points.tolist() == [-1, 0]
    assert points.outcomes["used all iterations; raise max_iterations"] == 1
    problem = make_problem(lambda x: x + x**9, np.array([[40.0]]), None, dtype=torch.float64)
    end = solve(problem, make_jacobian(problem), tolerance=1e-25, max_iterations=2, memory=2**20)
    assert end.outcomes.tolist() == [Outcome.ITERATIONS]
    assert end.iterations.tolist() == [2]


def test_tolerance_below_round_off_is_said(box):
    # States of about 1e9 are known to 1e-7, and each next state is a sum of 30 products of that size.
    rng = np.random.default_rng(0)
    matrix, offset = torch.tensor(rng.standard_normal((30, 30))), torch.tensor(1e9 * rng.standard_normal(30))
    step = lambda x: x @ matrix.T + offset  # noqa: E731
    points = find_fixed_points(step, 1e9 * box(6, 30))
    assert points.n_converged == 0
    sentence = "reached the round-off floor of the map above the tolerance; raise tolerance"
    assert points.outcomes == {sentence: 6}
    assert find_fixed_points(step, 1e9 * box(6, 30), tolerance=1e-8).n_converged == 6


def test_stalled_start_gets_another_chance():
    # q has a local minimum near 2.1 that is no zero; the orbit of the map leads from there to the zero at −1.
    step = lambda x: x - 0.3 * ((x - 2) ** 2 + 0.05) * (x + 1)  # noqa: E731
    points = find_fixed_points(step, np.linspace(1.5, 2.5, 11)[:, None])
    np.testing.assert_allclose(points.states, [[-1.0]], atol=1e-13)
    assert points.n_converged >= 9


def test_broyden_step_equals_the_dense_update():
    rng = np.random.default_rng(0)
    dense = np.linalg.inv(rng.standard_normal((4, 4)))  # the inverse of the approximate Jacobian
    factors = torch.linalg.lu_factor(torch.tensor(np.linalg.inv(dense))[None])
    residual = lambda x: np.tanh(x) + 0.3 * np.roll(x, 1) - 0.5  # noqa: E731
    state, steps = rng.standard_normal(4), []
    for _ in range(5):
        value = residual(state)
        step = broyden_step(factors, torch.tensor(value)[None], steps)
        np.testing.assert_allclose(step[0], -dense @ value, rtol=1e-9)
        steps.append(step)
        move = step[0].numpy()
        change = dense @ (residual(state + move) - value)
        dense = dense + np.outer(move - change, move @ dense) / (move @ change)
        state = state + move


def test_polish_reaches_the_floor_and_never_goes_up():
    problem = make_problem(lambda x: torch.tanh(2 * x), np.array([[0.9], [1e-3], [5.0]]), None, dtype=torch.float64)
    before = problem.residual(problem.starts, None).abs()
    after = problem.residual(polish(problem, make_jacobian(problem), problem.starts, None, memory=2**20), None).abs()
    assert (after <= before).all()
    assert float(after[0]) < 1e-7


def test_permuted_starts_give_the_same_points(flipflop, box):
    starts = box(300, 30, 2.5)
    order = np.random.default_rng(1).permutation(300)
    first, second = find_fixed_points(flipflop, starts), find_fixed_points(flipflop, starts[order])
    np.testing.assert_allclose(first.states, second.states, atol=1e-11)
    assert first.multiplicity.tolist() == second.multiplicity.tolist()
    assert first.start_points[order].tolist() == second.start_points.tolist()


def test_same_call_same_bits(flipflop, box):
    first, second = (find_fixed_points(flipflop, box(50, 30)) for _ in range(2))
    for name in ("states", "radius", "eigenvalues", "start_points"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.input_digest == second.input_digest != ""


def test_multiplicity_and_labels_agree(flipflop, box):
    points = find_fixed_points(flipflop, box(200, 30, 2.5))
    counts = np.bincount(points.start_points[points.start_points >= 0], minlength=len(points))
    assert counts.tolist() == points.multiplicity.tolist()
    assert points.multiplicity.sum() == points.n_converged


class _Leaky(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(2 * torch.eye(2))
        self.register_buffer("bias", torch.full((2,), 0.1))

    def forward(self, x):
        return 0.5 * x + 0.5 * torch.tanh(x @ self.weight.T + self.bias)

    def step(self, x, noise=None):
        return self(x)


def test_float32_module_is_searched_in_float64_and_left_alone(box):
    module = _Leaky()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    steps = module, module.step, functools.partial(module.step, noise=None)
    starts = box(60, 2)
    found = [find_fixed_points(step, starts) for step in steps]
    assert found[0].states.dtype == np.float64
    assert found[0].speeds.max() <= 1e-25
    for other in found[1:]:
        np.testing.assert_array_equal(found[0].states, other.states)
    assert module.weight.requires_grad
    assert module.weight.grad is None
    for name, value in module.state_dict().items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_float32_search():
    starts = np.linspace(-2, 2, 9, dtype=np.float32)[:, None]
    points = find_fixed_points(lambda x: torch.tanh(2 * x), starts, tolerance=1e-12, dtype=torch.float32)
    assert points.states.dtype == np.float32
    np.testing.assert_allclose(np.sort(points.states[:, 0]), [-0.957504, 0, 0.957504], atol=1e-5)


def test_caller_settings_and_arrays_are_restored(box):
    starts, inputs = box(5, 2), np.array([0.1])
    machine = torch.get_num_threads()
    torch.set_num_threads(2)
    kept, threads, default = starts.copy(), 2, torch.get_default_dtype()
    step = lambda x, u: 0.5 * x + torch.ones(1) * u  # noqa: E731  torch.ones follows the default dtype
    with torch.no_grad():
        find_fixed_points(step, starts, inputs)
        assert not torch.is_grad_enabled()
    with pytest.raises(ValueError, match="step failed"):
        find_fixed_points(lambda x: x @ x, starts)
    restored = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(machine)
    assert restored == (threads, default)
    np.testing.assert_array_equal(starts, kept)


@pytest.mark.parametrize("convert", [torch.tensor, np.asfortranarray, lambda x: x[::-1], lambda x: x.astype(">f8")])
def test_starts_of_every_make(convert, box):
    points = find_fixed_points(lambda x: torch.tanh(2 * x), convert(box(50, 1)))
    assert len(points) == 3


def test_search_inside_inference_mode():
    with torch.inference_mode():
        points = find_fixed_points(lambda x: torch.tanh(2 * x), torch.linspace(-2, 2, 9)[:, None])
    assert len(points) == 3


def test_points_outside_the_visited_region_are_flagged():
    near = find_fixed_points(lambda x: 0.5 * x + 0.6, np.array([[-1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(near.states, [[1.2]])
    assert not near.outside.any()
    beyond = find_fixed_points(lambda x: 0.5 * x + 0.9, np.array([[-1.0], [0.0], [1.0]]))
    assert beyond.outside.tolist() == [True]
    far = find_fixed_points(lambda x: 0.5 * x + 50, np.array([[-1.0], [0.0], [1.0]]))
    np.testing.assert_allclose(far.states, [[100.0]])
    assert far.n_converged == 3
    assert far.outside.all()
    assert "1 point outside the region of the starts" in far.summary()
    alone = find_fixed_points(lambda x: 0.5 * x + 50, np.array([[8.0]]))
    assert alone.outside.tolist() == [False]


def test_sample_starts_uses_complete_samples_only():
    recorded = np.array([[[1.0, 0.0], [2.0, 0.0]], [[3.0, 0.0], [np.nan, np.nan]]])
    exact = sample_starts(recorded, 200, noise=0, mixing=1)
    assert set(exact[:, 0].round(12)) == {1.0, 2.0, 3.0}
    mixed = sample_starts(recorded, 200, noise=0)
    assert mixed[:, 0].min() >= 1 - 1e-12
    assert mixed[:, 0].max() <= 3 + 1e-12
    assert len(np.unique(mixed[:, 0])) > 100


def test_sample_starts_noise_and_seed(box):
    recorded = box(1000, 4)
    first, again, other = (sample_starts(recorded, 500, noise=0.3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    noise = first - sample_starts(recorded, 500, noise=0, seed=1)
    assert noise.std() == pytest.approx(0.3 * recorded.std(), rel=0.1)


def test_mixed_starts_find_the_saddles_between_attractors(flipflop):
    memories = flipflop.known()[(np.abs(flipflop.known()) > 0.1).all(axis=1)]
    recorded = np.repeat(memories, 20, axis=0)
    found = find_fixed_points(flipflop, sample_starts(recorded, 1024))
    plain = find_fixed_points(flipflop, sample_starts(recorded, 1024, mixing=1))
    assert len(plain) == 8
    assert len(found) == 27


@pytest.mark.parametrize("n_units", [1, 3])
def test_a_map_that_only_drifts_has_no_fixed_point_not_even_where_one_is_lost_to_rounding(n_units):
    """x' = mean(x) + 1: J − I is singular, and beyond 1e16 adding 1 changes nothing."""
    mean = torch.full((n_units, n_units), 1 / n_units, dtype=torch.float64)
    starts = np.random.default_rng(0).normal(size=(32, n_units))
    points = find_fixed_points(lambda x: x @ mean + 1, starts)
    assert len(points) == 0
    assert points.n_converged == 0


def test_polishing_does_not_carry_a_nearly_resting_state_to_infinity():
    """x' = x + 1e-13 rests to within the tolerance everywhere, and J − I vanishes."""
    starts = np.random.default_rng(0).normal(size=(8, 2))
    points = find_fixed_points(lambda x: x + 1e-13, starts)
    assert np.abs(points.states).max() < 10
