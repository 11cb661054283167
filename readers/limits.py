"""How much a file of another program may ask of us: bytes in memory, depth of nesting, objects and references."""

from pathlib import Path

from ..errors import ArchiveError

MAX_BYTES = 8 * 2**30
MAX_DEPTH = 32
MAX_OBJECTS = 1_000_000
# One byte of a deflate stream gives at most 1032 bytes (RFC 1951: 258 bytes for a code of two bits).
MAX_DEFLATE_RATIO = 1032
# What Python needs for one value that is no number: an object, its reference, a short text.
OBJECT_BYTES = 128


class Budget:
    """What may still be read from one file.

    Parameters
    ----------
    path
        The file, for messages.
    max_bytes
        The most that what is read from it may take in memory.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.max_bytes = self.bytes_left = max_bytes
        self.objects_left = MAX_OBJECTS

    def spend(self, n_bytes: int, where: str) -> None:
        """Count bytes that are about to be read or made.

        Raises
        ------
        ArchiveError
            If they are more than is left.
        """
        self.bytes_left -= n_bytes
        if self.bytes_left < 0:
            raise self.refusal(
                where,
                f"more than {self.max_bytes} bytes of data",
                "a smaller file or selection; give max_bytes if it is meant to be so large",
            )

    def meet(self, where: str, count: int = 1) -> None:
        """Count objects and references that are about to be visited.

        Raises
        ------
        ArchiveError
            If they are more than a million together: a file in which they multiply is made to do harm.
        """
        self.objects_left -= count
        if self.objects_left < 0:
            raise self.refusal(where, f"more than {MAX_OBJECTS} objects or references", "fewer")

    def descend(self, where: str, depth: int) -> None:
        """Refuse nesting that is too deep.

        Raises
        ------
        ArchiveError
            Beyond 32 levels.
        """
        if depth > MAX_DEPTH:
            raise self.refusal(where, f"nesting {depth} levels deep", f"at most {MAX_DEPTH}")

    def refusal(self, where: str, found: str, expected: str) -> ArchiveError:
        """Return the error with file, place in it, what was found and what was expected."""
        return ArchiveError(f"{self.path}: {where}: found {found}, expected {expected}")
