"""Arrays that stay in their file until they are sliced."""

import dataclasses
import math
import operator
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from .check import guarded

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False)
class LazyArray:
    """An array of an open file that is read when it is sliced or given to NumPy.

    It knows ``shape``, ``dtype``, ``ndim``, ``size``, ``nbytes`` and ``len``; ``array[...]`` or
    ``np.asarray(array)`` reads it. Indexing follows NumPy. It does no arithmetic: slice it first.

    Raises
    ------
    ArchiveError
        On reading, if the file is closed or this part of it is damaged.
    """

    file: h5py.File = dataclasses.field(repr=False)
    file_name: str
    path: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    decode: Callable[[Array], Array] = dataclasses.field(repr=False)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The size in memory once read, in bytes."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a single number has no length")
        return self.shape[0]

    # NumPy gives both arguments by position.
    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:  # noqa: FBT001
        if copy is False:
            raise ValueError(f"{self.file_name}: {self.path} cannot be had without reading it into memory")
        return np.asarray(self[...], dtype=dtype)

    def __getitem__(self, key: Any, /) -> Any:
        if not self.shape:
            return self._read((slice(None),)).reshape(())[key]
        key = key if isinstance(key, tuple) else (key,)
        if all(_is_basic(part) for part in key):
            return self._read(key)
        if key[0] is None or key[0] is Ellipsis:
            return self._read((Ellipsis,))[key]
        if isinstance(key[0], (int, np.integer, slice)):
            return self._read((Ellipsis,))[key]
        return self._rows(key)

    def _rows(self, key: tuple[Any, ...]) -> Any:
        """Read only the needed entries of the first axis, in runs, and let NumPy do the rest of the index."""
        first = np.asarray(key[0])
        if first.dtype.kind == "b" and first.ndim == 1 and len(first) == len(self):
            first = np.flatnonzero(first)
        if first.dtype.kind not in "iu" or first.size == 0:
            return self._read((Ellipsis,))[key]
        if first.min() < -len(self) or first.max() >= len(self):
            raise IndexError(f"index {first.max()} or {first.min()} is outside axis 0 with length {len(self)}")
        wanted, positions = np.unique(first % len(self), return_inverse=True)
        runs = np.split(wanted, np.flatnonzero(np.diff(wanted) > 1) + 1)
        parts = [self._read((slice(int(run[0]), int(run[-1]) + 1),)) for run in runs]
        return np.concatenate(parts)[(positions.reshape(first.shape), *key[1:])]

    def _read(self, key: tuple[Any, ...]) -> Any:
        if not self.file.id.valid:
            raise ArchiveError(
                f"{self.file_name}: {self.path}: the file is closed; "
                "read inside its with block, or copy with [...] first"
            )
        with guarded(self.file_name, self.path):
            try:
                return self.decode(np.asarray(self.file[self.path][key]))[()]
            except IndexError as error:
                outside = error
        raise outside


def _is_basic(part: Any) -> bool:
    """Return whether HDF5 itself can do this part of an index."""
    if isinstance(part, slice):
        return part.step is None or operator.index(part.step) > 0
    return part is Ellipsis or (isinstance(part, (int, np.integer)) and not isinstance(part, (bool, np.bool_)))
