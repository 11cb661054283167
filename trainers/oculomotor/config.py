"""Options of the oculomotor family's networks."""

import dataclasses

from ...errors import ConfigurationError
from ..config import choice, positive
from .gains import GAINS

KINDS = ("leaky_rnn", "leaky_gru", "gru", "lstm")


@dataclasses.dataclass(frozen=True)
class OculomotorConfig:
    """Architecture and regularisation of one network; defaults are those of the published main network.

    Input channels are the fixation point, a ring of locations and one per rule; outputs are fixation and the ring, so
    that ``n_inputs`` − ``n_outputs`` channels carry the rule.

    Attributes
    ----------
    kind : cell. ``leaky_rnn`` and ``leaky_gru`` integrate with factor α and noise, ``gru`` and ``lstm`` do neither
    n_units, n_inputs, n_outputs : N, K, O
    alpha : Euler factor dt/τ in (0, 1]; set from the task's step and time constant
    recurrent_noise : σ_rec; the noise inside the nonlinearity has the standard deviation σ_rec √(2/α) per step
    activation : nonlinearity f. ``power`` is max(0, x)², ``retanh`` tanh(max(0, x))
    recurrent_start : W_rec of a ``leaky_rnn`` starts as gain × a random ``orthogonal`` matrix, a ``gaussian`` one with
        variance 1/N, or the ``identity``
    recurrent_gain, input_gain : scales of the initial weights of a ``leaky_rnn``; None chooses by the activation
    readout : ``sigmoid`` outputs (least squares) or ``logits`` (cross-entropy)
    separate_input : fixation and ring enter through one dense layer, the rule through another one without bias
    mix_rule : with ``separate_input``, a fixed random rotation of the rule channels before their layer
    trained : ``all`` weights, those of all ``input`` layers, or those of the rule channels alone (``rule_input``)
    l1_activity, l2_activity : cost of mean |h|, and of ½ Σ h² over trials, steps and units
    l1_weight, l2_weight : cost of mean |W|, and of ½ Σ W², summed over weight matrices (no biases)
    l2_initial : cost of ½ Σ (W − W₀)², with W₀ the initial weights
    trained_fraction : share p of each matrix's entries that train freely; each other entry, chosen at random, costs
        ½ (0.1 (W − W₀))². None lets all train
    """

    kind: str = choice(*KINDS, default="leaky_rnn")
    n_units: int = positive(256)
    n_inputs: int = positive(15)
    n_outputs: int = positive(9)
    alpha: float = positive(0.2)
    recurrent_noise: float = positive(0.05, zero=True)
    activation: str = choice(*GAINS, default="softplus")
    recurrent_start: str = choice("orthogonal", "gaussian", "identity", default="orthogonal")
    recurrent_gain: float | None = positive(None, zero=True)
    input_gain: float | None = positive(None, zero=True)
    readout: str = choice("sigmoid", "logits", default="sigmoid")
    separate_input: bool = False
    mix_rule: bool = False
    trained: str = choice("all", "input", "rule_input", default="all")
    l1_activity: float = positive(0.0, zero=True)
    l2_activity: float = positive(0.0, zero=True)
    l1_weight: float = positive(0.0, zero=True)
    l2_weight: float = positive(0.0, zero=True)
    l2_initial: float = positive(0.0, zero=True)
    trained_fraction: float | None = positive(None)

    def __post_init__(self) -> None:
        if self.alpha > 1:
            raise ConfigurationError(f"model.alpha = {self.alpha}: expected a number in (0, 1]")
        if self.trained_fraction is not None and self.trained_fraction >= 1:
            raise ConfigurationError(
                f"model.trained_fraction = {self.trained_fraction}: expected a number between 0 and 1, or none"
            )
        if (self.separate_input or self.trained == "rule_input") and self.n_rules < 1:
            raise ConfigurationError(
                f"model.n_inputs = {self.n_inputs}: rule channels follow the {self.n_sensory} of fixation and ring, "
                f"expected at least {self.n_sensory + 1}"
            )
        self._check_leaky_options()

    def _check_leaky_options(self) -> None:
        """Refuse options that would be ignored."""
        for name in ("recurrent_gain", "input_gain", "separate_input"):
            if getattr(self, name) not in (None, False) and self.kind != "leaky_rnn":
                raise ConfigurationError(f"model.{name} works on kind leaky_rnn, found {self.kind}")
        if self.recurrent_start != "orthogonal" and self.kind != "leaky_rnn":
            raise ConfigurationError(f"model.recurrent_start works on kind leaky_rnn, found {self.kind}")
        if self.separate_input and self.activation not in ("softplus", "relu"):
            raise ConfigurationError(
                f"model.activation = {self.activation}: with separate_input expected softplus or relu"
            )
        if self.separate_input and self.input_gain is not None:
            raise ConfigurationError(
                "model.input_gain: the layers of separate_input start from the Glorot distribution"
            )
        if self.mix_rule and not self.separate_input:
            raise ConfigurationError("model.mix_rule works with separate_input = true")

    @property
    def n_sensory(self) -> int:
        """Number of input channels of fixation and ring, as many as outputs; those of the rule follow."""
        return self.n_outputs

    @property
    def n_rules(self) -> int:
        """Number of rule channels."""
        return self.n_inputs - self.n_outputs

    @property
    def noise_std(self) -> float:
        """Standard deviation σ = σ_rec √(2/α) of the noise inside the nonlinearity, per step."""
        sigma: float = self.recurrent_noise * (2 / self.alpha) ** 0.5
        return sigma
