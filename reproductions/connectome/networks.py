"""The networks of the connectome studies: how each is wired, what it learns, and its curve of validation losses."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import plotting
from ...trainers import Settings
from ...trainers.connectome import ConnectomeConfig
from ...trainers.connectome.sources import PACKAGED
from ..archives import training_logs
from ..study import Workbench

SOURCE = "Goulas, Damicelli and Hilgetag, Neural Networks 142:608-618 (2021)"
#: name of a topology in tables → ``model.randomize``
TOPOLOGIES = {"bio": "none", "rand": "published", "weights": "weights", "degrees": "degrees", "areas": "areas"}
#: the first two as in the pictures of :mod:`dynascope.analysis.learning_drawing`
TOPOLOGY_COLOURS = {
    "bio": plotting.NETWORK_COLOURS["rnn"], "rand": plotting.NETWORK_COLOURS["tbrnn"],
    "weights": plotting.NETWORK_COLOURS["gru"], "degrees": plotting.NETWORK_COLOURS["hornn"],
    "areas": plotting.SKY,
}  # fmt: skip
#: task → its parameter in the grid
PARAMETERS = {"seq_mem": "pattern_length", "nback_mem": "n_back", "pic_latent_mem": "n_back"}


@dataclasses.dataclass(frozen=True)
class Strategy:
    """How a connectome becomes weights: whether area weights are split unequally, and ranks of weights followed.

    Without remapping only the mask of the template counts, which both splits have in common: they give one network.
    """

    heterogeneous: bool
    remap: bool

    @property
    def name(self) -> str:
        """The strategy in words."""
        return f"{'heterogeneous' if self.heterogeneous else 'homogeneous'}, remap" if self.remap else "no remap"


#: the published ones; the two without remapping are one
STRATEGIES = (
    Strategy(heterogeneous=True, remap=True),
    Strategy(heterogeneous=False, remap=True),
    Strategy(heterogeneous=True, remap=False),
)


@dataclasses.dataclass(frozen=True)
class Wiring:
    """The recurrent weights that networks of several seeds have in common.

    Attributes
    ----------
    strategy, topology : see :class:`Strategy` and :data:`TOPOLOGIES`
    initialization : ``default``, ``xavier`` or ``he``, taken literally
    match_radius : give a null model the initial spectral radius of the connectome with the same draws
    radius : initial spectral radius, None for what the wiring gives
    """

    strategy: Strategy
    topology: str = "bio"
    initialization: str = "default"
    match_radius: bool = False
    radius: float | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of the model."""
        return {
            "heterogeneous": self.strategy.heterogeneous, "remap": self.strategy.remap,
            "randomize": TOPOLOGIES[self.topology], "initialization": self.initialization,
            "strict_initialization": True, "match_radius": self.match_radius, "spectral_radius": self.radius,
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Combo:
    """One point of a grid; ``parameter`` is P of sequence memory, n of the others."""

    learning_rate: float
    nonlinearity: str
    optimizer: str
    parameter: int


@dataclasses.dataclass(frozen=True)
class Curves:
    """Validation loss and performance of networks that differ in their seed, (run, epoch), epochs as published.

    The published epoch 0 ends with the first pass over the training trials. ``paths`` are the networks' archives.
    """

    loss: np.ndarray
    performance: np.ndarray
    paths: tuple[Path, ...]


def connectomes(bench: Workbench) -> list[str]:
    """Return those connectomes of the budget that are packaged or in the user's directory (``--data``)."""
    given = Path(bench.data) if bench.data else None
    return [
        name for name in bench.budget["connectomes"]
        if name in PACKAGED or (given is not None and (given / f"C_{name}.npy").exists())
    ]  # fmt: skip


def left_out(bench: Workbench) -> list[str]:
    """Return a sentence on the connectomes of the budget that are not to be had, none if all are."""
    missing = [name for name in bench.budget["connectomes"] if name not in connectomes(bench)]
    if not missing:
        return []
    return [f"Not packaged and so left out: {', '.join(missing)}; say where C_<name>.npy lie with --data."]


def model_options(bench: Workbench, connectome: str) -> dict[str, Any]:
    """Return the options of the model that do not depend on the wiring."""
    directory = "" if connectome in PACKAGED else str(bench.data)
    return {"connectome": connectome, "directory": directory, "neurons_per_area": bench.budget["neurons_per_area"]}


def config(bench: Workbench, connectome: str, wiring: Wiring) -> ConnectomeConfig:
    """Return the complete options of a network of sequence memory."""
    settings = Settings.resolve("connectome", "seq_mem", {"model": model_options(bench, connectome) | wiring.options()})
    return ConnectomeConfig(**settings.model)


Place = tuple[str, str, Combo, Wiring]


def train(bench: Workbench, places: Sequence[Place]) -> Mapping[Place, Curves]:
    """Return the curves of the networks of each place (connectome, task, combo, wiring), one network per run.

    Networks of one run have the same draws of weights and trials in every wiring.
    """
    torch.set_num_threads(1)
    places = list(dict.fromkeys(places))
    wanted = [_settings(bench, place, seed) for place in places for seed in bench.seeds]
    paths = bench.train(wanted, "networks", trials=8)
    per_place = [tuple(paths[first : first + bench.runs]) for first in range(0, len(paths), bench.runs)]
    return {place: _curves(own) for place, own in zip(places, per_place, strict=True)}


def _settings(bench: Workbench, place: Place, seed: int) -> Settings:
    connectome, task, combo, wiring = place
    epochs = bench.budget["epochs"]
    tables: dict[str, dict[str, Any]] = {
        "model": model_options(bench, connectome) | wiring.options() | {"nonlinearity": combo.nonlinearity},
        "task": {PARAMETERS[task]: combo.parameter},
        "training": {
            "learning_rate": combo.learning_rate, "optimizer": combo.optimizer, "epochs": epochs,
            # The weights at the start and at the end.
            "keep_every": epochs,
        },
    }  # fmt: skip
    return Settings.resolve("connectome", task, tables, seed=seed)


def _curves(paths: tuple[Path, ...]) -> Curves:
    log = training_logs(paths)
    # The first row is of the untrained network.
    return Curves(log["validation_loss"][:, 1:], log["validation_performance"][:, 1:], paths)
