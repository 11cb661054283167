"""The content digest of a file: SHA-256 over names, types, shapes, attributes and values.

Defined in docs/archive.md, section 1.5. It does not depend on chunks, compression, order of writing,
date or host.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..provenance import VOLATILE
from .values import is_foreign

if TYPE_CHECKING:
    from hashlib import _Hash

Array = npt.NDArray[Any]
Block = tuple[slice, ...]

BLOCK_BYTES = 4 * 2**20
_LARGEST_BLOCK_BYTES = 64 * 2**20


def begin_object(
    path: str, kind: str, type_name: str, shape: tuple[int, ...], attributes: Mapping[str, Array]
) -> "_Hash":
    """Return the SHA-256 of an object before its values."""
    left_out = {"digest", "seal", *VOLATILE} if path == "/" else set()
    kept = {name: value for name, value in attributes.items() if name not in left_out and not is_foreign(name)}
    return hashlib.sha256(_json([path, kind, type_name, list(shape), _attribute_list(kept)]))


def add_values(digest: "_Hash", values: Array) -> None:
    """Add one block of stored values, which must follow one another in C order."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    digest.update(np.ascontiguousarray(little).reshape(-1).view(np.uint8).data)


def combined(objects: Mapping[str, str]) -> str:
    """Return the content digest from the hexadecimal SHA-256 of each object by path."""
    digest = hashlib.sha256()
    for path in sorted(objects):
        digest.update(f"{path}  {objects[path]}\n".encode())
    return digest.hexdigest()


def seal(digest: str, root_attributes: Mapping[str, Array]) -> str:
    """Return the SHA-256 over the digest and the root attributes that the digest leaves out."""
    volatile = {name: root_attributes[name] for name in VOLATILE if name in root_attributes}
    return hashlib.sha256(_json([digest, _attribute_list(volatile)])).hexdigest()


def blocks(shape: tuple[int, ...], itemsize: int, chunk: tuple[int, ...]) -> Iterator[Block]:
    """Yield index blocks that cover an array in C order, about 4 MiB each and whole in chunks where possible.

    >>> list(blocks((5, 2), 8, (2, 2)))[:1]
    [(slice(0, 5, None),)]
    """
    row = itemsize * int(np.prod(shape[1:], dtype=np.int64))
    if row > _LARGEST_BLOCK_BYTES // 4 and len(shape) > 1:
        for index in range(shape[0]):
            for rest in blocks(shape[1:], itemsize, chunk[1:]):
                yield (slice(index, index + 1), *rest)
        return
    rows = max(1, BLOCK_BYTES // row)
    if chunk[0] * row <= _LARGEST_BLOCK_BYTES:
        rows = max(chunk[0], rows // chunk[0] * chunk[0])
    for start in range(0, shape[0], rows):
        yield (slice(start, min(start + rows, shape[0])),)


def _attribute_list(attributes: Mapping[str, Array]) -> list[list[str]]:
    little = {
        name: np.asarray(value).astype(value.dtype.newbyteorder("<"), copy=False) for name, value in attributes.items()
    }
    return [[name, little[name].dtype.str, little[name].tobytes().hex()] for name in sorted(little)]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
