"""The exceptions of dynascope: each carries the exit code that the command line returns for it."""

import difflib
from collections.abc import Iterable


class DynascopeError(Exception):
    """Something went wrong that the user should hear about in one line."""

    exit_code = 1


class InputError(DynascopeError, ValueError):
    """An argument, option or array is not what was expected."""

    exit_code = 2


class ArchiveError(InputError):
    """A file is not a readable activity archive, or is damaged."""


class ConfigurationError(InputError):
    """A configuration names something unknown or gives it an impossible value."""


class StoppedError(DynascopeError):
    """Work stopped before its end and can be resumed."""

    exit_code = 3


def unknown_name(kind: str, name: object, valid: Iterable[str]) -> str:
    """Return the sentence that refuses ``name``, with the nearest valid name when there is one.

    >>> unknown_name("task", "flipflop", ["flip_flop", "sine"])
    "unknown task 'flipflop': did you mean 'flip_flop'? (valid: flip_flop, sine)"
    """
    names = sorted(valid)
    nearest = difflib.get_close_matches(str(name), names, n=1)
    hint = f" did you mean '{nearest[0]}'?" if nearest else ""
    return f"unknown {kind} '{name}':{hint} (valid: {', '.join(names) or 'none'})"
