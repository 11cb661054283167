"""Closed-form Jacobians of torch's recurrent modules, against reverse-mode differentiation of the same modules."""

import pytest
import torch
from torch import nn

from dynascope.fixedpoints.adapters import as_map
from dynascope.fixedpoints.analytic import has_formula, module_jacobian
from dynascope.fixedpoints.jacobian import one_by_one
from dynascope.fixedpoints.problem import make_problem

MODULES = {
    "tanh": lambda: nn.RNN(3, 5),
    "relu": lambda: nn.RNN(3, 5, nonlinearity="relu"),
    "batch first": lambda: nn.GRU(3, 5, batch_first=True),
    "gru": lambda: nn.GRU(3, 5),
    "lstm": lambda: nn.LSTM(3, 5),
    "tanh cell": lambda: nn.RNNCell(3, 5),
    "gru cell": lambda: nn.GRUCell(3, 5),
    "lstm cell": lambda: nn.LSTMCell(3, 5),
    "gru without bias": lambda: nn.GRU(3, 5, bias=False),
    "lstm cell without bias": lambda: nn.LSTMCell(3, 5, bias=False),
}


@pytest.mark.parametrize("name", MODULES)
def test_formula_equals_autograd(name):
    torch.manual_seed(1)
    module = MODULES[name]().double()
    step = as_map(module)
    states, inputs = torch.randn(6, step.n_states).double(), torch.randn(6, 3).double()
    problem = make_problem(step, states, inputs)
    expected = one_by_one(problem, states, inputs)
    assert has_formula(module)
    torch.testing.assert_close(module_jacobian(module, states, inputs), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "module",
    [nn.GRU(3, 5, num_layers=2), nn.RNN(3, 5, bidirectional=True), nn.LSTM(3, 5, proj_size=2), nn.Linear(3, 3)],
)
def test_other_modules_have_no_formula(module):
    assert not has_formula(module)
