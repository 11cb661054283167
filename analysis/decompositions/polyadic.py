"""CP (TCA): a tensor as a sum of products of three vectors."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import axes, digest_arrays
from ..validation import Array, whole_number
from . import checks
from .alternating import Factors, Fit, alternate, compose, compress, leading_factors, random_factors, sum_of_squares
from .record import Decomposition, outcome
from .unfolding import positive_peaks, scaled

# A compressed fit takes other steps than the published one: only for large tensors, much larger than the core.
_LARGE, _WORTH_COMPRESSING = 200_000, 20
# Components that cancel to this cosine mark a diverging fit (Kolda and Bader 2009, section 3.3).
_DEGENERATE = -0.95


@dataclass(frozen=True, eq=False, kw_only=True)
class CPDecomposition(Decomposition):
    """A tensor as Σ_r weight_r a_r ∘ b_r ∘ c_r.

    ``weights`` (component,) are at least 0 and fall; ``first``, ``second`` and ``third`` (axis, component) have columns
    of unit norm (or zeros), those of ``second`` and ``third`` with their largest entry positive. ``congruence`` is the
    lowest cosine between two components; near −1 they cancel and grow without bound (a degenerate solution).
    """

    weights: Array = axes("component")
    first: Array = axes("axis_0", "component")
    second: Array = axes("axis_1", "component")
    third: Array = axes("axis_2", "component")
    congruence: float = 0.0

    kind: ClassVar[str] = "cp_decomposition"

    @property
    def rank(self) -> int:
        """The number of components."""
        return len(self.weights)

    @property
    def factors(self) -> Factors:
        """The three matrices (axis, component), the weights in the first."""
        return self.first * self.weights, self.second, self.third

    @property
    def tensor(self) -> Array:
        """The approximation."""
        return compose(self.factors)

    @property
    def n_parameters(self) -> int:
        """R (n_0 + n_1 + n_2 − 2)."""
        return cp_parameters(self.shape, self.rank)

    @property
    def title(self) -> str:
        """The rank in words."""
        return f"CP of rank {self.rank}"


def cp(
    tensor: Any,
    rank: int,
    *,
    mask: Any = None,
    max_sweeps: int = 100,
    tolerance: float = 1e-8,
    starts: int = 1,
    seed: int = 0,
    compressed: bool | None = None,
) -> CPDecomposition:
    """Return the CP decomposition (CANDECOMP/PARAFAC, TCA) of a tensor by alternating least squares.

    X ≈ Σ_r a_r ∘ b_r ∘ c_r (Kolda and Bader 2009, section 3.4), from the leading singular vectors of the unfoldings, at
    most 100 sweeps, until ‖X − X̂‖ / ‖X‖ changes by at most 1e-8: the settings of the three-body study, whose steps
    this follows number for number. Tensors much larger than the rank are first fitted inside a Tucker compression,
    whose error is exactly that of the full tensor up to a constant, and then on the full one from there.

    A best CP approximation need not exist, and least squares may stop in a local minimum: see ``message`` and
    ``congruence``, and raise ``starts``.

    Cost: per sweep 4 Π n · R operations; rank 5 of 256 × 100 × 64 takes about 0.05 s.

    Parameters
    ----------
    tensor : (axis_0, axis_1, axis_2)
        Computed in float64.
    rank : int
        At most the product of the two shorter axes, which is enough for any tensor.
    mask : (axis_0, axis_1, axis_2) of bool, optional
        True where an entry is observed. Values of hidden entries are ignored and may be NaN.
    max_sweeps, tolerance
        When to stop; a compressed fit is given as many sweeps again.
    starts : int
        How many starts to fit; the best is returned. The first is the singular vectors, the others are random.
    seed : int
        For random starts, and for the columns that singular vectors cannot fill when the rank exceeds an axis.
    compressed : bool, optional
        Whether to fit a compression first; when None, where that is worth it. Not possible with a mask.

    Raises
    ------
    InputError
        If the tensor has not three axes of finite numbers, the rank is not possible, or the mask is of another shape or
        hides a whole slice.

    Examples
    --------
    >>> import numpy as np
    >>> a, b, c = (np.random.default_rng(axis).normal(size=(5 + axis, 2)) for axis in range(3))
    >>> found = cp(np.einsum("ir,jr,kr->ijk", a, b, c), 2)
    >>> found.rank, found.relative_error < 1e-6
    (2, True)
    """
    values, shown = checks.tensor_and_mask(tensor, mask)
    rank = cp_rank(rank, values.shape)
    checks.no_hidden_slice(shown)
    max_sweeps = whole_number("max_sweeps", max_sweeps, least=1)
    tolerance = checks.tolerance(tolerance)
    starts = whole_number("starts", starts, least=1)
    if compressed and shown is not None:
        raise InputError("compressed: a tensor with hidden entries cannot be compressed; leave compressed at None")
    small, scale = scaled(values)
    rng = np.random.default_rng(seed)
    squeezed = _compression(small, rank, wanted=compressed if shown is None else False)
    fits = [
        _fit(small, shown, rank, squeezed, rng if start else None, max_sweeps=max_sweeps, tolerance=tolerance)
        for start in range(starts)
    ]
    best = min(fits, key=lambda fit: fit.errors[-1])
    options = {"max_sweeps": max_sweeps, "starts": starts, "seed": seed, "compressed": squeezed is not None}
    return _record(best, scale, tolerance, (values, shown), options)


def _compression(values: Array, rank: int, *, wanted: bool | None) -> tuple[Array, Factors] | None:
    """Return core and bases of a compression with room for twice the rank, or None where the full tensor is as good."""
    sizes = [min(size, 2 * rank + 2) for size in values.shape]
    worth = values.size >= max(_LARGE, _WORTH_COMPRESSING * math.prod(sizes))
    return compress(values, sizes) if wanted or (wanted is None and worth) else None


def _fit(
    values: Array,
    shown: Array | None,
    rank: int,
    squeezed: tuple[Array, Factors] | None,
    rng: np.random.Generator | None,
    *,
    max_sweeps: int,
    tolerance: float,
) -> Fit:
    """Return one fit: inside the compression if there is one, then on the tensor itself."""
    core, bases = squeezed or (values, None)
    start = leading_factors(core, rank) if rng is None else random_factors(core.shape, rank, rng)
    if bases is None:
        return alternate(values, shown, start, max_sweeps=max_sweeps, tolerance=tolerance)
    # The bases are orthonormal: what they miss adds to every squared error.
    squares = sum_of_squares(values)
    outside = max(squares - sum_of_squares(core), 0.0)
    inside = alternate(core, None, start, max_sweeps=max_sweeps, tolerance=tolerance, outside=outside)
    first, second, third = (basis @ factor for basis, factor in zip(bases, inside.factors, strict=True))
    lifted = (first, second, third)
    full = alternate(values, None, lifted, max_sweeps=max_sweeps, tolerance=tolerance, squares=squares)
    return Fit(full.factors, inside.errors + full.errors, full.converged)


def cp_rank(value: Any, shape: tuple[int, ...], *, name: str = "rank") -> int:
    """Return a rank that CP of ``shape`` may have: no tensor needs more than the product of its two shorter axes."""
    return whole_number(name, value, least=1, most=math.prod(shape) // max(shape))


def cp_parameters(shape: tuple[int, ...], rank: int) -> int:
    """Return the number of free parameters of CP: each component has one scale, not three."""
    return rank * (sum(shape) - 2)


def normalized(factors: Factors) -> tuple[Array, Factors]:
    """Return weights (component,), falling, and factors of unit columns; of second and third the peaks are positive."""
    norms = np.stack([np.linalg.norm(factor, axis=0) for factor in factors])
    units = [factor / np.where(norm > 0, norm, 1.0) for factor, norm in zip(factors, norms, strict=True)]
    signs = [positive_peaks(units[1]), positive_peaks(units[2])]
    weights = norms.prod(axis=0)
    order = np.argsort(-weights, kind="stable")
    oriented = (units[0] * signs[0] * signs[1], units[1] * signs[0], units[2] * signs[1])
    first, second, third = (unit[:, order] for unit in oriented)
    return weights[order], (first, second, third)


def _record(
    fit: Fit, scale: float, tolerance: float, data: tuple[Array, Array | None], options: dict[str, Any]
) -> CPDecomposition:
    values, shown = data
    weights, (first, second, third) = normalized(fit.factors)
    cosines = (first.T @ first) * (second.T @ second) * (third.T @ third)
    congruence = float(np.min(cosines - np.diag(np.diag(cosines)))) if len(weights) > 1 else 0.0
    message = outcome(fit.errors, converged=fit.converged, tolerance=tolerance)
    if congruence < _DEGENERATE:
        message += f"; degenerate: two components cancel (cosine {congruence:.3f}), a smaller rank would be safer"
    return CPDecomposition(
        shape=values.shape,
        relative_error=fit.errors[-1],
        errors=np.array(fit.errors),
        converged=fit.converged,
        message=message,
        weights=weights * scale,
        first=first,
        second=second,
        third=third,
        congruence=congruence,
        parameters={"method": "cp", "tolerance": tolerance, **options},
        input_digest=digest_arrays([values] if shown is None else [values, shown]),
    )
