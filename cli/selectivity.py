"""``dynascope selectivity``: which units depend on which conditions of the trials."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import ConfigurationError
from .console import Console, output_options
from .epochs import conditions, epoch_edges, samples_in, trial_column, uncut
from .selection import Selection, array_of, array_option, base_path, result_options, selection_options, with_suffix

if TYPE_CHECKING:
    from ..analysis import AnovaTable
    from ..readers import Recording
    from ..results import Result


@dataclasses.dataclass(frozen=True)
class _Options:
    factors: tuple[str, ...]
    array: str
    baseline: str | None
    interactions: str
    sums_of_squares: int
    permutations: int
    over_time: bool
    bin_width: float | None
    mode: str
    seed: int


@click.command("selectivity")
@click.argument("archive")
@click.option(
    "--factor", "--label", "factors", multiple=True, required=True, metavar="COLUMN",
    help="A trial column with the conditions (repeatable).",
)  # fmt: skip
@result_options
@selection_options
@array_option
@click.option("--baseline", metavar="EPOCH", help="Also select the units that respond, against this epoch.")
@click.option("--interactions", default="all", show_default=True, help="all, none, or the most factors in one.")
@click.option(
    "--type", "sums_of_squares", type=click.Choice(["1", "2", "3"]), default="2", show_default=True,
    help="Of the sums of squares.",
)  # fmt: skip
@click.option(
    "--permutations", type=click.IntRange(min=0), default=0, show_default=True,
    help="Of trials: p-values of the largest F over all units (and times).",
)  # fmt: skip
@click.option("--over-time", is_flag=True, help="Test every sample of the epoch instead of its mean.")
@click.option(
    "--bin", "--bin-width", "bin_width", type=float, metavar="SECONDS",
    help="Average samples into bins (with --over-time).",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["corrected", "published"]), default="corrected", show_default=True,
    help="How units are selected against the baseline.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the permutations.")
@output_options
def command(
    archive: str, factors: tuple[str, ...], output: str, figure_format: str, selection: Selection, array: str,
    baseline: str | None, interactions: str, sums_of_squares: str, permutations: int, over_time: bool,
    bin_width: float | None, mode: str, seed: int, console: Console,
) -> None:  # fmt: skip
    """Test each unit of ARCHIVE for each factor and interaction: analysis of variance of its mean activity in --epoch.

    With two factors or more also classes of mixed selectivity, in OUT-classes.h5. With --baseline also which units
    respond and are selective, in OUT-units.h5. Units of networks without noise repeat themselves exactly: they are
    reported as deterministic, since there is no scatter to test against, with effect sizes but no p.

    \b
    Examples:
      dynascope selectivity network.h5 --factor cue --epoch delay1 --baseline fix1 -o delay
      dynascope selectivity session.nwb --factor cue --factor choice --over-time --permutations 1000 -o both
    """
    from .. import plotting

    options = _Options(
        factors, array, baseline, interactions, int(sums_of_squares), permutations, over_time, bin_width, mode, seed
    )
    base = base_path(output)
    recording = uncut(selection, archive)
    found = _results(recording, options, selection.epoch, archive)
    for name, result in found.items():
        result.save(with_suffix(base, ".h5" if name == "anova" else f"-{name}.h5"))
    drawn = plotting.figure(columns=len(found), width=5.2, height=3.6)
    for ax, result in zip(drawn.axes, list(found.values()), strict=True):
        result.plot(ax)
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    text = "\n\n".join(result.summary() for result in found.values())
    console.result(text, {name: result.to_dict() for name, result in found.items()})


def _results(recording: "Recording", options: _Options, epoch: str | None, path: str) -> "dict[str, Result]":
    """Return the table as "anova", and where asked for "classes" and "units"."""
    from ..analysis import mixed_selectivity, select_units

    if len(set(options.factors)) < len(options.factors):
        raise ConfigurationError("--factor: found the same column twice; expected each once")
    table = _table(recording, options, epoch, path)
    found: dict[str, Result] = {"anova": table}
    if any(":" in effect for effect in table.effects):
        found["classes"] = mixed_selectivity(table, correction="familywise" if options.permutations else "fdr_bh")
    if options.baseline is not None:
        found["units"] = select_units(
            array_of(recording, options.array, path), recording.time, conditions(recording, options.factors, path),
            epoch_edges(recording, epoch, path), epoch_edges(recording, options.baseline, path), options.mode,
        )  # fmt: skip
    return found


def _table(recording: "Recording", options: _Options, epoch: str | None, path: str) -> "AnovaTable":
    from ..analysis import anova
    from ..analysis.selectivity import epoch_means
    from ..analysis.selectivity.cells import rounding_of

    activity, times = array_of(recording, options.array, path), None
    if options.over_time:
        values, times = _binned(activity, recording, epoch, options.bin_width)
    else:
        if options.bin_width is not None:
            raise ConfigurationError(f"--bin {options.bin_width:g}: needs --over-time")
        edges = epoch_edges(recording, epoch, path)
        values = epoch_means(options.array, activity, recording.time, edges, f"epoch {epoch or 'of all samples'}")
    return anova(
        values,
        {name: trial_column(recording, name, path) for name in options.factors},
        interactions=int(options.interactions) if options.interactions.isdecimal() else options.interactions,
        sums_of_squares=options.sums_of_squares,
        permutations=options.permutations,
        seed=options.seed,
        time=times,
        rounding=rounding_of(activity.dtype),
    )


def _binned(activity: Any, recording: "Recording", epoch: str | None, bin_width: float | None) -> tuple[Any, Any]:
    """Return activity (trial, bin, unit) of an epoch that is the same in all trials, and the centres of the bins."""
    window = slice(None) if epoch is None else recording.epoch_slice(epoch)
    values, times = np.asarray(activity[:, window]), recording.time[window]
    if bin_width is None:
        return values, times
    size = samples_in(bin_width, times, "--bin")
    n_bins = len(times) // size
    shaped = values[:, : n_bins * size].reshape(len(values), n_bins, size, -1)
    return shaped.mean(axis=2, dtype=np.float64), times[: n_bins * size].reshape(n_bins, size).mean(axis=1)
