"""``dynascope export``: replay trained networks and write activity archives."""

import click

from .console import Console, output_options


@click.command("export")
@click.argument("run")
@click.option("-o", "--output", help="Archive (one network) or directory (several); default: into RUN.")
@click.option(
    "--checkpoints",
    default="final",
    show_default=True,
    metavar="final|all|N,N,…",
    help="Which weights: the chosen ones, all that were kept, or those after so many trials.",
)
@click.option(
    "--trials",
    "n_trials",
    type=click.IntRange(min=1),
    default=128,
    show_default=True,
    help="Test trials to replay.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the test trials: equal seeds, equal trials.",
)
@click.option(
    "--network",
    "members",
    multiple=True,
    metavar="N|best",
    help="Which networks of the run (repeatable; default all); best is the one of lowest training loss.",
)
@click.option(
    "--states",
    metavar="NAME,NAME,…",
    help="State variables to record, also what learning uses, such as eligibility (default: the family's choice).",
)
@click.option(
    "--window",
    type=float,
    nargs=2,
    metavar="START STOP",
    help="Record these seconds of each trial only (default: all).",
)
@output_options
def command(
    run: str,
    output: str | None,
    checkpoints: str,
    n_trials: int,
    seed: int,
    members: tuple[str, ...],
    states: str | None,
    window: tuple[float, float] | None,
    console: Console,
) -> None:
    """Replay the networks of a finished training RUN and write one activity archive per network.

    \b
    Examples:
      dynascope export runs/tb -o archives/
      dynascope export runs/tb --network best --trials 500 -o tb.h5
      dynascope export runs/spiking --trials 4 --window 1.8 2 --states spikes,voltage,eligibility -o traces.h5
    """
    import torch

    from ..errors import InputError
    from ..trainers import Extract, export_run

    torch.set_num_threads(1)
    chosen: str | list[int] = checkpoints
    if checkpoints not in ("final", "all"):
        try:
            chosen = [int(word) for word in checkpoints.split(",")]
        except ValueError:
            raise InputError(
                f"--checkpoints {checkpoints}: expected final, all, or numbers such as 1280,2560"
            ) from None
    networks = "best" if members == ("best",) else [_number(word) for word in members] or None
    extract = Extract([name.strip() for name in states.split(",")] if states else None, window)
    paths = export_run(run, output, checkpoints=chosen, n_trials=n_trials, seed=seed, members=networks, extract=extract)
    console.result("\n".join(map(str, paths)), {"archives": [str(path) for path in paths]})


def _number(word: str) -> int:
    from ..errors import InputError

    try:
        return int(word)
    except ValueError:
        raise InputError(f"--network {word}: expected a number, or best alone") from None
