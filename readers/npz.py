"""Read a recording from a NumPy archive (``.npz``) without trusting it."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from .arrays import Wishes, arrange
from .limits import MAX_BYTES, MAX_DEFLATE_RATIO, Budget
from .recording import Recording

Array = npt.NDArray[Any]

_MAX_MEMBERS = 1000
_FAULTS = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, MemoryError)


def why_not_npz(path: Path) -> str:
    """Return why a file is no NumPy archive, empty when it is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _FAULTS as error:
        return f"no zip archive ({error})"
    arrays = any(name.endswith(".npy") for name in names)
    return "" if arrays else f"a zip archive without activity.npy (found {', '.join(names[:5])})"


def read_npz(
    path: Path,
    *,
    activity: str | None = None,
    axes: str | None = None,
    time: str | None = None,
    dt: float | None = None,
    time_unit: str = "s",
    max_bytes: int = MAX_BYTES,
) -> Recording:
    """Return the recording in a NumPy archive.

    ``activity`` (trial, time, unit) is the one array that is needed; without that name the only array of two or three
    axes is taken. ``time`` (time,) in seconds, or a number ``dt`` in the file, or the argument ``dt`` gives the sample
    times. Where the other arrays go: :func:`dynascope.readers.placing.place`.

    Parameters
    ----------
    path
        The file. Objects in it are never unpickled.
    activity, time
        Names of arrays, when they are others.
    axes
        The order of the activity's axes, for example ``"trial,unit"`` for single values without time.
    dt
        The sample interval; ``time`` in the file goes first.
    time_unit
        Of ``dt`` and sample times: s, ms or us.
    max_bytes
        The most that its arrays may take in memory together, checked before any is read.

    Raises
    ------
    ArchiveError
        If the file is damaged, too large, holds Python objects, or has no activity or no sample times.
    InputError
        If its arrays make no recording.
    """
    budget = Budget(path, max_bytes)
    arrays = _arrays(path, budget)
    wishes = Wishes(activity=activity, axes=axes, time=time, dt=dt, time_unit=time_unit)
    return arrange(path, arrays, wishes, trust_order=True, spend=budget.spend)


def _arrays(path: Path, budget: Budget) -> dict[str, Array]:
    """Return every array of the file, once all sizes are known to be honest and within the budget."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise ArchiveError(f"{path}: found {len(members)} members, expected at most {_MAX_MEMBERS}")
            for member in members:
                budget.spend(_checked_size(path, archive, member), member.filename)
            return {member.filename.removesuffix(".npy"): _array(archive, member) for member in members}
    except ArchiveError:
        raise
    except _FAULTS as error:
        raise ArchiveError(f"{path}: unreadable NumPy archive: {error}") from error


def _checked_size(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> int:
    """Return the size of one array in memory; its header must agree with the size that the archive states."""
    where = f"{path}: {member.filename}"
    if not member.filename.endswith(".npy"):
        raise ArchiveError(f"{where}: expected only arrays (.npy)")
    if member.file_size > MAX_DEFLATE_RATIO * member.compress_size:
        raise ArchiveError(f"{where}: {member.compress_size} bytes claim to hold {member.file_size}")
    with archive.open(member) as stream:
        shape, dtype, header_bytes = _header(stream)
    if dtype.hasobject:
        raise ArchiveError(f"{where}: found Python objects, expected numbers or text; they are never unpickled")
    n_bytes = int(np.prod([int(length) for length in shape], dtype=object)) * dtype.itemsize
    if n_bytes + header_bytes != member.file_size:
        raise ArchiveError(
            f"{where}: found {member.file_size - header_bytes} bytes, expected {n_bytes} for shape {shape}"
        )
    return n_bytes


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype, stream.tell()


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))
