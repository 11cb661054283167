"""The file that HDF5 writes into: a full disk is an error that we raise, not one that HDF5 meets.

When a write fails, HDF5 can neither close the file nor clean up, and the interpreter crashes on exit (seen
with HDF5 2.0). So HDF5 writes through this object, which remembers the first failure, lets everything after
it go, and is asked for the failure by the writer.
"""

import io
from pathlib import Path
from types import TracebackType
from typing import Self

from ..errors import DynascopeError


class Sink(io.RawIOBase):
    """A binary file whose writes never fail; :meth:`check` says whether one should have.

    Attributes
    ----------
    failure
        The first error of the system, or None.
    """

    def __init__(self, path: Path, name: str) -> None:
        super().__init__()
        self._name = name
        self._file = path.open("w+b", buffering=0)
        self.failure: OSError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self) -> None:
        """Raise what went wrong so far.

        Raises
        ------
        DynascopeError
            If the disk is full, the quota is used up, or the system refused a write for another reason.
        """
        if self.failure is not None:
            raise DynascopeError(f"{self._name}: could not be written: {self.failure.strerror}") from self.failure

    def readable(self) -> bool:
        """Return True."""
        return True

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to ``offset`` and return the position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()

    def readinto(self, buffer: memoryview | bytearray) -> int:  # type: ignore[override]
        """Fill ``buffer`` and return the number of bytes, those that were lost as zeros."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and (count := self._file.readinto(view[done:])):
            done += count
        view[done:] = bytes(len(view) - done)
        return len(view)

    def write(self, data: memoryview | bytes) -> int:  # type: ignore[override]
        """Write everything unless the file has failed, and return the number of bytes."""
        view = memoryview(data).cast("B")
        done = 0
        while done < len(view) and self.failure is None:
            try:
                done += self._file.write(view[done:])
            except OSError as error:
                self.failure = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size and return it."""
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0

    def close(self) -> None:
        """Close the file; a failure is kept for :meth:`check`."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error
        super().close()
