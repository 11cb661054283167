"""Steps with one parameter, made from networks."""

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import as_map
from dynascope.fixedpoints.following.follow import bifurcation_diagram, continue_branch
from dynascope.fixedpoints.following.parameters import along_input, along_scale, along_weights


class Cell(torch.nn.Module):
    """x' = tanh(W x + V u), in float32 as networks are."""

    def __init__(self, weight, drive=None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=torch.float32))
        self.drive = torch.nn.Parameter(torch.tensor(np.eye(len(weight)) if drive is None else drive).float())

    def step(self, x, u):
        return torch.tanh(x @ self.weight.T + u @ self.drive.T)

    def forward(self, x):
        return torch.tanh(x @ self.weight.T)


def rows(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_the_chosen_channel_is_the_parameter():
    step = along_input(lambda x, u: x + u @ rows(1.0, 10.0, 100.0), np.array([3.0, 5.0, 7.0]), 1)
    np.testing.assert_allclose(step(rows(0.0, 1.0), rows(2.0, 4.0))[:, 0], [3 + 20 + 700, 1 + 3 + 40 + 700])


def test_along_the_input_of_a_bistable_unit_there_are_two_folds():
    """x = tanh(w x + u) folds where 1 = w (1 − x²)."""
    w = 2.0
    step = along_input(Cell([[w]]).step, torch.zeros(1), 0)
    found = continue_branch(step, np.array([-0.99]), -1.0, bounds=(-1, 1))
    x = np.sqrt(1 - 1 / w)
    place = w * x - np.arctanh(x)
    np.testing.assert_allclose(found.of_type("fold"), [-place, place], atol=1e-10)


def test_scaling_weights_to_the_pitchfork():
    """The leading eigenvalue of W is 0.5: the origin of x' = tanh(g W x) bifurcates at g = 2."""
    cell = Cell([[0.25, 0.25], [0.25, 0.25]])
    found = bifurcation_diagram(along_scale(cell, ["weight"]), np.full((1, 2), 0.01), 1.0, bounds=(0.5, 3))
    assert found.of_type("pitchfork") == pytest.approx([2.0], abs=1e-10)
    assert cell.weight.dtype == torch.float32
    assert cell.weight.detach().numpy().tolist() == [[0.25, 0.25], [0.25, 0.25]]


def test_methods_are_scaled_with_their_input():
    cell = Cell([[0.5]])
    step = along_scale(cell.step, ["weight"], input=np.array([0.3]))
    np.testing.assert_allclose(step(rows(0.4), rows(3.0))[:, 0], np.tanh(3 * 0.5 * 0.4 + 0.3), atol=1e-15)


def test_between_two_sets_of_weights():
    first, second = {"weight": np.array([[0.5]])}, {"weight": np.array([[2.0]])}
    step = along_weights(Cell([[0.0]]), first, second)
    np.testing.assert_allclose(
        step(rows(1.0, 1.0, 1.0), rows(0.0, 0.5, 1.0))[:, 0], np.tanh([0.5, 1.25, 2.0]), atol=1e-15
    )
    found = bifurcation_diagram(step, np.full((1, 1), 0.01), 0.0, bounds=(0, 1))
    assert found.of_type("pitchfork") == pytest.approx([1 / 3], abs=1e-10)


def test_rows_with_their_own_parameter_have_their_own_derivative():
    step = along_weights(Cell([[0.0]]), {"weight": np.array([[0.5]])}, {"weight": np.array([[2.0]])})
    place = rows(0.4, 0.4).requires_grad_()
    (slope,) = torch.autograd.grad(step(rows(0.3, 0.6), place).sum(), place)
    weight = 0.5 + 1.5 * np.array([0.4, 0.4])
    expected = 1.5 * np.array([0.3, 0.6]) / np.cosh(weight * [0.3, 0.6]) ** 2
    np.testing.assert_allclose(slope[:, 0], expected, atol=1e-14)


def test_functions_get_the_weights_first():
    step = along_weights(lambda weights, x: weights["a"] * x, {"a": np.zeros(1)}, {"a": np.ones(1)})
    np.testing.assert_allclose(step(rows(4.0), rows(0.5)), [[2.0]])


def test_torch_modules_can_be_scaled():
    torch.manual_seed(0)
    network = as_map(torch.nn.GRUCell(2, 6), torch.zeros(2))
    found = bifurcation_diagram(
        along_scale(network, ["module.weight_hh"]), np.zeros((1, 6)), 1.0, bounds=(0.8, 1.2), max_step=0.2
    )
    np.testing.assert_allclose(found.parameter[[0, -1]], [0.8, 1.2], atol=1e-15)
    double = as_map(torch.nn.GRUCell(2, 6).double(), torch.zeros(2))
    double.load_state_dict({name: value.double() for name, value in network.state_dict().items()})
    double.module.weight_hh.data *= 1.2
    last = torch.tensor(found.states[-1:])
    assert (double(last) - last).abs().max() < 1e-12


REFUSED = {
    "channel": (lambda: along_input(torch.tanh, np.zeros(2), 2), "channel: expected an integer from 0 to 1, found 2"),
    "input": (lambda: along_input(torch.tanh, np.zeros((2, 2)), 0), "input: expected shape (input,)"),
    "NaN": (lambda: along_input(torch.tanh, np.array([np.nan]), 0), "'input': expected finite numbers"),
    "names": (
        lambda: along_weights(Cell([[1.0]]), {"weight": [[1.0]]}, {"weights": [[1.0]]}),
        "expected the same names as parameters_from (weight), found weights",
    ),
    "shapes": (
        lambda: along_weights(Cell([[1.0]]), {"weight": [[1.0]]}, {"weight": [1.0]}),
        "parameters_to['weight']: expected shape (1, 1), found (1,)",
    ),
    "unknown": (
        lambda: along_weights(Cell([[1.0]]), {"wight": [[1.0]]}, {"wight": [[1.0]]}),
        "did you mean 'weight'",
    ),
    "wrong shape": (
        lambda: along_weights(Cell([[1.0]]), {"weight": [1.0]}, {"weight": [1.0]}),
        "parameter 'weight': expected shape (1, 1), found (1,)",
    ),
    "scale of a function": (lambda: along_scale(torch.tanh), "expected a module"),
    "scale of nothing": (lambda: along_scale(Cell([[1.0]]), ["wight"]), "did you mean 'weight'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, words = REFUSED[name]
    with pytest.raises(InputError) as error:
        make()
    assert words in str(error.value)
