"""Choose the writer of a format."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import InputError, unknown_name
from ..recording import Recording
from .lfads import write_lfads
from .npz import write_npz
from .nwb import write_nwb

WRITERS: dict[str, Callable[..., Path]] = {"nwb": write_nwb, "lfads": write_lfads, "npz": write_npz}


def convert(recording: Recording, path: str | os.PathLike[str], to: str, **options: Any) -> Path:
    """Write a recording in another program's format, whole or not at all, and return the path.

    Parameters
    ----------
    recording
        What to write.
    path
        Where. A file that is there is replaced.
    to
        ``"nwb"``, ``"lfads"`` or ``"npz"``.
    **options
        Those of :func:`write_nwb`, :func:`write_lfads` or :func:`write_npz`.

    Raises
    ------
    InputError
        If the format or an option is unknown, or the recording has no place in it.
    """
    if to not in WRITERS:
        raise InputError(unknown_name("format", to, WRITERS))
    valid = list(inspect.signature(WRITERS[to]).parameters)[2:]
    for name in options:
        if name not in valid:
            raise InputError(unknown_name(f"option of format {to!r}", name, valid))
    return WRITERS[to](recording, Path(path), **options)
