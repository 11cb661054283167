"""``dynascope fixedpoints``: find, certify, linearise and draw the fixed points of the networks in archives."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from .console import Console, output_options
from .networks import Network, input_option, open_network, start_options
from .pictures import basins_picture, portrait, portrait_in_space
from .quiet import jumps_at_threshold, quiet_state
from .selection import Selection, base_path, result_options, result_paths, selection_options, with_suffix

if TYPE_CHECKING:
    from ..fixedpoints import FixedPoints, Linearization
    from ..trainers import Model

# Lines of the table; recorded states whose basin is looked up.
_ROWS, _BASIN_STARTS = 20, 1000


@dataclasses.dataclass(frozen=True)
class _Search:
    n_starts: int
    noise: float
    seed: int
    input: str | None
    tolerance: float
    certify: bool
    patience: int | None
    slow: bool


@dataclasses.dataclass(frozen=True)
class _Extras:
    """What is asked for beyond the points and their linearisation."""

    basins: bool
    connections: bool
    in_space: bool


@click.command("fixedpoints")
@click.argument("archives", nargs=-1, required=True)
@result_options
@selection_options
@input_option
@start_options(512, noise=True)
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-25,
    show_default=True,
    help="Largest q = ½‖F(x) − x‖² of a point.",
)
@click.option(
    "--certify/--no-certify",
    default=True,
    show_default=True,
    help="Prove existence and uniqueness of each point.",
)
@click.option(
    "--patience",
    type=click.IntRange(min=1),
    metavar="N",
    help="Draw more starts until N of them have found nothing new; --starts then bounds a round.",
)
@click.option("--slow", is_flag=True, help="Also report slow points: minima of q that are no fixed points.")
@click.option("--basins", is_flag=True, help="Also say which attractor the recorded states lead to: OUT-basins.")
@click.option("--connections", is_flag=True, help="Also follow each unstable direction: OUT-connections.")
@click.option("--3d", "in_space", is_flag=True, help="Also draw points and trajectories in three dimensions: OUT-3d.")
@output_options
def command(
    archives: tuple[str, ...], output: str, figure_format: str, selection: Selection, input_text: str | None,
    n_starts: int, noise: float, seed: int, tolerance: float, certify: bool, patience: int | None, slow: bool,
    basins: bool, connections: bool, in_space: bool, console: Console,
) -> int:  # fmt: skip
    """Find the fixed points of each network, certify and linearise them, and draw its phase portrait.

    Writes OUT.h5 (points, Jacobians, certificates, what may be missing), OUT-modes.h5 (eigenvectors, time constants,
    non-normality), OUT.png (phase portrait) and OUT-spectrum.png (eigenvalues). With several archives OUT gets each
    archive's name appended.

    Low-rank networks are searched in their full state space and, as a check, in their exact reduced dynamics. The
    portrait shows the reduced plane of a rank-1 network, and the plane of the first two principal components of the
    fixed points of others. The step of units that spike jumps: for such networks, spiking and prc, the quiet state is
    examined and nothing is drawn.

    \b
    Examples:
      dynascope fixedpoints tb.h5 -o fixed_points
      dynascope fixedpoints rnn.h5 tb.h5 --input 0 --patience 1024 --slow -o both
      dynascope fixedpoints tb.h5 --basins --connections -o landscape
    """
    import torch

    torch.set_num_threads(1)
    search = _Search(n_starts, noise, seed, input_text, tolerance, certify, patience, slow)
    extras = _Extras(basins, connections, in_space)
    base = base_path(output)
    found: dict[str, Any] = {}
    for path, target in zip(archives, result_paths(base, archives), strict=True):
        text, values = _one(path, target, figure_format, selection, search, extras)
        found[path] = values
        if not console.as_json:
            console.result(f"{path}\n{text}", {})
    if console.as_json:
        console.result("", {"archives": found})
    return 0 if all(values["n_points"] for values in found.values()) else 1


def _one(
    path: str, target: Path, figure_format: str, selection: Selection, search: _Search, extras: _Extras
) -> tuple[str, dict[str, Any]]:
    from .. import plotting
    from ..fixedpoints import linearize

    if jumps_at_threshold(path):
        return quiet_state(path, target, selection, search.input)
    network = open_network(path, selection, search.input)
    points = _searched(network, search, Path(path).name)
    agreement = _reduced_agreement(network, points, search)
    modes = linearize(points, network.map()[0] if len(points) else None, dt=network.dt)
    points.save(with_suffix(target, ".h5"))
    modes.save(with_suffix(target, "-modes.h5"))
    title = f"{Path(path).stem}: {_counted(points)}"
    plotting.save(portrait(network, points, title), with_suffix(target, f".{figure_format}"))
    spectrum = modes.plot()
    spectrum.set_title(title)
    plotting.save(spectrum, with_suffix(target, f"-spectrum.{figure_format}"))
    further = _further(network, points, target, figure_format, extras) if len(points) else []
    lines = [*points.summary().splitlines(), *_table(network.model, points), *_modes_lines(modes), *agreement, *further]
    values = {"n_points": len(points), **points.to_dict(), "reduced": agreement, "modes": modes.to_dict()}
    return "\n".join("  " + line for line in lines), _without_matrices(values)


def _further(network: Network, points: "FixedPoints", target: Path, figure_format: str, extras: _Extras) -> list[str]:
    """Compute, save and draw what else was asked for, and return what it says."""
    from .. import plotting
    from ..fixedpoints import basins, connections

    step, u = network.map()
    lines: list[str] = []
    if extras.basins:
        visited = network.states.reshape(-1, network.states.shape[-1])
        chosen = np.linspace(0, len(visited) - 1, min(_BASIN_STARTS, len(visited))).astype(int)
        found = basins(step, visited[chosen], points, u)
        found.save(with_suffix(target, "-basins.h5"))
        drawn = basins_picture(network, points) or found.plot()
        plotting.save(drawn, with_suffix(target, f"-basins.{figure_format}"))
        lines += found.summary().splitlines()
    if extras.connections:
        graph = connections(step, points, u)
        graph.save(with_suffix(target, "-connections.h5"))
        plotting.save(graph.plot(), with_suffix(target, f"-connections.{figure_format}"))
        lines += graph.summary().splitlines()
    if extras.in_space:
        plotting.save(portrait_in_space(network, points), with_suffix(target, f"-3d.{figure_format}"))
    return lines


def _searched(network: Network, search: _Search, name: str) -> "FixedPoints":
    """Return the fixed points of a network, from as many starts as were asked for or until nothing new appears."""
    from ..fixedpoints import draw_from_trajectories, find_all_fixed_points, find_fixed_points

    step, u = network.map()
    options: dict[str, Any] = {
        "tolerance": search.tolerance,
        "certify": search.certify,
        "slow_points": search.slow,
        "lipschitz": network.model.jacobian_lipschitz(),
        "jacobian": network.jacobian(),
    }
    if search.patience is None:
        points = find_fixed_points(step, _starts(network, search), u, **options)
    else:
        draw = draw_from_trajectories(network.states, noise=search.noise)
        limits = {"patience": search.patience, "batch": search.n_starts, "seed": search.seed}
        points = find_all_fixed_points(step, draw, u, **limits, **options)
    kept = {**points.parameters, **dataclasses.asdict(search), "archive": name}
    return dataclasses.replace(points, parameters=kept)


def _starts(network: Network, search: _Search) -> np.ndarray:
    from ..fixedpoints import sample_starts

    return sample_starts(network.states, search.n_starts, noise=search.noise, seed=search.seed)


def _modes_lines(modes: "Linearization") -> list[str]:
    """Return the table of the linearisation; nothing when there is no point."""
    return modes.summary().splitlines() if len(modes) else []


def _without_matrices(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is too long to print: the files have it."""
    hidden = {"jacobians", "slow_jacobians", "right_eigenvectors", "left_eigenvectors", "start_points"}
    return {
        key: _without_matrices(value) if key == "modes" else value for key, value in values.items() if key not in hidden
    }


def _reduced_agreement(network: Network, points: "FixedPoints", search: _Search) -> list[str]:
    """Say whether the search in the exact reduced dynamics finds the same points."""
    import torch

    from ..fixedpoints import find_fixed_points

    reduced = network.model.reduced()
    if reduced is None:
        return []
    starts = _starts(network, search)
    with torch.no_grad():
        projected = reduced.project(torch.as_tensor(starts))
    inner = find_fixed_points(reduced.step, projected, network.input, tolerance=search.tolerance, certify=False)
    lifted = reduced.lift(torch.as_tensor(inner.states)).numpy()
    what = f"reduced dynamics ({', '.join(reduced.names)})"
    if not len(inner) and not len(points):
        return [f"{what}: no points either"]
    if len(inner) != len(points):
        return [f"{what}: DIFFERENT, {len(inner)} points against {len(points)}; use more --starts"]
    apart = np.abs(points.states[:, None] - lifted[None]).max(-1)
    largest = float(apart.min(1).max(initial=0))
    same = largest < 1e-6 * max(1.0, float(np.abs(points.states).max(initial=0)))
    return [f"{what}: {'the same' if same else 'DIFFERENT'} points, largest difference {largest:.1e}"]


def _table(model: "Model", points: "FixedPoints") -> list[str]:
    """Return one line per point: type, speed, leading eigenvalue, radius and what the readout says there."""
    import torch

    if not len(points):
        return []
    with torch.no_grad():
        outputs = model.readout(torch.as_tensor(points.states)).numpy()
    lines = [f"{'type':<10} {'largest |λ|':>11} {'q':>9} {'unique within':>13}  output"]
    for index, kind in enumerate(points.types()[:_ROWS]):
        shown = " ".join(f"{value:+.4f}" for value in outputs[index][:8])
        lines.append(
            f"{kind:<10} {abs(points.eigenvalues[index, 0]):>11.6f} {points.speeds[index]:>9.1e} "
            f"{points.radius[index]:>13.2e}  {shown}"
        )
    hidden = len(points) - _ROWS
    return [*lines, f"… and {hidden} more in the result file"] if hidden > 0 else lines


def _counted(points: "FixedPoints") -> str:
    stable = int(points.stable.sum())
    return f"{stable} stable, {len(points) - stable} unstable"
