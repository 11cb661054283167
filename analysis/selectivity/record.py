"""Results that hold one number per unit, or per time and unit: shown in the shape of the data, saved in one layout."""

import copy
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from ...results import Result, axes
from ..validation import Array


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class UnitResult(Result):
    """Base of results whose fields with the dimensions (…, "time", "unit") have the trailing shape of the data.

    Attributes
    ----------
    shape : tuple of int
        Of the data beyond trials: (), (unit,) or (time, unit).
    time : ndarray, shape (time,), optional
        s; None when the data have no time axis or no times were given.
    """

    shape: tuple[int, ...]
    time: Array | None = axes("time", units="s", optional=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._reshape(self.shape)

    def save(self, path: str | Path) -> Path:
        """Write the result to ``path`` as HDF5, with a time and a unit axis whatever the shape of the data."""
        stored = copy.copy(self)
        stored._reshape((1,) * (2 - len(self.shape)) + self.shape)
        return super(UnitResult, stored).save(path)

    def _reshape(self, shape: tuple[int, ...]) -> None:
        for field in dataclasses.fields(self):
            dims, value = field.metadata.get("dims", ()), getattr(self, field.name)
            if dims[-2:] == ("time", "unit") and value is not None:
                array = np.asarray(value)
                object.__setattr__(self, field.name, array.reshape(array.shape[: len(dims) - 2] + shape))

    def describe_size(self) -> str:
        """Return how many units, and times, the result covers."""
        words = ("units", "times")
        sizes = [f"{count} {word}" for count, word in zip(reversed(self.shape), words, strict=False)]
        return " × ".join(sizes) or "1 unit"


def counted(count: Any, total: Any) -> str:
    """Return a count with its share, for summaries."""
    return f"{int(count)} of {int(total)} ({count / total:.0%})" if total else "0 of 0"
