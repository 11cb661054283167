"""The networks of the maturation studies, followed through training: all studies of one output folder share them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch

from ... import hdf5
from ...analysis import assign_stages, forward_average
from ...analysis.psth import Stages
from ...readers import Recording, open_archive
from ...trainers import History, Settings
from ...trainers.sweeps import Job, Task
from ..study import Findings, Scale, Study, Workbench

SOURCE = "Liu, Zhu, Constantinidis and Zhou, iScience 24:103178 (2021)"
RULES = ("overlap", "zero_gap", "gap", "odr", "odrd", "gap500")
#: rules of which the published figures show stages
WORKING_MEMORY, ANTI_SACCADES = ("odr", "odrd"), ("overlap", "zero_gap", "gap")
#: checkpoints that a stage figure shows of one network: the published ones show 81 and 85
SPAN = 85
_MEASURE = f"{__name__}:measure"
_NETWORKS = {
    # With a recurrent gain of 1 half as many units learn working memory in minutes (docs/oculomotor.md).
    "small": Scale(3, {"units": 128, "recurrent_gain": 1.0, "stop_trials": 1_000_000, "checkpoints": 45}),
    "paper": Scale(3, {"units": 256, "recurrent_gain": 0.5, "stop_trials": 2_000_000, "checkpoints": SPAN}),
}


@dataclasses.dataclass(frozen=True)
class Network:
    """One trained network: its archive, and its performance on each rule, measured on 512 fresh trials.

    ``trials_seen`` and each of ``performance`` are (checkpoint,).
    """

    name: str
    path: Path
    trials_seen: np.ndarray
    performance: Mapping[str, np.ndarray]


def maturation_study(name: str, title: str, run: Callable[[Workbench], Findings]) -> Study:
    """Return a study of these networks; they are trained once for all studies whose output folders lie side by side."""
    return Study(f"maturation.{name}", title, SOURCE, _NETWORKS, run, shares_work=True)


def networks(bench: Workbench) -> list[Network]:
    """Return the networks of a study, one per run; each is trained once, and measured once at each checkpoint."""
    torch.set_num_threads(1)
    paths = bench.train([_settings(bench, seed) for seed in bench.seeds], "networks", trials=8)
    tasks = [Task(_MEASURE, {}, {"network": path.stem[:8]}, {"archive": str(path)}) for path in paths]
    measured = bench.compute(tasks, "performance")
    found = zip(bench.seeds, paths, measured, strict=True)
    return [_network(f"seed {seed}", path, performance) for seed, path, performance in found]


def _settings(bench: Workbench, seed: int) -> Settings:
    budget = bench.budget
    tables: dict[str, dict[str, Any]] = {
        "model": {"n_units": budget["units"], "recurrent_gain": budget["recurrent_gain"]},
        "training": {"stop_trials": budget["stop_trials"]},
    }
    return Settings.resolve("oculomotor", "all_new", tables, seed=seed)


def measure(job: Job) -> None:
    """Write the performance of each network on each rule at every checkpoint; the job of a sweep."""
    torch.set_num_threads(1)
    for inputs, output in zip(job.inputs, job.outputs, strict=True):
        with open_archive(inputs["archive"], verify=False) as archive:
            histories = {rule: History(archive, rule) for rule in RULES}
            found = {rule: history.performance() for rule, history in histories.items()}
            seen = histories[RULES[0]].trials_seen
        columns = {"trials_seen": seen, **found}
        datasets = {name: hdf5.Dataset(column, ("checkpoint",)) for name, column in columns.items()}
        hdf5.write(output, hdf5.Group({}, datasets, ("checkpoint",)))


def _network(name: str, path: Path, measured: Path) -> Network:
    with hdf5.read(measured) as root:
        nodes = root.children.items()
        columns = {key: np.array(node.data[...]) for key, node in nodes if isinstance(node, hdf5.Dataset)}
    seen = columns.pop("trials_seen")
    return Network(name, path, seen, columns)


@dataclasses.dataclass(frozen=True)
class Followed(Sequence[Recording]):
    """Checkpoints of several networks on one rule, replayed from their weights when asked for.

    ``networks``, ``trials_seen`` and ``performance`` are (checkpoint,): what analyses of training need beside the
    recordings. ``histories`` has one entry per network and ``places`` the network and its checkpoint of each item.
    """

    rule: str
    histories: tuple[History, ...]
    places: tuple[tuple[int, int], ...]
    networks: tuple[str, ...]
    trials_seen: np.ndarray
    performance: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Recording]: ...
    def __getitem__(self, index: Any) -> Any:
        """Return a recording, with the measured performance."""
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        network, at = self.places[index]
        recording = self.histories[network][at]
        attrs = {**recording.attrs, "performance": float(self.performance[index])}
        return dataclasses.replace(recording, attrs=attrs)

    def stages(self, mode: str = "published") -> Stages:
        """Return the stages of the checkpoints."""
        return assign_stages(self.performance, self.trials_seen, mode=mode, networks=self.networks)

    def what(self) -> dict[str, Any]:
        """Return the arguments ``networks``, ``performance`` and ``trials_seen`` of the analyses of training."""
        return {"networks": self.networks, "performance": self.performance, "trials_seen": self.trials_seen}


@contextmanager
def followed(
    found: Sequence[Network], rule: str, rows: Callable[[Network], np.ndarray] | None = None, *, n_trials: int = 128
) -> Iterator[Followed]:
    """Yield the checkpoints ``rows(network)`` of each network, by default the :func:`learning_span` of the rule."""
    chosen = rows or (lambda network: learning_span(network.performance[rule]))
    with ExitStack() as files:
        histories, places, names, seen, performance = [], [], [], [], []
        for number, network in enumerate(found):
            own = chosen(network)
            archive = files.enter_context(open_archive(network.path, verify=False))
            wanted = network.trials_seen[own].tolist()
            histories.append(History(archive, rule, wanted, n_trials=n_trials, performance_trials=0))
            places += [(number, at) for at in range(len(own))]
            names += [network.name] * len(own)
            seen.append(network.trials_seen[own])
            performance.append(network.performance[rule][own])
        yield Followed(
            rule, tuple(histories), tuple(places), tuple(names), np.concatenate(seen), np.concatenate(performance)
        )


def learning_span(performance: np.ndarray, largest: int = SPAN) -> np.ndarray:
    """Return the rows of the checkpoints around the time at which a rule is learnt, at most ``largest``.

    As in the published figures, nearly half of them are early, before the average of ten checkpoints comes to 0.35, and
    the last is the end of the training or, for a rule that is learnt long before, the tenth above 0.95 on average. Of
    more checkpoints an even selection is returned.
    """
    smooth = forward_average(performance, 9)
    above = np.flatnonzero(smooth > 0.35)
    first = int(above[0]) if len(above) else len(performance) - 1
    mature = np.flatnonzero(smooth[first:] > 0.95)
    last = min(first + int(mature[0]) + 10, len(performance) - 1) if len(mature) else len(performance) - 1
    start = max(0, first - largest // 2)
    return np.unique(np.linspace(start, last, min(largest, last - start + 1)).round().astype(int))
