"""All fixed points of a small ReLU network, from its linear regions: exact, and independent of any search.

With the pattern s ∈ {0, 1}^N of active units fixed, D = diag(s), both forms of the network are linear and their
fixed points solve (I − W D) z = b for the input z = W relu(z) + b of each unit. A solution whose signs agree with s
is a fixed point; there are 2^N patterns. Where I − W D is singular the solutions, if any, form a line, a plane, …; the
part with the right signs is found by linear programming.

Counting linear regions: Pascanu, Montúfar and Bengio, ICLR 2014; fixed points of threshold-linear networks by their
supports: Curto, Degeratu and Itskov, Neural Comput. 25 (2013) 2858.
"""

import dataclasses
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...errors import InputError, unknown_name
from ...results import Result, axes, count_noun, digest_arrays
from ..completeness import fixed_point_index
from ..options import check_count
from ..problem import host, precision
from ..record import draw_points
from ..solver.unique import merge_close
from ..stability import count_unstable, eigenvalues, is_stable
from .curvature import FORMS
from .polytopes import Polytopes, find_polytopes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_MOST_UNITS = 20
_MEMORY = 2**27
# An input this close to 0, beside the largest, is 0: the point lies on a boundary between regions.
_BOUNDARY = 1e-11
# σ_min below this share of σ_max: the region is singular.
_SINGULAR = 1e-11
# Copies of one point, seen from the regions that meet in it.
_SAME = 1e-9


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ReluFixedPoints(Result):
    """All fixed points of a ReLU network, one per row of ``states``; k may be 0. Ordered as :class:`FixedPoints`.

    Attributes
    ----------
    states : ndarray, shape (k, state)
        Isolated fixed points, each once.
    patterns : ndarray of bool, shape (k, state)
        Which units are active, z > 0.
    on_boundary : ndarray of bool, shape (k,)
        Some z is 0: the map has no derivative there; ``jacobians`` and what follows from it are those of ``patterns``.
    jacobians : ndarray, shape (k, state, state)
    eigenvalues : ndarray, shape (k, state), complex
    stable : ndarray of bool, shape (k,)
    n_unstable : ndarray of int, shape (k,)
    index : ndarray of int8, shape (k,)
        sign det(I − J); 0 on a boundary.
    set_patterns : ndarray of bool, shape (m, state)
        The singular regions that hold whole sets of fixed points.
    set_dimensions : ndarray of int, shape (m,)
        1 for a line, 2 for a plane, ….
    set_states : ndarray, shape (m, state)
        One fixed point inside each set.
    form : {"rate", "voltage"}
    alpha : float
    n_regions, n_singular, n_unresolved : int
        Patterns examined, how many of them are singular, and how many of these are left open, so that points may lie
        there.
    """

    states: Array = axes("point", "unit")
    patterns: Array = axes("point", "unit")
    on_boundary: Array = axes("point")
    jacobians: Array = axes("point", "unit", "unit_pre")
    eigenvalues: Array = axes("point", "eigenvalue")
    stable: Array = axes("point")
    n_unstable: Array = axes("point")
    index: Array = axes("point")
    set_patterns: Array = axes("set", "unit")
    set_dimensions: Array = axes("set")
    set_states: Array = axes("set", "unit")
    form: str
    alpha: float
    n_regions: int
    n_singular: int
    n_unresolved: int

    kind: ClassVar[str] = "relu-fixed-points"

    def __len__(self) -> int:
        return len(self.states)

    def summary(self) -> str:
        """Return how many points and sets of points there are, as text."""
        stable = int(self.stable.sum())
        lines = [
            f"{count_noun(len(self), 'isolated fixed point')} in {self.n_regions} linear regions, no more: "
            f"{stable} stable, {len(self) - stable} not"
        ]
        if self.on_boundary.any():
            lines.append(
                f"{count_noun(int(self.on_boundary.sum()), 'point')} on a boundary between regions, without derivative"
            )
        for dimension in np.unique(self.set_dimensions).tolist():
            count = int(np.count_nonzero(self.set_dimensions == dimension))
            lines.append(f"{count_noun(count, 'region')} with a set of fixed points of dimension {dimension}")
        if self.n_unresolved:
            lines[0] = lines[0].replace(", no more", "")
            lines.append(f"{count_noun(self.n_unresolved, 'singular region')} left open: too many to resolve")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the isolated points on their first two principal axes: filled if stable, open if not."""
        return draw_points(self.states, self.stable.astype(bool), count_noun(len(self), "isolated fixed point"), ax)


def enumerate_relu(
    weight: Array | Tensor,
    bias: Array | Tensor,
    *,
    form: str = "voltage",
    alpha: float = 1.0,
    input_drive: Array | Tensor | float = 0.0,
    max_polytopes: int = 2000,
) -> ReluFixedPoints:
    """Return all fixed points of a ReLU network with one weight matrix, by solving every linear region.

    ========== ======================================
    form        map
    ========== ======================================
    rate        (1 − α) x + α (W relu(x) + b)
    voltage     (1 − α) x + α relu(W x + b)
    ========== ======================================

    Complete up to rounding: an input of a unit closer to 0 than 1e-11 of the largest counts as 0. Not for more than 20
    units: use :func:`~dynascope.fixedpoints.find_all_fixed_points`.

    Parameters
    ----------
    weight : array, shape (state, state)
        W, post × pre.
    bias : array, shape (state,)
        b.
    form : {"voltage", "rate"}
    alpha : float, 0 < α ≤ 1
        The Euler factor dt/τ: it changes the Jacobians, not the points.
    input_drive : array, shape (state,), or float
        Added to b: a constant input, multiplied by its weights.
    max_polytopes : int ≥ 0
        Singular regions to resolve, by linear programs of some milliseconds each; more are counted as
        ``n_unresolved``.

    Raises
    ------
    InputError
        If an array has a wrong shape or holds NaN, there are more than 20 units, or an option is out of range.

    Notes
    -----
    Cost: 2^N solves of at most N × N: 0.01 s for N = 8, 0.2 s for N = 16, 5 s for N = 20, in blocks of 128 MiB.

    Examples
    --------
    Two units that inhibit each other: one wins, or neither.

    >>> points = enumerate_relu(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.ones(2))
    >>> points.states.round(6).tolist(), points.stable
    ([[0.0, 1.0], [1.0, 0.0], [0.333333, 0.333333]], array([ True,  True, False]))
    """
    matrix, offset = _checked(weight, bias, input_drive, form=form, alpha=alpha, max_polytopes=max_polytopes)
    n_units = len(offset)
    inputs, singular = [], []
    with precision(torch.float64), torch.no_grad():
        for patterns in _blocks(n_units):
            found, bad = _solve_regions(torch.as_tensor(matrix), torch.as_tensor(offset), torch.as_tensor(patterns))
            inputs.append(found)
            singular.append(patterns[bad])
    unresolved = np.concatenate(singular)
    sets = find_polytopes(matrix, offset, unresolved[:max_polytopes])
    candidates = np.concatenate([*inputs, sets.corners])
    isolated = _distinct(candidates[~sets.contain(candidates)])
    return _record(matrix, offset, isolated, sets, form=form, alpha=alpha, n_singular=len(unresolved))


def _checked(
    weight: Array | Tensor,
    bias: Array | Tensor,
    drive: Array | Tensor | float,
    *,
    form: str,
    alpha: float,
    max_polytopes: int,
) -> tuple[Array, Array]:
    """Return W and b with the drive added, float64."""
    given = {"weight": weight, "bias": bias, "input_drive": drive}
    arrays = {}
    for name, values in given.items():
        array = host(values)
        if array.dtype.kind not in "fiu":
            raise InputError(f"{name}: expected real numbers, found dtype {array.dtype}")
        if not np.isfinite(array).all():
            raise InputError(f"{name}: expected finite numbers, found NaN or infinity")
        arrays[name] = array.astype(float)
    matrix, offset = arrays["weight"], arrays["bias"]
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise InputError(f"weight: expected shape (state, state), found {matrix.shape}")
    if offset.shape != matrix.shape[:1]:
        raise InputError(f"bias: expected shape ({len(matrix)},), found {offset.shape}")
    if arrays["input_drive"].shape not in ((), offset.shape):
        raise InputError(
            f"input_drive: expected a number or shape ({len(matrix)},), found {arrays['input_drive'].shape}"
        )
    if len(matrix) > _MOST_UNITS:
        raise InputError(
            f"weight: {len(matrix)} units have 2^{len(matrix)} linear regions; enumeration is for at most "
            f"{_MOST_UNITS}: use find_all_fixed_points instead"
        )
    if form not in FORMS:
        raise InputError(unknown_name("form", form, FORMS))
    if isinstance(alpha, bool) or not 0 < alpha <= 1:
        raise InputError(f"alpha: expected a number above 0, at most 1, found {alpha!r}")
    check_count("max_polytopes", max_polytopes, 0)
    return matrix, offset + arrays["input_drive"]


def _blocks(n_units: int) -> list[Array]:
    """Return all patterns (2^N, state) of active units as bool, in blocks whose matrices fit in memory."""
    size = max(1, _MEMORY // (8 * 8 * n_units**2))
    bits = np.arange(n_units)
    numbers = np.arange(2**n_units)
    return [(numbers[begin : begin + size, None] >> bits & 1).astype(bool) for begin in range(0, len(numbers), size)]


def _solve_regions(matrix: Tensor, offset: Tensor, patterns: Tensor) -> tuple[Array, Array]:
    """Return the inputs z (k, state) of the fixed points in regular regions, and which regions are singular, (n,)."""
    slopes = torch.eye(len(offset), dtype=matrix.dtype) - matrix * patterns[:, None]
    factors, pivots, _ = torch.linalg.lu_factor_ex(slopes)
    sizes = factors.diagonal(dim1=-2, dim2=-1).abs()
    singular = sizes.amin(-1) <= 1e3 * _SINGULAR * sizes.amax(-1)
    # A small pivot is suspicious; singular values decide.
    doubtful = torch.nonzero(singular)[:, 0]
    values = torch.linalg.svdvals(slopes[doubtful])
    singular[doubtful] = values[:, -1] <= _SINGULAR * values[:, 0]
    inputs = torch.linalg.lu_solve(factors, pivots, offset[None, :, None].expand(len(slopes), -1, 1))[..., 0]
    size = torch.maximum(inputs.abs().amax(-1), offset.abs().amax())
    signed = torch.where(patterns, inputs, -inputs)
    agrees = (signed >= -_BOUNDARY * size[:, None]).all(-1) & ~singular
    return inputs[agrees].numpy(), singular.numpy()


def _distinct(inputs: Array) -> Array:
    """Return the rows of ``inputs`` (k, state) without copies."""
    size = float(np.abs(inputs).max(initial=0.0))
    leaders = merge_close(inputs, np.zeros(len(inputs), dtype=int), _SAME * size, priority=np.arange(len(inputs)))
    kept: Array = inputs[np.unique(leaders)]
    return kept


def _record(
    matrix: Array, offset: Array, inputs: Array, sets: Polytopes, *, form: str, alpha: float, n_singular: int
) -> ReluFixedPoints:
    sizes = np.maximum(np.abs(inputs).max(axis=1, initial=0.0), np.abs(offset).max())
    zero = np.abs(inputs) <= 10 * _BOUNDARY * sizes[:, None]
    inputs = np.where(zero, 0.0, inputs)
    patterns = inputs > 0
    slopes = matrix * patterns[:, None, :] if form == "rate" else matrix * patterns[:, :, None]
    jacobians = (1 - alpha) * np.eye(len(offset)) + alpha * slopes
    values = eigenvalues(jacobians)
    states = inputs if form == "rate" else np.maximum(inputs, 0.0)
    rounded = np.round(states / (1e-9 * (np.abs(states).max(initial=0.0) or 1.0)))
    order = np.lexsort((*rounded.T[::-1], np.round(np.linalg.norm(rounded, axis=1)), count_unstable(values)))
    return ReluFixedPoints(
        states=states[order],
        patterns=patterns[order],
        on_boundary=zero.any(axis=1)[order],
        jacobians=jacobians[order],
        eigenvalues=values[order],
        stable=is_stable(values)[order],
        n_unstable=count_unstable(values)[order],
        index=np.where(zero.any(axis=1), 0, fixed_point_index(values)).astype(np.int8)[order],
        set_patterns=sets.patterns,
        set_dimensions=sets.dimensions,
        set_states=sets.inputs if form == "rate" else np.maximum(sets.inputs, 0.0),
        form=form,
        alpha=float(alpha),
        n_regions=2 ** len(offset),
        n_singular=n_singular,
        n_unresolved=n_singular - sets.n_resolved,
        parameters={"form": form, "alpha": float(alpha)},
        input_digest=digest_arrays([matrix, offset]),
    )
