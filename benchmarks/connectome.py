"""The training of a grid of connectome networks, beside the published loop, end to end.

    python benchmarks/connectome.py                     4 combinations × 2 runs × 60 epochs
    python benchmarks/connectome.py --epochs 500 --runs 5 --patterns 3 5 10

The macaque connectome at 8 neurons per area, 232 units (the published 220 need the marmoset file), seq_mem, 400 + 100
trials, batches of 128, Adam, tanh and ReLU. *Published* is one process with torch alone: nn.RNN, autograd, the gradient
mask by indices, scored steps picked out of every batch, validation with gradients enabled, checkpoints every 10 epochs,
loss curves; it is the loop that the tests hold ours to, and is given weights and trials for nothing. *Ours* is
``run_experiment`` on two worker processes from their start to the last file, archives included. Both train the same
networks on the same batches; the largest difference of any loss is printed. CPU seconds are of all processes: the wall
time says what two idle processors do, CPU time also what others would.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from dynascope.trainers.connectome import results_folder
from dynascope.trainers.connectome.experiment import Experiment
from dynascope.trainers.connectome.grid import plan, run_experiment
from dynascope.trainers.connectome.grid_loop import GridLoop
from dynascope.trainers.connectome.ini import read_ini
from dynascope.trainers.connectome.state_dicts import to_state_dict

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "trainers"))
from connectome_plain import published_targets, train_plainly  # type: ignore[import-not-found]

TEXT = """\
[paths]
path_to_results = {folder}
[net]
net_name = Macaque_Normalized
nr_neurons = 8
[trainvalidate]
epochs = {epochs}
iterations = {runs}
[trialparams]
trial_params = {{"task_name": "seq_mem", "nr_of_trials": 500, "train_size": 0.8}}
[combosparams]
combos_params = {{"lr": [0.0001], "nonlinearity": ["relu", "tanh"], "optimizer": ["Adam"],
    "pattern_length": {patterns}}}
"""


class Cost(NamedTuple):
    """What a side took: seconds of the clock, and CPU seconds of all its processes."""

    wall: float
    cpu: float


def measured(work: Callable[[], Any]) -> tuple[Any, Cost]:
    """Return what a call returns and what it took."""

    def cpu() -> float:
        parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(part.ru_utime + part.ru_stime for part in parts)

    began, spent = time.perf_counter(), cpu()
    found = work()
    return found, Cost(time.perf_counter() - began, cpu() - spent)


def published_runs(experiment: Experiment) -> list[tuple[dict[str, Any], list[Any], dict[str, Any]]]:
    """Return initial weights, trials and options of every network, made by our own side and not timed."""
    split: Any = {"n_trials": experiment.trials.nr_of_trials, "train_size": experiment.trials.train_size}
    found = []
    for combination in plan(experiment):
        for settings in combination.settings:
            loop = GridLoop(settings, **split)
            pairs: Any = [(batch.inputs[0], batch.targets[0]) for batch in (loop.source.trials, *loop.held_out)]  # type: ignore[attr-defined]
            trials = [(inputs.numpy(), published_targets(targets.numpy())) for inputs, targets in pairs]
            start, training = loop.network(), settings.training
            options = {
                "nonlinearity": settings.model["nonlinearity"], "optimizer": training.optimizer,
                "rate": training.learning_rate, "batch_size": training.batch_size, "epochs": training.epochs,
            }  # fmt: skip
            found.append(({**to_state_dict(start), "mask": start["template"]}, trials, options))
    return found


def train_published(runs: list[tuple[dict[str, Any], list[Any], dict[str, Any]]], folder: Path) -> np.ndarray:
    """Train every network in this process, with the files of the published program; return (run, epoch, 2) losses."""
    losses = []
    for number, (weights, (training, validation), options) in enumerate(runs):

        def keep(epoch: int, state: Callable[[], Any], number: int = number, options: Any = options) -> None:
            if epoch % 10 == 0 or epoch == options["epochs"] - 1:
                torch.save(state(), folder / f"model_state_dict_epoch_{epoch}_iter_{number}.pth")

        mask = weights.pop("mask")
        losses.append(train_plainly(weights, mask, training, validation, keep=keep, **options)[0])
        np.save(folder / f"{number}.npy", losses[-1])
    return np.array(losses)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--patterns", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled = {"folder": folder / "ours", "epochs": options.epochs, "runs": options.runs}
        (folder / "config.ini").write_text(TEXT.format(**filled, patterns=json.dumps(options.patterns)))
        experiment = read_ini(folder / "config.ini")
        runs = published_runs(experiment)
        _, ours = measured(lambda: run_experiment(experiment, workers=options.workers))
        expected, published = measured(lambda: train_published(runs, folder))
        curves = [results_folder.read_curves(folder / "ours", index) for index in range(len(experiment.combos))]
    found = np.stack(
        [np.concatenate([getattr(one, f"{part}_loss") for one in curves]) for part in ("train", "validate")], -1
    )
    print(f"{len(runs)} networks of 232 units × {options.epochs} epochs, seq_mem, patterns of {options.patterns}")
    print(f"published loop, 1 process   {published.wall:7.1f} s   {published.cpu:7.1f} CPU s")
    print(f"ours, {options.workers} workers           {ours.wall:7.1f} s   {ours.cpu:7.1f} CPU s")
    print(f"ratio                       {published.wall / ours.wall:7.2f}     {published.cpu / ours.cpu:7.2f}")
    print(f"largest difference of a loss {np.abs(found - expected).max():.1e}")


if __name__ == "__main__":
    main()
