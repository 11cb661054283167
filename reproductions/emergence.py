"""Fixed points of an archive's network followed through its training, at the input that a moment of its task has."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..errors import InputError, unknown_name
from ..fixedpoints import TrainingDiagram, along_checkpoints, sample_starts, training_diagram
from ..readers import open_archive
from ..trainers import History, checkpoint_models

if TYPE_CHECKING:
    from torch import Tensor

    from ..trainers import Model

# Trials that each network is run on to see which states it visits.
_RUN_TRIALS = 32


@dataclasses.dataclass(frozen=True)
class Moment:
    """Which constant input: that of a rule's trials in the middle of an epoch, of one cue or the mean over all."""

    rule: str | None
    at: str
    cue: int | None = None


@dataclasses.dataclass(frozen=True)
class Search:
    """How to search and follow.

    Attributes
    ----------
    checkpoints, at_most : span of trials seen, ``start:stop:step``, and the most checkpoints, at even distances
    n_starts, noise, seed : initial states at each checkpoint, drawn from those that trials visit in the epoch, and the
        noise on them as a share of their spread
    slow, certify, switch, max_step : as in :func:`~dynascope.fixedpoints.training_diagram`
    """

    checkpoints: str | None = None
    at_most: int = 20
    n_starts: int = 128
    noise: float = 0.1
    seed: int = 0
    slow: bool = True
    certify: bool = True
    switch: bool = False
    max_step: float = 0.05


def emergence(
    path: str | Path,
    moment: Moment,
    search: Search = Search(),
    *,
    note: Callable[[str], None] = lambda text: None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> TrainingDiagram:
    """Return the fixed points of an archive's network at its checkpoints, and how they arose.

    Raises
    ------
    InputError
        If the archive holds fewer than two of the checkpoints, no such rule, epoch or cue, or a spiking network.
    """
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
        note(f"the input in {moment.at} differs between trials: its mean is held; choose one with --cue")
    held = inputs.mean(axis=0)
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
        progress=progress,
    )
    used = {**found.parameters, **dataclasses.asdict(moment), **dataclasses.asdict(search)}
    used |= {"archive": Path(path).name, "rule": history.task.name, "input": held.tolist()}
    return dataclasses.replace(found, parameters=used)


def _thinned(rows: np.ndarray, at_most: int) -> np.ndarray:
    """Return so many of the rows at even distances, with the first and the last."""
    kept = np.unique(np.linspace(0, len(rows) - 1, min(at_most, len(rows))).round().astype(int))
    return np.asarray(rows[kept])


def _middle(history: History, moment: Moment, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the chosen trials and the sample of each that is in the middle of the epoch, both (trial,)."""
    start, stop = _edges(history, moment, path)
    chosen = np.arange(len(history.trials))
    if moment.cue is not None:
        if "cue" not in history.trials.columns:
            raise InputError(f"cue {moment.cue}: trials of {history.task.name} have no cue")
        column = history.trials.columns["cue"]
        cues = np.asarray(column[0] if isinstance(column, tuple) else column)
        chosen = np.flatnonzero(cues == moment.cue)
        if not len(chosen):
            known = ", ".join(f"{cue:g}" for cue in np.unique(cues))
            raise InputError(f"cue {moment.cue}: trials of {history.task.name} have the cues {known}")
    return chosen, ((start[chosen] + stop[chosen]) // 2)


def _edges(history: History, moment: Moment, path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the first sample of the epoch in each trial and the one after its last, both (trial,)."""
    epochs = history.trials.epochs
    if moment.at not in epochs:
        raise InputError(f"{path}: {unknown_name(f'epoch of {history.task.name}', moment.at, epochs)}")
    seconds = np.broadcast_to(np.asarray(epochs[moment.at], float), (len(history.trials), 2))
    if not np.isfinite(seconds).all():
        raise InputError(f"{path}: some trials of {history.task.name} have no epoch {moment.at}")
    start, stop = np.rint(seconds / history.task.dt).astype(int).T
    return start, np.clip(stop, start + 1, history.trials.inputs.shape[1])


def _starts(model: "Model", history: History, chosen: np.ndarray, moment: Moment, search: Search) -> np.ndarray:
    """Return initial states near and between those that the network visits in the epoch, without noise."""
    trials = chosen[np.linspace(0, len(chosen) - 1, min(_RUN_TRIALS, len(chosen))).round().astype(int)]
    given = history.trials.initial_state
    with torch.no_grad():
        state = model.initial_state(len(trials)) if given is None else torch.as_tensor(given[trials], dtype=model.dtype)
        states = model.run_steps(torch.as_tensor(history.trials.inputs[trials], dtype=model.dtype), state, None).numpy()
    start, stop = _edges(history, moment, "")
    visited = [states[row, start[trial] : stop[trial]] for row, trial in enumerate(trials)]
    return sample_starts(np.concatenate(visited), search.n_starts, noise=search.noise, seed=search.seed)


def _readouts(models: "list[Model]", history: History) -> Any:
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
