"""Activity by stage of training, for the preferred cue and the opposite one: what grows as a rule is learnt."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import plotting
from ...analysis import StagePSTH, stage_psth
from ..study import Findings, FindingsTable, Workbench
from ..words import number, with_interval
from .networks import ANTI_SACCADES, Network, followed, maturation_study, networks
from .populations import (
    CORRECTED,
    CUE_WINDOWS,
    STAGES,
    Curves,
    clear_rises,
    epoch_gap,
    epoch_means,
    population_curves,
    rising,
    span_of,
)
from .stage_curves import PUBLISHED_CURVES, TIMES, curve_table, distractor_remark, stage_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: rule, epoch that shows selectivity and preference, epochs or windows (s) whose means are compared
SELECTIONS: tuple[tuple[str, str, tuple[Any, ...]], ...] = (
    ("odr", "stim1", ("stim1", "delay1")),
    ("odr", "delay1", ("delay1",)),
    ("odrd", "stim1", ("stim1", "delay2")),
    ("odrd", "delay1", ("delay1",)),
    ("odrd", "delay2", ("delay2",)),
    *((rule, "stim1", (window,)) for rule, window in CUE_WINDOWS.items()),
)
_SETTLED = (0.3, 1.0)  # s: the fixation period without its first 300 ms, when networks start from nothing


class Selection(NamedTuple):
    """Curves of one selection: all networks, each network, and all networks with choices on other trials.

    ``by_stage`` and ``by_network`` have one entry for each measured epoch, ``corrected`` the first only.
    """

    rule: str
    epoch: str
    measures: tuple[Any, ...]
    by_stage: tuple[StagePSTH, ...]
    by_network: tuple[dict[str, StagePSTH], ...]
    corrected: StagePSTH
    epochs: Mapping[str, tuple[float, float]]


def run(bench: Workbench) -> Findings:
    """Follow the populations of all rules through the stages of their learning."""
    found = networks(bench)
    selections = [_selection(bench, found, *chosen) for chosen in SELECTIONS]
    distracted = next(each for each in selections if (each.rule, each.epoch) == ("odrd", "stim1"))
    with followed(found, "odrd", span_of(bench, "odrd")) as checkpoints:
        settled = population_curves(checkpoints, "stim1", baseline=_SETTLED)
        settled_by_network = settled.by_network(checkpoints.stages().labels, "stim1")
        settled_stages = settled.by_stage(checkpoints.stages(), "stim1")
    memory = [each for each in selections if each.rule not in ANTI_SACCADES]
    saccades = [each for each in selections if each.rule in ANTI_SACCADES]
    figures = [
        plotting.save(_figure(memory, rows=3, columns=2), bench.output / "stage_psth_working_memory.png"),
        plotting.save(_figure(saccades, rows=2, columns=2), bench.output / "stage_psth_anti_saccades.png"),
    ]
    return Findings(
        [
            curve_table(distracted.by_stage[0], settled_stages),
            stage_table(distracted.by_network[0]),
            _epoch_table(selections),
        ],
        _remarks(distracted, settled_stages, settled_by_network, selections),
        figures,
        _values(selections),
    )


def _selection(
    bench: Workbench, found: Sequence[Network], rule: str, epoch: str, measures: tuple[Any, ...]
) -> Selection:
    bench.note(f"{rule}, units selective in {epoch}")
    with followed(found, rule, span_of(bench, rule)) as checkpoints:
        stages = checkpoints.stages()
        curves: Curves = population_curves(checkpoints, epoch)
        corrected = stage_psth(
            checkpoints, labels="cue", stages=stages, epoch=epoch, measure=measures[0], **CORRECTED,
            **checkpoints.what(),
        )  # fmt: skip
    return Selection(
        rule, epoch, measures, tuple(curves.by_stage(stages, measure) for measure in measures),
        tuple(curves.by_network(stages.labels, measure) for measure in measures), corrected, curves.epochs,
    )  # fmt: skip


def _epoch_table(selections: Sequence[Selection]) -> FindingsTable:
    rows = []
    for each in selections:
        for place, measure in enumerate(each.measures):
            found = each.by_stage[place]
            means = epoch_means(found)
            alone = [epoch_means(result) for result in each.by_network[place].values()]
            cells = [number(means.get(stage, np.nan)) for stage in STAGES]
            corrected = with_interval(*epoch_gap(each.corrected, "early", "mature")) if place == 0 else ""
            rows.append([
                each.rule, each.epoch, _span(measure), *cells, with_interval(*epoch_gap(found, "early", "mature")),
                rising(alone), corrected,
            ])  # fmt: skip
    drawn = selections[0].by_stage[0].drawn
    note = (
        "Mean over the epoch (or window, s) in the preferred direction, in multiples of the fixation mean. Differences "
        f"with 95 % intervals over {drawn}. Rising: from early to mid to mature, of the networks that have all stages. "
        "Last column: location, population and normalisation chosen on other trials than those shown, corrected tests "
        "of the epoch itself."
    )
    header = ["rule", "selected on", "mean over", *STAGES, "mature − early", "rising in", "… cross-fitted"]
    return FindingsTable("Activity in epochs, all selections", header, rows, note)


def _span(measure: Any) -> str:
    return measure if isinstance(measure, str) else f"{measure[0]:g}–{measure[1]:g} s"


def _remarks(
    distracted: Selection, settled: StagePSTH, settled_alone: Mapping[str, StagePSTH], selections: Sequence[Selection]
) -> list[str]:
    cue, delay = ([epoch_means(result) for result in each.values()] for each in distracted.by_network)
    remarks = [
        f"odrd: cue activity rises from early to mid to mature in {rising(cue)}, second-delay activity of the same "
        f"units in {rising(delay)}; both do in the published one.",
        distractor_remark(distracted.by_network[0]),
    ]
    before, after = (epoch_means(result).get("mature", np.nan) for result in (distracted.by_stage[0], settled))
    if np.isfinite(before) and np.isfinite(after):
        rises = rising([epoch_means(result) for result in settled_alone.values()])
        remarks.append(
            f"Without the first 300 ms of fixation as a baseline the mature cue response is {after:.2f} in place of "
            f"{before:.2f}; it rises with stage in {rises}."
        )
    names = [f"{each.rule} {_span(each.measures[0])} (selected on {each.epoch})" for each in selections]
    for words, results in (
        ("as published", [each.by_stage[0] for each in selections]),
        ("cross-fitted", [each.corrected for each in selections]),
    ):
        clear = clear_rises(dict(zip(names, results, strict=True)), "early")
        remarks.append(f"More activity when mature than when early, {words}, by the interval over networks: {clear}.")
    return remarks


def _values(selections: Sequence[Selection]) -> dict[str, Any]:
    return {
        f"{each.rule}, selected on {each.epoch}, mean over {_span(measure)}": {
            network: epoch_means(result) for network, result in each.by_network[place].items()
        }
        for each in selections
        for place, measure in enumerate(each.measures)
    }


def _figure(selections: Sequence[Selection], *, rows: int, columns: int) -> "Figure":
    drawn = plotting.figure(rows=rows, columns=columns, width=6.2, height=3.0)
    for ax, each in zip(drawn.axes, selections, strict=False):
        _panel(ax, each)
    for ax in list(drawn.axes)[len(selections) :]:
        ax.remove()
    return drawn


def _panel(ax: "Axes", each: Selection) -> None:
    found = each.by_stage[0]
    overlapping = each.rule in ANTI_SACCADES
    epochs = {name: edges for name, edges in each.epochs.items() if not overlapping or name == "stim1"}
    if found.drawn == "networks":
        # An interval over a few networks is wider than the panel; their own curves say more.
        nowhere = np.full(found.mean.shape, np.nan)
        dataclasses.replace(found, low=nowhere, high=nowhere).plot(ax, epochs=epochs)
        for network in each.by_network[0].values():
            _thin(ax, network)
    else:
        found.plot(ax, epochs=epochs)
    shown = np.concatenate([found.mean.ravel(), *(network.mean.ravel() for network in each.by_network[0].values())])
    low, high = np.nanmin(shown, initial=0), np.nanmax(shown, initial=0)
    if (each.rule, each.epoch) == ("odrd", "stim1"):
        for (stage, direction), values in PUBLISHED_CURVES.items():
            colour = plotting.STAGE_COLOURS[stage]
            face = colour if direction == "preferred" else "white"
            ax.plot(TIMES, values, "o", color=colour, markerfacecolor=face, markersize=4, zorder=3)
            high = max(high, np.nanmax(values))
        ax.plot([], [], "o", color=plotting.GREY, markersize=4, label="published (open: opposite)")
        ax.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    margin = 0.08 * (high - low) or 1.0
    ax.set_ylim(low - margin, high + margin)
    about = "thin: each network" if found.drawn == "networks" else f"95 % bands over {found.drawn}"
    ax.set_title(f"{each.rule}, selected on {each.epoch}; {about}")


def _thin(ax: "Axes", found: StagePSTH) -> None:
    for stage, curves in zip(found.stages, found.mean, strict=True):
        for curve, line in zip(curves, ("solid", "dashed"), strict=True):
            colour = plotting.STAGE_COLOURS[stage]
            ax.plot(found.time, curve, color=colour, linestyle=line, linewidth=0.5, alpha=0.6, zorder=1)


STUDY = maturation_study("stage-psth", "Activity at three stages of training", run)
