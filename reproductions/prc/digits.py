"""Spoken digits (figure 8): the user's copy of the Spiking Heidelberg Digits, or a synthetic stand-in.

The stand-in has the layout of that data set and is no speech: what networks reach on it stands beside the published
figures for orientation only. ``--data FOLDER`` with ``shd_train.h5`` and ``shd_test.h5`` runs the study itself.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import InputError
from ...trainers import Settings
from ...trainers.prc import KINDS, SpokenDigits
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from . import digits_figures as figures
from .outcomes import Outcomes, read_outcomes
from .published import SOURCE
from .published_networks import DIGITS, NAMES

FILES = {"train_file": "shd_train.h5", "test_file": "shd_test.h5"}


def run(bench: Workbench) -> Findings:
    """Train all kinds on the digits and compare train and test accuracy."""
    torch.set_num_threads(1)
    options = corpus(bench)
    found = {kind: _trained(bench, kind, options) for kind in KINDS}
    task = Settings.resolve("prc", "digits", {"task": options}).get_task()
    assert isinstance(task, SpokenDigits)
    examples = task.trials("test", np.arange(3))
    name = "the user's recordings" if bench.data else "the synthetic stand-in"
    drawn = {"digits": figures.learning(found, name), "examples": figures.examples(examples)}
    written = bench.save(drawn)
    values = {kind: one.log["validation_performance"][:, -1].tolist() for kind, one in found.items()}
    return Findings([table(found, name), health_table(found)], remarks(found, name), written, values)


def corpus(bench: Workbench) -> dict[str, Any]:
    """Return the task's options: the user's files, or the size of the stand-in.

    Raises
    ------
    InputError
        If the folder does not hold both files.
    """
    if bench.data is None:
        return {name: bench.budget[name] for name in ("n_train", "n_test")}
    paths = {option: Path(bench.data) / name for option, name in FILES.items()}
    for path in paths.values():
        if not path.is_file():
            raise InputError(f"{path}: not found; expected {' and '.join(FILES.values())} in the folder of --data")
    return {option: str(path) for option, path in paths.items()}


def _trained(bench: Workbench, kind: str, options: Mapping[str, Any]) -> Outcomes:
    tables: dict[str, dict[str, Any]] = {
        "model": {"kind": kind, "n_units": bench.budget["units"]},
        "task": dict(options),
        "training": {"epochs": bench.budget["epochs"]},
    }
    settings = [Settings.resolve("prc", "digits", tables, seed=seed) for seed in bench.seeds]
    return read_outcomes(bench.train(settings, f"{NAMES[kind]} on digits", trials=16))


def table(found: Mapping[str, Outcomes], name: str) -> FindingsTable:
    """Return train and test accuracy by kind, beside the published ones."""
    rows = []
    for kind, one in found.items():
        theirs, test = DIGITS[kind], one.log["validation_performance"]
        after = ", ".join(f"{value:.3f}" for value in test[:, -1])
        rows.append(
            [
                NAMES[kind],
                f"{one.log['loss'][:, -1].mean():.3f} ({theirs.train_loss:.3f})",
                f"{one.accuracy[:, -1].mean():.3f} ({theirs.train_accuracy:.3f})",
                f"{test[:, 0].mean():.3f} ({theirs.test_before:.3f})",
                f"{test[:, -1].mean():.3f} ({theirs.test_after:.3f})",
                after,
            ]
        )
    header = ["kind", "train loss", "train accuracy", "test, before", "test, after", "test by network"]
    note = (
        f"Means over networks on {name}; in parentheses three published networks on the Spiking Heidelberg "
        "Digits after 200 epochs of 31 batches. Training: means over the batches of the last epoch. Chance is 0.05."
    )
    return FindingsTable(f"Spoken digits, {name}", header, rows, note)


def health_table(found: Mapping[str, Outcomes]) -> FindingsTable:
    """Return shares of units that are silent or saturated, and of ties, before and after training."""
    rows = []
    for kind, one in found.items():
        cells = [
            f"{one.log[share][:, 0].mean():.2f} → {one.log[share][:, -1].mean():.2f}"
            for share in ("silent", "saturated", "ties")
        ]
        rates = one.log["firing_rate"].mean(0)
        rows.append([NAMES[kind], *cells, f"{rates[0]:.1f} → {rates[-1]:.1f}"])
    note = (
        "On training recordings, before the first update and over the last epoch; saturated: above 0.3 spikes per step."
    )
    return FindingsTable("Units", ["kind", "silent units", "saturated units", "ties", "rate (Hz)"], rows, note)


def remarks(found: Mapping[str, Outcomes], name: str) -> list[str]:
    """Return the order of the kinds, ours and the published."""
    test = {kind: one.log["validation_performance"][:, -1].mean() for kind, one in found.items()}
    ours, theirs = (
        " > ".join(NAMES[kind] for kind in sorted(KINDS, key=lambda kind: -values[kind]))
        for values in (test, {kind: one.test_after for kind, one in DIGITS.items()})
    )
    return [f"Test accuracy on {name}: {ours}. Published, on the Spiking Heidelberg Digits: {theirs}."]


STUDY = Study(
    name="prc.digits",
    title="Spoken digits by networks of dendritic neurons (Figure 8)",
    source=SOURCE,
    scales={
        "small": Scale(3, {"epochs": 60, "units": 200, "n_train": 1024, "n_test": 256}),
        "paper": Scale(3, {"epochs": 200, "units": 200, "n_train": 8156, "n_test": 2264}),
    },
    run=run,
)
