"""``dynascope reproduce``: run a published study again and print our figures beside the published ones."""

from typing import Any

import click

from .console import Console, output_options
from .interruption import stop_request


@click.command("reproduce")
@click.argument("name", required=False)
@click.option(
    "--scale",
    type=click.Choice(["small", "paper"]),
    default="small",
    show_default=True,
    help="A preset in minutes to an hour, or the published size (days).",
)
@click.option("--runs", type=click.IntRange(min=1), help="Repetitions (default: the scale's own).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The one seed of the study.")
@click.option("-o", "--output", help="Directory for archives, results and figures (default: reproduced/NAME).")
@click.option("--data", metavar="PATH", help="Recordings of your own that the study can use.")
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes (default: one per processor).")
@click.option(
    "--executor", type=click.Choice(["local", "serial", "dask"]), default="local", show_default=True, help="Engine."
)
@output_options
def command(
    name: str | None,
    scale: str,
    runs: int | None,
    seed: int,
    output: str | None,
    data: str | None,
    workers: int | None,
    executor: str,
    console: Console,
) -> int:
    """Run the study NAME again: train, export, analyse, and print a table of our figures beside the published ones.

    Without NAME, list the studies. Networks are trained on all processors and kept in the output directory; however
    often the command is interrupted, it goes on and trains nothing twice. Runs of another number add to those done.

    \b
    Examples:
      dynascope reproduce
      dynascope reproduce three-body.multifate --runs 2
      dynascope reproduce three-body.teacher-student --scale paper --runs 30 -o table1
    """
    from ..reproductions.study import STUDIES, Workbench, get_study, run_study

    if name is None:
        titles = {name: get_study(name).title for name in STUDIES}
        console.result("\n".join(f"{name:<28} {title}" for name, title in titles.items()), titles)
        return 0
    study = get_study(name)
    target = output or f"reproduced/{study.name.replace('.', '/') if study.shares_work else study.name}"
    with stop_request() as should_stop:
        bench = Workbench(
            study,
            target,
            scale=scale,
            runs=runs,
            seed=seed,
            data=data,
            executor=executor,
            workers=workers,
            note=console.note,
            progress=_progress(console),
            should_stop=should_stop,
        )
        findings, text = run_study(bench)
    paths = [str(path) for path in findings.files]
    console.result(
        f"{text}\nfiles: {', '.join(paths)}", {"study": study.name, "values": findings.values, "files": paths}
    )
    return 0


def _progress(console: Console) -> Any:
    """Return a function that says now and then how many networks are done; a study has many short phases."""
    import time

    last = 0.0

    def say(finished: int, failed: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= 10 or finished == total:
            last = time.monotonic()
            console.note(f"  {finished} of {total} done" + (f", {failed} failed" if failed else ""))

    return say
