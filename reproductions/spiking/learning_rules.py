"""Learning curves of BPTT, MDGL and e-prop on evidence accumulation (MDGL study, Figure 3C), and what explains them.

Networks of the same initial weights and trials learn by the three rules. Their curves stand beside the published ones
and are compared seed by seed. Then the gradients themselves: how much of each rule's gradient is exactly zero, and how
well the rest agrees with BPTT, on the units with a readout synapse and on those without, where the rules differ. Then
what was learnt: where the evidence is held, which cell types choose, and how alike the networks of different rules are.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from ...trainers import Batch, Model, Settings, Task, TrainingLoop, get_family, randomness
from ...trainers.spiking import EvidenceAccumulation
from ..archives import load_network
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from . import contents, curves
from .gradients import COMPARED, Agreement, agreements
from .published import RULES

_UPDATES = 10  # between two evaluations, as published
_BATCH = 64  # trials of a gradient


def run(bench: Workbench) -> Findings:
    """Train networks by each rule, compare curves and gradients, and look into the networks."""
    torch.set_num_threads(1)
    archives = networks(bench)
    learnt = {rule: curves.read_curves(paths, _UPDATES) for rule, paths in archives.items()}
    iterations = int(bench.budget["iterations"])
    bench.note("comparing gradients")
    task = _task(bench)
    started = [TrainingLoop(_settings(bench, "bptt", number)).model.member(0) for number in range(bench.runs)]
    trained = [load_network(path) for path in archives["mdgl"]]
    bench.note("looking into the networks")
    found = contents.look_into(archives, task, bench.budget["trials"])
    tables = [
        curves.window_table(learnt, iterations),
        curves.order_table(learnt, iterations),
        _gradient_table("at the start", [_agreements(model, task) for model in started]),
        _gradient_table("after training by MDGL", [_agreements(model, task) for model in trained]),
        *contents.tables(found, task),
    ]
    drawn = {"curves": curves.figure(learnt, iterations), "evidence": contents.figure(found, task)}
    files = bench.save(drawn)
    values = {rule: {"loss": one.loss.tolist(), "accuracy": one.accuracy.tolist()} for rule, one in learnt.items()}
    return Findings(tables, [curves.order_remark(learnt, iterations), *contents.remarks(found, task)], files, values)


def networks(bench: Workbench) -> dict[str, list[Path]]:
    """Return the archives of each rule; networks of one run start from the same weights and see the same trials."""
    wanted = [(rule, number) for number in range(bench.runs) for rule in RULES]
    paths = bench.train([_settings(bench, *one) for one in wanted], "networks", trials=16)
    return {rule: [path for path, (own, _) in zip(paths, wanted, strict=True) if own == rule] for rule in RULES}


def _settings(bench: Workbench, rule: str, number: int) -> Settings:
    budget = bench.budget
    tables: dict[str, dict[str, Any]] = {
        "model": {"tau_adaptation": budget["tau_adaptation"]},
        "task": {"n_cues": budget["cues"], "delay": budget["delay"]},
        "training": {"rule": rule, "epochs": budget["iterations"] // _UPDATES, "updates_per_epoch": _UPDATES},
    }
    return Settings.resolve("spiking", "evidence", tables, seed=bench.seeds[number])


def _task(bench: Workbench) -> EvidenceAccumulation:
    settings = _settings(bench, "bptt", 0)
    return cast(EvidenceAccumulation, get_family("spiking").task("evidence", settings.task))


def _agreements(model: Model, task: Task) -> dict[str, Agreement]:
    """Return the agreement of each rule with BPTT on one batch, the same for all networks."""
    trials = task.draw(_BATCH, randomness.generator(0, "gradients"))
    return agreements(model, task, Batch.of([trials], dtype=torch.float64))


def _gradient_table(when: str, found: Sequence[dict[str, Agreement]]) -> FindingsTable:
    names = [field.name for field in dataclasses.fields(Agreement)]
    rows = []
    for rule in COMPARED:
        values = np.array([[getattr(one[rule], name) for name in names] for one in found])
        rows.append([rule, *("–" if np.isnan(column).all() else f"{np.nanmean(column):.3f}" for column in values.T)])
    header = ["rule", "exactly 0", "cosine", "… hidden", "same sign", "… hidden", "size, hidden"]
    note = (
        f"Gradient of the task's loss against BPTT's over the existing input and recurrent synapses, {_BATCH} trials, "
        f"mean over {len(found)} networks. Hidden: synapses onto units without a readout synapse, which e-prop cannot "
        "reach. Same sign: of those where both are not zero. Size: root mean square relative to BPTT's."
    )
    return FindingsTable(f"Gradients {when}", header, rows, note)


STUDY = Study(
    name="spiking.learning-rules",
    title="Three learning rules on evidence accumulation (Figure 3C)",
    source="Liu, Smith, Mihalas, Shea-Brown and Sümbül, PNAS 118:e2111821118 (2021)",
    scales={
        "small": Scale(3, {"cues": 3, "delay": 0.15, "tau_adaptation": 0.7, "iterations": 400, "trials": 256}),
        "paper": Scale(5, {"cues": 7, "delay": 0.85, "tau_adaptation": 2.0, "iterations": 2000, "trials": 256}),
    },
    run=run,
)
