"""The tree that an HDF5 file holds: groups and datasets with named axes."""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeAlias

from ..errors import InputError

# The dimension, of length 1, of a single number in a file.
SCALAR = "scalar"

_NAME = re.compile(r"\w[\w.\-]*")


class Sliceable(Protocol):
    """Anything that gives NumPy arrays when sliced: a NumPy array, a lazy array, an h5py dataset."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""

    @property
    def dtype(self) -> Any:
        """The NumPy type of the elements."""

    def __getitem__(self, key: Any, /) -> Any: ...


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """An array with a name for each axis.

    Attributes
    ----------
    data
        The array: integers, floats of 32 or 64 bits, complex numbers, booleans or text; no axis of length 0.
    dims
        The name of each axis, in order, none twice.
    units
        The unit of the values, for example ``"Hz"``; empty for a pure number.
    attrs
        Short numbers, texts, lists and dicts that describe the array.
    compress
        None: integers, booleans and text are compressed, and floats that shrink by half, such as piecewise constant
        stimuli. True: all floats. False: nothing is.
    """

    data: Sliceable
    dims: tuple[str, ...]
    units: str = ""
    attrs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    compress: bool | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """A folder of a file: attributes (str, int, float, bool, None, list, dict) and named children.

    ``dims`` names dimensions that belong to this group: their index scales are made here. The scale of any
    other dimension is made in the outermost group below which every use agrees in length.
    """

    attrs: Mapping[str, Any]
    children: Mapping[str, "Node"]
    dims: tuple[str, ...] = ()

    def items(self) -> Iterable[tuple[str, "Node"]]:
        """Return the children with their names, in order."""
        return self.children.items()


@dataclasses.dataclass(frozen=True, eq=False)
class StreamedGroup(Group):
    """A group for writing whose children come one at a time, so that they need not all be in memory.

    A name may come twice when both are groups: the second adds its children to the first.
    """

    children: Mapping[str, "Node"] = dataclasses.field(default_factory=dict)
    produced: Iterable[tuple[str, "Node"]] = ()

    def items(self) -> Iterable[tuple[str, "Node"]]:
        """Return the produced children; they can be had once."""
        return self.produced


Node: TypeAlias = Group | Dataset


def valid_name(name: object) -> bool:
    """Return whether ``name`` can name a group, dataset or axis: letters, digits, ``_ - .``; no dot first."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked_name(name: object, where: str) -> str:
    """Return ``name`` when it is valid.

    Raises
    ------
    InputError
        If it is not, naming ``where`` it was met.
    """
    if not isinstance(name, str) or not valid_name(name):
        raise InputError(
            f"{where}: found the name {name!r}, expected letters, digits, '_', '-' and '.', "
            "beginning with a letter, a digit or '_'"
        )
    return name


def joined(group: str, name: str) -> str:
    """Return the path of ``name`` inside ``group``.

    >>> joined("/", "a"), joined("/a", "b")
    ('/a', '/a/b')
    """
    return f"{group.rstrip('/')}/{name}"


def parent(path: str) -> str:
    """Return the path of the group that holds ``path``.

    >>> parent("/a/b"), parent("/a")
    ('/a', '/')
    """
    return path.rpartition("/")[0] or "/"


def enclosing(group: str) -> Iterable[str]:
    """Yield ``group`` and every group above it, nearest first.

    >>> list(enclosing("/a/b"))
    ['/a/b', '/a', '/']
    """
    while group != "/":
        yield group
        group = parent(group)
    yield "/"
