"""Torch's recurrent modules as maps: equal to the module run for one step, whatever its kind, layers and layout."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import as_map, find_fixed_points
from dynascope.fixedpoints.jacobian import make_jacobian, together
from dynascope.fixedpoints.problem import make_problem

CELLS = {"rnn": torch.nn.RNNCell, "gru": torch.nn.GRUCell, "lstm": torch.nn.LSTMCell}
LAYERED = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}


def made(kind, **options):
    torch.manual_seed(1)
    return LAYERED[kind](3, 4, **options).double()


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", LAYERED)
def test_one_step_is_the_module_run_for_one_step(kind, layers, batch_first):
    module = made(kind, num_layers=layers, batch_first=batch_first)
    step, n = as_map(module), 5
    parts = [torch.randn(layers, n, 4, dtype=torch.float64) for _ in range(2 if kind == "lstm" else 1)]
    u = torch.randn(n, 3, dtype=torch.float64)
    _, expected = module(u[:, None] if batch_first else u[None], tuple(parts) if kind == "lstm" else parts[0])
    expected = expected if kind == "lstm" else (expected,)
    flat = torch.cat([layer for part in parts for layer in part], dim=1)
    wanted = torch.cat([layer for part in expected for layer in part], dim=1)
    torch.testing.assert_close(step(flat, u), wanted)


@pytest.mark.parametrize("kind", CELLS)
def test_a_cell_and_its_layered_twin_are_the_same_map(kind):
    cell, module = CELLS[kind](3, 4).double(), made(kind)
    with torch.no_grad():
        for name, value in cell.named_parameters():
            value.copy_(module.get_parameter(f"{name}_l0"))
    step = as_map(cell)
    states, u = torch.randn(5, step.n_states, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(step(states, u), as_map(module)(states, u))


def test_layout_names_the_parts_of_the_flat_state():
    step = as_map(torch.nn.LSTM(3, 4, num_layers=2))
    assert step.layout == {"h1": slice(0, 4), "h2": slice(4, 8), "c1": slice(8, 12), "c2": slice(12, 16)}
    assert as_map(torch.nn.GRUCell(3, 4)).layout == {"h": slice(0, 4)}


@pytest.mark.parametrize("kind", LAYERED)
def test_points_stay_where_the_module_is_run(kind):
    """The module itself, run for a thousand steps from a stable point, has not moved."""
    module, u = made(kind, num_layers=2), np.array([0.5, -1.0, 0.2])
    step = as_map(module, u)
    starts = np.random.default_rng(0).uniform(-1, 1, (40, step.n_states))
    points = find_fixed_points(step, starts)
    assert points.stable.any()
    assert points.speeds.max() < 1e-25
    state = torch.as_tensor(points.states[points.stable][:1])
    parts = [part.contiguous() for part in state.reshape(len(step.parts), 2, 1, 4)]
    inputs = torch.as_tensor(u).expand(1000, 1, 3)
    _, end = module(inputs, tuple(parts) if kind == "lstm" else parts[0])
    end = torch.cat([part.flatten() for part in (end if kind == "lstm" else (end,))])
    torch.testing.assert_close(end, state[0], rtol=0, atol=1e-12)


def test_a_bound_input_equals_one_passed_per_start():
    module, u = made("gru"), np.array([0.5, -1.0, 0.2])
    starts = np.random.default_rng(0).uniform(-1, 1, (20, 4))
    bound, passed = find_fixed_points(as_map(module, u), starts), find_fixed_points(as_map(module), starts, u)
    np.testing.assert_allclose(bound.states, passed.states, atol=1e-13)
    assert passed.inputs.tolist() == [u.tolist()] * len(passed)


def test_a_float32_module_is_searched_in_float64_and_left_alone():
    module = torch.nn.GRU(3, 4)
    points = find_fixed_points(as_map(module, np.zeros(3)), np.zeros((1, 4)))
    assert points.states.dtype == np.float64
    assert next(module.parameters()).dtype == torch.float32


def test_dropout_between_layers_is_switched_off_in_a_copy():
    module = torch.nn.LSTM(3, 4, num_layers=2, dropout=0.5)
    step = as_map(module, np.zeros(3))
    state = torch.randn(2, 16)
    assert torch.equal(step(state), step(state))
    assert module.training


@pytest.mark.parametrize(
    ("module", "u", "words"),
    [
        (torch.nn.Linear(3, 3), None, "expected torch.nn.RNN, GRU, LSTM or one of their cells, found Linear"),
        (torch.nn.GRU(3, 4, bidirectional=True), None, "no step"),
        (torch.nn.LSTM(3, 4, proj_size=2), None, "proj_size"),
        (torch.nn.GRU(3, 4), np.zeros(2), r"expected 3 finite numbers, shape \(3,\), for GRU, found shape \(2,\)"),
        (torch.nn.GRU(3, 4), np.array([0, np.nan, 0]), "NaN"),
        ("gru", None, "found str"),
    ],
)
def test_refusals(module, u, words):
    with pytest.raises(InputError, match=words):
        as_map(module, u)


@pytest.mark.parametrize("kind", LAYERED)
def test_the_maps_own_jacobian_is_used_and_is_that_of_differentiation(kind):
    step = as_map(made(kind), np.array([0.5, -1.0, 0.2]))
    states = torch.randn(5, step.n_states, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    problem = make_problem(step, states, None)
    expected = together(problem, states, None)
    torch.testing.assert_close(step.jacobian(states), expected, rtol=0, atol=1e-13)
    assert make_jacobian(problem) is not together
    assert make_jacobian(problem)(states, None).grad_fn is None
    assert as_map(made(kind, num_layers=2)).jacobian(states) is None


def test_a_map_without_an_input_says_what_is_missing():
    with pytest.raises(InputError, match=r"no input is bound to this map; expected \(n, 3\)"):
        as_map(made("gru"))(torch.zeros(2, 4, dtype=torch.float64))
