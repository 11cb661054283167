"""``dynascope dpca``: components that depend on one factor, one interaction, or time alone."""

import math
from collections.abc import Sequence

import click
import numpy as np

from ..errors import ConfigurationError
from .console import Console, output_options
from .epochs import trial_column
from .selection import Selection, array_of, array_option, base_path, result_options, selection_options, with_suffix


@click.command("dpca")
@click.argument("archive")
@click.option(
    "--factor", "factors", multiple=True, required=True, metavar="LETTER=COLUMN",
    help="A letter and the trial column with its labels, as in s=stimulus (repeatable).",
)  # fmt: skip
@result_options
@selection_options
@array_option
@click.option(
    "--components", type=click.IntRange(min=1), default=10, show_default=True,
    help="Per marginalization; 10 is lowered to the number of units.",
)  # fmt: skip
@click.option("--regularizer", metavar="NUMBER|auto", help="Ridge in the dPCA package's units, or chosen on trials.")
@click.option(
    "--join", "joins", multiple=True, metavar="NAME=A,B",
    help="Treat marginalizations as one, as in st=s,st; time is t (repeatable).",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["exact", "package"]), default="exact", show_default=True,
    help="Who finds the axes: dynascope, or the dPCA package.",
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(min=0), default=0, show_default=True,
    help="Test components on held-out trials.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of splits and permutations.")
@output_options
def command(
    archive: str, factors: tuple[str, ...], output: str, figure_format: str, selection: Selection, array: str,
    components: int, regularizer: str | None, joins: tuple[str, ...], engine: str, permutations: int, seed: int,
    console: Console,
) -> None:  # fmt: skip
    """Split the activity of ARCHIVE into components by what they depend on: demixed PCA.

    Each factor is a letter and a trial column; time is the letter t. The marginalizations are all combinations of the
    letters: with s and d these are s, d, t, sd, st, dt and sdt. --join puts some together.

    \b
    Examples:
      dynascope dpca network.h5 --factor s=stimulus --join st=s,st --regularizer auto -o dpca
      dynascope dpca session.nwb --factor s=cue --factor d=choice --epoch delay --permutations 1000 -o dpca
    """
    from .. import plotting
    from ..analysis import dpca

    base = base_path(output)
    recording = selection.read(archive)
    labels = {
        letter: trial_column(recording, column, archive)
        for letter, column in (_pair("--factor", given) for given in factors)
    }
    if len(labels) < len(factors):
        raise ConfigurationError("--factor: found the same letter twice; expected one letter per factor")
    result = dpca(
        array_of(recording, array, archive),
        labels,
        components,
        regularizer=_regularizer(regularizer),
        join=_joins(joins),
        engine=engine,
        time=np.asarray(recording.time),
        permutations=permutations,
        seed=seed,
    )
    result.save(with_suffix(base, ".h5"))
    plotting.save(result.plot(), with_suffix(base, f".{figure_format}"))
    console.result(result.summary(), result.to_dict())


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise ConfigurationError(f"{option} {text}: expected NAME=VALUE")
    return name, value


def _joins(texts: Sequence[str]) -> dict[str, list[str]] | None:
    pairs = (_pair("--join", text) for text in texts)
    return {name: members.split(",") for name, members in pairs} or None


def _regularizer(text: str | None) -> float | str | None:
    if text is None or text == "auto":
        return text
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise ConfigurationError(f"--regularizer {text}: expected 'auto' or a number of at least 0")
    return number
