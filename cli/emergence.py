"""``dynascope emergence``: fixed points followed through training, and the bifurcations in which they arise."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import InputError, unknown_name
from .console import Console, output_options
from .selection import base_path, result_options, with_suffix

if TYPE_CHECKING:
    from torch import Tensor

    from ..fixedpoints.following.training_record import TrainingDiagram
    from ..trainers import History, Model

# Trials that each network is run on to see which states it visits.
_RUN_TRIALS = 32


@dataclasses.dataclass(frozen=True)
class _Moment:
    """Which constant input: that of a rule's trials in the middle of an epoch."""

    rule: str | None
    at: str
    cue: int | None


@dataclasses.dataclass(frozen=True)
class _Search:
    checkpoints: str | None
    at_most: int
    n_starts: int
    noise: float
    seed: int
    slow: bool
    certify: bool
    switch: bool
    max_step: float


@click.command("emergence")
@click.argument("archive")
@result_options
@click.option("--rule", help="Which rule of the task (default: the only one).")
@click.option("--at", required=True, metavar="EPOCH", help="Epoch whose input, in its middle, is held constant.")
@click.option("--cue", type=click.IntRange(min=0), help="Only trials with this cue (default: the mean of all trials).")
@click.option("--checkpoints", metavar="START:STOP:STEP", help="Checkpoints by trials seen (default: all).")
@click.option(
    "--at-most",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Of more checkpoints, so many are taken at even distances.",
)
@click.option(
    "--starts",
    "n_starts",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Initial states at each checkpoint, drawn from the states that it visits in the epoch.",
)
@click.option(
    "--noise",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    help="Noise on the starts, as a share of the spread of the visited states.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of the starts.")
@click.option("--slow/--no-slow", default=True, show_default=True, help="Also report slow points.")
@click.option("--certify/--no-certify", default=True, show_default=True, help="Prove existence of each point.")
@click.option("--switch", is_flag=True, help="Also enter branches that cross on the way.")
@click.option(
    "--max-step",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Longest step along a branch, as a share of the way between two checkpoints.",
)
@output_options
def command(
    archive: str, output: str, figure_format: str, rule: str | None, at: str, cue: int | None, checkpoints: str | None,
    at_most: int, n_starts: int, noise: float, seed: int, slow: bool, certify: bool, switch: bool, max_step: float,
    console: Console,
) -> int:  # fmt: skip
    """Follow the fixed points of a network from checkpoint to checkpoint of its training.

    The input is held at what it is in the middle of an epoch, for example the delay of a memory task: a network that
    remembers needs a stable or slow point for every location then. Between checkpoints the weights move along a
    straight line; every fold, pitchfork and Neimark-Sacker bifurcation on it is located, in trials seen.

    Writes OUT.h5 (points, branches, events) and OUT.png (branches, where the readout points, how many points, leading
    eigenvalues). Exit code 1: no fixed point was found.

    \b
    Examples:
      dynascope emergence network.h5 --rule odr --at delay1 -o emergence
      dynascope emergence network.h5 --rule odr --at stim1 --cue 2 --checkpoints 500000:620000: -o cue2
    """
    import torch

    from .. import plotting

    torch.set_num_threads(1)
    base = base_path(output)
    moment = _Moment(rule, at, cue)
    search = _Search(checkpoints, at_most, n_starts, noise, seed, slow, certify, switch, max_step)
    found = _found(archive, moment, search, console)
    found.save(with_suffix(base, ".h5"))
    drawn = found.figure()
    title = drawn.axes[0]
    title.set_title(f"{Path(archive).stem}, input of {at}: {title.get_title()}")
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    console.result(found.summary(), {"archive": archive, **_printed(found)})
    return 0 if len(found) else 1


def _found(path: str, moment: _Moment, search: _Search, console: Console) -> "TrainingDiagram":
    """Return the diagram of the network of an archive."""
    from ..fixedpoints.following.checkpoints import along_checkpoints
    from ..fixedpoints.following.training import training_diagram
    from ..readers import open_archive
    from ..trainers import History, checkpoint_models

    with open_archive(path, verify=False) as archive:
        history = History(archive, moment.rule, search.checkpoints, performance_trials=0)
        rows = _thinned(history.rows, search.at_most)
        if len(rows) < 2:
            raise InputError(f"{path}: following needs at least 2 checkpoints, found {len(rows)}")
        pairs = checkpoint_models(archive)
        networks = [pairs[row] for row in rows.tolist()]
    models = [model for _, model in networks]
    if not models[0].is_smooth:
        raise InputError(
            f"{path}: the step of a {models[0].kind} network jumps at threshold and cannot be differentiated"
        )
    chosen, samples = _middle(history, moment, path)
    inputs = np.asarray(history.trials.inputs, float)[chosen, samples]
    if np.ptp(inputs, axis=0).max() > 1e-6:
        console.note(f"the input in {moment.at} differs between trials: its mean is held; choose one with --cue")
    held = inputs.mean(axis=0)
    with console.progress("checkpoints", len(networks) - 1) as advance:
        found = training_diagram(
            along_checkpoints(models[0].step, [model.arrays() for model in models], input=held),
            [seen for seen, _ in networks],
            [_starts(model, history, chosen, moment, search) for model in models],
            dt=history.task.dt,
            readout=_readouts(models, history),
            certify=search.certify,
            slow_points=search.slow,
            switch=search.switch,
            max_step=search.max_step,
            progress=lambda done, of: advance(done, ""),
        )
    used = {**found.parameters, **dataclasses.asdict(moment), **dataclasses.asdict(search)}
    used |= {"archive": Path(path).name, "rule": history.task.name, "input": held.tolist()}
    return dataclasses.replace(found, parameters=used)


def _thinned(rows: np.ndarray, at_most: int) -> np.ndarray:
    """Return so many of the rows at even distances, with the first and the last."""
    kept = np.unique(np.linspace(0, len(rows) - 1, min(at_most, len(rows))).round().astype(int))
    return np.asarray(rows[kept])


def _middle(history: "History", moment: _Moment, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the chosen trials and the sample of each that is in the middle of the epoch, both (trial,)."""
    start, stop = _edges(history, moment, path)
    chosen = np.arange(len(history.trials))
    if moment.cue is not None:
        if "cue" not in history.trials.columns:
            raise InputError(f"--cue {moment.cue}: trials of {history.task.name} have no cue")
        column = history.trials.columns["cue"]
        cues = np.asarray(column[0] if isinstance(column, tuple) else column)
        chosen = np.flatnonzero(cues == moment.cue)
        if not len(chosen):
            known = ", ".join(f"{cue:g}" for cue in np.unique(cues))
            raise InputError(f"--cue {moment.cue}: trials of {history.task.name} have the cues {known}")
    return chosen, ((start[chosen] + stop[chosen]) // 2)


def _edges(history: "History", moment: _Moment, path: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the first sample of the epoch in each trial and the one after its last, both (trial,)."""
    epochs = history.trials.epochs
    if moment.at not in epochs:
        raise InputError(f"{path}: {unknown_name(f'epoch of {history.task.name}', moment.at, epochs)}")
    seconds = np.broadcast_to(np.asarray(epochs[moment.at], float), (len(history.trials), 2))
    if not np.isfinite(seconds).all():
        raise InputError(f"{path}: some trials of {history.task.name} have no epoch {moment.at}")
    start, stop = np.rint(seconds / history.task.dt).astype(int).T
    return start, np.clip(stop, start + 1, history.trials.inputs.shape[1])


def _starts(model: "Model", history: "History", chosen: np.ndarray, moment: _Moment, search: _Search) -> np.ndarray:
    """Return initial states near and between those that the network visits in the epoch, without noise."""
    import torch

    from ..fixedpoints import sample_starts

    trials = chosen[np.linspace(0, len(chosen) - 1, min(_RUN_TRIALS, len(chosen))).round().astype(int)]
    given = history.trials.initial_state
    with torch.no_grad():
        state = model.initial_state(len(trials)) if given is None else torch.as_tensor(given[trials], dtype=model.dtype)
        states = model.run_steps(torch.as_tensor(history.trials.inputs[trials], dtype=model.dtype), state, None).numpy()
    start, stop = _edges(history, moment, "")
    visited = [states[row, start[trial] : stop[trial]] for row, trial in enumerate(trials)]
    return sample_starts(np.concatenate(visited), search.n_starts, noise=search.noise, seed=search.seed)


def _readouts(models: "list[Model]", history: "History") -> Any:
    """Return for each network the angle to which its readout points, None if its outputs are no ring."""
    from ..trainers.oculomotor.ring_task import RingTask

    task = history.task
    if not isinstance(task, RingTask):
        return None

    def of(model: "Model") -> Any:
        def angles(states: "Tensor") -> "Tensor":
            return task.ring.population_vector(task.objective.rates(model.readout(states))[..., 1:])

        return angles

    return [of(model) for model in models]


def _printed(found: "TrainingDiagram") -> dict[str, Any]:
    """Leave out what is too long to print: the file has it."""
    return {
        name: value for name, value in found.to_dict().items() if not name.startswith("path_") and "states" not in name
    }
