"""Published figures of the cells that spike, those of figures 4 and 6, in their printed digits."""

import dataclasses
from collections.abc import Mapping

#: drug, in words, to both cells → channels that it blocks
DRUGS: Mapping[str, tuple[str, ...]] = {"no drug": (), "BAP blocked": ("bap",), "sodium blocked": ("sodium",)}

#: parameter set of figure 4 → numbers of the neuron
SODIUM_SETS: Mapping[str, Mapping[str, float]] = {
    "1": {"threshold": 1.9, "width": 0.3, "gain": 3.0, "soma_threshold": 0.19},
    "2": {"threshold": 1.8, "width": 0.2, "gain": 3.0, "soma_threshold": 1.0},
}


@dataclasses.dataclass(frozen=True)
class StoredRun:
    """One simulation of figure 4 that was stored: largest V_s, passive V_d and V_d, time of the last, pulse (ms)."""

    peak: float
    soma: str
    membrane: str
    dendrite: str
    time: str
    pulse: tuple[str, str] | None = None


#: parameter set → stored simulations
SODIUM_RUNS = {
    "1": (
        StoredRun(1.0, "0.111578", "0.196680", "0.227300", "5.63"),
        StoredRun(1.5, "0.167367", "0.295021", "0.429108", "4.51"),
        StoredRun(1.75, "0.195262", "0.441164", "0.925277", "8.464", ("7.464", "8.464")),
    ),
    "2": (
        StoredRun(1.25, "0.139473", "0.245851", "0.251588", "7.02"),
        StoredRun(1.85, "0.206419", "0.363859", "0.580034", "4.23"),
        StoredRun(2.1, "0.234314", "0.413029", "0.969144", "4.12"),
    ),
}
#: how far the stored potentials are from the exact solution at most, without and with a somatic spike: passive ones as
#: known, V_d as a drive off by 4e-6 makes it through a slope of up to 3.75
PASSIVE_ERRORS = (1e-6, 7e-5)
ACTIVE_ERRORS = (1.5e-5, 7e-5)
#: parameter set → value of V_d at rest, and weakest stimulus with a somatic spike
SODIUM_REST = {"1": "0.005319", "2": "0.000370"}
SODIUM_LEAST_PEAK = {"1": "1.7028", "2": "8.96"}
#: largest V_s per unit of the stimulus, and its time (ms)
SODIUM_SOMA_MAXIMUM = ("0.1115782", "9.50")


@dataclasses.dataclass(frozen=True)
class Spiking:
    """What the cell of figure 6 did in one condition.

    ``onsets`` are of spikes (ms), from the start of a record or of the somatic pulse; None where only ``count`` and
    ``latency`` of the first are known. ``dendrite`` and ``soma`` are the largest potentials, where printed.
    """

    onsets: tuple[str, ...] | None
    dendrite: str = ""
    soma: str = ""
    count: int = 0
    latency: str = ""


LOOP = {
    "bursting": {
        "soma": Spiking(("24.0", "48.5", "77.6", "106.8")),
        "dendrite": Spiking((), "0.2384", "0.2373"),
        "both": Spiking(("323.2", "328.4", "335.2", "360.7", "369.2", "391.7", "400.8"), "1.9987"),
    },
    "coincidence": {
        "dendrite −15 ms": Spiking(("5.2", "11.2"), "1.93"),
        "dendrite 0 ms": Spiking(("5.6", "9.0", "14.7"), "2.00"),
        "dendrite +15 ms": Spiking(("5.7",), "0.23"),
        "soma alone": Spiking(("5.7",)),
        "dendrite alone": Spiking(()),
    },
    "gain": {
        "soma 3, dendrite 0": Spiking(None, count=1, latency="11.1"),
        "soma 4, dendrite 0": Spiking(None, count=1, latency="5.7"),
        "soma 5, dendrite 0": Spiking(None, count=2, latency="4.1"),
        "soma 3, dendrite 3": Spiking(None, count=1, latency="9.6"),
        "soma 4, dendrite 3": Spiking(None, count=3, latency="5.6"),
        "soma 5, dendrite 3": Spiking(None, count=4, latency="4.1"),
    },
}
#: of the bursts under current into both compartments: spikes in each, range of intervals within and between (ms)
LOOP_BURSTS = ((3, 2, 2), ("5.2", "9.1"), ("22.5", "25.5"))
