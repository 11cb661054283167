"""Read the list of area names that the original stored as a pickle, without unpickling it.

A pickle is a program. This reader walks over its instructions, accepts those that make one list of texts and refuses
every other; nothing is called, imported or built on the way.
"""

import pickletools
from pathlib import Path

from ...errors import InputError

# The names of a thousand areas take some 10 kB.
_MAX_BYTES = 1_000_000
_TEXT = frozenset(["UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"])
_TEXT_OF_PYTHON_2 = frozenset(["STRING", "BINSTRING", "SHORT_BINSTRING"])
_STORE = frozenset(["PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"])
_RECALL = frozenset(["GET", "BINGET", "LONG_BINGET"])
_FRAMING = frozenset(["PROTO", "FRAME", "MARK", "APPEND", "APPENDS", "STOP"])
_OPEN = frozenset(["EMPTY_LIST", "LIST"])


def read_names_list(path: Path) -> tuple[str, ...]:
    """Return the texts of a pickled list of str (any protocol), in order.

    Raises
    ------
    InputError
        If the file cannot be read, is larger than 1 MB, is damaged, or would make anything but one list of texts.
    """
    try:
        content = path.read_bytes()[: _MAX_BYTES + 1]
    except OSError as error:
        raise InputError(f"{path}: cannot read the names of the areas: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: expected a list of names, at most {_MAX_BYTES} bytes; the file is larger")
    try:
        return _texts(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:
        # The standard library's parser meets damaged bytes with exceptions of many kinds.
        raise InputError(f"{path}: not a pickled list of names: {error}") from error


def _texts(content: bytes) -> tuple[str, ...]:
    texts: list[str] = []
    memory: dict[object, str | None] = {}  # None stands for the list itself
    latest: str | None = None
    lists = 0
    for instruction, argument, _ in pickletools.genops(content):
        name = instruction.name
        if name in _TEXT or name in _TEXT_OF_PYTHON_2:
            latest = str(argument)
            texts.append(latest)
        elif name in _STORE:
            memory[len(memory) if argument is None else argument] = latest
        elif name in _RECALL:
            recalled = memory.get(argument)
            if recalled is None:
                raise InputError("expected a list of texts, found a list within a list; nothing was loaded")
            latest = recalled
            texts.append(recalled)
        elif name in _OPEN:
            lists += 1
            latest = None
        elif name not in _FRAMING:
            raise InputError(f"expected a list of texts, found the pickle instruction {name}; nothing was loaded")
    if lists != 1:
        raise InputError(f"expected one list of texts, found {lists} lists; nothing was loaded")
    return tuple(texts)
