"""``dynascope demo``: the main job on real work, as the commands a user would type."""

import click

from ..errors import DynascopeError
from .console import Console, output_options


@click.command("demo")
@click.option(
    "-o",
    "--output",
    default="demo",
    show_default=True,
    help="Directory for archives, results and index.html.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Train for fewer epochs (a rougher, faster demo).")
@output_options
def command(output: str, epochs: int | None, console: Console) -> None:
    """Train four small networks, archive them, find their fixed points, compare them, and write a page about it.

    Takes a minute or two on two cores. Run again after an interruption, it goes on where it was.

    \b
    Example:
      dynascope demo && xdg-open demo/index.html
    """
    from ..reproductions import demo
    from .main import cli

    made = demo.steps(output, epochs=epochs or demo.EPOCHS)
    flags = ["--quiet"] if console.quiet else []
    for number, step in enumerate(made, 1):
        console.note(f"[{number}/{len(made)}] {step.command}")
        # Each step prints its own result; with --json the demo prints one object at the end instead.
        _run(cli, [*step.arguments, *flags], step.purpose, silent=console.as_json)
    page = demo.write_page(output, made)
    console.result(f"open {page}", {"page": str(page), "commands": [step.command for step in made]})


def _run(cli: click.Group, arguments: list[str], purpose: str, *, silent: bool) -> None:
    import contextlib
    import io

    sink = io.StringIO()
    with contextlib.redirect_stdout(sink) if silent else contextlib.nullcontext():
        code = cli.main(args=arguments, prog_name="dynascope", standalone_mode=False)
    if code:
        raise DynascopeError(f"demo: the step '{purpose}' ended with exit code {code}")
