"""A published experiment, run: every combination of its grid on worker processes, each trained once.

The result folder is the published one (see :mod:`~dynascope.trainers.connectome.results_folder`), with an activity
archive ``<index>/iteration_<i>.h5`` beside the checkpoints of each network, ``configuration.ini``, the file as it was,
and ``work/`` with what makes the run resumable: its index, a table of results, and for each combination all curves as
one file.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ... import files
from ...errors import ConfigurationError, InputError
from .. import config as configuration
from .. import randomness
from ..family import Tables
from ..settings import Settings
from ..sweeps import SweepReport, Task, run_tasks
from ..sweeps.report import read_index
from ..sweeps.runner import Progress
from . import results_folder
from .config import ConnectomeConfig
from .experiment import FAMILY, Experiment
from .grid_loop import check_settings
from .memory_task import MemoryTask
from .results_folder import Combo
from .transfer import Pretrained, find_pretrained

_JOB = f"{__package__}.grid_job:train_combination"
_WORK = "work"
#: copy of the configuration in the result folder, from where archives take it
CONFIGURATION = "configuration.ini"


@dataclasses.dataclass(frozen=True)
class Combination:
    """One combination of an experiment: its place and values, the settings of its networks, and where they start."""

    index: int
    combo: Combo
    settings: tuple[Settings, ...]
    pretrained: Pretrained | None = None


def plan(experiment: Experiment, *, seed: int | None = None, overrides: Tables | None = None) -> list[Combination]:
    """Return the combinations of an experiment in their order, with complete settings.

    The template is made once for all networks, from the seed of the experiment. Each network has a seed of its own,
    which follows from that seed, the combination's index and the iteration: weights, null model, trials, split and the
    order of the batches are drawn from it.

    Parameters
    ----------
    experiment : see :func:`~dynascope.trainers.connectome.ini.read_ini`
    seed : in place of that in the file
    overrides : options of all networks, in the tables of :meth:`Settings.resolve`, such as
        ``{"training": {"stop_share": 0.01}}`` to stop by the published criterion of 99 %

    Raises
    ------
    ConfigurationError
        If the connectome has another number of areas than the file says, an option is impossible, or the grid of a
        pretrained experiment does not fit.
    InputError
        If the connectome, or a checkpoint to start from, is not there.
    """
    chosen = experiment.extensions.seed if seed is None else seed
    given = overrides or {}
    found = []
    for index, combo in enumerate(experiment.combos):
        tables = configuration.merged(experiment.tables(combo), {"model": {"template_seed": chosen}}, given)
        if not index:
            _check_areas(experiment, tables["model"])
        settings = Settings.resolve(FAMILY, experiment.task, tables)
        check_settings(settings, experiment.trials.nr_of_trials, experiment.trials.train_size)
        seeds = [_seed(chosen, index, iteration) for iteration in range(experiment.train.iterations)]
        networks = tuple(dataclasses.replace(settings, seed=one) for one in seeds)
        found.append(Combination(index, combo, networks, find_pretrained(experiment, index, combo)))
    return found


def run_experiment(
    experiment: Experiment,
    output: str | Path | None = None,
    *,
    seed: int | None = None,
    overrides: Tables | None = None,
    resume: bool = True,
    executor: str = "local",
    workers: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> SweepReport:
    """Train every combination that has not been trained yet, and return the state of them all.

    Results are the same bits for any number of workers and however often the run was interrupted. Combinations that
    have finished are not trained again; one that was interrupted goes on from its last saved state.

    Parameters
    ----------
    experiment, seed, overrides : see :func:`plan`
    output : result folder, made when missing; None is that of the file
    resume : whether to go on with results that are there; otherwise a folder with results is refused
    executor, workers, progress, should_stop : see :func:`~dynascope.trainers.sweeps.run_sweep`; progress counts
        combinations

    Raises
    ------
    ConfigurationError
        As :func:`plan`, and if the folder holds results of another configuration, which are never overwritten.
    StoppedError
        If ``should_stop`` said so; the same call goes on.
    """
    folder = Path(experiment.paths.path_to_results if output is None else output)
    combinations = plan(experiment, seed=seed, overrides=overrides)
    tasks = [_task(experiment, one) for one in combinations]
    _check_folder(folder, tasks, resume=resume)
    files.make_directory(folder)
    results_folder.write_index(folder, experiment.combos)
    files.write_text(folder / CONFIGURATION, experiment.text)
    # The longest trials first: at the end no processor waits long for the other.
    steps = [_n_steps(one) for one in combinations]
    longest = [tasks[place] for place in np.argsort([-count for count in steps], kind="stable")]
    report = run_tasks(
        longest,
        folder / _WORK,
        executor=executor,
        workers=workers,
        largest=1,
        progress=progress,
        should_stop=should_stop,
    )
    return dataclasses.replace(report, rows=tuple(sorted(report.rows, key=lambda row: row["combination"])))


def _task(experiment: Experiment, combination: Combination) -> Task:
    payload = {
        "index": combination.index,
        "combo": list(combination.combo),
        "settings": [settings.as_mapping() for settings in combination.settings],
        "split": {"n_trials": experiment.trials.nr_of_trials, "train_size": experiment.trials.train_size},
        "checkpoint_interval": experiment.extensions.checkpoint_interval,
    }
    inputs = {} if combination.pretrained is None else combination.pretrained.inputs
    options = {"combination": combination.index, **experiment.options(combination.combo)}
    return Task(_JOB, payload, options, inputs)


def _n_steps(combination: Combination) -> int:
    task = combination.settings[0].get_task()
    assert isinstance(task, MemoryTask)  # the family has no other tasks
    return task.n_steps


def _seed(seed: int, index: int, iteration: int) -> int:
    return int(randomness.sequence(seed, f"combination {index}", iteration).generate_state(1)[0])


def _check_areas(experiment: Experiment, model: Mapping[str, Any]) -> None:
    config = configuration.build(ConnectomeConfig, model, where="model")
    experiment.check_areas(config.load().n_areas)


def _check_folder(folder: Path, tasks: Sequence[Task], *, resume: bool) -> None:
    """Refuse a folder with results that are not those of these tasks, or with any when they are not to be resumed."""
    names = [results_folder.INDEX, *(str(index) for index in range(len(tasks)))]
    begun = [name for name in names if (folder / name).exists()]
    if not begun:
        return
    if not resume:
        raise InputError(f"{folder}: holds results already ({begun[0]}); choose another folder, or let the run go on")
    try:
        earlier = {task.identity for task in read_index(folder / _WORK)}
    except InputError:
        earlier = set()
    if earlier != {task.identity for task in tasks}:
        words = "results of another configuration" if earlier else "results that this program has not written"
        raise ConfigurationError(f"{folder}: holds {words} ({begun[0]}); choose another folder")
