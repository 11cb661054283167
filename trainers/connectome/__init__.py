"""Connectome networks: recurrent weights with the wiring of a brain, trained on working-memory tasks."""

from ..family import Family
from .all_tasks import TASKS
from .config import ConnectomeConfig
from .data import Connectome, load_connectome
from .defaults import defaults
from .model import ConnectomeNetwork

__all__ = ["FAMILY", "Connectome", "ConnectomeConfig", "ConnectomeNetwork", "load_connectome"]

FAMILY = Family(
    name="connectome",
    title="Bio-instantiated networks: connectomes as recurrent weights",
    model_config=ConnectomeConfig,
    models={ConnectomeNetwork.kind: ConnectomeNetwork},
    tasks=TASKS,
    defaults=defaults,
)
