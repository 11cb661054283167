"""What trained networks lose under drugs: the channels of their dendrites blocked one at a time, as in figure 5."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from ...readers import open_archive
from ...trainers import load_model
from ...trainers.prc import DendriticNetwork
from ..study import FindingsTable
from ..words import MISSING, of_shares
from .outcomes import Outcomes
from .published_networks import NAMES

CHANNELS = ("sodium", "calcium", "nmda", "bap")
_CONTROL = "no drug"

Found = dict[str, dict[str, np.ndarray]]


@torch.no_grad()
def _accuracy(path: Path) -> dict[str, float]:
    """Return drug → share of the memorised patterns that one network answers right under it."""
    with open_archive(path, verify=False) as archive:
        assert archive.model is not None  # training writes no other archives
        model = load_model(archive.model, dtype=torch.float32)
        recording = archive.recording("final")
        inputs, labels = torch.as_tensor(np.asarray(recording.inputs)), np.asarray(recording.trials["label"])
    assert isinstance(model, DendriticNetwork)
    drugs: dict[str, DendriticNetwork] = {_CONTROL: model}
    drugs |= {channel: model.blocked([channel]) for channel in model.cell.channels}
    peaks = {name: one.batched().respond(inputs).outputs[0].amax(1) for name, one in drugs.items()}
    return {name: float((own.argmax(-1).numpy() == labels).mean()) for name, own in peaks.items()}


def under_drugs(found: Mapping[str, Outcomes]) -> Found:
    """Return kind → drug → accuracy of each network, (network,), for the kinds that have a dendrite."""
    by_network = {kind: [_accuracy(path) for path in one.paths] for kind, one in found.items()}
    return {
        kind: {drug: np.array([one[drug] for one in networks]) for drug in networks[0]}
        for kind, networks in by_network.items()
        if len(networks[0]) > 1
    }


def table(settings: Mapping[str, Found]) -> FindingsTable:
    """Return accuracy under each drug, for networks of several settings, by name."""
    rows = [
        [
            f"{NAMES[kind]}, {words}",
            *(of_shares(own[drug]) if drug in own else MISSING for drug in (_CONTROL, *CHANNELS)),
        ]
        for words, found in settings.items()
        for kind, own in found.items()
    ]
    note = (
        "Share of the memorised patterns that trained networks answer right with one channel blocked and their weights "
        "as they are; mean over networks, 95 % interval. A blocked conductance leaves its passive part."
    )
    return FindingsTable(
        "Trained networks under drugs", ["kind", _CONTROL, *(f"{name} blocked" for name in CHANNELS)], rows, note
    )


def remark(settings: Mapping[str, Found]) -> str:
    """Return the most that any drug costs any kind, for networks of several settings, by name."""
    words = []
    for name, found in settings.items():
        lost = {
            (kind, drug): float((own[_CONTROL] - values).mean())
            for kind, own in found.items()
            for drug, values in own.items()
        }
        (kind, drug), most = max(lost.items(), key=lambda one: one[1])
        words.append(f"{name} {most:.3f} of the patterns ({NAMES[kind]}: {drug})")
    return f"The most that blocking one channel costs: {'; '.join(words)}."
