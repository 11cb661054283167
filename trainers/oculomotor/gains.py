"""The initial weight scales that go with each nonlinearity of the family."""

from typing import NamedTuple


class Gains(NamedTuple):
    """Scales of the initial input weights and of the initial recurrent weights."""

    input: float
    recurrent: float


GAINS = {
    "softplus": Gains(1.0, 0.5),
    "relu": Gains(1.0, 0.5),
    "tanh": Gains(1.0, 1.0),
    "power": Gains(1.0, 0.01),
    "retanh": Gains(1.0, 0.5),
    "elu": Gains(1.0, 0.5),
}
