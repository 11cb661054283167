"""Two systems compared by their dynamics: their fixed points, one to one, and their velocities at the same states."""

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from .problem import ArrayLike, Dynamics, Step, make_problem, precision
from .record import FixedPoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class PointComparison(Result):
    """How the fixed points of one system correspond to those of another in the same state space.

    Pairs minimise the sum of distances (optimal assignment); with unequal numbers the rest has no partner.

    Attributes
    ----------
    reference, other : ndarray of int, shape (pair,)
        Rows of the two searches that are partners, nearest pair first.
    distances : ndarray, shape (pair,)
        ‖x − y‖ of partners, as a share of the root-mean-square norm of the reference points.
    eigenvalue_distances : ndarray, shape (pair,)
        |λ₁ − μ₁| of their leading eigenvalues, up to complex conjugation.
    same_type : ndarray of bool, shape (pair,)
        Equal numbers of unstable directions.
    reference_types, other_types : mapping of str to int
        How many points there are of each type.
    tolerance : float
    recovered : float
        Share of the reference points whose partner is of the same type and within ``tolerance``; NaN if
        there is no reference point.
    """

    reference: Array = axes("pair")
    other: Array = axes("pair")
    distances: Array = axes("pair")
    eigenvalue_distances: Array = axes("pair")
    same_type: Array = axes("pair")
    reference_types: dict[str, int]
    other_types: dict[str, int]
    tolerance: float
    recovered: float

    kind: ClassVar[str] = "point-comparison"

    def summary(self) -> str:
        """Return counts of both systems, and how many points are recovered and how closely, as text."""
        lines = [f"reference: {_counts(self.reference_types)}; other: {_counts(self.other_types)}"]
        if len(self.distances):
            n_same = int(self.same_type.sum())
            lines.append(
                f"{len(self.distances)} pairs, {n_same} of the same type; distance median "
                f"{np.median(self.distances):.3g}, largest {self.distances.max():.3g} of the points' size; leading "
                f"eigenvalues differ by {np.median(self.eigenvalue_distances):.3g} (median)"
            )
        if np.isfinite(self.recovered):
            lines.append(f"{self.recovered:.0%} of the reference points recovered within {self.tolerance:g}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the distance of each pair and that of its eigenvalues; filled where the types agree."""
        drawn = plotting.axes_or_new(ax)
        for wanted, face, label in ((True, plotting.INK, "same type"), (False, "none", "other type")):
            chosen = self.same_type.astype(bool) == wanted
            if chosen.any():
                x, y = self.distances[chosen], self.eigenvalue_distances[chosen]
                drawn.scatter(x, y, s=28, facecolors=face, edgecolors=plotting.INK, label=label)
        drawn.axvline(self.tolerance, color=plotting.GREY, linewidth=0.8, linestyle="--")
        drawn.set(xlabel="distance of partners (share of the points' size)", ylabel="|λ₁ − μ₁|")
        if len(self.distances):
            drawn.legend()
        return drawn


def compare_fixed_points(reference: FixedPoints, other: FixedPoints, *, tolerance: float = 0.1) -> PointComparison:
    """Return which fixed points of two systems correspond, and how well.

    Parameters
    ----------
    reference, other : FixedPoints
        Searches in state spaces of one size, of the same ``dynamics`` and, if there are inputs, the same ones.
    tolerance : float > 0
        Largest distance of a recovered point, as a share of the root-mean-square norm of the reference points.

    Raises
    ------
    InputError
        If the searches differ in state size or dynamics, or the tolerance is not positive.

    Examples
    --------
    >>> from dynascope.fixedpoints import find_fixed_points
    >>> starts = np.linspace(-2, 2, 9)[:, None]
    >>> teacher, student = (find_fixed_points(lambda x, g=g: torch.tanh(g * x), starts) for g in (2.0, 2.1))
    >>> compare_fixed_points(teacher, student).recovered
    1.0
    """
    if not 0 < tolerance < np.inf:
        raise InputError(f"tolerance: expected a number > 0, found {tolerance!r}")
    if reference.states.shape[1:] != other.states.shape[1:]:
        raise InputError(
            f"other: expected states of size {reference.states.shape[1]} as in the reference, found "
            f"{other.states.shape[1]}"
        )
    if reference.dynamics != other.dynamics:
        raise InputError(f"other: expected a {reference.dynamics} as in the reference, found a {other.dynamics}")
    scale = float(np.sqrt(np.mean(np.sum(reference.states**2, axis=1)))) if len(reference) else 1.0
    first, second, distances = _partners(reference, other)
    distances = distances / (scale or 1.0)
    same = reference.n_unstable[first] == other.n_unstable[second]
    recovered = float(np.sum(same & (distances <= tolerance)) / len(reference)) if len(reference) else float("nan")
    return PointComparison(
        reference=first,
        other=second,
        distances=distances,
        eigenvalue_distances=_leading_distance(reference.eigenvalues[first], other.eigenvalues[second]),
        same_type=same,
        reference_types=dict(Counter(reference.types())),
        other_types=dict(Counter(other.types())),
        tolerance=tolerance,
        recovered=recovered,
        parameters={"tolerance": tolerance},
        input_digest=digest_arrays([reference.states, other.states]),
    )


def _partners(reference: FixedPoints, other: FixedPoints) -> tuple[Array, Array, Array]:
    from scipy.optimize import linear_sum_assignment

    apart = np.linalg.norm(reference.states[:, None] - other.states[None], axis=-1)
    cost = apart
    if reference.inputs is not None and other.inputs is not None:
        differ = (reference.inputs[:, None] != other.inputs[None]).any(-1)
        cost = np.where(differ, apart.sum() + 1, apart)  # dearer than any other choice
    first, second = linear_sum_assignment(cost)
    kept = cost[first, second] == apart[first, second]
    first, second = first[kept], second[kept]
    order = np.argsort(apart[first, second], kind="stable")
    first, second = first[order], second[order]
    return first, second, apart[first, second]


def _leading_distance(values: Array, others: Array) -> Array:
    """Return |λ₁ − μ₁| of each pair; which half of a conjugate pair comes first is a convention."""
    first, second = values[:, 0], others[:, 0]
    return np.asarray(np.minimum(np.abs(first - second), np.abs(first - second.conj())))


def _counts(types: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(types.items())) or "no points"


def flow_agreement(
    step: Step,
    other: Step,
    states: ArrayLike,
    inputs: ArrayLike | None = None,
    *,
    dynamics: Dynamics = "map",
) -> tuple[float, float]:
    """Return how far two systems move alike at the same states: pooled R² and mean cosine of their velocities.

    The velocity is F(x) − x of a map, f(x) of a flow. R² = 1 − Σ‖v − w‖² / Σ‖v − v̄‖², with v of ``step`` the
    reference; cosines are averaged over the states where neither velocity vanishes.

    Parameters
    ----------
    step, other : maps or flows on one state space, as for :func:`find_fixed_points`
    states : (n, state), for example visited by the reference
    inputs : (input,), (n, input) or None

    Raises
    ------
    InputError
        If a system fails on the states or is not finite there, or the reference does not move at all.

    Examples
    --------
    >>> flow_agreement(lambda x: 0.5 * x, lambda x: 0.75 * x, np.array([[1.0], [-1.0]]))
    (0.75, 1.0)
    """
    with precision(torch.float64), torch.inference_mode(mode=False):
        velocities = []
        for system in (step, other):
            problem = make_problem(system, states, inputs, dynamics=dynamics)
            velocities.append(problem.residual(problem.starts, problem.inputs).cpu().numpy())
    first, second = velocities
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InputError("states: a system is not finite at some of them; expected states that both can be run from")
    total = float(np.sum((first - first.mean(axis=0)) ** 2))
    if total == 0:
        raise InputError("states: the reference has one velocity at all of them; expected states that move apart")
    sizes = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    moving = sizes > 0
    cosine = np.sum(first * second, axis=1)[moving] / sizes[moving]
    r2 = 1 - float(np.sum((first - second) ** 2)) / total
    return r2, float(cosine.mean()) if moving.any() else float("nan")
