"""``dynascope cka``: compare the representations of networks or recordings."""

from pathlib import Path
from typing import Any

import click

from ..errors import ConfigurationError, InputError
from .console import Console, output_options
from .selection import Selection, array_of, base_path, result_options, selection_options, with_suffix

arrays_option = click.option(
    "--array", "arrays", multiple=True, metavar="ARRAY",
    help="Which array: activity, outputs, or a state; once for all archives, or once for each.  [default: activity]",
)  # fmt: skip


@click.command("cka")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@arrays_option
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
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, arrays: tuple[str, ...],
    kernel: str, bandwidth: float | None, centered: bool, debiased: bool, console: Console,
) -> None:  # fmt: skip
    """Compute the matrix of centred kernel alignments between the activities of ARCHIVES.

    Samples are trials × time, so the files must hold the same trials (export with the same --seed). 1 means equal
    up to rotation and scale. With an --array for each, one file can be given twice, to compare parts of a network.

    \b
    Examples:
      dynascope cka rnn.h5 tb.h5 gru.h5 -o cka
      dynascope cka a.h5 b.h5 --array x --uncentered -o cka_states
      dynascope cka prc.h5 prc.h5 --array dendrite --array soma -o compartments
    """
    from ..analysis import flatten_samples, similarity_matrix

    if len(archives) < 2:
        raise InputError(f"cka compares at least 2 files, found {len(archives)}")
    base = base_path(output)
    chosen = array_of_each(archives, arrays)
    samples = [
        flatten_samples(array_of(selection.read(path), name, path)) for path, name in zip(archives, chosen, strict=True)
    ]
    options: dict[str, Any] = {
        "kernel": kernel,
        "centered": centered,
        "debiased": debiased,
        "bandwidth": bandwidth,
    }
    matrix = similarity_matrix(samples, short_names(archives, chosen), **options)
    matrix.save(with_suffix(base, ".h5"))
    from .. import plotting

    plotting.save(matrix.plot(), with_suffix(base, f".{figure_format}"))
    console.result(matrix.summary(), matrix.to_dict())


def array_of_each(archives: tuple[str, ...], arrays: tuple[str, ...]) -> list[str]:
    """Return the name of the array of each archive.

    Raises
    ------
    ConfigurationError
        If ``--array`` was given neither once nor once for each.
    """
    if len(arrays) > 1 and len(arrays) != len(archives):
        raise ConfigurationError(
            f"--array: expected one for all archives or one for each of the {len(archives)}, found {len(arrays)}"
        )
    return list(arrays) if len(arrays) > 1 else [*(arrays or ("activity",))] * len(archives)


def short_names(paths: tuple[str, ...], arrays: list[str]) -> list[str]:
    """Return short names of what is compared: files by their stems, or by their paths where stems repeat, and arrays.

    Raises
    ------
    InputError
        If an array of a file was given twice.
    """
    chosen = list(zip(paths, arrays, strict=True))
    for path, array in chosen:
        if chosen.count((path, array)) > 1:
            raise InputError(
                f"{path}: found twice, with the array {array}; expected other files, or an --array for each"
            )
    stems = {path: Path(path).stem for path in paths}
    names = stems if len(set(stems.values())) == len(stems) else {path: path for path in paths}
    return [names[path] if len(set(arrays)) == 1 else f"{names[path]}: {array}" for path, array in chosen]
