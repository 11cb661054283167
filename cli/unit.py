"""``dynascope unit``: one unit, its activity in every condition and its tuning in an epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import ConfigurationError
from .console import Console, output_options
from .epochs import TURNS, epoch_edges, trial_column, uncut
from .selection import (
    Selection,
    array_of,
    array_option,
    base_path,
    quantity_of,
    result_options,
    selection_options,
    with_suffix,
)

if TYPE_CHECKING:
    from ..readers import Recording


@click.command("unit")
@click.argument("archive")
@click.option("--unit", required=True, metavar="N|best", help="Its number, or the one that tells labels apart best.")
@click.option("--label", required=True, metavar="COLUMN", help="The trial column with the locations or conditions.")
@result_options
@selection_options
@array_option
@output_options
def command(
    archive: str, unit: str, label: str, output: str, figure_format: str, selection: Selection, array: str,
    console: Console,
) -> None:  # fmt: skip
    """Show one unit of ARCHIVE: its mean activity for every label, and its mean in --epoch on a circle.

    Eight labels stand around the circle, 0 at the top and clockwise; a column in rad or degrees gives the angles, other
    labels are equally spaced. Writes OUT.h5, the picture and the circle alone in OUT-polar.png.

    \b
    Examples:
      dynascope unit network.h5 --unit best --label cue --epoch stim1 -o example
      dynascope unit session.nwb --unit 12 --label direction --epoch delay --where correct=true -o unit12
    """
    from ..analysis import most_selective_unit, sample_unit

    base = base_path(output)
    recording = uncut(selection, archive)
    activity, time = array_of(recording, array, archive), np.asarray(recording.time)
    labels, edges = trial_column(recording, label, archive), epoch_edges(recording, selection.epoch, archive)
    number = most_selective_unit(activity, time, labels, edges) if unit == "best" else _number(unit)
    found = sample_unit(
        activity, time, labels, number, _finite(edges, time), angles=_angles(recording, label, labels),
        quantity=quantity_of(recording, array), description=_description(recording, selection, archive),
    )  # fmt: skip
    found.save(with_suffix(base, ".h5"))
    plotting.save(found.plot_grid(), with_suffix(base, f".{figure_format}"))
    plotting.save(plotting.figure_of(found.plot()), with_suffix(base, f"-polar.{figure_format}"))
    console.result(found.summary(), found.to_dict())


def _number(text: str) -> int:
    if not text.isdecimal():
        raise ConfigurationError(f"--unit {text}: expected its number, from 0, or best")
    return int(text)


def _finite(edges: Any, time: np.ndarray) -> Any:
    """Return the edges of an epoch, the whole recording as a span that can be drawn."""
    if np.ndim(edges) == 1 and np.isinf(edges[1]):
        step = float(np.median(np.diff(time))) if len(time) > 1 else 1.0
        return float(time[0]), float(time[-1]) + step
    return edges


def _angles(recording: "Recording", label: str, labels: np.ndarray) -> np.ndarray | None:
    """Return the angles of the sorted labels, rad, where the column has a unit of angles."""
    turn = TURNS.get(recording.trials.unit(label) or "")
    return None if turn is None else 2 * np.pi / turn * np.unique(labels)


def _description(recording: "Recording", selection: Selection, path: str) -> str:
    """Return what the unit is from: the file, the recording, and rule, trials and performance where stated."""
    attrs = recording.attrs
    words = [Path(path).name]
    if selection.recording is not None:
        words.append(selection.recording)
    if "rule" in attrs and str(attrs["rule"]) not in (selection.recording or ""):
        words.append(str(attrs["rule"]))
    if "performance" in attrs:
        words.append(f"performance {float(attrs['performance']):.2f}")
    return ", ".join(words)
