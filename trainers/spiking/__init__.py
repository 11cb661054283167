"""Spiking networks: adaptive integrate-and-fire units trained by BPTT, e-prop and multidigraph learning (MDGL)."""

from ..family import Family
from .config import RuleConfig, SpikingConfig
from .defaults import defaults
from .evidence import EvidenceAccumulation
from .model import SpikingNetwork
from .rules import RULES, SpikingRule
from .tasks import DelayedMatch, PatternGeneration

__all__ = [
    "FAMILY",
    "DelayedMatch",
    "EvidenceAccumulation",
    "PatternGeneration",
    "RuleConfig",
    "SpikingConfig",
    "SpikingNetwork",
    "SpikingRule",
]

FAMILY = Family(
    name="spiking",
    title="Spiking networks and biologically plausible learning rules",
    model_config=SpikingConfig,
    models={SpikingNetwork.kind: SpikingNetwork},
    tasks={task.name: task for task in (EvidenceAccumulation, DelayedMatch, PatternGeneration)},
    rules=RULES,
    defaults=defaults,
    rule_config=RuleConfig,
)
