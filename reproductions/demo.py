"""The demo: one bit of memory in four networks, from training to a page that explains what was found.

The steps are command lines, so that the page can show the exact command behind every picture.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from .. import plotting
from ..analysis import SimilarityMatrix
from ..fixedpoints import FixedPoints
from ..readers import open_archive
from ..trainers import load_model
from .report import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {"rnn": "additive network (RNN)", "tbrnn": "three-body network (TBRNN)"}
EPOCHS = 8000
# A third of the random starts leave a three-body network in a poor solution (docs/three_body.md).
STARTS = 4
SILENCE = 1000


@dataclasses.dataclass(frozen=True)
class Network:
    """One of the demo's networks: a class and the seed of its run."""

    kind: str
    seed: int

    @property
    def name(self) -> str:
        """Return the stem of its files."""
        return f"{self.kind}_seed{self.seed}"


NETWORKS = (Network("rnn", 1), Network("rnn", 2), Network("tbrnn", 1), Network("tbrnn", 2))


@dataclasses.dataclass(frozen=True)
class Step:
    """One command of the demo and what it is for."""

    purpose: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> str:
        """Return the command as a user would type it."""
        return shlex.join(["dynascope", *self.arguments])


def steps(directory: str | Path, *, epochs: int = EPOCHS, networks: Sequence[Network] = NETWORKS) -> list[Step]:
    """Return the commands of the demo, in order, writing below ``directory``."""
    made: list[Step] = []
    for network in networks:
        made += [Step(f"train {network.name}", _train(directory, network, epochs))]
    for network in networks:
        run, archive = f"{directory}/runs/{network.name}", f"{directory}/{network.name}.h5"
        made += [Step(f"export {network.name}", ("export", run, "--network", "best", "-o", archive))]
    archives = [f"{directory}/{network.name}.h5" for network in networks]
    for network, archive in zip(networks, archives, strict=True):
        target = f"{directory}/results/fixed_points-{network.name}"
        made += [Step(f"fixed points of {network.name}", ("fixedpoints", archive, "-o", target))]
    made += [Step("CKA", ("cka", *archives, "-o", f"{directory}/results/cka"))]
    return made


def _train(directory: str | Path, network: Network, epochs: int) -> tuple[str, ...]:
    options = {
        "model.kind": f"lowrank_{network.kind}",
        "training.epochs": epochs,
        "training.learning_rate": 0.03,
        "training.clip_norm": 0.1,
    }
    assignments = [word for key, value in options.items() for word in ("--set", f"{key}={value}")]
    target = f"{directory}/runs/{network.name}"
    seed = ("--members", str(STARTS), "--seed", str(network.seed))
    return ("train", "three_body", "flip_flop", *assignments, *seed, "-o", target)


def write_page(directory: str | Path, made: Sequence[Step], *, networks: Sequence[Network] = NETWORKS) -> Path:
    """Write ``index.html`` from the files that the steps left, and return its path."""
    directory = Path(directory)
    task, training = _task_figure(directory, networks), _training_figure(directory, networks)
    page = Page(
        "One bit of memory, four networks",
        "What dynascope does, on real work: train, archive, find fixed points, compare. "
        "Every picture is followed by the command that made it.",
    )
    page.heading("The task: a 1-bit flip-flop")
    page.text(
        "The network sees rare pulses of +1 and −1 and must keep reporting the sign of the last one. To do so it "
        "needs memory: at least two states in which it stays, or lingers, while the input is silent."
    )
    page.picture(
        plotting.save(task, directory / "results" / "task.png"),
        "One trial. Pulses above, then what each network reports (colour) on the answer asked for (grey).",
    )
    _training_section(page, plotting.save(training, directory / "results" / "training.png"), directory, made, networks)
    _dynamics_section(page, directory, made, networks)
    page.heading("Do the networks solve it in the same way?")
    page.text(
        "Linear CKA compares the activity of two networks on the same trials: 1 means equal up to rotation and scale, "
        "0 unrelated. Values are centred (the mean of each unit is subtracted first)."
    )
    page.picture(directory / "results" / "cka.png", SimilarityMatrix.load(directory / "results" / "cka.h5").summary())
    page.commands(*_commands(made, "cka"))
    page.heading("Look for yourself")
    page.commands(f"dynascope info {directory}/*.h5", f"dynascope validate {directory}/*.h5")
    page.text("The archives are plain HDF5; xarray, MATLAB and Julia open them without dynascope.")
    return page.write(directory / "index.html")


def _training_section(
    page: Page, picture: Path, directory: Path, made: Sequence[Step], networks: Sequence[Network]
) -> None:
    page.heading("What was trained, and how well")
    page.text(
        "All networks have 30 units and recurrent weights of rank 1. In an additive network every unit sums its "
        "inputs; in a three-body network it sums products of pairs of inputs. Accuracy is the share of time steps with "
        "the right sign, on 128 trials that were not used for training; chance is 0.5. All were trained with the same "
        f"settings. Each seed stands for {STARTS} random starts, of which the one with the lowest training loss is "
        "shown: about a third of the starts leave a three-body network in a poor solution."
    )
    rows = []
    for network in networks:
        with open_archive(directory / f"{network.name}.h5") as archive:
            attrs = archive.recording("final").attrs
            rows.append(
                [
                    TITLES[network.kind],
                    f"{network.seed}",
                    f"{attrs['loss']:.4f}",
                    f"{attrs['performance']:.4f}",
                    f"{attrs['best_epoch']}",
                ]
            )
    page.table(["network", "seed", "training loss", "test accuracy", "epoch of these weights"], rows)
    page.picture(picture, "Training loss (mean squared error) after each epoch.")
    page.commands(*_commands(made, "train"), *_commands(made, "export"))


def _dynamics_section(page: Page, directory: Path, made: Sequence[Step], networks: Sequence[Network]) -> None:
    page.heading("How they remember: fixed points")
    page.text(
        "A rank-1 network with one input is exactly a system of two numbers: κ, its activity along one direction, and "
        "the decaying trace v of the input. The arrows show where the silent network moves. Filled green "
        "dots are stable fixed points: states it falls into and keeps, its memories. Open red circles are unstable: "
        "they separate the memories. Grey lines are trials.",
        "Each point was found by Newton's method in the full 30-dimensional state space and again in the reduced "
        "one. A certified point is proved to exist, and to be the only one within a stated radius.",
        "The additive network is odd: its two memories are mirror images, κ and −κ. The three-body drive is even, so "
        "mirror images are impossible: its memories can lie on one side of the origin, which is always stable itself.",
        f"Not every memory is a fixed point. The table says where the output is {SILENCE} silent steps after a pulse, "
        "ten times as long as a trial: a network whose output has left +1 or −1 by then holds that value, for the "
        "length of a trial, by drifting slowly through a place where a fixed point has nearly come into being.",
    )
    page.table(
        ["network", "seed", "stable", "unstable", "output long after a pulse of +1", "after −1"],
        [_dynamics_row(directory, network) for network in networks],
    )
    for network in networks:
        base = _results(directory, network)
        found = FixedPoints.load(base.with_name(base.name + ".h5"))
        lines = found.summary().splitlines()
        page.picture(
            base.with_name(base.name + ".png"),
            f"{TITLES[network.kind]}, seed {network.seed}. {'. '.join(lines)}.",
        )
    page.commands(*_commands(made, "fixedpoints"))


def _results(directory: Path, network: Network) -> Path:
    return directory / "results" / f"fixed_points-{network.name}"


def _dynamics_row(directory: Path, network: Network) -> list[str]:
    """Return what the table says of one network: its points, and its output after a pulse and a long silence."""
    base = _results(directory, network)
    found = FixedPoints.load(base.with_name(base.name + ".h5"))
    stable = int(found.stable.sum())
    with open_archive(directory / f"{network.name}.h5", verify=False) as archive:
        assert archive.model is not None
        model = load_model(archive.model)
    inputs = torch.zeros(2, SILENCE + 1, 1, dtype=model.dtype)
    inputs[:, 0, 0] = torch.tensor([1.0, -1.0])
    with torch.no_grad():
        after = model(inputs).outputs[:, -1, 0].tolist()
    numbers = [f"{value:+.3f}" for value in after]
    return [TITLES[network.kind], f"{network.seed}", f"{stable}", f"{len(found) - stable}", *numbers]


def _commands(made: Sequence[Step], name: str) -> list[str]:
    return [step.command for step in made if step.arguments[0] == name]


def _task_figure(directory: Path, networks: Sequence[Network]) -> "Figure":
    figure = plotting.figure(rows=1 + len(networks), width=7.2, height=0.95)
    first, *rest = figure.axes
    for ax, network in zip(rest, networks, strict=True):
        with open_archive(directory / f"{network.name}.h5", verify=False) as archive:
            recording = archive.recording("final")
            # A trial in which the answer changes a few times shows more than a typical one.
            changes = (np.diff(np.asarray(recording.targets)[:, :, 0], axis=1) != 0).sum(1)
            trial = int(np.argmax(changes >= min(4, changes.max())))
            time = np.asarray(recording.time)
            pulses, target, output = (
                np.asarray(array)[trial, :, 0] for array in (recording.inputs, recording.targets, recording.outputs)
            )
        ax.plot(time, target, color="#bbbbbb", linewidth=3)
        ax.plot(time, output, color=plotting.network_colour(network.kind))
        ax.set_ylabel(f"{network.kind.upper()}\nseed {network.seed}", rotation=0, ha="right", va="center")
        ax.set_ylim(-1.5, 1.5)
    first.stem(time, pulses, linefmt="k-", markerfmt=" ", basefmt=" ")
    first.set_ylabel("input", rotation=0, ha="right", va="center")
    first.set_ylim(-1.5, 1.5)
    for ax in figure.axes:
        ax.set_yticks([-1, 0, 1])
        ax.tick_params(labelbottom=ax is figure.axes[-1])
    figure.axes[-1].set_xlabel("time (s; the network's time constant is 1 s)")
    return figure


def _training_figure(directory: Path, networks: Sequence[Network]) -> "Figure":
    figure = plotting.figure(width=6.0, height=3.0)
    ax = figure.axes[0]
    for index, network in enumerate(networks):
        with open_archive(directory / f"{network.name}.h5", verify=False) as archive:
            assert archive.training is not None
            epochs, loss = (np.asarray(archive.training[name]) for name in ("epoch", "loss"))
        style = "-" if index % 2 == 0 else "--"
        ax.semilogy(
            epochs,
            loss,
            style,
            color=plotting.network_colour(network.kind),
            linewidth=1,
            label=f"{network.kind.upper()}, seed {network.seed}",
        )
    ax.set_xlabel("epoch")
    ax.set_ylabel("mean squared error")
    ax.legend()
    return figure
