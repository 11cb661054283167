"""Export: replay trained networks on their task and write one activity archive per network."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .. import files
from ..errors import InputError
from ..readers import ModelRecord, Recording, TaskRecord, write_archive
from . import config as configuration
from . import randomness
from .family import get_family
from .loop import TrainedNetworks
from .model import Model
from .replay import Extract, record
from .run_directory import RunDirectory

# A mask is stored beside the parameter that it fixes.
_MASK = "_mask"


def export_run(
    run: str | Path,
    output: str | Path | None = None,
    *,
    checkpoints: str | Sequence[int] = "final",
    n_trials: int = 128,
    seed: int = 0,
    members: Sequence[int] | str | None = None,
    extract: Extract | None = None,
) -> list[Path]:
    """Write one archive per network of a finished run and return their paths.

    Parameters
    ----------
    run : directory of a finished training run
    output : archive to write when one network is exported; a directory for several, which get the names
        ``network_0.h5``, …; None writes into the run's directory
    checkpoints : ``final``, the chosen weights only; ``all``, also every kept checkpoint; or trials seen
    n_trials : number of test trials to replay
    seed : seed of the test trials and of the noise. Equal seeds give equal trials for every network, which
        comparisons between networks need.
    members : which networks of the run, all by default; ``best`` is the one of lowest loss
    extract : which states to keep, and on which window; the family's choice and all steps by default

    Raises
    ------
    InputError
        If the run is missing or unfinished, or has no such member or checkpoint.
    """
    opened = RunDirectory.open(run)
    trained = opened.trained()
    chosen = _chosen_members(trained, members)
    if n_trials < 1 or seed < 0:
        raise InputError(f"export: expected at least 1 trial and a seed of at least 0, found {n_trials}, {seed}")
    written = []
    for member in chosen:
        path = _target(
            opened.path if output is None else Path(output),
            member,
            single=len(chosen) == 1 and output is not None,
        )
        weights = _weights(opened, trained, member, checkpoints)
        done = export_network(
            trained, path, member=member, weights=weights, n_trials=n_trials, seed=seed, extract=extract
        )
        written.append(done)
    return written


def export_network(
    trained: TrainedNetworks,
    path: str | Path,
    *,
    member: int = 0,
    weights: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    n_trials: int = 128,
    seed: int = 0,
    extract: Extract | None = None,
) -> Path:
    """Write the archive of one network and return its path.

    ``weights`` maps recording names to parameters; by default there is one recording, ``final``.
    """
    settings = trained.settings
    trained_task = settings.get_family().task(settings.task_name, settings.task)
    task, model = trained_task.for_export(trained.model(member))
    trials = task.draw(n_trials, randomness.generator(seed, "export"))
    facts = _facts(trained, member) | {"export_seed": seed}
    rule = settings.get_family().rule(settings.training.rule, settings.rule)

    def recordings() -> Iterator[tuple[str, Recording]]:
        source = trained.model(member)
        for name, arrays in (weights or {"final": source.arrays()}).items():
            _, shown = trained_task.for_export(source.load_arrays(arrays))
            own = {} if name == "final" else shown.arrays()
            attrs = facts if name == "final" else facts | {"trials_seen": int(name)}
            yield (
                name,
                record(shown, task, trials, seed=seed, attrs=attrs, parameters=own, extract=extract, rule=rule),
            )

    return write_archive(
        path,
        recordings(),
        model=model_record(model, model.arrays()),
        task=TaskRecord(task.name, {**configuration.as_mapping(task.config), "seed": seed}),
        training=_training_log(trained, member),
        units=model.unit_columns() or None,
        title=f"{model.kind} on {settings.task_name}, seed {settings.seed}, network {member}",
        history=[{"settings": settings.as_mapping(), "member": member}],
    )


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


def _facts(trained: TrainedNetworks, member: int) -> dict[str, Any]:
    """Return what is known about a network's training, as attributes of its recording."""
    return {
        "trials_seen": int(trained.chosen("trials_seen")[member]),
        "loss": float(trained.chosen("loss")[member]),
        "best_epoch": int(trained.best_epochs[member]),
        "stop_reason": trained.reasons[member],
        "rule": trained.settings.training.rule,
        "seed": trained.settings.seed,
        "member": member,
    }


def _training_log(trained: TrainedNetworks, member: int) -> dict[str, np.ndarray]:
    """Return one network's log up to its own end."""
    own = {name: column[:, member] if column.ndim == 2 else column for name, column in trained.log.items()}
    still_training = np.isfinite(own["performance"]) | (trained.reasons[member] == "diverged")
    last = int(np.flatnonzero(still_training).max(initial=0)) + 1
    return {name: column[:last] for name, column in own.items()}


def _weights(
    run: RunDirectory, trained: TrainedNetworks, member: int, checkpoints: str | Sequence[int]
) -> dict[str, dict[str, np.ndarray]]:
    final = {name: array[member] for name, array in trained.parameters.items()}
    if checkpoints == "final":
        return {"final": final}
    if isinstance(checkpoints, str) and checkpoints != "all":
        raise InputError(f"checkpoints: expected 'final', 'all' or trials seen, found '{checkpoints}'")
    wanted = run.history(member) if checkpoints == "all" else [int(trials) for trials in checkpoints]
    kept = {f"{trials:07d}": run.weights_at(trials, member) for trials in wanted}
    return kept | {"final": final}


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
