"""Neurodata Without Borders: a session's spikes or signals, cut into trials. Read with h5py alone."""

from .reading import read_nwb, why_not_nwb

__all__ = ["read_nwb", "why_not_nwb"]
