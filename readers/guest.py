"""HDF5 files of other programs, opened without trust: nothing outside the file, sizes and types before data.

HDF5 follows links out of the file, reads external storage from any path and allocates what a header claims. A
:class:`Guest` steps from object to object itself, so that none of that happens. Soft links and object references
within the file are followed, up to a limit: NWB and MATLAB need them.
"""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeAlias

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from ..hdf5.check import guarded
from .heaps import check_heaps
from .limits import MAX_BYTES, OBJECT_BYTES, Budget
from .storage import check_storage, is_numeric, printable, type_name

Array = npt.NDArray[Any]
Item: TypeAlias = h5py.Group | h5py.Dataset

_MAX_ATTRIBUTE_BYTES = 2**20
_MAX_SOFT_LINKS = 8


class Guest:
    """An open HDF5 file of another program; use it in a ``with`` block.

    Parameters
    ----------
    path
        The file.
    max_bytes
        The most that what is read from it may take in memory.

    Raises
    ------
    ArchiveError
        If it cannot be opened. Every method raises it for what must not be followed or does not fit, with the
        file, the path in it, what was found and what was expected.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self.budget = Budget(path, max_bytes)
        self._size = path.stat().st_size
        check_heaps(path)
        with guarded(str(path), "/"):
            self.file = h5py.File(path, "r", locking="best-effort")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self.file.close()
        if isinstance(error, (OSError, RuntimeError)) and not isinstance(error, RecursionError):  # HDF5's own
            raise self.refusal("/", f"unreadable data ({' '.join(str(error).split())})", "an undamaged file") from error

    # --- Stepping -------------------------------------------------------------------------------------------------

    def names(self, group: h5py.Group) -> list[str]:
        """Return the names of a group's links, in order."""
        with self._at(group):
            self.budget.meet(place(group), len(group))
            names = list(group)
        for name in names:
            if not isinstance(name, str):
                raise self.refusal(place(group), f"the name {name!r}", "text in UTF-8")
        return names

    def child(self, group: h5py.Group, name: str) -> Item | None:
        """Return the group or dataset called ``name`` in ``group``; None when there is none."""
        return self._child(group, name, _MAX_SOFT_LINKS)

    def find(self, path: str) -> Item | None:
        """Return the object at a path from the root; None when there is none."""
        return self._resolve(self.file, path, _MAX_SOFT_LINKS)

    def _child(self, group: h5py.Group, name: str, links_left: int) -> Item | None:
        where = f"{place(group).rstrip('/')}/{name}"
        with guarded(str(self.path), where):
            link = group.get(name, getlink=True)
            if link is None:
                return None
            if isinstance(link, h5py.SoftLink):
                if not links_left:
                    raise self.refusal(where, f"more than {_MAX_SOFT_LINKS} links, one to the next", "fewer")
                return self._resolve(group, str(link.path), links_left - 1)
            if not isinstance(link, h5py.HardLink):
                raise self.refusal(where, "an external link", "data in this file; links out of it are not followed")
            found = group[name]
        return found if isinstance(found, (h5py.Group, h5py.Dataset)) else None

    def _resolve(self, group: h5py.Group, path: str, links_left: int) -> Item | None:
        found: Item | None = self.file if path.startswith("/") else group
        for name in filter(None, path.split("/")):
            if not isinstance(found, h5py.Group):
                return None
            if name != ".":
                found = self._child(found, name, links_left)
        return found

    def listed(self, group: h5py.Group, name: str) -> Item | None:
        """Return a child as :meth:`child` does, and None too when it lies outside the file: a listing goes on."""
        with self._at(group):
            link = group.get(name, getlink=True)
        return self.child(group, name) if isinstance(link, (h5py.HardLink, h5py.SoftLink)) else None

    def address(self, item: Item) -> int:
        """Return where in the file an object is: equal for two paths to one object."""
        with self._at(item):
            return int(h5py.h5o.get_info(item.id).addr)

    def dtype(self, dataset: h5py.Dataset) -> np.dtype[Any]:
        """Return the type of a dataset's values."""
        with self._at(dataset):
            found: np.dtype[Any] = dataset.dtype
            return found

    def dereference(self, reference: Any, where: str) -> Item | None:
        """Return what an object reference points to; None for the null reference and for named types."""
        self.budget.meet(where)
        if not isinstance(reference, h5py.Reference):
            raise self.refusal(where, "no object reference", "one")
        if not reference:
            return None
        with guarded(str(self.path), where):
            found = self.file[reference]
        return found if isinstance(found, (h5py.Group, h5py.Dataset)) else None

    # --- Reading --------------------------------------------------------------------------------------------------

    def shape(self, dataset: h5py.Dataset) -> tuple[int, ...]:
        """Return the shape of a dataset that may be read: its data are in the file, and can be there."""
        with self._at(dataset):
            check_storage(dataset, self.budget)
            return tuple(int(length) for length in dataset.shape or ())

    def read(self, dataset: h5py.Dataset, rows: slice | None = None) -> Array:
        r"""Return numbers, booleans or text (as str) of a dataset, all of it or some rows of its first axis.

        Complex numbers that MATLAB or NumPy stored are complex. Text that is no UTF-8 keeps its bytes as ``\xff``.

        Raises
        ------
        ArchiveError
            If the values are of another kind, or too large; see the class.
        """
        where = place(dataset)
        shape = self.shape(dataset)
        if dataset.shape is None:
            raise self.refusal(where, "a dataset without values", "numbers or text")
        key: Any = () if not shape else (rows if rows is not None else slice(None))
        if shape:
            shape = (len(range(*key.indices(shape[0]))), *shape[1:])
        with self._at(dataset):
            kind = dataset.dtype
            if kind.kind in "OSV" and h5py.check_string_dtype(kind) is not None:
                return self._text(dataset, key, shape)
            if not is_numeric(kind):
                raise self.refusal(where, f"values of type {type_name(kind)}", "numbers, booleans or text")
            self.budget.spend(math.prod(shape) * kind.itemsize, where)
            values = np.asarray(dataset[key])
        if kind.names:
            return np.asarray(values[kind.names[0]] + 1j * values[kind.names[1]])
        return values.astype(np.float32) if kind == np.float16 else values.astype(kind.newbyteorder("="), copy=False)

    def numbers(self, dataset: h5py.Dataset) -> Array:
        """Return a dataset of real numbers as float64.

        Raises
        ------
        ArchiveError
            If it holds something else.
        """
        kind = self.dtype(dataset)
        if kind.kind not in "iuf":
            raise self.refusal(place(dataset), f"values of type {type_name(kind)}", "numbers")
        return self.read(dataset).astype(np.float64)

    def references(self, dataset: h5py.Dataset) -> Array:
        """Return the object references of a dataset."""
        with self._at(dataset):
            if h5py.check_ref_dtype(dataset.dtype) is not h5py.Reference:
                raise self.refusal(place(dataset), f"values of type {type_name(dataset.dtype)}", "object references")
            check_storage(dataset, self.budget)
            self.budget.meet(place(dataset), dataset.size)
            return np.asarray(dataset[()])

    def attribute(self, item: Item, name: str) -> Any:
        """Return an attribute, None when it is absent or larger than 1 MiB; bytes become text."""
        where = f"{place(item)}, attribute {name!r}"
        with guarded(str(self.path), where):
            if not h5py.h5a.exists(item.id, name.encode()):
                return None
            if h5py.h5a.open(item.id, name.encode()).get_storage_size() > _MAX_ATTRIBUTE_BYTES:
                return None
            value = item.attrs[name]
        if isinstance(value, bytes):
            return printable(value.decode(errors="backslashreplace"))
        return printable(value) if isinstance(value, str) else value

    def text(self, item: Item, name: str) -> str:
        """Return a text attribute, empty when it is absent or no text."""
        value = self.attribute(item, name)
        return value if isinstance(value, str) else ""

    def refusal(self, where: str, found: str, expected: str) -> ArchiveError:
        """Return the error with file, path in the file, what was found and what was expected."""
        return self.budget.refusal(where, found, expected)

    @contextlib.contextmanager
    def _at(self, item: Item) -> Iterator[None]:
        with guarded(str(self.path), place(item)):
            yield

    def _text(self, dataset: h5py.Dataset, key: Any, shape: tuple[int, ...]) -> Array:
        """Return text as an array of str, read in blocks: no text is longer than the file, but many may be one."""
        self.budget.spend(math.prod(shape) * (OBJECT_BYTES + dataset.dtype.itemsize), place(dataset))
        decoded = dataset.asstr(errors="backslashreplace")
        if not shape:
            return np.array(printable(decoded[()]))
        first = range(*key.indices(dataset.shape[0]))
        block = max(16, self.budget.max_bytes // max(1, self._size) // max(1, math.prod(shape[1:])))
        found: list[str] = []
        for start in range(0, len(first), block):
            rows = first[start : start + block]
            texts = [printable(text) for text in np.ravel(decoded[rows.start : rows.stop])]
            self.budget.spend(sum(map(len, texts)), place(dataset))
            found += texts
        self.budget.spend(4 * len(found) * max(map(len, found), default=0), place(dataset))
        return np.array(found, dtype=str).reshape(shape)


def place(item: Item) -> str:
    """Return the path of an object in its file."""
    return str(item.name) if item.name else "an object without a name"
