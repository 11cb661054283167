"""``dynascope saccades``: how far responses land from where they should, at stages of training."""

import click

from .. import plotting
from .checkpoints import checkpoint_options, recordings_of_training
from .console import Console, output_options
from .selection import Selection, base_path, result_options, selection_options, with_suffix
from .stage_options import all_recordings, stage_option, stages_of

# What the errors of a trial column are distances to.
_RELATIVE_TO = {"error": "target", "cue_error": "cue"}


@click.command("saccades")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@checkpoint_options
@stage_option
@click.option(
    "--error", default="error", show_default=True, metavar="COLUMN",
    help="The trial column with absolute circular errors in rad; cue_error has distances to the cue.",
)  # fmt: skip
@click.option("--by", metavar="COLUMN", help="A trial column whose values are kept apart.")
@click.option(
    "--also", multiple=True, metavar="COLUMN",
    help="A trial column to average beside the errors, such as reaction_time (repeatable).",
)  # fmt: skip
@click.option("--bins", type=click.IntRange(min=1), default=30, show_default=True, help="Of the histogram, 0 to 180°.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the resamples.")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, rule: str | None,
    checkpoints: str | None, stage_mode: str, error: str, by: str | None, also: tuple[str, ...], bins: int, seed: int,
    console: Console,
) -> None:  # fmt: skip
    """Show the distribution of response errors of ARCHIVES, networks followed through training, at each stage.

    Errors are those of the recorded trials, or with --checkpoints of replayed ones. Each network counts alike, and
    intervals are over networks (over checkpoints when there is one). Writes OUT.h5 and a picture of all stages.

    \b
    Examples:
      dynascope saccades seed*.h5 --rule gap --also reaction_time -o gap
      dynascope saccades network.h5 --rule overlap --checkpoints 0:102400:1280 --error cue_error -o to_the_cue
    """
    from ..analysis import saccade_errors

    all_recordings(selection)
    base = base_path(output)
    with recordings_of_training(archives, selection, rule, checkpoints=checkpoints, console=console) as run:
        console.note(f"{len(run)} checkpoints of {len(set(run.networks))} network(s)")
        found = saccade_errors(
            run, stages_of(run, stage_mode), errors=error, groups=by, also=also, n_bins=bins,
            relative_to=_RELATIVE_TO.get(error, error), networks=run.networks, performance=run.performance,
            trials_seen=run.trials_seen, seed=seed,
        )  # fmt: skip
    found.save(with_suffix(base, ".h5"))
    drawn = found.plot_stages() if by is not None else plotting.figure_of(found.plot())
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    console.result(found.summary(), found.to_dict())
