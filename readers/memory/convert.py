"""Choose the reader for an object by what it can do."""

from typing import Any

from ...errors import InputError
from ..recording import Recording
from .from_pynapple import from_pynapple, is_pynapple
from .from_xarray import from_xarray, is_xarray


def to_recording(data: Any, **options: Any) -> Recording:
    """Return the recording in an xarray DataArray or Dataset, or in a pynapple Tsd, TsdFrame, TsdTensor or TsGroup.

    Parameters
    ----------
    data
        The object; a Recording is returned as it is.
    **options
        Those of :func:`from_xarray` or :func:`from_pynapple`.

    Raises
    ------
    InputError
        If it is none of these, or makes no recording.
    """
    if isinstance(data, Recording) and not options:
        return data
    if is_xarray(data):
        return from_xarray(data, **options)
    if is_pynapple(data):
        return from_pynapple(data, **options)
    raise InputError(
        f"found {type(data).__module__}.{type(data).__name__}, expected an xarray object (dims, coords, values), a "
        "pynapple object (t and d, or spike trains by unit), or a Recording; "
        "of plain arrays make Recording(activity, time)"
    )
