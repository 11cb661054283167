"""Options of the spiking family and of its learning rules."""

import dataclasses
import math

from ...errors import ConfigurationError
from ..config import choice, positive


@dataclasses.dataclass(frozen=True)
class SpikingConfig:
    """Architecture of one network; defaults are those of the published evidence-accumulation networks.

    Units 0 … n_inhibitory − 1 are inhibitory and, unless ``interleaved``, the last ones adapt: at the defaults 19
    inhibitory plain, 31 excitatory plain and 50 excitatory adaptive units. Times are in seconds, rates in Hz.

    Attributes
    ----------
    kind : ``lsnn``, leaky integrate-and-fire units of which a part has an adaptive threshold
    n_units, n_inputs, n_outputs : N, K, O
    dt : step; the task's, unless it is set to another value
    threshold : ϑ, also the size of the reset
    tau_membrane, tau_readout, tau_adaptation : time constants; their decays per step are α, κ and ρ
    adaptation_strength : β, by which one unit of adaptation raises the threshold of an adaptive unit
    refractory_steps : steps after a spike in which a unit cannot spike
    dampening : γ of the pseudo-derivative
    noise_std : standard deviation of a Gaussian current in each step
    adaptive_fraction, interleaved : share of adaptive units, and whether they are spread evenly over all units
    excitatory_fraction, excitatory_count : share p of excitatory units and input channels; of n, the ``published``
        count is int(p n) + 1, ``round`` the nearest whole number
    wiring : ``fixed``, the sparse wiring drawn at the start with the signs of Dale's law; ``deep_r``, synapses that
        reach zero are replaced by others at random; ``none``, dense weights of any sign
    input_probability, recurrent_probability, output_probability : connection probability of each matrix
    sampling : draw pairs of units with ``replacement`` (as published: about 5 % fewer synapses) or an ``exact`` number
    l1, temperature : shrinkage and noise of the wiring, in units of the learning rate
    rate_cost, target_rate : c and f0 of the penalty c Σ (ν − f0 dt)², with ν in spikes per step
    random_feedback : whether the network has a fixed random matrix for ``eprop_random``
    """

    kind: str = choice("lsnn", default="lsnn")
    n_units: int = positive(100)
    n_inputs: int = positive(40)
    n_outputs: int = positive(2)
    dt: float = positive(1e-3)
    threshold: float = positive(0.01)
    tau_membrane: float = positive(0.02)
    tau_readout: float = positive(0.02)
    tau_adaptation: float = positive(2.0)
    adaptation_strength: float = positive(1.8, zero=True)
    refractory_steps: int = positive(5, zero=True)
    dampening: float = positive(0.3)
    noise_std: float = positive(0.0, zero=True)
    adaptive_fraction: float = positive(0.5, zero=True)
    interleaved: bool = False
    excitatory_fraction: float = positive(0.8, zero=True)
    excitatory_count: str = choice("published", "round", default="published")
    wiring: str = choice("fixed", "deep_r", "none", default="fixed")
    input_probability: float = positive(0.1)
    recurrent_probability: float = positive(0.1)
    output_probability: float = positive(0.1)
    sampling: str = choice("replacement", "exact", default="replacement")
    l1: float = positive(0.01, zero=True)
    temperature: float = positive(0.0, zero=True)
    rate_cost: float = positive(0.1, zero=True)
    target_rate: float = positive(10.0, zero=True)
    random_feedback: bool = False

    def __post_init__(self) -> None:
        shares = ("adaptive_fraction", "excitatory_fraction")
        for name in (*shares, "input_probability", "recurrent_probability", "output_probability"):
            if getattr(self, name) > 1:
                raise ConfigurationError(f"model.{name} = {getattr(self, name)}: expected at most 1")
        for name in ("temperature", "l1"):
            if self.wiring == "none" and getattr(self, name) != SpikingConfig.__dataclass_fields__[name].default:
                raise ConfigurationError(f"model.{name} acts on a sparse wiring; model.wiring is 'none'")
        if self.wiring == "fixed" and self.temperature:
            raise ConfigurationError("model.temperature moves synapses: expected model.wiring = 'deep_r'")

    @property
    def membrane_decay(self) -> float:
        """Decay α of the membrane potential in a step."""
        return math.exp(-self.dt / self.tau_membrane)

    @property
    def readout_decay(self) -> float:
        """Decay κ of the filtered spikes in a step."""
        return math.exp(-self.dt / self.tau_readout)

    @property
    def adaptation_decay(self) -> float:
        """Decay ρ of the adaptation in a step."""
        return math.exp(-self.dt / self.tau_adaptation)

    def n_excitatory(self, n: int) -> int:
        """Return how many of ``n`` units or channels are excitatory."""
        if self.excitatory_count == "round":
            return round(self.excitatory_fraction * n)
        return min(n, int(self.excitatory_fraction * n) + 1)

    def is_adaptive(self) -> list[bool]:
        """Return for each unit whether its threshold adapts."""
        n, count = self.n_units, round(self.adaptive_fraction * self.n_units)
        if self.interleaved:
            return [(i + 1) * count // n > i * count // n for i in range(n)]
        return [i >= n - count for i in range(n)]


@dataclasses.dataclass(frozen=True)
class RuleConfig:
    """Options of the learning rules.

    Attributes
    ----------
    form : how the gradient is computed; all forms give the same. ``adjoint`` runs backward in time, O(B·T·N) memory;
        ``online`` forward, O(B·N·(N + K)) for any T; ``traces`` keeps every eligibility trace, O(B·T·N·(N + K));
        ``autograd`` differentiates with stopped gradients. ``adjoint`` alone is fast.
    compiled : whether ``adjoint`` runs compiled, on the CPU and without current noise
    modulatory_gain : factor on what units receive from the units that they drive
    secrete_regularizer : whether the rate penalty's part of the learning signal is secreted too
    """

    form: str = choice("adjoint", "online", "traces", "autograd", default="adjoint")
    compiled: bool = True
    modulatory_gain: float = positive(1.0, zero=True)
    secrete_regularizer: bool = False
