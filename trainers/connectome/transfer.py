"""Start from the network of another task: its input and recurrent weights, with a readout of its own."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...errors import ConfigurationError, InputError
from ...readers import open_archive
from ...results import Array
from . import results_folder
from .experiment import Experiment
from .results_folder import Combo
from .state_dicts import from_state_dict

_READOUT = ("output_weight", "output_bias")


@dataclasses.dataclass(frozen=True)
class Pretrained:
    """Where the weights come from.

    Attributes
    ----------
    checkpoint : state dict of an earlier experiment
    archive : archive of the same network, which knows its template; None for results of the published program
    """

    checkpoint: Path
    archive: Path | None

    @property
    def inputs(self) -> dict[str, str]:
        """The files by name, as inputs of a task: their contents decide what is trained."""
        files = {"checkpoint": self.checkpoint, "archive": self.archive}
        return {name: str(path.absolute()) for name, path in files.items() if path is not None}

    @classmethod
    def of_inputs(cls, inputs: Mapping[str, str]) -> "Pretrained | None":
        """Return what :attr:`inputs` named, None for nothing."""
        if not inputs:
            return None
        return cls(Path(inputs["checkpoint"]), Path(inputs["archive"]) if "archive" in inputs else None)


def find_pretrained(experiment: Experiment, index: int, combo: Combo) -> Pretrained | None:
    """Return where combination ``index`` starts, None when it starts anew.

    The earlier experiment has the same combination index: the grids of both must line up.

    Raises
    ------
    ConfigurationError
        If the earlier experiment has no such combination, or another nonlinearity there.
    InputError
        If its index or the checkpoint is missing.
    """
    checkpoint = experiment.pretrained_checkpoint(index)
    if checkpoint is None:
        return None
    folder = experiment.paths.pretrained
    earlier = results_folder.read_index(folder)
    where = f"[paths] pretrained = '{folder}'"
    if index >= len(earlier):
        raise ConfigurationError(
            f"{where}: has {len(earlier)} combinations, expected the grid of this experiment, with combination {index}"
        )
    nonlinearity = experiment.options(combo)["nonlinearity"]
    if nonlinearity not in earlier[index]:
        raise ConfigurationError(
            f"{where}: combination {index} is {results_folder.combo_text(earlier[index])} there, expected "
            f"{nonlinearity} as in {results_folder.combo_text(combo)}: the grids must line up"
        )
    if not checkpoint.is_file():
        raise InputError(f"{checkpoint}: no such checkpoint; choose others in [pretrainedparams]")
    archive = archive_path(folder, index, experiment.pretrained.pretrained_iteration)
    return Pretrained(checkpoint, archive if archive.is_file() else None)


def archive_path(folder: str | Path, index: int, iteration: int) -> Path:
    """Return the activity archive of one network of a result folder."""
    return Path(folder) / str(index) / f"iteration_{iteration}.h5"


def transferred(drawn: Mapping[str, Array], pretrained: Pretrained, generator: np.random.Generator) -> dict[str, Array]:
    """Return the parameters ``drawn`` for one network with those of an earlier one in place of all but the readout.

    The readout is drawn, uniform on (−1/√H, 1/√H). The template is that of the earlier network: from its archive or,
    without one, 1 where it has recurrent weights (training leaves all others at exactly 0).

    Raises
    ------
    ConfigurationError
        If the earlier network has another number of units or inputs.
    InputError
        If a file is damaged, or the archive is not of the network in the checkpoint.
    """
    found = {
        name: array
        for name, array in from_state_dict(results_folder.read_checkpoint(pretrained.checkpoint)).items()
        if name not in _READOUT
    }
    for name, array in found.items():
        if array.shape != drawn[name].shape:
            raise ConfigurationError(
                f"{pretrained.checkpoint}: {name} has shape {array.shape}, expected {drawn[name].shape}, that of this "
                "experiment's network"
            )
    recurrent = found["recurrent_weight"]
    template = (recurrent != 0).astype(float)
    if pretrained.archive is not None:
        with open_archive(pretrained.archive, verify=False) as archive:
            stored = {} if archive.model is None else archive.model.parameters
            template = np.asarray(stored.get("template", template))
        if template.shape != recurrent.shape or (recurrent[template == 0] != 0).any():
            raise InputError(f"{pretrained.archive}: its template is not that of {pretrained.checkpoint}")
    bound = 1 / math.sqrt(len(recurrent))
    readout = {name: generator.uniform(-bound, bound, drawn[name].shape) for name in _READOUT}
    return {**drawn, **found, **readout, "template": template}
