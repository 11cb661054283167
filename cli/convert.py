"""``dynascope convert``: a recording in another program's format."""

from typing import Any

import click

from .console import Console, output_options
from .reading import parse_options
from .selection import Selection, selection_options


@click.command("convert")
@click.argument("archive")
@click.option("--to", "target", type=click.Choice(["nwb", "lfads", "npz"]), required=True, help="The format.")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where to write.")
@selection_options
@click.option(
    "--write",
    "writing",
    multiple=True,
    metavar="KEY=VALUE",
    help="Options of the format, such as split=fold or array=spikes for lfads (repeatable).",
)
@output_options
def command(
    archive: str, target: str, output: str, selection: Selection, writing: tuple[str, ...], console: Console
) -> None:
    """Write a recording of ARCHIVE (or of a file that can be imported) as NWB, LFADS-style HDF5 or a NumPy archive.

    \b
    Examples:
      dynascope convert tb.h5 --to nwb -o tb.nwb
      dynascope convert session.h5 --to lfads --epoch delay --write split=fold -o session_lfads.h5
      dynascope convert tb.h5 --to npz -o tb.npz
    """
    from ..readers import convert

    recording = selection.read(archive)
    options = parse_options(writing, "--write")
    path = convert(recording, output, target, **options)
    left_out = _left_out(recording, target, options)
    text = (
        f"{path}: {recording.n_trials} trials × {recording.n_samples} samples × {recording.n_units} units as {target}"
    )
    if left_out:
        text += f"\n  left out {', '.join(left_out)}"
    console.result(text, {"file": str(path), "format": target, "left_out": left_out})


def _left_out(recording: Any, target: str, options: dict[str, Any]) -> list[str]:
    """Return the arrays and tables of the recording that the format has no place for."""
    if target == "npz":
        return ["units of arrays"] if recording.array_units else []
    if target == "nwb":
        return [f"parameters/{name}" for name in recording.parameters]
    written = {"activity", "inputs", options.get("array"), options.get("truth")}
    arrays = [name for name in recording.arrays() if name.removeprefix("states/") not in written]
    if options.get("array", "activity") != "activity" and options.get("truth") != "activity":
        arrays.insert(0, "activity")
    tables = {"trials": recording.trials, "units": recording.units, "epochs": recording.epochs}
    return [*arrays, *(name for name, table in tables.items() if len(table))]
