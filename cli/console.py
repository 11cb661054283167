"""What a command says: results on stdout, progress on stderr, JSON for machines."""

import functools
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from ..results import plain


class Console:
    """Output of one command, as ``--json`` and ``--quiet`` ask for."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json, self.quiet = as_json, quiet

    def result(self, text: str, values: Mapping[str, Any]) -> None:
        """Print a result: its text, or its values as one JSON object."""
        if self.as_json:
            click.echo(json.dumps(plain(values)))
        elif text:
            click.echo(text)

    def note(self, text: str) -> None:
        """Say on stderr what is going on, unless asked to be quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    @contextmanager
    def progress(self, label: str, length: int, *, every: float = 5.0) -> Iterator[Callable[[int, str], None]]:
        """Yield a function of (position, detail): a bar on a terminal, a line every few seconds elsewhere."""
        if self.quiet:
            yield lambda position, detail: None
        elif sys.stderr.isatty():
            with click.progressbar(
                length=length, label=label, file=sys.stderr, item_show_func=lambda item: item
            ) as bar:

                def advance(position: int, detail: str) -> None:
                    bar.update(position - bar.pos, detail)

                yield advance
        else:
            yield _lines(label, length, every)


def _lines(label: str, length: int, every: float) -> Callable[[int, str], None]:
    last = time.monotonic()

    def say(position: int, detail: str) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            click.echo(f"{label}: {position}/{length} {detail}".rstrip(), err=True)

    return say


def output_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--json`` and ``--quiet``; the command receives them as ``console``."""

    @functools.wraps(function)
    def with_console(*args: Any, as_json: bool, quiet: bool, **options: Any) -> Any:
        return function(*args, console=Console(as_json=as_json, quiet=quiet), **options)

    wrapped = click.option("--quiet", is_flag=True, help="No progress on stderr.")(with_console)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")(wrapped)
