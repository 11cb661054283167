"""What networks have learnt: accuracy, where the evidence is held, which units choose, how alike the networks are.

The accumulated evidence is decoded from the filtered spikes, which are all that other units see, and from the
adaptation of the thresholds, which is silent: in the delay the memory is expected in the second.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from ... import plotting
from ...analysis import cka_matrix, decode_values, discrimination, flatten_samples
from ...readers import open_archive
from ...trainers import Batch, load_model, randomness
from ...trainers.spiking import EvidenceAccumulation, SpikingNetwork
from ...trainers.task import Trials
from ..study import FindingsTable
from ..words import spread
from .curves import NAMES
from .published import RULES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SPACING = 0.05  # s between the samples that are looked at
_BLOCK = 32  # trials per forward run
_CARRIERS = ("filtered", "adaptation")
_WORDS = {"filtered": "filtered spikes", "adaptation": "adaptation"}


@dataclasses.dataclass(frozen=True)
class Contents:
    """What one network has learnt.

    Attributes
    ----------
    accuracy : on the fixed trials
    evidence : carrier → R² (time,) of the evidence so far, decoded from it at each time
    selectivity, chance : cell type → mean |2 AUC − 1| for the label in the last sample, and what no selectivity gives
    samples : (trial × time, unit), filtered spikes
    """

    accuracy: float
    evidence: Mapping[str, np.ndarray]
    selectivity: Mapping[str, float]
    chance: Mapping[str, float]
    samples: np.ndarray


Found = Mapping[str, Sequence[Contents]]


def look_into(archives: Mapping[str, Sequence[Path]], task: EvidenceAccumulation, n_trials: int) -> Found:
    """Return the contents of the networks of each rule, all on the same trials."""
    trials = task.draw(n_trials, randomness.generator(0, "test"))
    return {rule: [_contents(path, task, trials) for path in paths] for rule, paths in archives.items()}


def _sampled(task: EvidenceAccumulation) -> np.ndarray:
    """Return the steps that are looked at: every 50 ms and the last one."""
    steps = np.arange(0, task.n_steps, round(_SPACING / task.dt))[1:]
    return np.append(steps, task.n_steps - 1)


def _contents(path: Path, task: EvidenceAccumulation, trials: Trials) -> Contents:
    with open_archive(path, verify=False) as archive:
        assert archive.model is not None  # training writes no other archives
        model = cast(SpikingNetwork, load_model(archive.model, dtype=torch.float32))
    batch = Batch.of([trials], dtype=torch.float32)
    with torch.no_grad():
        outputs = model.batched().respond(batch.inputs).outputs
    states = _states(model, batch.inputs[0], _sampled(task))
    running = task.running_evidence(trials.columns)[:, _sampled(task)]
    types = np.char.replace(model.unit_columns()["cell_type"], "-out", "")
    chosen = discrimination(states["filtered"][:, -1:], trials.columns["label"], groups=types)
    groups = [str(name) for name in chosen.groups]
    return Contents(
        float(task.performance(outputs, batch).mean()),
        {name: decode_values(states[name], running).r2 for name in _CARRIERS},
        dict(zip(groups, chosen.selectivity[:, 0].tolist(), strict=True)),
        dict(zip(groups, chosen.chance[:, 0].tolist(), strict=True)),
        np.asarray(flatten_samples(states["filtered"]), np.float32),
    )


def _states(model: SpikingNetwork, inputs: torch.Tensor, steps: np.ndarray) -> dict[str, np.ndarray]:
    """Return what may carry the evidence at the given steps, (trial, sample, unit) each."""
    parts = {part.name: part for part in model.state_layout if part.name in _CARRIERS}
    found: dict[str, list[np.ndarray]] = {name: [] for name in parts}
    with torch.no_grad():
        for first in range(0, len(inputs), _BLOCK):
            states = model(inputs[first : first + _BLOCK]).states[:, torch.as_tensor(steps)]
            for name, part in parts.items():
                found[name].append(part.of(states).numpy())
    return {name: np.concatenate(blocks) for name, blocks in found.items()}


def tables(found: Found, task: EvidenceAccumulation) -> list[FindingsTable]:
    """Return accuracy and evidence by rule, selectivity by cell type, and similarity between rules."""
    return [_evidence_table(found, task), _selectivity_table(found), _similarity_table(found)]


def _moments(task: EvidenceAccumulation) -> dict[str, int]:
    """Return the samples that the table shows, by name."""
    windows = task.windows
    times = _sampled(task)
    delay, last_cue = windows["delay"], windows["delay"].start
    middle = (delay.start + delay.stop) // 2
    return {
        "end of cues": int(np.searchsorted(times, last_cue, side="right") - 1),
        "middle of delay": int(np.searchsorted(times, middle, side="right") - 1),
        "end of trial": len(times) - 1,
    }


def _evidence_table(found: Found, task: EvidenceAccumulation) -> FindingsTable:
    moments = _moments(task)
    rows = []
    for rule in RULES:
        cells = [
            spread([one.evidence[name][sample] for one in found[rule]])
            for name in _CARRIERS
            for sample in moments.values()
        ]
        rows.append([NAMES[rule], spread([one.accuracy for one in found[rule]]), *cells])
    header = ["rule", "accuracy", *(f"{_WORDS[name]}, {moment}" for name in _CARRIERS for moment in moments)]
    note = (
        "Accuracy and cross-validated R² of the evidence so far (left − right cues), decoded by ridge regression from "
        "filtered spikes or from the adaptation of thresholds, on the same fresh trials for all; mean ± s.d. over runs."
    )
    return FindingsTable("Where the evidence is held", header, rows, note)


def _selectivity_table(found: Found) -> FindingsTable:
    types = sorted({name for networks in found.values() for one in networks for name in one.selectivity})
    rows = []
    for rule in RULES:
        cells = []
        for name in types:
            chance = np.mean([one.chance[name] for one in found[rule] if name in one.chance])
            own = spread([one.selectivity[name] for one in found[rule] if name in one.selectivity])
            cells.append(f"{own} (chance {chance:.3f})")
        rows.append([NAMES[rule], *cells])
    note = "Mean |2 AUC − 1| of the units of a type for the correct choice, from filtered spikes in the last step."
    return FindingsTable("Selectivity by cell type", ["rule", *types], rows, note)


def _similarity_table(found: Found) -> FindingsTable:
    runs = len(found[RULES[0]])
    matrix = cka_matrix([one.samples for rule in RULES for one in found[rule]])
    rows = []
    for i, rule in enumerate(RULES):
        cells = []
        for j in range(len(RULES)):
            block = matrix[i * runs : (i + 1) * runs, j * runs : (j + 1) * runs]
            values = block[~np.eye(runs, dtype=bool)] if i == j else np.diag(block)
            cells.append(f"{values.mean():.3f}" if len(values) else "–")
        rows.append([NAMES[rule], *cells])
    note = (
        "Centred linear CKA of filtered spikes over trials and time. Between rules: networks of one run, with the same "
        "initial weights; within a rule: networks of different runs."
    )
    return FindingsTable("Similarity of networks", ["rule", *(NAMES[rule] for rule in RULES)], rows, note)


def remarks(found: Found, task: EvidenceAccumulation) -> list[str]:
    """Return where the evidence is held in the middle of the delay."""
    sample = _moments(task)["middle of delay"]
    said = []
    for rule in RULES:
        filtered, silent = (np.mean([one.evidence[name][sample] for one in found[rule]]) for name in _CARRIERS)
        where = "the thresholds" if silent > filtered else "the spikes"
        said.append(
            f"{NAMES[rule]}, middle of the delay: R² {filtered:.2f} from spikes, {silent:.2f} from thresholds: {where}."
        )
    return said


def figure(found: Found, task: EvidenceAccumulation) -> "Figure":
    """Return R² of the evidence over time, from spikes and from thresholds, with the epochs of the trial."""
    drawn = plotting.figure(columns=2, width=4.4, height=3.2)
    times = task.dt * _sampled(task)
    for ax, name in zip(drawn.axes, _CARRIERS, strict=True):
        for epoch, steps in task.windows.items():
            if epoch.startswith("cue"):
                ax.axvspan(task.dt * steps.start, task.dt * steps.stop, color=plotting.GREY, alpha=0.15, linewidth=0)
            else:
                ax.axvline(task.dt * steps.start, color=plotting.GREY, linewidth=0.8, linestyle=":")
                ax.text(task.dt * steps.start, -0.28, f" {epoch}", color=plotting.GREY, fontsize="small", va="bottom")
        for rule in RULES:
            values = np.stack([one.evidence[name] for one in found[rule]])
            ax.plot(times, values.T, color=plotting.RULE_COLOURS[rule], linewidth=0.6, alpha=0.4)
            ax.plot(times, values.mean(0), color=plotting.RULE_COLOURS[rule], label=NAMES[rule])
        ax.axhline(0, color=plotting.GREY, linewidth=0.8)
        ax.set(xlabel="time (s)", title=f"evidence decoded from {_WORDS[name]}", ylim=(-0.3, 1.02))
    drawn.axes[0].set_ylabel("cross-validated R² (grey: cues)")
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside right center", frameon=False)
    return drawn
