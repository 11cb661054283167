"""The result record: what every analysis returns, prints, draws and saves in the same way."""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, get_origin

import numpy as np
import numpy.typing as npt

from . import hdf5, provenance
from .errors import ArchiveError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

FORMAT = "dynascope-result"
FORMAT_VERSION = "1.0"


def axes(*dims: str, units: str = "", optional: bool = False) -> Any:
    """Declare a result field that holds an array, with the name of each of its axes and its unit.

    An ``optional`` field is None when left out: results of an earlier version, which lack it, still load.
    """
    default = None if optional else dataclasses.MISSING
    return dataclasses.field(default=default, metadata={"dims": dims, "units": units})


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """Base of all results: a frozen record of named arrays and numbers.

    Subclasses are frozen dataclasses. Fields declared with :func:`axes` are arrays; every other field is
    a number, a string, None or a JSON-like value; those annotated as tuples become tuples. ``parameters`` are the
    options of the analysis and ``input_digest`` identifies the data that it saw (see :func:`digest_arrays`).
    """

    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    input_digest: str = ""

    kind: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if get_origin(field.type) is tuple:  # tuples come back from a file as lists
                object.__setattr__(self, field.name, _as_tuple(getattr(self, field.name)))

    def summary(self) -> str:
        """Return a few lines of text that say what was found."""
        raise TypeError(f"{type(self).__name__} has no summary")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the result on ``ax`` (a new figure when None) and return the axes."""
        raise TypeError(f"{type(self).__name__} has no picture")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain Python values that JSON can hold.

        Arrays become nested lists, complex numbers ``{"real": …, "imag": …}`` and non-finite numbers None.
        """
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    def save(self, path: str | Path) -> Path:
        """Write the result to ``path`` as HDF5, whole or not at all, and return the path."""
        children: dict[str, hdf5.Node] = {}
        values: dict[str, Any] = {}
        empty: dict[str, Any] = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if "dims" in field.metadata and value is not None:
                array = np.asarray(value)
                if array.size == 0:  # the file format has no empty arrays: nothing found is a result too
                    empty[field.name] = {"shape": list(array.shape), "dtype": array.dtype.str}
                    continue
                children[field.name] = hdf5.Dataset(array, field.metadata["dims"], field.metadata["units"])
            else:
                values[field.name] = plain(value)
        attrs = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind or type(self).__name__,
            "fields": values,
            "empty": empty,
            **provenance.describe(),
        }
        return hdf5.write(path, hdf5.Group(attrs, children))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a result that :meth:`save` wrote.

        Raises
        ------
        ArchiveError
            If the file is damaged, is not a result, or holds a result of another kind.
        """
        with hdf5.read(path, format=FORMAT, version=FORMAT_VERSION) as root:
            found, expected = root.attrs.get("kind"), cls.kind or cls.__name__
            if found != expected:
                raise ArchiveError(f"{path}: expected a {expected} result, found {found}")
            names = {field.name for field in dataclasses.fields(cls)}
            values = {name: value for name, value in root.attrs["fields"].items() if name in names}
            arrays = {
                name: node.data[...]
                for name, node in root.children.items()
                if name in names and isinstance(node, hdf5.Dataset)
            }
            for name, made in root.attrs.get("empty", {}).items():
                if name in names:
                    arrays[name] = np.zeros(made["shape"], dtype=made["dtype"])
        try:
            return cls(**values, **arrays)
        except TypeError as error:
            raise ArchiveError(f"{path}: an incomplete {expected} result: {error}") from None


def _as_tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_as_tuple(value) if isinstance(value, list) else value for value in values)


def digest_arrays(arrays: Iterable[Array]) -> str:
    """Return the SHA-256 of shapes, dtypes and values: the ``input_digest`` of a result."""
    digest = hashlib.sha256()
    for array in arrays:
        array = np.asarray(array)
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def count_noun(number: int, noun: str, plural: str = "s") -> str:
    """Return a number with its noun, as summaries and titles say it: 1 point, 2 points."""
    return f"{number} {noun}" + ("" if number == 1 else plural)


def plain(value: Any) -> Any:
    """Return ``value`` as JSON-ready Python: lists, dicts, strings, finite numbers, None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        if np.iscomplexobj(value):
            return {"real": plain(value.real), "imag": plain(value.imag)}
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, complex):
        return {"real": plain(value.real), "imag": plain(value.imag)}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return str(value)
