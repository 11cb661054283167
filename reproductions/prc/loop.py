"""Bursts, coincidences and gain in a soma and a dendrite that excite each other (figure 6).

The three published experiments beside their printed spikes, and the same with the back-propagating action potential or
the dendritic conductance blocked: what of it needs the loop.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ... import plotting
from ...analysis import burst_trains
from ...results import Array
from ...trainers.prc import cells
from ...trainers.prc.experiments import get_experiment, spike_onsets
from ...trainers.prc.graph import Cell
from ...trainers.prc.protocols import PairedPulses, Steps
from ...trainers.prc.simulation import simulate
from ..study import Findings, FindingsTable, Scale, Study, Workbench
from .loop_figures import loop_figure
from .published import SOURCE, agrees, beside, verdict
from .published_spikes import DRUGS, LOOP, LOOP_BURSTS, Spiking

#: spikes at most this apart (ms) are of one burst; published intervals are 9.1 at most within, 22.5 at least between
BURST_INTERVAL = 15.0


@dataclasses.dataclass(frozen=True)
class Response:
    """What the cell did in one condition: traces by name, (time,), at times (ms) that count from ``origin``."""

    time: Array
    traces: Mapping[str, Array]
    inputs: Mapping[str, Array]
    onsets: Array

    @property
    def dendrite(self) -> float:
        """Largest V_d."""
        return float(self.traces["dendrite"].max())

    @property
    def soma(self) -> float:
        """Largest V_s."""
        return float(self.traces["soma_drive"].max())

    @property
    def bursts(self) -> tuple[Array, Array, Array]:
        """Spikes in each burst, 1 for a single spike; intervals within bursts, and between them (ms)."""
        spikes = self.traces["soma"][None, :, None] > 0
        table = burst_trains(spikes, self.time / 1000, BURST_INTERVAL / 1000).table
        intervals, first = cells.DT * table.steps[1:], table.first[1:]
        return table.group_sizes, intervals[~first], intervals[first]

    def between(self, begin: float, end: float) -> "Response":
        """Return the part from ``begin`` to before ``end``; times stay as they are."""
        # Times are multiples of the step only to rounding.
        part = (self.time > begin - cells.DT / 2) & (self.time < end - cells.DT / 2)
        traces, inputs = ({name: one[part] for name, one in all_.items()} for all_ in (self.traces, self.inputs))
        kept = (self.onsets > begin - cells.DT / 2) & (self.onsets < end - cells.DT / 2)
        return Response(self.time[part], traces, inputs, self.onsets[kept])


Responses = Mapping[str, Mapping[str, Response]]

#: experiment → condition → amplitude into soma, into dendrite, and lag of the dendritic pulse (ms)
PULSES: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "coincidence": {
        "dendrite −15 ms": (4, 3, -15), "dendrite 0 ms": (4, 3, 0), "dendrite +15 ms": (4, 3, 15),
        "soma alone": (4, 0, 0), "dendrite alone": (0, 3, 0),
    },
    "gain": {f"soma {soma}, dendrite {dendrite}": (soma, dendrite, 0) for dendrite in (0, 3) for soma in (3, 4, 5)},
}  # fmt: skip


def run(bench: Workbench) -> Findings:
    """Run the experiments, each without a drug and under two."""
    found = {drug: responses(drug) for drug in DRUGS}
    control = found["no drug"]
    tables = [
        onset_table("Bursting", control["bursting"], LOOP["bursting"], "record"),
        burst_table(found),
        onset_table("Coincidence detection", control["coincidence"], LOOP["coincidence"], "somatic pulse"),
        gain_table(control["gain"]),
        drug_table(found),
    ]
    files = [plotting.save(loop_figure(found), bench.output / "loop.png")]
    values: dict[str, Any] = {
        drug: {
            name: {condition: one.onsets.tolist() for condition, one in conditions.items()}
            for name, conditions in experiments.items()
        }
        for drug, experiments in found.items()
    }
    return Findings(tables, _remarks(found), files, values)


def responses(drug: str) -> Responses:
    """Return experiment → condition → response under a drug, a key of :data:`DRUGS`."""
    cell = cells.loop().blocked(DRUGS[drug])
    return {"bursting": _steps(cell), **{name: _pulses(cell, name) for name in PULSES}}


def _steps(cell: Cell) -> dict[str, Response]:
    """Return the responses to current into soma, dendrite and both: parts of one record, pauses after them included."""
    experiment = get_experiment("loop", "bursting")
    assert isinstance(experiment.stimulus, Steps)
    inputs = experiment.stimulus.inputs(np.array(experiment.amplitudes), experiment.dt)
    traces = simulate(cell, inputs, experiment.dt)
    record = _response({name: one[0] for name, one in traces.items()}, {n: one[0] for n, one in inputs.items()}, 0.0)
    begins = experiment.stimulus.onset + (experiment.stimulus.step + experiment.stimulus.pause) * np.arange(3)
    return {name: record.between(begin, end) for name, begin, end in zip(
        ("soma", "dendrite", "both"), begins, [*begins[1:], np.inf], strict=True
    )}  # fmt: skip


def _pulses(cell: Cell, name: str) -> dict[str, Response]:
    experiment = get_experiment("loop", name)
    assert isinstance(experiment.stimulus, PairedPulses)
    given = [
        dataclasses.replace(experiment.stimulus, dendritic_amplitude=dendrite, lag=lag).inputs(
            np.array([soma]), experiment.dt
        )
        for soma, dendrite, lag in PULSES[name].values()
    ]
    inputs = {name: np.concatenate([one[name] for one in given]) for name in given[0]}
    traces = simulate(cell, inputs, experiment.dt)
    return {
        condition: _response(
            {name: one[row] for name, one in traces.items()}, {name: one[row] for name, one in inputs.items()},
            experiment.stimulus.onset,
        )
        for row, condition in enumerate(PULSES[name])
    }  # fmt: skip


def _response(traces: Mapping[str, Array], inputs: Mapping[str, Array], origin: float) -> Response:
    time = cells.DT * np.arange(len(traces["soma"])) - origin
    return Response(time, traces, inputs, spike_onsets(traces["soma"], cells.DT) - origin)


def onset_table(title: str, found: Mapping[str, Response], theirs: Mapping[str, Spiking], origin: str) -> FindingsTable:
    """Return onsets of spikes and largest potentials beside the published ones; ``origin`` says since when."""
    rows = []
    for condition, published in theirs.items():
        ours = found[condition]
        assert published.onsets is not None
        same = len(ours.onsets) == len(published.onsets)
        pairs = [*zip(ours.onsets, published.onsets, strict=False)] if same else []
        heights = {ours.dendrite: published.dendrite, ours.soma: published.soma}
        pairs += [(value, printed) for value, printed in heights.items() if printed]
        rows.append([
            condition, _times(ours.onsets), ", ".join(published.onsets) or "none",
            *(beside(value, printed) if printed else f"{value:.4f}" for value, printed in heights.items()),
            verdict(pairs) if same else "NO",
        ])  # fmt: skip
    header = ["input", "spikes (ms)", "published", "max V_d", "max V_s", "agrees"]
    note = f"Onsets from the start of the {origin}; in parentheses published, where it is."
    return FindingsTable(title, header, rows, note)


def gain_table(found: Mapping[str, Response]) -> FindingsTable:
    """Return numbers of spikes and latencies of the first beside the published ones."""
    rows = []
    for condition, published in LOOP["gain"].items():
        onsets = found[condition].onsets
        first = beside(float(onsets[0]), published.latency) if len(onsets) else "none"
        same = len(onsets) == published.count and agrees(float(onsets[0]), published.latency)
        rows.append([condition, f"{len(onsets)} ({published.count})", first, _times(onsets), "yes" if same else "NO"])
    header = ["amplitudes", "spikes", "first (ms)", "all (ms)", "agrees"]
    return FindingsTable("Gain modulation", header, rows, "From the somatic pulse on; in parentheses published.")


def burst_table(found: Mapping[str, Responses]) -> FindingsTable:
    """Return sizes of bursts and intervals under steps of current."""
    rows = []
    for drug, experiments in found.items():
        for condition in ("soma", "both"):
            sizes, *intervals = experiments["bursting"][condition].bursts
            rows.append([drug, condition, *_sizes(sizes), *(_range(one) for one in intervals)])
            if (drug, condition) == ("no drug", "both"):
                theirs, *ranges = LOOP_BURSTS
                rows.append([drug, "both, published", *_sizes(theirs), *("–".join(one) for one in ranges)])
    header = ["drug", "input", "spikes", "in each burst", "within (ms)", "between (ms)"]
    note = f"Intervals up to {BURST_INTERVAL:g} ms are within a burst; a burst of 1 is a single spike."
    return FindingsTable("Bursts", header, rows, note)


def drug_table(found: Mapping[str, Responses]) -> FindingsTable:
    """Return numbers of spikes and largest V_d of every condition under every drug."""
    rows = [
        [experiment, condition, *(
            f"{len(one.onsets)} ({one.dendrite:.2f})" for one in (found[drug][experiment][condition] for drug in DRUGS)
        )]
        for experiment, conditions in found["no drug"].items()
        for condition in conditions
    ]  # fmt: skip
    header = ["experiment", "input", *DRUGS]
    note = (
        "Spikes, in parentheses the largest V_d. Sodium: the conductance of the dendrite, its only way to the soma. "
        "BAP: the spike no longer reaches the dendrite, whose own input still does."
    )
    return FindingsTable("Blockades", header, rows, note)


def _remarks(found: Mapping[str, Responses]) -> list[str]:
    def count(drug: str, experiment: str, condition: str) -> int:
        return len(found[drug][experiment][condition].onsets)

    n_bursts = [int((own["bursting"]["both"].bursts[0] > 1).sum()) for own in found.values()]
    left = [count(drug, "bursting", "both") for drug in found]
    paired = [
        [count(drug, "coincidence", one) for one in PULSES["coincidence"] if "alone" not in one] for drug in found
    ]
    added = [
        [count(drug, "gain", f"soma {soma}, dendrite 3") - count(drug, "gain", f"soma {soma}, dendrite 0")
         for soma in (3, 4, 5)]
        for drug in found
    ]  # fmt: skip
    gone = not any(n_bursts[1:]) and all(set(own) == {1} for own in paired[1:]) and not any(map(any, added[1:]))
    return [
        "Spikes, and bursts of two or more, under current into both compartments: "
        f"{_by_drug(zip(left, n_bursts, strict=True))}; into the soma alone: "
        f"{count('no drug', 'bursting', 'soma')}, 0.",
        f"Spikes with the dendritic pulse 15 ms before, with and 15 ms after the somatic one: {_by_drug(paired)}; a "
        f"somatic pulse alone gives {count('no drug', 'coincidence', 'soma alone')}.",
        f"Spikes that a dendritic pulse adds to somatic pulses of 3, 4 and 5: {_by_drug(added)}.",
        f"Bursts, and spikes added by dendritic pulses, are {'all gone' if gone else 'NOT all gone'} under either "
        "drug. With the BAP blocked the dendrite still helps a little: under current into both the soma fires "
        f"{left[1]} instead of {left[2]} times.",
    ]


def _by_drug(numbers: Iterable[Sequence[int]]) -> str:
    words = [f"{drug} {', '.join(map(str, own))}" for drug, own in zip(DRUGS, numbers, strict=True)]
    return "; ".join(words)


def _sizes(sizes: Sequence[int] | Array) -> list[str]:
    return [str(sum(sizes)), ", ".join(map(str, sizes))]


def _times(onsets: Array) -> str:
    return ", ".join(f"{one:.1f}" for one in onsets) or "none"


def _range(values: Array) -> str:
    return f"{values.min():.1f}–{values.max():.1f}" if len(values) else "–"


STUDY = Study(
    name="prc.loop",
    title="A loop of soma and dendrite: bursts, coincidence detection and gain (Figure 6)",
    source=SOURCE,
    scales={"small": Scale(1, {}), "paper": Scale(1, {})},
    run=run,
)
