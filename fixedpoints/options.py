"""The options of a search, checked once; every search of the room takes the same ones."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError, unknown_name
from .certificates.kantorovich import Lipschitz
from .problem import Dynamics

_MEMORY = 2**30


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What a search does with its starts; the names are those of :func:`find_fixed_points`.

    Raises
    ------
    InputError
        If an option is out of its range.
    """

    dynamics: Dynamics = "map"
    tolerance: float = 1e-25
    unique_tolerance: float = 1e-6
    max_iterations: int = 100
    certify: bool = True
    slow_points: bool = False
    slow_tolerance: float = 1e-3
    ball: bool | None = None
    dtype: torch.dtype = torch.float64
    lipschitz: Lipschitz | None = None
    jacobian: Callable[..., Tensor] | None = None
    memory: int = _MEMORY

    def __post_init__(self) -> None:
        for name in ("tolerance", "slow_tolerance"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise InputError(f"{name}: expected a number > 0, found {value!r}")
        if self.dtype == torch.float32 and self.tolerance < 1e-14:
            raise InputError(
                f"tolerance: {self.tolerance:g} is below what float32 can reach; pass tolerance=1e-12 or use float64"
            )
        if self.slow_points and self.slow_tolerance <= self.tolerance:
            raise InputError(
                f"slow_tolerance: expected more than the tolerance {self.tolerance:g} of a fixed point, "
                f"found {self.slow_tolerance!r}"
            )
        if not 0 <= self.unique_tolerance < 1:
            raise InputError(f"unique_tolerance: expected a share from 0 to 1, found {self.unique_tolerance!r}")
        if self.slow_points not in (True, False):
            raise InputError(f"slow_points: expected True or False, found {self.slow_points!r}")
        if self.ball not in (None, True, False):
            raise InputError(f"ball: expected True, False or None (test by sampling), found {self.ball!r}")
        for name in ("max_iterations", "memory"):
            check_count(name, getattr(self, name))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Options":
        """Return the options named in ``given``; a name that is none of them is refused."""
        valid = [field.name for field in dataclasses.fields(cls)]
        for name in given:
            if name not in valid:
                raise InputError(unknown_name("option", name, valid))
        return cls(**given)

    def kept(self) -> dict[str, Any]:
        """Return what a saved record keeps of the options."""
        return {
            "tolerance": self.tolerance,
            "unique_tolerance": self.unique_tolerance,
            "max_iterations": self.max_iterations,
            "dtype": str(self.dtype).removeprefix("torch."),
            "lipschitz": self.lipschitz if isinstance(self.lipschitz, (int, float)) else None,
            "slow_points": self.slow_points,
            "slow_tolerance": self.slow_tolerance,
            "ball": self.ball,
        }


def check_count(name: str, value: object, least: int = 1) -> None:
    """Refuse a ``value`` that is no integer of at least ``least``.

    Raises
    ------
    InputError
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name}: expected an integer of at least {least}, found {value!r}")


def check_positive(name: str, value: object) -> None:
    """Refuse a ``value`` that is no finite number above 0.

    Raises
    ------
    InputError
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 < value < np.inf:
        raise InputError(f"{name}: expected a finite number > 0, found {value!r}")
