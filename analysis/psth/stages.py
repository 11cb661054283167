"""Stages of learning: which checkpoints of a training run are early, mid and mature, by performance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError, unknown_name
from ...results import Result, axes
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STAGES = ("early", "mid", "mature")


@dataclass(frozen=True, eq=False, kw_only=True)
class Stages(Result):
    """Which checkpoints belong to which stage.

    Attributes
    ----------
    membership : ndarray of bool, shape (stage, checkpoint)
        A checkpoint may be in no stage, or (windows) in several.
    performance, trials_seen : ndarray, shape (checkpoint,)
        As given; the number of the checkpoint when no trials were.
    network_codes : ndarray of int, shape (checkpoint,)
        An index into ``networks``.
    representative : ndarray of int, shape (stage, network)
        The checkpoint of the stage whose performance is nearest to the stage's target, the first of equals; −1 without.
    names, networks : tuple of str
    targets : tuple of float
    mode : str
    """

    membership: Array = axes("stage", "checkpoint")
    performance: Array = axes("checkpoint")
    trials_seen: Array = axes("checkpoint")
    network_codes: Array = axes("checkpoint")
    representative: Array = axes("stage", "network")
    names: tuple[str, ...]
    networks: tuple[str, ...]
    targets: tuple[float, ...]
    mode: str

    kind: ClassVar[str] = "stages"

    @property
    def labels(self) -> Array:
        """The stage of each checkpoint as text, (checkpoint,): the latest of several, "" for none."""
        found = np.full(self.membership.shape[1], "", dtype=f"U{max(map(len, self.names))}")
        for name, members in zip(self.names, self.membership, strict=True):
            found[members] = name
        return found

    def indices(self, stage: str) -> Array:
        """Return the numbers of the checkpoints of a stage.

        Raises
        ------
        InputError
            If there is no such stage.
        """
        if stage not in self.names:
            raise InputError(unknown_name("stage", stage, self.names))
        return np.flatnonzero(self.membership[self.names.index(stage)])

    def mean_performance(self) -> Array:
        """Return the mean performance of each stage and network, (stage, network), NaN without a checkpoint."""
        found = np.full((len(self.names), len(self.networks)), np.nan)
        for stage, members in enumerate(self.membership):
            for network in range(len(self.networks)):
                own = members & (self.network_codes == network)
                if own.any():
                    found[stage, network] = self.performance[own].mean()
        return found

    def summary(self) -> str:
        """Return for each stage its checkpoints, trials and performance, and how it differs between networks."""
        n_networks = len(self.networks)
        lines = [f"{self.mode} stages of {len(self.performance)} checkpoints, {n_networks} network(s)"]
        means = self.mean_performance()
        for stage, name in enumerate(self.names):
            own = self.membership[stage]
            if not own.any():
                lines.append(f"{name:<7} no checkpoint")
                continue
            seen, performance = self.trials_seen[own], self.performance[own]
            line = (
                f"{name:<7} {int(own.sum()):>4} checkpoints, {seen.min():g} to {seen.max():g} trials, "
                f"performance {performance.mean():.3f} ({performance.min():.3f} to {performance.max():.3f})"
            )
            if n_networks > 1:
                there = means[stage][~np.isnan(means[stage])]
                line += f"; networks {len(there)} of {n_networks}, their means differ by {np.ptp(there):.3f}"
            lines.append(line)
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw performance against trials seen, with the checkpoints of each stage in its colour."""
        ax = plotting.axes_or_new(ax, width=5.6)
        for network in range(len(self.networks)):
            own = self.network_codes == network
            order = np.argsort(self.trials_seen[own], kind="stable")
            ax.plot(self.trials_seen[own][order], self.performance[own][order], color=plotting.GREY, linewidth=0.8)
        labels = self.labels
        for name in self.names:
            own = labels == name
            ax.plot(
                self.trials_seen[own], self.performance[own], "o", markersize=3, label=f"{name} ({int(own.sum())})",
                color=plotting.STAGE_COLOURS.get(name, plotting.INK),
            )  # fmt: skip
        ax.set(xlabel="training trials", ylabel="performance (fraction correct)", ylim=(-0.02, 1.02))
        ax.set_title(f"Stages of training ({self.mode.replace('_', ' ')})")
        ax.legend(
            title="stage (checkpoints)", fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5), frameon=False
        )
        return ax
