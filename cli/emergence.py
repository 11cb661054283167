"""``dynascope emergence``: fixed points followed through training, and the bifurcations in which they arise."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .console import Console, output_options
from .networks import require_archive, start_options
from .selection import base_path, result_options, with_suffix

if TYPE_CHECKING:
    from ..fixedpoints import TrainingDiagram


@click.command("emergence")
@click.argument("archive")
@result_options
@click.option("--rule", metavar="NAME", help="Which rule of the task (default: the only one).")
@click.option("--at", required=True, metavar="EPOCH", help="Epoch whose input, in its middle, is held constant.")
@click.option("--cue", type=click.IntRange(min=0), help="Only trials with this cue (default: the mean of all trials).")
@click.option("--checkpoints", metavar="START:STOP:STEP", help="Checkpoints by trials seen (default: all).")
@click.option(
    "--at-most",
    type=click.IntRange(min=2),
    default=20,
    show_default=True,
    help="Of more checkpoints, so many are taken at even distances.",
)
@start_options(128, "at each checkpoint, drawn from the states that it visits in the epoch", noise=True)
@click.option("--slow/--no-slow", default=True, show_default=True, help="Also report slow points.")
@click.option("--certify/--no-certify", default=True, show_default=True, help="Prove existence of each point.")
@click.option("--switch", is_flag=True, help="Also enter branches that cross on the way.")
@click.option(
    "--max-step",
    type=click.FloatRange(min=0, max=1, min_open=True, max_open=True),
    default=0.05,
    show_default=True,
    help="Longest step along a branch, as a share of the way between two checkpoints.",
)
@output_options
def command(
    archive: str, output: str, figure_format: str, rule: str | None, at: str, cue: int | None, checkpoints: str | None,
    at_most: int, n_starts: int, noise: float, seed: int, slow: bool, certify: bool, switch: bool, max_step: float,
    console: Console,
) -> int:  # fmt: skip
    """Follow the fixed points of a network from checkpoint to checkpoint of its training.

    The input is held at what it is in the middle of an epoch, for example the delay of a memory task: a network that
    remembers needs a stable or slow point for every location then. Between checkpoints the weights move along a
    straight line; every fold, pitchfork and Neimark-Sacker bifurcation on it is located, in trials seen.

    Writes OUT.h5 (points, branches, events) and OUT.png (branches, where the readout points, how many points, leading
    eigenvalues). Exit code 1: no fixed point was found.

    \b
    Examples:
      dynascope emergence network.h5 --rule odr --at delay1 -o emergence
      dynascope emergence network.h5 --rule odr --at stim1 --cue 2 --checkpoints 500000:620000: -o cue2
    """
    import torch

    from .. import plotting
    from ..reproductions.emergence import Moment, Search, emergence

    torch.set_num_threads(1)
    require_archive(archive)
    base = base_path(output)
    search = Search(checkpoints, at_most, n_starts, noise, seed, slow, certify, switch, max_step)
    with console.progress("checkpoints", at_most - 1) as advance:

        def show(done: int, of: int) -> None:
            advance(done, f"of {of}")

        found = emergence(archive, Moment(rule, at, cue), search, note=console.note, progress=show)
    found.save(with_suffix(base, ".h5"))
    drawn = found.figure()
    title = drawn.axes[0]
    title.set_title(f"{Path(archive).stem}, input of {at}: {title.get_title()}")
    plotting.save(drawn, with_suffix(base, f".{figure_format}"))
    console.result(found.summary(), {"archive": archive, **_printed(found)})
    return 0 if len(found) else 1


def _printed(found: "TrainingDiagram") -> dict[str, Any]:
    """Leave out what is too long to print: the file has it."""
    return {
        name: value for name, value in found.to_dict().items() if not name.startswith("path_") and "states" not in name
    }
