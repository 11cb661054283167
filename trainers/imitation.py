"""Students of a trained network: the task of reproducing a teacher's trajectories (LINT).

A low-rank network that is asked for the teacher's activity itself, unit by unit, instead of the task's answer finds
the low-rank dynamics that the teacher uses, without decomposing its weights. Any class of network can be the
student of any other. Source: Valente, Pillow and Ostojic, NeurIPS 2022 (LINT); settings of the three-body study.
"""

import dataclasses
import functools
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigurationError, InputError
from ..readers import open_archive
from . import randomness
from .config import choice
from .export import load_model, run_of
from .family import get_family
from .model import Model, Trajectory
from .task import Batch, Task, Trials, mean_squared_error

# Parameters of a readout, which a student takes over from its teacher.
READOUT = ("output_weight", "output_bias")


@dataclasses.dataclass(frozen=True)
class ImitationConfig:
    """Options of a student's training.

    Attributes
    ----------
    teacher : path of the teacher's archive
    teacher_digest : its content digest, filled in from the file. A run that is resumed against another file stops
    match : ``rates``, what the teacher's readout sees, or ``states``, the raw states
    trials : ``teacher``, the training trials of the teacher, or ``fresh``, new ones of its task
    """

    teacher: str = ""
    teacher_digest: str = ""
    match: str = choice("rates", "states", default="rates")
    trials: str = choice("teacher", "fresh", default="teacher")

    def __post_init__(self) -> None:
        if not self.teacher:
            raise ConfigurationError("task.teacher: expected the path of the teacher's archive")
        found = read_teacher(self.teacher).digest
        if self.teacher_digest not in ("", found):
            raise ConfigurationError(
                f"task.teacher: {self.teacher} has the digest {found}, expected {self.teacher_digest}: it is another "
                "teacher than the one this run began with"
            )
        object.__setattr__(self, "teacher_digest", found)


@dataclasses.dataclass(frozen=True, eq=False)
class Teacher:
    """What a student needs of its teacher's archive.

    ``settings`` and ``member`` describe the run that trained it; empty when the archive does not say.
    """

    path: str
    digest: str
    model: Model
    task: Task
    settings: Mapping[str, Any]
    member: int

    def training_trials(self, n_trials: int) -> Trials:
        """Return the trials that the teacher was trained on, drawn again.

        Raises
        ------
        ConfigurationError
            If the archive does not say what they were, or they were not ``n_trials``.
        """
        training = self.settings.get("training", {})
        count = training.get("n_trials", 0)
        if not count:
            raise ConfigurationError(
                f"{self.path}: does not say which trials trained it; set task.trials = fresh to draw new ones"
            )
        if count != n_trials:
            raise ConfigurationError(
                f"training.n_trials = {n_trials}: {self.path} was trained on {count} trials; use as many, or set "
                "task.trials = fresh"
            )
        return self.task.training_set(n_trials, randomness.generator(self.settings["seed"], "trials", self.member))


@functools.lru_cache(maxsize=4)
def _read(path: str, stamp: tuple[int, int]) -> Teacher:
    with open_archive(path) as archive:
        if archive.model is None or archive.task is None:
            raise InputError(f"{path}: expected the archive of a trained network, with its model and task")
        model = load_model(archive.model)
        options = {name: value for name, value in archive.task.config.items() if name != "seed"}
        task = get_family(archive.model.family).task(archive.task.name, options)
        return Teacher(path, archive.digest, model, task, *run_of(archive))


def read_teacher(path: str) -> Teacher:
    """Return the teacher in an archive, kept in memory while the file stays as it is.

    Raises
    ------
    ArchiveError, InputError
        If the file is missing, damaged, or holds no trained network.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: cannot open the teacher's archive: {error.strerror}") from None
    return _read(path, (status.st_mtime_ns, status.st_size))


class Imitation(Task):
    """Reproduce a teacher's rates or states on trials of the teacher's task.

    The teacher runs without noise from the trials' own initial states. A student has the teacher's number of units
    and an identity readout, so that unit i of one stands for unit i of the other.
    """

    name = "imitation"
    config_class = ImitationConfig
    config: ImitationConfig

    def __init__(self, config: ImitationConfig) -> None:
        super().__init__(config)
        self.teacher = read_teacher(config.teacher)

    @property
    def n_inputs(self) -> int:
        """Inputs of the teacher's task."""
        return self.teacher.task.n_inputs

    @property
    def n_outputs(self) -> int:
        """One output per unit of the teacher."""
        return int(self.teacher.model.config.n_units)

    @property
    def dt(self) -> float:
        """Step of the teacher's task in seconds."""
        return self.teacher.task.dt

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials of the teacher's task; their targets are what the teacher does."""
        return self.imitated(self.teacher.task.draw(n_trials, generator))

    def training_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the teacher's own training trials, or fresh ones, as the options say."""
        if self.config.trials == "fresh":
            return self.draw(n_trials, generator)
        return self.imitated(self.teacher.training_trials(n_trials))

    def imitated(self, trials: Trials) -> Trials:
        """Return trials of the teacher's task with the teacher's activity as targets (trial, time, unit)."""
        model = self.teacher.model
        start = None if trials.initial_state is None else torch.as_tensor(trials.initial_state, dtype=model.dtype)
        inputs = torch.as_tensor(trials.inputs, dtype=model.dtype)
        state = model.initial_state(len(trials)) if start is None else start
        with torch.no_grad():
            states = model.run(inputs, state, None).states
            wanted = states if self.config.match == "states" else model.rates(states)
        return dataclasses.replace(trials, targets=wanted.numpy(), mask=None)

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the mean squared error of the rates (the outputs of an identity readout) or of the states."""
        outputs = trajectory.states if self.config.match == "states" else trajectory.outputs
        return {"imitation": mean_squared_error(outputs, batch)}

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return R² of each trial, (member, trial): all time steps and units pooled, the trial's mean as reference.

        When states are matched it is still the rates that are scored, against the rates of those states.
        """
        targets = batch.targets
        if self.config.match == "states":
            targets = self.teacher.model.rates(targets)
        residual = (outputs - targets).square().sum((-2, -1))
        total = (targets - targets.mean((-2, -1), keepdim=True)).square().sum((-2, -1))
        return 1 - residual / total.clamp_min(torch.finfo(total.dtype).tiny)

    def for_export(self, model: Model) -> tuple[Task, Model]:
        """Return the teacher's task and the student with the teacher's readout: how students are judged."""
        return self.teacher.task, with_readout_of(self.teacher.model, model)


def with_readout_of(teacher: Model, student: Model) -> Model:
    """Return the student with the teacher's readout in place of its own, as a new model.

    Raises
    ------
    InputError
        If the two have different numbers of units.
    """
    if student.config.n_units != teacher.config.n_units:
        raise InputError(f"readout: expected {teacher.config.n_units} units as in the teacher, found {student.config}")
    config = dataclasses.replace(
        student.config,
        readout=teacher.config.readout,
        output_bias=teacher.config.output_bias,
        output_nonlinearity=teacher.config.output_nonlinearity,
        n_outputs=teacher.config.n_outputs,
    )
    made = type(student)(config, dtype=student.dtype)
    taken = {name: array for name, array in teacher.arrays().items() if name in READOUT}
    made.load_arrays({name: array for name, array in student.arrays().items() if name not in READOUT} | taken)
    for name, mask in student.masks.items():
        made.set_mask(name, mask)
    return made


def student_defaults(kind: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the settings of a student that follow from its teacher: those of the published students.

    Learning rate 1e-2 → 5e-3 over 20 000 epochs, then constant, for at most 80 000 (flip-flop) or 40 000 epochs.
    """
    path = tables.get("task", {}).get("teacher", "")
    if not path:
        raise ConfigurationError("task.teacher: expected the path of the teacher's archive")
    teacher = read_teacher(str(path))
    shared = ("n_units", "mode", "form", "alpha", "noise_std", "nonlinearity", "output_nonlinearity", "input_bias")
    model = {name: getattr(teacher.model.config, name) for name in shared}
    training = {
        "learning_rate": 1e-2,
        "learning_rate_end": 5e-3,
        "learning_rate_epochs": 20_000,
        "epochs": 80_000 if teacher.task.name == "flip_flop" else 40_000,
    }
    count = teacher.settings.get("training", {}).get("n_trials", 0)
    if count:
        training |= {"n_trials": count, "batch_size": count}
    return {"model": {"kind": kind, "readout": "identity", **model}, "training": training}
