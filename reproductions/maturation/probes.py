"""What networks do on trials that a figure asks for, at some of their checkpoints: computed by workers, and kept."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ... import hdf5
from ...analysis import assign_stages
from ...analysis.psth import Stages
from ...readers import open_archive
from ...trainers import History, Model
from ...trainers.oculomotor.probing import distractor_grid, noisy_test
from ...trainers.sweeps import Job, Task
from ..study import Workbench
from .networks import Network


@dataclasses.dataclass(frozen=True)
class Probed:
    """Checkpoints of several networks on one rule, with the scores of their trials.

    ``networks``, ``trials_seen`` and ``performance`` (on fresh trials of the rule) are (checkpoint,); each of
    ``scores`` is (checkpoint, …), of the last axis trial.
    """

    networks: tuple[str, ...]
    trials_seen: np.ndarray
    performance: np.ndarray
    scores: Mapping[str, np.ndarray]

    def stages(self) -> Stages:
        """Return the published stages of the checkpoints, by cuts."""
        return assign_stages(self.performance, self.trials_seen, networks=self.networks)


def probed(
    bench: Workbench, found: Sequence[Network], rule: str, rows: Callable[[Network], np.ndarray], probe: str
) -> Probed:
    """Return the scores of a probe at the checkpoints ``rows(network)`` of each network.

    ``probe`` is "distractors", :func:`distractor_grid`, or "saccades", :func:`noisy_test`.
    """
    chosen = [rows(network) for network in found]
    tasks = [
        Task(
            f"{__name__}:{probe}",
            {"rule": rule, "checkpoints": network.trials_seen[own].tolist()},
            {"network": network.name, "rule": rule},
            {"archive": str(network.path)},
        )
        for network, own in zip(found, chosen, strict=True)
    ]
    parts = [_scores(path) for path in bench.compute(tasks, f"{probe} {rule}")]
    return Probed(
        tuple(network.name for network, own in zip(found, chosen, strict=True) for _ in own),
        np.concatenate([network.trials_seen[own] for network, own in zip(found, chosen, strict=True)]),
        np.concatenate([network.performance[rule][own] for network, own in zip(found, chosen, strict=True)]),
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    )


def distractors(job: Job) -> None:
    """Write the scores of every pair of cue and distractor at each checkpoint; the job of a sweep."""
    _write(job, distractor_grid, ("checkpoint", "cue", "distractor", "trial"))


def saccades(job: Job) -> None:
    """Write the scores of noisy test trials at each checkpoint; the job of a sweep."""
    _write(job, noisy_test, ("checkpoint", "trial"))


def _write(job: Job, probe: Callable[[Model, Any], Mapping[str, np.ndarray]], dims: tuple[str, ...]) -> None:
    torch.set_num_threads(1)
    for payload, inputs, output in zip(job.payloads, job.inputs, job.outputs, strict=True):
        with open_archive(inputs["archive"], verify=False) as archive:
            history = History(archive, payload["rule"], payload["checkpoints"], performance_trials=0)
            rows = [probe(history.model(at), history.task) for at in range(len(history))]
        datasets = {name: hdf5.Dataset(np.stack([row[name] for row in rows]), dims) for name in rows[0]}
        hdf5.write(output, hdf5.Group({}, datasets, dims))


def _scores(path: Any) -> dict[str, np.ndarray]:
    with hdf5.read(path) as root:
        nodes = root.children.items()
        return {name: np.array(node.data[...]) for name, node in nodes if isinstance(node, hdf5.Dataset)}
