"""Options of networks of dendritic neurons."""

import dataclasses

from ...errors import ConfigurationError
from ..config import choice, positive

#: kind → strength of the back-propagating action potential in the published networks
KINDS = {"one_compartment": 0.0, "no_bap": 0.0, "bap": 0.5, "parallel": 0.0, "parallel_bap": 0.05}


@dataclasses.dataclass(frozen=True)
class PrcConfig:
    """Architecture of one network; defaults are those of the published memorisation networks. Times are in seconds.

    Attributes
    ----------
    kind : the hidden neurons. ``one_compartment``, a soma alone; ``no_bap``, a dendrite with one active conductance;
        ``bap``, the same with somatic spikes travelling back into it; ``parallel``, sodium and calcium subunits side by
        side that feed an NMDA subunit; ``parallel_bap``, all of it
    n_units, n_inputs, n_outputs : hidden units, input channels, readouts
    dt : step; the task's, unless it is set to another value
    tau_synapse, tau_membrane : time constants of synapses and of membranes, the readout's too
    tau_sodium, tau_calcium, tau_nmda : those of the parallel subunits
    synapse : kernel of the synapses of hidden units; the others have the area of the exponential
    tau_rise : rise time constant of ``synapse`` "difference"
    threshold, reset : ϑ, and what a spike takes off the membrane potential
    sharpness : of the surrogate derivative 1 / (sharpness |v − ϑ| + 1)²
    bap_strength : γ, what a spike adds to the dendrite; that of the kind by default
    weight_scale, output_scale : initial weights have the standard deviation scale · (1 − e^{−dt/τ_membrane}) / √fan-in
    normalized_kernels : give every kernel a gain of 1 for constant input; what a spike adds or takes stays
    readout_bias : whether readouts have a trained bias
    rate_floor : λ of the penalty λ · mean over trials and units of max(0, 1 − spike count)²
    block : channels that are blocked: sodium, calcium, nmda, bap
    compiled : whether training runs compiled where it can: on the CPU, with synapses of one or two exponentials
    """

    kind: str = choice(*KINDS, default="bap")
    n_units: int = positive(4)
    n_inputs: int = positive(100)
    n_outputs: int = positive(2)
    dt: float = positive(1e-3)
    tau_synapse: float = positive(0.005)
    tau_membrane: float = positive(0.01)
    tau_sodium: float = positive(0.005)
    tau_calcium: float = positive(0.04)
    tau_nmda: float = positive(0.08)
    synapse: str = choice("exponential", "alpha", "difference", default="exponential")
    tau_rise: float = positive(0.001)
    threshold: float = positive(15.0)
    reset: float = positive(15.0, zero=True)
    sharpness: float = positive(10.0, zero=True)
    bap_strength: float | None = None
    weight_scale: float = positive(15.0)
    output_scale: float = positive(7.0)
    normalized_kernels: bool = False
    readout_bias: bool = False
    rate_floor: float = positive(0.0, zero=True)
    block: tuple[str, ...] = ()
    compiled: bool = True

    def __post_init__(self) -> None:
        if self.bap_strength is None:
            object.__setattr__(self, "bap_strength", KINDS[self.kind])
        elif self.bap_strength and not KINDS[self.kind]:
            raise ConfigurationError(
                f"model.bap_strength = {self.bap_strength}: expected 0 in a network of kind '{self.kind}'"
            )
        if self.synapse == "difference" and not self.tau_rise < self.tau_synapse:
            raise ConfigurationError(
                f"model.tau_rise = {self.tau_rise}: expected below model.tau_synapse = {self.tau_synapse}"
            )
