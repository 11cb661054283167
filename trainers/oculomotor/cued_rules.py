"""Rules that a network can be cued to follow: what all of them share, and saccades to or away from a cue."""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array
from ..task import Trials
from .ring import TURN
from .ring_task import RingTask
from .scoring import scoring_arrays
from .task_config import OculomotorTaskConfig
from .timing import PROTOCOLS, Timeline, truncated_steps

STIMULUS_STRENGTH = 0.8
OPPOSITE = TURN / 2


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What differs between the trials of a batch; locations are angles in rad, (trial,).

    Attributes
    ----------
    cue, target : where the cue was, and where to look after go
    stimuli : period → locations of the stimuli that are on during it
    columns : further trial columns
    """

    cue: Array
    target: Array
    stimuli: Mapping[str, Sequence[Array]]
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class CuedRule(RingTask):
    """One rule: trials of identical timing that differ in locations.

    Trials have the columns ``rule``, ``cue`` (index of the nearest unit of the ring), and ``cue_location``,
    ``target_location`` and ``distractor_location`` in rad, NaN where there is none. Inputs and targets are float32.

    Parameters
    ----------
    name : the rule, one of :data:`timing.PROTOCOLS`
    config : the options; ``rules`` and ``probabilities`` are the rule set's concern
    channels : the rules with an input channel, this one among them; by default this one only

    Attributes
    ----------
    timeline : what happens at which step

    Raises
    ------
    ConfigurationError
        If there is no rule of that name, or it has no channel.
    """

    name: str  # type: ignore[misc]  # one class serves several rules

    def __init__(self, name: str, config: OculomotorTaskConfig, channels: Sequence[str] = ()) -> None:
        super().__init__(config, channels or (name,))
        for known in (PROTOCOLS, self.channels):
            if name not in known:
                raise ConfigurationError(unknown_name("rule", name, known))
        self.name = name
        self.timeline = Timeline.of(PROTOCOLS[name], config.dt)
        self._mask = self.objective.mask(self.timeline, self.n_outputs)

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw trials with cues anywhere on the circle, and noise on all inputs."""
        return self._trials(self._random(n_trials, generator), generator)

    def export_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return test trials without input noise: each unit of the ring is the cue equally often, sorted by cue.

        A distractor is opposite the cue. Of the trials of each cue the first half are matches, and the second cue
        of the others is opposite the first.

        Raises
        ------
        InputError
            If ``n_trials`` is not a multiple of the number of units of the ring.
        """
        return self._trials(self._test(n_trials, generator), None)

    def noisy_test_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return the trials of :meth:`export_set` with input noise."""
        return self._trials(self._test(n_trials, generator), generator)

    def probe(self, cue: int, distractor: int, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return noisy trials with the cue and the distractor at these units of the ring; both may be the same.

        Raises
        ------
        InputError
            If the rule shows no distractor, or the ring has no such units.
        """
        raise InputError(f"rule {self.name}: there is no distractor to place")

    @abstractmethod
    def _random(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        """Draw the conditions of training trials; the cues are drawn first."""

    @abstractmethod
    def _test(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        """Return the conditions of test trials."""

    def _random_cues(self, n_trials: int, generator: np.random.Generator) -> Array:
        return generator.uniform(0, TURN, n_trials)

    def _random_offsets(self, n_trials: int, generator: np.random.Generator) -> Array:
        """Draw displacements by whole units, never 0; as many are drawn when only the first is used, for all trials."""
        offsets = self.ring.spacing * generator.integers(1, self.ring.n_units, n_trials)
        return np.full(n_trials, offsets[0]) if self.config.offsets == "shared" else offsets

    def _test_cues(self, n_trials: int) -> Array:
        n_units = self.ring.n_units
        if n_trials < 1 or n_trials % n_units:
            raise InputError(
                f"{n_trials} test trials of rule {self.name}: expected a multiple of {n_units}, the units of the ring"
            )
        return np.repeat(self.ring.angles, n_trials // n_units)

    def _trials(self, conditions: Conditions, noise: np.random.Generator | None) -> Trials:
        cue, timeline = conditions.cue, self.timeline
        nowhere = np.full(len(cue), np.nan)
        target = nowhere if timeline.passive else conditions.target
        columns = {
            "rule": np.full(len(cue), self.name),
            "cue": self.ring.nearest(cue),
            "cue_location": (cue, "rad"),
            "target_location": (target, "rad"),
            "distractor_location": (nowhere, "rad"),
        }
        return Trials(
            self._inputs(conditions, noise),
            self.objective.targets(timeline, self.ring, target),
            np.broadcast_to(self._mask, (len(cue), *self._mask.shape)),
            columns={**columns, **conditions.columns},
            epochs=self.seconds(timeline.epochs),
            scoring=scoring_arrays(timeline, cue, target),
        )

    def _inputs(self, conditions: Conditions, noise: np.random.Generator | None) -> Array:
        """Return inputs (trial, time, input), float32; ``noise`` is drawn whatever its amplitude."""
        config, timeline = self.config, self.timeline
        shape = (len(conditions.cue), timeline.n_steps, self.n_inputs)
        if noise is None:
            inputs = np.zeros(shape, np.float32)
        else:
            inputs = noise.standard_normal(shape, dtype=np.float32)
            inputs *= np.float32(config.noise_scale)
        inputs[:, : timeline.fixation_off, 0] += 1
        for period, stimuli in conditions.stimuli.items():
            for locations in stimuli:
                inputs[:, timeline.periods[period], 1 : 1 + self.ring.n_units] += self._encoded(locations)[:, None]
        onset = truncated_steps(config.rule_onset, config.dt)
        offset = None if config.rule_offset is None else truncated_steps(config.rule_offset, config.dt)
        channel = 1 + self.ring.n_units + self.channels.index(config.replace_rule or self.name)
        inputs[:, onset:offset, channel] += np.float32(config.rule_strength)
        return inputs

    def _encoded(self, locations: Array) -> Array:
        """Return the input of a stimulus to the ring, (trial, unit)."""
        if self.config.location_code == "one_hot":
            return self.ring.one_hot(locations)
        return STIMULUS_STRENGTH * self.ring.bump(locations)


class Saccade(CuedRule):
    """Look at the place of the cue after a delay: oculomotor delayed response (odr)."""

    #: angle from the cue to the target
    turn: ClassVar[float] = 0.0

    def _random(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        return self._conditions(self._random_cues(n_trials, generator))

    def _test(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        return self._conditions(self._test_cues(n_trials))

    def _conditions(self, cue: Array) -> Conditions:
        return Conditions(cue, (cue + self.turn) % TURN, {"stim1": [cue]})


class AntiSaccade(Saccade):
    """Look away from the cue, at the opposite place (overlap, zero_gap, gap)."""

    turn = OPPOSITE


class DistractedSaccade(CuedRule):
    """Look at the place of the cue after a delay during which a distractor appears somewhere else (odrd)."""

    def probe(self, cue: int, distractor: int, n_trials: int, generator: np.random.Generator) -> Trials:
        """Return noisy trials with the cue and the distractor at these units of the ring; both may be the same."""
        for name, unit in (("cue", cue), ("distractor", distractor)):
            if not 0 <= unit < self.ring.n_units:
                raise InputError(f"{name} {unit}: the ring has units 0 to {self.ring.n_units - 1}")
        locations = self.ring.angles[[cue, distractor]]
        conditions = self._conditions(np.full(n_trials, locations[0]), np.full(n_trials, locations[1]))
        return self._trials(conditions, generator)

    def _random(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        cue = self._random_cues(n_trials, generator)
        return self._conditions(cue, cue + self._random_offsets(n_trials, generator))

    def _test(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        cue = self._test_cues(n_trials)
        return self._conditions(cue, cue + OPPOSITE)

    def _conditions(self, cue: Array, distractor: Array) -> Conditions:
        distractor = distractor % TURN
        stimuli = {"stim1": [cue], "distract1": [distractor]}
        return Conditions(cue, cue, stimuli, {"distractor_location": (distractor, "rad")})
