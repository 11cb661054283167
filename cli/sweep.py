"""``dynascope sweep``: train the networks of a grid on several workers, resumably."""

import click

from .console import Console, output_options
from .interruption import stop_request


@click.command("sweep")
@click.argument("file", required=False, type=click.Path(dir_okay=False))
@click.option("-o", "--output", required=True, help="Directory of the sweep; resumed when it has begun.")
@click.option(
    "--executor",
    type=click.Choice(["local", "serial", "dask"]),
    default="local",
    show_default=True,
    help="Processes of this machine, this process, or Dask workers.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes (default: one per processor).")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler, as in tcp://10.0.0.1:8786.")
@click.option(
    "--retry",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    metavar="N",
    help="How often to try a task again whose worker died.",
)
@click.option("--status", is_flag=True, help="Say how far the sweep is, and train nothing.")
@output_options
def command(
    file: str | None,
    output: str,
    executor: str,
    workers: int | None,
    scheduler: str | None,
    retry: int,
    status: bool,
    console: Console,
) -> int:
    """Train every network of the grid in FILE that is not yet in the output directory.

    Each network becomes an activity archive OUTPUT/<identity>.h5 and a row of OUTPUT/table.csv. However often the
    sweep is stopped or killed, the same command goes on and trains nothing twice. A network that raises an error or
    kills its worker is named with its log and does not hold up the others; the next call tries it again.

    FILE is a TOML file: what all networks share, and lists of what varies.

    \b
      family = "three_body"
      task_name = "flip_flop"
      seed = "0-9"
      [task]
      n_bits = 3
      [[grid]]
      model.kind = ["lowrank_rnn", "lowrank_tbrnn"]
      model.rank = [1, 2, 3]

    \b
    Examples:
      dynascope sweep ranks.toml -o sweeps/ranks
      dynascope sweep ranks.toml -o sweeps/ranks --status
      dynascope sweep ranks.toml -o sweeps/ranks --executor dask --scheduler tcp://10.0.0.1:8786
    """
    from ..trainers.sweeps import read_grid, report_on, run_sweep

    if status:
        report = report_on(output, None if file is None else read_grid(file))
        console.result(report.summary(), report.to_dict())
        return 0
    if file is None:
        raise click.UsageError("Missing argument 'FILE': the grid. Only --status works without.")
    with console.progress("sweep", len(read_grid(file))) as show, stop_request() as should_stop:
        report = run_sweep(
            file,
            output,
            executor=executor,
            workers=workers,
            scheduler=scheduler,
            retries=retry,
            progress=lambda finished, failed, _: show(finished + failed, f"{failed} failed" if failed else ""),
            should_stop=should_stop,
        )
    console.result(report.summary(), report.to_dict())
    return 0 if report.complete else 1
