"""What a search returns for every start, and how it may end."""

import dataclasses
import enum

import torch
from torch import Tensor


class Outcome(enum.IntEnum):
    """What became of one start."""

    CONVERGED = 0
    MINIMUM = 1
    ITERATIONS = 2
    NOT_FINITE = 3
    ROUND_OFF = 4
    ESCAPED = 5


OUTCOME_SENTENCES = {
    Outcome.CONVERGED: "reached a fixed point",
    Outcome.MINIMUM: "ended in a local minimum of q that is no fixed point (a slow point or a barrier)",
    Outcome.ITERATIONS: "used all iterations; raise max_iterations",
    Outcome.NOT_FINITE: "met states where the map is not finite",
    Outcome.ROUND_OFF: "reached the round-off floor of the map above the tolerance; raise tolerance",
    Outcome.ESCAPED: "left for infinity, more than a million times farther than the starts reach",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """Where every start ended: states (n, state), speeds q (n,), outcomes (n,) and Newton iterations (n,)."""

    states: Tensor
    speeds: Tensor
    outcomes: Tensor
    iterations: Tensor


def speed(residuals: Tensor) -> Tensor:
    """Return q = ½‖G‖² of each row; NaN and overflow become infinity."""
    return torch.nan_to_num(0.5 * residuals.square().sum(-1), nan=torch.inf, posinf=torch.inf)
