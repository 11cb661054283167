"""The five hidden neurons of the published networks, declared as graphs.

With decays d = e^{−dt/τ}, weighted input spikes x, and kernels y[n + 1] = d y[n] + x[n]::

    s[n+1] = d_syn s[n] + x[n]                                dendritic and somatic synapses
    v[n+1] = d_mem v[n] + s_somatic[n] + g[n] − R z[n]        soma; no gradient through the reset
    z[n+1] = 1 if v[n] > ϑ else 0

    D[n+1] = d_mem D[n] + s_dendritic[n] + γ z[n]             g[n+1] = f(D[n])      one dendritic subunit
    P[n+1] = d_Na P[n] + s_dendritic[n]                       p[n+1] = f(P[n])      parallel subunits
    C[n+1] = d_Ca C[n] + s_dendritic[n]                       c[n+1] = h(C[n])
    M[n+1] = d_NMDA M[n] + p[n] + c[n] + γ z[n]               g[n+1] = f(M[n])

with f(x) = x + σ(10 (x − 2)) and h(x) = σ(10 (x − 4)). Source: Harkin et al., Neuroscience 489:200 (2022).
"""

import math

from .config import KINDS, PrcConfig
from .graph import Cell, Source, Subunit
from .kernels import Alpha, Difference, Exponential, Kernel
from .nonlinearities import Sigmoid, Spike

#: the subunit whose output is the spikes of a unit
SOMA = "soma"
_WITH_PASSIVE = Sigmoid(gain=1.0, threshold=2.0, width=0.1, passive=1.0)
_ACTIVE_ONLY = Sigmoid(gain=1.0, threshold=4.0, width=0.1)


def decay(config: PrcConfig, tau: float) -> float:
    """Return e^{−dt/τ}."""
    return math.exp(-config.dt / tau)


def cell_of(config: PrcConfig) -> Cell:
    """Return the neuron of a configuration, with what it blocks.

    Raises
    ------
    InputError
        If it blocks what the neuron does not have.
    """
    reset = Source(SOMA, _spike_weight(config, -config.reset, config.tau_membrane), differentiable=False)
    own: list[Source | str] = ["somatic_synapse"]
    inputs: tuple[str, ...] = ("somatic",)
    parts: tuple[Subunit, ...] = ()
    if config.kind != "one_compartment":
        parts = _simple_dendrite(config) if config.kind in ("no_bap", "bap") else _parallel_dendrite(config)
        parts = (Subunit("dendritic_synapse", ["dendritic"], synapse(config)), *parts)
        inputs, own = ("dendritic", *inputs), [*own, parts[-1].name]
    soma = Subunit(
        SOMA,
        [*own, reset],
        membrane(config, config.tau_membrane),
        Spike(config.threshold, config.sharpness),
        delay=1,
    )
    synapses = Subunit("somatic_synapse", ["somatic"], synapse(config))
    return Cell(inputs, (*parts[:1], synapses, *parts[1:], soma)).blocked(config.block)


def membrane(config: PrcConfig, tau: float) -> Exponential:
    """Return the kernel of a membrane or of an activation."""
    return Exponential(tau, delay=1) if config.normalized_kernels else Exponential.leaky_sum(tau)


def synapse(config: PrcConfig) -> Kernel:
    """Return the kernel of the synapses; all have the same area."""
    area = 1.0 if config.normalized_kernels else 1 / (1 - decay(config, config.tau_synapse))
    if config.synapse == "alpha":
        return Alpha(config.tau_synapse, area=area)
    if config.synapse == "difference":
        return Difference(config.tau_rise, config.tau_synapse, area=area)
    return membrane(config, config.tau_synapse)


def _spike_weight(config: PrcConfig, size: float, tau: float) -> float:
    """Return the weight with which a spike changes a membrane of time constant ``tau`` by ``size``."""
    return size / (1 - decay(config, tau)) if config.normalized_kernels else size


def _back(config: PrcConfig, tau: float) -> tuple[Source, ...]:
    """Return the back-propagating action potential as a source, if the kind has one."""
    if not KINDS[config.kind]:
        return ()
    return (Source(SOMA, _spike_weight(config, config.bap_strength or 0.0, tau), channel="bap"),)


def _simple_dendrite(config: PrcConfig) -> tuple[Subunit, ...]:
    tau = config.tau_membrane
    sources: list[Source | str] = ["dendritic_synapse", *_back(config, tau)]
    return (Subunit("dendrite", sources, membrane(config, tau), _WITH_PASSIVE, delay=1, channel="sodium"),)


def _parallel_dendrite(config: PrcConfig) -> tuple[Subunit, ...]:
    heard = ["dendritic_synapse"]
    return (
        Subunit("sodium", heard, membrane(config, config.tau_sodium), _WITH_PASSIVE, delay=1, channel="sodium"),
        Subunit("calcium", heard, membrane(config, config.tau_calcium), _ACTIVE_ONLY, delay=1, channel="calcium"),
        Subunit(
            "nmda",
            ["sodium", "calcium", *_back(config, config.tau_nmda)],
            membrane(config, config.tau_nmda),
            _WITH_PASSIVE,
            delay=1,
            channel="nmda",
        ),
    )
