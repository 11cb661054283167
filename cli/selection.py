"""``--recording``, ``--epoch``, ``--where``: which part of a file an analysis sees; ``-o``: where results go."""

import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import InputError, unknown_name
from .reading import parse_options, read_option

if TYPE_CHECKING:
    from ..readers import Recording

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_CONDITION = re.compile(r"^\s*([A-Za-z_]\w*)\s*(<=|>=|!=|=|<|>)\s*(.+?)\s*$")


@dataclasses.dataclass(frozen=True)
class Selection:
    """Part of a file: one recording, some trials, one epoch; and how to read a file of another program."""

    recording: str | None = None
    epoch: str | None = None
    where: tuple[str, ...] = ()
    reading: tuple[str, ...] = ()

    def read(self, path: str) -> "Recording":
        """Return the chosen recording of a file with the chosen trials and the chosen time.

        Raises
        ------
        InputError
            If the file cannot be read, or the recording, epoch or column does not exist, or no trial is left.
        """
        from ..readers import read_recording

        options = {"recording": self.recording} if self.recording else {}
        recording = read_recording(path, **options, **parse_options(self.reading))
        if self.where:
            recording = recording.select(trials=self.chosen_trials(recording, path))
        if self.epoch is not None:
            recording = _in_epoch(recording, self.epoch, path)
        return recording

    def chosen_trials(self, recording: "Recording", path: str) -> np.ndarray:
        """Return which trials meet every ``--where``, (trial,) bool."""
        chosen = np.ones(recording.n_trials, bool)
        for condition in self.where:
            chosen &= _holds(condition, recording, path)
        if not chosen.any():
            raise InputError(f"{path}: no trial meets {' and '.join(self.where)}")
        return chosen


def _holds(condition: str, recording: "Recording", path: str) -> np.ndarray:
    parts = _CONDITION.match(condition)
    if parts is None:
        raise InputError(f"--where {condition}: expected COLUMN, a comparison and a value, as in n_pulses>3")
    name, comparison, text = parts.groups()
    if name not in recording.trials:
        raise InputError(f"{path}: {unknown_name('trial column', name, recording.trials)}")
    column = np.asarray(recording.trials[name])
    if column.dtype.kind in "US":
        return np.asarray(_COMPARISONS[comparison](column, text), bool)
    words = {"true": 1.0, "false": 0.0}
    try:
        value = words[text.lower()] if text.lower() in words else float(text)
    except ValueError:
        raise InputError(f"--where {condition}: column '{name}' holds numbers, found '{text}'") from None
    return np.asarray(_COMPARISONS[comparison](column, value), bool)


def _in_epoch(recording: "Recording", epoch: str, path: str) -> "Recording":
    if epoch not in recording.epochs:
        raise InputError(f"{path}: {unknown_name('epoch', epoch, recording.epochs)}")
    start, stop = np.asarray(recording.epochs[epoch], float).reshape(-1, 2).T
    if np.ptp(start) or np.ptp(stop):
        raise InputError(f"{path}: epoch '{epoch}' differs between trials; choose trials with --where first")
    return recording.select(time=(float(start[0]), float(stop[0])))


def array_of(recording: "Recording", name: str, path: str) -> Any:
    """Return an array of a recording by name, (trial, time, …): activity, inputs, outputs, targets or a state.

    Raises
    ------
    InputError
        If the recording has no such array; the nearest name is suggested.
    """
    known = arrays_of(recording)
    found = known.get(name.removeprefix("states/"))
    if found is None:
        raise InputError(f"{path}: {unknown_name('array', name, known)}")
    return found


def arrays_of(recording: "Recording") -> dict[str, Any]:
    """Return the arrays (trial, time, …) that a recording has, by name."""
    known = {name: getattr(recording, name) for name in ("activity", "inputs", "outputs", "targets")}
    return {name: array for name, array in {**known, **recording.states}.items() if array is not None}


def quantity_of(recording: "Recording", array: str) -> str:
    """Return the name of an array with its unit, if the file states one."""
    unit = recording.array_units.get(array) or recording.array_units.get(f"states/{array.removeprefix('states/')}")
    return f"{array} ({unit})" if unit else array


array_option = click.option(
    "--array", default="activity", show_default=True, metavar="ARRAY",
    help="Which array: activity, outputs, or a state.",
)  # fmt: skip


def selection_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--recording --epoch --where --read``; the command receives them as ``selection``."""

    @functools.wraps(function)
    def with_selection(
        *args: Any,
        recording: str | None,
        epoch: str | None,
        where: tuple[str, ...],
        reading: tuple[str, ...],
        **options: Any,
    ) -> Any:
        return function(*args, selection=Selection(recording, epoch, where, reading), **options)

    wrapped = click.option(
        "--where",
        multiple=True,
        metavar="COLUMN=VALUE",
        help="Only trials for which this holds (also < <= > >= !=; repeatable).",
    )(read_option(with_selection))
    wrapped = click.option("--epoch", metavar="EPOCH", help="Only the time of this epoch.")(wrapped)
    return click.option(
        "--recording", metavar="NAME", help="Which recording of an archive (default: the only one, or 'final')."
    )(wrapped)


def result_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-o OUT`` and ``--format``; the command receives ``output`` and ``figure_format``."""
    wrapped = click.option(
        "--format",
        "figure_format",
        type=click.Choice(plotting.FORMATS),
        default="png",
        show_default=True,
        help="Figure format.",
    )(function)
    return click.option("-o", "--output", required=True, metavar="OUT", help="Writes OUT.h5 and OUT.png.")(wrapped)


def base_path(output: str) -> Path:
    """Return OUT without a suffix that a user may have typed.

    Raises
    ------
    InputError
        If its directory cannot be made or written.
    """
    from .. import files

    path = Path(output)
    if path.suffix in (".h5", *(f".{kind}" for kind in plotting.FORMATS)):
        path = path.with_suffix("")
    files.make_directory(path.parent)
    return path


def with_suffix(base: Path, suffix: str) -> Path:
    """Return ``base`` with ``suffix`` appended, leaving dots in its name alone."""
    return base.with_name(base.name + suffix)


def result_paths(base: Path, paths: Sequence[str]) -> list[Path]:
    """Return where the result of each file goes: OUT for one file, OUT-<name of the file> for several.

    Raises
    ------
    InputError
        If two files have the same name: one result would replace the other.
    """
    if len(paths) == 1:
        return [base]
    stems = [Path(path).stem for path in paths]
    for stem in stems:
        if stems.count(stem) > 1:
            raise InputError(f"several files are called {stem}: their results would replace each other; run them apart")
    return [with_suffix(base, f"-{stem}") for stem in stems]
