"""A sweep of low-rank students on two workers against a plain loop over the networks, one after another.

Students of a teacher–student study at reduced epochs: low-rank RNNs and TBRNNs of ranks 1 to 6, several seeds.
*Plain* is what one would write: autograd over ``step``, Adam, a full evaluation after every epoch, one network after
another, on one thread (two make networks of this size slower). It is timed over a few epochs of each
rank and, since every epoch and seed costs the same, counted for all. *Ours* is ``run_sweep`` as a whole: starting the
workers, training, exporting and writing every archive. On a machine that others use too, trust the ratio of CPU
seconds: plain over (ours ÷ workers), the ratio of wall times where nothing else runs.

Run: python benchmarks/sweeps.py [--seeds N] [--epochs N] [--workers N]
"""

import argparse
import resource
import tempfile
import time
from typing import Any

import numpy as np
import torch

from dynascope.trainers import Settings, TrainingLoop
from dynascope.trainers.sweeps import run_sweep

KINDS, RANKS = ("lowrank_rnn", "lowrank_tbrnn"), (1, 2, 3, 4, 5, 6)
SHARED = {"model": {"n_units": 30}, "task": {"n_bits": 3}}


def grid(seeds: int, epochs: int) -> dict[str, Any]:
    """Return the sweep; every network trains all epochs."""
    return {
        "family": "three_body",
        "task_name": "flip_flop",
        **SHARED,
        "training": _training(epochs),
        "seed": f"0-{seeds - 1}",
        "grid": [{"model": {"kind": list(KINDS), "rank": list(RANKS)}}],
    }


def train_plainly(kind: str, rank: int, epochs: int) -> None:
    """Train one network as one would on paper."""
    tables = {**SHARED, "model": {"kind": kind, "rank": rank, "n_units": 30}, "training": _training(epochs)}
    loop = TrainingLoop(Settings.resolve("three_body", "flip_flop", tables))
    model, (_, batch) = loop.model.member(0), next(loop.source.evaluations())
    inputs, targets = batch.inputs[0], batch.targets[0]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def error() -> torch.Tensor:
        state, visited = model.initial_state(len(inputs)), []
        for input in inputs.unbind(1):
            state = model.step(state, input)
            visited.append(state)
        return (model.readout(torch.stack(visited, 1)) - targets).square().mean()

    for _ in range(epochs):
        optimizer.zero_grad()
        error().backward()
        optimizer.step()
        with torch.no_grad():
            error()


def run(seeds: int = 8, epochs: int = 200, workers: int = 2, plain_epochs: int = 20) -> dict[str, float]:
    """Return the seconds of both sides and their ratios."""
    torch.set_num_threads(1)
    before = _clocks()
    for kind in KINDS:
        for rank in RANKS:
            train_plainly(kind, rank, plain_epochs)
    plain = (_clocks() - before) * seeds * epochs / plain_epochs
    before = _clocks()
    with tempfile.TemporaryDirectory() as folder:
        report = run_sweep(grid(seeds, epochs), folder, workers=workers)
    ours = _clocks() - before
    assert report.complete, report.summary()
    return {
        "networks": len(KINDS) * len(RANKS) * seeds,
        "plain_wall": plain[0],
        "plain_cpu": plain[1],
        "sweep_wall": ours[0],
        "sweep_cpu": ours[1],
        "wall_ratio": plain[0] / ours[0],
        "cpu_ratio": plain[1] / (ours[1] / workers),
    }


def _clocks() -> np.ndarray:
    """Return the wall seconds, and the CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return np.array([time.perf_counter(), sum(each.ru_utime + each.ru_stime for each in used)])


def _training(epochs: int) -> dict[str, Any]:
    return {"epochs": epochs, "plateau_checks": 0, "stop_loss": 0.0}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    for name, value in run(options.seeds, options.epochs, options.workers).items():
        print(f"{name:<16} {value:10.1f}")


if __name__ == "__main__":
    main()
