"""A published experiment: a grid of combinations, and the settings of each of its networks."""

import dataclasses
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError
from ..family import Tables
from . import results_folder
from .ini_sections import Extensions, Net, Paths, PretrainedParams, TrainValidate, TrialParams, neurons_per_area
from .results_folder import Combo

FAMILY = "connectome"
# Names of options of the family's model, here alone.
_RECURRENT_WEIGHT = "recurrent_weight"
_RANDOMIZE = {False: "none", True: "published"}
_TOPOLOGIES = {"connectome": "none"}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One published experiment: a grid of networks, each combination trained several times.

    Attributes
    ----------
    paths, net, train, pretrained, extensions, trials : the sections of the file
    combos_params : column → its values, in the order of the file
    text : the file as it was
    notes : what a user should be told of, such as keys that were ignored
    """

    paths: Paths
    net: Net
    train: TrainValidate
    pretrained: PretrainedParams
    extensions: Extensions
    trials: TrialParams
    combos_params: Mapping[str, tuple[Any, ...]]
    text: str = dataclasses.field(default="", repr=False)
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.trials.task_name

    @property
    def combos(self) -> list[Combo]:
        """All combinations in the published order, the last column fastest: the place is the combo index."""
        return list(itertools.product(*self.combos_params.values()))

    def options(self, combo: Combo) -> dict[str, Any]:
        """Return a combination by column."""
        return dict(zip(self.combos_params, combo, strict=True))

    def pretrained_checkpoint(self, index: int) -> Path | None:
        """Return the checkpoint from which combination ``index`` starts, None when it starts anew."""
        if not self.paths.pretrained:
            return None
        chosen = self.pretrained
        return results_folder.checkpoint_path(
            self.paths.pretrained, index, chosen.pretrained_epoch, chosen.pretrained_iteration
        )

    def check_areas(self, n_areas: int) -> None:
        """Refuse a connectome with another number of areas than the file states, where it states one.

        Raises
        ------
        ConfigurationError
            With both numbers.
        """
        if self.net.rnn_size not in (None, n_areas):
            raise ConfigurationError(
                f"[net] rnn_size = {self.net.rnn_size}: {self.net.net_name} has {n_areas} areas (rnn_size counts "
                "areas, nr_neurons the neurons in each)"
            )

    def tables(self, combo: Combo) -> Tables:
        """Return one combination as tables for ``Settings.resolve(FAMILY, experiment.task, tables)``."""
        return {"model": self._model(combo), "task": self._task(combo), "training": self._training(combo)}

    def _model(self, combo: Combo) -> dict[str, Any]:
        own = self.extensions
        return {
            "connectome": self.net.net_name,
            "directory": self.paths.path_to_network,
            "transpose": own.transpose,
            "neurons_per_area": neurons_per_area(self.net.nr_neurons),
            "heterogeneous": self.net.rand_partition,
            "sparsity": own.target_sparsity,
            "intrinsic": own.intrinsic_conn,
            "intrinsic_sparsity": own.target_sparsity_intrinsic,
            "intrinsic_share": own.intrinsic_wei,
            "self_connections": own.keep_diag,
            "template_seed": own.seed,
            "randomize": _TOPOLOGIES.get(own.topology, own.topology) or _RANDOMIZE[self.net.random_w],
            "initialization": self.train.init,
            "strict_initialization": own.init_strict,
            "remap": self.train.remap_w,
            "match_radius": own.match_radius,
            "spectral_radius": own.spectral_radius,
            "dale": own.dale,
            "reverse": not own.transpose_recurrent,
            "nonlinearity": self.options(combo)["nonlinearity"],
        }

    def _task(self, combo: Combo) -> dict[str, Any]:
        trials, own = self.trials, self.extensions
        parameter = trials.task_parameter
        given = {
            parameter: self.options(combo)[parameter],
            "trial_length": trials.trial_length,
            "rescale": trials.rescale,
            "lures": own.lures,
            "items": own.items,
        }
        known = {field.name for field in dataclasses.fields(trials.task.config_class)}
        return {name: value for name, value in given.items() if name in known}

    def _training(self, combo: Combo) -> dict[str, Any]:
        options, own = self.options(combo), self.extensions
        n_training, n_validation = self.trials.task.split_sizes(self.trials.nr_of_trials, self.trials.train_size)
        return {
            "learning_rate": options["lr"],
            "optimizer": options["optimizer"].lower(),
            "epochs": self.train.epochs,
            "batch_size": own.batch_size,
            "n_trials": n_training,
            "validation_trials": n_validation,
            "keep_every": own.checkpoint_interval,
            "keep_best": False,
            "stop_loss": None,
            "plateau_checks": 0,
            "frozen": [_RECURRENT_WEIGHT] if self.train.freeze_layer else [],
            "device": own.device,
            "dtype": own.dtype,
        }
