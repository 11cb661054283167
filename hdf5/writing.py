"""Write a tree as an HDF5 file, whole or not at all."""

import math
import os
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import ArchiveError, InputError
from ..files import replacing
from . import digests, dimensions
from .dimensions import Use
from .lazy import LazyArray
from .nodes import SCALAR, Dataset, Group, Sliceable, checked_name, joined
from .reading import read
from .sink import Sink
from .values import MAX_TEXT_BYTES, RESERVED, encode_attribute, stored_type, text_type

Array = npt.NDArray[Any]

CHUNK_BYTES = 2**20
LARGEST_CHUNK_BYTES = 16 * 2**20
# Floats of simulations are mostly noise: level 1 gets what there is. Spikes and masks shrink more at level 4.
FLOAT_LEVEL, OTHER_LEVEL = 1, 4
# Numbers that are compressed to see whether an array shrinks, and the bytes below which it is not worth a look.
SAMPLE, SMALLEST_SAMPLE = 2**16, 2**12
_NO_LIMIT = 2**62


def write(path: str | os.PathLike[str], root: Group) -> Path:
    """Write the tree ``root`` to ``path`` and return the path.

    The file is made beside the target, opened again and verified, flushed, and renamed: after a crash at any
    moment ``path`` is what it was before, or the new file.

    Parameters
    ----------
    path
        Where to write. A file that is there is replaced.
    root
        The tree. Arrays may be lazy and are copied block by block. A :class:`StreamedGroup` is consumed once.

    Raises
    ------
    InputError
        If the directory cannot be written, a name, attribute or array cannot be stored, or dimensions
        disagree.
    DynascopeError
        If the disk is full.
    """
    path = Path(path)
    with replacing(path) as temporary:
        digest = _write(temporary, path, root)
        written = read(temporary, max_bytes=_NO_LIMIT)
        written.close()
        if written.digest != digest:
            raise ArchiveError(f"{path}: what was read back is not what was written; is the disk sound?")
    return path


def _write(temporary: Path, path: Path, root: Group) -> str:
    with Sink(temporary, str(path)) as sink:
        try:
            with h5py.File(sink, "w", libver=("v110", "v110"), track_order=True) as file:
                writer = _Writer(file, str(path), sink)
                writer.group(file, root, "/")
                digest = writer.finish()
        except (OSError, RuntimeError):
            sink.check()  # the full disk is the cause, what HDF5 made of it is not
            raise
    sink.check()
    return digest


class _Writer:
    """One pass over a tree, which remembers names, lengths and digests but no arrays."""

    def __init__(self, file: h5py.File, name: str, sink: Sink) -> None:
        self.file = file
        self.sink = sink
        self.name = name
        self.attributes: dict[str, dict[str, Array]] = {}
        self.digests: dict[str, str] = {}
        self.uses: list[Use] = []
        self.explicit: dict[str, int] = {}
        self.owners: set[tuple[str, str]] = set()

    def group(self, target: h5py.Group, group: Group, path: str) -> None:
        """Write a group and all that is in it; a group that was begun before is gone on with."""
        attributes, long = self._group_attributes(group.attrs, path)
        if path not in self.attributes:
            self.attributes[path] = attributes
            _store(target, attributes)
            for name, value in long.items():
                self._dataset(joined(path, name), Dataset(np.array(value.item().decode()), ()), {"attribute": True})
            self.owners |= {(path, checked_name(dim, f"{self.name}: {path}")) for dim in group.dims}
        elif attributes != self.attributes[path]:
            raise InputError(f"{self.name}: {path}: this group comes twice, with different attributes")
        for name, node in group.items():
            inner = joined(path, checked_name(name, f"{self.name}: {path}"))
            if isinstance(node, Group):
                if inner in self.attributes and inner not in self.digests:
                    made = target[name]
                else:
                    self._check_free(inner)
                    made = target.create_group(name, track_order=True)
                self.group(made, node, inner)
            else:
                self._check_free(inner)
                self._dataset(inner, node, {})

    def finish(self) -> str:
        """Make and attach the scales, state the digest and the seal, and return the digest."""
        try:
            made = dimensions.place(self.uses, self.explicit, self.owners, self.attributes)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from error
        attached = list(self.uses)
        for path, length in made.items():
            index = np.arange(length, dtype=np.int32 if length < 2**31 else np.int64)
            name = path.rpartition("/")[2]
            self._dataset(path, Dataset(index, (name,)), {"index_scale": True})
        scales = {**self.explicit, **made}
        for path in scales:
            self.file[path].make_scale(path.rpartition("/")[2])
        for use in attached:
            scale = dimensions.nearest(use, scales)
            if scale is not None and scale != use.path:
                self.file[use.path].dims[use.axis].attach_scale(self.file[scale])
        return self._sealed()

    def _sealed(self) -> str:
        for path, attributes in self.attributes.items():
            if path not in self.digests:
                self.digests[path] = digests.begin_object(path, "group", "", (), attributes).hexdigest()
        digest = digests.combined(self.digests)
        seal = digests.seal(digest, self.attributes["/"])
        _store(self.file, {"digest": encode_attribute(digest, "digest"), "seal": encode_attribute(seal, "seal")})
        return digest

    def _check_free(self, path: str) -> None:
        if path in self.attributes:
            raise InputError(f"{self.name}: {path}: this name comes twice")

    def _group_attributes(self, attrs: Mapping[str, Any], path: str) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return the attributes of a group, and those too long for one, which become datasets."""
        encoded = self._encoded(attrs, path)
        long = {name: value for name, value in encoded.items() if value.nbytes > MAX_TEXT_BYTES}
        return {name: value for name, value in encoded.items() if name not in long}, long

    def _encoded(self, attrs: Mapping[str, Any], path: str) -> dict[str, Array]:
        encoded = {}
        for name, value in attrs.items():
            where = f"{self.name}: {path}, attribute {name!r}"
            checked_name(name, where)
            if name in RESERVED or name.startswith("_"):
                raise InputError(f"{where}: this name is used by the file format; choose another")
            encoded[name] = encode_attribute(value, where)
        return encoded

    def _dataset_attributes(self, node: Dataset, path: str, marks: Mapping[str, Any]) -> dict[str, Array]:
        encoded = self._encoded(node.attrs, path)
        for name, value in encoded.items():
            if value.nbytes > MAX_TEXT_BYTES:
                raise InputError(
                    f"{self.name}: {path}, attribute {name!r}: found {value.nbytes} bytes, expected at most "
                    f"{MAX_TEXT_BYTES}; long text belongs to a group"
                )
        own = {"dims": list(node.dims), **({"units": node.units} if node.units else {}), **marks}
        return {**encoded, **{name: encode_attribute(value, path) for name, value in own.items()}}

    def _dataset(self, path: str, node: Dataset, marks: Mapping[str, Any]) -> None:
        where = f"{self.name}: {path}"
        data = node.data if hasattr(node.data, "shape") and hasattr(node.data, "dtype") else np.asarray(node.data)
        shape = tuple(int(length) for length in data.shape)
        self._check_dims(node.dims, shape, path)
        dtype, encode, extra = _encoding(data, where)
        attributes = self._dataset_attributes(node, path, {**marks, **extra})
        stored_shape = shape or (1,)
        chunk = chunk_shape(stored_shape, dtype.itemsize)
        made = self.file.create_dataset(
            path,
            stored_shape,
            dtype,
            chunks=chunk,
            fletcher32=True,
            **_compression(dtype, compress=_shrinks(data) if node.compress is None else node.compress),
        )
        _store(made, attributes)
        digest = digests.begin_object(path, "dataset", dtype.str, stored_shape, attributes)
        for block in digests.blocks(stored_shape, dtype.itemsize, chunk):
            values = encode(data[block] if shape else np.reshape(np.asarray(data[()]), (1,)))
            digests.add_values(digest, values)
            made[block] = values
            self.sink.check()
        self.attributes[path] = attributes
        self.digests[path] = digest.hexdigest()

    def _check_dims(self, dims: tuple[str, ...], shape: tuple[int, ...], path: str) -> None:
        where = f"{self.name}: {path}"
        if len(dims) != len(shape):
            raise InputError(f"{where}: found {len(shape)} axes, shape {shape}, expected one for each of {dims}")
        if len(set(dims)) != len(dims):
            raise InputError(f"{where}: a dimension comes twice in {dims}; call the second axis unit_pre or alike")
        for axis, (dim, length) in enumerate(zip(dims, shape, strict=True)):
            checked_name(dim, f"{where}: axis {axis}")
            if length == 0:
                raise InputError(f"{where}: axis {axis}, {dim!r}, is empty; leave the array out")
            self.uses.append(Use(path, axis, dim, length))
        if not dims:
            self.uses.append(Use(path, 0, SCALAR, 1))
        name = path.rpartition("/")[2]
        if dims == (name,):
            self.explicit[path] = shape[0]
        elif name in dims:
            raise InputError(f"{where}: an array of {len(dims)} axes cannot have the name of one of them; rename it")


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return chunks of whole entries of the leading axis, at most 1 MiB, or of one entry when it is larger.

    An entry of more than 16 MiB is divided along its own leading axis.

    >>> chunk_shape((600, 100, 256), 4), chunk_shape((3, 4_000_000), 8)
    ((10, 100, 256), (1, 2000000))
    """
    entry = itemsize * math.prod(shape[1:])
    if entry > LARGEST_CHUNK_BYTES and len(shape) > 1:
        inner = itemsize * math.prod(shape[2:])
        return (1, _even(shape[1], max(1, LARGEST_CHUNK_BYTES // inner)), *shape[2:])
    return (_even(shape[0], max(1, CHUNK_BYTES // entry)), *shape[1:])


def _even(length: int, largest: int) -> int:
    """Return the size of equal parts of at most ``largest``, so that the last chunk is not mostly padding."""
    return math.ceil(length / math.ceil(length / min(length, largest)))


def _shrinks(data: Any) -> bool:
    """Return whether compression is worth its time: always for other types than floats.

    Floats are noise as a rule. Stimuli and masks are constant over many samples: what their first entries take when
    compressed decides, at least half as much must be saved.
    """
    if np.dtype(data.dtype).kind not in "fc" or not data.shape:
        return True
    entry = np.asarray(data[:1])
    sample = np.ascontiguousarray(entry.reshape(-1)[:SAMPLE])
    shuffled = sample.view(np.uint8).reshape(len(sample), -1).T.tobytes()
    return len(shuffled) >= SMALLEST_SAMPLE and 2 * len(zlib.compress(shuffled, 1)) <= len(shuffled)


def _compression(dtype: np.dtype[Any], *, compress: bool) -> dict[str, Any]:
    floats = dtype.kind in "fc"
    if not compress:
        return {}
    return {
        "compression": "gzip",
        "compression_opts": FLOAT_LEVEL if floats else OTHER_LEVEL,
        "shuffle": True,
    }


def _encoding(data: Sliceable, where: str) -> tuple[np.dtype[Any], Callable[[Any], Array], dict[str, Any]]:
    """Return the stored type, the function from a block of ``data`` to it, and extra attributes."""
    kind = getattr(data.dtype, "kind", "")
    if kind != "U":
        dtype = stored_type(data.dtype, where)
        return (
            dtype,
            lambda block: np.asarray(block).astype(dtype, copy=False),
            {"dtype": "bool"} if kind == "b" else {},
        )
    try:
        # A lazy text has room for one character of 4 bytes for each byte in its file.
        lazy = isinstance(data, LazyArray)
        n_bytes = data.dtype.itemsize // 4 if lazy else np.char.encode(np.asarray(data), "utf-8").dtype.itemsize
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: this text is not valid Unicode: {error}") from error
    text = text_type(n_bytes)
    return text, lambda block: np.char.encode(np.asarray(block), "utf-8").astype(text), {"_Encoding": "utf-8"}


def _store(target: Any, attributes: Mapping[str, Array]) -> None:
    for name, value in attributes.items():
        target.attrs.create(name, value, dtype=value.dtype)
