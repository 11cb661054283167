"""Principal components of the trajectories of all cue locations, every unit z-scored, at each stage of training."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import ConditionPCA, condition_pca
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, number, over_networks
from .moments import Moment, at_stage, at_stages, by_network, fullest
from .networks import ANTI_SACCADES, WORKING_MEMORY, maturation_study, networks
from .populations import STAGES, rising
from .stage_panels import stage_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RULES = (*WORKING_MEMORY, *ANTI_SACCADES)
_COMPONENTS = 3
# Columns of the table, with their digits.
_DIGITS = {"1": 0, "2": 0, "3": 0, "all": 0, "dimensions": 1}


@dataclasses.dataclass(frozen=True)
class Reduced:
    """Principal components of a network at one stage."""

    moment: Moment
    result: ConditionPCA

    @property
    def numbers(self) -> Mapping[str, float]:
        """Percent of variance of each component and of all three, and how many dimensions they fill."""
        ratio = 100 * self.result.variance_ratio
        return {
            **{str(number + 1): float(share) for number, share in enumerate(ratio)},
            "all": float(ratio.sum()),
            "dimensions": self.result.participation_ratio,
        }


def run(bench: Workbench) -> Findings:
    """Find the components of every network at every stage that it has."""
    found = networks(bench)
    reduced = {rule: [_reduced(moment) for moment in at_stages(found, rule)] for rule in _RULES}
    files = [
        plotting.save(_figure(own, rule), bench.output / f"pca_{rule}.png") for rule, own in reduced.items() if own
    ]
    values = {
        rule: [{"network": one.moment.network, "stage": one.moment.stage, **one.numbers} for one in own]
        for rule, own in reduced.items()
    }
    return Findings([_table(reduced)], _remarks(reduced), files, {"components": values})


def _reduced(moment: Moment) -> Reduced:
    recording = moment.recording
    cue, time = np.asarray(recording.trials["cue"]), np.asarray(recording.time)
    return Reduced(moment, condition_pca(recording.activity, cue, n_components=_COMPONENTS, time=time))


def _numbers(own: Sequence[Reduced]) -> dict[str, list[dict[str, float]]]:
    """Return each of the numbers as stage → number for each network."""
    moments = [one.moment for one in own]
    return {name: by_network(moments, [one.numbers[name] for one in own]) for name in _DIGITS}


def _table(reduced: Mapping[str, Sequence[Reduced]]) -> FindingsTable:
    rows = []
    for rule, own in reduced.items():
        numbers = _numbers(own)
        performance = by_network([one.moment for one in own], [one.moment.performance for one in own])
        for stage in STAGES:
            cells = [over_networks(at_stage(numbers[name], stage), digits) for name, digits in _DIGITS.items()]
            there = at_stage(performance, stage)
            rows.append([rule, stage, str(len(there)), number(float(np.mean(there))) if there else MISSING, *cells])
    note = (
        "Percent of the variance of z-scored trial averages along components 1, 2 and 3 and all three; participation "
        "ratio. Mean over networks with Student's 95 % "
        "interval. The publication shows the time courses and states no numbers."
    )
    header = ["rule", "stage", "networks", "performance", "1, %", "2, %", "3, %", "all, %", "dimensions"]
    return FindingsTable("Principal components of trajectories", header, rows, note)


def _remarks(reduced: Mapping[str, Sequence[Reduced]]) -> list[str]:
    rose = {rule: rising(_numbers(own)["dimensions"], ("early", "mature")) for rule, own in reduced.items()}
    return [
        f"{rule}: trajectories fill more dimensions when mature than early in {count}." for rule, count in rose.items()
    ]


def _figure(own: Sequence[Reduced], rule: str) -> "Figure":
    """Return the components against time at each stage of the network that has most stages."""
    network = fullest([one.moment for one in own])
    rows = [
        (f"{one.moment.stage} ({one.moment.performance:.2f})", np.moveaxis(one.result.scores, -1, 0))
        for one in own
        if one.moment.network == network
    ]
    columns = [f"component {number + 1}" for number in range(len(rows[0][1]))]
    units = [int(label) for label in own[0].result.labels]
    return stage_panels(
        rows, columns, own[0].moment.recording, units,
        ylabel="score (z-scored units)",
        title=f"{rule}, {network}: components of z-scored trajectories (performance in brackets)",
    )  # fmt: skip


STUDY = maturation_study("pca", "Principal components at stages of training", run)
