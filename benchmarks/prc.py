"""Epochs of networks of dendritic neurons, compiled, beside a plain loop over time under autograd, on one thread.

    python benchmarks/prc.py              memorisation, the five kinds of neuron, 10 networks at once
    python benchmarks/prc.py --linear     and CPU time against the number of steps
    python benchmarks/prc.py --digits     and networks of the size that learns spoken digits, by density of the inputs

Memorisation at the published size: 256 patterns × 200 steps × 100 inputs, 4 hidden units, float32. An epoch is one
update with all patterns: forward run, loss, gradients, Adam. *Plain* is the loop that the tests hold ours to, all
trials of one network at once. Times are CPU milliseconds per network and epoch, the least of several rounds in which
both sides take turns. Both sides start from the same weights and see the same patterns; how many spikes they place
differently and how much their gradients differ is printed.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dynascope.trainers import Batch, get_family
from dynascope.trainers.optimizers import Optimizer
from dynascope.trainers.prc import KINDS
from dynascope.trainers.rules import bptt
from dynascope.trainers.settings import TrainingConfig

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "trainers"))
import prc_plain  # type: ignore[import-not-found]

FAMILY = get_family("prc")
TRAINING = TrainingConfig(optimizer="adam", learning_rate=2e-3)


def networks(kind: str, *, members: int, task: Any, n_units: int, name: str) -> Any:
    """Return networks at the initial weights of a task."""
    size = {"n_units": n_units, "n_inputs": task.n_inputs, "n_outputs": task.n_outputs}
    options = FAMILY.defaults(kind, name, {})["model"] | size
    return FAMILY.model(options, members=members, generators=[np.random.default_rng(seed) for seed in range(members)])


def drawn(task: Any, *, members: int, n_trials: int = 256) -> Batch:
    """Return a training set for each network."""
    trials = [task.draw(n_trials, np.random.default_rng(1000 + seed)) for seed in range(members)]
    return Batch.of(trials, dtype=torch.float32)


def ours(model: Any, task: Any, batch: Batch) -> Callable[[], Any]:
    """Return what makes one update of all networks."""
    optimizer = Optimizer(model, TRAINING)

    def update() -> None:
        optimizer.update(bptt(model, task, batch, None).parameters, TRAINING.learning_rate)

    return update


def plain(model: Any, batch: Batch) -> Callable[[], Any]:
    """Return what makes one update of the first network."""
    weights = prc_plain.weights_of(model)
    inputs, labels = batch.inputs[0].float(), batch.targets[0, :, -1].argmax(-1)
    optimizer = torch.optim.Adam(weights, lr=TRAINING.learning_rate)

    def update() -> None:
        optimizer.zero_grad()
        outputs, _ = prc_plain.run(model.config.kind, *weights, inputs)
        prc_plain.nll_of_maximum(outputs, labels).backward()
        optimizer.step()

    return update


def in_turns(works: list[Callable[[], Any]], rounds: int, repeats: int) -> list[float]:
    """Return the least CPU milliseconds of a call of each, over rounds of ``repeats`` calls each."""
    least = [float("inf")] * len(works)
    for work in works:
        work()
    for _ in range(rounds):
        for i, work in enumerate(works):
            begin = time.process_time()
            for _ in range(repeats):
                work()
            least[i] = min(least[i], 1e3 * (time.process_time() - begin) / repeats)
    return least


def differences(model: Any, task: Any, batch: Batch) -> tuple[int, float]:
    """Return how many spikes of the first network differ, of each unit in each trial, and its gradients by how much."""
    found = bptt(model, task, batch, None).parameters
    weights = prc_plain.weights_of(model)
    outputs, spikes = prc_plain.run(model.config.kind, *weights, batch.inputs[0].float())
    prc_plain.nll_of_maximum(outputs, batch.targets[0, :, -1].argmax(-1)).backward()
    with torch.no_grad():
        counts = model.respond(batch.inputs).mean_activity[0] * task.n_steps
    several = int((counts - spikes[:, 1:].sum(1)).abs().round().sum())
    names = [f"{name}_weight" for name in model.cell.inputs]
    pairs = [(found[name][0].mT, weights[0].grad[..., k]) for k, name in enumerate(names)]
    pairs.append((found["output_weight"][0].mT, weights[1].grad))
    return several, max(float((a - b).norm() / b.norm()) for a, b in pairs)


def memorise_table(rounds: int, members: int) -> str:
    """Return the cost of an epoch of every kind of neuron."""
    task = FAMILY.task("memorise", {})
    batch = drawn(task, members=members)
    lines = [_row("kind", "plain, ms", "ours, ms", "ratio", "spikes differ", "gradients")]
    sums = np.zeros(2)
    for kind in KINDS:
        model = networks(kind, members=members, task=task, n_units=4, name="memorise")
        spikes, gradients = differences(model, task, batch)
        theirs, own = in_turns([plain(model, batch), ours(model, task, batch)], rounds, 3)
        own /= members
        sums += theirs, own
        lines.append(_row(kind, f"{theirs:.1f}", f"{own:.2f}", f"{theirs / own:.1f}×", f"{spikes}", f"{gradients:.0e}"))
    lines.append(_row("all five", f"{sums[0]:.1f}", f"{sums[1]:.2f}", f"{sums[0] / sums[1]:.1f}×", "", ""))
    return "\n".join(lines)


def linear_table(rounds: int, members: int) -> str:
    """Return the cost of an epoch against the number of steps."""
    steps = (200, 400, 800, 1600)
    lines = [_row("ours, ms", *(f"T = {n}" for n in steps))]
    tasks = [FAMILY.task("memorise", {"duration": n * 1e-3}) for n in steps]
    batches = [drawn(task, members=members) for task in tasks]
    for kind in KINDS:
        costs = []
        for task, batch in zip(tasks, batches, strict=True):
            model = networks(kind, members=members, task=task, n_units=4, name="memorise")
            costs.append(in_turns([ours(model, task, batch)], rounds, 1)[0] / members)
        lines.append(_row(kind, *(f"{cost:.2f}" for cost in costs)))
    return "\n".join(lines)


class _Random:
    """Random input spikes of the shape of spoken digits, with labels of 20 classes."""

    n_inputs, n_outputs, n_steps = 700, 20, 100

    def __init__(self, density: float) -> None:
        self.density = density
        options = {"n_channels": 700, "n_classes": 20, "duration": 0.1, "input_rate": 1e3 * density}
        task = FAMILY.task("memorise", options)
        self.draw, self.loss, self.performance = task.draw, task.loss, task.performance


def digits_table(rounds: int) -> str:
    """Return the cost of an update of one network of 200 units, 256 trials × 100 steps × 700 inputs, by density."""
    densities = (0.01, 0.05, 0.1, 0.2)
    kinds = ("one_compartment", "bap", "parallel_bap")
    lines = [_row("density", *(f"{kind}, ms" for kind in kinds), "plain bap, ms", "ratio")]
    for density in densities:
        task = _Random(density)
        batch = drawn(task, members=1)
        costs = {}
        for kind in kinds:
            model = networks(kind, members=1, task=task, n_units=200, name="digits")
            works = [ours(model, task, batch)] + ([plain(model, batch)] if kind == "bap" else [])
            costs[kind] = in_turns(works, rounds, 1)
        cells = [f"{costs[kind][0]:.0f}" for kind in kinds]
        own, theirs = costs["bap"]
        lines.append(_row(f"{density:.0%}", *cells, f"{theirs:.0f}", f"{theirs / own:.1f}×"))
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"{cells[0]:<18}" + "".join(f"{cell:>20}" for cell in cells[1:])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--linear", action="store_true")
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, NumPy {np.__version__}, {platform.machine()}, load {os.getloadavg()[0]:.1f}")
    print(memorise_table(options.rounds, options.members), flush=True)
    if options.linear:
        print("\n" + linear_table(options.rounds, options.members), flush=True)
    if options.digits:
        print("\n" + digits_table(options.rounds), flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
