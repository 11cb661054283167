"""A recording in the formats of other programs: NWB, LFADS-style HDF5, NumPy archives."""

from .convert import convert

__all__ = ["convert"]
