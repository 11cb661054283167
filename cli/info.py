"""``dynascope info``: what an archive holds."""

import click

from .console import Console, output_options


@click.command("info")
@click.argument("archives", nargs=-1, required=True)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Check every bit against the digest first.")
@output_options
def command(archives: tuple[str, ...], verify: bool, console: Console) -> None:
    """Print the contents of each of ARCHIVES as a tree: shapes, units, sizes, training and performance.

    \b
    Examples:
      dynascope info demo/*.h5
      dynascope info --json tb.h5
    """
    from ..readers import describe, describe_dict, open_archive

    found = {}
    for path in archives:
        with open_archive(path, verify=verify) as opened:
            if console.as_json:
                found[path] = describe_dict(opened)
            else:
                console.result(describe(opened), {})
    if console.as_json:
        console.result("", {"archives": found})
