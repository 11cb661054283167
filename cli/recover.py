"""``dynascope recover``: how well student networks recover a teacher's activity."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import InputError
from .console import Console, output_options
from .quiet import jumps_at_threshold
from .selection import (
    Selection,
    array_of,
    arrays_of,
    base_path,
    result_options,
    result_paths,
    selection_options,
    with_suffix,
)

if TYPE_CHECKING:
    from ..readers import Recording
    from ..reproductions.recovery import DynamicalRecovery

# What is compared unless asked otherwise, where both recordings have it: the name in the report, and the array.
_ARRAYS = {"states": "x", "rates": "activity", "outputs": "outputs"}


@click.command("recover")
@click.argument("teacher")
@click.argument("students", nargs=-1, required=True)
@result_options
@selection_options
@click.option(
    "--array", "arrays", multiple=True, metavar="ARRAY",
    help="Which array: activity, outputs, or a state (repeatable; default: those of x, activity and outputs that both "
    "have).",
)  # fmt: skip
@output_options
def command(
    teacher: str, students: tuple[str, ...], output: str, figure_format: str, selection: Selection,
    arrays: tuple[str, ...], console: Console,
) -> None:  # fmt: skip
    """Score the activity of STUDENTS against that of TEACHER on the same trials, and compare the two as systems.

    Reports R² in every mode, of states, rates and outputs, in both directions and with intervals, CKA and principal
    angles. Of two networks also their dynamics, in OUT-dynamics.h5: fixed points matched one to one, velocities at the
    teacher's states, and weights up to the symmetries that leave the dynamics as they are; not of networks that spike,
    whose step jumps. A student's archive whose inputs differ from the teacher's is replayed on the teacher's inputs.
    Units are compared one to one, so students must have the teacher's units. With several students OUT gets the
    student's name appended.

    \b
    Examples:
      dynascope recover teacher.h5 student.h5 -o recovery
      dynascope recover bap.h5 blocked.h5 --array dendrite --array soma -o compartments
    """
    import torch

    from .. import plotting
    from ..analysis import recovery

    torch.set_num_threads(1)
    base = base_path(output)
    reference = selection.read(teacher)
    reports: dict[str, Any] = {}
    for path, target in zip(students, result_paths(base, students), strict=True):
        followed = _on_same_trials(path, selection, reference, teacher)
        report = recovery(_pairs(reference, followed, teacher, path, arrays))
        report.save(with_suffix(target, ".h5"))
        plotting.save(report.plot(), with_suffix(target, f".{figure_format}"))
        dynamics = _dynamics(teacher, path, selection)
        reports[path] = report.to_dict()
        lines = report.summary()
        if dynamics is not None:
            dynamics.save(with_suffix(target, "-dynamics.h5"))
            reports[path]["dynamics"] = dynamics.to_dict()
            lines += "\n" + dynamics.summary()
        if not console.as_json:
            console.result(f"{path} against {teacher}\n{lines}", {})
    if console.as_json:
        console.result("", {"teacher": teacher, "students": reports})


def _dynamics(teacher: str, student: str, selection: Selection) -> "DynamicalRecovery | None":
    """Return how two networks compare as systems; None for recordings, jumping steps, and networks of other sizes."""
    from ..readers import open_archive
    from ..reproductions.recovery import dynamical_recovery
    from .networks import open_network

    for path in (teacher, student):
        try:
            with open_archive(path, verify=False) as archive:
                if archive.model is None:
                    return None
        except InputError:  # a foreign recording: its activity has been compared
            return None
        if jumps_at_threshold(path):
            return None
    first, second = (open_network(path, dataclasses.replace(selection, epoch=None)) for path in (teacher, student))
    if first.model.state_size != second.model.state_size or len(first.input) != len(second.input):
        return None
    return dynamical_recovery(first.model, second.model, first.states)


def _on_same_trials(path: str, selection: Selection, reference: "Recording", teacher: str) -> "Recording":
    """Return the student's recording, replayed on the teacher's inputs if its own trials differ."""
    recording = selection.read(path)
    if _same(recording.inputs, reference.inputs):
        return recording
    if reference.inputs is None or selection.epoch is not None:
        raise InputError(f"{path}: its trials differ from those of {teacher} and cannot be replayed on them")
    from ..readers import open_archive
    from ..trainers import load_model
    from ..trainers.replay import replay_inputs

    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            raise InputError(f"{path}: its trials differ from those of {teacher} and it holds no network to replay")
        model = load_model(archive.model, recording.parameters)
    return replay_inputs(model, np.asarray(reference.inputs), time=np.asarray(reference.time))


def _same(first: Any, second: Any) -> bool:
    return (first is None and second is None) or (
        first is not None and second is not None and first.shape == second.shape and np.array_equal(first, second)
    )


def _pairs(
    reference: "Recording", followed: "Recording", teacher: str, path: str, arrays: tuple[str, ...]
) -> dict[str, tuple[Any, Any]]:
    """Return the arrays to compare, by name: those asked for, or what both recordings have."""
    both = arrays_of(reference).keys() & arrays_of(followed).keys()
    chosen = {name: name for name in arrays} or {name: array for name, array in _ARRAYS.items() if array in both}
    pairs = {}
    for name, array in chosen.items():
        mine, theirs = array_of(reference, array, teacher), array_of(followed, array, path)
        if mine.shape != theirs.shape:
            raise InputError(f"{path}: {name} of shape {theirs.shape} against {mine.shape} in {teacher}")
        pairs[name] = (np.asarray(mine, float), np.asarray(theirs, float))
    return pairs
