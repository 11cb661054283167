"""The bytes of one variable of a level 5 MATLAB file, plain or compressed, read forwards and never past their end."""

import zlib
from typing import IO

_CHUNK = 2**16


class Truncated(Exception):
    """Something is longer than what holds it."""


class Plain:
    """A part of a file.

    Parameters
    ----------
    file
        Open at the beginning of the part.
    length
        Of the part, in bytes.
    """

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > self._left:
            raise Truncated
        self._left -= count
        found = self._file.read(count)
        if len(found) < count:
            raise Truncated
        return found

    def skip(self, count: int) -> None:
        """Leave out the next bytes."""
        if count > self._left:
            raise Truncated
        self._left -= count
        self._file.seek(count, 1)

    def finish(self) -> None:
        """Leave out the rest."""


class Inflated:
    """A compressed part of a file; no more is held in memory than was asked for, and a few chunks.

    Parameters
    ----------
    file, length
        As those of :class:`Plain`.
    """

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file, self._left = file, length
        self._inflate = zlib.decompressobj()
        self._ready = b""

    def read(self, count: int) -> bytes:
        """Return the next bytes."""
        parts = []
        while count > len(self._ready):
            parts.append(self._ready)
            count -= len(self._ready)
            self._ready = self._more()
        parts.append(self._ready[:count])
        self._ready = self._ready[count:]
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """Leave out the next bytes."""
        while count > len(self._ready):
            count -= len(self._ready)
            self._ready = self._more()
        self._ready = self._ready[count:]

    def finish(self) -> None:
        """Leave out the rest, with its checksum compared.

        Raises
        ------
        zlib.error
            If the data are damaged.
        """
        while not self._inflate.eof:
            self._more()

    def _more(self) -> bytes:
        waiting = self._inflate.unconsumed_tail
        if not waiting:
            waiting = self._file.read(min(_CHUNK, self._left))
            self._left -= len(waiting)
        if not waiting or self._inflate.eof:
            raise Truncated
        return self._inflate.decompress(waiting, 16 * _CHUNK)
