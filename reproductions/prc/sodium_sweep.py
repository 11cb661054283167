"""The sweep of figure 4 over stimulus, threshold and width, with and without the back-propagating action potential."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...results import Array
from ...trainers.prc.back_propagation import BackPropagatingNeuron
from .published_spikes import SODIUM_SETS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: times (ms) of the published simulations
TIME = np.arange(5001) * 0.01
#: share of the conductance that is open in a dendritic spike, unless said otherwise: between what set 1 reaches with
#: the BAP and without it
SPIKE_SHARE = 0.125
#: what a cell of the sweep does, and its colour
KINDS = {
    "no dendritic spike": "#e4e4e4",
    "dendritic spike, no somatic one": plotting.CHANNEL_COLOURS["sodium"],
    "largest after the somatic spike, also without BAP": plotting.SKY,
    "largest after the somatic spike, only with BAP": plotting.CHANNEL_COLOURS["calcium"],
    "largest before the somatic spike": plotting.INK,
}


@dataclasses.dataclass(frozen=True)
class Sweep:
    """Open share where V_d is largest, with and without the BAP, and its lag behind the somatic spike, −∞ without one.

    All are (peak, threshold, width).
    """

    share: Array
    share_without_bap: Array
    lag: Array

    def kinds(self, spike_share: float = SPIKE_SHARE) -> Array:
        """Return what each cell does, an index into :data:`KINDS`."""
        late, local = self.lag > 0, self.share_without_bap >= spike_share
        kinds = np.where(np.isinf(self.lag), 1, np.where(~late, 4, np.where(local, 2, 3)))
        return np.where(self.share >= spike_share, kinds, 0)


def sweep(peaks: Array, thresholds: Array, widths: Array, soma_threshold: float) -> Sweep:
    """Run all combinations, with and without the BAP; gain 3, pulses of 2 for 1 ms."""
    cells = BackPropagatingNeuron(peaks[:, None, None], thresholds[:, None], widths, soma_threshold=soma_threshold)
    blocked = cells.blocked(["bap"])
    largest, without = (one.maximum(TIME, refined=True) for one in (cells, blocked))
    return Sweep(cells.open_share(largest.time), blocked.open_share(without.time), largest.time - cells.spike_times)


def sweep_figure(sweeps: Mapping[str, Sweep], peaks: Array, thresholds: Array, widths: Array) -> "Figure":
    """Return maps of the sweep over stimulus and threshold, for the smallest, middle and largest width."""
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    shown = (0, len(widths) // 2, len(widths) - 1)
    drawn = plotting.figure(rows=len(sweeps), columns=len(shown), width=3.0, height=2.4)
    panels = iter(drawn.axes)
    present: set[int] = set()
    for name, swept in sweeps.items():
        one = swept.kinds()
        present |= set(one.ravel().tolist())
        for width in shown:
            ax = next(panels)
            ax.pcolormesh(
                peaks, thresholds, one[:, :, width].T, cmap=ListedColormap(list(KINDS.values())), vmin=-0.5,
                vmax=len(KINDS) - 0.5, shading="nearest",
            )  # fmt: skip
            ax.set(xlabel="stimulus P", ylabel="threshold of sodium")
            ax.set_title(f"somatic threshold {SODIUM_SETS[name]['soma_threshold']:g}, width {widths[width]:g}")
    colours = list(KINDS.items())
    handles = [Patch(color=colours[kind][1], label=colours[kind][0]) for kind in sorted(present)]
    drawn.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return drawn
