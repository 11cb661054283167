"""Which component of one CP fit is which of another: order, signs and scale are free, so they are matched first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..validation import Array
from .alternating import Factors
from .polyadic import CPDecomposition


@dataclass(frozen=True, eq=False, kw_only=True)
class ComponentMatching(Result):
    """Components of a second CP fit matched one to one with those of a first.

    Component i of the first goes with ``order[i]`` of the second (−1 where the second has too few). ``scores``
    (component,) are products of the cosines of the three vectors, 1 for the same component and NaN without a partner;
    ``size_ratios`` the size of the second's over the first's. ``first``, ``second`` and ``third`` (axis, component) are
    the second fit's factors in the first's order, signs and balance of norms, zeros without a partner; ``exchanged``
    says where the vectors of the last two axes changed places.
    """

    order: Array = axes("component")
    scores: Array = axes("component")
    size_ratios: Array = axes("component")
    exchanged: Array = axes("component")
    first: Array = axes("axis_0", "component")
    second: Array = axes("axis_1", "component")
    third: Array = axes("axis_2", "component")

    kind: ClassVar[str] = "component_matching"

    @property
    def score(self) -> float:
        """The mean score of the matched components."""
        return float(np.nanmean(self.scores))

    @property
    def factors(self) -> Factors:
        """The matched factors of the second fit."""
        return self.first, self.second, self.third

    def summary(self) -> str:
        """Return the mean score and one line per component."""
        lines = [f"{len(self.order)} components, mean score {self.score:.4f}"]
        for component, (partner, score, ratio) in enumerate(
            zip(self.order, self.scores, self.size_ratios, strict=True)
        ):
            found = f"{partner}: score {score:.4f}, size ratio {ratio:.4f}" if partner >= 0 else "none"
            lines.append(f"  {component} with {found}")
        return "\n".join(lines)


def match_components(reference: Any, other: Any, *, exchange: bool = False) -> ComponentMatching:
    """Return the one-to-one matching of the components of two CP fits, whatever their order, signs and scales.

    The score of two components is cos(a, a') cos(b, b') cos(c, c'): two signs may flip together, one alone may not.
    The matching with the greatest sum of scores is found by linear assignment. A CP decomposition is essentially
    unique (Kruskal 1977), so that two fits of the same structure match with scores near 1.

    Parameters
    ----------
    reference, other : CPDecomposition, or three matrices (axis, component)
        Of tensors of one shape; the numbers of components may differ.
    exchange : bool
        Whether b and c may change places within a component, as M and N of a three-body network may.

    Raises
    ------
    InputError
        If these are not finite factors of tensors of one shape, one component is zero, or exchange is asked for where
        the last two axes differ in length.

    Examples
    --------
    >>> import numpy as np
    >>> a, b, c = (np.random.default_rng(axis).normal(size=(6, 2)) for axis in range(3))
    >>> match_components((a, b, c), (-a[:, ::-1], -3 * b[:, ::-1], c[:, ::-1])).order
    array([1, 0])
    """
    from scipy.optimize import linear_sum_assignment  # here, so that importing the package stays quick

    ours, theirs = _factors("reference", reference), _factors("other", other)
    shape, found_shape = (tuple(len(factor) for factor in factors) for factors in (ours, theirs))
    if shape != found_shape:
        raise InputError(f"other: is of a tensor of shape {found_shape}, reference of {shape}; expected the same")
    if exchange and shape[1] != shape[2]:
        raise InputError(f"exchange: expected the last two axes equal, found shape {shape}")
    cosines = _products(ours, theirs)
    swapped = _products(ours, (theirs[0], theirs[2], theirs[1])) if exchange else np.full_like(cosines, -np.inf)
    scores = np.maximum(cosines, swapped)
    rows, columns = linear_sum_assignment(-scores)
    order = np.full(scores.shape[0], -1)
    order[rows] = columns
    found = np.full(len(order), np.nan)
    found[rows] = scores[rows, columns]
    exchanged = np.zeros(len(order), bool)
    exchanged[rows] = swapped[rows, columns] > cosines[rows, columns]
    factors, ratios = _aligned(ours, theirs, order, exchanged)
    return ComponentMatching(
        order=order,
        scores=found,
        size_ratios=ratios,
        exchanged=exchanged,
        first=factors[0],
        second=factors[1],
        third=factors[2],
        parameters={"exchange": exchange},
        input_digest=digest_arrays([*ours, *theirs]),
    )


def _factors(name: str, given: Any) -> Factors:
    parts: Sequence[Any] = given.factors if isinstance(given, CPDecomposition) else given
    if not isinstance(parts, Sequence) or len(parts) != 3:
        raise InputError(f"{name}: expected a CPDecomposition or three factors, found {type(given).__name__}")
    factors = [np.asarray(validation.sliceable(name, part)[...]) for part in parts]
    for axis, factor in enumerate(factors):
        if factor.ndim != 2 or not factor.size or factor.shape[1] != factors[0].shape[1]:
            raise InputError(
                f"{name}[{axis}]: expected a matrix (axis, component) with as many components as the first, "
                f"found shape {factor.shape}"
            )
        validation.real_numbers(f"{name}[{axis}]", factor)
        validation.finite(f"{name}[{axis}]", factor)
        if not factor.any(axis=0).all():
            raise InputError(f"{name}[{axis}]: component {int(np.argmin(factor.any(axis=0)))} is zero")
    return factors[0].astype(float), factors[1].astype(float), factors[2].astype(float)


def _products(ours: Factors, theirs: Factors) -> Array:
    """Return the product over axes of the cosines, (component of ours, component of theirs)."""
    cosines = [_unit(mine).T @ _unit(yours) for mine, yours in zip(ours, theirs, strict=True)]
    product: Array = np.prod(cosines, axis=0)
    return product


def _unit(factor: Array) -> Array:
    unit: Array = factor / np.linalg.norm(factor, axis=0)
    return unit


def _aligned(ours: Factors, theirs: Factors, order: Array, exchanged: Array) -> tuple[Factors, Array]:
    """Return the second fit's factors in the place of the first's, and the ratio of the components' sizes."""
    picked = [np.where(order >= 0, factor[:, order], 0.0) for factor in theirs]
    if exchanged.any():  # only where both axes are of one length
        picked[1], picked[2] = np.where(exchanged, picked[2], picked[1]), np.where(exchanged, picked[1], picked[2])
    sizes = [np.prod([np.linalg.norm(factor, axis=0) for factor in factors], axis=0) for factors in (ours, picked)]
    ratios = np.where(order >= 0, sizes[1] / sizes[0], np.nan)
    # Signs and norms of b and c follow the first fit; what is left of both goes into a, so that the tensor stays.
    for axis in (1, 2):
        sign = np.where((ours[axis] * picked[axis]).sum(axis=0) < 0, -1.0, 1.0)
        norm = np.linalg.norm(picked[axis], axis=0)
        scale = sign * np.linalg.norm(ours[axis], axis=0) / np.where(norm > 0, norm, 1.0)
        picked[axis] = picked[axis] * scale
        picked[0] = picked[0] / scale
    return (picked[0], picked[1], picked[2]), ratios
