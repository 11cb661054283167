"""The ring of locations: preferred angles, bumps of activity, distances, and the angle that a population points to."""

import dataclasses
import functools
import math
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ...results import Array

TURN = 2 * math.pi
# Standard deviation of a bump in radians, 22.5°: half the spacing of a ring of eight.
WIDTH = math.pi / 8

Angles = TypeVar("Angles", Array, Tensor)


def circular_distance(first: Angles, second: Angles) -> Angles:
    """Return the angle in [0, π] between directions in radians, elementwise with broadcasting; NaN where one is."""
    apart = abs(first - second) % TURN
    return math.pi - abs(math.pi - apart)


@dataclasses.dataclass(frozen=True)
class Ring:
    """Units with evenly spaced preferred angles k · 2π/n, k = 0 … n − 1."""

    n_units: int

    @property
    def spacing(self) -> float:
        """Angle between neighbouring units in radians."""
        return TURN / self.n_units

    @functools.cached_property
    def angles(self) -> Array:
        """Preferred angles in radians, (unit,)."""
        return self.spacing * np.arange(self.n_units)

    def bump(self, locations: Array) -> Array:
        """Return exp(−½ (d / 22.5°)²) of the distance d to each preferred angle, (trial, unit), float32.

        ``locations`` are angles in radians, (trial,).
        """
        apart = circular_distance(np.asarray(locations)[:, None], self.angles)
        return np.exp(-0.5 * (apart / WIDTH) ** 2).astype(np.float32)

    def one_hot(self, locations: Array) -> Array:
        """Return 1 at the unit nearest to each location (trial,) and 0 elsewhere, (trial, unit), float32."""
        return np.eye(self.n_units, dtype=np.float32)[self.nearest(locations)]

    def nearest(self, locations: Array) -> Array:
        """Return the index of the unit nearest to each location in radians: where its bump is highest."""
        return np.rint(np.asarray(locations) / self.spacing).astype(int) % self.n_units

    def population_vector(self, activity: Tensor) -> Tensor:
        """Return the angle in [0, 2π) of Σ activity · (cos, sin)(preferred angle); (…,) from (…, unit).

        Activity without any direction, such as equal activity of all units, points anywhere.
        """
        angles = torch.as_tensor(self.angles).to(activity)
        return torch.atan2((activity * angles.sin()).sum(-1), (activity * angles.cos()).sum(-1)) % TURN
