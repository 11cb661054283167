"""Cross-temporal decoding of the cue in ODR: a code that changes through the delay, on trials held out or not."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ... import plotting
from ...analysis import cross_temporal_decoding
from ...analysis.decoding import CrossTemporalDecoding
from ...readers import open_archive
from ...trainers import History
from ...trainers.sweeps import Job, Task
from ..study import Findings, FindingsTable, Workbench
from ..words import over_networks
from .code_width import Readings, read
from .moments import representatives
from .networks import Network, maturation_study, networks
from .populations import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.figure import Figure

_RULE = "odr"
_WINDOW = 10
#: of the mature network at 628 480 trials, read off the figure, by field of :class:`Readings`
PUBLISHED = {
    "before_cue": "0.125", "near_before_cue": "", "onset": "0.88", "delay": "0.28", "near": "0.635", "far": "0.125",
    "half_width": "80 to 120", "full_width": "60 to 80", "cue_width": "0.30", "island": "0.8 to 0.9",
    "stability": "",
}  # fmt: skip
_WORDS = {
    "before_cue": "same window, before the cue", "near_before_cue": "other windows ≤ 0.2 s apart, before the cue",
    "onset": "first window ≥ 0.95, start (s)", "delay": "delay by delay",
    "near": "delay by delay, ≤ 0.2 s apart", "far": "delay by delay, ≥ 0.5 s apart",
    "half_width": "delay: ≥ 0.5 within ± (ms)", "full_width": "delay: ≥ 0.95 within ± (ms)",
    "cue_width": "cue: ≥ 0.95 over (s)", "island": "cue and early by late delay, peak", "stability": "stability index",
}  # fmt: skip
SCHEMES = {"published": "published scheme", "held out": "held-out trials"}
_FOLDS = 8
_CHANCE = 1 / 8

#: by scheme, stage and network
Decoded = Mapping[str, Mapping[str, Mapping[str, CrossTemporalDecoding]]]


def run(bench: Workbench) -> Findings:
    """Decode the cue at the checkpoint that stands for each stage, by both schemes."""
    found = networks(bench)
    return findings(_decoded(bench, found), len(found), bench)


def _decoded(bench: Workbench, found: Sequence[Network]) -> Decoded:
    wanted = [
        (scheme, stage, network, int(network.trials_seen[row]))
        for scheme in SCHEMES
        for network in found
        for stage, row in representatives(network, _RULE).items()
    ]
    tasks = [
        Task(
            f"{__name__}:decode",
            {"checkpoint": checkpoint, "scheme": scheme, "stride": 1},
            {"network": network.name, "stage": stage, "scheme": scheme},
            {"archive": str(network.path)},
        )
        for scheme, stage, network, checkpoint in wanted
    ]
    decoded: dict[str, dict[str, dict[str, CrossTemporalDecoding]]] = {
        scheme: {stage: {} for stage in STAGES} for scheme in SCHEMES
    }
    paths = bench.compute(tasks, "decoding") if tasks else []
    for (scheme, stage, network, _), path in zip(wanted, paths, strict=True):
        decoded[scheme][stage][network.name] = CrossTemporalDecoding.load(path)
    return decoded


def decode(job: Job) -> None:
    """Decode the cue of one checkpoint at all times from windows of 200 ms; the job of a sweep."""
    torch.set_num_threads(1)
    for payload, inputs, output in zip(job.payloads, job.inputs, job.outputs, strict=True):
        with open_archive(inputs["archive"], verify=False) as archive:
            recording = History(archive, _RULE, [payload["checkpoint"]], performance_trials=0)[0]
        # Both schemes train on 14 trials of each location and use the same classifier: they differ in what they test.
        held_out = {"classifier": "rbf_svm", "cv": _FOLDS}
        found = cross_temporal_decoding(
            recording.activity, recording.trials["cue"], _WINDOW, payload["stride"], time=recording.time,
            epochs={name: tuple(edges) for name, edges in recording.epochs.items() if name != "trial"},
            **({"mode": "published"} if payload["scheme"] == "published" else held_out),
        )  # fmt: skip
        found.save(output)


def findings(decoded: Decoded, n_networks: int, bench: Workbench) -> Findings:
    """Return the tables and the figure of decoders."""
    readings = {
        scheme: {stage: {name: read(one) for name, one in of.items()} for stage, of in stages.items()}
        for scheme, stages in decoded.items()
    }
    tables = [_table(readings[scheme], scheme) for scheme in SCHEMES]
    drawn = _figure(decoded)
    files = [] if drawn is None else [plotting.save(drawn, bench.output / "decoding.png")]
    values = {
        scheme: {stage: {name: vars(one) for name, one in of.items()} for stage, of in stages.items()}
        for scheme, stages in readings.items()
    }
    return Findings(tables, _remarks(readings, n_networks), files, values)


def _table(readings: Mapping[str, Mapping[str, Readings]], scheme: str) -> FindingsTable:
    rows = []
    for field, words in _WORDS.items():
        digits = 0 if field in ("half_width", "full_width") else 2
        cells = [over_networks([getattr(one, field) for one in readings[stage].values()], digits) for stage in STAGES]
        theirs = [PUBLISHED[field]] if scheme == "published" else []
        rows.append([words, *cells, *theirs])
    rows.append(
        ["networks", *(str(len(readings[stage])) for stage in STAGES), *(["1"] if scheme == "published" else [])]
    )
    note = (
        "Accuracy of RBF support vector machines (C = 1, scaled γ) for 8 cue locations, chance 0.125; windows of 200 "
        "ms every 20 ms; of each network's stage the checkpoint nearest to a performance of 0.35, 0.65 or 0.95; mean "
        "over networks, 95 % interval. Delay: windows within it; ±: median over windows that start 0.3 to 1.1 s into "
        "it. "
    ) + (
        "Two trials of each location are held out at the training time, and everywhere else all trials are tested, "
        "those of training included."
        if scheme == "published"
        else f"{_FOLDS} folds: no trial is tested by a decoder that has seen it, at any time."
    )
    header = ["", *STAGES, *(["published, mature"] if scheme == "published" else [])]
    return FindingsTable(f"Decoding of the cue in ODR, {SCHEMES[scheme]}", header, rows, note)


def _remarks(readings: Mapping[str, Mapping[str, Mapping[str, Readings]]], n_networks: int) -> list[str]:
    remarks = []
    for scheme, words in SCHEMES.items():
        mature = list(readings[scheme]["mature"].values())
        dynamic = sum(one.far < (one.near + _CHANCE) / 2 for one in mature)
        remarks.append(
            f"{words.capitalize()}, mature: decoders half a second apart and more keep less than half of what those "
            f"within 0.2 s have above chance in {dynamic} of {len(mature)} networks: a dynamic code. Published: "
            f"chance. Decoders of the cue or early delay reach 0.5 late in the delay, or the reverse, in "
            f"{sum(one.island >= 0.5 for one in mature)}; published: islands of 0.8 to 0.9."
        )
    pairs = [
        (legacy, readings["held out"][stage][name])
        for stage, of in readings["published"].items()
        for name, legacy in of.items()
    ]
    if pairs:
        gaps = [
            np.mean([getattr(legacy, name) - getattr(honest, name) for legacy, honest in pairs])
            for name in ("near_before_cue", "near")
        ]
        remarks.append(
            f"Testing on training trials adds {gaps[0]:+.3f} to decoders up to 0.2 s apart before the cue, where there "
            f"is nothing to decode, and {gaps[1]:+.3f} in the delay, on average over {len(pairs)} checkpoints."
        )
    missing = n_networks - len(readings["published"]["mature"])
    if missing:
        remarks.append(f"{missing} of {n_networks} networks have no mature stage of ODR.")
    return remarks


def _figure(decoded: Decoded) -> "Figure | None":
    """Return the maps of the first network with most stages: one row for each scheme, one column for each stage."""
    counts: dict[str, int] = {}
    for of in decoded["published"].values():
        for name in of:
            counts[name] = counts.get(name, 0) + 1
    if not counts:
        return None
    network = max(counts, key=lambda name: counts[name])
    stages = [stage for stage in STAGES if network in decoded["published"][stage]]
    drawn = plotting.figure(rows=len(SCHEMES), columns=len(stages), width=3.3, height=3.1)
    panels = np.array(drawn.axes).reshape(len(SCHEMES), len(stages))
    for row, (scheme, words) in zip(panels, SCHEMES.items(), strict=True):
        for ax, stage in zip(row, stages, strict=True):
            mesh = _map(ax, decoded[scheme][stage][network])
            ax.set_title(f"{network}, {stage}: {words}")
        row[0].set_ylabel("train time, middle of window (s)")
    for ax in panels[-1]:
        ax.set_xlabel("test time, middle of window (s)")
    drawn.colorbar(mesh, ax=panels.ravel().tolist(), label="accuracy (from chance to 1)", shrink=0.6)
    return drawn


def _map(ax: "Axes", found: CrossTemporalDecoding) -> "QuadMesh":
    """Draw accuracy from chance to 1, onsets and ends of epochs as lines, and return the image."""
    mesh = ax.pcolormesh(
        found.time, found.time, found.accuracy, cmap=plotting.SEQUENTIAL, vmin=_CHANCE, vmax=1, rasterized=True
    )
    limits = float(found.time[0]), float(found.time[-1])
    for at in sorted({edge for edges in found.epochs.values() for edge in edges}):
        for line in (ax.axvline, ax.axhline):
            line(at, color="white", linewidth=0.6, alpha=0.8)
    ax.set(aspect="equal", xlim=limits, ylim=limits)
    named = {name: np.clip(edges, *limits).mean() for name, edges in found.epochs.items()}
    above = ax.secondary_xaxis("top")
    above.set_xticks(list(named.values()), list(named), fontsize="x-small")
    above.tick_params(length=0, pad=0)
    return mesh


STUDY = maturation_study("decoding", "Cross-temporal decoding of the cue through the delay", run)
