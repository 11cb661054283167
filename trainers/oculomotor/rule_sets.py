"""Sets of rules that one network learns together; each set is a task, and its order fixes the rules' input channels."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ...errors import ConfigurationError, unknown_name
from ..task import Trials
from .cued_rules import AntiSaccade, CuedRule, DistractedSaccade, Saccade
from .matches import EasyMatch, Match
from .ring_task import RingTask
from .task_config import OculomotorTaskConfig
from .timing import ODR_DELAYS_MS

#: rule → its class
RULES: Mapping[str, type[CuedRule]] = {
    **dict.fromkeys(("odr", *(f"odr{delay}" for delay in ODR_DELAYS_MS)), Saccade),
    "odrd": DistractedSaccade,
    **dict.fromkeys(("overlap", "zero_gap", "gap", "gap500"), AntiSaccade),
    **dict.fromkeys(("match", "match_passive"), Match),
    "match_easy": EasyMatch,
}


class RuleSet(RingTask):
    """Learn several rules at once, told apart by a channel each: a batch holds trials of one rule.

    Raises
    ------
    ConfigurationError
        If ``rules`` names one that is not in the set, or ``probabilities`` do not fit the rules.
    """

    rule_names: ClassVar[tuple[str, ...]]

    def __init__(self, config: OculomotorTaskConfig) -> None:
        super().__init__(config, self.rule_names)
        for name in config.rules:
            if name not in self.rule_names:
                raise ConfigurationError(unknown_name(f"rule of {self.name} in task.rules", name, self.rule_names))
        trained = config.rules or self.rule_names
        weights = config.probabilities or (1.0,) * len(trained)
        if len(weights) != len(trained) or min(weights) < 0 or not sum(weights) > 0:
            raise ConfigurationError(
                f"task.probabilities = {config.probabilities}: expected one number of at least 0 for each of "
                f"{', '.join(trained)}, not all 0"
            )
        self._rules = {name: RULES[name](name, config, self.rule_names) for name in trained}
        self._probabilities = {name: weight / sum(weights) for name, weight in zip(trained, weights, strict=True)}

    @property
    def rules(self) -> Mapping[str, CuedRule]:
        """The rules that are trained, by name."""
        return self._rules

    @property
    def rule_probabilities(self) -> Mapping[str, float]:
        """How often a batch follows each rule."""
        return self._probabilities

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw a rule, then trials of it."""
        return self._drawn_rule(generator).draw(n_trials, generator)

    def export_set(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw a rule and return its test trials; an archive of every rule asks each of :attr:`rules` instead."""
        return self._drawn_rule(generator).export_set(n_trials, generator)

    def _drawn_rule(self, generator: np.random.Generator) -> CuedRule:
        chosen = generator.choice(len(self._rules), p=list(self._probabilities.values()))
        return list(self._rules.values())[chosen]


_ANTI_SACCADES = ("overlap", "zero_gap", "gap")
_MATCHES = ("match", "match_easy")


def _main_study(odr: str) -> tuple[str, ...]:
    return (*_ANTI_SACCADES, odr, "odrd", "gap500")


class AllNew(RuleSet):
    """The six rules of the main study (published as all_new)."""

    name = "all_new"
    rule_names = _main_study("odr")


class AllNewOdr3000(RuleSet):
    """The rules of the main study with an ODR delay of 3 s (all_new_odr3000)."""

    name = "all_new_odr3000"
    rule_names = _main_study("odr3000")


class AllNewOdr6000(RuleSet):
    """The rules of the main study with an ODR delay of 6 s (all_new_odr6000)."""

    name = "all_new_odr6000"
    rule_names = _main_study("odr6000")


class AllNewOdr15000(RuleSet):
    """The rules of the main study with an ODR delay of 15 s (all_new_odr15000)."""

    name = "all_new_odr15000"
    rule_names = _main_study("odr15000")


class AntiSaccades(RuleSet):
    """Overlap, zero gap and gap (ozg)."""

    name = "ozg"
    rule_names = _ANTI_SACCADES


class OdrDelays(RuleSet):
    """ODR with eight delays from 0.5 to 1.5 s, each with a channel of its own (odr_delay_check)."""

    name = "odr_delay_check"
    rule_names = ("odr500", "odr750", "odr1000", "odr1100", "odr1200", "odr1300", "odr1400", "odr")


class MatchOrNonMatch(RuleSet):
    """The two match rules (MoN)."""

    name = "mon"
    rule_names = _MATCHES


class MatchesAndAllNew(RuleSet):
    """The two match rules and the six of the main study (mix_MoN_6tasks)."""

    name = "mix_mon_6tasks"
    rule_names = (*_MATCHES, *_main_study("odr"))


class AllMatchesAndAllNew(RuleSet):
    """The three match rules and the six of the main study (mix_p_MoN_6tasks)."""

    name = "mix_p_mon_6tasks"
    rule_names = (*_MATCHES, "match_passive", *_main_study("odr"))


class SequentialTraining(RuleSet):
    """Rules to be trained one after the other, by choosing ``rules`` in each run (seq_train_test)."""

    name = "seq_train_test"
    rule_names = ("odr500", "odrd", *_ANTI_SACCADES)


#: task name → rule set
RULE_SETS: Mapping[str, type[RuleSet]] = {
    rule_set.name: rule_set
    for rule_set in (
        AllNew,
        AllNewOdr3000,
        AllNewOdr6000,
        AllNewOdr15000,
        AntiSaccades,
        OdrDelays,
        MatchOrNonMatch,
        MatchesAndAllNew,
        AllMatchesAndAllNew,
        SequentialTraining,
    )
}
