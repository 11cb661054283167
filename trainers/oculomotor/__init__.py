"""Oculomotor networks: working memory and anti-saccades, learned together and followed through training."""

from ..family import Family
from .config import OculomotorConfig
from .defaults import defaults
from .gated import GRU, LSTM, LeakyGRU
from .leaky import LeakyRNN
from .lesions import lesioned
from .rule_sets import RULE_SETS

__all__ = [
    "FAMILY",
    "GRU",
    "LSTM",
    "RULE_SETS",
    "LeakyGRU",
    "LeakyRNN",
    "OculomotorConfig",
    "lesioned",
]

FAMILY = Family(
    name="oculomotor",
    title="Oculomotor networks: working memory and anti-saccades, followed through training",
    model_config=OculomotorConfig,
    models={model.kind: model for model in (LeakyRNN, LeakyGRU, GRU, LSTM)},
    tasks=RULE_SETS,
    defaults=defaults,
)
