"""MATLAB files, versions 5 to 7.3: variables, structs and cells as named arrays, and the recording that they make."""

from .reading import read_matlab, why_not_matlab

__all__ = ["read_matlab", "why_not_matlab"]
