"""``dynascope cell``: a published single cell on a stimulus, with and without drugs."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .. import plotting
from ..errors import ConfigurationError
from .cell_picture import Condition, draw
from .console import Console, output_options
from .reading import parse_names, parse_options
from .selection import base_path, result_options, with_suffix

if TYPE_CHECKING:
    from ..readers import Recording
    from ..results import Array
    from ..trainers.prc.experiments import Experiment
    from ..trainers.prc.graph import Cell

_CELLS = ("lnl", "sodium", "nmda", "loop")
_MOST_PRINTED = 5  # trials with their spikes
_MOST_TRIALS = 10_000
_LARGEST = 1e30  # amplitude that single precision can hold, and what is made of it
_CURVE = 10  # amplitudes from which a slope says something


@click.command("cell")
@click.argument("name", type=click.Choice(_CELLS))
@result_options
@click.option("--stimulus", metavar="NAME", help="Of lnl: pulse or noise; of loop: bursting, coincidence or gain.")
@click.option(
    "--amplitude", metavar="A,B,…|START:STOP:N", help="Of the stimulus, a trial each (default: the published ones)."
)
@click.option("--block", metavar="NAME,NAME,…", help="Channels that a drug blocks: sodium, calcium, nmda, bap.")
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Set one number of cell or stimulus.")
@click.option(
    "--dt", type=click.FloatRange(min=0, min_open=True), help="Step of the simulation, ms (default: 0.1; sodium 0.01)."
)
@output_options
def command(
    name: str, output: str, figure_format: str, stimulus: str | None, amplitude: str | None, block: str | None,
    assignments: tuple[str, ...], dt: float | None, console: Console,
) -> None:  # fmt: skip
    """Simulate a published single cell with dendrites on its published stimulus, or on another.

    lnl is a dendrite with a sodium conductance; sodium, a dendrite that somatic spikes travel back into; nmda, sodium
    and calcium subunits that feed an NMDA subunit; loop, soma and dendrite that drive each other. With --block every
    stimulus is given twice, without and with the drugs. --set takes arguments of the cell (tau_sodium=30), of the
    stimulus (onset, duration, ...; ms) and numbers of a subunit's nonlinearity (nmda_conductance.gain=3).

    OUT.h5 is an activity archive: a trial for each amplitude and condition, a unit for each subunit, whose inputs after
    filtering are states/drive. The picture shows the traces, and responses by amplitude where there are several.

    \b
    Examples:
      dynascope cell nmda --block sodium,calcium -o block
      dynascope cell sodium --amplitude 1,1.7,1.75 --block bap -o back_propagation
      dynascope cell lnl --set tau_sodium=30 --amplitude 0:60:61 -o slow
      dynascope cell loop --stimulus gain --set dendritic_amplitude=0 -o soma_alone
    """
    from ..readers import write_archive
    from ..trainers.prc.experiments import customized, get_experiment

    base = base_path(output)
    if dt is not None and not math.isfinite(dt):
        raise ConfigurationError(f"--dt {dt}: expected a finite number of milliseconds")
    numbers = parse_options(assignments, "--set")
    cell, experiment = customized(name, get_experiment(name, stimulus), numbers, dt)
    experiment = dataclasses.replace(
        experiment,
        dt=dt or experiment.dt,
        amplitudes=experiment.amplitudes if amplitude is None else _amplitudes(amplitude),
    )
    inputs = experiment.stimulus.inputs(np.array(experiment.amplitudes), experiment.dt)
    blocked = parse_names(block)
    blocks = [()] if blocked is None else [(), tuple(blocked)]
    conditions = [_simulated(cell, experiment, inputs, one) for one in blocks]
    recording = _recording(cell, experiment, inputs, conditions)
    task = {"name": f"cell {name}", "config": {"numbers": numbers, **_settings(experiment)}}
    write_archive(with_suffix(base, ".h5"), {name: recording}, task=task, title=f"single cell {name}")
    plotting.save(draw(cell, experiment, inputs, conditions), with_suffix(base, f".{figure_format}"))
    console.result(_summary(name, experiment, conditions), _values(name, experiment, conditions))


def _amplitudes(text: str) -> tuple[float, ...]:
    """Return amplitudes in increasing order from A[,B,...] or START:STOP:N."""
    try:
        if ":" in text:
            start, stop, number = text.split(":")
            found = np.linspace(float(start), float(stop), min(int(number), _MOST_TRIALS + 1))
        else:
            found = np.array([float(part) for part in text.split(",")])
    except ValueError:
        found = np.array([np.nan])
    if not (0 < found.size <= _MOST_TRIALS and (np.abs(found) < _LARGEST).all()):
        raise ConfigurationError(
            f"--amplitude {text}: expected numbers such as 2 or 1,1.5,1.75, or START:STOP:N, at most {_MOST_TRIALS}"
        )
    return tuple(np.unique(found).tolist())


def _settings(experiment: "Experiment") -> dict[str, Any]:
    return {"stimulus": dataclasses.asdict(experiment.stimulus), "dt_ms": experiment.dt}  # type: ignore[call-overload]


def _simulated(cell: "Cell", experiment: "Experiment", inputs: "dict[str, Array]", block: tuple[str, ...]) -> Condition:
    from ..trainers.prc.experiments import ResponseCurve, spike_onsets
    from ..trainers.prc.simulation import simulate

    traces = simulate(cell.blocked(block), inputs, experiment.dt)
    curve = ResponseCurve(np.array(experiment.amplitudes), traces[experiment.response].max(axis=-1))
    spikes = traces.get(experiment.spikes)
    onsets = None if spikes is None else [spike_onsets(trial, experiment.dt) for trial in spikes]
    return Condition(block, traces, curve, onsets)


def _recording(
    cell: "Cell", experiment: "Experiment", inputs: "dict[str, Array]", conditions: list[Condition]
) -> "Recording":
    """Return the trials of all conditions one after the other."""
    from ..readers import Recording

    names = [one.name for one in cell.subunits]
    outputs = [np.stack([one.traces[name] for name in names], -1) for one in conditions]
    drives = [np.stack([one.traces.get(f"{name}_drive", one.traces[name]) for name in names], -1) for one in conditions]
    given = np.stack(list(inputs.values()), -1)
    n_trials, n_samples, _ = given.shape
    trials: dict[str, Any] = {
        "amplitude": np.tile(experiment.amplitudes, len(conditions)),
        "block": np.repeat([",".join(one.block) or "none" for one in conditions], n_trials),
        "peak": np.concatenate([one.curve.peaks for one in conditions]),
    }
    if experiment.spikes:
        trials["n_spikes"] = np.concatenate([one.counts for one in conditions])
    return Recording(
        np.concatenate(outputs).astype(np.float32),
        experiment.dt / 1000 * np.arange(n_samples),
        trials=trials,
        units={"compartment": names},
        inputs=np.concatenate([given] * len(conditions)).astype(np.float32),
        states={"drive": np.concatenate(drives).astype(np.float32)},
        attrs={"family": "prc", "inputs": list(inputs), "response": experiment.response},
    )


def _summary(name: str, experiment: "Experiment", conditions: list[Condition]) -> str:
    lowest, highest = experiment.amplitudes[0], experiment.amplitudes[-1]
    several = len(experiment.amplitudes) > 1
    given = f"{experiment.meaning} {lowest:g}"
    if several:
        given = f"{len(experiment.amplitudes)} {experiment.meaning}s from {lowest:g} to {highest:g}"
    lines = [f"{name}: {given}, steps of {experiment.dt:g} ms"]
    for one in conditions:
        peaks = f"{one.curve.peaks[0]:.4g} to {one.curve.peaks[-1]:.4g}" if several else f"{one.curve.peaks[0]:.4g}"
        lines.append(f"{one.name}: peak of {experiment.response} {peaks}")
        if len(experiment.amplitudes) >= _CURVE:
            lines[-1] += ", steepest slope {:.3g} at {:.3g}".format(*one.curve.steepest())
        lines += _spikes(experiment, one) if one.onsets is not None else []
    return "\n".join(lines)


def _spikes(experiment: "Experiment", one: Condition) -> list[str]:
    """Return when each trial has spikes, or which trials have any where there are many."""
    trials = list(zip(experiment.amplitudes, one.onsets or (), strict=True))
    if len(trials) > _MOST_PRINTED:
        spiking = [amplitude for amplitude, times in trials if len(times)]
        more = f", the first at {experiment.meaning} {spiking[0]:g}; at most {one.counts.max()} each" if spiking else ""
        return [f"  spikes in {len(spiking)} of {len(trials)} trials{more}"]
    return [
        f"  {experiment.meaning} {amplitude:g}: {len(times)} spike{'s' * (len(times) != 1)}"
        + (f" at {', '.join(f'{time:.4g}' for time in times)} ms" if len(times) else "")
        for amplitude, times in trials
    ]


def _values(name: str, experiment: "Experiment", conditions: list[Condition]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    for one in conditions:
        found.append({"block": one.block, "peaks": one.curve.peaks})
        if one.onsets is not None:
            found[-1]["spike_onsets_ms"] = one.onsets
    return {"cell": name, "amplitudes": experiment.amplitudes, **_settings(experiment), "conditions": found}
