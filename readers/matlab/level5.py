"""The variables of a level 5 MATLAB file (versions 5 to 7).

Our own reader, though SciPy has one: that allocates what a header claims, goes as deep as the file does, and crashed
the interpreter on one of 400 damaged files (SciPy 1.17). Here each size is compared with what holds it, and with the
budget, before anything of that size is made.
"""

import struct
import zlib
from pathlib import Path
from typing import IO, Any

from ...errors import ArchiveError
from ..limits import MAX_DEFLATE_RATIO, Budget
from .matrices import MATRIX, Matrices
from .streams import Inflated, Plain, Truncated

_HEADER_BYTES = 128
_COMPRESSED = 15


def is_level5(header: bytes) -> bool:
    """Return whether the first 128 bytes of a file are the header of this format."""
    return len(header) >= _HEADER_BYTES and header[124:128] in (b"\x00\x01IM", b"\x01\x00MI")


def read_level5_variables(path: Path, budget: Budget) -> dict[str, Any]:
    """Return the variables of the file by name, as ``tree`` describes them; of two with one name the last.

    Raises
    ------
    ArchiveError
        If the file is damaged, too large, or nests deeper than 32 levels.
    """
    size = path.stat().st_size
    found: dict[str, Any] = {}
    with path.open("rb") as file:
        order = "<" if file.read(_HEADER_BYTES)[126:128] == b"IM" else ">"
        while file.tell() < size:
            where = f"byte {file.tell()}"
            try:
                name, value = _variable(file, order, size, where, budget)
            except (struct.error, zlib.error, Truncated, ValueError) as error:
                if isinstance(error, ArchiveError):
                    raise
                reason = str(error) or "a part is longer than what holds it"
                raise budget.refusal(where, f"unreadable data ({reason})", "an undamaged file") from error
            if name:  # what MATLAB keeps for objects has none
                found[name] = value
    return found


def _variable(file: IO[bytes], order: str, size: int, where: str, budget: Budget) -> tuple[str, Any]:
    kind, length = struct.unpack(f"{order}II", file.read(8))
    begin = file.tell()
    if kind not in (MATRIX, _COMPRESSED) or begin + length > size:
        raise budget.refusal(where, f"an element of type {kind} and {length} bytes", "a whole variable")
    stream: Plain | Inflated = Plain(file, length)
    content = length
    if kind == _COMPRESSED:
        stream = Inflated(file, length)
        inner, content = struct.unpack(f"{order}II", stream.read(8))
        if inner != MATRIX or content > MAX_DEFLATE_RATIO * length:
            raise budget.refusal(where, f"{length} bytes that claim to hold {content}", "data that the file can hold")
    named = Matrices(stream, order, budget).matrix(content, where, 1)
    stream.finish()
    file.seek(begin + length)
    return named
