"""Export: replay trained networks on their task and write one activity archive per network."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import files
from ..errors import InputError, unknown_name
from ..readers import Archive, CheckpointsRecord, ModelRecord, Recording, TaskRecord, write_archive
from . import config as configuration
from .family import get_family
from .loop import TrainedNetworks
from .model import Model
from .replay import Extract, measured_performance, record, shown_trials
from .run_directory import RunDirectory
from .task import Task

# A mask is stored beside the parameter that it fixes.
_MASK = "_mask"

Weights = Mapping[str, np.ndarray]
Named = str | Sequence[int] | Mapping[str, Sequence[int]]
Checkpoints = Named | Callable[[Mapping[str, np.ndarray]], Named]


def export_run(
    run: str | Path,
    output: str | Path | None = None,
    *,
    checkpoints: Checkpoints = "final",
    n_trials: int | None = None,
    seed: int = 0,
    members: Sequence[int] | str | None = None,
    extract: Extract | None = None,
    rules: Sequence[str] | None = None,
    block: Sequence[str] = (),
) -> list[Path]:
    """Write one archive per network of a finished run and return their paths.

    The weights of every checkpoint that the run has kept are in the archive. Activity is recorded for the checkpoints
    and rules that are chosen.

    Parameters
    ----------
    run : directory of a finished training run
    output : archive to write when one network is exported; a directory for several, which get the names
        ``network_0.h5``, …; None writes into the run's directory
    checkpoints : which to record: ``final``, the chosen weights only; ``all``, also every kept checkpoint; numbers of
        trials seen; or such numbers for each rule, by name (without the final weights), or a function that returns them
        from a network's log at its kept checkpoints (columns as in ``/training``)
    n_trials : number of trials to replay, 128 by default; tasks without test trials show all that were trained on
    seed : seed of the test trials and of the noise. Equal seeds give equal trials for every network, which
        comparisons between networks need. Tasks without test trials show those that each network was trained on
    members : which networks of the run, all by default; ``best`` is the one of lowest loss
    extract : which states to keep, and on which window; the family's choice and all steps by default
    rules : which of the task's rules to record, all by default
    block : channels of the neurons that a drug blocks, such as "sodium"; the archive holds the network without them

    Raises
    ------
    InputError
        If the run is missing or unfinished, or has no such member, checkpoint or rule, or the network no such channel.
    """
    opened = RunDirectory.open(run)
    trained = opened.trained()
    chosen = _chosen_members(trained, members)
    if (n_trials is not None and n_trials < 1) or seed < 0:
        raise InputError(f"export: expected at least 1 trial and a seed of at least 0, found {n_trials}, {seed}")
    written = []
    for member in chosen:
        path = _target(
            opened.path if output is None else Path(output),
            member,
            single=len(chosen) == 1 and output is not None,
        )
        history = opened.history_of(member)
        named = checkpoints
        if callable(named):
            named = named(_log_at(_training_log(trained, member), list(history)))
        recorded = _recorded(trained, history, named, rules)
        replayed: Any = {"n_trials": n_trials, "seed": seed, "extract": extract, "block": block}
        written.append(export_network(trained, path, member=member, history=history, recorded=recorded, **replayed))
    return written


def export_network(
    trained: TrainedNetworks,
    path: str | Path,
    *,
    member: int = 0,
    history: Mapping[int, Weights] | None = None,
    recorded: Sequence[tuple[int | None, str]] | None = None,
    n_trials: int | None = None,
    seed: int = 0,
    extract: Extract | None = None,
    block: Sequence[str] = (),
) -> Path:
    """Write the archive of one network and return its path.

    ``history`` maps numbers of trials seen to the weights there. ``recorded`` are pairs of such a number, or None for
    the final weights, and a rule of the task; by default the final weights follow each rule. ``block`` are channels to
    block (:meth:`.Model.blocked`).
    """
    settings = trained.settings
    run, drugs = settings.as_mapping(), {"block": list(block)} if block else {}
    trained_task = settings.get_task()
    task, model = _shown(trained_task, trained.model(member), block)
    facts = _facts(trained, member) | {"export_seed": seed} | ({"block": ",".join(block)} if block else {})
    ending = _ending(trained, member)
    learning = settings.get_family().rule(settings.training.rule, settings.rule)
    past = dict(history or {})

    def recordings() -> Iterator[tuple[str, Recording]]:
        final = trained.model(member)
        for seen, name in recorded or [(None, rule) for rule in task.rules]:
            weights = final.arrays() if seen is None else past[seen]
            _, shown = _shown(trained_task, trained.model(member).load_arrays(weights), block)
            rule = task.rules[name]
            attrs = facts | {"rule": name} | (ending if seen is None else {"trials_seen": seen})
            if rule.performance_trials:
                stated = measured_performance(shown, rule, rule.performance_trials, seed=seed)
                attrs |= {"performance": stated, "performance_trials": rule.performance_trials}
            trials = shown_trials(rule, n_trials, seed=seed, run=run, member=member)
            own = {} if seen is None else shown.arrays()
            yield (
                recording_name(task, seen, name),
                record(shown, rule, trials, seed=seed, attrs=attrs, parameters=own, extract=extract, rule=learning),
            )

    return write_archive(
        path,
        recordings(),
        model=dataclasses.replace(
            model_record(model, model.arrays()), checkpoints=_checkpoints(trained, trained_task, member, past)
        ),
        task=TaskRecord(task.name, {**configuration.as_mapping(task.config), "seed": seed}),
        training=_training_log(trained, member),
        units=model.unit_columns() or None,
        title=f"{settings.model['kind']} on {settings.task_name}, seed {settings.seed}, network {member}"
        + (f", blocked: {', '.join(block)}" if block else ""),
        history=[{"settings": run, "member": member} | drugs],
    )


def _shown(task: Task, model: Model, block: Sequence[str]) -> tuple[Task, Model]:
    """Return the task and the network that an archive shows, the network under drugs that block these channels."""
    task, model = task.for_export(model)
    return task, model.blocked(block) if block else model


def recording_name(task: Task, trials_seen: int | None, rule: str) -> str:
    """Return the name of a recording: of the weights, and of the rule where the task has several."""
    weights = "final" if trials_seen is None else f"{trials_seen:07d}"
    return weights if len(task.rules) == 1 else f"{weights}/{rule}"


def _checkpoints(
    trained: TrainedNetworks, task: Task, member: int, history: Mapping[int, Weights]
) -> CheckpointsRecord | None:
    """Return the weights of all checkpoints, stacked, as the archive's network shows them."""
    if not history:
        return None
    seen = sorted(history)
    shown = [task.for_export(trained.model(member).load_arrays(history[trials]))[1].arrays() for trials in seen]
    return CheckpointsRecord(seen, {name: np.stack([arrays[name] for arrays in shown]) for name in shown[0]})


def model_record(model: Model, arrays: Mapping[str, np.ndarray]) -> ModelRecord:
    """Return what an archive says about a network."""
    layout = [{"name": part.name, "start": part.start, "stop": part.stop} for part in model.state_layout]
    config, dims = configuration.as_mapping(model.config), model.parameter_dims()
    masks = {f"{name}{_MASK}": mask.cpu().numpy().astype(bool) for name, mask in model.masks.items()}
    mask_dims = {f"{name}{_MASK}": dims[name] for name in model.masks}
    return ModelRecord(model.family, config, tuple(layout), {**arrays, **masks}, dims | mask_dims)


def load_model(
    record: ModelRecord, arrays: Mapping[str, Any] | None = None, *, dtype: torch.dtype = torch.float64
) -> Model:
    """Return the network of an archive as a model, in float64 unless asked otherwise.

    ``arrays`` replaces the parameters, for a checkpoint's own weights.

    Raises
    ------
    ConfigurationError
        If the archive's family or configuration is not known to this version.
    InputError
        If parameters are missing, misshapen or not finite.
    """
    model = get_family(record.family).model(record.config, dtype=dtype)
    source = arrays if arrays else record.parameters
    model.load_arrays({name: np.asarray(array) for name, array in source.items()})
    for name in model.arrays():
        if f"{name}{_MASK}" in record.parameters:
            model.set_mask(name, np.asarray(record.parameters[f"{name}{_MASK}"]))
    return model


def run_of(archive: Archive) -> tuple[Mapping[str, Any], int]:
    """Return the settings, as a mapping, and the network's number in the run that made an archive; {} if unknown."""
    origin: dict[str, Any] = next((entry for entry in archive.provenance["history"] if "settings" in entry), {})
    return origin.get("settings", {}), int(origin.get("member", 0))


def _facts(trained: TrainedNetworks, member: int) -> dict[str, Any]:
    """Return what is known about a network at any moment of its training, as attributes of its recordings."""
    settings = trained.settings
    return {"learning_rule": settings.training.rule, "seed": settings.seed, "member": member}


def _ending(trained: TrainedNetworks, member: int) -> dict[str, Any]:
    """Return what is known about the weights that training chose, as attributes of their recordings."""
    return {
        "trials_seen": int(trained.chosen("trials_seen")[member]),
        "loss": float(trained.chosen("loss")[member]),
        "best_epoch": int(trained.best_epochs[member]),
        "stop_reason": trained.reasons[member],
    }


def _training_log(trained: TrainedNetworks, member: int) -> dict[str, np.ndarray]:
    """Return one network's log up to its own end."""
    own = {name: column[:, member] if column.ndim == 2 else column for name, column in trained.log.items()}
    still_training = np.isfinite(own["performance"]) | (trained.reasons[member] == "diverged")
    last = int(np.flatnonzero(still_training).max(initial=0)) + 1
    return {name: column[:last] for name, column in own.items()}


def _log_at(log: Mapping[str, np.ndarray], trials_seen: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the rows of a log at these numbers of trials."""
    rows = np.isin(log["trials_seen"], trials_seen)
    return {name: column[rows] for name, column in log.items()}


def _recorded(
    trained: TrainedNetworks, history: Mapping[int, Weights], checkpoints: Named, rules: Sequence[str] | None
) -> list[tuple[int | None, str]]:
    """Return the pairs of checkpoint (None: the final weights) and rule to record, in order of training."""
    settings = trained.settings
    task = settings.get_task()
    known = list(task.for_export(trained.model(0))[0].rules)
    for rule in [*(rules or ()), *(checkpoints if isinstance(checkpoints, Mapping) else ())]:
        if rule not in known:
            raise InputError(unknown_name(f"rule of task {task.name}", rule, known))
    chosen = list(rules) if rules else known
    if isinstance(checkpoints, Mapping):
        pairs = [(int(seen), rule) for rule in chosen for seen in checkpoints.get(rule, ())]
    elif checkpoints == "final":
        pairs = []
    elif isinstance(checkpoints, str) and checkpoints != "all":
        raise InputError(f"checkpoints: expected 'final', 'all' or trials seen, found '{checkpoints}'")
    else:
        wanted = history if checkpoints == "all" else checkpoints
        pairs = [(int(seen), rule) for seen in wanted for rule in chosen]
    for seen, _ in pairs:
        if seen not in history:
            raise InputError(f"no weights at {seen} trials (kept: {_cut(sorted(history))})")
    final = [] if isinstance(checkpoints, Mapping) else [(None, rule) for rule in chosen]
    return [*sorted(set(pairs), key=lambda pair: (pair[0], chosen.index(pair[1]))), *final]


def _cut(numbers: Sequence[int]) -> str:
    shown = [str(number) for number in numbers]
    return ", ".join(shown if len(shown) <= 12 else [*shown[:6], "…", *shown[-5:]]) or "none"


def _chosen_members(trained: TrainedNetworks, members: Sequence[int] | str | None) -> list[int]:
    count = trained.settings.members
    if members is None:
        return list(range(count))
    if members == "best":
        return [int(np.argmin(trained.chosen("loss")))]
    if isinstance(members, str):
        raise InputError(f"members: expected 'best' or numbers, found '{members}'")
    for member in members:
        if not 0 <= member < count:
            raise InputError(f"network {member}: the run has networks 0 to {count - 1}")
    return list(members)


def _target(output: Path, member: int, *, single: bool) -> Path:
    if single and output.suffix == ".h5":
        return output
    if output.suffix == ".h5":
        raise InputError(f"{output}: several networks need a directory, or choose one network")
    return files.make_directory(output) / f"network_{member}.h5"
