"""What a network did on a trial: did it break fixation, when did it let go, where did it look.

All functions take ``rates`` (member, trial, time, output), outputs between 0 and 1 with fixation first and then the
ring, and the ``scoring`` of a batch (see :func:`scoring_arrays`); they return (member, trial).
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ...results import Array
from .ring import Ring, circular_distance
from .timing import Timeline

# A response nearer than 36° to its target is right: chance is 1 in 5.
TOLERANCE = 0.2 * math.pi
FIXATING = 0.5


def scoring_arrays(timeline: Timeline, cue: Array, target: Array) -> dict[str, Array]:
    """Return what scoring needs of trials with cues and targets at these angles (trial,).

    ``locations`` (trial, time) is the angle to look at, −1 while that is the fixation point; ``cue_location`` and
    ``target_location`` (trial,) are the angles, the target of a passive trial NaN.
    """
    locations = np.full((len(cue), timeline.n_steps), -1.0, np.float32)
    locations[:, timeline.release :] = target[:, None]
    return {"locations": locations, "cue_location": cue, "target_location": target}


def is_correct(rates: Tensor, scoring: Mapping[str, Tensor], ring: Ring) -> Tensor:
    """Return whether the last step is right: fixation released and the target less than 36° away.

    Where no response is due the network has to fixate instead. A response at chance is right in 1 of 5 trials.
    """
    last = rates[..., -1, :]
    fixating = last[..., 0] > FIXATING
    error = circular_distance(ring.population_vector(last[..., 1:]), scoring["target_location"])
    response_due = scoring["locations"][..., -1] >= 0
    return torch.where(response_due, ~fixating & (error < TOLERANCE), fixating)


def reaction_time(rates: Tensor, scoring: Mapping[str, Tensor], dt: float) -> Tensor:
    """Return the seconds from go to the first step at or after it with released fixation; NaN if there is none."""
    released = (rates[..., 0] < FIXATING) & (scoring["locations"] >= 0)
    go = (scoring["locations"] < 0).sum(-1)
    delay = (released.int().argmax(-1) - go).to(rates.dtype)
    return torch.where(released.any(-1), dt * delay, math.nan)


def breaks_fixation(rates: Tensor, scoring: Mapping[str, Tensor], grace: int) -> Tensor:
    """Return whether fixation is released while required, the first ``grace`` steps of the trial left out."""
    required = scoring["locations"][..., grace:] < 0
    return ((rates[..., grace:, 0] < FIXATING) & required).any(-1)
