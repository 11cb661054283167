"""What a single rule and a set of rules have in common: channels, loss, and the score of a trial."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ...errors import ConfigurationError, unknown_name
from ..model import Trajectory
from ..task import Batch, Task
from . import scoring
from .objectives import OBJECTIVES
from .ring import Ring, circular_distance
from .task_config import OculomotorTaskConfig
from .timing import GRACE_MS, truncated_steps


class RingTask(Task):
    """Task about locations on a ring.

    Inputs are fixation point, ring of stimuli, and one channel per rule of ``channels``; outputs are fixation and a
    ring of response locations. (Liu, Zhu, Constantinidis and Zhou, iScience 24 (2021) 103178.)

    Attributes
    ----------
    channels : names of the rules that have an input channel, in order
    ring, objective : the ring of inputs and of outputs, and what the loss makes of them

    Raises
    ------
    ConfigurationError
        If ``replace_rule`` is none of the channels.
    """

    config_class = OculomotorTaskConfig
    performance_trials = 512
    config: OculomotorTaskConfig

    def __init__(self, config: OculomotorTaskConfig, channels: Sequence[str]) -> None:
        super().__init__(config)
        self.channels = tuple(channels)
        self.ring = Ring(config.n_ring)
        self.objective = OBJECTIVES[config.loss]
        if config.replace_rule and config.replace_rule not in self.channels:
            raise ConfigurationError(unknown_name("rule in task.replace_rule", config.replace_rule, self.channels))

    @property
    def n_inputs(self) -> int:
        """Fixation point, ring of stimuli, and one channel per rule of the set, trained or not."""
        return 1 + self.ring.n_units + len(self.channels)

    @property
    def n_outputs(self) -> int:
        """Fixation and ring of responses."""
        return 1 + self.ring.n_units

    def loss(self, trajectory: Trajectory, batch: Batch) -> dict[str, Tensor]:
        """Return the masked least-squares error or cross-entropy: see objectives.py."""
        return {"task": self.objective.loss(trajectory.outputs, batch)}

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return 1 for each trial that is right at its last step, else 0: see :func:`scoring.is_correct`."""
        last = self.objective.rates(outputs[..., -1:, :])
        return scoring.is_correct(last, batch.scoring, self.ring).to(outputs.dtype)

    def score(self, outputs: Tensor, batch: Batch) -> dict[str, Any]:
        """Return what the network did on each trial, beside whether that was right.

        ``response_location``, ``error`` (distance of the response to the target) and ``cue_error`` (to the cue: small
        where an anti-saccade went astray) in rad and ``fixating`` are about the last step. ``reaction_time`` in s
        counts from go, NaN when fixation is never released; ``fixation_break`` says whether it was released before go,
        in passive trials at any time, the first 100 ms left out. A passive trial has no target: its error is NaN.
        """
        rates = self.objective.rates(outputs)
        response = self.ring.population_vector(rates[..., -1, 1:])
        grace = truncated_steps(GRACE_MS / 1000, self.dt)
        return {
            "response_location": (response, "rad"),
            "error": (circular_distance(response, batch.scoring["target_location"]), "rad"),
            "cue_error": (circular_distance(response, batch.scoring["cue_location"]), "rad"),
            "fixating": rates[..., -1, 0] > scoring.FIXATING,
            "reaction_time": (scoring.reaction_time(rates, batch.scoring, self.dt), "s"),
            "fixation_break": scoring.breaks_fixation(rates, batch.scoring, grace),
        }
