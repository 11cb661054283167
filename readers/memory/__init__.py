"""Recordings from objects of other packages that are in memory already; none of these packages is imported."""

from .convert import to_recording
from .from_pynapple import from_pynapple
from .from_xarray import from_xarray

__all__ = ["from_pynapple", "from_xarray", "to_recording"]
