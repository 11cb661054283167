"""A network followed through training: its weights at every checkpoint of an archive, and what it does with them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, overload

import numpy as np
import torch

from ..errors import InputError, unknown_name
from ..readers import Archive, Recording
from .export import load_model, run_of
from .family import get_family
from .model import Model
from .replay import measured_performance, record, shown_trials
from .task import Task, Trials


class CheckpointModels(Sequence[tuple[int, Model]]):
    """The network of an archive at each of its checkpoints, (trials seen, model), each made when it is asked for."""

    def __init__(self, archive: Archive, dtype: torch.dtype) -> None:
        if archive.model is None or archive.model.checkpoints is None:
            raise InputError(
                f"{archive.path}: holds no checkpoints; train with training.keep_every above 0, then export again"
            )
        self._model, self._dtype = archive.model, dtype
        self.trials_seen = np.asarray(archive.model.checkpoints.trials_seen)

    def __len__(self) -> int:
        return len(self.trials_seen)

    @overload
    def __getitem__(self, index: int) -> tuple[int, Model]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[int, Model]]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        seen = int(self.trials_seen[index])
        checkpoints = self._model.checkpoints
        assert checkpoints is not None  # the constructor has looked
        return seen, load_model(self._model, checkpoints.at(seen), dtype=self._dtype)


def checkpoint_models(archive: Archive, *, dtype: torch.dtype = torch.float64) -> CheckpointModels:
    """Return the network of an open archive at each of its checkpoints, in order of training.

    Raises
    ------
    InputError
        If the archive holds no checkpoints.
    """
    return CheckpointModels(archive, dtype)


class History(Sequence[Recording]):
    """What a network does at each of some checkpoints, computed from its weights when it is asked for.

    A recording in an archive takes tens of MB; weights take a hundredth of it. Item i is the recording at checkpoint i
    of the trials that ``export`` would have recorded, with the same seed and so the same noise, and it has the
    attributes ``trials_seen``, ``rule``, ``performance`` and ``performance_trials``.

    Parameters
    ----------
    archive : open archive with checkpoints
    rule : name of a rule of its task; not needed when there is one
    checkpoints : numbers of trials seen, or text ``start:stop:step`` of such numbers (each part may be left out; the
        stop is included, steps count from the first checkpoint inside); every checkpoint when None
    n_trials, seed : trials of each recording (see :func:`.replay.shown_trials`) and their seed
    performance_trials : fresh trials on which performance is measured, as training draws them; the task's own number
        when None, and the replayed trials when 0

    Raises
    ------
    InputError
        If the archive holds no checkpoints, or none of the chosen, or no such rule.
    """

    def __init__(
        self,
        archive: Archive,
        rule: str | None = None,
        checkpoints: Iterable[int] | str | None = None,
        *,
        n_trials: int | None = None,
        seed: int = 0,
        performance_trials: int | None = None,
    ) -> None:
        self._models = checkpoint_models(archive, dtype=torch.float32)
        self.task = _rule(archive, rule)
        self.rows = chosen_checkpoints(self._models.trials_seen, checkpoints)
        self.trials_seen = self._models.trials_seen[self.rows]
        self.n_trials, self.seed = n_trials, seed
        own = self.task.performance_trials
        self.performance_trials = own if performance_trials is None else performance_trials
        self._run, self._member = run_of(archive)
        self._trials: Trials | None = None
        self._performance: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Recording: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Recording]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        attrs: dict[str, Any] = {"rule": self.task.name, "trials_seen": int(self.trials_seen[index])}
        if self.performance_trials:
            attrs |= {"performance": self.performance_at(index), "performance_trials": self.performance_trials}
        return record(self.model(index), self.task, self.trials, seed=self.seed, attrs=attrs)

    @property
    def trials(self) -> Trials:
        """The trials that are replayed, the same at every checkpoint."""
        if self._trials is None:
            self._trials = shown_trials(self.task, self.n_trials, seed=self.seed, run=self._run, member=self._member)
        return self._trials

    def model(self, index: int) -> Model:
        """Return the network at a checkpoint."""
        return self._models[int(self.rows[index])][1]

    def performance_at(self, index: int) -> float:
        """Return the performance at a checkpoint on fresh trials, measured once."""
        index = range(len(self))[index]
        if index not in self._performance:
            self._performance[index] = measured_performance(
                self.model(index), self.task, self.performance_trials or len(self.trials), seed=self.seed
            )
        return self._performance[index]

    def performance(self, progress: Callable[[int, int], None] = lambda done, of: None) -> np.ndarray:
        """Return the performance at every checkpoint, (checkpoint,); ``progress`` is told how many are done."""
        for index in range(len(self)):
            self.performance_at(index)
            progress(index + 1, len(self))
        return np.array([self.performance_at(index) for index in range(len(self))])


def chosen_checkpoints(trials_seen: np.ndarray, chosen: Iterable[int] | str | None) -> np.ndarray:
    """Return the rows of the chosen checkpoints among ``trials_seen`` (checkpoint,), see :class:`History`.

    Raises
    ------
    InputError
        If a number is no checkpoint, or none is chosen.
    """
    if chosen is None:
        return np.arange(len(trials_seen))
    if isinstance(chosen, str):
        return _span(trials_seen, chosen)
    wanted = [int(number) for number in chosen]
    missing = [number for number in wanted if number not in trials_seen]
    if missing or not wanted:
        where = f"{missing[0]} trials" if missing else "no trials"
        raise InputError(f"checkpoints: found {where}, expected some of {trials_seen[0]} to {trials_seen[-1]}")
    return np.searchsorted(trials_seen, wanted)


def _span(trials_seen: np.ndarray, text: str) -> np.ndarray:
    """Return the rows of ``start:stop:step``."""
    parts = [part.strip() for part in text.split(":")]
    if not 2 <= len(parts) <= 3 or not all(part.isdecimal() or not part for part in parts):
        raise InputError(
            f"checkpoints '{text}': expected numbers of trials, or START:STOP:STEP such as 520960:628480:1280"
        )
    start, stop = int(parts[0] or 0), int(parts[1] or trials_seen[-1])
    rows = np.flatnonzero((trials_seen >= start) & (trials_seen <= stop))
    if not len(rows):
        raise InputError(f"checkpoints '{text}': none among {trials_seen[0]} to {trials_seen[-1]} trials")
    step = int(parts[2]) if len(parts) == 3 and parts[2] else 1
    chosen: np.ndarray = rows[(trials_seen[rows] - trials_seen[rows[0]]) % max(1, step) == 0]
    return chosen


def _rule(archive: Archive, name: str | None) -> Task:
    """Return a rule of the archive's task."""
    assert archive.model is not None  # checkpoint_models has looked
    if archive.task is None:
        raise InputError(f"{archive.path}: states no task, so that nothing can be replayed")
    options = {key: value for key, value in archive.task.config.items() if key != "seed"}
    rules = get_family(archive.model.family).task(archive.task.name, options).rules
    if name is None and len(rules) == 1:
        return next(iter(rules.values()))
    if name is None:
        raise InputError(f"{archive.path}: the task has several rules: {', '.join(rules)}; choose one")
    if name not in rules:
        raise InputError(unknown_name("rule of this network", name, rules))
    return rules[name]
