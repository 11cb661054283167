"""Open a file that was written whole: check it, verify its digest, give its tree with lazy arrays."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError
from . import check, digests
from .check import Found, guarded, refusal
from .lazy import LazyArray
from .nodes import SCALAR, Dataset, Group, Node, enclosing, parent
from .values import RESERVED, decode_attribute, decoder

Array = npt.NDArray[Any]

MAX_BYTES = 128 * 2**30


class File:
    """An open file: a context manager whose target is the root group.

    Attributes
    ----------
    path
        Where the file is.
    root
        The tree, with lazy arrays that are read when sliced.
    digest
        The content digest that the file states, empty if it states none.
    """

    def __init__(self, path: Path, handle: h5py.File, found: list[Found]) -> None:
        self.path = path
        self._handle = handle
        self._found = found
        self.digest = _stated(found, "digest")
        self._seal = _stated(found, "seal")
        self.root = _tree(handle, str(path), found)

    def __enter__(self) -> Group:
        return self.root

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"File({str(self.path)!r}, digest={self.digest[:12]!r})"

    def close(self) -> None:
        """Close the file; its lazy arrays cannot be read any more."""
        with guarded(str(self.path), "/"):
            self._handle.close()

    def content_digest(self) -> str:
        """Return the digest of what the file really holds; it reads everything, block by block."""
        objects = {item.path: self._object_digest(item) for item in self._found}
        return digests.combined(objects)

    def verify(self) -> Self:
        """Return the file itself when its content is what the digest and the seal say.

        Raises
        ------
        ArchiveError
            If it is not, or the file states no digest.
        """
        advice = "it changed after it was written: restore it from a copy or make it again"
        if not self.digest or not self._seal:
            raise refusal(str(self.path), "/", "no digest and seal", "both", "verify=False opens it as it is")
        found = self.content_digest()
        if found != self.digest:
            raise refusal(str(self.path), "/", f"content with digest {found}", self.digest, advice)
        if digests.seal(self.digest, self._found[0].attributes) != self._seal:
            raise refusal(str(self.path), "/", "other provenance attributes", "those that were sealed", advice)
        return self

    def _object_digest(self, item: Found) -> str:
        kind, name = ("group", "") if item.dtype is None else ("dataset", item.dtype.newbyteorder("<").str)
        digest = digests.begin_object(item.path, kind, name, item.shape, item.attributes)
        if item.dtype is not None:
            with guarded(str(self.path), item.path):
                stored = self._handle[item.path]
                for block in digests.blocks(item.shape, item.dtype.itemsize, item.chunk):
                    digests.add_values(digest, stored[block])
        return digest.hexdigest()


def read(
    path: str | os.PathLike[str],
    *,
    verify: bool = True,
    max_bytes: int = MAX_BYTES,
    format: str | None = None,
    version: str | None = None,
) -> File:
    """Return the open file at ``path``; use it in a ``with`` block, or close it.

    Parameters
    ----------
    path
        The file.
    verify
        Whether to read everything once and compare it with the digest. Without it damage is noticed only in
        the parts that are read, by the checksum of each chunk.
    max_bytes
        The most that the arrays of the file may take in memory together.
    format, version
        If given, the root attribute ``format`` must be this one, and the major part of ``format_version`` no
        newer.

    Raises
    ------
    ArchiveError
        If the file is missing, damaged, unsafe to open, too large, of another format or of a newer version.
    """
    path = Path(path)
    handle = _opened(path)
    try:
        if format is not None:
            _check_format(handle, path, format, version)
        found = check.walk(handle.id, str(path), stored_bytes=path.stat().st_size, max_bytes=max_bytes)
        file = File(path, handle, found)
        return file.verify() if verify else file
    except BaseException:
        # The first error says what is wrong with a damaged file; closing it may only repeat that.
        with contextlib.suppress(OSError, RuntimeError):
            handle.close()
        raise


def content_digest(source: "str | os.PathLike[str] | File") -> str:
    """Return the content digest of a file or path, computed from what it holds, not from what it states."""
    if isinstance(source, File):
        return source.content_digest()
    file = read(source, verify=False)
    with file:
        return file.content_digest()


def root_text(path: str | os.PathLike[str], name: str) -> str | None:
    """Return a text attribute of the root of an HDF5 file; None when it is absent or of another kind.

    It looks at nothing else, so that a file of any program can be asked what it is.
    """
    path = Path(path)
    with _opened(path) as handle:
        return _root_text(handle, path, name)


def _opened(path: Path) -> h5py.File:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ArchiveError(f"{path}: cannot be opened: {error.strerror}") from error
    if not path.is_file():
        raise ArchiveError(f"{path}: expected a file, found a directory or device")
    advice = "is a training or export still writing this?"
    try:
        if size == 0 or not h5py.is_hdf5(path):
            raise refusal(str(path), "/", f"no HDF5 signature in {size} bytes", "an HDF5 file", advice * (size == 0))
        return h5py.File(path, "r", locking="best-effort")
    except BlockingIOError as error:
        raise ArchiveError(f"{path}: another process has it open for writing; {advice}") from error
    except OSError as error:
        if "truncated" in str(error):
            raise refusal(
                str(path), "/", f"a file cut at {size} bytes", "a whole one", "copy it again or make it again"
            ) from error
        raise refusal(
            str(path), "/", f"unreadable data ({error})", "an undamaged file", "restore it from a copy"
        ) from error


def _check_format(handle: h5py.File, path: Path, format: str, version: str | None) -> None:
    found = _root_text(handle, path, "format")
    if found != format:
        raise refusal(
            str(path),
            "/, attribute 'format'",
            repr(found) if found else "nothing",
            repr(format),
            "is this another file?",
        )
    if version is None:
        return
    found = _root_text(handle, path, "format_version") or ""
    major = found.partition(".")[0]
    if not major.isdecimal():
        raise refusal(str(path), "/, attribute 'format_version'", repr(found), f"a version such as {version!r}")
    if int(major) > int(version.partition(".")[0]):
        raise refusal(
            str(path),
            "/, attribute 'format_version'",
            found,
            f"{version} or older",
            "a newer dynascope wrote it: upgrade (pip install -U dynascope)",
        )


def _root_text(handle: h5py.File, path: Path, name: str) -> str | None:
    """Return a text attribute of the root, None when it is absent or of a kind that our files never have."""
    with guarded(str(path), "/"):
        if not h5py.h5a.exists(handle.id, name.encode()):
            return None
        attribute = h5py.h5a.open(handle.id, name.encode())
        kind = attribute.get_type()
        if not isinstance(kind, h5py.h5t.TypeStringID) or kind.is_variable_str() or attribute.shape != ():
            return None
        value = np.empty((), attribute.dtype)
        attribute.read(value)
        return str(value.item().decode(errors="replace"))


def _stated(found: list[Found], name: str) -> str:
    value = found[0].attributes.get(name)
    return value.item().decode(errors="replace") if value is not None and value.dtype.kind == "S" else ""


def _tree(handle: h5py.File, file: str, found: list[Found]) -> Group:
    """Return the groups and datasets as nodes; index scales are left out and long attributes put back."""
    groups: dict[str, tuple[dict[str, Any], dict[str, Node]]] = {}
    lengths: dict[str, int] = {}
    datasets: list[tuple[Found, dict[str, Any]]] = []
    for item in found:
        values = _values(item, file)
        if item.dtype is None:
            groups[item.path] = (values, {})
        else:
            values["dims"] = dims = _dims(item, file, values)
            if dims == (item.path.rpartition("/")[2],):
                lengths[item.path] = item.shape[0]
            datasets.append((item, values))
    for item, values in datasets:
        _check_scales(item, file, values["dims"], lengths)
        _place(groups, item, values, _lazy(handle, file, item, values))
    return _nested(groups, found)


def _place(
    groups: dict[str, tuple[dict[str, Any], dict[str, Node]]],
    item: Found,
    values: dict[str, Any],
    array: LazyArray,
) -> None:
    attrs, children = groups[parent(item.path)]
    name = item.path.rpartition("/")[2]
    if values.get("attribute"):
        with guarded(array.file_name, item.path):
            attrs[name] = decode_attribute(np.asarray(array.file[item.path][0]))
    elif not values.get("index_scale"):
        free = {key: value for key, value in values.items() if not _taken(key)}
        children[name] = Dataset(array, values["dims"], str(values.get("units", "")), free)


def _nested(groups: Mapping[str, tuple[dict[str, Any], dict[str, Node]]], found: Iterable[Found]) -> Group:
    """Join the groups, deepest first, and put the children of each in the order of the file."""
    made: dict[str, Group] = {}
    for path, (attrs, children) in groups.items():
        free = {key: value for key, value in attrs.items() if not _taken(key)}
        made[path] = Group(free, children)
    order: dict[str, list[str]] = {path: [] for path in groups}
    for item in found:
        if item.path != "/":
            order[parent(item.path)].append(item.path)
    for path, paths in order.items():
        children = groups[path][1]
        named = {inner.rpartition("/")[2]: made.get(inner) for inner in paths}
        ordered = {name: group or children[name] for name, group in named.items() if group or name in children}
        children.clear()
        children.update(ordered)
    return made["/"]


def _taken(name: str) -> bool:
    return name in RESERVED or name.startswith("_")


def _values(item: Found, file: str) -> dict[str, Any]:
    values = {}
    for name, stored in item.attributes.items():
        with guarded(file, f"{item.path}, attribute {name!r}"):
            values[name] = decode_attribute(stored)
    return values


def _dims(item: Found, file: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    dims = values.get("dims")
    if not isinstance(dims, list) or not all(isinstance(name, str) for name in dims):
        raise refusal(file, item.path, f"dims {dims!r}", "an attribute 'dims' with a list of names")
    if len(dims) != len(item.shape) and not (dims == [] and item.shape == (1,)):
        raise refusal(file, item.path, f"dims {dims} for shape {item.shape}", "one name for each axis")
    return tuple(dims)


def _check_scales(item: Found, file: str, dims: tuple[str, ...], lengths: Mapping[str, int]) -> None:
    for name, length in zip(dims or (SCALAR,), item.shape, strict=True):
        scales = (f"{group.rstrip('/')}/{name}" for group in enclosing(parent(item.path)))
        found = next((lengths[scale] for scale in scales if scale in lengths), None)
        if found != length:
            described = "no scale" if found is None else f"a scale of length {found}"
            raise refusal(file, item.path, f"{described} for dimension {name!r}", f"one of length {length}")


def _lazy(handle: h5py.File, file: str, item: Found, values: Mapping[str, Any]) -> LazyArray:
    if item.dtype is None:
        raise TypeError(f"{item.path} is a group")
    boolean = values.get("dtype") == "bool" and item.dtype == np.dtype("i1")
    seen, decode = decoder(item.dtype, boolean=boolean)
    shape = item.shape if values["dims"] else ()
    return LazyArray(handle, file, item.path, shape, seen, decode)
