"""Trainers: tasks, model families, learning rules, the training loop and export to activity archives."""

from .export import export_network, export_run, load_model, model_record
from .family import FAMILIES, Family, get_family
from .history import History, checkpoint_models
from .loop import Progress, TrainedNetworks, TrainingLoop, train
from .model import Model, StateVariable, Trajectory
from .replay import Extract, record
from .rules import Gradients, Rule, bptt
from .run_directory import RunDirectory, train_in
from .settings import Settings, TrainingConfig
from .task import Batch, Task, Trials

__all__ = [
    "FAMILIES",
    "Batch",
    "Extract",
    "Family",
    "Gradients",
    "History",
    "Model",
    "Progress",
    "Rule",
    "RunDirectory",
    "Settings",
    "StateVariable",
    "Task",
    "TrainedNetworks",
    "TrainingConfig",
    "TrainingLoop",
    "Trajectory",
    "Trials",
    "bptt",
    "checkpoint_models",
    "export_network",
    "export_run",
    "get_family",
    "load_model",
    "model_record",
    "record",
    "train",
    "train_in",
]
