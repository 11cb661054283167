"""``dynascope cka``: compare the representations of networks or recordings."""

from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from .console import Console, output_options
from .selection import Selection, array_of, base_path, result_options, selection_options, with_suffix


@click.command("cka")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@click.option(
    "--array", default="activity", show_default=True, help="Which array: activity, outputs, or a state such as x."
)
@click.option(
    "--kernel",
    type=click.Choice(["linear", "rbf"]),
    default="linear",
    show_default=True,
    help="Similarity of two samples.",
)
@click.option(
    "--bandwidth",
    type=click.FloatRange(min=0, min_open=True),
    help="Width of the rbf kernel, in median distances.",
)
@click.option("--centered/--uncentered", default=True, show_default=True, help="Subtract the mean of each unit first.")
@click.option("--debiased/--biased", default=False, show_default=True, help="Use the unbiased estimator.")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, array: str, kernel: str,
    bandwidth: float | None, centered: bool, debiased: bool, console: Console,
) -> None:  # fmt: skip
    """Compute the matrix of centred kernel alignments between the activities of ARCHIVES.

    Samples are trials × time, so the files must hold the same trials (export with the same --seed). 1 means equal
    up to rotation and scale.

    \b
    Examples:
      dynascope cka rnn.h5 tb.h5 gru.h5 -o cka
      dynascope cka a.h5 b.h5 --array x --uncentered -o cka_states
    """
    from ..analysis import flatten_samples, similarity_matrix

    if len(archives) < 2:
        raise InputError(f"cka compares at least 2 files, found {len(archives)}")
    base = base_path(output)
    arrays = [flatten_samples(array_of(selection.read(path), array, path)) for path in archives]
    options: dict[str, Any] = {
        "kernel": kernel,
        "centered": centered,
        "debiased": debiased,
        "bandwidth": bandwidth,
    }
    matrix = similarity_matrix(arrays, short_names(archives), **options)
    matrix.save(with_suffix(base, ".h5"))
    from .. import plotting

    plotting.save(matrix.plot(), with_suffix(base, f".{figure_format}"))
    console.result(matrix.summary(), matrix.to_dict())


def short_names(paths: tuple[str, ...]) -> list[str]:
    """Return short names of the files: their stems, or their paths where stems repeat."""
    stems = [Path(path).stem for path in paths]
    return stems if len(set(stems)) == len(stems) else list(paths)
