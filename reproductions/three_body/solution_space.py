"""Figure 4 of the three-body study: do additive, three-body and gated networks solve one bit in the same way.

Representations are compared by CKA, uncentred as published and centred, and laid out by metric multidimensional
scaling. Memories are the fixed points that a search finds, not two states picked from a long trial.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ... import plotting
from ...analysis import cka_matrix, flatten_samples
from ...fixedpoints import find_fixed_points, sample_starts
from ...trainers import Model, Settings, randomness
from ...trainers.family import get_family
from ..archives import load_network
from ..study import Findings, FindingsTable, Scale, Study, Workbench

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES = ("RNN", "TBRNN", "TBRNN_same", "GRU")
# Mean of 1 − uncentred CKA over pairs of networks; and the distances of class centroids after scaling.
PUBLISHED = {
    ("RNN", "RNN"): 0.0334,
    ("RNN", "TBRNN"): 0.8727,
    ("RNN", "TBRNN_same"): 0.8515,
    ("RNN", "GRU"): 0.5649,
    ("TBRNN", "TBRNN"): 0.5292,
    ("TBRNN", "TBRNN_same"): 0.5024,
    ("TBRNN", "GRU"): 0.5973,
    ("TBRNN_same", "TBRNN_same"): 0.5007,
    ("TBRNN_same", "GRU"): 0.5900,
    ("GRU", "GRU"): 0.3017,
}
CENTROIDS = {("RNN", "TBRNN"): 0.77, ("TBRNN", "GRU"): 0.30, ("RNN", "GRU"): 0.49}
_SEED_OF_SCALING = 42


def run(bench: Workbench) -> Findings:
    """Train the four classes, compare their states and find their memories."""
    archives = _networks(bench)
    models = {name: [load_network(path) for path in paths] for name, paths in archives.items()}
    bench.note("comparing states on shared trials")
    task = get_family("three_body").task("flip_flop", {})
    inputs = torch.as_tensor(task.draw(bench.budget["test_trials"], randomness.generator(0, "test")).inputs)
    samples = [_states(model, inputs) for name in CLASSES for model in models[name]]
    distances = {
        "uncentred": 1 - cka_matrix(samples, centered=False),
        "centred": 1 - cka_matrix(samples, centered=True),
    }
    cosines = {name: [memory_cosine(model, inputs) for model in models[name]] for name in ("RNN", "TBRNN")}
    layout = scaled(distances["uncentred"], bench.runs)
    figure = plotting.save(_figure(distances["uncentred"], layout, bench.runs), bench.output / "figure.png")
    tables = [_distance_table(distances, bench.runs), _centroid_table(layout), _memory_table(cosines)]
    values = {**{name: matrix.tolist() for name, matrix in distances.items()}, "memory_cosines": cosines}
    return Findings(tables, _remarks(distances["uncentred"], cosines, bench.runs), [figure], values)


def _networks(bench: Workbench) -> dict[str, list[Path]]:
    """Return the archives of each class; all networks of one run are trained on the same trials."""
    epochs = bench.budget["epochs"]
    first = [_settings(seed, "lowrank_rnn", epochs, learning_rate=1e-2, learning_rate_end=5e-3) for seed in bench.seeds]
    found = {"RNN": bench.train(first, "RNN", trials=8)}
    shared = ["input_weight", "output_weight"]
    three_body = {"learning_rate": 5e-3, "learning_rate_end": None, "frozen": shared, "start_parameters": shared}
    for name, limit in (("TBRNN", {"frozen_epochs": epochs // 2}), ("TBRNN_same", {})):
        settings = [
            _settings(seed, "lowrank_tbrnn", epochs, start_from=str(path), **three_body, **limit)
            for seed, path in zip(bench.seeds, found["RNN"], strict=True)
        ]
        found[name] = bench.train(settings, name, trials=8)
    gated = [
        _settings(seed, "lowrank_gru", bench.budget["gru_epochs"], learning_rate=1e-2, learning_rate_end=None)
        for seed in bench.seeds
    ]
    found["GRU"] = bench.train(gated, "GRU", trials=8)
    return found


def _settings(seed: int, kind: str, epochs: int, **training: Any) -> Settings:
    tables: dict[str, dict[str, Any]] = {"model": {"kind": kind}, "training": {"epochs": epochs, **training}}
    return Settings.resolve("three_body", "flip_flop", tables, seed=seed)


def _states(model: Model, inputs: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(flatten_samples(model(inputs).states.numpy()), np.float32)


def memory_cosine(model: Model, inputs: torch.Tensor, *, n_starts: int = 512) -> float:
    """Return the cosine of the two memories: the stable points whose outputs are nearest to +1 and to −1.

    NaN when a value has no stable point with an output of its sign: it is then held by slow drift.
    """
    with torch.no_grad():
        visited = model(inputs[:64]).states.numpy()
    silence = np.zeros(model.config.n_inputs)
    starts = sample_starts(visited, n_starts)
    points = find_fixed_points(model.step, starts, silence, certify=False, jacobian=model.jacobian())
    stable = points.states[points.stable]
    if not len(stable):
        return float("nan")
    with torch.no_grad():
        outputs = model.readout(torch.as_tensor(stable)).numpy()[:, 0]
    # A point with an output near 0, such as the origin of a three-body network, holds no value.
    memories = [int(np.abs(outputs - value).argmin()) for value in (1.0, -1.0)]
    if any(abs(outputs[index] - value) > 0.5 for index, value in zip(memories, (1.0, -1.0), strict=True)):
        return float("nan")
    first, second = stable[memories]
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def scaled(distances: np.ndarray, runs: int) -> dict[str, np.ndarray]:
    """Return two coordinates of each network by metric scaling, by class; TBRNN_same is left out, as published."""
    from sklearn.manifold import smacof

    kept = np.concatenate([_rows(name, runs) for name in CLASSES if name != "TBRNN_same"])
    square = distances[np.ix_(kept, kept)]
    square = np.maximum((square + square.T) / 2, 0)
    np.fill_diagonal(square, 0)
    places, _ = smacof(square, n_components=2, n_init=8, random_state=_SEED_OF_SCALING, normalized_stress=False)
    names = [name for name in CLASSES if name != "TBRNN_same"]
    return {name: places[index * runs : (index + 1) * runs] for index, name in enumerate(names)}


def _rows(name: str, runs: int) -> np.ndarray:
    first = CLASSES.index(name) * runs
    return np.arange(first, first + runs)


def mean_distance(distances: np.ndarray, first: str, second: str, runs: int) -> float:
    """Return the mean distance over pairs of networks of two classes; NaN within a class of one network."""
    block = distances[np.ix_(_rows(first, runs), _rows(second, runs))]
    if first != second:
        return float(block.mean())
    upper = block[np.triu_indices(runs, k=1)]
    return float(upper.mean()) if len(upper) else float("nan")


def _distance_table(distances: dict[str, np.ndarray], runs: int) -> FindingsTable:
    rows = []
    for (first, second), theirs in PUBLISHED.items():
        ours = [mean_distance(distances[name], first, second, runs) for name in ("uncentred", "centred")]
        rows.append([f"{first} – {second}", *(f"{value:.3f}" for value in ours), f"{theirs:.3f}"])
    header = ["pair of classes", "1 − CKA, uncentred", "1 − CKA, centred", "published (uncentred)"]
    return FindingsTable("Distances of representations, mean over pairs of networks", header, rows)


def _centroid_table(layout: dict[str, np.ndarray]) -> FindingsTable:
    rows = []
    for (first, second), theirs in CENTROIDS.items():
        apart = np.linalg.norm(layout[first].mean(0) - layout[second].mean(0))
        rows.append([f"{first} – {second}", f"{apart:.2f}", f"{theirs:.2f}"])
    return FindingsTable("Distances of class centroids after metric scaling", ["classes", "ours", "published"], rows)


def _memory_table(cosines: dict[str, list[float]]) -> FindingsTable:
    rows = []
    for name, theirs in (("RNN", "−1.000"), ("TBRNN", "+1.000")):
        found = [value for value in cosines[name] if np.isfinite(value)]
        text = ", ".join(f"{value:+.3f}" for value in found) or "–"
        rows.append([name, text, f"{len(cosines[name]) - len(found)}", theirs])
    header = ["class", "cosine of the two memories", "without two stable memories", "published (one network)"]
    return FindingsTable("Memories: stable fixed points of the silent network", header, rows)


def _remarks(distances: np.ndarray, cosines: dict[str, list[float]], runs: int) -> list[str]:
    additive = [value for value in cosines["RNN"] if np.isfinite(value)]
    antipodal = bool(additive) and max(additive) < -0.999
    apart = mean_distance(distances, "RNN", "TBRNN", runs)
    gated = mean_distance(distances, "RNN", "GRU", runs)
    return [
        f"Memories of additive networks are {'antipodal in every run' if antipodal else 'NOT antipodal in every run'}.",
        f"Three-body networks lie {'farther' if apart > gated else 'NOT farther'} from additive ones than gated ones "
        f"({apart:.3f} against {gated:.3f}).",
    ]


def _figure(distances: np.ndarray, layout: dict[str, np.ndarray], runs: int) -> "Figure":
    figure = plotting.figure(columns=2, width=4.2, height=3.6)
    picture = figure.axes[0].imshow(distances, cmap=plotting.SEQUENTIAL, vmin=0, vmax=1)
    middles = [CLASSES.index(name) * runs + (runs - 1) / 2 for name in CLASSES]
    figure.axes[0].set_xticks(middles, CLASSES, rotation=30, ha="right")
    figure.axes[0].set_yticks(middles, CLASSES)
    figure.axes[0].set_title("1 − CKA, uncentred")
    figure.colorbar(picture, ax=figure.axes[0], shrink=0.8)
    for name, places in layout.items():
        colour = plotting.network_colour(name.lower())
        figure.axes[1].scatter(places[:, 0], places[:, 1], s=22, color=colour, label=name)
        figure.axes[1].plot(*places.mean(0), "+", color=colour, markersize=12)
    figure.axes[1].set(title="metric scaling; crosses are centroids", xlabel="coordinate 1", ylabel="coordinate 2")
    figure.axes[1].set_aspect("equal", adjustable="datalim")
    figure.axes[1].legend()
    return figure


STUDY = Study(
    name="three-body.solution-space",
    title="Three classes of network, one bit: the space of solutions (Figure 4)",
    source="“Beyond linear summation: Three-Body RNNs for modeling complex neural and biological systems”, Figure 4",
    scales={
        "small": Scale(6, {"epochs": 10_000, "gru_epochs": 3000, "test_trials": 500}),
        "paper": Scale(30, {"epochs": 20_000, "gru_epochs": 20_000, "test_trials": 500}),
    },
    run=run,
)
