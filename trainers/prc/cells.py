"""The single cells of the published figures 3 to 6, as graphs. Time constants are in milliseconds.

Source: Harkin et al., Neuroscience 489:200 (2022). ``DT`` is the published step.
"""

from .graph import Cell, Source, Subunit
from .kernels import Boxcar, Exponential, Lag, Tabulated
from .nonlinearities import Sigmoid, Step

DT = 0.1


def lnl(tau_sodium: float = 2.0, threshold: float = 5.0, width: float = 1.0, *, dt: float = DT) -> Cell:
    """Return the dendrite of figure 3: half its filtered input plus a sodium conductance of height 15.

    Subunits: ``membrane`` (V_L), ``sodium`` and ``dendrite`` (V_d). Input: ``dendritic``.
    """
    return Cell(
        ("dendritic",),
        (
            Subunit("membrane", [Source("dendritic", 0.5)], Exponential.normalized_without_first(10.0, 100.0, dt)),
            Subunit(
                "sodium",
                ["dendritic"],
                Exponential.normalized_without_first(tau_sodium, 100.0, dt),
                Sigmoid(15.0, threshold, width),
                channel="sodium",
            ),
            Subunit("dendrite", ["membrane", "sodium"]),
        ),
    )


def sodium(
    threshold: float = 1.9, width: float = 0.3, gain: float = 3.0, soma_threshold: float = 0.19,
    pulse_height: float = 2.0, pulse_duration: float = 1.0,
) -> Cell:  # fmt: skip
    """Return the neuron of figure 4: a dendritic sodium spike, and the somatic one that comes back into the dendrite.

    An upward crossing of the soma's threshold sends a rectangular pulse. Subunits: ``soma`` (passive, not driven by the
    dendrite), ``above`` threshold, its ``onset``, the pulse ``spike`` (S), ``membrane`` (passive), ``sodium`` and
    ``dendrite`` (their sum). Inputs: ``somatic`` and ``dendritic``, which receive the same current in the figure.
    """
    back = Source("spike", channel="bap")
    return Cell(
        ("somatic", "dendritic"),
        (
            Subunit("soma", ["somatic"], Lag(40.0)),
            Subunit("above", ["soma"], nonlinearity=Step(soma_threshold)),
            Subunit("onset", ["above"], Tabulated((1.0, -1.0)), Step(0.5)),
            Subunit("spike", ["onset"], Boxcar(pulse_duration, pulse_height)),
            Subunit("membrane", ["dendritic", back], Lag(20.0)),
            Subunit("sodium", ["dendritic", back], Lag(2.0), Sigmoid(gain, threshold, width), channel="sodium"),
            Subunit("dendrite", ["membrane", "sodium"]),
        ),
    )


def nmda() -> Cell:
    """Return the neuron of figure 5: sodium and calcium subunits side by side, which feed an NMDA subunit.

    Each of the three is a passive part (``…_membrane``) plus a conductance (``…_conductance``). Input: ``dendritic``.
    """

    def subunit(
        name: str, sources: list[str], memory: tuple[float, float], activation: tuple[float, float], sigmoid: Sigmoid
    ) -> tuple[Subunit, ...]:
        """Return passive part, conductance and their sum; kernels are (time constant, length)."""
        kernel = Exponential.normalized_then_without_first
        return (
            Subunit(f"{name}_membrane", sources, kernel(*memory)),
            Subunit(f"{name}_conductance", sources, kernel(*activation), sigmoid, channel=name),
            Subunit(name, [f"{name}_membrane", f"{name}_conductance"]),
        )

    return Cell(
        ("dendritic",),
        (
            *subunit("sodium", ["dendritic"], (5.0, 100.0), (5.0, 100.0), Sigmoid(2.1, 1.2, 0.14)),
            *subunit("calcium", ["dendritic"], (40.0, 100.0), (40.0, 200.0), Sigmoid(1.0, 0.6, 0.16)),
            *subunit("nmda", ["sodium", "calcium"], (80.0, 200.0), (80.0, 200.0), Sigmoid(6.0, 0.8, 0.1)),
        ),
    )


def loop() -> Cell:
    """Return the neuron of figure 6: soma and dendrite that drive each other, with an adaptation that also resets.

    ``soma`` is 30 while the potential (``soma_drive``) is at 1.5 or above: count runs of it as spikes. Inputs:
    ``somatic`` and ``dendritic``.
    """
    one_step_late = Exponential.normalized_one_step_late
    # The first sample, 1, is the reset: a spike takes 30 · (1 − e^{−dt/τ}) off the potential one step later.
    adaptation = Exponential(20.0, 200.0, area=2.0, first=1.0, delay=1)
    return Cell(
        ("somatic", "dendritic"),
        (
            Subunit(
                "soma",
                ["somatic", "dendrite", Source("adaptation", -1.0)],
                one_step_late(10.0, 100.0),
                Step(1.5, height=30.0),
                delay=1,
            ),
            Subunit("adaptation", ["soma"], adaptation),
            Subunit(
                "dendrite",
                ["dendritic", Source("soma", channel="bap")],
                one_step_late(5.0, 50.0),
                Sigmoid(2.0, 2.5, 0.25),
                delay=1,
                channel="sodium",
            ),
        ),
    )


#: name → cell at its published numbers; what ``dynascope cell`` knows
CELLS = {"lnl": lnl, "sodium": sodium, "nmda": nmda, "loop": loop}
