"""What a list of fixed points may lack: how many a search has probably not seen, and whether the indices add up.

Two independent signs, both per input. *Richness*: from how many points were reached by one or by two starts only,
an estimate of how many were reached by none. *Index*: the signs of det(I − J) over all points (of det(−J) for
a flow) sum to 1 wherever a ball is mapped into itself; the sum of an incomplete list usually differs.
"""

import dataclasses
import enum
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .certificates.kantorovich import Certificate
from .problem import Dynamics, Problem
from .richness import richness
from .solver.unique import group_rows
from .spheres import inward_radius

Array = npt.NDArray[Any]

# ∂G/∂x with an eigenvalue this small beside the largest has no sign that can be trusted (unless certified).
_SINGULAR = 1e-7


class IndexCheck(enum.IntEnum):
    """Verdict of the index check at one input."""

    CONSISTENT = 0
    INCOMPLETE = 1
    UNDEFINED = 2
    NO_BALL = 3
    NOT_ASKED = 4


INDEX_SENTENCES = {
    IndexCheck.CONSISTENT: "the indices sum to 1, as they must: no sign of a missing point",
    IndexCheck.INCOMPLETE: "INCOMPLETE: the indices must sum to 1 and do not: points are missing",
    IndexCheck.UNDEFINED: "undefined: a point is singular and has no index",
    IndexCheck.NO_BALL: "not applicable: no sphere was found on which all motion points inward",
    IndexCheck.NOT_ASKED: "not asked for",
}


def fixed_point_index(
    eigenvalues: Array, dynamics: Dynamics = "map", *, certificates: Array | None = None, precision: float = 2.0**-52
) -> Array:
    """Return the index of each fixed point, sign det(I − J) of a map or sign det(−J) of a flow, (k,) int8.

    0 where ∂G/∂x is singular to within rounding: such a point has no index that its linear part could tell. The
    sign is (−1) to the number of real eigenvalues above 1 (map) or 0 (flow), so that no product can overflow.

    Parameters
    ----------
    eigenvalues : ndarray, shape (k, state), complex
        Of the Jacobian; complex ones in conjugate pairs.
    dynamics : {"map", "flow"}
    certificates : ndarray of int, shape (k,), or None
        Codes of :class:`~dynascope.fixedpoints.Certificate`. A singular verdict gives 0; a certified point is
        isolated and regular, however small its smallest eigenvalue.
    precision : float
        Machine precision of the Jacobians.

    Examples
    --------
    >>> fixed_point_index(np.array([[0.5, -3.0], [2.0, 0.5], [1.0, 0.5]]))
    array([ 1, -1,  0], dtype=int8)
    """
    shifted = np.asarray(eigenvalues) - (1.0 if dynamics == "map" else 0.0)
    if not shifted.size:
        return np.zeros(len(shifted), dtype=np.int8)
    above = np.count_nonzero((shifted.imag == 0) & (shifted.real > 0), axis=-1)
    sizes = np.abs(shifted)
    # J itself is of order 1 in a map: I − J below its rounding is 0.
    floor = 1e3 * shifted.shape[-1] * precision if dynamics == "map" else 0.0
    singular = sizes.min(-1) <= np.maximum(max(_SINGULAR, 1e2 * precision) * sizes.max(-1), floor)
    if certificates is not None:
        singular &= np.asarray(certificates) != int(Certificate.CERTIFIED)
        singular |= np.asarray(certificates) == int(Certificate.SINGULAR)
    return np.where(singular, 0, 1 - 2 * (above % 2)).astype(np.int8)


def residual_index(derivative: Tensor) -> Tensor:
    """Return sign det(−∂G/∂x) for each matrix (n, state, state), 0 where it is singular to within 1e-7, shape (n,).

    From LU factors, which cost far less than eigenvalues; σ_min is estimated by three steps of inverse iteration on
    MᵀM and compared with the root-mean-square singular value.
    """
    n_rows, n_states = derivative.shape[:2]
    factors, pivots, info = torch.linalg.lu_factor_ex(derivative)
    swaps = (pivots != torch.arange(1, n_states + 1, device=pivots.device)).sum(1)
    negative = (factors.diagonal(dim1=-2, dim2=-1) < 0).sum(1) + swaps + n_states
    vector = torch.ones(n_rows, n_states, 1, dtype=derivative.dtype, device=derivative.device)
    vector[:, ::2] = -0.7  # not all ones: symmetric networks often have that direction as an eigenvector
    growth = torch.zeros(n_rows, dtype=derivative.dtype, device=derivative.device)
    for _ in range(3):
        vector = vector / vector.norm(dim=1, keepdim=True)
        solved = torch.linalg.lu_solve(factors, pivots, vector)
        growth = solved[..., 0].norm(dim=1)
        vector = torch.linalg.lu_solve(factors, pivots, solved, adjoint=True)
    typical = torch.linalg.matrix_norm(derivative) / n_states**0.5
    # Exactly singular factors give infinities and NaN, for which the comparison is False.
    regular = (info == 0) & (1.0 / growth > _SINGULAR * typical)
    return torch.where(regular, 1 - 2 * (negative % 2), 0)


@dataclasses.dataclass(frozen=True, eq=False)
class Completeness:
    """The fields of the record that say what may be missing; see :class:`FixedPoints`. One entry per input group."""

    index: Array
    group_inputs: Array | None
    point_groups: Array
    index_sum: Array
    index_check: Array
    ball_radius: Array
    estimated_points: Array
    estimated_low: Array
    estimated_high: Array
    coverage: Array
    starts_since_new: Array


def assess(
    problem: Problem,
    labels: Array,
    rows: Array,
    *,
    index: Array,
    ball: bool | None,
    ball_radius: Array | None = None,
) -> Completeness:
    """Return what is known about completeness, per group of equal inputs.

    Parameters
    ----------
    problem : Problem
        With all starts of the search, in the order in which they were used.
    labels : ndarray of int, shape (start,)
        The point that each start led to, −1 for none.
    rows : ndarray of int, shape (k,)
        A start of the same input for each point.
    index : ndarray of int, shape (k,)
        See :func:`fixed_point_index`. Points of index 0 may belong to a continuum, of which every start finds
        another member: they are left out of the estimates.
    ball : bool or None
        Whether a ball is mapped into itself; None samples spheres.
    ball_radius : ndarray, shape (group,), or None
        What :func:`inward_radius` said, if it has been asked already.
    """
    groups, first = start_groups(problem)
    point_groups = groups[rows]
    n_groups = len(first)
    inputs = None if problem.inputs is None else problem.inputs[torch.as_tensor(first, device=problem.starts.device)]
    if ball_radius is None:
        ball_radius = inward_radius(problem, inputs) if ball is None else np.full(n_groups, np.nan)
    counts = np.bincount(labels[labels >= 0], minlength=len(rows))
    isolated = index != 0
    estimates = [richness(counts[(point_groups == group) & isolated]) for group in range(n_groups)]
    sums = np.zeros(n_groups, dtype=np.int64)
    np.add.at(sums, point_groups, index)
    undefined = np.zeros(n_groups, dtype=bool)
    undefined[point_groups[~isolated]] = True
    return Completeness(
        index=index,
        group_inputs=None if inputs is None else np.array(inputs.cpu().numpy()),
        point_groups=point_groups,
        index_sum=sums,
        index_check=check_index(sums, undefined, ball_radius, ball=ball),
        ball_radius=ball_radius,
        estimated_points=np.array([made.estimate for made in estimates]),
        estimated_low=np.array([made.low for made in estimates]),
        estimated_high=np.array([made.high for made in estimates]),
        coverage=np.array([made.coverage for made in estimates]),
        starts_since_new=starts_since_new(labels, groups, isolated),
    )


def start_groups(problem: Problem) -> tuple[Array, Array]:
    """Return the group of equal inputs of each start, (start,), and the first start of each group, (group,)."""
    given = problem.inputs
    if given is None or given.stride(0) == 0:  # one input, expanded
        return np.zeros(len(problem.starts), dtype=np.int64), np.zeros(1, dtype=np.int64)
    groups = group_rows(given.cpu().numpy(), len(problem.starts))
    return groups, np.unique(groups, return_index=True)[1]


def check_index(sums: Array, undefined: Array, ball_radius: Array, *, ball: bool | None) -> Array:
    """Return the :class:`IndexCheck` of each group, (group,) int8."""
    verdict = np.where(sums == 1, int(IndexCheck.CONSISTENT), int(IndexCheck.INCOMPLETE))
    verdict = np.where(undefined, int(IndexCheck.UNDEFINED), verdict)
    if ball is None:
        verdict = np.where(np.isfinite(ball_radius), verdict, int(IndexCheck.NO_BALL))
    elif not ball:
        verdict = np.full_like(verdict, int(IndexCheck.NOT_ASKED))
    return verdict.astype(np.int8)


def starts_since_new(labels: Array, groups: Array, isolated: Array) -> Array:
    """Return how many starts of each group came after the one that last found a new isolated point, (group,).

    Parameters
    ----------
    labels : ndarray of int, shape (start,)
        The point of each start, −1 for none.
    groups : ndarray of int, shape (start,)
    isolated : ndarray of bool, shape (k,)
    """
    points, first = np.unique(labels, return_index=True)
    first = first[(points >= 0) & isolated[points]] if len(isolated) else first[:0]
    since = np.bincount(groups)
    for start in first:
        group = groups[start]
        since[group] = min(since[group], np.count_nonzero(groups[start + 1 :] == group))
    return since
