"""``dynascope export``: replay trained networks and write activity archives."""

from typing import Any

import click

from .console import Console, output_options
from .reading import parse_names


@click.command("export")
@click.argument("run")
@click.option("-o", "--output", help="Archive (one network) or directory (several); default: into RUN.")
@click.option(
    "--keep",
    "--checkpoints",
    "checkpoints",
    metavar="stages|final|all|N,N,…",
    help="Record activity at: one checkpoint for each stage of training and rule, the chosen weights, all checkpoints, "
    "or those after so many trials (default: stages for tasks of several rules, else final). The weights of every "
    "checkpoint are in the archive in any case.",
)
@click.option("--rules", metavar="NAME,NAME,…", help="Record these rules of the task only.")
@click.option(
    "--trials",
    "n_trials",
    type=click.IntRange(min=1),
    help="Trials to replay (default: 128 test trials, or all training trials of tasks that have no others).",
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
@click.option(
    "--block",
    metavar="NAME,NAME,…",
    help="Channels that a drug blocks in the network of the archive (prc: sodium, calcium, nmda, bap).",
)
@output_options
def command(
    run: str,
    output: str | None,
    checkpoints: str | None,
    rules: str | None,
    n_trials: int | None,
    seed: int,
    members: tuple[str, ...],
    states: str | None,
    window: tuple[float, float] | None,
    block: str | None,
    console: Console,
) -> None:
    """Replay the networks of a finished training RUN and write one activity archive per network.

    \b
    Examples:
      dynascope export runs/tb -o archives/
      dynascope export runs/tb --network best --trials 500 -o tb.h5
      dynascope export runs/quick --keep 128000,256000 --rules odr,odrd -o quick.h5
      dynascope export runs/bap --block sodium,bap -o blocked.h5
      dynascope export runs/spiking --trials 4 --window 1.8 2 --states spikes,voltage,eligibility -o traces.h5
    """
    import torch

    from ..trainers import Extract, export_run

    torch.set_num_threads(1)
    networks = "best" if members == ("best",) else [_number(word) for word in members] or None
    extract = Extract(parse_names(states), window)
    paths = export_run(
        run,
        output,
        checkpoints=_checkpoints(checkpoints, run),
        n_trials=n_trials,
        seed=seed,
        members=networks,
        extract=extract,
        rules=parse_names(rules),
        block=parse_names(block) or (),
    )
    console.result("\n".join(map(str, paths)), {"archives": [str(path) for path in paths]})


def _checkpoints(text: str | None, run: str) -> Any:
    """Return what ``--keep`` asks for as ``export_run`` takes it."""
    from ..errors import InputError
    from ..reproductions.histories import representative_checkpoints
    from ..trainers import RunDirectory

    if text is None:
        opened = RunDirectory.open(run)
        several = len(opened.settings.get_task().rules) > 1
        text = "stages" if several and len(opened.history()) > 1 else "final"
    if text == "stages":
        return representative_checkpoints
    if text in ("final", "all"):
        return text
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise InputError(f"--keep {text}: expected stages, final, all, or numbers such as 1280,2560") from None


def _number(word: str) -> int:
    from ..errors import InputError

    try:
        return int(word)
    except ValueError:
        raise InputError(f"--network {word}: expected a number, or best alone") from None
