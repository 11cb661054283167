"""``dynascope lyapunov``: Lyapunov exponents of the networks in archives."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .console import Console, output_options
from .networks import input_option, open_network
from .selection import Selection, base_path, result_options, result_paths, selection_options, with_suffix

if TYPE_CHECKING:
    from ..fixedpoints.cycles.spectrum import LyapunovSpectrum

# Lines of the table, and exponents computed unless asked for more.
_ROWS, _LEADING = 20, 10


@dataclasses.dataclass(frozen=True)
class _Run:
    exponents: int | None
    steps: int
    transient: int
    trajectories: int
    input: str | None
    seed: int


@click.command("lyapunov")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@input_option
@click.option(
    "--exponents",
    type=click.IntRange(min=1),
    help=f"How many leading exponents (default: {_LEADING}, or all of a smaller network).",
)
@click.option("--steps", type=click.IntRange(min=1), default=5000, show_default=True, help="Steps to average over.")
@click.option(
    "--transient", type=click.IntRange(min=0), default=500, show_default=True, help="Steps before, to settle."
)
@click.option(
    "--trajectories",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Trajectories, started from recorded states.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of starts and directions.")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, input_text: str | None,
    exponents: int | None, steps: int, transient: int, trajectories: int, seed: int, console: Console,
) -> int:  # fmt: skip
    """Measure the Lyapunov exponents of each network at a constant input, and say whether it is chaotic.

    Several trajectories from recorded states run on without noise; the exponents are their mean growth rates, with
    standard errors, per step and per second. The picture shows the spectrum and how each exponent settled. Exit
    code 1: trajectories diverged, or the estimates have not converged (use more --steps).

    \b
    Examples:
      dynascope lyapunov rnn.h5 -o exponents
      dynascope lyapunov rnn.h5 tb.h5 --input 0 --exponents 20 --steps 10000 -o both
    """
    import torch

    torch.set_num_threads(1)
    run = _Run(exponents, steps, transient, trajectories, input_text, seed)
    base = base_path(output)
    found: dict[str, Any] = {}
    for path, target in zip(archives, result_paths(base, archives), strict=True):
        text, values = _one(path, target, figure_format, selection, run)
        found[path] = values
        if not console.as_json:
            console.result(f"{path}\n{text}", {})
    if console.as_json:
        console.result("", {"archives": found})
    return 0 if all(values["converged"] for values in found.values()) else 1


def _one(path: str, target: Path, figure_format: str, selection: Selection, run: _Run) -> tuple[str, dict[str, Any]]:
    from .. import plotting
    from ..fixedpoints import sample_starts
    from ..fixedpoints.cycles.lyapunov import lyapunov_spectrum

    network = open_network(path, selection, run.input)
    step, u = network.map()
    size = network.states.shape[-1]
    spectrum = lyapunov_spectrum(
        step,
        sample_starts(network.states, run.trajectories, noise=0.0, mixing=1, seed=run.seed),
        u,
        n_exponents=min(_LEADING, size) if run.exponents is None else run.exponents,
        n_steps=run.steps,
        transient=run.transient,
        seed=run.seed,
    )
    dt = network.dt
    parameters = {**spectrum.parameters, **dataclasses.asdict(run), "archive": Path(path).name, "step_s": dt}
    spectrum = dataclasses.replace(spectrum, parameters=parameters)
    spectrum.save(with_suffix(target, ".h5"))
    plotting.save(_draw(spectrum, Path(path).stem), with_suffix(target, f".{figure_format}"))
    lines = [f"{spectrum.verdict()}; Kaplan-Yorke dimension {_number(spectrum.kaplan_yorke)}"]
    text = "\n".join("  " + line for line in [*lines, *_table(spectrum, dt), *spectrum.notes()])
    return text, _values(spectrum, dt)


def _number(value: float) -> str:
    return "unknown" if np.isnan(value) else f"{value:.3f}"


def _table(spectrum: "LyapunovSpectrum", dt: float | None) -> list[str]:
    """Return one line per exponent: per step with its error, and per second."""
    lines = [f"{'':<5} {'per step':>12}   {'error':>9} {'per second':>12}"]
    for index, (value, error) in enumerate(zip(spectrum.exponents, spectrum.standard_errors, strict=True)):
        if index == _ROWS:
            return [*lines, f"… and {len(spectrum) - _ROWS} more in the result file"]
        per_second = "" if dt is None else f"{value / dt:>+12.4f}"
        mark = "" if spectrum.exponent_converged[index] else "  not converged"
        lines.append(f"λ{index + 1:<4} {value:>+12.6f} ± {error:>9.6f} {per_second}{mark}")
    return lines


def _values(spectrum: "LyapunovSpectrum", dt: float | None) -> dict[str, Any]:
    values = spectrum.to_dict()
    return {
        **{name: value for name, value in values.items() if not name.startswith("history")},
        "exponents_per_second": None if dt is None else spectrum.exponents / dt,
        "kaplan_yorke": spectrum.kaplan_yorke,
        "verdict": spectrum.verdict(),
        "converged": spectrum.converged,
        "notes": spectrum.notes(),
    }


def _draw(spectrum: "LyapunovSpectrum", name: str) -> Any:
    from .. import plotting

    figure = plotting.figure(columns=2, width=4.6)
    spectrum.plot_spectrum(figure.axes[0])
    spectrum.plot(figure.axes[1])
    figure.suptitle(name, x=0.01, horizontalalignment="left", fontsize="medium")
    return figure
