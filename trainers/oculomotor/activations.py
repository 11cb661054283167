"""The nonlinearities of the family: each with its derivative, its initial weight scales and its curvature."""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..three_body.model import TANH_CURVATURE


@dataclasses.dataclass(frozen=True)
class Activation:
    """One nonlinearity f.

    Attributes
    ----------
    function, slope : f(x) and f'(x)
    input_gain, recurrent_gain : scales of the initial weights that go with it
    curvature : a Lipschitz constant of f', None where f' jumps
    """

    function: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    input_gain: float
    recurrent_gain: float
    curvature: float | None


def _softplus(x: Tensor) -> Tensor:
    # Above the default threshold of 20 torch returns x, which is 2e-9 off: visible in float64. At 40 it is not.
    return functional.softplus(x, threshold=40.0)


ACTIVATIONS = {
    "softplus": Activation(_softplus, torch.sigmoid, 1.0, 0.5, 0.25),
    "relu": Activation(torch.relu, lambda x: (x > 0).to(x), 1.0, 0.5, None),
    "tanh": Activation(torch.tanh, lambda x: 1 - torch.tanh(x).square(), 1.0, 1.0, TANH_CURVATURE),
    "power": Activation(lambda x: torch.relu(x).square(), lambda x: 2 * torch.relu(x), 1.0, 0.01, 2.0),
    "retanh": Activation(
        lambda x: torch.tanh(torch.relu(x)), lambda x: (1 - torch.tanh(x).square()) * (x > 0), 1.0, 0.5, None
    ),
    "elu": Activation(functional.elu, lambda x: torch.exp(x.clamp(max=0)), 1.0, 0.5, 1.0),
}
