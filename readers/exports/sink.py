"""Write a plain HDF5 file, of another program's layout, whole or not at all."""

from collections.abc import Callable
from pathlib import Path

import h5py

from ...files import replacing
from ...hdf5.sink import Sink


def write_hdf5(path: Path, fill: Callable[[h5py.File], None]) -> Path:
    """Write what ``fill`` puts into a file and return the path.

    Raises
    ------
    InputError
        If the directory cannot be written.
    DynascopeError
        If the disk is full.
    """
    with replacing(path) as temporary, Sink(temporary, str(path)) as sink:
        try:
            with h5py.File(sink, "w") as file:
                fill(file)
        except (OSError, RuntimeError):
            sink.check()  # the full disk is the cause, what HDF5 made of it is not
            raise
        sink.check()
    return path
