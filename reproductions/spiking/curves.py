"""Learning curves: read from the archives of trained networks, averaged over windows, beside the published ones."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from .. import drawing
from ..archives import training_logs
from ..study import FindingsTable
from ..words import interval, spread
from .published import RULES, WINDOWS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = {"bptt": "BPTT", "mdgl": "MDGL", "eprop": "e-prop"}


@dataclasses.dataclass(frozen=True)
class Curves:
    """Task loss and accuracy of the runs of one rule, (run, evaluation), at the given iterations (evaluation,)."""

    iterations: np.ndarray
    loss: np.ndarray
    accuracy: np.ndarray

    def in_window(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return each run's mean loss and accuracy over the evaluations of iterations ``first`` to ``last``."""
        chosen = (self.iterations >= first) & (self.iterations <= last)
        return self.loss[:, chosen].mean(1), self.accuracy[:, chosen].mean(1)


def read_curves(paths: Sequence[Path], updates_per_epoch: int) -> Curves:
    """Return the learning curves in the archives of networks that were trained equally long."""
    log = training_logs(paths)
    loss = log["loss_task" if "loss_task" in log else "loss"]
    return Curves(log["epoch"][0] * updates_per_epoch, loss, log["performance"])


def windows(iterations: int) -> list[tuple[int, int]]:
    """Return the published windows for a run of the published length, else at most six of equal length."""
    if iterations == max(last for _, last in WINDOWS):
        return list(WINDOWS)
    pieces = max(1, min(6, iterations // 10))  # evaluations are ten iterations apart
    edges = np.linspace(0, iterations, pieces + 1).round().astype(int)
    return [(int(first) + 1, int(last)) for first, last in itertools.pairwise(edges)]


def window_table(curves: Mapping[str, Curves], iterations: int) -> FindingsTable:
    """Return loss and accuracy of each rule by window, ours beside the published."""
    rows = []
    for window in windows(iterations):
        found = {rule: curves[rule].in_window(*window) for rule in RULES}
        cells = [
            _cell(found[rule][measure], WINDOWS[window][rule][measure] if window in WINDOWS else None)
            for measure in (0, 1)
            for rule in RULES
        ]
        rows.append([f"{window[0]}–{window[1]}", *cells])
    header = ["iterations", *(f"{NAMES[rule]} {measure}" for measure in ("loss", "accuracy") for rule in RULES)]
    note = (
        "Mean ± s.d. over runs of each run's mean over the window; in parentheses the five published runs, where the "
        "task is the published one. Evaluations of 64 fresh trials every tenth iteration."
    )
    return FindingsTable("Learning curves", header, rows, note)


def order_table(curves: Mapping[str, Curves], iterations: int) -> FindingsTable:
    """Return the loss of each rule in the last window, run by run, and whether it has the published order."""
    window = windows(iterations)[-1]
    final = {rule: curves[rule].in_window(*window)[0] for rule in RULES}
    rows = [
        [str(run + 1), *(f"{loss:.3f}" for loss in losses), "yes" if list(losses) == sorted(losses) else "NO"]
        for run, losses in enumerate(zip(*final.values(), strict=True))
    ]
    header = ["run", *(NAMES[rule] for rule in RULES), "BPTT < MDGL < e-prop"]
    note = f"Mean task loss in iterations {window[0]}–{window[1]}. Networks of a run start from the same weights."
    return FindingsTable("Order of the rules, run by run", header, rows, note)


def order_remark(curves: Mapping[str, Curves], iterations: int) -> str:
    """Return in how many runs the final losses have the published order."""
    final = np.stack([curves[rule].in_window(*windows(iterations)[-1])[0] for rule in RULES])
    ordered = int(((final[0] < final[1]) & (final[1] < final[2])).sum())
    return f"Final loss BPTT < MDGL < e-prop in {ordered} of {final.shape[1]} runs (published: in every pair of runs)."


def figure(curves: Mapping[str, Curves], iterations: int) -> "Figure":
    """Return loss and accuracy against iterations: mean and 95 % interval over runs, published windows as marks."""
    drawn = plotting.figure(columns=2, width=4.4, height=3.4)
    for ax, measure, label in zip(drawn.axes, ("loss", "accuracy"), ("task loss", "accuracy"), strict=True):
        for rule in RULES:
            _band(ax, curves[rule].iterations, getattr(curves[rule], measure), rule)
            _published(ax, rule, measure, iterations)
        ax.set(xlabel="iteration", ylabel=f"{label} (64 fresh trials, smoothed)", xlim=(0, iterations))
    chance = {"loss": np.log(2), "accuracy": 0.5}
    for ax, level in zip(drawn.axes, chance.values(), strict=True):
        drawing.chance(ax, level)
    drawn.axes[0].set_ylim(0, 0.8)
    drawn.axes[1].set_ylim(0.4, 1.01)
    is_published = windows(iterations)[0] in WINDOWS
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    title = "rule (dots:\npublished)" if is_published else "rule"
    drawn.legend(handles, labels, title=title, loc="outside right center", frameon=False)
    return drawn


def _band(ax: "Axes", iterations: np.ndarray, values: np.ndarray, rule: str) -> None:
    mean, low, high = np.transpose([interval(column) for column in _smoothed(values).T])
    plotting.banded_curve(ax, iterations, mean, low, high, label=NAMES[rule], color=plotting.RULE_COLOURS[rule])


def _smoothed(values: np.ndarray, width: int = 5) -> np.ndarray:
    """Return the moving mean over ``width`` evaluations, over fewer at the ends."""
    kernel = np.ones(min(width, values.shape[1]))  # numpy's "same" is the length of the longer one
    count = np.convolve(np.ones(values.shape[1]), kernel, "same")
    return np.stack([np.convolve(row, kernel, "same") / count for row in values])


def _published(ax: "Axes", rule: str, measure: str, iterations: int) -> None:
    if windows(iterations)[0] not in WINDOWS:  # another task
        return
    centres = [(first + last) / 2 for first, last in WINDOWS]
    values = np.array([found[rule][0 if measure == "loss" else 1] for found in WINDOWS.values()])
    colour = plotting.RULE_COLOURS[rule]
    ax.errorbar(centres, values[:, 0], values[:, 1], fmt="o", color=colour, markersize=3.5, linewidth=0.8)


def _cell(values: np.ndarray, published: tuple[float, float] | None) -> str:
    theirs = "" if published is None else f" ({published[0]:.3f} ± {published[1]:.3f})"
    return f"{spread(values)}{theirs}"
