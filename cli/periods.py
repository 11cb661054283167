"""``dynascope periods``: activity of single units in an epoch, at stages of training."""

from typing import TYPE_CHECKING, Any

import click

from .. import plotting
from ..errors import ConfigurationError
from .checkpoints import Training, checkpoint_options, recordings_of_training
from .console import Console, output_options
from .selection import Selection, array_option, base_path, quantity_of, result_options, selection_options, with_suffix
from .stage_options import all_recordings, stage_option, stages_of

if TYPE_CHECKING:
    from ..analysis import PeriodActivity, PeriodComparison


@click.command("periods")
@click.argument("archives", nargs=-1, required=True)
@click.option("--label", required=True, metavar="COLUMN", help="The trial column with the conditions.")
@click.option("--preferred", required=True, metavar="EPOCH", help="Units prefer their best label in this epoch.")
@click.option("--measure", required=True, metavar="EPOCH|START:STOP", help="Where activity is averaged; seconds.")
@result_options
@selection_options
@checkpoint_options
@stage_option
@array_option
@click.option("--baseline", metavar="EPOCH", help="What activity is compared with.")
@click.option(
    "--normalize", type=click.Choice(["raw", "subtract", "baseline", "zscore", "max", "softmax"]),
    help="Default: subtract with a --baseline, else raw.",
)  # fmt: skip
@click.option(
    "--population", type=click.Choice(["all", "selective"]), default="all", show_default=True, help="Which units."
)
@click.option(
    "--responsive", metavar="EPOCH",
    help="Selective units must respond in this epoch (default: the --preferred one; published: always the cue).",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["crossfit", "published"]), default="crossfit", show_default=True,
    help="Choose preferred labels on other trials than are averaged, or on the same.",
)  # fmt: skip
@click.option(
    "--direction", type=click.Choice(["preferred", "opposite"]), default="preferred", show_default=True,
    help="Which label is averaged.",
)  # fmt: skip
@click.option(
    "--chosen", type=click.Choice(["last", "representative", "all"]), default="last", show_default=True,
    help="Which checkpoints of a network stand for a stage.",
)  # fmt: skip
@click.option(
    "--test", type=click.Choice(["networks", "published"]), default="networks", show_default=True,
    help="Intervals over networks; published adds the analysis of variance of pooled units.",
)  # fmt: skip
@click.option("--pairs", is_flag=True, help="Also t tests between the units of every two of these checkpoints.")
@click.option(
    "--adjustment", type=click.Choice(["fdr_bh", "fdr_by", "holm", "bonferroni", "sidak"]),
    help="Of the p-values of --pairs.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of folds and resamples.")
@output_options
def command(
    archives: tuple[str, ...], label: str, preferred: str, measure: str, output: str, figure_format: str,
    selection: Selection, rule: str | None, checkpoints: str | None, stage_mode: str, array: str, baseline: str | None,
    normalize: str | None, population: str, responsive: str | None, mode: str, direction: str, chosen: str, test: str,
    pairs: bool, adjustment: str | None, seed: int, console: Console,
) -> None:  # fmt: skip
    """Compare the activity of units in one epoch between stages of training of ARCHIVES.

    Writes the mean activity of every unit at each stage to OUT.h5, with intervals of means and of differences over
    networks, and with --pairs the tests between checkpoints to OUT-pairs.h5.

    \b
    Examples:
      dynascope periods seed*.h5 --rule odr --label cue --preferred stim1 --measure delay1 --baseline fix1 -o delay
      dynascope periods seed*.h5 --rule gap --label cue --preferred stim1 --measure 1.1:1.35 --chosen all -o gap
    """
    from ..analysis import period_activity

    all_recordings(selection)
    if adjustment is not None and not pairs:
        raise ConfigurationError("--adjustment: needs --pairs")
    base, window = base_path(output), _window(measure)
    options: dict[str, Any] = {
        "epoch": preferred, "baseline": baseline, "normalize": normalize, "mode": mode, "direction": direction,
        "chosen": chosen, "test": test, "seed": seed,
        "population": None if population == "all" else population,
    }  # fmt: skip
    if responsive is not None:
        options["responsive_epoch"] = responsive
    chosen_run = recordings_of_training(archives, selection, rule, array, checkpoints=checkpoints, console=console)
    with chosen_run as run:
        console.note(f"{len(run)} checkpoints of {len(set(run.networks))} network(s)")
        found = period_activity(
            run, window, labels=label, stages=stages_of(run, stage_mode), networks=run.networks,
            performance=run.performance, trials_seen=run.trials_seen, quantity=quantity_of(run.first, array), **options,
        )  # fmt: skip
        between = _between(found, run, adjustment) if pairs else None
    found.save(with_suffix(base, ".h5"))
    drawn = plotting.figure(rows=1 if between is None else 2, columns=2, width=5.2, height=3.6)
    found.plot(drawn.axes[0])
    found.plot_boxes(drawn.axes[1])
    results: dict[str, Any] = {"periods": found}
    if between is not None:
        between.save(with_suffix(base, "-pairs.h5"))
        between.plot(drawn.axes[2])
        drawn.axes[3].set_visible(False)
        results["pairs"] = between
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    text = "\n\n".join(result.summary() for result in results.values())
    console.result(text, {name: result.to_dict() for name, result in results.items()})


def _window(measure: str) -> str | tuple[float, float]:
    """Return the name of an epoch as it is, and START:STOP as seconds."""
    start, colon, stop = measure.partition(":")
    if not colon:
        return measure
    try:
        return float(start), float(stop)
    except ValueError:
        raise ConfigurationError(f"--measure {measure}: expected an epoch, or START:STOP in seconds") from None


def _between(found: "PeriodActivity", run: Training, adjustment: str | None) -> "PeriodComparison":
    """Return the tests between the checkpoints that were looked at, named by network, trials and performance."""
    from ..analysis import compare_periods

    several = len(set(run.networks)) > 1
    names = [
        f"{run.networks[at] + ' ' if several else ''}{run.trials_seen[at]:g}_{run.performance[at]:.2f}"
        for at in found.checkpoints
    ]
    return compare_periods(found.of_checkpoints(), names, adjustment=adjustment)
