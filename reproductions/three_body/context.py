"""Context-dependent integration: additive networks of rank 1 to 5 beside a higher-order network of rank 1 + 1.

With the monkeys' condition averages (``--data FOLDER``) this is the published comparison. Without them a synthetic
stand-in of the same layout takes their place: it exercises every step, and its figures are not the published ones'.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import plotting
from ...analysis import trajectory_r2
from ...trainers import Settings
from ...trainers.family import get_family
from ...trainers.three_body.context import split_names
from ..archives import load_network
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from ..words import spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPLITS = ("train", "validation", "test")
# Mean of 30 runs on monkey A: global R² by split.
PUBLISHED = {
    "RNN 1": (0.6442, 0.6753, 0.6246),
    "RNN 2": (0.6357, 0.6690, 0.6234),
    "RNN 3": (0.6829, 0.6800, 0.6412),
    "RNN 4": (0.6994, 0.6907, 0.6633),
    "RNN 5": (0.7217, 0.7049, 0.6771),
    "HORNN 1+1": (0.6896, 0.7004, 0.6707),
}


def run(bench: Workbench) -> Findings:
    """Fit every network in every run and score it on the three splits."""
    models = {f"RNN {rank}": {"kind": "lowrank_rnn", "rank": rank} for rank in range(1, 6)}
    models["HORNN 1+1"] = {"kind": "lowrank_hornn", "rank": 1, "rank_two_body": 1}
    cases = [(name, number) for name in models for number in range(bench.runs)]
    settings = [_settings(bench, models[name], number) for name, number in cases]
    paths = bench.train(settings, "context networks", trials=72)
    scores = {case: _score(path, one) for case, path, one in zip(cases, paths, settings, strict=True)}
    values = {name: np.array([scores[name, number] for number in range(bench.runs)]) for name in models}
    figure = plotting.save(_figure(values, bench), bench.output / "figure.png")
    return Findings(
        [_table(values, bench)], _remarks(values, bench), [figure], {name: v.tolist() for name, v in values.items()}
    )


def _settings(bench: Workbench, model: dict[str, Any], number: int) -> Settings:
    task = {"data": bench.data} if bench.data else {"n_units": bench.budget["stand_in_units"]}
    tables: dict[str, dict[str, Any]] = {
        "model": model,
        "task": task,
        "training": {"epochs": bench.budget["epochs"], "plateau_checks": 0},
    }
    return Settings.resolve("three_body", "context", tables, seed=bench.seeds[number])


def _score(path: Path, settings: Settings) -> list[float]:
    """Return the R² over all recorded entries of each split together."""
    model = load_network(path)
    trials = get_family("three_body").task("context", settings.task).draw(72, np.random.default_rng(0))
    with torch.no_grad():
        outputs = model(torch.as_tensor(trials.inputs)).outputs.numpy()
    assert trials.mask is not None
    recorded = trials.mask[0] > 0
    found = []
    for name in SPLITS:
        rows = split_names() == name
        found.append(trajectory_r2(trials.targets[rows][:, recorded], outputs[rows][:, recorded], "pooled"))
    return found


def _table(values: dict[str, np.ndarray], bench: Workbench) -> FindingsTable:
    rows = []
    for name, scores in values.items():
        cells = []
        for index, theirs in enumerate(PUBLISHED[name]):
            cells.append(f"{spread(scores[:, index], ddof=0)} ({theirs:.3f})")
        rows.append([name, *cells])
    data = "the user's recordings" if bench.data else "THE SYNTHETIC STAND-IN, not a monkey"
    note = f"Global R², mean ± s.d. over runs, on {data} (in brackets: published, monkey A, 30 runs)."
    return FindingsTable("Context integration by network", ["network", *SPLITS], rows, note)


def _remarks(values: dict[str, np.ndarray], bench: Workbench) -> list[str]:
    test = {name: float(scores[:, 2].mean()) for name, scores in values.items()}
    higher = test["HORNN 1+1"]
    below = [name for name in test if name.startswith("RNN") and test[name] < higher]
    remark = (
        f"On test a rank 1 + 1 higher-order network reaches {higher:.3f}, above "
        f"{', '.join(below) or 'no additive network'} (published: between RNN 4 and RNN 5)."
    )
    return [remark] if bench.data else [remark, "The stand-in says nothing about the published comparison."]


def _figure(values: dict[str, np.ndarray], bench: Workbench) -> "Figure":
    figure = plotting.figure(width=4.8, height=3.0)
    ax = figure.axes[0]
    for place, (name, scores) in enumerate(values.items()):
        colour = plotting.network_colour(name.split()[0].lower())
        ax.plot([place] * len(scores), scores[:, 2], "o", color=colour, markersize=4)
        ax.plot(
            [place], [PUBLISHED[name][2]], "x", color=plotting.INK, label="published (monkey A)" if not place else None
        )
    ax.set_xticks(range(len(values)), list(values))
    ax.set_ylabel("R² on test conditions")
    ax.set_title("recordings of the user" if bench.data else "synthetic stand-in, not a monkey")
    ax.legend()
    return figure


STUDY = Study(
    name="three-body.context",
    title="Context-dependent integration (spec 4.4; a stand-in without --data)",
    source="“Beyond linear summation: Three-Body RNNs for modeling complex neural and biological systems”, data of "
    "Mante et al. (2013)",
    scales={
        "small": Scale(2, {"epochs": 1000, "stand_in_units": 60}),
        "paper": Scale(30, {"epochs": 10_000, "stand_in_units": 727}),
    },
    run=run,
)
