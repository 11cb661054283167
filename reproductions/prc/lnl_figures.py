"""Pictures of the cell of figure 3: its traces under noise, its kernels, and its response to pulses."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import plotting
from ...trainers.prc import cells
from ...trainers.prc.experiments import ResponseCurve, get_experiment, response_curve
from ...trainers.prc.simulation import simulate
from . import published
from .lnl_noise import published_trace
from .published import LNL_SETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DT = cells.DT
_WINDOW = (100, 300)  # ms
_SODIUM = plotting.CHANNEL_COLOURS["sodium"]
_LINES = {2.0: "solid", 15.0: "dashdot", 30.0: "dashed"}


def traces(seed: int) -> "Figure":
    """Return V_d over V_L for every set and mean, all with the noise of this seed."""
    drawn = plotting.figure(rows=len(LNL_SETS), columns=3, width=3.0, height=1.7)
    shown = slice(*(round(edge / _DT) for edge in _WINDOW))
    for row, (name, one) in enumerate(LNL_SETS.items()):
        found = simulate(one.cell, {"dendritic": np.array(one.means)[:, None] + published_trace(seed)}, _DT)
        time = _DT * np.arange(found["dendrite"].shape[-1])[shown]
        for column, mean in enumerate(one.means):
            ax = drawn.axes[3 * row + column]
            ax.axhline(0, color=plotting.INK, linewidth=0.6, linestyle="dashed")
            membrane, dendrite = (found[part][column, shown] for part in ("membrane", "dendrite"))
            ax.plot(time, membrane, color="#c4c4c4", linewidth=2.6, label="$V_L$, passive membrane")
            ax.plot(time, dendrite, color=_SODIUM, linewidth=0.9, label="$V_d$, with sodium")
            ax.set(xlim=_WINDOW, ylim=(-45, 32), title=f"{name}, mean {mean:g}".replace("-", "−"))
            ax.label_outer()
        drawn.axes[3 * row].set_ylabel("model units")
    for ax in drawn.axes[-3:]:
        ax.set_xlabel("time (ms)")
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False)
    return drawn


def responses(curves: Mapping[str, ResponseCurve], seed: int) -> "Figure":
    """Return the kernels, a piece of the noise, and the peak response of each set with the reference values."""
    drawn = plotting.figure(columns=3, width=3.6, height=2.9)
    kernels, noise, peaks = drawn.axes
    _kernels(kernels)
    _noise(noise, seed)
    _peaks(peaks, curves)
    return drawn


def _kernels(ax: "Axes") -> None:
    time = _DT * np.arange(round(60 / _DT))
    cases = [("membrane", 10.0, "", plotting.INK, "solid")]
    for tau, line in _LINES.items():
        sets = ", ".join(name for name, one in LNL_SETS.items() if one.tau == tau)
        cases.append(("sodium", tau, f" ({sets})", _SODIUM, line))
    for part, tau, sets, colour, line in cases:
        kernel = cells.lnl(tau)[part].kernel.samples(_DT, len(time)) / _DT
        # The first sample is 0, which has no place on this axis.
        ax.plot(time[1:], kernel[1:], color=colour, linestyle=line, label=f"{part}, {tau:g} ms{sets}")
    ax.set(xlabel="time (ms)", ylabel="weight per ms", xlim=(0, 60), ylim=(1e-3, 1), yscale="log", title="Kernels")
    ax.legend(fontsize="small", frameon=False)


def _noise(ax: "Axes", seed: int) -> None:
    first, last = (round(edge / _DT) for edge in _WINDOW)
    ax.plot(_DT * np.arange(first, last), published_trace(seed)[first:last], color=plotting.GREY, linewidth=0.4)
    ax.set(xlabel="time (ms)", ylabel="input (model units)", xlim=_WINDOW, title="Noise, before its mean is added")


def _peaks(ax: "Axes", curves: Mapping[str, ResponseCurve]) -> None:
    from matplotlib import colormaps

    for place, (name, curve) in enumerate(curves.items()):
        colour = colormaps[plotting.SEQUENTIAL](place / len(curves))
        ax.plot(curve.amplitudes, curve.peaks, color=colour, linestyle=_LINES[LNL_SETS[name].tau], label=f"set {name}")
        known = curve.amplitudes[list(published.LNL_AMPLITUDES)]
        ax.plot(known, [float(peak) for peak in published.LNL_PEAKS[name]], "o", color=colour, markersize=3.5)
    experiment = get_experiment("lnl", "pulse")
    passive = response_curve(cells.lnl().blocked(["sodium"]), experiment.amplitudes, experiment)
    ax.plot(passive.amplitudes, passive.peaks, "--", color=_SODIUM, linewidth=1.0, label="sodium blocked")
    ax.set(xlabel="amplitude of 5-ms pulse (model units)", ylabel="largest $V_d$ (model units)")
    ax.set(xlim=(0, 60), ylim=(-0.5, 30), title="Peak response (dots: reference)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
