"""What may be opened: every link, object, type, filter and size of a file, checked before any data is read.

HDF5 itself follows links out of the file, reads storage from any path, allocates whatever a header claims
and can loop for ever on damaged variable-length data. Nothing of that kind gets past this module.
"""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from .nodes import joined, valid_name
from .values import MAX_TEXT_BYTES, STORABLE, is_foreign

Array = npt.NDArray[Any]

MAX_DEPTH = 32
MAX_OBJECTS = 1_000_000
MAX_ATTRIBUTES = 1_000
MAX_ATTRIBUTE_BYTES = 2 * MAX_TEXT_BYTES
# One byte of a deflate stream gives at most 1032 bytes (RFC 1951: 258 bytes for a code of two bits).
MAX_DEFLATE_RATIO = 1032
FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32"}

# All that h5py is known to raise for damaged files; KeyboardInterrupt and the like must pass.
_FAULTS = (
    OSError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    ArithmeticError,
    AttributeError,
    MemoryError,
)


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """One object of an open file: a group (``dtype`` None) or a dataset with its stored type."""

    path: str
    attributes: dict[str, Array]
    dtype: np.dtype[Any] | None = None
    shape: tuple[int, ...] = ()
    chunk: tuple[int, ...] = ()


def refusal(file: str, where: str, found: str, expected: str, advice: str = "") -> ArchiveError:
    """Return the error with file, path in the file, what was found, what was expected and what to do."""
    hint = f"; {advice}" if advice else ""
    return ArchiveError(f"{file}: {where}: found {found}, expected {expected}{hint}")


@contextlib.contextmanager
def guarded(file: str, where: str) -> Iterator[None]:
    """Turn what h5py raises inside the block into an ArchiveError that names the file and the path in it."""
    try:
        yield
    except ArchiveError:
        raise
    except _FAULTS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise refusal(
            file,
            where,
            f"unreadable data ({reason})",
            "an undamaged file",
            "restore it from a copy or make it again",
        ) from error


def walk(root: h5py.h5g.GroupID, file: str, *, stored_bytes: int, max_bytes: int) -> list[Found]:
    """Return every object of the file, parents first, in the order in which they were made.

    Raises
    ------
    ArchiveError
        If anything is met that section 1 of docs/archive.md forbids.
    """
    return _Walk(file, stored_bytes, max_bytes).objects(root)


def read_attributes(item: Any, file: str, where: str) -> dict[str, Array]:
    """Return the stored attributes of an object, without those that belong to HDF5 and netCDF."""
    with guarded(file, where):
        count = h5py.h5a.get_num_attrs(item)
        if count > MAX_ATTRIBUTES:
            raise refusal(file, where, f"{count} attributes", f"at most {MAX_ATTRIBUTES}")
        attributes = {}
        for index in range(count):
            attribute = h5py.h5a.open(item, index=index)
            name = attribute.name.decode()
            if not is_foreign(name):
                attributes[name] = _attribute(attribute, file, f"{where}, attribute {name!r}")
        return attributes


def _attribute(attribute: Any, file: str, where: str) -> Array:
    size = attribute.get_storage_size()
    if size > MAX_ATTRIBUTE_BYTES:
        raise refusal(file, where, f"{size} bytes", f"at most {MAX_ATTRIBUTE_BYTES}")
    kind = attribute.get_type()
    if isinstance(kind, h5py.h5t.TypeStringID):
        allowed = not kind.is_variable_str()
    else:
        allowed = isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)) or _is_boolean(kind)
    if not allowed or attribute.shape != ():
        raise refusal(
            file,
            where,
            f"{_described(kind)} of shape {attribute.shape}",
            "one number, boolean or fixed-length text",
        )
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    return value


def _is_boolean(kind: Any) -> bool:
    return isinstance(kind, h5py.h5t.TypeEnumID) and kind.dtype == np.dtype(bool)


class _Walk:
    """One pass over the links of a file, which counts what it meets."""

    def __init__(self, file: str, stored_bytes: int, max_bytes: int) -> None:
        self.file = file
        self.stored_left = stored_bytes
        self.budget_left = self.budget = max_bytes
        self.seen: set[int] = set()
        self.found: list[Found] = []

    def objects(self, root: h5py.h5g.GroupID) -> list[Found]:
        self._group(root, "/", 0)
        return self.found

    def _group(self, group: h5py.h5g.GroupID, path: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise refusal(self.file, path, f"groups {depth} levels deep", f"at most {MAX_DEPTH}")
        self._count(group, path)
        self.found.append(Found(path, read_attributes(group, self.file, path)))
        with guarded(self.file, path):
            if len(self.found) + group.get_num_objs() > MAX_OBJECTS:
                raise refusal(self.file, path, f"more than {MAX_OBJECTS} objects", "fewer")
            names = list(group)
        for name in names:
            self._link(group, name, path, depth)

    def _link(self, group: h5py.h5g.GroupID, name: bytes, path: str, depth: int) -> None:
        shown = joined(path, name.decode(errors="backslashreplace"))
        if not valid_name(name.decode(errors="replace")):
            raise refusal(self.file, ascii(shown), "this name", "letters, digits, '_', '-' and '.'")
        with guarded(self.file, shown):
            kind = group.links.get_info(name).type
            if kind != h5py.h5l.TYPE_HARD:
                label = {h5py.h5l.TYPE_SOFT: "a soft link", h5py.h5l.TYPE_EXTERNAL: "an external link"}
                raise refusal(
                    self.file,
                    shown,
                    label.get(kind, "an unknown kind of link"),
                    "a group or dataset in this file",
                )
            item = h5py.h5o.open(group, name)
        if isinstance(item, h5py.h5g.GroupID):
            self._group(item, shown, depth + 1)
        elif isinstance(item, h5py.h5d.DatasetID):
            with guarded(self.file, shown):
                self._dataset(item, shown)
        else:
            raise refusal(self.file, shown, "a named type", "a group or dataset")

    def _count(self, item: Any, path: str) -> None:
        with guarded(self.file, path):
            address = h5py.h5o.get_info(item).addr
        if address in self.seen:
            raise refusal(self.file, path, "an object that another path reaches too", "one path for each object")
        self.seen.add(address)

    def _dataset(self, dataset: h5py.h5d.DatasetID, path: str) -> None:
        self._count(dataset, path)
        properties = dataset.get_create_plist()
        self._layout(properties, path)
        shape = self._shape(dataset, path)
        dtype = self._type(dataset.get_type(), path)
        compressed = self._filters(properties, path)
        chunk = properties.get_chunk()
        self._size(dataset, path, shape, chunk, dtype.itemsize, compressed=compressed)
        attributes = read_attributes(dataset, self.file, path)
        self.found.append(Found(path, attributes, dtype, shape, chunk))

    def _layout(self, properties: Any, path: str) -> None:
        if properties.get_external_count():
            raise refusal(self.file, path, "data stored in another file", "data in this file")
        layout = properties.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            raise refusal(self.file, path, "a virtual dataset", "data in this file")
        if layout != h5py.h5d.CHUNKED:
            raise refusal(self.file, path, "a dataset without chunks", "chunks with checksums")

    def _shape(self, dataset: h5py.h5d.DatasetID, path: str) -> tuple[int, ...]:
        shape = tuple(int(length) for length in dataset.shape or ())
        if not shape or min(shape) < 1:
            raise refusal(self.file, path, f"shape {shape}", "one or more axes of length 1 or more")
        return shape

    def _type(self, kind: Any, path: str) -> np.dtype[Any]:
        described = _described(kind)
        if isinstance(kind, h5py.h5t.TypeStringID):
            if not kind.is_variable_str():
                text: np.dtype[Any] = kind.dtype
                return text
        elif isinstance(kind, (h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID, h5py.h5t.TypeCompoundID)):
            with contextlib.suppress(TypeError, ValueError):
                dtype: np.dtype[Any] = kind.dtype
                described = str(dtype)
                if dtype.newbyteorder("=") in STORABLE and kind.equal(h5py.h5t.py_create(dtype)):
                    return dtype
        raise refusal(
            self.file,
            path,
            f"values of type {described}",
            "integers, float32, float64, complex or fixed-length text",
        )

    def _filters(self, properties: Any, path: str) -> bool:
        codes = [properties.get_filter(index)[0] for index in range(properties.get_nfilters())]
        for code in codes:
            if code not in FILTERS:
                raise refusal(self.file, path, f"filter {code}", f"only {', '.join(FILTERS.values())}")
        return 1 in codes

    def _size(
        self,
        dataset: h5py.h5d.DatasetID,
        path: str,
        shape: tuple[int, ...],
        chunk: tuple[int, ...],
        itemsize: int,
        *,
        compressed: bool,
    ) -> None:
        n_chunks = math.prod(-(-length // part) for length, part in zip(shape, chunk, strict=True))
        claimed = n_chunks * math.prod(chunk) * itemsize
        stored = dataset.get_storage_size()
        if claimed > stored * (MAX_DEFLATE_RATIO if compressed else 1):
            raise refusal(
                self.file, path, f"{stored} bytes that claim to hold {claimed}", "data that the file can hold"
            )
        self.stored_left -= stored
        if self.stored_left < 0:
            raise refusal(self.file, path, f"{stored} stored bytes", "no more than the file has", "it is cut or forged")
        if dataset.get_num_chunks() != n_chunks:
            raise refusal(self.file, path, f"{dataset.get_num_chunks()} stored chunks", f"{n_chunks}")
        self.budget_left -= claimed
        if self.budget_left < 0:
            raise refusal(
                self.file,
                path,
                f"more than {self.budget} bytes of data",
                "a smaller file",
                "give max_bytes if it is meant to be so large",
            )


def _described(kind: Any) -> str:
    if isinstance(kind, h5py.h5t.TypeStringID):
        return "variable-length text" if kind.is_variable_str() else "fixed-length text"
    name = type(kind).__name__.removeprefix("Type").removesuffix("ID").lower()
    return {"vlen": "variable-length data", "float": "a number", "integer": "a number"}.get(name, name)
