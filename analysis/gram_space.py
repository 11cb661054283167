"""Sums of kernel matrices in sample space, block by block: few samples with many features, or RBF kernels."""

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .distances import SquaredDistances, block_pairs, inner_products
from .hsic import KernelSums
from .validation import Array, Samples

_BLOCK_BYTES = 32 * 2**20


class Kernel(Protocol):
    """A kernel matrix that is computed in blocks."""

    def block(self, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
        """Return K between samples ``rows`` (start, stop) and samples ``columns``, float64."""


@dataclasses.dataclass(frozen=True)
class LinearKernel:
    """K_ab = (x_a − mean)·(x_b − mean)."""

    array: Samples
    mean: Array

    def block(self, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
        """Return K between samples ``rows`` (start, stop) and samples ``columns``, float64."""
        return inner_products(self.array, self.mean, rows, columns)[0]


@dataclasses.dataclass(frozen=True)
class GaussianKernel:
    """K_ab = exp(−‖x_a − x_b‖² / 2σ²), less one where ``offset`` is one.

    Centring removes constants, so K − 1 serves as well as K and keeps its digits when σ is large and
    every entry of K is close to one.
    """

    distances: SquaredDistances
    width: float
    offset: int

    def block(self, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
        """Return K between samples ``rows`` (start, stop) and samples ``columns``, float64."""
        exponent = self.distances.block(rows, columns)
        exponent *= -0.5 / self.width**2
        return np.expm1(exponent, out=exponent) if self.offset else np.exp(exponent, out=exponent)


def gram_sums(kernels: Sequence[Kernel], n: int, *, with_rows: bool, rows: int | None = None) -> KernelSums:
    """Return the kernel sums of ``kernels`` over ``n`` samples in blocks of ``rows`` (None: by memory).

    ``with_rows=False`` leaves out the sums of whole rows: those of a centred linear kernel are zero.
    """
    k = len(kernels)
    size = min(n, rows or max(64, int((_BLOCK_BYTES / (8 * k)) ** 0.5)))
    products, diagonal, row_sums = np.zeros((k, k)), np.zeros((k, n)), np.zeros((k, n))
    for left, right in block_pairs(n, size):
        blocks = np.stack([kernel.block(left, right) for kernel in kernels])
        flat = blocks.reshape(k, -1)
        products += flat @ flat.T * (1 if left == right else 2)
        if left == right:
            diagonal[:, slice(*left)] = np.diagonal(blocks, axis1=1, axis2=2)
        if with_rows:
            row_sums[:, slice(*left)] += blocks.sum(axis=2)
            if left != right:
                row_sums[:, slice(*right)] += blocks.sum(axis=1)
    return KernelSums(
        n_samples=n,
        products=products,
        diagonals=diagonal @ diagonal.T,
        diagonal=diagonal.sum(axis=1),
        row_products=row_sums @ row_sums.T,
        total=row_sums.sum(axis=1),
        mixed=row_sums @ diagonal.T,
    )
