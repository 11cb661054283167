"""Slice-TCA: a tensor as a sum of vectors times matrices, along one, two or all three axes."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import axes, digest_arrays
from ..validation import Array, whole_number
from . import checks
from .record import Decomposition, describe, outcome, relative, settled
from .unfolding import fold, leading, positive_peaks, scaled, truncated, unfold


@dataclass(frozen=True, eq=False, kw_only=True)
class SliceDecomposition(Decomposition):
    """A tensor as Σ over axes i of Σ_r vector_i,r ⊗ slice_i,r.

    ``vectors_i`` (axis_i, component_i) are orthonormal columns, each with its largest entry positive; ``slices_i``
    (component_i, the two other axes) are what they weigh, orthogonal and in falling order of norm. Parts that two
    blocks could both hold (a vector on axis 0 times a matrix of rank one, say) may lie in either: compare tensors,
    not blocks, between fits.
    """

    vectors_0: Array = axes("axis_0", "component_0")
    vectors_1: Array = axes("axis_1", "component_1")
    vectors_2: Array = axes("axis_2", "component_2")
    slices_0: Array = axes("component_0", "axis_1", "axis_2")
    slices_1: Array = axes("component_1", "axis_0", "axis_2")
    slices_2: Array = axes("component_2", "axis_0", "axis_1")

    kind: ClassVar[str] = "slice_decomposition"

    @property
    def vectors(self) -> tuple[Array, Array, Array]:
        """The vectors of each axis."""
        return self.vectors_0, self.vectors_1, self.vectors_2

    @property
    def slices(self) -> tuple[Array, Array, Array]:
        """The slices that go with the vectors of each axis."""
        return self.slices_0, self.slices_1, self.slices_2

    @property
    def ranks(self) -> tuple[int, ...]:
        """The number of components along each axis."""
        return tuple(vectors.shape[1] for vectors in self.vectors)

    @property
    def blocks(self) -> tuple[Array, Array, Array]:
        """The part of the approximation that each axis holds, each of the tensor's shape."""
        first, second, third = (
            fold(vectors @ slices.reshape(vectors.shape[1], math.prod(slices.shape[1:])), axis, self.shape)
            for axis, (vectors, slices) in enumerate(zip(self.vectors, self.slices, strict=True))
        )
        return first, second, third

    @property
    def tensor(self) -> Array:
        """The approximation, the sum of the blocks."""
        first, second, third = self.blocks
        return first + second + third

    @property
    def n_parameters(self) -> int:
        """Σ_i R_i (n_i + Π_{j≠i} n_j − R_i)."""
        return slice_parameters(self.shape, self.ranks)

    @property
    def title(self) -> str:
        """The ranks in words."""
        return f"slice-TCA {describe(self.ranks)}"


def slice_parameters(shape: Sequence[int], ranks: Sequence[int]) -> int:
    """Return the number of free parameters of slice-TCA, the mixing of components within a block taken off."""
    total = math.prod(shape)
    return sum(rank * (size + total // size - rank) for size, rank in zip(shape, ranks, strict=True))


def slice_tca(
    tensor: Any,
    ranks: Any,
    *,
    mask: Any = None,
    max_sweeps: int = 500,
    tolerance: float = 1e-10,
    starts: int = 1,
    seed: int = 0,
) -> SliceDecomposition:
    """Return the slice-TCA of a tensor, X ≈ Σ_i Σ_{r≤R_i} a_r (on axis i) ⊗ S_r (on the other two axes).

    The model of Pellegrino, Stein and Cayco-Gajic 2024, fitted not by gradient steps but exactly block by block: with
    the other blocks fixed, the best block i is the truncated singular value decomposition of the unfolding along axis
    i of what they leave, so that the error never rises. With one block, (R, 0, 0), one decomposition is the answer.
    Where entries are hidden they are filled with the current fit before each block (EM), and the error over the
    observed ones never rises. Three blocks may have local minima: raise ``starts`` where the tensor has no clear ranks.

    Cost: per sweep O(Π n · Σ n); 64 × 50 × 32 with ranks (2, 1, 1) takes about 2 ms per sweep and 10 sweeps.

    Parameters
    ----------
    tensor : (axis_0, axis_1, axis_2)
        Computed in float64.
    ranks : three whole numbers, or one
        Components along each axis, at least one in all; R stands for (R, 0, 0).
    mask : (axis_0, axis_1, axis_2) of bool, optional
        True where an entry is observed. Values of hidden entries are ignored and may be NaN.
    max_sweeps, tolerance
        Sweeps stop when ‖X − X̂‖ / ‖X‖ changes by at most ``tolerance``.
    starts : int
        How many starts to fit; the best is returned. The first is empty blocks, the others are random.
    seed : int
        For the random starts.

    Raises
    ------
    InputError
        If the tensor has not three axes of finite numbers, a rank is negative or larger than its unfolding allows,
        all are zero, or the mask is of another shape or hides a whole fibre that a slice would be fitted to.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> tensor = np.einsum("i,jk->ijk", rng.normal(size=5), rng.normal(size=(6, 7)))
    >>> found = slice_tca(tensor + np.einsum("j,ik->ijk", rng.normal(size=6), rng.normal(size=(5, 7))), (1, 1, 0))
    >>> found.ranks, found.relative_error < 1e-8
    ((1, 1, 0), True)
    """
    values, shown = checks.tensor_and_mask(tensor, mask)
    ranks = slice_ranks(ranks, values.shape)
    checks.no_hidden_fibre(shown, [axis for axis in range(3) if ranks[axis]])
    checks.no_hidden_slice(shown)
    max_sweeps = whole_number("max_sweeps", max_sweeps, least=1)
    tolerance = checks.tolerance(tolerance)
    starts = whole_number("starts", starts, least=1)
    small, scale = scaled(values)
    fits = (
        fit_slices(small, shown, ranks, parts=start, max_sweeps=max_sweeps, tolerance=tolerance)
        for start in _starts(small, ranks, starts, seed)
    )
    best = min(fits, key=lambda fit: fit.error)
    return _record(best, scale, tolerance, (values, shown), {"starts": starts, "seed": seed, "max_sweeps": max_sweeps})


Parts = list[tuple[Array, Array]]
"""For each axis an orthonormal basis (axis, rank) and what it weighs, (rank, the two other axes as one)."""


@dataclass(frozen=True)
class SliceFit:
    """The parts of a fit, its relative error, the errors after each sweep, and whether they settled."""

    parts: Parts
    error: float
    errors: list[float]
    converged: bool


def compose_parts(parts: Parts, shape: Sequence[int]) -> Array:
    """Return the sum of the blocks, a tensor of ``shape``."""
    total: Array = sum(
        (fold(basis @ weighed, axis, shape) for axis, (basis, weighed) in enumerate(parts)), np.zeros(shape)
    )
    return total


def empty_parts(shape: Sequence[int]) -> Parts:
    """Return parts of rank 0."""
    return [(np.zeros((size, 0)), np.zeros((0, math.prod(shape) // size))) for size in shape]


def fit_slices(
    values: Array,
    shown: Array | None,
    ranks: Sequence[int],
    *,
    parts: Parts | None = None,
    max_sweeps: int,
    tolerance: float,
) -> SliceFit:
    """Return slice-TCA fitted to ``values`` (hidden entries 0) from the given parts by exact block minimisation."""
    used = [axis for axis in range(3) if ranks[axis]]
    if shown is None and len(used) == 1:
        return _one_block(values, used[0], ranks[used[0]])
    parts = list(parts or empty_parts(values.shape))
    norm = float(np.linalg.norm(values))
    residual = values - compose_parts(parts, values.shape)
    errors: list[float] = []
    while len(errors) < max_sweeps and not settled(errors, tolerance):
        for axis in used:
            if shown is not None:
                residual = np.where(shown, residual, 0.0)  # hidden entries: filled with the fit as it is now
            basis, weighed = parts[axis]
            matrix = unfold(residual, axis) + basis @ weighed
            basis = leading(matrix, ranks[axis])
            parts[axis] = basis, basis.T @ matrix
            residual = fold(matrix - basis @ parts[axis][1], axis, values.shape)
        errors.append(relative(residual if shown is None else residual[shown], norm))
    return SliceFit(parts, errors[-1], errors, settled(errors, tolerance))


def _one_block(values: Array, axis: int, rank: int) -> SliceFit:
    left, singular, right = truncated(unfold(values, axis), rank)
    parts = empty_parts(values.shape)
    parts[axis] = left, singular[:, np.newaxis] * right
    error = relative(values - compose_parts(parts, values.shape), float(np.linalg.norm(values)))
    return SliceFit(parts, error, errors=[], converged=True)


def _starts(values: Array, ranks: Sequence[int], count: int, seed: int) -> Iterator[Parts]:
    """Yield starting parts: none at first, then the tensor projected on random directions of each axis."""
    yield empty_parts(values.shape)
    rng = np.random.default_rng(seed)
    for _ in range(count - 1):
        bases = [
            np.linalg.qr(rng.standard_normal((size, rank)))[0] for size, rank in zip(values.shape, ranks, strict=True)
        ]
        yield [(basis, basis.T @ unfold(values, axis)) for axis, basis in enumerate(bases)]


def slice_ranks(value: Any, shape: Sequence[int], *, name: str = "ranks") -> tuple[int, int, int]:
    """Return three ranks that slice-TCA of ``shape`` can have, from three whole numbers or one."""
    if not np.ndim(value):
        return whole_number(name, value, least=1, most=checks.unfolding_limit(shape, 0)), 0, 0
    first, second, third = (
        whole_number(f"{name}[{axis}]", rank, least=0, most=checks.unfolding_limit(shape, axis))
        for axis, rank in enumerate(checks.three_ranks(name, value))
    )
    if not first + second + third:
        raise InputError(f"{name}: expected at least one component in all, found (0, 0, 0)")
    return first, second, third


def _record(
    fit: SliceFit, scale: float, tolerance: float, data: tuple[Array, Array | None], options: dict[str, Any]
) -> SliceDecomposition:
    values, shown = data
    vectors, slices = [], []
    for axis, (basis, weighed) in enumerate(fit.parts):
        signs = positive_peaks(basis)
        others = [size for other, size in enumerate(values.shape) if other != axis]
        vectors.append(basis * signs)
        slices.append((weighed * signs[:, np.newaxis]).reshape([len(weighed), *others]) * scale)
    message = (
        outcome(fit.errors, converged=fit.converged, tolerance=tolerance)
        if fit.errors
        else "exact: one singular value decomposition"
    )
    return SliceDecomposition(
        shape=values.shape,
        relative_error=fit.error,
        errors=np.array(fit.errors),
        converged=fit.converged,
        message=message,
        vectors_0=vectors[0],
        vectors_1=vectors[1],
        vectors_2=vectors[2],
        slices_0=slices[0],
        slices_1=slices[1],
        slices_2=slices[2],
        parameters={"method": "slice", "tolerance": tolerance, **options},
        input_digest=digest_arrays([values] if shown is None else [values, shown]),
    )
