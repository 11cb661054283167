"""Is CKA larger than that of unrelated samples? Exact moments under permutation, and a p-value from them."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, digest_arrays
from .. import validation
from ..kernel_alignment import KERNELS, cka_terms
from ..samples import centre
from ..validation import Array, Samples
from .kernel_shape import centred_gaussian_kernel, centred_linear_kernel, shape_of_features, shape_of_kernel
from .permutation_moments import KernelShape, permutation_moments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Two kernel matrices of this size fill 1 GiB.
_MOST_IN_MEMORY = 8192
_ROWS = 4096


@dataclass(frozen=True, eq=False, kw_only=True)
class CKATest(Result):
    """CKA beside what it is when the samples of y are permuted.

    Attributes
    ----------
    value : float
        Biased CKA, centred.
    debiased : float or None
        Debiased CKA; None when it does not exist.
    expected, deviation, skewness : float
        Mean, standard deviation and skewness of the biased CKA over all permutations of the samples.
    z : float
        (value − expected) / deviation.
    p_value : float
        Of a CKA as large under permutation, from Pearson's type III distribution with those three moments.
    n_samples : int
    kernel : str
    """

    value: float
    debiased: float | None
    expected: float
    deviation: float
    skewness: float
    z: float
    p_value: float
    n_samples: int
    kernel: str

    kind: ClassVar[str] = "cka_test"

    def summary(self) -> str:
        """Return CKA, what permutation gives, and the p-value."""
        debiased = "" if self.debiased is None else f", debiased {self.debiased:.4f}"
        return (
            f"{self.kernel} CKA {self.value:.4f}{debiased}, {self.n_samples} samples\n"
            f"permuted samples give {self.expected:.4f} ± {self.deviation:.4f} (skewness {self.skewness:.2f})\n"
            f"z = {self.z:.2f}, p = {self.p_value:.3g}"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the density of CKA under permutation and the value found."""
        from scipy.stats import pearson3

        ax = plotting.axes_or_new(ax)
        low, high = pearson3.ppf([1e-4, 1 - 1e-4], self.skewness)
        scores = np.linspace(low, high, 400)
        values = self.expected + self.deviation * scores
        density = pearson3.pdf(scores, self.skewness) / self.deviation
        ax.fill_between(values, density, color=plotting.GREY, alpha=0.5, linewidth=0, label="samples permuted")
        ax.axvline(self.value, color=plotting.UNSTABLE, label="found")
        ax.set(xlabel=f"{self.kernel} CKA", ylabel="density", ylim=(0, None))
        ax.set_title(f"CKA beside chance: z = {self.z:.1f}, p = {self.p_value:.2g}")
        ax.legend(fontsize="small")
        return ax


def cka_test(x: Samples, y: Samples, kernel: str = "linear", *, bandwidth: float | None = None) -> CKATest:
    """Return centred CKA with its exact mean and variance under permutation of the samples, z and p.

    Nothing is permuted: the mean, variance and third moment over all n! permutations have closed forms.

    Parameters
    ----------
    x, y : array (samples, features)
        As for :func:`cka`; at least 4 samples.
    kernel : {"linear", "rbf"}
    bandwidth : float, optional
        As for :func:`cka`.

    Raises
    ------
    InputError
        As :func:`cka`; fewer than 4 samples; more than 8192 samples of an RBF kernel; or arrays of which every
        permutation has the same CKA.

    Notes
    -----
    The null hypothesis is that samples are exchangeable. Successive times of a trial are not: give one sample per
    trial or condition (an average over an epoch), or p-values are far too small.

    The p-value follows Pearson's type III distribution with the three exact moments (Kazi-Aoual et al. 1995; Josse,
    Pagès and Husson 2008). CKA of few dimensions stays skewed however many samples there are: a normal tail would
    be wrong there.

    Linear: O(n p²). One sum of the third moment, whose weight falls as 1/n, is estimated from 4096 evenly spaced
    samples beyond that many. RBF: O(n³), memory 16 n² bytes.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> found = cka_test(generator.standard_normal((100, 50)), generator.standard_normal((100, 50)))
    >>> round(found.value, 3), round(found.expected, 3), round(found.p_value, 2)
    (0.302, 0.337, 1.0)
    """
    validation.choice("kernel", kernel, KERNELS)
    found = {name: validation.samples_matrix(name, array, least=4) for name, array in (("x", x), ("y", y))}
    for name, array in found.items():
        if kernel == "rbf" and array.shape[0] > _MOST_IN_MEMORY:
            raise InputError(
                f"{name}: has {array.shape[0]} samples; expected at most {_MOST_IN_MEMORY} with kernel='rbf', whose "
                "kernel matrix is held in memory: take fewer, or kernel='linear'"
            )
    terms = cka_terms(x, y, kernel=kernel, bandwidth=bandwidth)
    shapes = [_shape(name, array, kernel, bandwidth) for name, array in found.items()]
    moments = permutation_moments(*shapes)
    scale = math.prod(shape.self_similarity**0.5 for shape in shapes)
    deviation = moments.deviation / scale
    if deviation == 0:
        raise InputError("x, y: every permutation of the samples has the same CKA; expected samples that differ more")
    z = (terms.biased - moments.mean / scale) / deviation
    return CKATest(
        value=terms.biased, debiased=_debiased(terms), expected=moments.mean / scale, deviation=deviation,
        skewness=moments.skewness, z=z, p_value=pearson_tail(z, moments.skewness), n_samples=terms.hsic.n_samples,
        kernel="RBF" if kernel == "rbf" else kernel, parameters={"kernel": kernel, "bandwidth": bandwidth},
        input_digest=digest_arrays([x, y]),
    )  # fmt: skip


def pearson_tail(z: float, skewness: float) -> float:
    """Return P(Z ≥ z) for Pearson's type III distribution of mean 0, variance 1 and the given skewness."""
    from scipy.special import gammainc, gammaincc, ndtr

    if abs(skewness) < 1e-4:
        return float(ndtr(-z))
    shape = 4 / skewness**2
    place = max(0.0, shape + 2 * z / skewness)
    return float(gammaincc(shape, place) if skewness > 0 else gammainc(shape, place))


def _shape(name: str, array: Samples, kernel: str, bandwidth: float | None) -> KernelShape:
    if kernel == "rbf":
        return shape_of_kernel(centred_gaussian_kernel(array, 1.0 if bandwidth is None else bandwidth))
    n, p = array.shape
    mean: Array = centre(name, array, rows=_ROWS).mean
    return shape_of_features(array, mean) if p < n else shape_of_kernel(centred_linear_kernel(array, mean))


def _debiased(terms: Any) -> float | None:
    try:
        return float(terms.debiased)
    except InputError:  # too few samples to tell structure from noise: the biased value and its test still exist
        return None
