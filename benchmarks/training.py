"""One training epoch of a low-rank student: the loop's compiled run against plain autograd, in one process.

Run: python benchmarks/training.py [--members 1 6 30] [--repeats N]
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from dynascope.trainers import Settings, TrainingLoop

TRIALS, STEPS, UNITS = 128, 100, 30


def cpu_seconds(function: Callable[[], Any], repeats: int) -> float:
    """Return the median CPU seconds of one call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return float(np.median(times))


def loop_epoch(members: int, kind: str) -> Callable[[], None]:
    """Return our epoch: evaluation, gradients and update of the training loop."""
    return TrainingLoop(_settings(members, kind)).run_epoch


def plain_epoch(kind: str) -> Callable[[], None]:
    """Return the plain epoch of one network: autograd over ``step``, Adam, a full evaluation."""
    loop = TrainingLoop(_settings(1, kind))
    model, (_, batch) = loop.model.member(0), next(loop.source.evaluations())
    inputs, targets = batch.inputs[0], batch.targets[0]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def states() -> torch.Tensor:
        state, visited = model.initial_state(TRIALS), []
        for input in inputs.unbind(1):
            state = model.step(state, input)
            visited.append(state)
        return torch.stack(visited, 1)

    def epoch() -> None:
        optimizer.zero_grad()
        (model.readout(states()) - targets).square().mean().backward()
        optimizer.step()
        with torch.no_grad():
            (model.readout(states()) - targets).square().mean()

    return epoch


def tanh_floor(repeats: int) -> float:
    """Return the CPU seconds of the 384 000 hyperbolic tangents of one forward run, by NumPy's vector code."""
    values = np.random.default_rng(0).normal(size=(STEPS, UNITS, TRIALS)).astype(np.float32)
    out = np.empty_like(values)
    return cpu_seconds(lambda: np.tanh(values, out=out), repeats)


def run(members: tuple[int, ...] = (1, 6, 30), repeats: int = 40) -> list[dict[str, Any]]:
    """Return one row per network class and number of members; times are CPU seconds per network and epoch."""
    torch.set_num_threads(1)
    rows = []
    floor = 2 * tanh_floor(5 * repeats)
    for kind in ("lowrank_rnn", "lowrank_tbrnn"):
        plain = cpu_seconds(plain_epoch(kind), max(5, repeats // 2))
        for count in members:
            ours = cpu_seconds(loop_epoch(count, kind), max(5, 2 * repeats // count)) / count
            rows.append(
                {
                    "kind": kind,
                    "members": count,
                    "plain": plain,
                    "ours": ours,
                    "ratio": plain / ours,
                    "floors": ours / floor,
                }
            )
    return rows


def _settings(members: int, kind: str) -> Settings:
    tables = {
        "model": {"kind": kind, "n_units": UNITS},
        "training": {"epochs": 10**6, "plateau_checks": 0, "stop_loss": 0.0},
    }
    return Settings.resolve("three_body", "flip_flop", tables, members=members)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 6, 30])
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    print(f"rank 1, B {TRIALS}, T {STEPS}, N {UNITS}, float32, one thread; CPU ms per network and epoch")
    print(f"{'network':<14} {'members':>7} {'plain':>8} {'ours':>8} {'ratio':>7} {'× tanh floor':>13}")
    for row in run(tuple(options.members), options.repeats):
        print(
            f"{row['kind']:<14} {row['members']:>7} {1e3 * row['plain']:>8.2f} {1e3 * row['ours']:>8.3f} "
            f"{row['ratio']:>6.1f}× {row['floors']:>12.1f}"
        )


if __name__ == "__main__":
    main()
