"""``dynascope raster``: spikes, inputs and outputs of single trials, and the firing rates of cell types."""

from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import InputError
from .console import Console, output_options
from .selection import Selection, base_path, result_options, selection_options, with_suffix
from .spikes import groups_of, spike_options, spikes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..analysis import FiringRates
    from ..readers import Recording

_MOST_DRAWN = 2  # trials, unless asked for more
_WIDTH = 4.8  # inches per trial
_HEIGHTS = {"inputs": 0.9, "spikes": 2.6, "outputs": 1.0, "rates": 1.7}  # inches
# Of input and output channels: not those of cell types beside them.
_LINE_COLOURS = (plotting.INK, plotting.GREEN, plotting.PINK, plotting.GREY, "#882255", "#999933")
_LETTER = 0.065  # inches, of an epoch's name


@click.command("raster")
@click.argument("archive")
@result_options
@selection_options
@click.option(
    "--trial",
    "trials",
    type=click.IntRange(min=0),
    multiple=True,
    help=f"Trial to draw, counted from 0 among the chosen ones; repeatable (default: the first of each label, "
    f"at most {_MOST_DRAWN}).",
)
@spike_options
@output_options
def command(
    archive: str, output: str, figure_format: str, selection: Selection, trials: tuple[int, ...], array: str,
    group: str | None, bin_width: float, console: Console,
) -> None:  # fmt: skip
    """Draw single trials of ARCHIVE spike by spike, and measure the firing rates of its cell types.

    The picture shows inputs, spikes sorted by cell type and outputs of each drawn trial, and below them the mean
    rate of every cell type over all chosen trials. OUT.h5 holds the rates, Fano factors and coefficients of
    variation of the intervals between spikes.

    \b
    Examples:
      dynascope raster lsnn.h5 -o raster
      dynascope raster lsnn.h5 --where label=1 --trial 0 --trial 5 --format svg -o left
      dynascope raster cortex.h5 --array activity --group area -o areas
    """
    from ..analysis import firing_rates

    base = base_path(output)
    recording = selection.read(archive)
    drawn = tuple(dict.fromkeys(trials)) or _first_of_each_label(recording)
    if max(drawn) >= recording.n_trials:
        raise InputError(f"--trial {max(drawn)}: {archive} has {recording.n_trials} chosen trials, counted from 0")
    spikes, dt = spikes_of(recording, array, archive), _sampling(recording, archive)
    rates = firing_rates(
        spikes,
        dt,
        groups=groups_of(recording, group, archive),
        bin_width=bin_width,
        start=float(recording.time[0]),
        mask=np.arange(recording.n_samples) < recording.trial_lengths()[:, None],
    )
    rates.save(with_suffix(base, ".h5"))
    plotting.save(_draw(recording, spikes, rates, drawn), with_suffix(base, f".{figure_format}"))
    console.result(rates.summary(), {**rates.to_dict(), "drawn_trials": drawn})


def _first_of_each_label(recording: "Recording") -> tuple[int, ...]:
    if "label" not in recording.trials:
        return (0,)
    _, first = np.unique(np.asarray(recording.trials["label"]), return_index=True)
    return tuple(first[:_MOST_DRAWN].tolist())


def _sampling(recording: "Recording", path: str) -> float:
    """Return the time between samples."""
    steps = np.diff(recording.time)
    if not steps.size or np.ptp(steps) > 1e-3 * steps.mean():
        raise InputError(f"{path}: raster needs at least 2 samples at equal intervals of time")
    return float(steps.mean())


def _draw(recording: "Recording", spikes: Any, rates: "FiringRates", trials: tuple[int, ...]) -> "Figure":
    """Draw a column for each trial, and the rates of all trials below them."""
    arrays = {"inputs": recording.inputs, "spikes": spikes, "outputs": recording.outputs}
    rows = [row for row, array in arrays.items() if array is not None]
    heights = [_HEIGHTS[row] for row in (*rows, "rates")]
    figure = plotting.figure(width=_WIDTH * max(len(trials), 1.4), height=sum(heights) + 0.9)
    figure.clear()
    layout: Any = [[f"{row} {trial}" for trial in trials] for row in rows] + [["rates"] * len(trials)]
    with plotting.style():
        panels = figure.subplot_mosaic(layout, height_ratios=heights)
    for trial in trials:
        time = recording.time[: recording.trial_lengths()[trial]]
        for row in rows:
            panel, first = panels[f"{row} {trial}"], panels[f"{row} {trials[0]}"]
            if panel is not first:
                panel.sharey(first)
            values = np.asarray(arrays[row][trial])[: len(time)]
            if row == "spikes":
                _raster(panel, time, values, rates)
                panel.tick_params(labelleft=panel is first)
            else:
                _channels(panel, time, values, row.removesuffix("s"), legend=trial == trials[-1])
            _epochs(panel, recording, trial, width=_WIDTH if row == rows[0] else None)
            panel.tick_params(labelbottom=row == rows[-1])
        panels[f"{rows[0]} {trial}"].set_title(_title(recording, trial))
        panels[f"{rows[-1]} {trial}"].set_xlabel("time (s)")
    rates.plot(panels["rates"])
    _epochs(panels["rates"], recording, None, width=_WIDTH * len(trials))
    return figure


def _title(recording: "Recording", trial: int) -> str:
    label = f", label {recording.trials['label'][trial]}" if "label" in recording.trials else ""
    return f"Trial {trial}{label}"


def _channels(ax: "Axes", time: Any, values: Any, name: str, *, legend: bool) -> None:
    """Draw (time, channel): events where they are counts on many channels, else lines."""
    n_channels = values.shape[1]
    if n_channels > len(_LINE_COLOURS) and np.all((values >= 0) & (values == np.trunc(values))):
        at, channel = np.nonzero(values)
        ax.plot(time[at], channel, "|", color=plotting.INK, markersize=_tick(_HEIGHTS["inputs"], n_channels), mew=0.7)
        ax.set(ylim=(n_channels - 0.5, -0.5), ylabel=f"{name} channel")
        return
    for index, line in enumerate(values.T):
        ax.plot(time, line, color=_LINE_COLOURS[index % len(_LINE_COLOURS)], label=f"{name} {index}")
    ax.set_ylabel(name)
    if legend and 1 < n_channels <= len(_LINE_COLOURS):
        ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _raster(ax: "Axes", time: Any, spikes: Any, rates: "FiringRates") -> None:
    """Draw the spikes (time, unit) of a trial, the units sorted and coloured by group."""
    order = np.argsort(rates.unit_groups, kind="stable")
    styles = plotting.group_styles(rates.groups)
    height = _tick(_HEIGHTS["spikes"], len(order))
    centres = []
    for index, style in enumerate(styles.values()):
        places = np.flatnonzero(rates.unit_groups[order] == index)
        at, unit = np.nonzero(spikes[:, order[places]])
        ax.plot(time[at], places[0] + unit, "|", color=style["color"], markersize=height, mew=0.8)
        ax.axhline(places[-1] + 0.5, color=plotting.GREY, linewidth=0.3)
        centres.append(float(places.mean()))
    ax.set_ylim(len(order) - 0.5, -0.5)
    ax.set_yticks(_apart(centres, len(order) / 18), list(styles), fontsize="small")
    ax.tick_params(axis="y", length=0)
    for label, style in zip(ax.get_yticklabels(), styles.values(), strict=True):
        label.set_color(style["color"])


def _tick(height: float, rows: int) -> float:
    """Return the height in points of a tick in one of ``rows`` of a panel of ``height`` inches."""
    return min(max(0.85 * 72 * height / rows, 0.8), 10.0)


def _apart(places: list[float], gap: float) -> list[float]:
    """Return increasing places, moved down where needed so that neighbours are a gap apart."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    return moved


def _epochs(ax: "Axes", recording: "Recording", trial: int | None, *, width: float | None) -> None:
    """Shade the epochs of a trial (those that all trials share when None); name them above a panel of that width."""
    first, last = float(recording.time[0]), float(recording.time[-1])
    ax.set_xlim(first, last + (last - first) / (recording.n_samples - 1))
    shown: dict[str, tuple[float, float]] = {}
    for name, edges in recording.epochs.items():
        every = np.asarray(edges, float).reshape(-1, 2)
        start, stop = every[0 if trial is None or len(every) == 1 else trial]
        shared = trial is not None or not np.ptp(every, axis=0).any()
        if np.isfinite(start) and shared and not (start <= first and stop > last):
            shown[name.replace("_", " ")] = (start, stop)
    for start, stop in shown.values():
        ax.axvspan(start, stop, color=plotting.INK, alpha=0.08, linewidth=0, zorder=0)
        ax.axvline(start, color="white", linewidth=1.0, zorder=0.5)
    if width and shown:
        above = ax.secondary_xaxis("top")
        inches = width / (last - first)
        crowded = any(inches * (stop - start) < _LETTER * len(name) for name, (start, stop) in shown.items())
        style: Any = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if crowded else {}
        above.set_xticks([sum(edges) / 2 for edges in shown.values()], list(shown), fontsize="x-small", **style)
        above.tick_params(length=0, pad=1)
        above.spines["top"].set_visible(False)
