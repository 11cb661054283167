"""Read a recording from any file that a registered format recognises."""

import dataclasses
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import hdf5
from ..errors import ArchiveError, InputError, unknown_name
from ..hdf5.reading import MAX_BYTES
from . import schema
from .archive import open_archive
from .matlab import read_matlab, why_not_matlab
from .npz import read_npz, why_not_npz
from .nwb import read_nwb, why_not_nwb
from .recording import Recording
from .text import read_text, why_not_text


@dataclasses.dataclass(frozen=True)
class Format:
    """A file format that recordings can come from.

    Attributes
    ----------
    name
        What users type as ``format``.
    why_not
        Path → the reason why a file is not of this format, empty when it is. It reads a few bytes.
    read
        (path, keyword options) → recording, in memory. The keywords of the function are the options of the
        format.
    """

    name: str
    why_not: Callable[[Path], str]
    read: Callable[..., Recording]


def read_recording(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> Recording:
    """Return the recording in a file, in memory.

    Parameters
    ----------
    path
        An activity archive or a NumPy archive (``.npz``).
    format
        ``"archive"`` or ``"npz"``; None recognises it by its contents.
    **options
        archive: ``recording`` (its name), ``verify``, ``max_bytes``. npz: ``dt`` (sample interval in
        seconds, for files without ``time``), ``max_bytes``.

    Raises
    ------
    ArchiveError
        If the file cannot be read or is of no known format; the message says why each said no.
    InputError
        If the format or an option is unknown, or the contents make no recording.
    """
    path = Path(path)
    if not path.is_file():
        raise ArchiveError(f"{path}: cannot be opened: {'not a file' if path.exists() else 'there is no such file'}")
    if format is not None:
        chosen = {known.name: known for known in FORMATS}.get(format)
        if chosen is None:
            raise InputError(unknown_name("format", format, (known.name for known in FORMATS)))
        return _read(chosen, path, options)
    reasons = []
    for known in FORMATS:
        reason = known.why_not(path)
        if not reason:
            return _read(known, path, options)
        reasons.append(f"{known.name}: {reason}")
    raise ArchiveError(f"{path}: no known format ({'; '.join(reasons)})")


def _read(known: Format, path: Path, options: dict[str, Any]) -> Recording:
    valid = list(inspect.signature(known.read).parameters)[1:]
    for name in options:
        if name not in valid:
            raise InputError(f"{path}: {unknown_name(f'option of format {known.name!r}', name, valid)}")
    return known.read(path, **options)


def _why_not_archive(path: Path) -> str:
    with path.open("rb") as file:
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            return "no HDF5 signature"
    found = hdf5.root_text(path, "format")
    return "" if found == schema.FORMAT else f"HDF5 whose attribute 'format' is {found!r}, not {schema.FORMAT!r}"


def _read_archive(
    path: Path, *, recording: str | None = None, verify: bool = True, max_bytes: int = MAX_BYTES
) -> Recording:
    with open_archive(path, verify=verify, max_bytes=max_bytes) as archive:
        return archive.recording(recording).load()


FORMATS = (
    Format("archive", _why_not_archive, _read_archive),
    Format("npz", why_not_npz, read_npz),
    Format("nwb", why_not_nwb, read_nwb),
    Format("matlab", why_not_matlab, read_matlab),
    Format("text", why_not_text, read_text),
)
