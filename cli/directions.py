"""``dynascope directions``: units that two tasks or epochs have in common, and whether they prefer the same there."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import ConfigurationError, InputError
from .checkpoints import Training, checkpoint_options, recordings_of_training
from .console import Console, output_options
from .epochs import epoch_edges, trial_column
from .selection import Selection, array_option, base_path, result_options, selection_options, with_suffix
from .stage_options import all_recordings

if TYPE_CHECKING:
    from ..analysis import SelectedUnits


@dataclasses.dataclass(frozen=True)
class _Where:
    """A rule (None: the only one) and an epoch, given as RULE:EPOCH or EPOCH."""

    rule: str | None
    epoch: str

    @classmethod
    def of(cls, option: str, text: str) -> "_Where":
        rule, colon, epoch = text.rpartition(":")
        if not epoch or (colon and not rule):
            raise ConfigurationError(f"{option} {text}: expected RULE:EPOCH, as in odr:stim1, or EPOCH")
        return cls(rule or None, epoch)


@dataclasses.dataclass(frozen=True)
class _Options:
    label: str
    baseline: str
    responsive: str | None
    mode: str


@click.command("directions")
@click.argument("archives", nargs=-1, required=True)
@click.option("--first", required=True, metavar="RULE:EPOCH", help="Where units are selective, as in odr:stim1.")
@click.option("--second", required=True, metavar="RULE:EPOCH", help="And the other, as in odrd:stim1.")
@click.option("--label", required=True, metavar="COLUMN", help="The trial column with the conditions of both.")
@click.option("--baseline", required=True, metavar="EPOCH", help="What units respond against.")
@result_options
@selection_options
@checkpoint_options
@array_option
@click.option(
    "--responsive", metavar="EPOCH",
    help="Units must respond in this epoch (default: the one that shows preferences; published: always the cue).",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["corrected", "published"]), default="corrected", show_default=True,
    help="How units are selected.",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the permutations.")
@output_options
def command(
    archives: tuple[str, ...], first: str, second: str, label: str, baseline: str, output: str, figure_format: str,
    selection: Selection, rule: str | None, checkpoints: str | None, array: str, responsive: str | None, mode: str,
    seed: int, console: Console,
) -> None:  # fmt: skip
    """Count the units of ARCHIVES that are selective in two places, over training, and compare their preferred labels.

    Counts stand beside what chance gives for as many units in either place. Checkpoints that were recorded for one rule
    only are left out; with --checkpoints both rules are replayed.

    \b
    Examples:
      dynascope directions network.h5 --first odr:stim1 --second odrd:stim1 --label cue --baseline fix1 -o both
      dynascope directions network.h5 --first odrd:delay1 --second odrd:delay2 --label cue --baseline fix1 -o delays
    """
    from ..analysis import direction_overlap

    all_recordings(selection)
    base = base_path(output)
    places = [_Where.of("--first", first), _Where.of("--second", second)]
    places = [dataclasses.replace(place, rule=place.rule or rule) for place in places]
    options = _Options(label, baseline, responsive, mode)
    found: list[dict[tuple[str, float], SelectedUnits]] = []
    for place in places:
        chosen = recordings_of_training(
            archives, selection, place.rule, array, checkpoints=checkpoints, measured=False, console=console
        )
        with chosen as run, console.progress(f"units of {place.epoch}", len(run)) as show:
            found.append(_selected(run, place.epoch, options, show))
    shared = [key for key in found[0] if key in found[1]]
    if not shared:
        raise InputError(
            f"{archives[0]}: no checkpoint is recorded for both {first} and {second}; replay them with --checkpoints"
        )
    console.note(f"{len(shared)} checkpoints of {len({network for network, _ in shared})} network(s)")
    result = direction_overlap(
        *([selections[key] for key in shared] for selections in found),
        trials_seen=[seen for _, seen in shared], networks=[network for network, _ in shared], names=(first, second),
        seed=seed,
    )  # fmt: skip
    result.save(with_suffix(base, ".h5"))
    plotting.save(result.plot(), with_suffix(base, f".{figure_format}"))
    console.result(result.summary(), result.to_dict())


def _selected(run: Training, epoch: str, options: _Options, show: Any) -> "dict[tuple[str, float], SelectedUnits]":
    """Return the selective units of every checkpoint, by network and trials seen."""
    from ..analysis import select_units

    found = {}
    keys: Sequence[tuple[str, float]] = list(zip(run.networks, run.trials_seen, strict=True))
    for index, (key, recording) in enumerate(zip(keys, run, strict=True)):
        edges = {
            name: epoch_edges(recording, chosen, key[0])
            for name, chosen in (("epoch", epoch), ("baseline", options.baseline), ("responsive", options.responsive))
            if chosen is not None
        }
        found[key] = select_units(
            recording.activity, np.asarray(recording.time), trial_column(recording, options.label, key[0]),
            edges["epoch"], edges["baseline"], options.mode, responsive_epoch=edges.get("responsive"),
        )  # fmt: skip
        show(index + 1, "")
    return found
