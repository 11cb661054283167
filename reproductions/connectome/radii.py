"""Spectral radii at initialisation: what each strategy, topology and initialisation makes of the gain."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ... import hdf5, plotting
from ...trainers import randomness
from ...trainers.config import as_mapping, build
from ...trainers.connectome import ConnectomeConfig, ConnectomeNetwork
from ...trainers.connectome.graph import spectral_radius
from ...trainers.sweeps import Job, Task
from ..study import FindingsTable, Workbench
from ..words import spread
from . import published
from .networks import STRATEGIES, TOPOLOGY_COLOURS, Wiring, config

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INITIALIZATIONS = ("default", "xavier", "he")
_MEASURE = f"{__name__}:measure"

Radii = Mapping[Wiring, np.ndarray]


def initial_radii(bench: Workbench, connectome: str) -> Radii:
    """Return the initial spectral radii of each strategy, topology and initialisation, (seed,) each."""
    choices = itertools.product(STRATEGIES, ("bio", *bench.budget["nulls"]), INITIALIZATIONS)
    wirings = [Wiring(strategy, topology, scheme) for strategy, topology, scheme in choices]
    wanted = list(range(1000 * bench.seed, 1000 * bench.seed + bench.budget["radius_seeds"]))
    tasks = [
        Task(
            _MEASURE, {"model": as_mapping(config(bench, connectome, wiring)), "seeds": wanted},
            {"wiring": f"{wiring.strategy.name}, {wiring.topology}, {wiring.initialization}"}, batch="radii",
        )
        for wiring in wirings
    ]  # fmt: skip
    found = {}
    for wiring, path in zip(wirings, bench.compute(tasks, "spectral radii"), strict=True):
        with hdf5.read(path) as root:
            node = root.children["radius"]
            assert isinstance(node, hdf5.Dataset)
            found[wiring] = np.array(node.data[...])
    return found


def measure(job: Job) -> None:
    """Write the spectral radii of initial weights, (seed,); the job of a sweep.

    Every seed has its own conversion of the connectome, unlike networks of one experiment, which share it. The cost is
    that of the eigenvalues: 15 ms per network of 116 units.
    """
    for payload, output in zip(job.payloads, job.outputs, strict=True):
        radii = []
        for seed in payload["seeds"]:
            own = build(ConnectomeConfig, {**payload["model"], "template_seed": seed}, where="model")
            weights = ConnectomeNetwork(own).initial_parameters(randomness.generator(seed, "weights"))
            radii.append(spectral_radius(weights["recurrent_weight"]))
        hdf5.write(output, hdf5.Group({}, {"radius": hdf5.Dataset(np.array(radii), ("seed",))}, ("seed",)))


def table(connectome: str, radii: Radii) -> FindingsTable:
    """Return the radii, ours beside those measured with the published program."""
    rows, topologies = [], _topologies(radii)
    for scheme, strategy in itertools.product(INITIALIZATIONS, STRATEGIES):
        cells = []
        for topology in topologies:
            theirs = published.radius(connectome, scheme, strategy.name, topology)
            beside = "" if theirs is None else f" ({theirs[0]:.3g} ± {theirs[1]:.3g})"
            cells.append(f"{spread(radii[Wiring(strategy, topology, scheme)])}{beside}")
        rows.append([scheme, strategy.name, *cells])
    n_seeds = len(next(iter(radii.values())))
    note = (
        f"Mean ± s.d. of {n_seeds} seeds, each with a conversion and null model of its own; in parentheses five seeds "
        "of the published program, which gives one value for all random networks. rand is the published null model; "
        "weights, degrees and areas keep the connections, the degrees and the blocks of areas. Without remapping only "
        "the mask of a template matters, which both conversions share and 'weights' leaves as it is."
    )
    return FindingsTable(
        f"Spectral radius at initialisation, {connectome}", ["init", "strategy", *topologies], rows, note
    )


def _topologies(radii: Radii) -> list[str]:
    return list(dict.fromkeys(wiring.topology for wiring in radii))


def deviations(connectome: str, radii: Radii) -> dict[str, float]:
    """Return by how many standard errors each mean differs from the published one, by wiring in words.

    Both means are uncertain; the larger of the two standard deviations is taken for both.
    """
    found = {}
    for wiring, own in radii.items():
        theirs = published.radius(connectome, wiring.initialization, wiring.strategy.name, wiring.topology)
        if theirs is not None and len(own) > 1:
            error = max(theirs[1], float(own.std(ddof=1))) * np.sqrt(1 / len(own) + 1 / 5)
            name = f"{wiring.initialization}, {wiring.strategy.name}, {wiring.topology}"
            found[name] = float((own.mean() - theirs[0]) / error)
    return found


def figure(connectome: str, radii: Radii) -> "Figure":
    """Return the radii of every seed, one panel per initialisation, with the published means as dashes."""
    drawn = plotting.figure(columns=len(INITIALIZATIONS), width=4.6, height=3.4)
    for ax, scheme in zip(drawn.axes, INITIALIZATIONS, strict=True):
        _panel(ax, connectome, radii, scheme)
    drawn.axes[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return drawn


def _panel(ax: "Axes", connectome: str, radii: Radii, scheme: str) -> None:
    topologies = _topologies(radii)
    places = np.linspace(-0.3, 0.3, len(topologies))
    for at, strategy in enumerate(STRATEGIES):
        for place, topology in zip(places, topologies, strict=True):
            own = radii[Wiring(strategy, topology, scheme)]
            x = np.full(len(own), at + place)
            ax.plot(
                x, own, "o", color=TOPOLOGY_COLOURS[topology], markersize=3.5, alpha=0.8, markeredgewidth=0,
                label=topology if at == 0 else None,
            )  # fmt: skip
            theirs = published.radius(connectome, scheme, strategy.name, topology)
            if theirs is not None:
                ends = [at + place - 0.09, at + place + 0.09]
                ax.plot(ends, [theirs[0]] * 2, color=plotting.INK, linewidth=1.2)
    ax.plot([], [], color=plotting.INK, linewidth=1.2, label="published program")
    ax.axhline(1, color=plotting.GREY, linewidth=0.8, linestyle=":")
    ax.set_xticks(range(len(STRATEGIES)), [strategy.name.replace(", ", "\n") for strategy in STRATEGIES])
    ax.set(ylabel="spectral radius at initialisation", ylim=(0, None))
    ax.tick_params(axis="x", labelsize="small")
    ax.set_title(f"{scheme} initialisation")
