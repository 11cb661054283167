"""``dynascope import``: a file of another program as an activity archive."""

import hashlib
from pathlib import Path
from typing import Any

import click

from .console import Console, output_options
from .reading import parse_options, read_option


@click.command("import")
@click.argument("file")
@click.option("-o", "--output", metavar="ARCHIVE", help="Where to write; without it only say what was understood.")
@click.option("--format", "file_format", help="archive, npz, nwb, matlab or text (default: by its contents).")
@read_option
@click.option("--align", help="What time 0 of a trial is: a column of the trials or a table of intervals.")
@click.option("--window", type=float, nargs=2, metavar="START STOP", help="Seconds around it.")
@click.option("--bin", "width", type=float, help="Seconds: count spikes, or average signals, in bins of this width.")
@click.option("--series", help="Which time series of an NWB file is the activity.")
@click.option("--axes", help="The order of the axes, as in unit,time,trial.")
@click.option("--name", default="final", show_default=True, help="What to call the recording in the archive.")
@click.option("--title", default="", help="One line for people (default: the name of the file).")
@output_options
def command(
    file: str, output: str | None, file_format: str | None, reading: tuple[str, ...], align: str | None,
    window: tuple[float, float] | None, width: float | None, series: str | None, axes: str | None, name: str,
    title: str, console: Console,
) -> None:  # fmt: skip
    """Read FILE (NWB, MATLAB, NumPy, text), print what was understood, and write an activity archive.

    What the file does not say can be said with the options, each also as --read KEY=VALUE; which ones a format has
    is in docs/readers.md. What of the file is not in the archive is listed as left out.

    \b
    Examples:
      dynascope import session.nwb
      dynascope import session.nwb --align go_time --window -0.5 1.5 --bin 0.02 -o session.h5
      dynascope import data.mat --axes unit,time,trial --read activity=rates --read dt=10 --read time_unit=ms -o data.h5
    """
    from ..readers import describe_recording, describe_recording_dict, read_recording, recognise, write_archive

    said = {"align": align, "window": window, "bin": width, "series": series, "axes": axes}
    options = {**parse_options(reading), **{key: value for key, value in said.items() if value is not None}}
    known = recognise(file, file_format)
    recording = read_recording(file, known.name, **options)
    values: dict[str, Any] = {"file": file, "format": known.name, "recording": describe_recording_dict(recording)}
    lines = [f"{file}: {known.name}", describe_recording(name, recording)]
    if output is not None:
        source = {"imported": Path(file).name, "sha256": _digest(Path(file)), "format": known.name, "options": options}
        path = write_archive(output, {name: recording}, title=title or Path(file).name, history=[source])
        values["archive"] = str(path)
        lines.append(f"{path}: written")
    console.result("\n".join(lines), values)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
