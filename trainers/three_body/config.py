"""Options of the three-body family."""

import dataclasses

from ...errors import ConfigurationError
from ..config import choice, positive

NONLINEARITIES = ("tanh", "relu", "sigmoid", "softplus", "identity")


@dataclasses.dataclass(frozen=True)
class ThreeBodyConfig:
    """Architecture of one network; defaults are those of the published experiments.

    Attributes
    ----------
    kind : network class. ``rnn`` sums inputs; ``tbrnn`` multiplies them in pairs; ``hornn`` does both;
        ``gru`` is gated. ``lowrank_`` classes factorise their recurrent weights.
    n_units, n_inputs, n_outputs : N, K, O
    rank : R of the low-rank classes (the pair terms of ``lowrank_hornn`` take ``rank_two_body``)
    alpha : Euler factor dt/τ of the leaky dynamics, in (0, 1]
    noise_std : standard deviation σ of the state noise per step
    mode : ``cont``, leaky integration, or ``disc``, a map without leak and without noise
    form : ``rate``, the nonlinearity acts on the state before the weights, or ``voltage``, after them
    nonlinearity, output_nonlinearity : φ and ψ
    input_bias, output_bias : whether b_in and b_out exist
    readout : ``linear``, or ``identity``: the outputs are ψ(x) of the first units, one each
    gated : weigh the two terms of a ``hornn`` by a trained scalar gate
    hard_orth : keep the left factors of a ``lowrank_tbrnn`` orthogonal to the input weights and bias
    """

    kind: str = choice(
        "rnn",
        "tbrnn",
        "hornn",
        "lowrank_rnn",
        "lowrank_tbrnn",
        "lowrank_hornn",
        "lowrank_gru",
        default="lowrank_rnn",
    )
    n_units: int = positive(30)
    n_inputs: int = positive(1)
    n_outputs: int = positive(1)
    rank: int = positive(1)
    rank_two_body: int = positive(1)
    alpha: float = positive(0.2)
    noise_std: float = positive(0.0, zero=True)
    mode: str = choice("cont", "disc", default="cont")
    form: str = choice("rate", "voltage", default="rate")
    nonlinearity: str = choice(*NONLINEARITIES, default="tanh")
    output_nonlinearity: str = choice(*NONLINEARITIES, default="tanh")
    input_bias: bool = False
    output_bias: bool = False
    readout: str = choice("linear", "identity", default="linear")
    gated: bool = False
    hard_orth: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ConfigurationError(f"model.alpha = {self.alpha}: expected a number in (0, 1]")
        if self.hard_orth and self.kind != "lowrank_tbrnn":
            raise ConfigurationError(f"model.hard_orth works on kind lowrank_tbrnn, found {self.kind}")
        if self.gated and not self.kind.endswith("hornn"):
            raise ConfigurationError(f"model.gated works on kinds hornn and lowrank_hornn, found {self.kind}")
        if self.readout == "identity" and self.n_outputs > self.n_units:
            raise ConfigurationError(
                f"model.readout identity has one unit per output: expected n_units of at least {self.n_outputs}, "
                f"found {self.n_units}"
            )
        for name in ("rank", "rank_two_body"):
            if self.kind.startswith("lowrank") and getattr(self, name) > self.n_units:
                raise ConfigurationError(
                    f"model.{name} = {getattr(self, name)}: expected at most n_units = {self.n_units}"
                )
