"""``dynascope validate``: check archives to the last bit."""

import click

from ..errors import DynascopeError
from .console import Console, output_options


@click.command("validate")
@click.argument("archives", nargs=-1, required=True)
@output_options
def command(archives: tuple[str, ...], console: Console) -> int:
    """Check each of ARCHIVES: its structure, shapes and sizes, and its digest recomputed from every value.

    Prints a line per archive; the exit code is 2 if any is refused.

    \b
    Example:
      dynascope validate demo/*.h5
    """
    from ..readers import validate

    reports = {}
    for path in archives:
        try:
            found = validate(path)
            reports[path] = {"ok": True, "digest": found.digest, "format_version": found.format_version}
            line = f"{path}: ok, digest {found.digest}"
        except DynascopeError as error:
            reports[path] = {"ok": False, "reason": str(error)}
            click.echo(" ".join(str(error).split()), err=True)
            continue
        if not console.as_json:
            console.result(line, {})
    if console.as_json:
        console.result("", {"archives": reports})
    return 0 if all(report["ok"] for report in reports.values()) else 2
