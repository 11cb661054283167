"""The Hilbert-Schmidt independence criterion (HSIC) between several kernel matrices, and CKA from it."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..errors import InputError
from . import samples
from .validation import Array


@dataclasses.dataclass(frozen=True)
class KernelSums:
    """Sums over the entries of k kernel matrices K (n × n) that determine every HSIC estimate.

    ``products`` (k, k) holds Σ_ab K_ab L_ab; ``diagonals`` (k, k) Σ_a K_aa L_aa; ``diagonal`` (k,) Σ_a K_aa;
    ``row_products`` (k, k) Σ_a (K1)_a (L1)_a; ``total`` (k,) Σ_ab K_ab; ``mixed`` (k, k) Σ_a (K1)_a L_aa.
    """

    n_samples: int
    products: Array
    diagonals: Array
    diagonal: Array
    row_products: Array
    total: Array
    mixed: Array


@dataclasses.dataclass(frozen=True)
class HSIC:
    """HSIC between every two of k arrays, biased and debiased, from one pass over the data.

    ``biased`` and ``debiased`` are (k, k) float64; ``debiased`` is None with fewer than four samples.
    """

    names: tuple[str, ...]
    n_samples: int
    biased: Array
    debiased: Array | None

    def alignment(self, *, debiased: bool) -> Array:
        """Return the centred kernel alignment HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)), (k, k), unit diagonal.

        Raises
        ------
        InputError
            If a debiased value is asked for with fewer than four samples, or an array's debiased similarity
            to itself is not positive (the root in the denominator does not exist).
        """
        values = self._debiased() if debiased else self.biased
        scale = np.sqrt(np.diagonal(values))
        aligned: Array = values / scale[:, np.newaxis] / scale
        if not debiased:
            # Cauchy and Schwarz put the biased value in [0, 1]; rounding can exceed it by one part in 1e16.
            aligned = np.clip(aligned, 0.0, 1.0)
        np.fill_diagonal(aligned, 1.0)
        return aligned

    def _debiased(self) -> Array:
        if self.debiased is None:
            raise InputError(f"{self.names[0]}: the debiased estimate needs at least 4 samples, found {self.n_samples}")
        for name, value, reference in zip(
            self.names, np.diagonal(self.debiased), np.diagonal(self.biased), strict=True
        ):
            if not value > 1e-14 * reference:
                raise InputError(
                    f"{name}: its debiased similarity to itself is {value:.3g}, and CKA divides by the root "
                    f"of it; {self.n_samples} samples do not show structure: use more, or debiased=False"
                )
        return self.debiased


def estimate(sums: KernelSums, names: Sequence[str], *, centered: bool) -> HSIC:
    """Return the biased and debiased HSIC estimates.

    Centred and biased: tr(KHLH)/(n−1)² (Gretton et al. 2005). Centred and debiased: the U-statistic of Song
    et al. (2012, eq. 5), which equals the inner product of U-centred matrices (Székely and Rizzo 2014).
    Without centring: the mean of K_ab L_ab over all pairs, or over pairs a ≠ b.
    """
    n = sums.n_samples
    distinct = sums.products - sums.diagonals
    debiased: Array | None
    if not centered:
        biased, debiased = sums.products / n**2, distinct / (n * (n - 1))
    else:
        biased = _centred(sums) / (n - 1) ** 2
        debiased = _unbiased(sums, distinct) if n >= 4 else None
    for name, value in zip(names, np.diagonal(biased), strict=True):
        if not (np.isfinite(value) and value > np.finfo(np.float64).tiny):
            raise samples.out_of_range(name)
    return HSIC(names=tuple(names), n_samples=n, biased=biased, debiased=debiased)


def _centred(sums: KernelSums) -> Array:
    n = sums.n_samples
    centred: Array = sums.products - 2 / n * sums.row_products + np.outer(sums.total, sums.total) / n**2
    return centred


def _unbiased(sums: KernelSums, distinct: Array) -> Array:
    n = sums.n_samples
    # Sums of the matrices with a zero diagonal, from those of the whole matrices.
    row_products = sums.row_products - sums.mixed - sums.mixed.T + sums.diagonals
    total = sums.total - sums.diagonal
    bracket = distinct + np.outer(total, total) / ((n - 1) * (n - 2)) - 2 / (n - 2) * row_products
    unbiased: Array = bracket / (n * (n - 3))
    return unbiased
