"""Where in its neurons a network has the label: in peaks of dendrites or somata, in spikes, or in bursts.

Each is decoded alone, by trial and from one number per unit. Decoders are tested on patterns that they have not seen,
but every one of these was memorised by the network: what generalises is how it sorted them, and nothing is said of new
patterns, whose labels cannot be known.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...analysis import burst_trains, compare_codes, cross_temporal_decoding
from ...readers import open_archive
from ..study import FindingsTable
from ..words import of_shares
from .outcomes import Outcomes
from .published_networks import NAMES

#: s: longest interval within a burst
BURST_INTERVAL = 0.016
#: where the label is looked for, and its name in the table; the last three are codes of spike trains
PLACES = {
    "dendrite": "peak of the dendrite", "soma": "peak of the soma", "spikes": "spike count",
    "singles": "single spikes", "bursts": "bursts", "burst_fraction": "burst fraction",
}  # fmt: skip


def by_place(path: Path) -> dict[str, float]:
    """Return the cross-validated accuracy of linear discriminant analysis from each of :data:`PLACES` of a network.

    Takes half a second for 256 patterns and 4 units.
    """
    with open_archive(path, verify=False) as archive:
        recording = archive.recording("final")
        states, labels, time = recording.states, np.asarray(recording.trials["label"]), np.asarray(recording.time)
        # What drives the soma: the NMDA subunit of a parallel dendrite, else the only one.
        dendrite, soma, spikes = (
            np.asarray(states[name]) for name in ("nmda" if "nmda" in states else "dendrite", "soma", "spikes")
        )
    numbers = {"dendrite": dendrite.max(1), "soma": soma.max(1), "spikes": spikes.sum(1, dtype=float)}
    found = {name: float(cross_temporal_decoding(own[:, None], labels).accuracy[0, 0]) for name, own in numbers.items()}
    codes = [name for name in PLACES if name not in found]
    compared = compare_codes(burst_trains(spikes, time, BURST_INTERVAL), labels, codes=codes, permutations=0)
    return found | dict(zip(codes, compared.scores.tolist(), strict=True))


def readouts(found: Mapping[str, Outcomes]) -> dict[str, dict[str, np.ndarray]]:
    """Return kind → place → accuracy of each network, (network,), for the kinds that have a dendrite."""
    decoded = {kind: [by_place(path) for path in one.paths] for kind, one in found.items() if kind != "one_compartment"}
    return {
        kind: {place: np.array([network[place] for network in networks]) for place in PLACES}
        for kind, networks in decoded.items()
    }


def table(accuracy: Mapping[str, Mapping[str, np.ndarray]], found: Mapping[str, Outcomes]) -> FindingsTable:
    """Return the accuracy of decoders beside that of the networks' own answers."""
    rows = [
        [NAMES[kind], of_shares(found[kind].accuracy[:, -1]), *(of_shares(own[place]) for place in PLACES)]
        for kind, own in accuracy.items()
    ]
    note = (
        "As published, at the end of training: share of patterns whose label linear discriminant analysis tells from "
        "one number per unit, 5-fold cross-validated; mean over networks, 95 % interval; chance is about 0.5. Networks "
        "were trained on all patterns, so that those left out are new to the decoder and not to the network. Peak of "
        "the dendrite: of the drive of the subunit before the soma (in parallel kinds NMDA). Spike count: samples with "
        f"a spike, which is what readouts sum. Bursts: spikes at most {BURST_INTERVAL * 1000:g} ms apart, where "
        "samples in a row are one spike. Burst fraction: bursts of all events, which are single spikes and bursts."
    )
    return FindingsTable("Where the label is read", ["kind", "network's answer", *PLACES.values()], rows, note)


def remark(accuracy: Mapping[str, Mapping[str, np.ndarray]]) -> str:
    """Return where the label is read best."""
    best = {kind: max(PLACES, key=lambda place: own[place].mean()) for kind, own in accuracy.items()}
    words = [f"{NAMES[kind]}: {PLACES[place]}, {accuracy[kind][place].mean():.2f}" for kind, place in best.items()]
    return f"What tells the label best, by kind: {'; '.join(words)}."
