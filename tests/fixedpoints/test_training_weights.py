"""The ways between the checkpoints of a network, and its fixed points on them."""

import itertools

import numpy as np
import pytest
import torch

from dynascope.errors import InputError
from dynascope.fixedpoints import along_weights
from dynascope.fixedpoints.following.checkpoints import along_checkpoints, along_family
from dynascope.fixedpoints.following.training import training_diagram


class Network(torch.nn.Module):
    """A small tanh network whose weights have names."""

    def __init__(self, n_units=5):
        super().__init__()
        self.recurrent = torch.nn.Parameter(torch.zeros(n_units, n_units))
        self.bias = torch.nn.Parameter(torch.zeros(n_units))

    def step(self, state, input):
        return 0.8 * state + 0.2 * torch.tanh(state @ self.recurrent.mT + self.bias + input.sum(-1, keepdim=True))


def network_weights(seed, scale):
    draw = np.random.default_rng(seed)
    return {"recurrent": scale * draw.standard_normal((5, 5)), "bias": 0.1 * draw.standard_normal(5)}


def test_the_derivative_along_weights_is_that_of_the_plain_line():
    """Forward mode against autograd through all weights, for states and for the place on the line."""
    weights = [network_weights(0, 0.5), network_weights(1, 2.0)]
    given = np.array([0.3, -0.1])
    (fast,) = along_checkpoints(Network().step, weights, input=given)
    plain = along_weights(Network().step, *weights, input=given)
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(4, 5, generator=draw, dtype=torch.float64)
    places = torch.tensor([[0.2], [0.2], [0.9], [0.0]], dtype=torch.float64)
    torch.testing.assert_close(fast(rows, places), plain(rows, places), rtol=0, atol=1e-14)
    for i in range(4):
        for made, expected in zip(*(jacobians(line, rows[i], places[i]) for line in (fast, plain)), strict=True):
            torch.testing.assert_close(made, expected, rtol=0, atol=1e-12)


def jacobians(line, row, place):
    return torch.autograd.functional.jacobian(lambda x, p: line(x[None], p[None])[0], (row, place))


def test_checkpoints_of_a_network():
    weights = [network_weights(0, 0.1), network_weights(0, 0.3), network_weights(2, 2.0)]
    starts = np.random.default_rng(0).uniform(-1, 1, (40, 5))
    found = training_diagram(along_checkpoints(Network().step, weights, input=np.zeros(2)), [0, 640, 1280], starts)
    plain = [along_weights(Network().step, *pair, input=np.zeros(2)) for pair in itertools.pairwise(weights)]
    again = training_diagram(plain, [0, 640, 1280], starts, slow_points=False)
    np.testing.assert_allclose(found.event_trials, again.event_trials, atol=1e-6)
    np.testing.assert_array_equal(found.branch, again.branch)
    assert len(found.event_types) > 0
    network = Network().double()
    for index, parameters in enumerate(weights):
        network.load_state_dict({name: torch.as_tensor(value) for name, value in parameters.items()})
        states = torch.as_tensor(found.states[found.checkpoint == index])
        with torch.no_grad():
            torch.testing.assert_close(network.step(states, torch.zeros(1, 2)), states, rtol=0, atol=1e-11)


def test_weights_that_do_not_change():
    (line,) = along_checkpoints(Network().step, [network_weights(0, 0.5)] * 2, input=np.zeros(2))
    row, place = torch.ones(5, dtype=torch.float64), torch.full((1,), 0.5, dtype=torch.float64)
    assert not jacobians(line, row, place)[1].any()


def test_ways_between_checkpoints_are_refused():
    with pytest.raises(InputError, match="weights: expected those of at least two checkpoints, found 1"):
        along_checkpoints(Network().step, [network_weights(0, 1.0)])
    for values in ([1.0], [1.0, np.nan]):
        with pytest.raises(InputError, match="values: expected at least two finite numbers"):
            along_family(lambda x, w: w * x, values)
