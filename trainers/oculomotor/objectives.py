"""What outputs ought to be, how errors are weighed, and what outputs mean, for each of the two losses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from torch import Tensor

from ...results import Array
from ..task import Batch, cross_entropy
from .ring import Ring
from .timing import Timeline


class Objective(ABC):
    """Targets, cost and loss. Output 0 is fixation, the others are a ring of response locations.

    Attributes
    ----------
    baseline, fixation : target of an idle output, and of the fixation output while fixation is required
    """

    baseline: ClassVar[float]
    fixation: ClassVar[float]

    def targets(self, timeline: Timeline, ring: Ring, locations: Array) -> Array:
        """Return (trial, time, output) float32 for responses to ``locations`` (trial,), unused in passive trials."""
        targets = np.full((len(locations), timeline.n_steps, 1 + ring.n_units), self.baseline, np.float32)
        targets[:, : timeline.release, 0] = self.fixation
        if not timeline.passive:
            targets[:, timeline.release :, 1:] = self.response(ring, locations)[:, None]
        return targets

    @abstractmethod
    def response(self, ring: Ring, locations: Array) -> Array:
        """Return the targets of the ring, (trial, unit), once the response is due."""

    @abstractmethod
    def mask(self, timeline: Timeline, n_outputs: int) -> Array:
        """Return the weights of the errors of one trial, (time, output) or (time,), float32."""

    @abstractmethod
    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of each member, (member,)."""

    @abstractmethod
    def rates(self, outputs: Tensor) -> Tensor:
        """Return outputs (…, output) as numbers from 0 to 1 that say fixation and response."""


class LeastSquares(Objective):
    """Mean of ((target − output) · mask)² over trials, steps and outputs.

    The mask weighs the error before it is squared and is not normalised: an error counts 1 while fixation is required
    and 25 once the response is due, four times that much on the fixation output.
    """

    baseline = 0.05
    fixation = 0.8
    bump_height = 0.8

    def response(self, ring: Ring, locations: Array) -> Array:
        """Return a bump on the baseline."""
        return self.baseline + self.bump_height * ring.bump(locations)

    def mask(self, timeline: Timeline, n_outputs: int) -> Array:
        """Return the cost of each step, twice as large on the fixation output, (time, output)."""
        mask = np.repeat(timeline.cost[:, None], n_outputs, axis=1)
        mask[:, 0] *= 2
        return mask

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the mean of the squared weighted errors."""
        assert batch.mask is not None
        return ((outputs - batch.targets) * batch.mask).square().flatten(1).mean(1)

    def rates(self, outputs: Tensor) -> Tensor:
        """Return the outputs: they are rates."""
        return outputs


class CrossEntropy(Objective):
    """Cross-entropy of one softmax over fixation and ring: outputs are logits.

    The cost of each step is divided by its mean over the trial.
    """

    baseline = 0.0
    fixation = 1.0

    def response(self, ring: Ring, locations: Array) -> Array:
        """Return 1 at the unit nearest to the location."""
        return ring.one_hot(locations)

    def mask(self, timeline: Timeline, n_outputs: int) -> Array:
        """Return the cost of each step over its mean, (time,)."""
        cost = timeline.cost
        normalised: Array = cost / cost.mean()
        return normalised

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the weighted mean over trials and steps."""
        return cross_entropy(outputs, batch)

    def rates(self, outputs: Tensor) -> Tensor:
        """Return the probabilities."""
        return outputs.softmax(-1)


OBJECTIVES: Mapping[str, Objective] = {"least_squares": LeastSquares(), "cross_entropy": CrossEntropy()}
