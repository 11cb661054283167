"""Demixed PCA at each stage of training: what depends on time alone, on the cue alone, and on both.

Every network is looked at where its performance is nearest to the target of the stage, on trials without input noise.
"""

import dataclasses
import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import DemixedPCA, dpca
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, number, over_networks
from .moments import Moment, at_stage, at_stages, by_network, fullest
from .networks import Network, maturation_study, networks
from .populations import STAGES, rising
from .stage_panels import stage_bars, stage_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: rule → units of the ring at which cues are looked at, as in the published figures
LOCATIONS = {"odr": tuple(range(8)), "odrd": (1, 5), "overlap": (0, 4)}
PARTS = ("t", "s", "st")
_WORDS = {"t": "time", "s": "cue", "st": "cue × time"}
_COMPONENTS = 10


@dataclasses.dataclass(frozen=True)
class Demixed:
    """Demixed PCA of a network at one stage."""

    moment: Moment
    result: DemixedPCA


Span = tuple[float, float]
#: first components of ODR at the mature stage, read off the published figure
PUBLISHED = {
    "time, start of the trial": "−6.1",
    "time, 1.00 s": "1.9",
    "time, 1.48 s": "−1.8 to 0.4",
    "time, 1.75 s": "−0.3 to 4.2",
    "time, end of the trial": "−8.8 to −6.2",
    "cue, 0.98 s": "≈ −0.6",
    "cue, 1.48 s": "−2.4 to 4.1",
    "cue, 2.98 s": "decays",
    "cue × time, largest": "17 (1.73 s)",
    "cue × time, largest of the other sign there": "−13.7 (2.30 s)",
}


def run(bench: Workbench) -> Findings:
    """Demix the activity of every network at every stage that it has."""
    found = networks(bench)
    demixed = {rule: [demix(moment, rule) for moment in at_stages(found, rule)] for rule in LOCATIONS}
    files = [
        plotting.save(_components_figure(own, rule), bench.output / f"dpca_{rule}.png")
        for rule, own in demixed.items()
        if own
    ]
    if files:
        files.append(plotting.save(_shares_figure(demixed), bench.output / "dpca_variance.png"))
    tables = [_share_table(demixed), _landmark_table(found, demixed["odr"])]
    values = {rule: shares(own) for rule, own in demixed.items()}
    return Findings(tables, _remarks(demixed), files, {"share_of_variance": values})


def demix(moment: Moment, rule: str) -> Demixed:
    """Return demixed PCA of the trials with a cue at :data:`LOCATIONS`, the regularizer chosen on left-out trials."""
    activity, cue = _trials(moment, rule)
    n_components = min(_COMPONENTS, activity.shape[2])
    return Demixed(
        moment, dpca(activity, {"s": cue}, n_components, regularizer="auto", time=np.asarray(moment.recording.time))
    )


def _trials(moment: Moment, rule: str) -> tuple[np.ndarray, np.ndarray]:
    cue = np.asarray(moment.recording.trials["cue"])
    own = np.isin(cue, LOCATIONS[rule])
    return np.asarray(moment.recording.activity)[own], cue[own]


def oriented(result: DemixedPCA) -> dict[str, np.ndarray]:
    """Return the first component of each part, (location, time), with the published signs.

    Time ends below zero; the largest excursion of the others is above.
    """
    first = {name: result.components[name][0] for name in PARTS}
    signs = {name: np.sign(trace.flat[np.abs(trace).argmax()]) or 1.0 for name, trace in first.items()}
    signs["t"] = -np.sign(first["t"][:, -1].mean()) or 1.0
    return {name: signs[name] * trace for name, trace in first.items()}


def landmarks(result: DemixedPCA) -> dict[str, Span]:
    """Return what :data:`PUBLISHED` lists: the lowest and highest over locations; of extremes, value and time in s."""
    traces, time = oriented(result), np.asarray(result.time)

    def span(part: str, seconds: float) -> Span:
        there = traces[part][:, np.abs(time - seconds).argmin()]
        return float(there.min()), float(there.max())

    mixed = traces["st"]
    location, peak = np.unravel_index(int(mixed.argmax()), mixed.shape)
    trough = int(mixed[location].argmin())
    end = float(time[-1])
    return {
        **{name: span("t", at) for name, at in zip(list(PUBLISHED)[:5], (0.0, 1.0, 1.48, 1.75, end), strict=True)},
        **{name: span("s", at) for name, at in zip(list(PUBLISHED)[5:8], (0.98, 1.48, 2.98), strict=True)},
        "cue × time, largest": (float(mixed[location, peak]), float(time[peak])),
        "cue × time, largest of the other sign there": (float(mixed[location, trough]), float(time[trough])),
    }


def shares(own: Sequence[Demixed]) -> dict[str, list[dict[str, float]]]:
    """Return the share of the signal variance of each part in percent, stage → share for each network."""
    moments = [one.moment for one in own]
    return {part: by_network(moments, [100 * one.result.marginal_variance[part] for one in own]) for part in PARTS}


def _share_table(demixed: Mapping[str, Sequence[Demixed]]) -> FindingsTable:
    rows = []
    for rule, own in demixed.items():
        moments = [one.moment for one in own]
        first = [by_network(moments, [100 * one.result.explained_variance[part][0] for one in own]) for part in PARTS]
        performance = by_network(moments, [moment.performance for moment in moments])
        for stage in STAGES:
            cells = [over_networks(at_stage(numbers, stage), 0) for numbers in (*shares(own).values(), *first)]
            there = at_stage(performance, stage)
            rows.append([rule, stage, str(len(there)), number(float(np.mean(there))) if there else MISSING, *cells])
    note = (
        "Percent of the variance of trial averages, trial noise removed, that depends on time alone, on the cue, and "
        "on both, then of the first component of each. Mean over networks with Student's 95 % interval. Cues at all 8 "
        "locations (odr), at 45° and 225° (odrd), at 0° and 180° (overlap). The publication states no shares."
    )
    words = [f"{_WORDS[part]}, %" for part in PARTS]
    header = ["rule", "stage", "networks", "performance", *words, *(f"first {word}" for word in words)]
    return FindingsTable("Variance by what it depends on", header, rows, note)


def _landmark_table(found: Sequence[Network], odr: Sequence[Demixed]) -> FindingsTable:
    mature = {one.moment.network: landmarks(one.result) for one in odr if one.moment.stage == "mature"}
    rows = []
    for name, published in PUBLISHED.items():
        write = _extreme if name.startswith("cue × time") else _span
        rows.append(
            [name, published, *(write(mature[one.name][name]) if one.name in mature else MISSING for one in found)]
        )
    note = (
        "First component of each part at the mature stage: lowest to highest over the 8 cue locations, or value "
        "(time). The scale of components grows with the number and the activity of units (published: one network of "
        "256): shapes compare, sizes do not. Signs are arbitrary: time ends below 0, the largest cue × time is above."
    )
    return FindingsTable("ODR, first components", ["", "published", *(one.name for one in found)], rows, note)


def _span(values: Span) -> str:
    low, high = (f"{value:.1f}".replace("-", "−") for value in values)
    return low if low == high else f"{low} to {high}"


def _extreme(values: Span) -> str:
    return f"{values[0]:.1f} ({values[1]:.2f} s)".replace("-", "−")


def _remarks(demixed: Mapping[str, Sequence[Demixed]]) -> list[str]:
    said = []
    for rule, own in demixed.items():
        rose = {part: rising(numbers, ("early", "mature")) for part, numbers in shares(own).items()}
        words = ", ".join(f"{_WORDS[part]} in {count}" for part, count in rose.items())
        said.append(f"Shares of the variance of {rule} that rise from early to mature: {words}.")
    mature = [one for one in demixed["odr"] if one.moment.stage == "mature"]
    found = [landmarks(one.result) for one in mature]
    decays = sum(np.ptp(one["cue, 2.98 s"]) < np.ptp(one["cue, 1.48 s"]) for one in found)
    said.append(
        f"The cue component of ODR is smaller at the end of the delay than at the end of the cue in {decays} of "
        f"{len(found)} mature networks, as published."
    )
    names = list(PUBLISHED)[-2:]
    swings = sum(-one[names[1]][0] > 0.5 * one[names[0]][0] for one in found)
    said.append(
        f"The first cue × time component swings to the other sign by more than half of its peak, for the same cue, in "
        f"{swings} of {len(found)} mature networks (published: 17, then −13.7)."
    )
    if mature and importlib.util.find_spec("dPCA"):
        said.append(_agreement(mature[0]))
    return said


def _agreement(one: Demixed) -> str:
    """Say how far the axes of the dPCA package, with the same regularizer, are from ours."""
    activity, cue = _trials(one.moment, "odr")
    sizes = dict(zip(one.result.marginalizations, one.result.sizes, strict=True))
    other = dpca(activity, {"s": cue}, sizes, regularizer=one.result.regularizer, engine="package")
    cosines = [abs(float(one.result.encoders[part][:, 0] @ other.encoders[part][:, 0])) for part in PARTS]
    return (
        f"Cosines of our first encoders with those of the dPCA package, ODR of {one.moment.network}: "
        f"{', '.join(f'{cosine:.6f} ({_WORDS[part]})' for part, cosine in zip(PARTS, cosines, strict=True))}."
    )


def _components_figure(own: Sequence[Demixed], rule: str) -> "Figure":
    """Return the first components at each stage of the network that has most stages."""
    network = fullest([one.moment for one in own])
    rows = []
    for one in own:
        if one.moment.network == network:
            traces = oriented(one.result)
            name = f"{one.moment.stage} ({one.moment.performance:.2f})"
            rows.append((name, np.stack([traces[part] for part in PARTS])))
    return stage_panels(
        rows, [_WORDS[part] for part in PARTS], own[0].moment.recording, LOCATIONS[rule],
        ylabel="component (activity)",
        title=f"{rule}, {network}: first component of each part (performance in brackets)",
    )  # fmt: skip


def _shares_figure(demixed: Mapping[str, Sequence[Demixed]]) -> "Figure":
    shown = {rule: own for rule, own in demixed.items() if own}
    drawn = plotting.figure(columns=len(shown), width=3.4, height=3.0)
    for ax, (rule, own) in zip(drawn.axes, shown.items(), strict=True):
        stage_bars(ax, {_WORDS[part]: numbers for part, numbers in shares(own).items()})
        ax.set(ylabel="share of variance (%)", xlabel="depends on")
        ax.set_title(rule)
    drawn.axes[0].legend(fontsize="small", frameon=False)
    return drawn


STUDY = maturation_study("dpca", "Demixed PCA at stages of training", run)
