"""What may be read from a dataset of another program: where its data lie, how much they are, of which type."""

import math
from typing import Any

import h5py
import numpy as np

from .limits import MAX_DEFLATE_RATIO, Budget

# Bytes that no stored chunk need account for: unwritten parts of a dataset are filled by HDF5.
_FILLED_BYTES = 16 * 2**20
_BOUNDED_FILTERS = {
    h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_LZF,
}  # fmt: skip


def check_storage(dataset: h5py.Dataset, budget: Budget) -> None:
    """Refuse a dataset whose data lie outside its file, cannot be in it, or cannot be unpacked here.

    Raises
    ------
    ArchiveError
        With the path in the file, what was found and what was expected.
    """
    where = str(dataset.name)
    properties = dataset.id.get_create_plist()
    if properties.get_external_count():
        raise budget.refusal(where, "data stored in another file", "data in this file")
    layout = properties.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        raise budget.refusal(where, "a virtual dataset", "data in this file")
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    for code in filters:
        if not h5py.h5z.filter_avail(code):
            raise budget.refusal(where, f"compression filter {code}", "one that this HDF5 library has (try hdf5plugin)")
    stored, itemsize = dataset.id.get_storage_size(), dataset.dtype.itemsize
    claimed = dataset.size * itemsize if dataset.size else 0
    if claimed > (MAX_DEFLATE_RATIO if filters else 1) * stored + _FILLED_BYTES and filters <= _BOUNDED_FILTERS:
        raise budget.refusal(where, f"{stored} bytes that claim to hold {claimed}", "data that the file can hold")
    if layout == h5py.h5d.CHUNKED and math.prod(properties.get_chunk()) * itemsize > budget.max_bytes:
        raise budget.refusal(where, f"chunks of shape {properties.get_chunk()}", f"at most {budget.max_bytes} bytes")


def printable(text: str) -> str:
    r"""Return text without what a terminal would obey.

    >>> printable("a\x1b[31mb")
    'a�[31mb'
    """
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "�" for letter in text)


def is_numeric(kind: np.dtype[Any]) -> bool:
    """Return whether values are numbers or truth values, complex numbers included."""
    if kind.names:  # complex numbers as MATLAB (real, imag) and h5py without its own mark (r, i) store them
        parts = [kind[name] for name in kind.names]
        return tuple(kind.names) in (("real", "imag"), ("r", "i")) and all(part.kind in "fiu" for part in parts)
    return kind.kind in "biufc" and kind.itemsize <= 16


def type_name(kind: np.dtype[Any]) -> str:
    """Return what a type is called in messages."""
    if h5py.check_ref_dtype(kind) is not None:
        return "reference"
    return "variable-length data" if h5py.check_vlen_dtype(kind) is not None else str(kind)
