"""Activity in an epoch against training: flat while only anti-saccades are known, growing with working memory."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ... import plotting
from ...analysis import StagePSTH, TrainingGrowth, assign_stages, stage_psth
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, number, with_interval
from .checkpoints import evenly
from .learning import reached
from .networks import ANTI_SACCADES, Network, followed, learning_span, maturation_study, networks
from .populations import CORRECTED, clear_rises, epoch_gap, epoch_means, population_curves, rising

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: rule, epoch that shows selectivity and preference, epochs whose means are followed
SELECTIONS = (
    ("odr", "delay1", ("delay1",)),
    ("odr", "stim1", ("stim1", "delay1")),
    ("odrd", "stim1", ("stim1", "delay2")),
)
PHASES = ("beginning", "anti-saccades", "plateau", "mid", "mature")
_GROWING = ("plateau", "mid", "mature")
_BEGINNING = 10_000
#: medians of odr, selected on delay1, mean over delay1, read off the figure
PUBLISHED = {
    "beginning": "0.09", "anti-saccades": "0.42", "plateau": "0.28–0.37", "late plateau": "0.37", "mid": "0.78",
    "mature": "1.17", "end": "1.8", "end / late plateau": "≈ 5",
}  # fmt: skip
#: the same against thousands of training trials
_PUBLISHED_POINTS = ((5, 0.09), (70, 0.42), (150, 0.28), (245, 0.29), (365, 0.33), (475, 0.37), (628, 1.8))
_LAST = 3


class Growth(NamedTuple):
    """One mean over an epoch through training: by network and checkpoint, and by phase over networks.

    ``phases`` and ``growth`` are by network, ``alone`` the means of each phase by network; ``corrected`` is None where
    another epoch than the measured one shows the preference.
    """

    rule: str
    epoch: str
    measure: str
    growth: Mapping[str, TrainingGrowth]
    phases: Mapping[str, np.ndarray]
    by_phase: StagePSTH
    alone: Mapping[str, StagePSTH]
    corrected: StagePSTH | None


def run(bench: Workbench) -> Findings:
    """Follow the epochs of both working-memory rules through the whole training."""
    found = networks(bench)
    grown = [each for chosen in SELECTIONS for each in _growths(bench, found, *chosen)]
    figure = plotting.save(_figure(grown), bench.output / "delay_growth.png")
    medians = {network: phase_medians(*_line(grown[0], network)) for network in grown[0].growth}
    values = {
        f"{each.rule}, selected on {each.epoch}, mean over {each.measure}": {
            network: epoch_means(result) for network, result in each.alone.items()
        }
        for each in grown
    }
    return Findings([_phase_table(medians), _growth_table(grown)], _remarks(grown, medians), [figure], values)


def _growths(
    bench: Workbench, found: Sequence[Network], rule: str, epoch: str, measures: Sequence[str]
) -> list[Growth]:
    bench.note(f"{rule}, units selective in {epoch}")
    with followed(found, rule, lambda network: checkpoint_rows(network, rule, bench.budget["checkpoints"])) as chosen:
        curves = population_curves(chosen, epoch)
        by_network = {network.name: phases(network, rule, curves.of(network.name).trials_seen) for network in found}
        names = np.concatenate([by_network[network] for network in dict.fromkeys(chosen.networks)])
        corrected = stage_psth(
            chosen, labels="cue", stages=names, epoch=epoch, measure=epoch, **CORRECTED, **chosen.what()
        )
    return [
        Growth(
            rule, epoch, measure, {network: curves.growth(network, measure) for network in by_network}, by_network,
            curves.by_stage(names, measure), curves.by_network(names, measure), corrected if measure == epoch else None,
        )
        for measure in measures
    ]  # fmt: skip


def checkpoint_rows(network: Network, rule: str, largest: int) -> np.ndarray:
    """Return rows of checkpoints, half of them spread over the training and half around the learning of a rule."""
    half = max(1, largest // 2)
    everywhere = evenly(np.arange(len(network.trials_seen)), largest - half)
    return np.union1d(everywhere, learning_span(network.performance[rule], half))


def phases(network: Network, rule: str, trials_seen: np.ndarray) -> np.ndarray:
    """Return the phase of training at ``trials_seen`` (checkpoint,) of a network, "" between two of them.

    Anti-saccades are being learnt from the time when one of them passes 0.5 until all pass 0.95; then there is a
    plateau until the rule passes 0.35, and after it the stages mid and mature by cuts at 0.35 and 0.65.
    """
    seen, performance = network.trials_seen, network.performance
    first = min(reached(seen, performance[other], 0.5) for other in ANTI_SACCADES)
    learnt = max(reached(seen, performance[other], 0.95) for other in ANTI_SACCADES)
    passed = reached(seen, performance[rule], 0.35)
    stages = assign_stages(performance[rule][np.searchsorted(seen, trials_seen)]).labels
    conditions = [
        trials_seen <= _BEGINNING,
        (trials_seen >= first) & (trials_seen < min(learnt, passed)),
        (trials_seen >= learnt) & (trials_seen < passed),
        (trials_seen >= passed) & (stages == "mid"),
        (trials_seen >= passed) & (stages == "mature"),
    ]
    return np.select(conditions, PHASES, "")


def phase_medians(values: np.ndarray, names: np.ndarray) -> dict[str, float]:
    """Return the median of values (checkpoint,) in each phase, late in the plateau and at the end, and the rise."""
    found = {name: _median(values[names == name]) for name in PHASES}
    plateau = values[names == "plateau"]
    found["late plateau"] = _median(plateau[-max(1, len(plateau) // 4) :])
    found["end"] = _median(values[-_LAST:])
    found["end / late plateau"] = found["end"] / found["late plateau"]
    return found


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _line(each: Growth, network: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the values and the phases of the checkpoints of a network, in order of training."""
    growth = each.growth[network]
    return growth.value[:, growth.conditions.index("preferred")], each.phases[network]


def _phase_table(medians: Mapping[str, Mapping[str, float]]) -> FindingsTable:
    rows = [
        [name, ", ".join(number(one[name]) for one in medians.values()), theirs] for name, theirs in PUBLISHED.items()
    ]
    note = (
        "Median over checkpoints of the mean normalised activity in the delay, selected on the delay, preferred "
        f"direction; one number per network: {', '.join(medians)}. Beginning: up to {_BEGINNING:,} trials. "
        "Anti-saccades: while they are learnt. Plateau: from then on until ODR passes 0.35, late: its last quarter. "
        f"End: the last {_LAST} checkpoints. Published: one network, read off the figure."
    )
    return FindingsTable("Delay activity of odr through training", ["phase", "ours", "published"], rows, note)


def _growth_table(grown: Sequence[Growth]) -> FindingsTable:
    rows = []
    for each in grown:
        means = epoch_means(each.by_phase)
        corrected = with_interval(*epoch_gap(each.corrected, "plateau", "mature")) if each.corrected else ""
        rows.append([
            each.rule, each.epoch, each.measure, *(number(means.get(name, np.nan)) for name in _GROWING),
            with_interval(*epoch_gap(each.by_phase, "plateau", "mature")), _rising(each), corrected,
        ])  # fmt: skip
    note = (
        "Mean over units, checkpoints and networks, preferred direction. Differences with 95 % intervals over "
        f"{grown[0].by_phase.drawn}. Rising: from plateau to mid to mature, of the networks that have all three. Last "
        "column: location, population and normalisation chosen on other trials than those shown."
    )
    header = ["rule", "selected on", "mean over", *_GROWING, "mature − plateau", "rising in", "… cross-fitted"]
    return FindingsTable("Growth from the plateau, all epochs", header, rows, note)


def _rising(each: Growth) -> str:
    return rising([epoch_means(result) for result in each.alone.values()], _GROWING)


def _remarks(grown: Sequence[Growth], medians: Mapping[str, Mapping[str, float]]) -> list[str]:
    rise = [one["end / late plateau"] for one in medians.values()]
    factors = ", ".join(number(value, 1) for value in rise if np.isfinite(value)) or MISSING
    remarks = [f"Delay activity of odr ends at {factors} times that late in the plateau; published: ≈ 5 times."]
    remarks += [
        f"{each.rule}, selected on {each.epoch}: activity in {each.measure} rises from plateau to mid to mature in "
        f"{_rising(each)}."
        for each in grown
    ]
    results = {f"{each.rule} {each.measure} (selected on {each.epoch})": each.by_phase for each in grown}
    clear = clear_rises(results, "plateau")
    return [*remarks, f"More activity when mature than in the plateau, by the interval over networks: {clear}."]


def _figure(grown: Sequence[Growth]) -> "Figure":
    drawn = plotting.figure(rows=-(-len(grown) // 2), columns=2, width=5.2, height=2.8)
    for ax, each in zip(drawn.axes, grown, strict=False):
        _panel(ax, each)
    for ax in list(drawn.axes)[len(grown) :]:
        ax.remove()
    theirs: Any = np.array(_PUBLISHED_POINTS).T
    drawn.axes[0].plot(*theirs, "D:", color=plotting.INK, markerfacecolor="white", markersize=4, label="published")
    drawn.axes[0].legend(fontsize="small", loc="upper left", frameon=False)
    return drawn


def _panel(ax: "Axes", each: Growth) -> None:
    for network in each.growth:
        growth, (values, _) = each.growth[network], _line(each, network)
        assert growth.performance is not None  # always given
        stages = assign_stages(growth.performance).labels
        ax.plot(growth.trials_seen / 1000, values, color=plotting.GREY, linewidth=0.6, zorder=1)
        for stage, colour in plotting.STAGE_COLOURS.items():
            own = stages == stage
            first = network == next(iter(each.growth))
            ax.plot(
                growth.trials_seen[own] / 1000, values[own], "o", color=colour, markersize=3,
                label=stage if first else None,
            )  # fmt: skip
    ax.axhline(0, color=plotting.GREY, linewidth=0.6, linestyle=":")
    ax.set(xlabel="training trials (thousands)", ylabel="change / baseline")
    ax.set_title(f"{each.rule}, selected on {each.epoch}: mean over {each.measure}")


STUDY = maturation_study("delay-growth", "Growth of cue and delay activity through training", run)
