"""Replay: what one network does on given trials, as a recording."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..readers import Recording
from . import randomness
from .model import Model
from .rules import Rule
from .task import Batch, Task, Trials

# Bounds the memory of a replay, not its result: trials per forward run, and numbers in the states of one.
_TRIALS, _NUMBERS = 256, 2**26
# Trials that an archive shows unless asked for others.
_SHOWN = 128


@dataclasses.dataclass(frozen=True)
class Extract:
    """What of a replay a recording keeps.

    Attributes
    ----------
    states : names of state variables, those of the model's layout and of what its learning uses; None for the family's
        own choice
    window : start and stop in seconds; samples with start ≤ t < stop are kept, all by default. Networks always run, and
        are scored, from the start of a trial to its end
    """

    states: Sequence[str] | None = None
    window: tuple[float, float] | None = None

    def steps(self, n_steps: int, dt: float) -> slice:
        """Return the steps of the window.

        Raises
        ------
        InputError
            If it holds no sample of the trial.
        """
        if self.window is None:
            return slice(0, n_steps)
        if not all(math.isfinite(edge) for edge in self.window):
            raise InputError(f"window {self.window[0]:g} to {self.window[1]:g} s: expected finite seconds")
        start, stop = (max(0, math.ceil(edge / dt - 1e-6)) for edge in self.window)
        stop = min(stop, n_steps)
        if not start < stop:
            raise InputError(
                f"window {self.window[0]:g} to {self.window[1]:g} s: expected part of the trial from 0 to "
                f"{dt * n_steps:g} s"
            )
        return slice(start, stop)


def record(
    model: Model,
    task: Task,
    trials: Trials,
    *,
    seed: int = 0,
    attrs: Mapping[str, Any] | None = None,
    parameters: Mapping[str, np.ndarray] | None = None,
    extract: Extract | None = None,
    rule: Rule | None = None,
) -> Recording:
    """Return what one network (no member axis) does on given trials as a recording.

    Trial columns are those of the task, the network's ``performance`` on each trial and ``split``, "test" unless
    the task says otherwise. ``rule`` is the learning rule whose signals ``extract`` may ask for.
    """
    extract = extract or Extract()
    n_steps = trials.inputs.shape[1]
    steps = extract.steps(n_steps, task.dt)
    plain, learning = _sorted_names(model, extract.states)
    batch = Batch.of([trials], dtype=model.dtype)
    activity, outputs, states = _replay(model, batch, seed, steps, plain)
    performance = _numpy(task.performance(outputs[None], batch)[0])
    if learning:
        states |= model.learning_states(learning, task, batch, rule, steps)
    found = {name: _column(value) for name, value in task.score(outputs[None], batch).items()}
    columns = {"split": np.full(len(trials), "test"), **trials.columns, **found, "performance": performance}
    return Recording(
        activity=_numpy(activity),
        time=task.dt * np.arange(n_steps)[steps],
        trials=columns,
        epochs=_within({"trial": (0.0, task.dt * n_steps), **trials.epochs}, steps, task.dt),
        inputs=_cast(trials.inputs[:, steps], model),
        outputs=_numpy(outputs[:, steps]),
        targets=_cast(trials.targets[:, steps], model),
        mask=None if trials.mask is None else trials.mask[:, steps],
        states={name: _numpy(state) for name, state in states.items()},
        attrs={"performance": float(np.mean(performance)), **(attrs or {})},
        parameters=dict(parameters or {}),
        array_units={"activity": model.activity_unit} if model.activity_unit else None,
    )


def shown_trials(task: Task, n_trials: int | None, *, seed: int, run: Mapping[str, Any], member: int) -> Trials:
    """Return the trials that an archive shows of one network of a run with these settings, as a mapping.

    They are drawn with ``seed``, 128 by default. Where the task shows its training set they are the first of it, all by
    default and at most, and ``seed`` has no say.

    Raises
    ------
    InputError
        If the training set is wanted and ``run`` is empty, not known.
    """
    if not task.shows_training_set:
        return task.export_set(_SHOWN if n_trials is None else n_trials, randomness.generator(seed, "export"))
    if not run:
        raise InputError(f"task {task.name} shows the trials of the training: expected an archive that states its run")
    size = run["training"]["n_trials"] or _SHOWN
    return task.training_set(
        size if n_trials is None else min(n_trials, size), randomness.generator(run["seed"], "trials", member)
    )


def replay_inputs(model: Model, inputs: np.ndarray, *, time: np.ndarray) -> Recording:
    """Return what a network (no member axis) does on inputs (trial, time, input), from its own initial state."""
    with torch.no_grad():
        run = model(torch.as_tensor(inputs, dtype=model.dtype), None, torch.Generator().manual_seed(0))
    recorded = {name: _numpy(state) for name, state in model.recorded_states(run.states).items()}
    return Recording(
        activity=_numpy(model.activity(run.states)),
        time=time,
        inputs=inputs,
        outputs=_numpy(run.outputs),
        states=recorded,
    )


def _sorted_names(model: Model, names: Sequence[str] | None) -> tuple[list[str] | None, list[str]]:
    """Return the asked-for names of the state layout, None for the family's choice, and the others."""
    if names is None:
        return None, []
    layout = {part.name for part in model.state_layout}
    return [name for name in names if name in layout], [name for name in names if name not in layout]


def _replay(
    model: Model, batch: Batch, seed: int, steps: slice, names: Sequence[str] | None
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """Return activity and states in the given steps, and outputs in all steps."""
    generator = randomness.torch_generator(seed, "export noise")
    starts, n_trials = batch.initial_state, len(batch)
    size = max(1, min(_TRIALS, _NUMBERS // (batch.inputs.shape[2] * model.state_size)))
    activity: list[Tensor] = []
    outputs: list[Tensor] = []
    states: list[dict[str, Tensor]] = []
    with torch.no_grad():
        for first in range(0, n_trials, size):
            block = slice(first, first + size)
            run = model(batch.inputs[0, block], None if starts is None else starts[0, block], generator)
            kept = run.states[:, steps]
            activity.append(model.activity(kept))
            outputs.append(run.outputs)
            states.append(model.recorded_states(kept) if names is None else _named(model, kept, names))
    joined = {name: torch.cat([part[name] for part in states]) for name in states[0]}
    return torch.cat(activity), torch.cat(outputs), joined


def _named(model: Model, states: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the named variables, in the form in which the family records them if it does."""
    every = {part.name: part.of(states) for part in model.state_layout} | model.recorded_states(states)
    return {name: every[name].clone() for name in names}


def _within(epochs: Mapping[str, Any], steps: slice, dt: float) -> dict[str, np.ndarray]:
    """Return the epochs cut to the recorded steps, without those that lie outside in every trial."""
    start, stop = dt * steps.start, dt * steps.stop
    found = {}
    for name, edges in epochs.items():
        rows = np.array(edges, np.float64)
        outside = (rows[..., 1] <= start) | (rows[..., 0] >= stop)
        if not np.all(outside):
            cut = np.clip(rows, start, stop)
            cut[outside] = np.nan
            found[name] = cut
    return found


def measured_performance(model: Model, task: Task, n_trials: int, *, seed: int = 0) -> float:
    """Return the mean performance of one network (no member axis) on fresh trials, as training draws them."""
    trials = task.draw(n_trials, randomness.generator(seed, "performance"))
    batch = Batch.of([trials], dtype=model.dtype, device=next(model.parameters()).device)
    noise = [randomness.torch_generator(seed, "performance noise", device=str(batch.inputs.device))]
    with torch.no_grad():
        outputs = model.batched().respond(batch.inputs, batch.initial_state, noise).outputs
    return float(task.performance(outputs, batch).double().mean())


def _column(value: Any) -> Any:
    """Return a score (member, trial) of one network, or a pair with its unit, as a column."""
    return (_numpy(value[0][0]), value[1]) if isinstance(value, tuple) else _numpy(value[0])


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _cast(array: np.ndarray, model: Model) -> np.ndarray:
    return np.asarray(array, np.float64 if model.dtype == torch.float64 else np.float32)
