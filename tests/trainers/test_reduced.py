"""The reduced dynamics are exact: trajectories and fixed points agree with the full network."""

import numpy as np
import pytest
import torch
from making import drawn

from dynascope.errors import InputError
from dynascope.trainers.three_body import ReducedDynamics

CASES = [
    {"kind": "lowrank_rnn", "rank": 2},
    {"kind": "lowrank_tbrnn", "rank": 2, "hard_orth": True, "input_bias": True},
    {"kind": "lowrank_hornn", "rank": 2, "gated": True},
    {"kind": "lowrank_hornn", "mode": "disc"},
]


def model_of(config, **options):
    return drawn("three_body", {"n_units": 12, "n_inputs": 2, **config}, seed=1, **options)


@pytest.mark.parametrize("config", CASES)
def test_trajectories_agree_to_rounding(config):
    model = model_of(config)
    reduced = ReducedDynamics(model)
    inputs = torch.tensor(np.random.default_rng(2).normal(size=(5, 30, 2)))
    with torch.no_grad():
        states = model(inputs).states
        z = torch.zeros(5, reduced.size, dtype=torch.float64)
        for t in range(30):
            z = reduced.step(z, inputs[:, t])
            torch.testing.assert_close(reduced.lift(z), states[:, t], rtol=1e-12, atol=1e-13)


def test_projection_undoes_the_lift():
    reduced = ReducedDynamics(model_of(CASES[0]))
    z = torch.tensor(np.random.default_rng(3).normal(size=(4, reduced.size)))
    torch.testing.assert_close(reduced.project(reduced.lift(z)), z, rtol=0, atol=1e-12)
    assert reduced.names == ("kappa_1", "kappa_2", "v_1", "v_2")


@pytest.mark.parametrize(
    "config", [{"kind": "rnn"}, {"kind": "lowrank_gru"}, {"kind": "lowrank_rnn", "form": "voltage"}]
)
def test_networks_without_an_exact_reduction_are_refused(config):
    with pytest.raises(InputError, match="expected one low-rank network of form 'rate'"):
        ReducedDynamics(model_of(config))


def test_three_body_origin_is_always_stable_and_flow_is_even():
    """Without bias and input the three-body drive is even: its derivative at the origin vanishes."""
    model = model_of({"kind": "lowrank_tbrnn", "rank": 2})
    jacobian = torch.autograd.functional.jacobian(
        lambda x: model.step(x[None], torch.zeros(1, 2).double())[0], torch.zeros(12).double()
    )
    torch.testing.assert_close(jacobian, 0.8 * torch.eye(12).double(), rtol=0, atol=1e-14)
