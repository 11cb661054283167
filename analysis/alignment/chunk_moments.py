"""Sums over samples that add up over chunks, and from which every linear HSIC follows, about any chunk's mean."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Self

import numpy as np

from ..hsic import KernelSums
from ..validation import Array


@dataclasses.dataclass(frozen=True)
class ChunkMoments:
    """Sums over some samples z = (x, y, …), the features of all arrays side by side; u_i = ‖z_i‖² of array i.

    Attributes
    ----------
    starts : tuple of int
        First column of each array, and the number of columns.
    count : int
    total : (feature,)
        Σ z.
    products : (feature, feature)
        Σ z zᵀ.
    norms : (array,)
        Σ u.
    norm_products : (array, array)
        Σ u uᵀ.
    norm_totals : (array, feature)
        Σ u zᵀ.
    powers : (4, unit)
        Σ s, Σ s², Σ s³, Σ s⁴ of the units s as recorded (features may be rotations of them).
    unit_starts : tuple of int
    """

    starts: tuple[int, ...]
    count: int
    total: Array
    products: Array
    norms: Array
    norm_products: Array
    norm_totals: Array
    powers: Array
    unit_starts: tuple[int, ...]

    @classmethod
    def of(cls, features: Sequence[Array], units: Sequence[Array]) -> Self:
        """Return the sums over the rows of ``features`` (sample, feature) and ``units`` (sample, unit) per array."""
        joined, recorded = np.hstack(features), np.hstack(units)
        norms = np.stack([np.vecdot(array, array) for array in features], axis=1)
        squared = recorded**2
        return cls(
            starts=_starts(features),
            count=len(joined),
            total=joined.sum(axis=0),
            products=joined.T @ joined,
            norms=norms.sum(axis=0),
            norm_products=norms.T @ norms,
            norm_totals=norms.T @ joined,
            powers=np.stack([recorded.sum(axis=0), *_sums_of_powers(recorded, squared)]),
            unit_starts=_starts(units),
        )

    def __add__(self, other: Self) -> Self:
        return self._combined(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._combined(other, -1)

    def _combined(self, other: Self, sign: int) -> Self:
        names = ("count", "total", "products", "norms", "norm_products", "norm_totals", "powers")
        sums = {name: getattr(self, name) + sign * getattr(other, name) for name in names}
        return dataclasses.replace(self, **sums)

    def kernel_sums(self) -> KernelSums:
        """Return the sums of the linear kernels of these samples, centred on their own mean."""
        n, mean = self.count, self.total / self.count
        products = self.products - n * np.outer(mean, mean)
        means = [mean[start:stop] for start, stop in _bounds(self.starts)]
        squares = np.array([each @ each for each in means])
        k = len(means)
        along = np.zeros((k, k))  # Σ u_i (z_j · mean_j)
        crossed = np.zeros((k, k))  # Σ (z_i · mean_i)(z_j · mean_j)
        similarity = np.zeros((k, k))
        for j, (start, stop) in enumerate(_bounds(self.starts)):
            along[:, j] = self.norm_totals[:, start:stop] @ means[j]
            for i, (first, last) in enumerate(_bounds(self.starts)):
                crossed[i, j] = means[i] @ self.products[first:last, start:stop] @ means[j]
                similarity[i, j] = float((products[first:last, start:stop] ** 2).sum())
        by_norm = np.outer(self.norms, squares)
        diagonals = self.norm_products - 2 * (along + along.T) + by_norm + by_norm.T + 4 * crossed
        diagonals -= 3 * n * np.outer(squares, squares)
        zero = np.zeros((k, k))
        return KernelSums(
            n_samples=n,
            products=similarity,
            diagonals=diagonals,
            diagonal=self.norms - n * squares,
            row_products=zero,
            total=np.zeros(k),
            mixed=zero,
        )

    def unit_similarities(self) -> Array:
        """Return, for each array, the debiased HSIC of every unit with itself, summed over its units: (array,)."""
        n = self.count
        first, second, third, fourth = self.powers
        mean = first / n
        squares = second - n * mean**2
        fourth = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * n * mean**4
        each = squares**2 * (1 + 1 / ((n - 1) * (n - 2))) - fourth * (1 + 2 / (n - 2))
        each /= n * (n - 3)
        return np.array([each[start:stop].sum() for start, stop in _bounds(self.unit_starts)])


def _sums_of_powers(recorded: Array, squared: Array) -> tuple[Array, Array, Array]:
    return squared.sum(axis=0), (squared * recorded).sum(axis=0), (squared**2).sum(axis=0)


def _starts(arrays: Sequence[Array]) -> tuple[int, ...]:
    return (0, *(int(stop) for stop in np.cumsum([array.shape[1] for array in arrays])))


def _bounds(starts: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(itertools.pairwise(starts))
