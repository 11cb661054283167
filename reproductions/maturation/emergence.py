"""How working memory emerges: the fixed points of the delay followed through training, and where they lose stability.

Not in the published study. In the delay the input is constant (fixation and rule), so that what holds a memory is a
property of an autonomous map: stable points, a slow rotation, or states that decay slower than the delay lasts.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...fixedpoints import TrainingDiagram
from ..emergence import Moment, Search, emergence
from ..study import Findings, FindingsTable, Workbench
from .learning import reached
from .networks import WORKING_MEMORY, Network, maturation_study, networks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_EPOCH = "delay1"
_CHECKPOINTS, _STARTS = 14, 48
_ANGLE_IS_ROTATION = 0.01  # rad per step, of the eigenvalue that leaves the unit circle


def run(bench: Workbench) -> Findings:
    """Follow the points of each network and compare the bifurcations with the time of learning."""
    found = networks(bench)
    diagrams: dict[str, list[TrainingDiagram]] = {rule: [] for rule in WORKING_MEMORY}
    for network in found:
        bench.note(f"following fixed points of {network.name}")
        for rule, own in diagrams.items():
            own.append(_diagram(network, rule))
    figure = plotting.save(_figure(found, diagrams), bench.output / "emergence.png")
    values = {
        rule: {
            network.name: {"events": list(own.event_types), "trials": own.event_trials.tolist()}
            for network, own in zip(found, diagrams[rule], strict=True)
        }
        for rule in WORKING_MEMORY
    }
    tables = [_table(found, rule, diagrams[rule]) for rule in WORKING_MEMORY]
    return Findings(tables, _remarks(found, diagrams), [figure], values)


def _diagram(network: Network, rule: str) -> TrainingDiagram:
    search = Search(at_most=_CHECKPOINTS, n_starts=_STARTS, slow=False)
    return emergence(network.path, Moment(rule, _EPOCH), search)


def leading_constants(diagram: TrainingDiagram) -> np.ndarray:
    """Return the longest time constant of a stable point at each checkpoint, s; inf where none is stable."""
    assert diagram.dt is not None  # histories have a step
    eigenvalues = np.abs(diagram.eigenvalues).max(axis=1, initial=0)
    largest = np.full(len(diagram.trials_seen), np.inf)
    for row in range(len(largest)):
        own = eigenvalues[(diagram.checkpoint == row) & diagram.stable]
        if len(own):
            largest[row] = -diagram.dt / np.log(own.max())
    return largest


def _table(found: Sequence[Network], rule: str, diagrams: Sequence[TrainingDiagram]) -> FindingsTable:
    rows = []
    for network, diagram in zip(found, diagrams, strict=True):
        learnt = [reached(network.trials_seen, network.performance[rule], level) / 1000 for level in (0.35, 0.95)]
        stable = diagram.counts("stable")
        constants = leading_constants(diagram)
        times = ["never" if np.isinf(one) else f"{one:.0f}" for one in learnt]
        decays = ", ".join("–" if np.isinf(one) else f"{one:.2g}" for one in constants[[0, -1]])
        rows.append([network.name, *times, _events(diagram), f"{stable[0]}, {stable[-1]}", decays])
    header = ["network", "0.35", "0.95", "bifurcations (thousand trials; period)", "stable points", "time constant, s"]
    note = (
        f"Fixed points of the map at the input of {_EPOCH}, at {_CHECKPOINTS} checkpoints of the whole training. The "
        "second and third columns: thousands of trials at which performance passes these levels. Last: first and last "
        "checkpoint, the slowest mode of a stable point. The delay of ODR lasts 1.5 s."
    )
    return FindingsTable(f"Fixed points of the delay of {rule}", header, rows, note)


def _events(diagram: TrainingDiagram) -> str:
    """Return each bifurcation with its place and, if a rotation arises, its period."""
    assert diagram.dt is not None
    words = []
    for name, trials, eigenvalue in zip(
        diagram.event_types, diagram.event_trials, diagram.event_eigenvalue, strict=True
    ):
        turn = abs(np.angle(eigenvalue))
        period = f"; {2 * np.pi / turn * diagram.dt:.1f} s" if turn > _ANGLE_IS_ROTATION and np.isfinite(turn) else ""
        words.append(f"{name} ({trials / 1000:.0f}{period})")
    return ", ".join(words) or "none"


def _remarks(found: Sequence[Network], diagrams: dict[str, list[TrainingDiagram]]) -> list[str]:
    remarks = []
    for rule, own in diagrams.items():
        rotations = sum("Neimark-Sacker" in diagram.event_types for diagram in own)
        several = sum(int(diagram.counts("stable")[-1]) > 1 for diagram in own)
        remarks.append(
            f"{rule}: in {rotations} of {len(found)} networks a fixed point of the delay gives way to a slow rotation "
            f"(Neimark-Sacker); {several} end with more than one stable point. A memory that rotates is a dynamic code."
        )
    return remarks


def _figure(found: Sequence[Network], diagrams: dict[str, list[TrainingDiagram]]) -> "Figure":
    drawn = plotting.figure(rows=len(WORKING_MEMORY), columns=len(found), width=4.0, height=2.6)
    axes = iter(drawn.axes)
    for rule in WORKING_MEMORY:
        for network, diagram in zip(found, diagrams[rule], strict=True):
            _panel(next(axes), network, rule, diagram)
    last = drawn.axes[len(found) - 1]
    last.legend(loc="center left", bbox_to_anchor=(1.25, 0.5), frameon=False, title="fixed point")
    return drawn


def _panel(ax: "Axes", network: Network, rule: str, diagram: TrainingDiagram) -> None:
    """Draw the largest eigenvalue of each point over training, on the performance."""
    thousands = diagram.trials_seen / 1000
    largest = np.abs(diagram.eigenvalues).max(axis=1, initial=0)
    right = ax.twinx()
    right.plot(network.trials_seen / 1000, network.performance[rule], color="0.75", linewidth=0.8)
    right.set(ylabel="fraction correct", ylim=(0, 1.03))
    right.spines["right"].set_visible(True)
    right.spines["top"].set_visible(False)
    right.yaxis.label.set_color("0.5")
    for stable, colour in ((True, plotting.STABLE), (False, plotting.UNSTABLE)):
        own = diagram.stable == stable
        face = colour if stable else "white"
        label = "stable" if stable else "unstable"
        ax.plot(
            thousands[diagram.checkpoint[own]], largest[own], "o", color=colour, markerfacecolor=face, markersize=4,
            label=label,
        )  # fmt: skip
    ax.axhline(1, color="0.3", linewidth=0.8, linestyle=":")
    for trials in diagram.event_trials:
        ax.axvline(trials / 1000, color="0.3", linewidth=0.6)
    ax.set(xlabel="training trials (thousands)", ylabel="largest |λ| of a point")
    ax.set_zorder(right.get_zorder() + 1)
    ax.patch.set_visible(False)
    ax.set_title(f"{rule}, {network.name}", loc="left")


STUDY = maturation_study("emergence", "Fixed points of the delay through training (not in the published study)", run)
