"""What Python values become in an HDF5 file and back: attributes, and the element types of datasets."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from ..errors import InputError

Array = npt.NDArray[Any]

# HDF5 keeps an attribute of up to 64 kB in the header of its object; half of that leaves room for the others.
MAX_TEXT_BYTES = 32_000

# Attributes of the HDF5 dimension scales and of netCDF; they hold references, which are never read.
FOREIGN = frozenset({"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_NCProperties"})
RESERVED = FOREIGN | {"dims", "units", "dtype", "index_scale", "attribute", "digest", "seal"}

_INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
STORABLE = frozenset(np.dtype(name) for name in (*_INTEGERS, "f4", "f8", "c8", "c16"))


def is_foreign(name: str) -> bool:
    """Return whether an attribute belongs to HDF5 or netCDF and is no content of ours."""
    return name in FOREIGN or name.startswith("_Netcdf4")


def encode_attribute(value: Any, where: str) -> Array:
    """Return the zero-dimensional array that stores ``value``: int64, uint64, float64, bool or UTF-8 bytes.

    None, lists, tuples, arrays and mappings become JSON text. Text that looks like JSON or holds a zero byte
    is quoted as a JSON string.

    Raises
    ------
    InputError
        If the value has another type, or a whole number needs more than 64 bits.
    """
    value = _plain(value, where)
    if isinstance(value, bool):
        return np.array(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise InputError(f"{where}: {value} needs more than 64 bits; write it as text or inside a dict")
        return np.array(value, "<i8" if value < 2**63 else "<u8")
    if isinstance(value, float):
        return np.array(value, "<f8")
    if not isinstance(value, str) or _looks_like_json(value) or "\0" in value:
        value = json.dumps(value, ensure_ascii=False)
    try:
        content = value.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{where}: this text is not valid Unicode: {error}") from error
    return np.array(content, h5py.string_dtype("utf-8", max(1, len(content))))


def decode_attribute(stored: Array) -> Any:
    """Return the Python value of a stored attribute.

    Raises
    ------
    ValueError
        If text is not UTF-8 or what looks like JSON is not.
    """
    if stored.dtype.kind != "S":
        return stored.item()
    text = stored.item().decode()
    return json.loads(text) if _looks_like_json(text) else text


def _looks_like_json(text: str) -> bool:
    return text.startswith(("{", "[", '"')) or text == "null"


def _plain(value: Any, where: str) -> Any:
    """Return ``value`` as plain Python that JSON can hold without loss."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InputError(f"{where}: found the key {key!r}, expected text")
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise InputError(
        f"{where}: found {type(value).__name__}, expected str, int, float, bool, None, or a list or dict of these"
    )


def stored_type(dtype: Any, where: str) -> np.dtype[Any]:
    """Return the little-endian type in which numbers and booleans of ``dtype`` are stored.

    Raises
    ------
    InputError
        If the type cannot be stored.
    """
    try:
        found: np.dtype[Any] = np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"{where}: found the type {dtype}, expected a NumPy array") from error
    if found.kind == "b":
        return np.dtype("i1")
    if found.newbyteorder("=") in STORABLE:
        return found.newbyteorder("<")
    advice = {
        "O": "give texts as np.array(values, dtype=str) and numbers as a numeric array",
        "S": "decode bytes to text first (np.char.decode)",
        "f": "convert it to float32 or float64",
        "c": "convert it to complex64 or complex128",
        "M": "store seconds as float64",
        "m": "store seconds as float64",
    }.get(found.kind, "store each field as a dataset of its own")
    raise InputError(
        f"{where}: found the type {found.name}, expected integers, float32, float64, complex, bool or text; {advice}"
    )


def text_type(n_bytes: int) -> np.dtype[Any]:
    """Return the stored type of texts of up to ``n_bytes`` bytes."""
    found: np.dtype[Any] = h5py.string_dtype("utf-8", max(1, n_bytes))
    return found


def decoder(stored: np.dtype[Any], *, boolean: bool) -> tuple[np.dtype[Any], Callable[[Array], Array]]:
    """Return the type that a reader sees and the function from stored values to it."""
    if boolean:
        return np.dtype(bool), lambda values: values != 0
    if stored.kind == "S":
        seen = np.dtype(f"<U{stored.itemsize}")
        return seen, lambda values: np.char.decode(values, "utf-8").astype(seen)
    seen = stored.newbyteorder("=")
    return seen, lambda values: values.astype(seen, copy=False)
