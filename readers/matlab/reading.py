"""Read a recording from a MATLAB file of either format."""

from pathlib import Path

from ...errors import ArchiveError
from ..arrays import Wishes, arrange
from ..guest import Guest
from ..limits import MAX_BYTES, Budget
from ..recording import Recording
from .hdf5 import read_hdf5_variables
from .level5 import is_level5, read_level5_variables
from .tree import flatten

_HEADER_BYTES = 128
_USER_BLOCK = 512
_HDF5 = b"\x89HDF\r\n\x1a\n"


def why_not_matlab(path: Path) -> str:
    """Return why a file is no MATLAB file of version 5 to 7.3, empty when it is one."""
    kind = _kind(path)
    return "" if kind in ("level5", "hdf5") else kind


def read_matlab(
    path: Path,
    *,
    activity: str | None = None,
    axes: str | None = None,
    time: str | None = None,
    dt: float | None = None,
    time_unit: str = "s",
    window: tuple[float, float] | None = None,
    bin: float | None = None,
    max_bytes: int = MAX_BYTES,
) -> Recording:
    """Return the recording in a MATLAB file.

    Fields of structs are named with dots (``data.rates``), those of struct arrays are lists with one entry for each
    element. Where the other variables go: :func:`dynascope.readers.placing.place`.

    Parameters
    ----------
    path
        The file. Objects and function handles in it are left out; nothing is executed.
    activity, time
        Names of variables; the last part is enough when it is unique. By default ``activity``, or the only array of
        most axes, and ``time`` or ``t``.
    axes
        The order of the activity's axes in MATLAB, for example ``"unit,time,trial"``. For a cell array those of the
        cells come first: ``"trial,unit,time"`` for one unit × time matrix in each cell, ``"unit,trial"`` for a list of
        spike times in each cell. None finds it from the lengths of the other variables, or refuses.
    dt
        The sample interval, if the file has no sample times.
    time_unit
        Of ``dt`` and sample times: s, ms or us.
    window, bin
        Seconds, for spike times: (start, stop), and the width of the bins (default 0.02).
    max_bytes
        The most that all variables may take in memory together, checked before any is read.

    Raises
    ------
    ArchiveError
        If the file is damaged, unsafe or too large, or leaves open what the activity or its axes are.
    InputError
        If an option names nothing in the file, or its arrays make no recording.
    """
    kind = _kind(path)
    if kind not in ("level5", "hdf5"):
        raise ArchiveError(f"{path}: {kind}")
    budget = Budget(path, max_bytes)
    variables = read_level5_variables(path, budget) if kind == "level5" else read_hdf5_variables(path, max_bytes)
    wishes = Wishes(activity, axes, time, dt, time_unit, window, bin)
    return arrange(path, flatten(variables, budget), wishes, trust_order=False, spend=budget.spend)


def _kind(path: Path) -> str:
    """Return level5, hdf5, or why it is neither."""
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
        file.seek(_USER_BLOCK)
        signature = file.read(len(_HDF5))
    if is_level5(header):
        return "level5"
    if header[124:128] in (b"\x00\x02IM", b"\x02\x00MI") or header.startswith(b"MATLAB 7.3"):
        return "hdf5" if signature == _HDF5 else "a header of MATLAB 7.3 without the HDF5 data that follow it"
    if header.startswith(_HDF5) and _has_classes(path):  # written by another program, without MATLAB's header
        return "hdf5"
    hint = "; one of version 4? Load it in MATLAB and save it with -v7" if path.suffix == ".mat" else ""
    return f"no header of MATLAB 5 or 7.3{hint}"


def _has_classes(path: Path) -> bool:
    """Return whether the variables of an HDF5 file state their MATLAB classes."""
    try:
        with Guest(path) as guest:
            items = (guest.child(guest.file, name) for name in guest.names(guest.file))
            return any(item is not None and guest.text(item, "MATLAB_class") != "" for item in items)
    except ArchiveError:
        return False
