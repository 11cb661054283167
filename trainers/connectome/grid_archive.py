"""The archive of one network of a published experiment: its trials, its past, and the experiment it belongs to."""

import dataclasses
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...readers import CheckpointsRecord, open_archive, write_archive
from ...results import Array
from ..export import export_network
from ..loop import TrainedNetworks
from ..replay import record
from ..task import Trials

# Test trials of the recording ``final``; their seed is the same for all networks, so that their activity compares.
_TEST_TRIALS, _TEST_SEED = 64, 0


def write_network(
    path: Path,
    trained: TrainedNetworks,
    validation: Trials,
    checkpoints: Mapping[int, Mapping[str, Array]],
    experiment: Mapping[str, Any],
) -> Path:
    """Write the archive of a trained network and return its path.

    Recordings are ``final``, on test trials that all networks of a task share, and ``validation``, on the network's
    own validation trials; both show the final weights. ``checkpoints`` maps numbers of trials seen to the parameters
    there; ``experiment`` joins the settings in the archive's history.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        plain = export_network(trained, Path(folder) / path.name, n_trials=_TEST_TRIALS, seed=_TEST_SEED)
        with open_archive(plain, verify=False) as archive:
            assert archive.model is not None  # every export has one
            final = archive.recordings["final"]
            own = dataclasses.replace(validation, columns={**validation.columns, "split": _split(validation)})
            shown = record(trained.model(0), trained.settings.get_task(), own, attrs=_attrs(final.attrs))
            return write_archive(
                path,
                {"final": final, "validation": shown},
                model=dataclasses.replace(archive.model, checkpoints=_stacked(checkpoints)),
                task=archive.task,
                training=archive.training,
                units=archive.units,
                title=archive.provenance["title"],
                history=[*archive.provenance["history"], {"experiment": dict(experiment)}],
            )


def _split(trials: Trials) -> Array:
    return np.full(len(trials), "validation")


def _attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of the final weights, without how they do on the test trials."""
    return {name: value for name, value in attrs.items() if name not in ("performance", "export_seed")}


def _stacked(checkpoints: Mapping[int, Mapping[str, Array]]) -> CheckpointsRecord:
    seen = sorted(checkpoints)
    return CheckpointsRecord(
        seen, {name: np.stack([checkpoints[at][name] for at in seen]) for name in checkpoints[seen[0]]}
    )
