"""The variables of a MATLAB 7.3 file: HDF5 with axes reversed, classes in an attribute, cells as references."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..guest import Guest, Item, place
from ..limits import OBJECT_BYTES
from ..placing import Unusable
from ..storage import printable
from .sparse import full_matrix

Array = npt.NDArray[Any]

_NUMBERS = {"double", "single", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))}


def read_hdf5_variables(path: Path, max_bytes: int) -> dict[str, Any]:
    """Return the variables of the file by name, as ``tree`` describes them.

    Raises
    ------
    ArchiveError
        If the file is damaged or too large, links out of itself, nests deeper than 32 levels, or refers to itself
        in a circle.
    """
    with Guest(path, max_bytes) as guest:
        reader = _Reader(guest)
        names = [name for name in guest.names(guest.file) if not name.startswith("#")]
        return {name: reader.value(guest.child(guest.file, name), 1) for name in names}


class _Reader:
    """One file while it is read; it knows which objects it is inside of, and reads none twice."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self.inside: set[int] = set()
        self.known: dict[int, Any] = {}

    def value(self, item: Item | None, depth: int) -> Any:
        if item is None:
            return Unusable("a reference to nothing")
        where = place(item)
        self.guest.budget.descend(where, depth)
        address = self.guest.address(item)
        if address in self.known:
            return self.known[address]
        if address in self.inside:
            raise self.guest.refusal(where, "an object that refers back to itself", "no circle of references")
        self.guest.budget.spend(OBJECT_BYTES, where)
        self.inside.add(address)
        found = self._group(item, depth) if isinstance(item, h5py.Group) else self._dataset(item, depth)
        self.inside.discard(address)
        self.known[address] = found
        return found

    def _group(self, group: h5py.Group, depth: int) -> Any:
        kind = self.guest.text(group, "MATLAB_class") or "struct"
        if self.guest.attribute(group, "MATLAB_sparse") is not None:
            return self._sparse(group)
        if kind != "struct" or self.guest.attribute(group, "MATLAB_object_decode") is not None:
            return Unusable(f"a MATLAB object of class {kind}")
        fields = {name: self.guest.child(group, name) for name in self.guest.names(group)}
        lists = {name: item for name, item in fields.items() if self._is_list(item)}
        if lists and len(lists) == len(fields):
            return self._struct_array(lists, depth)
        return {name: self.value(item, depth + 1) for name, item in fields.items()}

    def _is_list(self, item: Item | None) -> bool:
        """Return whether a field of a struct array: references without a class of their own."""
        is_reference = isinstance(item, h5py.Dataset) and h5py.check_ref_dtype(self.guest.dtype(item)) is h5py.Reference
        return is_reference and not self.guest.text(item, "MATLAB_class")

    def _struct_array(self, fields: dict[str, Any], depth: int) -> list[dict[str, Any]]:
        contents = {name: self._referenced(dataset, depth).ravel(order="F") for name, dataset in fields.items()}
        length = max(map(len, contents.values()))
        return [
            {name: found[index] for name, found in contents.items() if index < len(found)} for index in range(length)
        ]

    def _referenced(self, dataset: h5py.Dataset, depth: int) -> Array:
        """Return what a dataset of references refers to, with MATLAB's axes."""
        references = self.guest.references(dataset)
        found = np.empty(references.shape, object)
        for index, reference in np.ndenumerate(references):
            found[index] = self.value(self.guest.dereference(reference, place(dataset)), depth + 1)
        return found.T

    def _dataset(self, dataset: h5py.Dataset, depth: int) -> Any:
        kind = self.guest.text(dataset, "MATLAB_class")
        empty = self.guest.attribute(dataset, "MATLAB_empty")
        if empty is not None and np.any(empty):
            return "" if kind == "char" else np.empty(0, object if kind == "cell" else np.float64)
        if self.guest.attribute(dataset, "MATLAB_object_decode") is not None:
            return Unusable(f"a MATLAB object of class {kind}")
        if kind == "cell":
            return self._referenced(dataset, depth)
        if kind == "char":
            return self._characters(self.guest.read(dataset))
        if kind == "logical":
            return self.guest.read(dataset).T != 0
        if kind and kind not in _NUMBERS:
            return Unusable(f"of class {kind}")
        if self.guest.dtype(dataset).kind in "OS" or h5py.check_ref_dtype(self.guest.dtype(dataset)) is not None:
            return Unusable(f"values of type {dataset.dtype}")
        return self.guest.read(dataset).T

    def _characters(self, codes: Array) -> Any:
        """Return the rows of a character array, stored as UTF-16 codes; one row is a single text."""
        rows = np.atleast_2d(codes.T).astype("<u2")
        texts = [printable(np.ascontiguousarray(row).tobytes().decode("utf-16-le", "replace")) for row in rows]
        return texts[0] if len(texts) == 1 else np.array([text.rstrip() for text in texts], dtype=str)

    def _sparse(self, group: h5py.Group) -> Any:
        """Return a sparse matrix as a full one."""
        n_rows = int(np.ravel(self.guest.attribute(group, "MATLAB_sparse"))[0])
        parts = [self.guest.child(group, name) for name in ("data", "ir", "jc")]
        arrays = [self.guest.read(part) if isinstance(part, h5py.Dataset) else np.empty(0, np.int64) for part in parts]
        return full_matrix(self.guest.budget, place(group), n_rows, *arrays)
