"""What trained networks have left in their archives."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..readers import open_archive
from ..trainers import Model, load_model


def load_network(path: Path) -> Model:
    """Return the network of an archive that the workbench has trained, in float64."""
    with open_archive(path, verify=False) as archive:
        assert archive.model is not None  # training writes no other archives
        return load_model(archive.model)


def training_logs(paths: Sequence[Path]) -> dict[str, np.ndarray]:
    """Return the logs in the archives of networks that were trained equally long, column → (network, evaluation)."""
    logs = []
    for path in paths:
        with open_archive(path, verify=False) as archive:
            assert archive.training is not None  # of a trained network
            logs.append({name: np.asarray(column) for name, column in archive.training.items()})
    return {name: np.stack([log[name] for log in logs]) for name in logs[0]}
