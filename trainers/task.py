"""The task protocol: seeded batches of trials, a loss, and a score a reader of the paper would recognise."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ..results import Array
from .model import Model, Trajectory


@dataclasses.dataclass(frozen=True)
class Trials:
    """Trials of a task as arrays, before any network has seen them.

    inputs, targets : (trial, time, input) and (trial, time, output)
    mask : (trial, time) or (trial, time, output) of 0 and 1 or weights, or None when everything counts
    initial_state : (trial, state), or None when trials start from the model's own initial state
    columns : one array of length trial per column; a pair (array, unit) when the column has a unit
    epochs : name → (start, stop) in seconds, or one such pair per trial, (trial, 2)
    scoring : name → (trial, …) numbers that loss or performance need beside the targets
    """

    inputs: Array
    targets: Array
    mask: Array | None = None
    initial_state: Array | None = None
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    epochs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scoring: Mapping[str, Array] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.inputs)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Trials as tensors with a leading member axis: what a rule trains on."""

    inputs: Tensor
    targets: Tensor
    mask: Tensor | None = None
    initial_state: Tensor | None = None
    scoring: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, trials: Sequence[Trials], *, dtype: torch.dtype, device: torch.device | str = "cpu") -> "Batch":
        """Stack the trials of each member; all members have the same shapes.

        Where all hand over the same memory, such as one corpus of recordings, the batch holds it once and the member
        axis has a stride of 0: no tensor of a batch may be changed in place.
        """

        def stacked(arrays: Sequence[Array], *, may_be_bytes: bool = False) -> Tensor:
            shared = all(array.__array_interface__ == arrays[0].__array_interface__ for array in arrays)
            found = torch.as_tensor(np.stack(arrays[:1] if shared else arrays))
            stays = may_be_bytes and found.dtype == torch.uint8
            found = found.to(device=device, dtype=found.dtype if stays else dtype)
            return found.expand(len(arrays), *found.shape[1:])

        def optional(name: str) -> Tensor | None:
            arrays = [getattr(member, name) for member in trials]
            return None if arrays[0] is None else stacked(arrays)

        return cls(
            # Input events take a quarter of the memory as bytes; a model converts what it needs of them at a time.
            stacked([member.inputs for member in trials], may_be_bytes=True),
            stacked([member.targets for member in trials]),
            optional("mask"),
            optional("initial_state"),
            {name: stacked([member.scoring[name] for member in trials]) for name in trials[0].scoring},
        )

    def __len__(self) -> int:
        return self.inputs.shape[1]

    def take(self, trials: Tensor) -> "Batch":
        """Return the trials of index ``trials`` (member, n), chosen separately for each member."""
        rows = torch.arange(len(trials), device=trials.device).unsqueeze(1)
        return self._each(lambda tensor: tensor[rows, trials])

    def select_members(self, indices: Sequence[int]) -> "Batch":
        """Return the batch of the chosen members only."""
        return self._each(lambda tensor: tensor[list(indices)] if tensor.stride(0) else tensor[: len(indices)])

    def _each(self, change: Any) -> "Batch":
        def changed(value: Tensor | None) -> Any:
            return None if value is None else change(value)

        scoring = {name: change(tensor) for name, tensor in self.scoring.items()}
        inputs, targets = change(self.inputs), change(self.targets)
        return Batch(inputs, targets, changed(self.mask), changed(self.initial_state), scoring)


class Task(ABC):
    """Base of all tasks. ``config`` is the task's frozen configuration dataclass.

    A network may be cued to follow one of several rules, each a task of its own (:attr:`rules`); the trials of a batch
    follow one of them.
    """

    name: ClassVar[str]
    config_class: ClassVar[type]
    #: trials like those of training on which archives state the performance; 0 for the trials that they show
    performance_trials: ClassVar[int] = 0
    #: whether archives show trials of the training set, for tasks in which nothing can be known of others; the first n
    #: trials of a larger training set must be those of a set of n
    shows_training_set: ClassVar[bool] = False

    def __init__(self, config: Any) -> None:
        self.config = config

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Number of input channels."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of output channels."""

    @property
    def dt(self) -> float:
        """Duration of a time step in seconds; by default the option ``dt``."""
        step: float = self.config.dt
        return step

    @abstractmethod
    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw ``n_trials`` trials. The same generator state gives the same trials."""

    def seconds(self, windows: Mapping[str, slice]) -> dict[str, tuple[float, float]]:
        """Return (start, stop) in seconds of epochs that are given as steps."""
        return {name: (self.dt * steps.start, self.dt * steps.stop) for name, steps in windows.items()}

    @abstractmethod
    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the score of each trial, (member, trial) from outputs (member, trial, time, output)."""

    def metrics(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return what evaluations log of the outputs beside loss and performance, by name, (member,) each."""
        return {}

    @property
    def rules(self) -> "Mapping[str, Task]":
        """The rules that a network is trained on, by name; by default one, the task itself."""
        return {self.name: self}

    @property
    def rule_probabilities(self) -> Mapping[str, float]:
        """How often a batch follows each rule; by default all alike."""
        return dict.fromkeys(self.rules, 1 / len(self.rules))

    def score(self, outputs: Tensor, batch: Batch) -> dict[str, Any]:
        """Return what an archive says of each trial beside the performance, by name, from outputs as above.

        Each is (member, trial), or a pair (tensor, unit).
        """
        return {}

    def training_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the trials of a training set that is drawn once; by default like any others."""
        return self.draw(n_trials, generator)

    def validation_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the trials that decide which weights are best; by default like any others."""
        return self.draw(n_trials, generator)

    def export_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the trials that an archive shows; by default like any others."""
        return self.draw(n_trials, generator)

    def for_export(self, model: Model) -> tuple["Task", Model]:
        """Return the task and the network that an archive shows; by default this task and the trained network."""
        return self, model

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the terms of the loss by name, each (member,): the masked mean squared error by default."""
        return {"task": mean_squared_error(trajectory.outputs, batch)}


def one_hot(labels: Array, n_steps: int, n_classes: int) -> Array:
    """Return the targets of trials with these labels (trial,): uint8 (trial, time, class), a read-only view."""
    chosen = np.eye(n_classes, dtype=np.uint8)[labels]
    return np.broadcast_to(chosen[:, np.newaxis], (len(labels), n_steps, n_classes))


def labels(batch: Batch) -> Tensor:
    """Return the label of each trial, (member, trial), from targets that are one-hot at the last step."""
    return batch.targets[..., -1, :].argmax(-1)


def mean_squared_error(outputs: Tensor, batch: Batch) -> Tensor:
    """Return the mean over the entries that count of (output − target)², one number per member."""
    errors = (outputs - batch.targets).square()
    if batch.mask is None:
        return errors.flatten(1).mean(1)
    mask = batch.mask if batch.mask.ndim == errors.ndim else batch.mask.unsqueeze(-1).expand_as(errors)
    return (errors * mask).flatten(1).sum(1) / mask.flatten(1).sum(1)


def r_squared(outputs: Tensor, batch: Batch) -> Tensor:
    """Return R² of each trial, (member, trial): 1 − squared error / spread of the targets around their means."""
    error = (outputs - batch.targets).square().sum((-2, -1))
    spread = (batch.targets - batch.targets.mean(-2, keepdim=True)).square().sum((-2, -1))
    return 1 - error / spread


def cross_entropy(outputs: Tensor, batch: Batch) -> Tensor:
    """Return the cross-entropy of softmax(outputs) and the targets, one number per member.

    Outputs (logits) and targets (probabilities, one-hot as a rule) are (member, trial, time, output). It is the mean
    over trials of each trial's mean over the steps, weighted by the mask (member, trial, time); a trial without
    weight makes it NaN.
    """
    targets, mask = batch.targets, batch.mask
    if mask is None:
        mask = torch.ones_like(outputs[..., 0])
    # A decision counts at a few of thousands of steps: the others need no softmax.
    steps = mask.amax((0, 1)).nonzero().squeeze(1)
    mask = mask.index_select(-1, steps)
    logarithms = outputs.index_select(-2, steps).log_softmax(-1)
    surprise = -(targets.index_select(-2, steps) * logarithms).sum(-1)
    return ((surprise * mask).sum(-1) / mask.sum(-1)).mean(-1)
