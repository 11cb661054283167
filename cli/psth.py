"""``dynascope psth``: mean activity over trials, for each condition or for preferred conditions, and over training."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import ConfigurationError, InputError, unknown_name
from .checkpoints import Training, checkpoint_options, recordings_of_training
from .console import Console, output_options
from .epochs import epoch_edges, shared_epochs, trial_column, uncut
from .selection import (
    Selection,
    array_of,
    array_option,
    base_path,
    quantity_of,
    result_options,
    result_paths,
    selection_options,
    with_suffix,
)
from .stage_options import stage_option, stages_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..analysis import PSTH
    from ..readers import Recording


@dataclasses.dataclass(frozen=True)
class _Options:
    label: str | None
    array: str
    align: str | None
    window: tuple[float, float] | None
    kernel: str | None
    width: float
    interval: str
    baseline: str | None
    normalize: str | None
    preferred: str | None
    population: str
    mode: str
    seed: int

    def of_preference(self) -> dict[str, Any]:
        """Return the options of the choice of preferred labels and of the population."""
        chosen = None if self.population == "all" else self.population
        return {"mode": self.mode, "population": chosen} if self.preferred is not None else {}

    def common(self) -> dict[str, Any]:
        """Return the options of every average."""
        return {"kernel": self.kernel, "width": self.width, "normalize": self.normalize, "seed": self.seed}


@click.command("psth")
@click.argument("archives", nargs=-1, required=True)
@click.option("--label", metavar="COLUMN", help="A trial column with the conditions (default: all trials together).")
@result_options
@selection_options
@array_option
@click.option("--align", metavar="EPOCH", help="Align trials to the start of this epoch.")
@click.option(
    "--window", type=float, nargs=2, metavar="START STOP", help="Seconds to show, from the event when aligned."
)
@click.option("--kernel", type=click.Choice(["gaussian", "boxcar", "causal"]), help="Smooth single trials with it.")
@click.option("--width", type=float, default=0.05, show_default=True, metavar="SECONDS", help="Of the kernel.")
@click.option(
    "--interval", type=click.Choice(["sem", "bootstrap", "poisson"]), default="sem", show_default=True,
    help="Bands of single units over trials.",
)  # fmt: skip
@click.option("--baseline", metavar="EPOCH", help="What activity is compared with.")
@click.option(
    "--normalize", type=click.Choice(["raw", "subtract", "baseline", "zscore", "max", "softmax"]),
    help="Default: subtract with a --baseline, else raw.",
)  # fmt: skip
@click.option("--preferred", metavar="EPOCH", help="Curves for the label that each unit prefers in this epoch.")
@click.option(
    "--population", type=click.Choice(["all", "selective"]), default="all", show_default=True,
    help="Units, with --preferred.",
)  # fmt: skip
@click.option(
    "--mode", type=click.Choice(["crossfit", "published"]), default="crossfit", show_default=True,
    help="Choose preferred labels on other trials than are shown, or on the same.",
)  # fmt: skip
@click.option("--unit", type=click.IntRange(min=0), help="Draw this unit instead of the mean over units.")
@click.option("--stages", "over_training", is_flag=True, help="Average over the stages of training of each archive.")
@checkpoint_options
@stage_option
@click.option("--measure", metavar="EPOCH", help="With --stages: compare and follow the mean activity in this epoch.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of folds and resamples.")
@output_options
def command(
    archives: tuple[str, ...], label: str | None, output: str, figure_format: str, selection: Selection, array: str,
    align: str | None, window: tuple[float, float] | None, kernel: str | None, width: float, interval: str,
    baseline: str | None, normalize: str | None, preferred: str | None, population: str, mode: str, unit: int | None,
    over_training: bool, rule: str | None, checkpoints: str | None, stage_mode: str, measure: str | None, seed: int,
    console: Console,
) -> None:  # fmt: skip
    """Average the activity of ARCHIVES over the trials of each condition.

    OUT.h5 holds the curves of every unit with standard errors and 95 % bands; the picture shows their mean over
    units. With --preferred each unit's curves are for the label it prefers and the opposite one, chosen on other trials
    than are averaged. With --stages every archive is one network followed through training: recordings are sorted
    into early, mid and mature by their performance, and the bands are over networks; --measure adds the growth of one
    epoch over training in OUT-growth.h5.

    \b
    Examples:
      dynascope psth session.nwb --label cue --align go --window -0.5 1 --kernel gaussian --width 0.03 -o go
      dynascope psth network.h5 --label cue --preferred stim1 --baseline fix1 -o preferred
      dynascope psth seed*.h5 --stages --rule odr --label cue --preferred stim1 --measure delay1 -o maturation
    """
    options = _Options(
        label, array, align, window, kernel, width, interval, baseline, normalize, preferred, population, mode, seed
    )
    training_only = {"--rule": rule, "--checkpoints": checkpoints, "--measure": measure}
    _fits_together(options, selection, over_training=over_training, training_only=training_only, unit=unit)
    base = base_path(output)
    if over_training:
        chosen = recordings_of_training(
            archives, selection, rule, options.array, checkpoints=checkpoints, console=console
        )
        with chosen as run:
            _over_training(run, options, selection, stage_mode, measure, base, figure_format, console)
        return
    found = []
    for path, out in zip(archives, result_paths(base, archives), strict=True):
        recording = uncut(selection, path)
        result = _psth(recording, options, selection.epoch, path)
        result.save(with_suffix(out, ".h5"))
        marked = shared_epochs(recording, None if align is None else _moments(recording, align, path))
        plotting.save(result.plot(unit=unit, epochs=marked), with_suffix(out, f".{figure_format}"))
        found.append({"archive": path, **result.to_dict()})
        if not console.as_json:
            console.result(result.summary() if out == base else f"{path}\n{result.summary()}", {})
    if console.as_json:
        console.result("", found[0] if len(found) == 1 else {"archives": found})


def _fits_together(
    options: _Options, selection: Selection, *, over_training: bool, training_only: Mapping[str, Any],
    unit: int | None,
) -> None:  # fmt: skip
    """Refuse options that contradict each other."""
    if selection.epoch is not None and (options.align is not None or options.window is not None):
        raise ConfigurationError("--epoch: give either an epoch or --align and --window, not both")
    if options.preferred is not None and options.label is None:
        raise ConfigurationError("--preferred: needs --label, the conditions to prefer one of")
    if options.preferred is None and (options.mode != "crossfit" or options.population != "all"):
        raise ConfigurationError("--mode and --population: need --preferred EPOCH")
    if over_training and (selection.recording is not None or unit is not None):
        raise ConfigurationError("--stages: averages over recordings and units; leave out --recording and --unit")
    given = [name for name, value in training_only.items() if value is not None]
    if given and not over_training:
        raise ConfigurationError(f"{given[0]}: needs --stages")


def _psth(recording: "Recording", options: _Options, epoch: str | None, path: str) -> "PSTH":
    from ..analysis import preferred_psth, psth

    activity = array_of(recording, options.array, path)
    labels = None if options.label is None else trial_column(recording, options.label, path)
    chosen: dict[str, Any] = {
        **options.common(),
        "align": None if options.align is None else _moments(recording, options.align, path),
        "window": options.window if epoch is None else _one_epoch(recording, epoch, path),
        "baseline": None if options.baseline is None else epoch_edges(recording, options.baseline, path),
        "quantity": quantity_of(recording, options.array),
    }
    if options.preferred is None:
        return psth(activity, recording.time, labels, interval=options.interval, **chosen)
    edges = epoch_edges(recording, options.preferred, path)
    return preferred_psth(activity, recording.time, labels, edges, **chosen, **options.of_preference())


def _over_training(
    run: Training, options: _Options, selection: Selection, stage_mode: str, measure: str | None, base: Path,
    figure_format: str, console: Console,
) -> None:  # fmt: skip
    console.note(f"{len(run)} checkpoints of {len(set(run.networks))} network(s)")
    found = _stage_results(run, options, selection.epoch, stage_mode, measure)
    marked = {} if options.align is not None else shared_epochs(run.first)
    for name, result in found.items():
        result.save(with_suffix(base, ".h5" if name == "psth" else f"-{name}.h5"))
    plotting.save(_draw_stages(found, marked), with_suffix(base, f".{figure_format}"))
    text = "\n\n".join(result.summary() for result in found.values())
    console.result(text, {name: result.to_dict() for name, result in found.items()})


def _stage_results(
    run: Training, options: _Options, epoch: str | None, stage_mode: str, measure: str | None
) -> dict[str, Any]:
    """Return the result "stages", "psth" and, with an epoch to measure, "growth"."""
    from ..analysis import stage_psth, training_growth

    stages = stages_of(run, stage_mode)
    chosen: dict[str, Any] = {
        **options.common(), **options.of_preference(), "align": options.align, "baseline": options.baseline,
        "window": options.window if epoch is None else _one_epoch(run.first, epoch, run.networks[0]),
        "quantity": quantity_of(run.first, options.array), "networks": run.networks, "performance": run.performance,
        "trials_seen": run.trials_seen, "epoch": options.preferred,
    }  # fmt: skip
    found = {"stages": stages, "psth": stage_psth(run, labels=options.label, stages=stages, measure=measure, **chosen)}
    if measure is not None:
        found["growth"] = training_growth(run, measure, labels=options.label, **chosen)
    return found


def _draw_stages(found: dict[str, Any], epochs: dict[str, tuple[float, float]]) -> "Figure":
    """Draw the stages, their curves, the growth if it was followed, and the differences if there are several stages."""
    drawers = [found["stages"].plot, lambda ax: found["psth"].plot(ax, epochs=epochs)]
    if "growth" in found:
        drawers.append(found["growth"].plot)
    if found["psth"].pairs:
        drawers.append(lambda ax: found["psth"].plot_differences(ax, epochs=epochs))
    columns = 2 if len(drawers) == 4 else 1
    drawn = plotting.figure(rows=len(drawers) // columns, columns=columns, width=6.2, height=3.3)
    for ax, draw in zip(list(drawn.axes), drawers, strict=True):
        draw(ax)
    return drawn


def _one_epoch(recording: "Recording", name: str, path: str) -> tuple[float, float]:
    """Return the (start, stop) of an epoch that all trials share."""
    edges = np.reshape(epoch_edges(recording, name, path), (-1, 2))
    if np.ptp(edges, axis=0).any():
        raise InputError(f"{path}: epoch '{name}' differs between trials; use --align {name} with --window")
    return float(edges[0, 0]), float(edges[0, 1])


def _moments(recording: "Recording", name: str, path: str) -> np.ndarray:
    """Return the start of an epoch in each trial, s, NaN for trials without it."""
    if name not in recording.epochs:
        raise InputError(f"{path}: {unknown_name('epoch', name, recording.epochs)}")
    edges = np.asarray(recording.epochs[name], dtype=float).reshape(-1, 2)
    return np.broadcast_to(edges[:, 0], (recording.n_trials,))
