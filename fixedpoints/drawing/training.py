"""Fixed points through training: branches with their bifurcations, where they point, how many, and how slow."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ..following.record import BifurcationDiagram
from .diagram import draw_diagram, first_component
from .marks import legend_groups

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..following.training_record import TrainingDiagram

Array = npt.NDArray[Any]


def training_figure(found: "TrainingDiagram") -> "Figure":
    """Return a figure of the branches, their angles if they have any, numbers of points, and leading eigenvalues."""
    drawers = [draw_branches, *([draw_angles] if found.angles is not None else []), draw_counts, draw_leading]
    made = plotting.figure(rows=len(drawers), width=6.8, height=2.5)
    for ax, draw in zip(made.axes, drawers, strict=True):
        draw(found, ax)
        if ax is not made.axes[-1]:
            ax.set_xlabel("")
    return made


def draw_branches(found: "TrainingDiagram", ax: "Axes | None" = None) -> "Axes":
    """Draw one coordinate of every branch: solid where stable, dashed where not, bifurcations marked by type.

    Circles are the points at the checkpoints: filled where stable, open where not.
    """
    every = np.concatenate([found.path_states, found.event_states, found.states])
    if every.shape[1] == 1:
        height, label = every[:, 0], "state x"
    else:
        # Directions of the points: branches that leave for infinity would outweigh them.
        height, label = first_component(found.states if len(found) > 1 else found.path_states, every)
    path, events, points = np.split(height, np.cumsum([len(found.path_states), len(found.event_states)]))
    drawn = draw_diagram(_as_bifurcation_diagram(found, path, events), ax)
    _points(drawn, found, points)
    _over_trials(drawn, found)
    if len(found):
        shown = np.concatenate([points, events])
        margin = 0.2 * (float(np.ptp(shown)) or 1.0)
        drawn.set_ylim(shown.min() - margin, shown.max() + margin)
    drawn.set_ylabel(label.replace(" (", "\n("))
    plural = "" if found.n_branches == 1 else "es"
    drawn.set_title(f"{found.n_branches} branch{plural} of fixed points")
    return drawn


def draw_angles(found: "TrainingDiagram", ax: "Axes | None" = None) -> "Axes":
    """Draw where the readout points at every point; slow points are grey crosses.

    Raises
    ------
    TypeError
        If the record holds no angles.
    """
    drawn = plotting.axes_or_new(ax, width=5.2)
    if found.angles is None or found.slow_angles is None:
        raise TypeError("no angles: the points were found without a readout")
    if len(found.slow_angles):
        x = found.trials_seen[found.slow_checkpoint]
        drawn.scatter(x, np.degrees(found.slow_angles), marker="x", s=18, color=plotting.GREY, label="slow", zorder=2)
    _points(drawn, found, np.degrees(found.angles), labelled=True)
    drawn.set_ylim(-10, 370)
    drawn.set_yticks([0, 90, 180, 270, 360])
    drawn.set_ylabel("readout's angle (°)")
    drawn.set_title("where the points lie")
    _over_trials(drawn, found)
    _legend(drawn)
    return drawn


def draw_counts(found: "TrainingDiagram", ax: "Axes | None" = None) -> "Axes":
    """Draw the numbers of stable, unstable and slow points at every checkpoint."""
    from matplotlib.ticker import MaxNLocator

    drawn = plotting.axes_or_new(ax, width=5.2)
    stable = found.counts("stable")
    shown = [
        ("stable", stable, plotting.STABLE, "-"),
        ("unstable", found.counts() - stable, plotting.UNSTABLE, "--"),
        ("slow", found.counts("slow"), plotting.GREY, ":"),
    ]
    for name, counts, colour, line in shown:
        if name != "slow" or counts.any():
            drawn.plot(found.trials_seen, counts, color=colour, linestyle=line, marker="o", markersize=3, label=name)
    drawn.set_ylim(bottom=0)
    drawn.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    drawn.set_ylabel("number of points")
    drawn.set_title("how many")
    _over_trials(drawn, found)
    _legend(drawn)
    return drawn


def draw_leading(found: "TrainingDiagram", ax: "Axes | None" = None) -> "Axes":
    """Draw how near to neutral the leading eigenvalue of every branch is: |λ| of a map, Re λ of a flow."""
    drawn = plotting.axes_or_new(ax, width=5.2)
    is_map = found.dynamics == "map"

    def size(values: Array) -> Array:
        return np.abs(values) if is_map else np.real(values)

    for number in range(found.n_branches):
        rows = found.path_branch == number
        drawn.plot(found.path_trials[rows], size(found.path_eigenvalue[rows]), color=plotting.GREY, linewidth=0.9)
    drawn.axhline(1.0 if is_map else 0.0, color=plotting.INK, linewidth=0.8, linestyle=":")
    _points(drawn, found, size(found.eigenvalues[:, 0]) if len(found) else np.zeros(0))
    drawn.set_ylabel("largest |λ|" if is_map else "largest Re λ")
    drawn.set_title("leading eigenvalue of each branch (dotted: neutral)")
    _over_trials(drawn, found)
    return drawn


def _as_bifurcation_diagram(found: "TrainingDiagram", path: Array, events: Array) -> BifurcationDiagram:
    """Return the branches as a bifurcation diagram over the trials seen, of one state variable: the height drawn."""
    return BifurcationDiagram(
        dynamics=found.dynamics,
        parameter=found.path_trials,
        states=path[:, None],
        eigenvalues=found.path_eigenvalue[:, None],
        stable=found.path_stable,
        n_unstable=found.path_n_unstable,
        arclength=np.zeros(len(path)),
        branch=found.path_branch,
        period=np.ones(len(path), int),
        special_types=found.event_types,
        special_parameter=found.event_trials,
        special_states=events[:, None],
        special_eigenvalue=found.event_eigenvalue,
        special_branch=found.event_branch,
        special_period=np.ones(len(events), int),
        bounds=(float(found.trials_seen[0]), float(found.trials_seen[-1])),
        ends=[["", ""]] * found.n_branches,
        notes=found.notes,
    )


def _points(ax: "Axes", found: "TrainingDiagram", y: Array, *, labelled: bool = False) -> None:
    x = found.trials_seen[found.checkpoint]
    for name, rows in legend_groups(found.stable.astype(bool), None).items():
        colour = plotting.STABLE if name == "stable" else plotting.UNSTABLE
        face = colour if name == "stable" else "white"
        ax.scatter(
            x[rows], y[rows], s=16, facecolors=face, edgecolors=colour, linewidths=1.0, zorder=2.5,
            label=name if labelled else None,
        )  # fmt: skip


def _over_trials(ax: "Axes", found: "TrainingDiagram") -> None:
    first, last = found.trials_seen[0], found.trials_seen[-1]
    ax.set_xlim(first - 0.02 * (last - first), last + 0.02 * (last - first))
    ax.set_xlabel("trials seen")
    ax.locator_params(axis="x", nbins=6)


def _legend(ax: "Axes") -> None:
    if ax.get_legend_handles_labels()[1]:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
