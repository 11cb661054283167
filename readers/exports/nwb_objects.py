"""The building blocks of an NWB file: typed groups, text, tables with plain and ragged columns."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_TEXT = h5py.string_dtype("utf-8")
_COMMON = "hdmf-common"


class Objects:
    """Writes NWB objects; each gets an identifier that follows from the content and its path.

    Parameters
    ----------
    digest
        Of the content.
    """

    def __init__(self, digest: str) -> None:
        self._space = uuid.uuid5(uuid.NAMESPACE_OID, digest)

    def mark(self, item: Any, kind: str, namespace: str) -> None:
        """State the NWB type of a group or dataset."""
        item.attrs["neurodata_type"], item.attrs["namespace"] = kind, namespace
        item.attrs["object_id"] = str(uuid.uuid5(self._space, str(item.name)))

    def group(self, parent: h5py.Group, name: str, kind: str, namespace: str) -> h5py.Group:
        """Return a new typed group."""
        made = parent.create_group(name)
        self.mark(made, kind, namespace)
        return made

    def text(self, parent: h5py.Group, name: str, value: str | Sequence[str]) -> None:
        """Write text, one or a list."""
        parent.create_dataset(name, data=value if isinstance(value, str) else list(value), dtype=_TEXT)

    def table(self, group: h5py.Group, columns: Mapping[str, tuple[Array, str]], n_rows: int, description: str) -> None:
        """Fill a group that is a table; a column ``id`` of distinct whole numbers becomes the identifiers."""
        rest = dict(columns)
        own = rest.get("id", (np.arange(0), ""))[0]
        if len(own) == n_rows and own.dtype.kind in "iu" and len(np.unique(own)) == n_rows:
            identifiers = rest.pop("id")[0]
        else:
            identifiers = np.arange(n_rows)
            rest = {f"{description}_id" if name == "id" else name: column for name, column in rest.items()}
        group.attrs["description"] = f"{description} of the recording"
        group.attrs.create("colnames", list(rest), dtype=_TEXT)
        self.mark(group.create_dataset("id", data=identifiers.astype(np.int64)), "ElementIdentifiers", _COMMON)
        for name, (values, told) in rest.items():
            self._column(group, name, values, told, "VectorData")

    def ragged(self, group: h5py.Group, name: str, rows: Sequence[Array], description: str) -> None:
        """Add a column with a list in each row to a table."""
        names = [*group.attrs["colnames"], name]
        group.attrs.create("colnames", names, dtype=_TEXT)
        values = self._column(group, name, np.concatenate(rows), description, "VectorData")
        ends = np.cumsum([len(row) for row in rows]).astype(np.uint64)
        index = self._column(group, f"{name}_index", ends, f"end of each row in {name}", "VectorIndex")
        index.attrs["target"] = values.ref

    def _column(self, group: h5py.Group, name: str, values: Array, description: str, kind: str) -> h5py.Dataset:
        if values.dtype.kind == "U":
            made = group.create_dataset(name, data=values.astype(object), dtype=_TEXT)
        else:
            made = group.create_dataset(name, data=values)
        self.mark(made, kind, _COMMON)
        made.attrs["description"] = description
        return made
