"""The options of the tasks of the oculomotor family, the same for every rule set."""

import dataclasses
import math

from ...errors import ConfigurationError
from ..config import choice, positive
from .timing import GRACE_MS


@dataclasses.dataclass(frozen=True)
class OculomotorTaskConfig:
    """Options of a rule set; the defaults are the published values, but for ``offsets``.

    Attributes
    ----------
    rules : the rules to train, in the order in which they are listed here; () for all of the set. The network keeps
        the input channels of the others.
    probabilities : how often each of ``rules`` is drawn, up to a common factor; () for equally often
    dt, tau : step and the time constant of the units in seconds; the noise of an input has standard deviation
        √(2 tau / dt) · ``input_noise`` in each step
    input_noise : σ_x
    loss : ``least_squares``, or ``cross_entropy`` of one softmax over all outputs, which are logits then
    offsets : whether each trial has its own displacement of a distractor or second cue, or all trials of a batch share
        one (``shared``, as published: a batch then holds a single independent draw)
    location_code : ``bump`` on the input ring, or ``one_hot`` on its nearest channel
    n_ring : locations of the ring, and of the ring of outputs; bumps keep their width of 22.5°
    rule_onset, rule_offset : seconds between which the channel of the rule is on; None for the end of the trial
    rule_strength : its value while on
    replace_rule : probe the network with the channel of this rule on, whatever the trials are; empty for their own
    """

    rules: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = positive((), zero=True)
    dt: float = positive(0.02)
    tau: float = positive(0.1)
    input_noise: float = positive(0.01, zero=True)
    loss: str = choice("least_squares", "cross_entropy", default="least_squares")
    offsets: str = choice("per_trial", "shared", default="per_trial")
    location_code: str = choice("bump", "one_hot", default="bump")
    n_ring: int = positive(8)
    rule_onset: float = positive(0.0, zero=True)
    rule_offset: float | None = positive(None)
    rule_strength: float = 1.0
    replace_rule: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.dt <= GRACE_MS / 1000:
            raise ConfigurationError(
                f"task.dt = {self.dt}: expected above 0 and at most {GRACE_MS / 1000} s, the shortest period of a trial"
            )
        if self.n_ring < 3:
            raise ConfigurationError(f"task.n_ring = {self.n_ring}: fewer than 3 units do not span a ring")
        if self.rule_offset is not None and self.rule_offset <= self.rule_onset:
            raise ConfigurationError(
                f"task.rule_offset = {self.rule_offset}: expected after task.rule_onset = {self.rule_onset}"
            )
        repeated = sorted({name for name in self.rules if self.rules.count(name) > 1})
        if repeated:
            raise ConfigurationError(f"task.rules: {', '.join(repeated)} is listed more than once")

    @property
    def noise_scale(self) -> float:
        """Standard deviation of the noise of an input in each step."""
        return math.sqrt(2 * self.tau / self.dt) * self.input_noise
