"""``--read KEY=VALUE``: what the user says of a file of another program."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import click

from ..errors import InputError


def read_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--read``; the command receives the words as ``reading``, to be given to :func:`parse_options`."""
    return click.option(
        "--read",
        "reading",
        multiple=True,
        metavar="KEY=VALUE",
        help="How to read a file of another program, such as align=go_time, window=-0.5,1, bin=0.02 (repeatable).",
    )(function)


def parse_options(words: Iterable[str], option: str = "--read") -> dict[str, Any]:
    """Return options from the ``KEY=VALUE`` words of ``option``: numbers, pairs of numbers, true and false, or text.

    >>> parse_options(["bin=0.02", "window=-0.5,1", "align=go_time", "axes=unit,time,trial"])
    {'bin': 0.02, 'window': (-0.5, 1.0), 'align': 'go_time', 'axes': 'unit,time,trial'}

    Raises
    ------
    InputError
        If a word has no key or no value, or a key comes twice.
    """
    found: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not (key.strip() and equals and text.strip()):
            raise InputError(f"{option} {word}: expected KEY=VALUE, as in align=go_time")
        if key.strip() in found:
            raise InputError(f"{option} {word}: {key.strip()} was given before")
        found[key.strip()] = _value(text.strip())
    return found


def parse_names(text: str | None) -> list[str] | None:
    """Return the names in a comma-separated list, each once; None where none was given."""
    return list(dict.fromkeys(name.strip() for name in text.split(","))) if text else None


def _value(text: str) -> Any:
    try:
        return tuple(float(part) for part in text.split(",")) if "," in text else json.loads(text)
    except ValueError:
        return text
