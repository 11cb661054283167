"""Write a recording as a NumPy archive that ``read_recording`` reads back."""

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DynascopeError
from ...files import replacing
from ..recording import Recording

_ARGUMENTS = ("file", "allow_pickle")  # of numpy.savez, which takes arrays by keyword


def write_npz(recording: Recording, path: Path, *, compress: bool = False) -> Path:
    """Write a recording as a NumPy archive and return the path.

    ``activity``, ``time``, ``inputs``, ``outputs``, ``targets`` and ``mask`` have their names; columns, epochs, states
    and parameters are ``trials.<name>``, ``units.<name>``, ``epochs.<name>``, ``states.<name>`` and
    ``parameters.<name>``; single numbers and texts of the free metadata are arrays without axes.

    Raises
    ------
    InputError
        If the directory cannot be written.
    DynascopeError
        If the disk is full.
    """
    arrays: dict[str, Any] = {"time": recording.time}
    for name, array in recording.arrays().items():
        arrays[name.replace("/", ".")] = np.asarray(array)
    arrays |= {f"trials.{name}": column for name, column in recording.trials.items()}
    arrays |= {f"units.{name}": column for name, column in recording.units.items()}
    arrays |= {f"epochs.{name}": edges for name, edges in recording.epochs.items()}
    for name, value in recording.attrs.items():
        if isinstance(value, (bool, int, float, str)):
            taken = name in arrays or name in _ARGUMENTS
            arrays[f"attrs.{name}" if taken else name] = np.array(value)
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as file:
                (np.savez_compressed if compress else np.savez)(file, **arrays)
        except OSError as error:
            raise DynascopeError(f"{path}: could not be written: {error.strerror or error}") from error
    return path
