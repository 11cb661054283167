"""The published experiments on single cells: what each cell was given, and what was read off its traces.

Times are in milliseconds. Source: figures 3 to 6 of Harkin et al., Neuroscience 489:200 (2022).
"""

import dataclasses
import functools
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array
from .. import config as configuration
from . import cells
from .graph import Cell
from .protocols import AlphaPulse, Noise, PairedPulses, RectangularPulse, Steps, Stimulus, SynapticPulse
from .simulation import simulate


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One experiment on one cell.

    Attributes
    ----------
    stimulus, amplitudes, dt : what was applied, and the step of the simulation
    shown : the traces to look at, in the order of the flow of signals; ``…_drive`` is a filtered input
    response : the trace whose peak is the response to an amplitude
    spikes : the trace whose runs above zero are spikes, if there is one
    meaning : what the amplitudes are
    """

    stimulus: Stimulus
    amplitudes: tuple[float, ...]
    shown: tuple[str, ...]
    response: str
    spikes: str = ""
    meaning: str = "amplitude"
    dt: float = cells.DT


_on_lnl = functools.partial(Experiment, shown=("membrane", "sodium", "dendrite"), response="dendrite")
_on_loop = functools.partial(Experiment, shown=("soma_drive", "soma", "dendrite"), response="dendrite", spikes="soma")
_paired = functools.partial(_on_loop, meaning="somatic amplitude")

#: cell → stimulus → experiment; the first is the one that the cell is known for
EXPERIMENTS: dict[str, dict[str, Experiment]] = {
    "lnl": {
        "pulse": _on_lnl(RectangularPulse(), tuple(np.linspace(0, 60, 100).tolist())),
        "noise": _on_lnl(Noise(duration=300.0), (-45.0, -35.0, -30.0), meaning="mean"),
    },
    "sodium": {
        "alpha": Experiment(
            AlphaPulse(), (1.0, 1.5, 1.75), ("soma", "spike", "membrane", "dendrite"), "dendrite", "spike", dt=0.01
        )
    },
    "nmda": {
        "synaptic": Experiment(
            SynapticPulse(), tuple(np.arange(0, 15, 0.4).round(1).tolist()), ("sodium", "calcium", "nmda"), "nmda"
        )
    },
    "loop": {
        "bursting": _on_loop(Steps(), (2.0,)),
        "coincidence": _paired(PairedPulses(onset=30.0, duration=100.0), (4.0,)),
        "gain": _paired(PairedPulses(), (3.0, 4.0, 5.0)),
    },
}


@dataclasses.dataclass(frozen=True)
class ResponseCurve:
    """Peaks of the response to each amplitude, both (trial,), amplitudes increasing."""

    amplitudes: Array
    peaks: Array

    def crossing(self, height: float) -> float:
        """Return the amplitude at which the peak first reaches ``height``, linear between amplitudes; NaN if never."""
        above = np.flatnonzero(self.peaks >= height)
        if not above.size:
            return float("nan")
        around = slice(max(above[0] - 1, 0), above[0] + 1)
        return float(np.interp(height, self.peaks[around], self.amplitudes[around]))

    def steepest(self) -> tuple[float, float]:
        """Return the largest slope, by central differences, and the amplitude where it is.

        Raises
        ------
        InputError
            If there are fewer than two amplitudes.
        """
        if len(self.amplitudes) < 2:
            raise InputError(f"slope of a response curve: expected 2 amplitudes or more, found {len(self.amplitudes)}")
        slopes = np.gradient(self.peaks, self.amplitudes)
        at = int(slopes.argmax())
        return float(slopes[at]), float(self.amplitudes[at])


def get_experiment(cell: str, stimulus: str | None = None) -> Experiment:
    """Return an experiment on a cell, by default the one that the cell is known for.

    Raises
    ------
    ConfigurationError
        If there is no such cell or stimulus.
    """
    if cell not in EXPERIMENTS:
        raise ConfigurationError(unknown_name("cell", cell, EXPERIMENTS))
    known = EXPERIMENTS[cell]
    if stimulus is not None and stimulus not in known:
        raise ConfigurationError(unknown_name(f"stimulus of cell {cell}", stimulus, known))
    return known[stimulus or next(iter(known))]


def published_stimulus(
    cell: str, amplitudes: Sequence[float] | None = None, dt: float | None = None, stimulus: str | None = None
) -> dict[str, Array]:
    """Return input name → (trial, time) of an experiment, one trial per amplitude; published amplitudes and dt (ms)."""
    found = get_experiment(cell, stimulus)
    chosen = np.asarray(found.amplitudes if amplitudes is None else amplitudes, float)
    return found.stimulus.inputs(chosen, dt or found.dt)


def customized(
    name: str, experiment: Experiment, numbers: Mapping[str, Any], dt: float | None = None
) -> tuple[Cell, Experiment]:
    """Return a published cell and an experiment on it with some numbers of the user's own.

    Parameters
    ----------
    name : of the cell
    numbers : name → value; names are arguments of the cell's function in :mod:`.cells`, settings of the stimulus, or
        ``SUBUNIT.NUMBER``, a number of that subunit's nonlinearity, as in ``nmda_conductance.gain``
    dt : step that the cell is made for (ms), by default the experiment's

    Raises
    ------
    ConfigurationError, InputError
        If a name is unknown or a value cannot be used.
    """
    make: Any = cells.CELLS[name]
    arguments = dict(inspect.signature(make).parameters)
    own: dict[str, Any] = {"dt": dt or experiment.dt} if arguments.pop("dt", None) else {}
    settings = configuration.as_mapping(experiment.stimulus)
    of_subunits: dict[str, dict[str, float]] = {}
    for key, value in numbers.items():
        subunit, dot, number = key.partition(".")
        if key in settings:
            settings[key] = value
        elif dot:
            of_subunits.setdefault(subunit, {})[number] = _finite(key, value)
        elif key in arguments:
            own[key] = _finite(key, value)
        else:
            raise ConfigurationError(unknown_name(f"number of cell {name}", key, [*arguments, *settings]))
    cell: Cell = make(**own)
    for subunit, changes in of_subunits.items():
        known = configuration.as_mapping(cell[subunit].nonlinearity)
        for number in changes:
            if not known:
                raise ConfigurationError(f"{subunit}.{number}: subunit {subunit} is linear, it has no number to set")
            if number not in known:
                raise ConfigurationError(unknown_name(f"number of subunit {subunit}", number, known))
        cell = cell.with_nonlinearity(subunit, **changes)
    stimulus = configuration.build(type(experiment.stimulus), settings, where="stimulus")
    return cell, dataclasses.replace(experiment, stimulus=stimulus)


def response_curve(
    cell: Cell, amplitudes: Sequence[float] | Array, experiment: Experiment, dt: float | None = None
) -> ResponseCurve:
    """Return the peaks over time of an experiment's response, all amplitudes simulated as one batch."""
    chosen, dt = np.asarray(amplitudes, float), dt or experiment.dt
    traces = simulate(cell, experiment.stimulus.inputs(chosen, dt), dt)
    return ResponseCurve(chosen, traces[experiment.response].max(axis=-1))


def spike_onsets(trace: Array, dt: float) -> Array:
    """Return when the runs above zero of a trace (time,) begin, (spike,), in the unit of ``dt``."""
    above = np.concatenate([[False], np.asarray(trace) > 0])
    return dt * np.flatnonzero(above[1:] & ~above[:-1])


def _finite(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise ConfigurationError(f"{name} = {value!r}: expected a finite number")
    return float(value)
