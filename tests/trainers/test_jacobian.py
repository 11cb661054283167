"""The formula of ∂step/∂state beside automatic differentiation of ``step``, for every kind of network that has one."""

import numpy as np
import pytest
import torch

from dynascope.trainers.family import get_family

FULL = [{"kind": kind} for kind in ("rnn", "tbrnn", "hornn")]
LOW = [{"kind": "lowrank_rnn", "rank": 2}, {"kind": "lowrank_tbrnn", "rank": 2}]
LOW += [{"kind": "lowrank_hornn", "rank": 2, "rank_two_body": 1, "gated": gated} for gated in (False, True)]


def network(config, seed=0):
    family = get_family("three_body")
    made = family.model({"n_units": 7, "n_inputs": 2, "n_outputs": 1, **config}, dtype=torch.float64)
    generator = np.random.default_rng(seed)
    return made.load_arrays({name: generator.normal(size=array.shape) for name, array in made.arrays().items()})


@pytest.mark.parametrize("mode", ["cont", "disc"])
@pytest.mark.parametrize(("form", "nonlinearity"), [("rate", "tanh"), ("voltage", "sigmoid"), ("rate", "softplus")])
@pytest.mark.parametrize("config", [*FULL, *LOW, {"kind": "hornn", "gated": True}], ids=str)
def test_the_formula_is_the_derivative_of_the_step(config, form, nonlinearity, mode):
    model = network({**config, "form": form, "nonlinearity": nonlinearity, "mode": mode, "input_bias": True})
    state = torch.randn(5, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    u = torch.tensor([[0.3, -1.0]], dtype=torch.float64).expand(5, -1)
    expected = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda x, i=i: model.step(x[None], u[i : i + 1])[0], state[i])
            for i in range(5)
        ]
    )
    torch.testing.assert_close(model.jacobian()(state, u), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
def test_piecewise_linear_slopes(nonlinearity):
    model = network({"kind": "rnn", "nonlinearity": nonlinearity})
    state, u = torch.tensor([[1.0, -1, 2, -2, 3, -3, 0.5]], dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    expected = torch.autograd.functional.jacobian(lambda x: model.step(x[None], u)[0], state[0])
    torch.testing.assert_close(model.jacobian()(state, u)[0], expected)


def test_networks_without_a_formula_say_so():
    assert network({"kind": "lowrank_gru", "rank": 2}).jacobian() is None
    family = get_family("three_body")
    assert family.model({"kind": "rnn", "n_units": 3}, members=2).jacobian() is None
