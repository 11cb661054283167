"""``dynascope continue``: follow the fixed points of a network along an input, a weight scale, or its training."""

import dataclasses
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..errors import InputError, unknown_name
from ..results import count_noun
from .console import Console, output_options
from .networks import Network, input_option, open_network, require_archive, start_options
from .selection import Selection, base_path, result_options, selection_options, with_suffix

if TYPE_CHECKING:
    from torch import Tensor

    from ..fixedpoints.following.record import BifurcationDiagram
    from ..fixedpoints.following.tracking_record import Tracking

# Options that each say along what to follow, and what each goes with.
_MODES = "--input-channel, --weight-scale, --between, --checkpoints"


@dataclasses.dataclass(frozen=True)
class _Way:
    """What the command line says about the parameter."""

    channel: int | None
    bounds: tuple[float, float] | None
    scale: tuple[float, float] | None
    names: tuple[str, ...]
    between: tuple[str, str] | None
    checkpoints: bool

    def check(self) -> None:
        """Refuse combinations that say two things at once, or half of one."""
        chosen = [self.channel is not None, self.scale is not None, self.between is not None, self.checkpoints]
        if sum(chosen) > 1:
            raise InputError(f"{_MODES}: choose one of them, found {sum(chosen)}")
        if self.bounds is not None and (self.scale is not None or self.between is not None or self.checkpoints):
            raise InputError("--range: goes with --input-channel only")
        if self.names and self.scale is None:
            raise InputError("--parameter: goes with --weight-scale only")
        for option, pair in (("--range", self.bounds), ("--weight-scale", self.scale)):
            if pair is not None and not (np.isfinite(pair).all() and pair[0] < pair[1]):
                raise InputError(f"{option} {pair[0]:g} {pair[1]:g}: expected two finite numbers, the lower first")


@dataclasses.dataclass(frozen=True)
class _Search:
    n_starts: int
    seed: int
    doublings: int
    max_branches: int
    max_step: float


@click.command("continue")
@click.argument("archive")
@result_options
@selection_options
@input_option
@click.option("--input-channel", "channel", type=click.IntRange(min=0), help="Follow along this input channel, from 0.")
@click.option("--range", "bounds", type=float, nargs=2, help="Values of the input channel.  [default: -1 1]")
@click.option("--weight-scale", "scale", type=float, nargs=2, help="Follow along a factor on weights, from A to B.")
@click.option("--parameter", "names", multiple=True, help="Which weights to scale (repeatable; default: recurrent).")
@click.option("--between", type=str, nargs=2, help="Follow along the straight line between two checkpoints.")
@click.option("--checkpoints", is_flag=True, help="Track the points through all checkpoints of the archive.")
@start_options(128)
@click.option(
    "--doublings",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="How often to follow the doubled orbit from a flip.",
)
@click.option(
    "--max-branches", type=click.IntRange(min=1), default=64, show_default=True, help="Branches to follow at most."
)
@click.option(
    "--max-step",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.02,
    show_default=True,
    help="Longest step along a branch, as a share of the range.",
)
@output_options
def command(
    archive: str, output: str, figure_format: str, selection: Selection, input_text: str | None, channel: int | None,
    bounds: tuple[float, float] | None, scale: tuple[float, float] | None, names: tuple[str, ...],
    between: tuple[str, str] | None, checkpoints: bool, n_starts: int, seed: int, doublings: int, max_branches: int,
    max_step: float, console: Console,
) -> int:  # fmt: skip
    """Follow the fixed points of a network as one parameter changes, and find their bifurcations.

    The parameter is an input channel (the default, channel 0), a factor on weights, or the place on the straight line
    between the weights of two checkpoints. With --checkpoints the points are tracked through the training that
    dynascope export --checkpoints all has recorded.

    \b
    Examples:
      dynascope continue tb.h5 --input-channel 0 --range -1 1 -o along_input
      dynascope continue tb.h5 --weight-scale 0 1.5 -o along_gain
      dynascope continue all.h5 --between 0000100 final -o between
      dynascope continue all.h5 --checkpoints -o training
    """
    import torch

    from .. import plotting

    torch.set_num_threads(1)
    way = _Way(channel, bounds, scale, names, between, checkpoints)
    way.check()
    search = _Search(n_starts, seed, doublings, max_branches, max_step)
    base = base_path(output)
    found: BifurcationDiagram | Tracking
    if checkpoints:
        found, axis = _track(archive, selection, input_text, search), "trials seen"
    else:
        found, axis = _diagram(archive, selection, input_text, way, search)
    used = {**found.parameters, **dataclasses.asdict(way), **dataclasses.asdict(search), "archive": Path(archive).name}
    found = dataclasses.replace(found, parameters=used)
    found.save(with_suffix(base, ".h5"))
    drawn = found.plot()
    drawn.set_xlabel(axis)
    drawn.set_title(f"{Path(archive).stem}: {drawn.get_title()}")
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    console.result(found.summary(), {"archive": archive, **found.to_dict()})
    return 0 if len(found) else 1


def _diagram(
    path: str, selection: Selection, input_text: str | None, way: _Way, search: _Search
) -> "tuple[BifurcationDiagram, str]":
    from ..fixedpoints.following.follow import bifurcation_diagram

    if way.between is not None:
        selection = dataclasses.replace(selection, recording=way.between[0])
    network = open_network(path, selection, input_text)
    step, bounds, begin, axis = _parametrized(path, network, way, selection)
    # Also at the far end: what is born on the way need not be connected to what was there before.
    found = bifurcation_diagram(
        step,
        _starts(network, search),
        [begin, *(value for value in bounds if value != begin)],
        bounds=bounds,
        doublings=search.doublings,
        max_branches=search.max_branches,
        max_step=search.max_step,
    )
    return found, axis


def _parametrized(
    path: str, network: Network, way: _Way, selection: Selection
) -> "tuple[Callable[[Tensor, Tensor], Tensor], tuple[float, float], float, str]":
    """Return the step with a parameter, its bounds, where to start, and what the parameter is called."""
    from ..fixedpoints.following.parameters import along_input, along_scale, along_weights

    model = network.model
    if way.scale is not None:
        names = way.names or _recurrent(model.arrays(), path)
        for name in names:
            if name not in model.arrays():
                raise InputError(f"{path}: {unknown_name('parameter', name, model.arrays())}")
        begin = float(np.clip(1.0, *way.scale))
        return along_scale(model.step, names, input=network.input), way.scale, begin, f"factor on {', '.join(names)}"
    if way.between is not None:
        other = open_network(path, dataclasses.replace(selection, recording=way.between[1]))
        first, second = way.between
        line = along_weights(model.step, model.arrays(), other.model.arrays(), input=network.input)
        return line, (0.0, 1.0), 0.0, f"from {first} (0) to {second} (1)"
    channel, size = way.channel or 0, len(network.input)
    if channel >= size:
        raise InputError(f"--input-channel {channel}: {path} has {size} input channels, numbered from 0")
    if not network.has_input:
        raise InputError(f"--input-channel {channel}: the network of {path} does not listen to its input")
    bounds = way.bounds or (-1.0, 1.0)
    begin = float(np.clip(network.input[channel], *bounds))
    return along_input(model.step, network.input, channel), bounds, begin, f"input {channel}"


def _recurrent(arrays: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """Return the weights that a factor on the recurrent connections scales.

    The square matrix where there is one; of low-rank weights the left factors, so that the product is scaled once.
    """
    for chosen in (
        [name for name in arrays if "recurrent" in name],
        [name for name in arrays if name.endswith("_left")],
    ):
        if chosen:
            return tuple(chosen)
    raise InputError(f"--weight-scale: say which weights of {path} to scale with --parameter: {', '.join(arrays)}")


def _starts(network: Network, search: _Search) -> np.ndarray:
    from ..fixedpoints import sample_starts

    return sample_starts(network.states, search.n_starts, seed=search.seed)


def _track(path: str, selection: Selection, input_text: str | None, search: _Search) -> "Tracking":
    """Return the points tracked through every recording that has weights of its own, and the final one."""
    from ..fixedpoints.following.parameters import along_weights
    from ..fixedpoints.following.tracking import track_points

    if selection.recording is not None:
        raise InputError("--recording: --checkpoints uses every recording of the archive that holds weights")
    networks = [
        open_network(path, dataclasses.replace(selection, recording=name), input_text) for name in _moments(path)
    ]
    first = networks[0]
    between = [
        along_weights(before.model.step, before.model.arrays(), after.model.arrays(), input=first.input)
        for before, after in itertools.pairwise(networks)
    ]
    return track_points(
        [_closed(network) for network in networks],
        [float(network.recording.attrs["trials_seen"]) for network in networks],
        [_starts(network, search) for network in networks],
        between=between,
        max_step=max(search.max_step, 0.05),
    )


def _closed(network: Network) -> "Callable[[Tensor], Tensor]":
    """Return the step at the network's constant input: before training it may not listen to it."""
    import torch

    fixed = torch.as_tensor(network.input)
    return lambda states: network.model.step(states, fixed.expand(len(states), -1))


def _moments(path: str) -> list[str]:
    """Return the recordings that are checkpoints, in the order of training, each moment once."""
    from ..readers import open_archive

    require_archive(path)
    with open_archive(path, verify=False) as archive:
        if archive.model is None:
            raise InputError(f"{path}: holds no network, only recorded activity; expected an archive with a network")
        seen: dict[float, str] = {}
        for name, recording in archive.recordings.items():
            if "trials_seen" in recording.attrs and (recording.parameters or name == "final"):
                # A checkpoint at the moment of the final weights is the last of training; 'final' may be the best.
                seen.setdefault(float(recording.attrs["trials_seen"]), name)
    if len(seen) < 2:
        raise InputError(
            f"{path}: holds {count_noun(len(seen), 'checkpoint')}, tracking needs at least 2; export "
            "with dynascope export RUN --checkpoints all"
        )
    return [seen[moment] for moment in sorted(seen)]
