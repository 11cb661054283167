"""Centred kernel alignment (CKA): how alike two representations of the same samples are."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from . import samples, validation
from .distances import SquaredDistances, central_row
from .feature_space import chunk_rows, linear_sums
from .gram_space import GaussianKernel, LinearKernel, gram_sums
from .hsic import HSIC, KernelSums, estimate
from .validation import Array, Samples

KERNELS = ("linear", "rbf")


@dataclasses.dataclass(frozen=True)
class CKATerms:
    """Biased and debiased CKA of one pair of arrays, from one pass over the data.

    ``hsic.biased`` and ``hsic.debiased`` hold the numerator and the two self-similarities as (2, 2) arrays.
    """

    hsic: HSIC

    @property
    def biased(self) -> float:
        """CKA from the biased estimates, in [0, 1]."""
        return float(self.hsic.alignment(debiased=False)[0, 1])

    @property
    def debiased(self) -> float:
        """CKA from the debiased estimates: zero on average for independent data, at times below zero."""
        return float(self.hsic.alignment(debiased=True)[0, 1])


def cka(
    x: Samples,
    y: Samples,
    kernel: str = "linear",
    *,
    centered: bool = True,
    debiased: bool = False,
    bandwidth: float | None = None,
) -> float:
    """Return the centred kernel alignment of two representations of the same samples.

    CKA = HSIC(K, L) / √(HSIC(K, K) HSIC(L, L)) for kernel matrices K of ``x`` and L of ``y`` (Kornblith et
    al. 2019). It is 1 for representations equal up to rotation and scale. The biased value lies in [0, 1]
    and is above 0 for unrelated data, the more so the fewer samples per feature; the debiased one averages
    0 there.

    Parameters
    ----------
    x, y : array (samples, features)
        Row i of both is the same sample; the numbers of features may differ. Real numbers of any dtype;
        float32 pairs are multiplied in float32 and summed in float64, everything else is computed in
        float64. Arrays on disk (``h5py.Dataset``) are read in chunks of rows, twice.
    kernel : {"linear", "rbf"}
        Linear: K = XXᵀ, so that for centred columns CKA = ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), Frobenius norms.
        RBF: K_ab = exp(−‖x_a − x_b‖² / 2σ²).
    centered : bool
        False leaves out the centring: then CKA also compares the mean activities.
    debiased : bool
        Use the U-statistic of Song et al. (2012) for all three terms (Murphy et al. 2024); needs 4 samples.
    bandwidth : float, optional
        RBF only: σ in units of the median distance between distinct samples of the same array; above 0,
        default 1. Kornblith et al. (2019) use 0.2, 0.4 and 0.8.

    Returns
    -------
    float

    Raises
    ------
    InputError
        Unknown kernel; arrays that are not (samples, features) of finite real numbers with as many samples;
        features that are all constant (centred) or zero (uncentred); a debiased self-similarity that is not
        positive; values whose products leave the range of floating point.

    Notes
    -----
    Time is O(n p²) (linear, many samples) or O(n² p) (linear with few samples, RBF); memory is a few MiB to
    some 100 MiB whatever n. To get the biased and debiased values of one pass use :func:`cka_terms`; for many
    arrays :func:`cka_matrix` is faster than a loop. CKA is dominated by the directions of largest variance:
    use :func:`cca` or :func:`procrustes_distance` when small ones matter.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((100, 5))
    >>> round(cka(x, 3 * x[:, ::-1] + 1), 12)
    1.0
    """
    terms = cka_terms(x, y, kernel=kernel, centered=centered, bandwidth=bandwidth)
    return terms.debiased if debiased else terms.biased


def cka_terms(
    x: Samples, y: Samples, kernel: str = "linear", *, centered: bool = True, bandwidth: float | None = None
) -> CKATerms:
    """Return biased and debiased CKA of two arrays together, from one pass over their products.

    Parameters and errors are those of :func:`cka`.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> terms = cka_terms(generator.standard_normal((100, 50)), generator.standard_normal((100, 50)))
    >>> round(terms.biased, 2), round(terms.debiased, 2)
    (0.3, -0.05)
    """
    return CKATerms(hsic([x, y], ["x", "y"], kernel=kernel, centered=centered, bandwidth=bandwidth))


def cka_matrix(
    arrays: Sequence[Samples],
    kernel: str = "linear",
    *,
    centered: bool = True,
    debiased: bool = False,
    bandwidth: float | None = None,
) -> Array:
    """Return the CKA of every two of ``arrays``, (k, k) float64, symmetric, with a unit diagonal.

    Every chunk of samples is read once for all pairs, and narrow arrays are multiplied together. Parameters
    and errors are those of :func:`cka`; a message names the array as ``arrays[i]``.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> cka_matrix([generator.standard_normal((50, width)) for width in (3, 4, 5)]).shape
    (3, 3)
    """
    arrays = list(arrays)
    names = [f"arrays[{index}]" for index in range(len(arrays))]
    found = hsic(arrays, names, kernel=kernel, centered=centered, bandwidth=bandwidth)
    return found.alignment(debiased=debiased)


def hsic(arrays: Sequence[Any], names: Sequence[str], *, kernel: str, centered: bool, bandwidth: float | None) -> HSIC:
    """Return HSIC between every two of ``arrays``; ``names`` appear in messages."""
    validation.choice("kernel", kernel, KERNELS)
    if kernel == "linear" and bandwidth is not None:
        raise InputError(f"bandwidth: applies to kernel='rbf' only, found {bandwidth!r} with kernel='linear'")
    relative = 1.0 if bandwidth is None else validation.positive("bandwidth", bandwidth)
    if not arrays:
        raise InputError("arrays: expected at least one array, found none")
    found = [validation.samples_matrix(name, array) for name, array in zip(names, arrays, strict=True)]
    validation.same_samples(names, found)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        means = _means(found, names, need_variation=centered or kernel == "rbf")
        if kernel == "rbf":
            sums = _gaussian_sums(found, names, relative, centered=centered)
        else:
            sums = linear_kernel_sums(found, means if centered else None)
            _refuse_zeros(sums, found, names)
        return estimate(sums, names, centered=centered)


def linear_kernel_sums(arrays: Sequence[Samples], means: Sequence[Array] | None) -> KernelSums:
    """Return the sums of linear kernels of ``arrays`` less ``means``, in feature or in sample space."""
    n, k = arrays[0].shape[0], len(arrays)
    width = sum(array.shape[1] for array in arrays)
    # Multiplications: all products of features n·width², against k Gram matrices and the products of those.
    if n * (width + k**2) >= width**2:
        return linear_sums(arrays, means)
    centres = means or [np.zeros(array.shape[1]) for array in arrays]
    kernels = [LinearKernel(array, mean) for array, mean in zip(arrays, centres, strict=True)]
    return gram_sums(kernels, n, with_rows=False)


def _means(arrays: Sequence[Samples], names: Sequence[str], *, need_variation: bool) -> list[Array]:
    rows = chunk_rows(arrays)
    centres = [samples.centre(name, array, rows=rows) for name, array in zip(names, arrays, strict=True)]
    for name, centre in zip(names, centres, strict=True):
        if need_variation and not centre.varies:
            raise InputError(
                f"{name}: every feature is constant, so its similarity to itself is zero and CKA is "
                "undefined; expected at least one feature that varies over the samples"
            )
    return [centre.mean for centre in centres]


def _gaussian_sums(
    arrays: Sequence[Samples],
    names: Sequence[str],
    relative: float,
    *,
    centered: bool,
) -> KernelSums:
    kernels = []
    for name, array in zip(names, arrays, strict=True):
        distances = SquaredDistances(array, central_row(array))
        median = distances.median_distance()
        if not median > 0:
            raise InputError(
                f"{name}: the median distance between samples is zero (most samples are identical), so the "
                "RBF bandwidth is undefined; drop repeated samples or use kernel='linear'"
            )
        kernels.append(GaussianKernel(distances, relative * median, offset=int(centered)))
    return gram_sums(kernels, arrays[0].shape[0], with_rows=centered)


def _refuse_zeros(sums: KernelSums, arrays: Sequence[Samples], names: Sequence[str]) -> None:
    for name, value, array in zip(names, np.diagonal(sums.products), arrays, strict=True):
        if value == 0 and not any(
            samples.read(array, *bounds).any() for bounds in samples.row_chunks(array.shape[0], 4096)
        ):
            raise InputError(f"{name}: every value is zero, so its similarity to itself is zero and CKA is undefined")
