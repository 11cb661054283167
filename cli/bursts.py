"""``dynascope bursts``: how often units burst, and whether bursts or single spikes tell what a trial was."""

import dataclasses
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import ConfigurationError
from .console import Console, output_options
from .decode import CLASSIFIERS
from .epochs import epoch_edges, shared_epochs, trial_column, uncut
from .selection import Selection, base_path, result_options, result_paths, selection_options, with_suffix
from .spikes import groups_of, spike_options, spikes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..analysis import BurstStatistics, CodeComparison


@dataclasses.dataclass(frozen=True)
class _Options:
    label: str | None
    value: str | None
    array: str
    group: str | None
    bin_width: float
    rule: dict[str, Any]
    decoding: dict[str, Any]


@click.command("bursts")
@click.argument("archives", nargs=-1, required=True)
@click.option("--label", metavar="COLUMN", help="The trial column to draw apart and to decode.")
@click.option("--value", metavar="COLUMN", help="The trial column to decode as a number, by ridge regression.")
@result_options
@selection_options
@spike_options
@click.option(
    "--max-interval", type=click.FloatRange(min=0, min_open=True), default=0.016, show_default=True, metavar="SECONDS",
    help="Longest interval within a burst, s.",
)  # fmt: skip
@click.option(
    "--min-spikes", type=click.IntRange(min=2), default=2, show_default=True, help="Fewest spikes in a burst."
)
@click.option(
    "--merge-runs/--split-runs", default=True, show_default=True,
    help="Take spiking samples that follow each other as one spike, or each (for counts).",
)  # fmt: skip
@click.option("--classifier", type=click.Choice(CLASSIFIERS), default="lda", show_default=True, help="What decodes.")
@click.option("--cv", type=click.IntRange(min=2), default=5, show_default=True, help="How many folds.")
@click.option(
    "--permutations", type=click.IntRange(min=0), default=200, show_default=True, help="Of the labels, for p-values."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of folds and permutations.")
@output_options
def command(
    archives: tuple[str, ...], label: str | None, value: str | None, output: str, figure_format: str,
    selection: Selection, array: str, group: str | None, bin_width: float, max_interval: float, min_spikes: int,
    merge_runs: bool, classifier: str, cv: int, permutations: int, seed: int, console: Console,
) -> None:  # fmt: skip
    """Split the spikes of ARCHIVES into bursts and single spikes, and compare what the two say of a label.

    A burst is at least --min-spikes spikes, each at most --max-interval after the one before it; an event is a burst or
    a single spike. The picture shows event rate and burst fraction over time, the intervals between spikes, and how
    well --label (or --value) is decoded on other trials from the rates of spikes, events, single spikes or bursts, and
    from the burst fraction. With --epoch only what begins in it counts; spikes are grouped in the whole trial.
    OUT.h5 holds rates, fractions and intervals, OUT-codes.h5 the decoding.

    \b
    Examples:
      dynascope bursts prc.h5 --label label -o bursts
      dynascope bursts session.nwb --array activity --split-runs --label cue --max-interval 0.01 --read bin=0.002 -o nwb
    """
    if label is not None and value is not None:
        raise ConfigurationError("--value: cannot be combined with --label")
    options = _Options(
        label, value, array, group, bin_width,
        {"max_interval": max_interval, "min_spikes": min_spikes, "merge_runs": merge_runs},
        {"classifier": classifier, "folds": cv, "permutations": permutations, "seed": seed},
    )  # fmt: skip
    base = base_path(output)
    found = []
    for path, target in zip(archives, result_paths(base, archives), strict=True):
        statistics, codes = _results(path, selection, options)
        statistics.save(with_suffix(target, ".h5"))
        text, values = statistics.summary(), {"archive": path, "statistics": statistics.to_dict()}
        if codes is not None:
            codes.save(with_suffix(target, "-codes.h5"))
            text, values = f"{text}\n\n{codes.summary()}", {**values, "codes": codes.to_dict()}
        plotting.save(_draw(statistics, codes), with_suffix(target, f".{figure_format}"))
        found.append(values)
        if not console.as_json:
            console.result(text if target == base else f"{path}\n{text}", {})
    if console.as_json:
        console.result("", found[0] if len(found) == 1 else {"archives": found})


def _results(path: str, selection: Selection, options: _Options) -> "tuple[BurstStatistics, CodeComparison | None]":
    """Return rates, fractions and intervals of one file, and what each code tells, where something is to be told."""
    from ..analysis import burst_statistics, burst_trains, compare_codes

    recording = uncut(selection, path)
    column = options.label or options.value
    decoded = None if column is None else trial_column(recording, column, path)
    window = None if selection.epoch is None else epoch_edges(recording, selection.epoch, path)
    groups = groups_of(recording, options.group, path)
    trains = burst_trains(
        spikes_of(recording, options.array, path), recording.time, **options.rule,
        mask=np.arange(recording.n_samples) < recording.trial_lengths()[:, None],
    )  # fmt: skip
    statistics = burst_statistics(
        trains, groups=groups, labels=decoded if options.label else None, bin_width=options.bin_width, window=window,
        epochs=shared_epochs(recording),
    )  # fmt: skip
    if column is None:
        return statistics, None
    target: dict[str, Any] = {"labels" if options.label else "values": decoded, "target": column}
    return statistics, compare_codes(trains, **target, window=window, **options.decoding)


def _draw(statistics: "BurstStatistics", codes: "CodeComparison | None") -> "Figure":
    """Draw rates and fractions over time, intervals, and what codes tell."""
    size: dict[str, Any] = {"columns": 3} if codes is None else {"rows": 2, "columns": 2}
    figure = plotting.figure(**size, width=5.2, height=3.3)
    for ax, draw in zip(
        figure.axes, (statistics.plot_event_rate, statistics.plot, statistics.plot_intervals), strict=False
    ):
        draw(ax)
    if codes is not None:
        codes.plot(figure.axes[3])
    return figure
