"""``dynascope tuning``: tuning curves of units and their fits."""

from typing import TYPE_CHECKING

import click
import numpy as np

from ..errors import ConfigurationError
from .console import Console, output_options
from .epochs import TURNS, epoch_edges, trial_column, uncut
from .selection import Selection, array_of, array_option, base_path, result_options, selection_options, with_suffix

if TYPE_CHECKING:
    from ..readers import Recording


@click.command("tuning")
@click.argument("archive")
@click.option("--angle", required=True, metavar="COLUMN", help="The trial column with the angle of each trial.")
@result_options
@selection_options
@array_option
@click.option("--baseline", metavar="EPOCH", help="Subtract the mean of this epoch, trial by trial.")
@click.option(
    "--period", type=click.FloatRange(min=0, min_open=True),
    help="A full turn: 360 for degrees, 8 for numbers of locations (default: by the column's unit, else 2π).",
)  # fmt: skip
@click.option(
    "--model", type=click.Choice(["gaussian", "von_mises"]), default="gaussian", show_default=True, help="Shape to fit."
)
@click.option(
    "--mode", type=click.Choice(["crossfit", "published"]), default="crossfit", show_default=True,
    help="Find preferred angles on other trials, or on the same.",
)  # fmt: skip
@click.option("--alpha", type=float, help="Only units with p up to this in an analysis of variance of other trials.")
@click.option("--folds", type=click.IntRange(min=2), default=4, show_default=True, help="Folds of the trials.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the folds.")
@output_options
def command(
    archive: str, angle: str, output: str, figure_format: str, selection: Selection, array: str, baseline: str | None,
    period: float | None, model: str, mode: str, alpha: float | None, folds: int, seed: int, console: Console,
) -> None:  # fmt: skip
    """Measure how each unit of ARCHIVE is tuned to the angle of the trial, by its mean activity in --epoch.

    Writes the curves, aligned to the preferred angle, to OUT.h5 and a fit of every unit to OUT-fits.h5. Preferred
    angles come from other trials than those shown, so that units without tuning give a flat mean curve.

    \b
    Examples:
      dynascope tuning network.h5 --angle in_angle --epoch stim1 -o cue
      dynascope tuning session.nwb --angle direction --period 360 --epoch delay --model von_mises -o delay
    """
    from .. import plotting
    from ..analysis import fit_tuning, tuning_curves
    from ..analysis.selectivity import epoch_means

    base = base_path(output)
    recording = uncut(selection, archive)
    angles = trial_column(recording, angle, archive)
    turn = _period(recording, angle) if period is None else period
    activity, edges = array_of(recording, array, archive), epoch_edges(recording, selection.epoch, archive)
    before = None if baseline is None else epoch_edges(recording, baseline, archive)
    curves = tuning_curves(
        activity, angles, time=recording.time, epoch=edges, baseline=before, mode=mode, period=turn, alpha=alpha,
        n_folds=folds, seed=seed,
    )  # fmt: skip
    rates = epoch_means(array, activity, recording.time, edges, f"epoch {selection.epoch or 'of all samples'}")
    if before is not None:
        rates = rates - epoch_means(array, activity, recording.time, before, f"epoch {baseline}")
    fits = fit_tuning(rates, angles, model=model, period=turn)
    curves.save(with_suffix(base, ".h5"))
    fits.save(with_suffix(base, "-fits.h5"))
    drawn = plotting.figure(columns=2, width=4.6)
    curves.plot(drawn.axes[0])
    fits.plot(drawn.axes[1])
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    text = f"{curves.summary()}\n\n{fits.summary()}"
    console.result(text, {"curves": curves.to_dict(), "fits": fits.to_dict()})


def _period(recording: "Recording", angle: str) -> float:
    unit = recording.trials.unit(angle)
    if unit and unit not in TURNS:
        raise ConfigurationError(
            f"--angle {angle}: is in '{unit}', expected rad or deg; say how much a turn is: --period"
        )
    return TURNS.get(unit, 2 * np.pi)
