"""Read a recording from a NumPy archive (``.npz``) without trusting it."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from ..hdf5.reading import MAX_BYTES
from .recording import Recording

Array = npt.NDArray[Any]

_CHANNELS = ("inputs", "outputs", "targets", "mask")
_MAX_MEMBERS = 1000
# One byte of a deflate stream gives at most 1032 bytes.
_MAX_RATIO = 1032
_FAULTS = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, MemoryError)


def why_not_npz(path: Path) -> str:
    """Return why a file is no NumPy archive with an array ``activity``, empty when it is one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except _FAULTS as error:
        return f"no zip archive ({error})"
    return "" if "activity.npy" in names else f"a zip archive without activity.npy (found {', '.join(names[:5])})"


def read_npz(path: Path, *, dt: float | None = None, max_bytes: int = MAX_BYTES) -> Recording:
    """Return the recording in a NumPy archive.

    ``activity`` (trial, time, unit) is required. ``time`` (time,) in seconds, or a number ``dt`` in the
    file, or the argument ``dt`` gives the sample times. ``inputs``, ``outputs``, ``targets`` and ``mask``
    are taken when they are shaped like activity's first two axes, other arrays of (trial, time, unit, …)
    become states, and any other array with one value for each trial becomes a trial column. What fits
    nowhere is named in ``attrs["left_out"]``.

    Parameters
    ----------
    path
        The file. Objects in it are never unpickled.
    dt
        The sample interval in seconds; ``time`` in the file goes first.
    max_bytes
        The most that its arrays may take in memory together, checked before any is read.

    Raises
    ------
    ArchiveError
        If the file is damaged, too large, holds Python objects, or has no activity or no sample times.
    InputError
        If its arrays make no recording.
    """
    arrays = _arrays(path, max_bytes)
    if "activity" not in arrays:
        raise ArchiveError(f"{path}: found {sorted(arrays)}, expected an array 'activity' (trial, time, unit)")
    activity = arrays.pop("activity")
    if activity.ndim != 3:
        raise ArchiveError(f"{path}: activity: found shape {activity.shape}, expected (trial, time, unit)")
    if activity.dtype.kind in "biu":
        activity = activity.astype(np.float64)
    time = _time(path, arrays, activity.shape[1], dt)
    fields = _sorted_by_shape(arrays, activity.shape)
    return Recording(activity, time, **fields)


def _sorted_by_shape(arrays: Mapping[str, Array], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the fields of a recording that arrays of these names and shapes become."""
    fields: dict[str, Any] = {"trials": {}, "states": {}, "attrs": {}}
    left_out = []
    for name, array in arrays.items():
        if name in _CHANNELS and array.ndim in (2, 3) and array.shape[:2] == shape[:2]:
            fields[name] = array
        elif array.shape[:3] == shape and array.dtype.kind in "biufc":
            fields["states"][name] = array
        elif array.shape == shape[:1] and array.dtype.kind in "biufU":
            fields["trials"][name] = array
        else:
            left_out.append(name)
    if left_out:
        fields["attrs"] = {"left_out": left_out}
    return fields


def _time(path: Path, arrays: dict[str, Array], n_samples: int, dt: float | None) -> Array:
    if "time" in arrays:
        arrays.pop("dt", None)
        return arrays.pop("time")
    stored = arrays.pop("dt", None)
    step = dt if dt is not None else float(stored) if stored is not None and stored.size == 1 else None
    if step is None or not step > 0:
        raise ArchiveError(f"{path}: found no sample times; give dt=… (seconds), or store 'time' or 'dt' in the file")
    return step * np.arange(n_samples)


def _arrays(path: Path, max_bytes: int) -> dict[str, Array]:
    """Return every array of the file, once all sizes are known to be honest and within the budget."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > _MAX_MEMBERS:
                raise ArchiveError(f"{path}: found {len(members)} members, expected at most {_MAX_MEMBERS}")
            budget = max_bytes
            for member in members:
                budget -= _checked_size(path, archive, member)
                if budget < 0:
                    raise ArchiveError(
                        f"{path}: {member.filename}: found more than {max_bytes} bytes of data; "
                        "give max_bytes if it is meant to be so large"
                    )
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
    if member.file_size > _MAX_RATIO * member.compress_size:
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
