"""Parallel and recurrent cascade (PRC) neurons: dendrites as graphs of linear-nonlinear subunits, and networks."""

from ..family import Family
from .config import KINDS, PrcConfig
from .defaults import defaults
from .model import DendriticNetwork
from .spoken_digits import SpokenDigits
from .stand_in import write_stand_in
from .tasks import Memorise, best_threshold_accuracy

__all__ = [
    "FAMILY",
    "KINDS",
    "DendriticNetwork",
    "Memorise",
    "PrcConfig",
    "SpokenDigits",
    "best_threshold_accuracy",
    "write_stand_in",
]

FAMILY = Family(
    name="prc",
    title="Dendritic neurons: parallel and recurrent cascades of linear-nonlinear subunits",
    model_config=PrcConfig,
    models=dict.fromkeys(KINDS, DendriticNetwork),
    tasks={task.name: task for task in (Memorise, SpokenDigits)},
    defaults=defaults,
)
