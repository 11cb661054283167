"""Check the global heaps of an HDF5 file, where text of variable length lies, before the library reads them.

HDF5 (seen with 2.0) steps through the objects of a heap by their stated sizes and never ends when free space states
size 0, as it does when a block of the file was zeroed. Here the same steps are taken with the file's own bytes, and
such a heap is refused. The layout is that of the HDF5 file format specification, section III.E.
"""

import functools
import mmap
import os
import struct
from pathlib import Path

from ..errors import ArchiveError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_HEAP = b"GCOL\x01\x00\x00\x00"
# The search reads the whole file: about a second for each GiB. Larger files are opened without it.
LARGEST_SEARCHED = 4 * 2**30


def check_heaps(path: Path) -> None:
    """Refuse an HDF5 file with a heap in which the library would step on the spot.

    Files above 4 GiB are not searched.

    Raises
    ------
    ArchiveError
        With the byte at which the heap is damaged.
    """
    status = os.stat(path)
    fault = _fault(str(path), status.st_size, status.st_mtime_ns)
    if fault:
        raise ArchiveError(f"{path}: {fault}; it is damaged: restore it from a copy or make it again")


@functools.lru_cache(maxsize=64)
def _fault(path: str, size: int, changed: int) -> str:
    """Return what is wrong with a file of this size and time of change, empty when nothing is."""
    if not 0 < size <= LARGEST_SEARCHED:
        return ""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        width = _length_bytes(content)
        at = content.find(_HEAP)
        while at >= 0:
            stuck = _stuck(content, at, width)
            if stuck is not None:
                return f"byte {stuck}: found a heap of texts whose parts have no size, expected sizes above 0"
            at = content.find(_HEAP, at + len(_HEAP))
    return ""


def _length_bytes(content: mmap.mmap) -> int:
    """Return how many bytes a length has in this file."""
    begin = max(0, content.find(_SIGNATURE))
    version = content[begin + 8] if len(content) > begin + 16 else 0
    return content[begin + (14 if version < 2 else 10)] if len(content) > begin + 16 else 8


def _stuck(content: mmap.mmap, at: int, width: int) -> int | None:
    """Return the byte at which steps through a heap end nowhere, None when they reach its end or fail."""
    if width not in (2, 4, 8):
        return None
    kind = {2: "<H", 4: "<I", 8: "<Q"}[width]
    header = -(-(8 + width) // 8) * 8
    if at + header > len(content):
        return None
    end = at + struct.unpack_from(kind, content, at + 8)[0]
    here = at + header
    while here + header <= min(end, len(content)):
        (index,) = struct.unpack_from("<H", content, here)
        (length,) = struct.unpack_from(kind, content, here + 8)
        step = length if index == 0 else header + -(-length // 8) * 8
        if step == 0:
            return here
        here += step
    return None
