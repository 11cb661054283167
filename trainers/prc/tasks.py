"""Memorisation of random spike patterns, and how the tasks of this family are answered: by the highest peak."""

import dataclasses
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import ConfigurationError, InputError
from ...results import Array
from ..config import positive, whole_steps
from ..model import Trajectory
from ..task import Batch, Task, Trials, labels, one_hot


class PeakDecision(Task):
    """Choice among classes, each with a readout: the answer is the readout with the highest peak over the trial.

    Targets are the one-hot label at every step, uint8 (trial, time, class). Published readouts start at 0, which counts
    as a time point: they are all 0 after the first step, so that no peak is below 0. Readouts whose peak is that start
    get no gradient (except through a bias).
    """

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the negative log-likelihood of the label under the softmax of the peaks, the mean over trials.

        With several highest time points the gradient reaches the readout at the first of them.
        """
        likelihood = peaks(trajectory.outputs).log_softmax(-1)
        return {"task": -likelihood.gather(-1, labels(batch).unsqueeze(-1)).squeeze(-1).mean(-1)}

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return 1 for each trial whose highest peak is the label's, else 0. The first of equal peaks counts."""
        return (peaks(outputs).argmax(-1) == labels(batch)).to(outputs.dtype)

    def metrics(self, outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Return ``ties``, the share of trials in which two or more readouts share the highest peak."""
        return {"ties": is_tie(peaks(outputs)).to(outputs.dtype).mean(-1)}

    def score(self, outputs: Tensor, batch: Batch) -> dict[str, Any]:
        """Return the answer of each trial and whether it was one of several equal ones."""
        highest = peaks(outputs)
        return {"prediction": highest.argmax(-1), "tie": is_tie(highest)}


def peaks(outputs: Tensor) -> Tensor:
    """Return the largest value over time of each readout, (…, output) from (…, time, output)."""
    # Not amax, which would share the gradient among equal time points.
    return outputs.max(-2).values


def is_tie(highest: Tensor) -> Tensor:
    """Return whether two or more of the peaks (…, output) are equally the highest, (…)."""
    return (highest == highest.amax(-1, keepdim=True)).sum(-1) > 1


def best_threshold_accuracy(margins: Array, labels: Array) -> Array:
    """Return the accuracy of two classes under the best rule "class 1 where the margin exceeds a constant".

    Margins (…, trial) are peak 1 − peak 0, labels (…, trial) are 0 or 1; one accuracy for each leading index. The
    constant is chosen on the same trials, so that it is optimistic: whatever was learnt, it is at least the share of
    the larger class. It shows what ties hide, which the published rule all calls class 0. O(trial · log trial).

    Raises
    ------
    InputError
        If shapes differ, there is no trial, a margin is NaN or a label is neither 0 nor 1.
    """
    margins, labels = np.asarray(margins, np.float64), np.asarray(labels)
    if margins.shape != labels.shape or not margins.size:
        raise InputError(
            f"best threshold: expected as many margins as labels, found shapes {margins.shape}, {labels.shape}"
        )
    if np.isnan(margins).any() or not np.isin(labels, (0, 1)).all():
        raise InputError("best threshold: expected margins that are numbers and labels 0 and 1, found others")
    order = np.argsort(margins, axis=-1)
    sorted_margins, is_one = (np.take_along_axis(array, order, -1) for array in (margins, labels.astype(np.int64)))
    # Right answers when the k smallest margins are called 0: all ones at k = 0, then one more for each 0, less for a 1.
    right = is_one.sum(-1, keepdims=True) + np.cumsum(1 - 2 * is_one, axis=-1)
    right[..., :-1][sorted_margins[..., :-1] == sorted_margins[..., 1:]] = 0  # no constant parts equal margins
    best: Array = np.maximum(right.max(-1), is_one.sum(-1)) / margins.shape[-1]
    return best


@dataclasses.dataclass(frozen=True)
class MemoriseConfig:
    """Options of memorisation; defaults are the published ones.

    Attributes
    ----------
    duration, dt : trial and step in seconds, a whole number of steps
    n_channels, input_rate : input channels and the rate of their spikes in Hz, at most one per step
    n_classes : labels, all equally likely
    """

    duration: float = positive(0.2)
    n_channels: int = positive(100)
    input_rate: float = positive(5.0)
    n_classes: int = positive(2)
    dt: float = positive(1e-3)

    def __post_init__(self) -> None:
        whole_steps(self, "duration")
        if self.input_rate * self.dt > 1:
            raise ConfigurationError(
                f"task.input_rate = {self.input_rate}: expected at most one spike per step of {self.dt} s"
            )
        if self.n_classes < 2:
            raise ConfigurationError(f"task.n_classes = {self.n_classes}: expected at least 2")


class Memorise(PeakDecision):
    """Learn arbitrary labels of frozen random spike patterns: how many a few neurons can hold.

    Inputs are Bernoulli spikes, uint8 (trial, time, input); labels are independent of them. Nothing can be known of a
    pattern that was not learnt, so that there is no test set: an archive shows patterns of the training set. The first
    n of many patterns are those that a draw of n gives. Chance is 1 / n_classes and a loss of ln n_classes.

    Source: Harkin et al., Neuroscience 489:200 (2022), figure 7.
    """

    name = "memorise"
    shows_training_set = True
    config_class = MemoriseConfig
    config: MemoriseConfig

    @property
    def n_inputs(self) -> int:
        """Channels of the patterns."""
        return self.config.n_channels

    @property
    def n_outputs(self) -> int:
        """One readout per label."""
        return self.config.n_classes

    @property
    def n_steps(self) -> int:
        """Steps of a trial."""
        return whole_steps(self.config, "duration")

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw patterns and their labels; column ``label``."""
        config = self.config
        # The numbers of a trial come one after the other, its label first: that makes draws of any length agree.
        uniform = generator.random((n_trials, 1 + self.n_steps * config.n_channels))
        label = (uniform[:, 0] * config.n_classes).astype(np.int64)
        inputs = (uniform[:, 1:] < config.input_rate * config.dt).astype(np.uint8)
        return Trials(
            inputs.reshape(n_trials, self.n_steps, config.n_channels),
            one_hot(label, self.n_steps, config.n_classes),
            columns={"label": label},
            epochs={"stimulus": (0.0, config.duration)},
        )

    def training_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw the patterns to learn; column ``split`` is "train"."""
        trials = self.draw(n_trials, generator)
        return dataclasses.replace(trials, columns={**trials.columns, "split": np.full(n_trials, "train")})
