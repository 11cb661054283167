"""Read a recording from any file that a registered format recognises."""

import dataclasses
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

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
        An activity archive, a NumPy archive (``.npz``), an NWB 2 file, a MATLAB file of version 5 to 7.3, or a table
        of text (``.csv``, ``.tsv``, ``.txt``).
    format
        ``"archive"``, ``"npz"``, ``"nwb"``, ``"matlab"`` or ``"text"``; None recognises it by its contents.
    **options
        Those of the format. archive: ``recording`` (its name), ``verify``, ``max_bytes``. npz: ``activity``, ``axes``,
        ``time``, ``dt``, ``time_unit``, ``max_bytes``. nwb: ``align``, ``window``, ``bin``, ``series``, ``max_bytes``;
        see :func:`dynascope.readers.nwb.read_nwb`. matlab: as npz, and ``window``, ``bin``; see
        :func:`dynascope.readers.matlab.read_matlab`. text: :func:`dynascope.readers.text.read_text`.

    Returns
    -------
    Recording
        Where a reader had to choose, ``attrs["read_as"]`` says what it took for what; ``attrs["left_out"]`` names what
        of the file is not in the recording.

    Raises
    ------
    ArchiveError
        If the file cannot be read or is of no known format; the message says why each said no.
    InputError
        If the format or an option is unknown, or the contents make no recording.
    """
    path = Path(path)
    chosen = recognise(path, format)
    valid = list(inspect.signature(chosen.read).parameters)[1:]
    for name, value in options.items():
        if name not in valid:
            raise InputError(f"{path}: {unknown_name(f'option of format {chosen.name!r}', name, valid)}")
        _check_kind(name, value)
    try:
        return chosen.read(path, **options)
    except InputError as error:
        if str(error).startswith(str(path)):
            raise
        raise type(error)(f"{path}: {error}") from error


def _check_kind(name: str, value: Any) -> None:
    """Refuse a value of the wrong kind before a reader meets it."""
    if value is None:
        return
    if name in ("bin", "dt", "max_bytes"):
        expected, fits = "a number above 0", isinstance(value, (int, float, np.number)) and value > 0
    elif name == "window":
        pair = isinstance(value, (tuple, list, np.ndarray)) and len(value) == 2
        expected, fits = "two numbers, start and stop", pair and all(isinstance(edge, (int, float)) for edge in value)
    elif name == "verify":
        expected, fits = "true or false", isinstance(value, bool)
    elif name == "axes":
        expected, fits = "names such as trial,time,unit", isinstance(value, (str, tuple, list))
    else:
        expected, fits = "text", isinstance(value, str)
    if not fits or isinstance(value, bool) != (name == "verify"):
        raise InputError(f"{name}: found {value!r}, expected {expected}")


def recognise(path: str | os.PathLike[str], format: str | None = None) -> Format:
    """Return the format of a file: the named one, or the first that recognises its contents.

    Raises
    ------
    ArchiveError
        If there is no such file or no format recognises it; the message says why each said no.
    InputError
        If the named format is unknown.
    """
    path = Path(path)
    if not path.is_file():
        raise ArchiveError(f"{path}: cannot be opened: {'not a file' if path.exists() else 'there is no such file'}")
    if format is not None:
        chosen = {known.name: known for known in FORMATS}.get(format)
        if chosen is None:
            raise InputError(unknown_name("format", format, (known.name for known in FORMATS)))
        return chosen
    reasons = []
    for known in FORMATS:
        reason = known.why_not(path)
        if not reason:
            return known
        reasons.append(f"{known.name}: {reason}")
    raise ArchiveError(f"{path}: no known format ({'; '.join(reasons)})")


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
