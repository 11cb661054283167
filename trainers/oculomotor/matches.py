"""Match to sample: say by a saccade whether a second cue appears where the first one was."""

import numpy as np

from ...results import Array
from .cued_rules import OPPOSITE, Conditions, CuedRule
from .ring import TURN


class Match(CuedRule):
    """Compare two cues and answer at a display of two choices, one of which a coin flip m has moved.

    The choices are at 45° and 225° (m = 0) or at 315° and 135° (m = 1). The response is due at 0 for a match and at
    180° for a non-match, the other way round when m = 1. A non-match is displaced by whole units of the ring. Half of
    the trials are matches: by a coin flip each in training, exactly in test sets.

    Further columns: ``second_cue`` (index of the nearest unit), ``second_cue_location`` in rad, ``match``, and
    ``mirrored``, the coin flip m.
    """

    def _random(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        cue = self._random_cues(n_trials, generator)
        offsets = self._random_offsets(n_trials, generator)
        match = generator.random(n_trials) < 0.5
        return self._conditions(cue, offsets, match, generator)

    def _test(self, n_trials: int, generator: np.random.Generator) -> Conditions:
        cue = self._test_cues(n_trials)
        repeats = n_trials // self.ring.n_units
        match = np.tile(2 * np.arange(repeats) < repeats, self.ring.n_units)
        return self._conditions(cue, np.full(n_trials, OPPOSITE), match, generator)

    def _conditions(self, cue: Array, offsets: Array, match: Array, generator: np.random.Generator) -> Conditions:
        second = (cue + np.where(match, 0, offsets)) % TURN
        mirrored = self._coin_flips(len(cue), generator)
        first_choice = self._first_choice(mirrored)
        stimuli = {"stim1": [cue], "stim2": [second], "go1": [first_choice, (first_choice + OPPOSITE) % TURN]}
        columns = {
            "second_cue": self.ring.nearest(second),
            "second_cue_location": (second, "rad"),
            "match": match,
            "mirrored": mirrored,
        }
        return Conditions(cue, np.where(~match ^ mirrored, OPPOSITE, 0.0), stimuli, columns)

    def _coin_flips(self, n_trials: int, generator: np.random.Generator) -> Array:
        return generator.random(n_trials) < 0.5

    def _first_choice(self, mirrored: Array) -> Array:
        return np.where(mirrored, 7, 1) * TURN / 8


class EasyMatch(Match):
    """Compare two cues and answer at choices that never move: 0 for a match, 180° for a non-match."""

    def _coin_flips(self, n_trials: int, generator: np.random.Generator) -> Array:
        return np.zeros(n_trials, bool)

    def _first_choice(self, mirrored: Array) -> Array:
        return np.zeros(len(mirrored))
