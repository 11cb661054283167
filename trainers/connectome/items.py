"""Item banks: the pictures of a memory task as codes with class labels, from a user's file or made by digits.py."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputError
from ...readers.guest import Guest
from ...results import Array, digest_arrays
from . import tensor_files

_SMALLEST_RANGE = 2e-12


@dataclasses.dataclass(frozen=True, eq=False)
class ItemBank:
    """Pictures as numbers.

    Attributes
    ----------
    codes : (item, feature) float32
    labels : (item,) int64, the class of each
    source : where they are from, in words
    attrs : what else is known, such as the seed and the held-out accuracy of an encoder

    Raises
    ------
    InputError
        If codes are not finite numbers, labels are not whole numbers, they do not match, or there is one class only.
    """

    codes: Array
    labels: Array
    source: str
    attrs: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        codes, labels = np.asarray(self.codes), np.asarray(self.labels)
        if codes.dtype.kind not in "biuf" or codes.ndim < 2 or 0 in codes.shape:
            raise InputError(
                f"{self.source}: codes: expected numbers (item, feature), found {codes.dtype} of shape {codes.shape}"
            )
        codes = np.ascontiguousarray(codes.reshape(len(codes), -1), np.float32)
        if not np.isfinite(codes).all():
            item, feature = np.argwhere(~np.isfinite(codes))[0]
            raise InputError(
                f"{self.source}: codes: found {codes[item, feature]} at item {item}, feature {feature}; expected "
                "finite numbers in the range of float32"
            )
        if labels.shape != (len(codes),) or not np.array_equal(labels, np.trunc(np.asarray(labels, float))):
            raise InputError(
                f"{self.source}: labels: expected {len(codes)} whole numbers, one per item, found {labels.dtype} of "
                f"shape {labels.shape}"
            )
        object.__setattr__(self, "codes", codes)
        object.__setattr__(self, "labels", labels.astype(np.int64))
        if len(self.classes) < 2:
            raise InputError(f"{self.source}: labels: expected at least 2 classes, found {self.classes.tolist()}")

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def n_features(self) -> int:
        """Numbers per item."""
        return int(self.codes.shape[1])

    @functools.cached_property
    def digest(self) -> str:
        """SHA-256 of codes and labels."""
        return digest_arrays([self.codes, self.labels])

    @functools.cached_property
    def classes(self) -> Array:
        """The labels that occur, in order."""
        found: Array = np.unique(self.labels)
        return found

    @functools.cached_property
    def _by_class(self) -> tuple[Array, Array, Array]:
        """Rows sorted by class, and where each class begins among them and how many rows it has."""
        order = np.argsort(self.labels, kind="stable")
        starts = np.searchsorted(self.labels[order], self.classes)
        return order, starts, np.diff(np.append(starts, len(order)))

    def rescaled_rows(self) -> "ItemBank":
        """Return the bank with each code brought to [0, 1] by its own minimum and maximum; a constant one becomes 0.5.

        (x − min + 1e-12) / max(max − min, 2e-12), the published formula.
        """
        codes = self.codes.astype(np.float64)
        low = codes.min(axis=1, keepdims=True)
        spread = np.maximum(codes.max(axis=1, keepdims=True) - low, _SMALLEST_RANGE)
        return dataclasses.replace(self, codes=(codes - low + _SMALLEST_RANGE / 2) / spread)

    def divided_by_largest(self) -> "ItemBank":
        """Return the bank with all codes divided by the largest absolute value of all."""
        largest = np.abs(self.codes).max()
        return dataclasses.replace(self, codes=self.codes / largest) if largest > 0 else self

    def draw_balanced(self, n: int, generator: np.random.Generator) -> Array:
        """Draw a class uniformly and an item of it uniformly, ``n`` times; return rows of the bank, (n,)."""
        order, starts, counts = self._by_class
        chosen = generator.integers(len(starts), size=n)
        return np.asarray(order[starts[chosen] + generator.integers(counts[chosen])])

    def draw_outside_class(self, items: Array, n: int, generator: np.random.Generator) -> Array:
        """Draw ``n`` distinct items for each of ``items`` (trial,), uniformly from all other classes; (trial, n).

        Raises
        ------
        InputError
            If there are not so many.
        """
        order, starts, counts = self._by_class
        chosen = np.searchsorted(self.classes, self.labels[items])
        return np.asarray(order[self._draw_around(starts[chosen], counts[chosen], n, generator)])

    def draw_outside_item(self, items: Array, n: int, generator: np.random.Generator) -> Array:
        """Draw ``n`` distinct items for each of ``items`` (trial,), uniformly from all other items; (trial, n).

        Raises
        ------
        InputError
            If there are not so many.
        """
        return self._draw_around(items, np.ones_like(items), n, generator)

    def _draw_around(self, starts: Array, lengths: Array, n: int, generator: np.random.Generator) -> Array:
        """Draw ``n`` distinct positions for each trial that are not among the ``lengths`` from ``starts`` on."""
        available = len(self) - lengths
        if len(available) and available.min() < n:
            raise InputError(
                f"{self.source}: {available.min()} items are left to stand beside the last one of a trial, expected at "
                f"least {n}: use more pictures, or shorter trials"
            )
        drawn = draw_distinct(available, n, generator)
        return np.asarray(drawn + lengths[:, np.newaxis] * (drawn >= starts[:, np.newaxis]))


def draw_distinct(sizes: Array, n: int, generator: np.random.Generator) -> Array:
    """Draw ``n`` distinct numbers from 0 … sizes − 1 for each of ``sizes`` (trial,), in random order; (trial, n).

    Number j is drawn from the sizes − j that are left and counted past those already taken: exact and O(n²) per
    trial, whatever the sizes.
    """
    drawn = np.zeros((len(sizes), n), np.int64)
    for place in range(n):
        number = generator.integers(sizes - place)
        for taken in np.sort(drawn[:, :place], axis=1).T:
            number += number >= taken
        drawn[:, place] = number
    return drawn


def read_item_bank(path: str | Path) -> ItemBank:
    """Return the pictures in a file.

    ``.npz`` and HDF5 (``.h5``, ``.hdf5``): arrays ``codes`` (item, feature), or images (item, …) that are flattened,
    and ``labels`` (item,). ``.pt``: a tuple (codes, labels) of tensors, the published format. Nothing in the file is
    executed.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else.
    """
    path = Path(path)
    read = {".npz": _read_npz, ".h5": _read_hdf5, ".hdf5": _read_hdf5, ".pt": _read_torch, ".pth": _read_torch}
    if path.suffix.lower() not in read:
        raise InputError(f"{path}: expected a file of item codes, one of {', '.join(read)}")
    if not path.is_file():
        raise InputError(f"{path}: not found; expected a file of item codes and labels")
    codes, labels = read[path.suffix.lower()](path)
    return ItemBank(codes, labels, str(path))


def _read_npz(path: Path) -> tuple[Array, Array]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return arrays["codes"], arrays["labels"]
    except KeyError as error:
        raise InputError(f"{path}: expected the arrays codes and labels: {error.args[0]}") from None
    except Exception as error:  # a damaged archive raises whatever its decoder meets
        raise InputError(f"{path}: unreadable NumPy archive: {error}") from error


def _read_hdf5(path: Path) -> tuple[Array, Array]:
    import h5py

    found = []
    with Guest(path) as file:
        for name in ("codes", "labels"):
            dataset = file.find(name)
            if not isinstance(dataset, h5py.Dataset):
                raise InputError(f"{path}: expected the datasets codes and labels, found no {name}")
            found.append(file.numbers(dataset))
    return found[0], found[1]


def _read_torch(path: Path) -> tuple[Array, Array]:
    found = tensor_files.read(path)
    if not isinstance(found, (tuple, list)) or len(found) != 2 or not all(isinstance(one, np.ndarray) for one in found):
        raise InputError(f"{path}: expected a tuple of two tensors (codes, labels), found {type(found).__name__}")
    return found[0], found[1]
