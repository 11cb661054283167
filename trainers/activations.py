"""The nonlinearities of units, each with its derivative and what is known of its curvature."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

#: largest |φ''| of φ = tanh, reached at tanh x = 1/√3
TANH_CURVATURE = 4 / (3 * 3**0.5)
#: the same of the logistic sigmoid σ(x) = (1 + tanh(x/2)) / 2
SIGMOID_CURVATURE = TANH_CURVATURE / 8


@dataclasses.dataclass(frozen=True)
class Activation:
    """One nonlinearity: f(x), f'(x), and a Lipschitz constant of f', None where f' jumps."""

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    curvature: float | None


def _softplus(x: Tensor) -> Tensor:
    # Above the default threshold of 20 torch returns x, which is 2e-9 off: visible in float64. At 40 it is not.
    return functional.softplus(x, threshold=40.0)


ACTIVATIONS = {
    "tanh": Activation(torch.tanh, lambda x: 1 - torch.tanh(x).square(), TANH_CURVATURE),
    "relu": Activation(torch.relu, lambda x: (x > 0).to(x), None),
    "sigmoid": Activation(torch.sigmoid, lambda x: torch.sigmoid(x) * torch.sigmoid(-x), SIGMOID_CURVATURE),
    "softplus": Activation(_softplus, torch.sigmoid, 0.25),
    "identity": Activation(lambda x: x, torch.ones_like, 0.0),
    "power": Activation(lambda x: torch.relu(x).square(), lambda x: 2 * torch.relu(x), 2.0),
    "retanh": Activation(lambda x: torch.tanh(torch.relu(x)), lambda x: (1 - torch.tanh(x).square()) * (x > 0), None),
    "elu": Activation(functional.elu, lambda x: torch.exp(x.clamp(max=0)), 1.0),
}
