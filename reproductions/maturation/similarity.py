"""How alike representations are: of one network over its training, and of different networks at matched stages.

Similarity is centred linear kernel alignment (CKA), debiased for the number of samples: 1 for representations that are
equal up to rotation and scale, 0 on average for unrelated ones. All checkpoints see the same test trials.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import cka_matrix, flatten_samples
from ...analysis.alignment.jackknife import jackknife_errors, student_interval
from ...readers import Recording
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, over_networks, with_interval
from .moments import at_stages
from .networks import RULES, Followed, Network, followed, maturation_study, networks
from .populations import STAGES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LARGEST = 25
# Samples closer than the time constant of the units (100 ms) say the same twice.
_EVERY = 5
_LINES = ("solid", "dashed", "dotted", "dashdot")
_KINDS = ("all", "cue")
_WHICH = ("same network", "different networks")
_PAIRS = tuple(combinations_with_replacement(STAGES, 2))


@dataclasses.dataclass(frozen=True)
class Path:
    """Similarity of the checkpoints of one network on one rule: ``matrix`` is (checkpoint, checkpoint)."""

    network: str
    trials_seen: np.ndarray
    performance: np.ndarray
    matrix: np.ndarray

    def first_above(self, level: float) -> float:
        """Return the trials from which similarity to the final network stays above a level."""
        below = np.flatnonzero(self.matrix[-1] <= level)
        return float(self.trials_seen[below[-1] + 1 if len(below) else 0])


@dataclasses.dataclass(frozen=True)
class Matched:
    """Similarity of networks at stages: ``matrix`` is (moment, moment), ``networks`` and ``stages`` (moment,)."""

    networks: tuple[str, ...]
    stages: tuple[str, ...]
    matrix: np.ndarray

    def within(self, first: str, second: str) -> list[float]:
        """Return the similarity of two stages of the same network, for every network that has both."""
        return [float(self.matrix[i, j]) for i, j in self._pairs(first, second) if self.networks[i] == self.networks[j]]

    def between(self, first: str, second: str) -> tuple[float, float, float]:
        """Return the mean similarity of a network at one stage and another at a second, with its 95 % interval.

        The interval is the jackknife's over networks: a network is in several pairs, which are not independent. NaN
        with fewer than two networks, without an interval with fewer than three.
        """
        pairs = [(i, j) for i, j in self._pairs(first, second) if self.networks[i] != self.networks[j]]
        names = sorted({self.networks[i] for pair in pairs for i in pair})
        if not pairs:
            return (np.nan,) * 3
        mean = float(np.mean([self.matrix[pair] for pair in pairs]))
        if len(names) < 3:
            return mean, np.nan, np.nan
        left_out = []
        for name in names:
            others = [self.matrix[i, j] for i, j in pairs if name not in (self.networks[i], self.networks[j])]
            left_out.append(np.mean(others))
        error = jackknife_errors(np.array(mean), np.array(left_out), [1] * len(names))
        low, high = student_interval(np.array(mean), error, len(names), 0.95)
        return mean, float(low), float(high)

    def _pairs(self, first: str, second: str) -> Iterator[tuple[int, int]]:
        """Yield the moments of every two networks, or of the same, at these stages, each pair once."""
        for i, j in combinations(range(len(self.stages)), 2):
            if {self.stages[i], self.stages[j]} == {first, second}:
                yield i, j


def run(bench: Workbench) -> Findings:
    """Compare checkpoints within networks, and networks at each stage."""
    found = networks(bench)
    largest = min(_LARGEST, bench.budget["checkpoints"])
    paths = {rule: list(_paths(found, rule, largest)) for rule in RULES}
    matched = {rule: _matched(found, rule) for rule in RULES}
    files = [
        plotting.save(_map_figure(paths), bench.output / "similarity_maps.png"),
        plotting.save(_final_figure(paths), bench.output / "similarity_to_final.png"),
    ]
    values = {rule: {one.network: one.matrix[-1].tolist() for one in own} for rule, own in paths.items()}
    tables = [_stage_table(matched), _final_table(paths)]
    return Findings(tables, _remarks(matched), files, {"similarity_to_final": values})


def samples(recording: Recording) -> np.ndarray:
    """Return the activity of every trial each 100 ms, (sample, unit)."""
    return np.asarray(flatten_samples(np.asarray(recording.activity)[:, ::_EVERY]), np.float32)


def evenly(network: Network, largest: int) -> np.ndarray:
    """Return the rows of at most so many checkpoints from the first to the last."""
    n = len(network.trials_seen)
    return np.unique(np.linspace(0, n - 1, min(n, largest)).round().astype(int))


def similarity(found: Followed) -> np.ndarray:
    """Return CKA between every two of the checkpoints, each replayed once, of which only the samples are kept."""
    return cka_matrix([samples(recording) for recording in found], debiased=True)


def _paths(found: Sequence[Network], rule: str, largest: int) -> Iterator[Path]:
    for network in found:
        with followed([network], rule, lambda one: evenly(one, largest)) as chosen:
            yield Path(network.name, chosen.trials_seen, chosen.performance, similarity(chosen))


def _matched(found: Sequence[Network], rule: str) -> dict[str, Matched]:
    """Return the similarity of all of the activity, and of its deviation from the mean over trials at each time."""
    moments = list(at_stages(found, rule))
    names = tuple(one.network for one in moments), tuple(one.stage for one in moments)
    if not moments:
        return {kind: Matched(*names, np.zeros((0, 0))) for kind in _KINDS}
    return {
        "all": Matched(*names, cka_matrix([samples(one.recording) for one in moments], debiased=True)),
        "cue": Matched(*names, cka_matrix([without_mean(one.recording) for one in moments], debiased=True)),
    }


def without_mean(recording: Recording) -> np.ndarray:
    """Return :func:`samples` less the mean over trials at each time: what depends on the cue."""
    activity = np.asarray(recording.activity)[:, ::_EVERY]
    return np.asarray(flatten_samples(activity - activity.mean(axis=0)), np.float32)


def _stage_table(matched: Mapping[str, Mapping[str, Matched]]) -> FindingsTable:
    rows = []
    for rule, kinds in matched.items():
        for first, second in _PAIRS:
            stages = f"{first} – {second}" if first != second else first
            cells = []
            for kind in _KINDS:
                own = kinds[kind]
                cells.append(MISSING if first == second else over_networks(own.within(first, second)))
                cells.append(with_interval(*own.between(first, second)))
            rows.append([rule, stages, *cells])
    note = (
        "Centred linear CKA, debiased, of the activity of all units on the same trials, every 100 ms; and of its part "
        "that depends on the cue, less the mean over trials at each time. Every network at the checkpoint that stands "
        "for the stage, so that performance is matched. Mean with 95 % interval: Student's over networks; between "
        "networks the jackknife's over networks, from three on. Not in the publication."
    )
    header = ["rule", "stages", *(f"{which}{kind}" for kind in ("", ", cue part") for which in _WHICH)]
    return FindingsTable("Similarity of stages", header, rows, note)


def _final_table(paths: Mapping[str, Sequence[Path]]) -> FindingsTable:
    rows = []
    for rule, own in paths.items():
        reached = [", ".join(f"{one.first_above(level) / 1000:.0f}" for one in own) for level in (0.5, 0.9)]
        learnt = ", ".join(f"{_learnt(one) / 1000:.0f}" if np.isfinite(_learnt(one)) else "never" for one in own)
        rows.append([rule, over_networks([float(one.matrix[-1, 0]) for one in own]), *reached, learnt])
    note = (
        "CKA of the untrained network with the final one, and thousands of trials from which it stays above 0.5 and "
        "0.9, and performance above 0.5; one number per network, at the resolution of the maps."
    )
    header = ["rule", "untrained", "above 0.5", "above 0.9", "performance above 0.5"]
    return FindingsTable("Similarity to the final network", header, rows, note)


def _learnt(path: Path) -> float:
    """Return the trials from which performance stays above one half, inf if it does not."""
    below = np.flatnonzero(path.performance <= 0.5)
    if not len(below):
        return float(path.trials_seen[0])
    return float(path.trials_seen[below[-1] + 1]) if below[-1] + 1 < len(path.trials_seen) else float("inf")


def _remarks(matched: Mapping[str, Mapping[str, Matched]]) -> list[str]:
    own_path, converge, tested = [], [], []
    for rule, kinds in matched.items():
        own = kinds["cue"]
        within = own.within("early", "mature")
        early, mature = own.between("early", "early")[0], own.between("mature", "mature")[0]
        if within and np.isfinite([early, mature]).all():
            tested.append(rule)
            own_path += [rule] if np.mean(within) > mature else []
            converge += [rule] if mature > early else []
    if not tested:
        return ["No rule has two networks at both the early and the mature stage: networks are not compared."]
    said = {
        "Mature networks are more like their own early stage than like other mature networks": own_path,
        "Different networks are more alike when mature than when early": converge,
    }
    return [
        f"{claim}, in the part that depends on the cue, on {len(rules)} of {len(tested)} rules: {_listed(rules)}."
        for claim, rules in said.items()
    ]


def _listed(rules: Sequence[str]) -> str:
    return ", ".join(rules) or "none"


def _map_figure(paths: Mapping[str, Sequence[Path]]) -> "Figure":
    """Return the maps of the first network, one for each rule; lines where the rule is learnt."""
    drawn = plotting.figure(rows=2, columns=3, width=3.3, height=2.9)
    for ax, (rule, own) in zip(drawn.axes, paths.items(), strict=True):
        first = own[0]
        end = first.trials_seen[-1] / 1000
        image = ax.imshow(
            first.matrix, extent=(0, end, 0, end), origin="lower", cmap=plotting.SEQUENTIAL, vmin=0, vmax=1
        )
        if np.isfinite(_learnt(first)):
            for line in (ax.axhline, ax.axvline):
                line(_learnt(first) / 1000, color="white", linewidth=0.9, linestyle="dashed")
        ax.set(xlabel="training trials (thousands)", ylabel="training trials (thousands)", title=rule)
    with plotting.style():
        drawn.colorbar(image, ax=drawn.axes, shrink=0.6, label="CKA (centred, debiased)")
        title = f"Similarity over training, {own[0].network}; dashed: performance above 0.5 from here on"
        drawn.suptitle(title, x=0.01, ha="left", fontsize="large")
    return drawn


def _final_figure(paths: Mapping[str, Sequence[Path]]) -> "Figure":
    """Return similarity to the final network against training, with performance, each network by its line."""
    drawn = plotting.figure(rows=2, columns=3, width=3.3, height=2.5)
    for ax, (rule, own) in zip(drawn.axes, paths.items(), strict=True):
        for number, one in enumerate(own):
            trials, first, line = one.trials_seen / 1000, number == 0, _LINES[number % len(_LINES)]
            for values, label, style in (
                (one.performance, "performance", {"color": plotting.GREY, "linewidth": 0.8}),
                (one.matrix[-1], "CKA with the final network", {"color": plotting.CUED_RULE_COLOURS[rule]}),
            ):
                ax.plot(trials, values, linestyle=line, label=label if first else None, **style)
        ax.set(xlabel="training trials (thousands)", title=rule, ylim=(-0.03, 1.03))
    for ax in (drawn.axes[0], drawn.axes[3]):
        ax.set_ylabel("CKA, fraction correct")
    drawn.axes[0].legend(fontsize="small", frameon=False, loc="lower right")
    return drawn


STUDY = maturation_study("similarity", "Similarity of representations over training and between networks", run)
