"""Units that two tasks or epochs have in common through training, and whether they prefer the same cue in both."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...analysis import direction_overlap, select_units
from ...analysis.maturation import DirectionOverlap
from ...analysis.selectivity import SelectedUnits
from ..study import Findings, FindingsTable, Workbench
from ..words import MISSING, number
from .checkpoints import evenly
from .learning import reached
from .networks import ANTI_SACCADES, WORKING_MEMORY, Network, followed, maturation_study, networks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Epoch = tuple[str, str]
Overlaps = dict[tuple[Epoch, Epoch], DirectionOverlap]
PAIRS: tuple[tuple[Epoch, Epoch], ...] = (
    (("odr", "stim1"), ("odrd", "stim1")), (("odr", "delay1"), ("odrd", "delay1")),
    (("odr", "delay1"), ("odrd", "delay2")), (("odrd", "delay1"), ("odrd", "delay2")),
    (("odrd", "stim1"), ("odrd", "delay2")), (("overlap", "stim1"), ("odr", "stim1")),
)  # fmt: skip
#: of 256 units, for the first pair: at the start, in the plateau before working memory, and at the end
PUBLISHED = {
    "start": ("99 (254 units)", "95 to 97 (244 to 249)", "1 (3 to 17 throughout)"),
    "plateau": ("80 to 92 (205 to 235)", "2 to 4 less (5 to 10 units)", "1 to 7 (3 to 17)"),
    "end": ("77 (197)", "69 (176)", "9 (up to 23)"),
}  # fmt: skip
_MODES = ("published", "corrected")
_ALPHA = 0.05


def run(bench: Workbench) -> Findings:
    """Select units in every task and epoch at checkpoints of the whole training, by both sets of tests."""
    found = networks(bench)
    return findings(found, {mode: overlaps(found, mode, bench.budget["checkpoints"]) for mode in _MODES}, bench)


def overlaps(found: Sequence[Network], mode: str, largest: int) -> Overlaps:
    """Return the overlap of every pair at ``largest`` checkpoints from the start of training to its end."""
    selected: dict[Epoch, list[SelectedUnits]] = {}
    wanted = dict.fromkeys(epoch for pair in PAIRS for epoch in pair)
    for rule in dict.fromkeys(rule for rule, _ in wanted):
        with followed(found, rule, lambda network: evenly(np.arange(len(network.trials_seen)), largest)) as replayed:
            what = replayed.what()
            for recording in replayed:
                activity, epochs = np.asarray(recording.activity[...]), recording.epochs
                for epoch in (name for of, name in wanted if of == rule):
                    units = select_units(
                        activity, recording.time, recording.trials["cue"], epochs[epoch], epochs["fix1"], mode=mode,
                        responsive_epoch=epochs["stim1"] if mode == "published" else None,
                    )  # fmt: skip
                    selected.setdefault((rule, epoch), []).append(units)
    return {
        (first, second): direction_overlap(
            selected[first], selected[second], trials_seen=what["trials_seen"], networks=what["networks"],
            names=(" ".join(first), " ".join(second)),
        )
        for first, second in PAIRS
    }  # fmt: skip


def findings(found: Sequence[Network], shared: Mapping[str, Overlaps], bench: Workbench) -> Findings:
    """Return the tables and the figure of overlaps by mode."""
    published = shared["published"]
    figure = plotting.save(_figure(published), bench.output / "directions.png")
    values = {
        mode: {
            f"{' '.join(first)} / {' '.join(second)}": _shares(one, _ends(one)) for (first, second), one in of.items()
        }
        for mode, of in shared.items()
    }
    tables = [_training_table(found, published[PAIRS[0]]), _end_table(shared)]
    return Findings(tables, _remarks(shared), [figure], values)


def phases(network: Network, trials_seen: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rows of ``trials_seen`` (checkpoint,) of one network at the start, in the plateau and at the end.

    The plateau lies between the time when the anti-saccades are learnt and the time when ODR or ODRD passes 0.35.
    """
    start = max(reached(network.trials_seen, network.performance[rule], 0.95) for rule in ANTI_SACCADES)
    stop = min(reached(network.trials_seen, network.performance[rule], 0.35) for rule in WORKING_MEMORY)
    plateau = np.flatnonzero((trials_seen > start) & (trials_seen < stop))
    return {"start": np.array([trials_seen.argmin()]), "plateau": plateau, "end": np.array([trials_seen.argmax()])}


def _shares(found: DirectionOverlap, rows: np.ndarray) -> dict[str, float]:
    """Return means over some checkpoints of percentages of all units, and of what chance gives."""
    names = ("both", "both_expected", "same", "same_expected", "different")
    return {name: float(100 * np.mean(getattr(found, name)[rows] / found.n_units[rows])) for name in names}


def _ends(found: DirectionOverlap) -> np.ndarray:
    """Return the last checkpoint of each network, (network,)."""
    own = [np.flatnonzero(found.network_codes == code) for code in range(len(found.networks))]
    return np.array([rows[found.trials_seen[rows].argmax()] for rows in own])


def _each(values: Sequence[float] | np.ndarray) -> str:
    """Return whole numbers, one of each network: few networks have no better interval than their values."""
    return ", ".join(number(value, 0) for value in values) or MISSING


def _training_table(found: Sequence[Network], overlap: DirectionOverlap) -> FindingsTable:
    by_phase: dict[str, list[dict[str, float]]] = {phase: [] for phase in PUBLISHED}
    for network in found:
        own = np.flatnonzero(overlap.network_codes == overlap.networks.index(network.name))
        for phase, rows in phases(network, overlap.trials_seen[own]).items():
            if len(rows):
                by_phase[phase].append(_shares(overlap, own[rows]))
    table = []
    for phase, shares in by_phase.items():
        cells = {
            name: _each([one[name] for one in shares])
            for name in ("both", "both_expected", "same", "same_expected", "different")
        }
        both, same, different = PUBLISHED[phase]
        table.append([
            phase, cells["both"], both, cells["both_expected"], cells["same"], same, cells["same_expected"],
            cells["different"], different, str(len(shares)),
        ])  # fmt: skip
    note = (
        "Percent of all units, one number per network; published: one network, of 256 units. Units of "
        "the published selection that some cue excites. Chance: of as many units drawn at random, and of preferences "
        "exchanged between the shared units. The plateau lies between the anti-saccades (0.95) and ODR or ODRD (0.35); "
        "the last column says how many networks have the phase among their checkpoints."
    )
    header = ["", "in both", "published", "chance", "same", "published", "chance", "different", "published", "networks"]
    return FindingsTable("Units selective for the cue in ODR and in ODRD", header, table, note)


def _end_table(shared: Mapping[str, Overlaps]) -> FindingsTable:
    rows = []
    for pair in PAIRS:
        for mode, of in shared.items():
            one, ends = of[pair], _ends(of[pair])
            cells = [
                _each(100 * getattr(one, name)[ends] / one.n_units[ends])
                for name in ("both", "both_expected", "same", "same_expected")
            ]
            more = int((one.same_p_values[ends] <= _ALPHA).sum())
            rows.append([" / ".join(one.names), mode, *cells, f"{more} of {len(ends)}"])
    note = (
        "As above, at the end of training, by the tests of the study and by corrected ones. Last column: networks in "
        f"which more preferences agree than when exchanged between units, p ≤ {_ALPHA}."
    )
    header = ["pair", "tests", "in both", "chance", "same", "chance", "agree"]
    return FindingsTable("Every pair of tasks and epochs at the end of training (% of units)", header, rows, note)


def _remarks(shared: Mapping[str, Overlaps]) -> list[str]:
    remarks = []
    for mode, of in shared.items():
        first = of[PAIRS[0]]
        ends = _ends(first)
        starts = np.array([
            rows[first.trials_seen[rows].argmin()]
            for rows in (np.flatnonzero(first.network_codes == code) for code in range(len(first.networks)))
        ])  # fmt: skip
        fewer = int((first.both[ends] < first.both[starts]).sum())
        above = int((first.both_p_values[ends] <= _ALPHA).sum())
        remarks.append(
            f"ODR and ODRD cues, {mode} tests: fewer units are shared at the end than at the start in {fewer} of "
            f"{len(ends)} networks; more than two selections of these sizes share by chance in {above}."
        )
    apart = [
        f"{' / '.join(one.names)}"
        for one in shared["published"].values()
        if (one.same < one.same_low)[_ends(one)].all()
    ]
    if apart:
        remarks.append(
            "Preferences agree less often than when exchanged between units, at the end and in every network: "
            f"{', '.join(apart)}. The test distractor is opposite the cue."
        )
    return remarks


def _figure(found: Overlaps) -> "Figure":
    drawn = plotting.figure(rows=2, columns=3, width=3.5, height=2.6)
    for ax, overlap in zip(drawn.axes, found.values(), strict=True):
        overlap.plot(ax)
        ax.set_title(" / ".join(overlap.names))
        for code in range(len(overlap.networks)):
            own = overlap.network_codes == code
            ax.plot(
                overlap.trials_seen[own], overlap.same_expected[own], color=plotting.GREY, linewidth=0.9, linestyle=":",
                label="same preferred, by chance" if code == 0 else None,
            )  # fmt: skip
        ax.set_xlabel("training trials (thousands)")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}")
        handles, labels = ax.get_legend_handles_labels()
        legend = ax.get_legend()
        assert legend is not None  # the plot has drawn it
        legend.remove()
        ax.set_ylim(0, 1.03 * overlap.n_units.max())
    with plotting.style():
        drawn.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return drawn


STUDY = maturation_study("directions", "Units that tasks and epochs have in common, and their preferred cues", run)
