"""Tucker and tensor-train forms: orthonormal bases found by singular value decompositions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import axes, digest_arrays
from ..validation import Array, whole_number
from . import checks
from .record import Decomposition, describe, outcome, relative, settled
from .unfolding import leading, scaled, times, times_all, truncated, unfold


@dataclass(frozen=True, eq=False, kw_only=True)
class TuckerDecomposition(Decomposition):
    """A tensor as a core (rank_0, rank_1, rank_2) with an orthonormal basis (axis, rank) on each axis."""

    core: Array = axes("rank_0", "rank_1", "rank_2")
    first: Array = axes("axis_0", "rank_0")
    second: Array = axes("axis_1", "rank_1")
    third: Array = axes("axis_2", "rank_2")

    kind: ClassVar[str] = "tucker_decomposition"

    @property
    def factors(self) -> tuple[Array, Array, Array]:
        """The three bases."""
        return self.first, self.second, self.third

    @property
    def ranks(self) -> tuple[int, ...]:
        """The shape of the core."""
        return self.core.shape

    @property
    def tensor(self) -> Array:
        """The approximation."""
        return times_all(self.core, self.factors)

    @property
    def n_parameters(self) -> int:
        """Π R_i + Σ_i R_i (n_i − R_i)."""
        return tucker_parameters(self.shape, self.ranks)

    @property
    def title(self) -> str:
        """The ranks in words."""
        return f"Tucker {describe(self.ranks)}"


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainDecomposition(Decomposition):
    """A tensor as X_ijk = Σ_pq first_ip middle_pjq last_qk, bond ranks P and Q.

    ``first`` (axis_0, bond_0) and the unfolding of ``middle`` (bond_0, axis_1, bond_1) have orthonormal columns.
    """

    first: Array = axes("axis_0", "bond_0")
    middle: Array = axes("bond_0", "axis_1", "bond_1")
    last: Array = axes("bond_1", "axis_2")

    kind: ClassVar[str] = "train_decomposition"

    @property
    def ranks(self) -> tuple[int, int]:
        """The two bond ranks."""
        return len(self.middle), len(self.last)

    @property
    def tensor(self) -> Array:
        """The approximation."""
        product: Array = np.tensordot(np.tensordot(self.first, self.middle, axes=1), self.last, axes=1)
        return product

    @property
    def n_parameters(self) -> int:
        """n_0 P + P n_1 Q + Q n_2 − P² − Q²: each bond may be rotated at will."""
        return train_parameters(self.shape, self.ranks)

    @property
    def title(self) -> str:
        """The ranks in words."""
        return f"tensor train with bonds {describe(self.ranks)}"


def tucker_parameters(shape: Sequence[int], ranks: Sequence[int]) -> int:
    """Return the number of free parameters of a Tucker form, the rotations of its bases taken off."""
    core = int(np.prod(ranks))
    return core + sum(rank * (size - rank) for size, rank in zip(shape, ranks, strict=True))


def train_parameters(shape: Sequence[int], ranks: Sequence[int]) -> int:
    """Return the number of free parameters of a tensor train, the mixing inside its bonds taken off."""
    (first, second, third), (left, right) = shape, ranks
    return first * left + left * second * right + right * third - left**2 - right**2


def tucker(
    tensor: Any, ranks: Any, *, mask: Any = None, max_sweeps: int = 100, tolerance: float = 1e-8
) -> TuckerDecomposition:
    """Return the Tucker decomposition of a tensor, by orthogonal iteration from the higher-order SVD.

    X ≈ core ×₀ A ×₁ B ×₂ C with orthonormal bases: started at the leading singular vectors of each unfolding (HOSVD, at
    most √3 times the best error), then each basis in turn is the leading singular vectors of the tensor projected on
    the two others (HOOI; De Lathauwer, De Moor and Vandewalle 2000), so that the error never rises. Hidden entries
    are filled with the current fit before each sweep (EM).

    Parameters
    ----------
    tensor : (axis_0, axis_1, axis_2)
        Computed in float64.
    ranks : three whole numbers, or one for all
        Each at most the axis, and at most the product of the two others: no core has more.
    mask : (axis_0, axis_1, axis_2) of bool, optional
        True where an entry is observed.
    max_sweeps, tolerance
        Sweeps stop when ‖X − X̂‖ / ‖X‖ changes by at most ``tolerance``.

    Raises
    ------
    InputError
        If the tensor has not three axes of finite numbers, a rank is not possible, or the mask is of another shape or
        hides a whole slice.

    Examples
    --------
    >>> import numpy as np
    >>> tensor = np.random.default_rng(0).normal(size=(4, 5, 6))
    >>> tucker(tensor, (4, 5, 6)).relative_error < 1e-12
    True
    """
    values, shown = checks.tensor_and_mask(tensor, mask)
    ranks = tucker_ranks(ranks, values.shape)
    checks.no_hidden_slice(shown)
    max_sweeps = whole_number("max_sweeps", max_sweeps, least=1)
    tolerance = checks.tolerance(tolerance)
    small, scale = scaled(values)
    bases = [leading(unfold(small, axis), rank) for axis, rank in enumerate(ranks)]
    fit = iterate(small, shown, bases, max_sweeps=max_sweeps, tolerance=tolerance)
    return TuckerDecomposition(
        shape=values.shape,
        relative_error=fit.errors[-1],
        errors=np.array(fit.errors),
        converged=fit.converged,
        message=outcome(fit.errors, converged=fit.converged, tolerance=tolerance),
        core=fit.core * scale,
        first=fit.bases[0],
        second=fit.bases[1],
        third=fit.bases[2],
        parameters={"method": "tucker", "max_sweeps": max_sweeps, "tolerance": tolerance},
        input_digest=digest_arrays([values] if shown is None else [values, shown]),
    )


@dataclass(frozen=True)
class TuckerFit:
    """Core and bases of a fit, the errors after each sweep, and whether they settled."""

    core: Array
    bases: list[Array]
    errors: list[float]
    converged: bool


def iterate(
    values: Array,
    shown: Array | None,
    bases: Sequence[Array],
    *,
    filled: Array | None = None,
    max_sweeps: int,
    tolerance: float,
) -> TuckerFit:
    """Return the fit of orthogonal iteration from ``bases``; hidden entries of ``values`` are 0.

    ``filled`` is the tensor with its hidden entries filled from an earlier fit.
    """
    bases, norm = list(bases), float(np.linalg.norm(values))
    errors: list[float] = []
    data = values if filled is None else filled
    while len(errors) < max_sweeps and not settled(errors, tolerance):
        for axis in range(3):
            projected = data
            for other in (other for other in range(3) if other != axis):
                projected = times(projected, bases[other].T, other)
            bases[axis] = leading(unfold(projected, axis), bases[axis].shape[1])
        core = times_all(data, [basis.T for basis in bases])
        model = times_all(core, bases)
        residual = values - model
        errors.append(relative(residual if shown is None else residual[shown], norm))
        if shown is not None:
            data = np.where(shown, values, model)
    return TuckerFit(core, bases, errors, settled(errors, tolerance))


def tensor_train(tensor: Any, ranks: Any) -> TrainDecomposition:
    """Return the tensor train of a tensor with given bond ranks, by two singular value decompositions.

    TT-SVD (Oseledets 2011). One whole number R cuts the first bond only, ranks [1, R, n_2, 1]: then the approximation
    is exactly the truncated singular value decomposition of the unfolding along axis 0, the optimum. With both bonds
    cut the error is at most √2 times the best. A bond larger than the first one leaves is filled as far as it goes.

    Parameters
    ----------
    tensor : (axis_0, axis_1, axis_2)
        Computed in float64.
    ranks : whole number R, or two (P, Q)
        P at most axis_0, Q at most axis_2 and at most P · axis_1.

    Raises
    ------
    InputError
        If the tensor has not three axes of finite numbers or a bond is not possible.

    Examples
    --------
    >>> import numpy as np
    >>> tensor = np.random.default_rng(0).normal(size=(4, 5, 6))
    >>> tensor_train(tensor, 2).ranks
    (2, 6)
    """
    values, _ = checks.tensor_and_mask(tensor)
    left, right = train_ranks(ranks, values.shape)
    small, scale = scaled(values)
    first, singular, rest = truncated(unfold(small, 0), left)
    pairs = (singular[:, np.newaxis] * rest).reshape(left * values.shape[1], values.shape[2])
    middle, values_second, last = truncated(pairs, right)
    error = relative(
        small - (first @ (middle * values_second @ last).reshape(left, -1)).reshape(values.shape),
        float(np.linalg.norm(small)),
    )
    return TrainDecomposition(
        shape=values.shape,
        relative_error=error,
        errors=np.zeros(0),
        message="exact: one singular value decomposition"
        if right == min(pairs.shape)
        else ("two singular value decompositions, within √2 of the best error"),
        first=first,
        middle=middle.reshape(left, values.shape[1], right),
        last=values_second[:, np.newaxis] * last * scale,
        parameters={"method": "tt"},
        input_digest=digest_arrays([values]),
    )


def tucker_ranks(value: Any, shape: Sequence[int], *, name: str = "ranks") -> tuple[int, int, int]:
    """Return three ranks that a Tucker core of ``shape`` can have, from three whole numbers or one for all."""
    given = checks.three_ranks(name, value) if np.ndim(value) else (value,) * 3
    first, second, third = (
        whole_number(
            f"{name}[{axis}]" if np.ndim(value) else name, rank, least=1, most=checks.unfolding_limit(shape, axis)
        )
        for axis, rank in enumerate(given)
    )
    if max(first, second, third) ** 2 > first * second * third:
        raise InputError(
            f"{name}: expected each at most the product of the two others, found {describe((first, second, third))}"
        )
    return first, second, third


def train_ranks(value: Any, shape: Sequence[int], *, name: str = "ranks") -> tuple[int, int]:
    """Return two bonds that a tensor train of ``shape`` can have, from two whole numbers or the first alone."""
    if not np.ndim(value):
        left = whole_number(name, value, least=1, most=checks.unfolding_limit(shape, 0))
        return left, min(shape[2], left * shape[1])
    if len(value) != 2:
        raise InputError(f"{name}: expected two bond ranks or one whole number, found {value!r}")
    left = whole_number(f"{name}[0]", value[0], least=1, most=checks.unfolding_limit(shape, 0))
    return left, whole_number(f"{name}[1]", value[1], least=1, most=min(shape[2], left * shape[1]))
