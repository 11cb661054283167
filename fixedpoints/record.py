"""The record of a search: the fixed points, what is known about each, and how the starts fared."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .. import plotting
from ..results import Result, axes, count_noun
from .certificates.kantorovich import REASONS, Certificate
from .completeness import INDEX_SENTENCES, IndexCheck
from .manifolds import Manifolds
from .problem import Dynamics
from .solver.newton import OUTCOME_SENTENCES, Outcome
from .stability import point_types

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class FixedPoints(Result):
    """Fixed points of a map x' = F(x, u) or of a flow dx/dt = f(x, u), one per row of every array; k may be 0.

    Points are ordered by input, then by the number of unstable directions, then by norm, then by coordinates.

    Attributes
    ----------
    dynamics : {"map", "flow"}
    states : ndarray, shape (k, state)
    inputs : ndarray, shape (k, input), or None
    speeds : ndarray, shape (k,)
        q = ½‖F(x) − x‖² (½‖f(x)‖² of a flow), at most the tolerance of the search.
    jacobians : ndarray, shape (k, state, state)
        ∂F/∂x or ∂f/∂x, rows of F first.
    eigenvalues : ndarray, shape (k, state), complex
        Of the Jacobian, slowest to decay first: by modulus (map) or real part (flow), descending.
    stable : ndarray of bool, shape (k,)
        All |λ| < 1 (map) or Re λ < 0 (flow), by more than :data:`~dynascope.fixedpoints.stability.MARGIN`.
    n_unstable : ndarray of int, shape (k,)
        How many |λ| > 1 or Re λ > 0.
    certified : ndarray of bool, shape (k,)
    radius : ndarray, shape (k,)
        The fixed point is the only one within this distance of ``states``; NaN without a certificate.
    error_bound : ndarray, shape (k,)
        The fixed point is within this distance of ``states``; NaN without a certificate.
    certificate : ndarray of int8, shape (k,)
        Codes of :class:`~dynascope.fixedpoints.Certificate`; :meth:`reasons` gives the sentences.
    certificate_kind : str
        ``bounded``: from the Lipschitz bound that the caller gave; ``estimated``: from sampled second
        derivatives, strong evidence and no proof; ``none``: not asked for.
    multiplicity : ndarray of int, shape (k,)
        How many starts led to the point.
    outside : ndarray of bool, shape (k,)
        Farther from the mean start than 1.5 times the farthest start. Never True for a single start.
    start_points : ndarray of int, shape (start,)
        The point that each start led to, −1 if it led to none.
    n_starts, n_converged : int
    outcomes : mapping of str to int
        How many starts ended in each way.
    slow_states, slow_inputs, slow_speeds, slow_jacobians, slow_eigenvalues, slow_multiplicity : ndarray
        The slow points, slowest first within an input, as their namesakes: minima of q below ``slow_tolerance``
        that are no zeros. Empty when none were asked for.
    slow_unverified : int
        Descents that ended in slow states that are no minimum: a kink of the map, a valley without a floor.
    index : ndarray of int8, shape (k,)
        sign det(I − J) of a map, sign det(−J) of a flow; 0 at a singular point.
    group_inputs : ndarray, shape (group, input), or None
        The different inputs of the starts, in lexicographic order. Every ``group`` below is one of them.
    point_groups : ndarray of int, shape (k,)
    index_sum : ndarray of int, shape (group,)
        Sum of the indices of all points.
    index_check : ndarray of int8, shape (group,)
        Codes of :class:`~dynascope.fixedpoints.IndexCheck`. INCOMPLETE proves that points are missing, if a ball
        is indeed mapped into itself.
    ball_radius : ndarray, shape (group,)
        From this distance from the mean start on, no outward motion was seen; NaN if it was, or none was looked for.
    estimated_points, estimated_low, estimated_high : ndarray, shape (group,)
        Chao1 estimate of how many isolated points such starts can reach, with its 95 % interval; NaN without any.
    coverage : ndarray, shape (group,)
        Good-Turing estimate of the probability that a further start leads to a point already seen.
    starts_since_new : ndarray of int, shape (group,)
        Starts after the one that last found an isolated point.
    manifolds : ndarray of int, shape (k,)
        The manifold that each point is a sample of, −1 for an isolated point.
    manifold_dimensions, manifold_closed : ndarray, shape (manifold,)
        Number of neutral directions, 0 for a degenerate point that is alone; whether a curve closes on itself.
    n_rounds : int
    stop_reason : str
    """

    dynamics: Dynamics = "map"
    states: Array = axes("point", "unit")
    inputs: Array | None = axes("point", "channel")
    speeds: Array = axes("point")
    jacobians: Array = axes("point", "unit", "unit_pre")
    eigenvalues: Array = axes("point", "eigenvalue")
    stable: Array = axes("point")
    n_unstable: Array = axes("point")
    certified: Array = axes("point")
    radius: Array = axes("point")
    error_bound: Array = axes("point")
    certificate: Array = axes("point")
    certificate_kind: str
    multiplicity: Array = axes("point")
    outside: Array = axes("point")
    start_points: Array = axes("start")
    n_starts: int
    n_converged: int
    outcomes: Mapping[str, int]
    slow_states: Array | None = axes("slow_point", "unit", optional=True)
    slow_inputs: Array | None = axes("slow_point", "channel", optional=True)
    slow_speeds: Array | None = axes("slow_point", optional=True)
    slow_jacobians: Array | None = axes("slow_point", "unit", "unit_pre", optional=True)
    slow_eigenvalues: Array | None = axes("slow_point", "eigenvalue", optional=True)
    slow_multiplicity: Array | None = axes("slow_point", optional=True)
    slow_unverified: int = 0
    index: Array | None = axes("point", optional=True)
    group_inputs: Array | None = axes("group", "channel", optional=True)
    point_groups: Array | None = axes("point", optional=True)
    index_sum: Array | None = axes("group", optional=True)
    index_check: Array | None = axes("group", optional=True)
    ball_radius: Array | None = axes("group", optional=True)
    estimated_points: Array | None = axes("group", optional=True)
    estimated_low: Array | None = axes("group", optional=True)
    estimated_high: Array | None = axes("group", optional=True)
    coverage: Array | None = axes("group", optional=True)
    starts_since_new: Array | None = axes("group", optional=True)
    manifolds: Array | None = axes("point", optional=True)
    manifold_dimensions: Array | None = axes("manifold", optional=True)
    manifold_closed: Array | None = axes("manifold", optional=True)
    n_rounds: int = 1
    stop_reason: str = ""

    kind: ClassVar[str] = "fixed-points"

    def __len__(self) -> int:
        return len(self.states)

    def types(self) -> list[str]:
        """Return ``stable``, ``saddle``, ``repeller`` or ``marginal`` for each point."""
        return point_types(self.eigenvalues, self.dynamics)

    def reasons(self) -> list[str]:
        """Return for each point what its certificate says, in a sentence."""
        return [REASONS[Certificate(code)] for code in self.certificate.tolist()]

    @property
    def incomplete(self) -> bool:
        """Whether the index check says at any input that points are missing."""
        return self.index_check is not None and bool((self.index_check == int(IndexCheck.INCOMPLETE)).any())

    def summary(self) -> str:
        """Return counts by type, certificates, how the starts fared and what may be missing, as text."""
        rest = [self._starts_line(), *self._failures(), *self._slow_lines(), *self._completeness_lines()]
        if not len(self):
            return "\n".join(["no fixed points found", *rest])
        lines = [f"{count_noun(len(self), 'fixed point')}: {self._types_line()}"]
        lines.append(f"largest q {self.speeds.max():.1e}; {self._certificates_line()}")
        if self.outside.any():
            lines.append(f"{count_noun(int(self.outside.sum()), 'point')} outside the region of the starts")
        return "\n".join([*lines, *self._manifold_lines(), *rest])

    def _types_line(self) -> str:
        counts = Counter(zip(self.types(), self.n_unstable.tolist(), strict=True))
        rank = ["stable", "marginal", "saddle", "repeller"]
        parts = []
        for (name, unstable), count in sorted(counts.items(), key=lambda item: (rank.index(item[0][0]), item[0])):
            if name == "saddle":
                parts.append(f"{count_noun(count, name)} with {count_noun(unstable, 'unstable direction')}")
            else:
                parts.append(count_noun(count, name) if name == "repeller" else f"{count} {name}")
        return ", ".join(parts)

    def _certificates_line(self) -> str:
        if self.certificate_kind == "none":
            return "no certificates asked for"
        text = f"{int(self.certified.sum())} of {len(self)} certified ({self.certificate_kind} curvature)"
        for code in (Certificate.SINGULAR, Certificate.INCONCLUSIVE):
            count = int(np.count_nonzero(self.certificate == code))
            if count:
                text += f"; {count} not: {REASONS[code]}"
        return text

    def _manifold_lines(self) -> list[str]:
        if self.manifolds is None or self.manifold_dimensions is None or self.manifold_closed is None:
            return []
        return Manifolds(self.manifolds, self.manifold_dimensions, self.manifold_closed).sentences()

    def _slow_lines(self) -> list[str]:
        lines = []
        if self.slow_speeds is not None and len(self.slow_speeds):
            low, high = self.slow_speeds.min(), self.slow_speeds.max()
            span = f"q {low:.1e}" + (f" to {high:.1e}" if high > low else "")
            lines.append(f"{count_noun(len(self.slow_speeds), 'slow point')} (minima of q that are no zeros): {span}")
        if self.slow_unverified:
            lines.append(
                f"{count_noun(self.slow_unverified, 'descent')} ended in slow states that are no verified minimum"
            )
        return lines

    def _completeness_lines(self) -> list[str]:
        if self.index_check is None or self.index_sum is None:  # a record of an earlier version
            return []
        lines = []
        for code in IndexCheck:
            groups = np.flatnonzero(self.index_check == int(code))
            if len(groups):
                where = "" if len(self.index_check) == 1 else f" at {len(groups)} of {len(self.index_check)} inputs"
                sums = f" (sum {self.index_sum[groups[0]]})" if code == IndexCheck.INCOMPLETE else ""
                lines.append(f"index check{where}: {INDEX_SENTENCES[code]}{sums}")
        return [*lines, *self._richness_line()]

    def _richness_line(self) -> list[str]:
        arrays = self.estimated_points, self.estimated_low, self.estimated_high, self.coverage
        estimate, low, high, coverage = (np.zeros(0) if array is None else array for array in arrays)
        known = np.isfinite(estimate)
        if not known.any():
            return []
        if len(estimate) > 1:
            worst = int(np.nanargmin(coverage))
            return [
                f"within reach of such starts: {estimate[known].sum():.1f} isolated points in all estimated; "
                f"least coverage {coverage[worst]:.1%}, at input {worst}"
            ]
        span = f"95 %: {low[0]:.1f} to {high[0]:.1f}"
        return [
            f"within reach of such starts: {estimate[0]:.1f} isolated points estimated ({span}), "
            f"coverage {coverage[0]:.1%}"
        ]

    def _starts_line(self) -> str:
        text = f"{self.n_converged} of {count_noun(self.n_starts, 'start')} converged"
        return text if self.n_rounds == 1 else f"{text}, in {self.n_rounds} rounds; {self.stop_reason}"

    def _failures(self) -> list[str]:
        reached = OUTCOME_SENTENCES[Outcome.CONVERGED]
        return [f"  {count} {sentence}" for sentence, count in self.outcomes.items() if sentence != reached]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the points on their first two principal axes: filled if stable, open if not."""
        return draw_points(self.states, self.stable.astype(bool), f"{count_noun(len(self), 'fixed point')}", ax)


def draw_points(states: Array, stable: Array, title: str, ax: "Axes | None" = None) -> "Axes":
    """Return axes with states (k, state) on their first two principal axes: filled if stable (k,), open if not."""
    drawn = plotting.axes_or_new(ax)
    projected, shares = _principal(states)
    for wanted, colour, label in ((stable, plotting.STABLE, "stable"), (~stable, plotting.UNSTABLE, "unstable")):
        chosen = projected[wanted]
        if len(chosen):
            face = colour if label == "stable" else "none"
            drawn.scatter(chosen[:, 0], chosen[:, 1], s=28, facecolors=face, edgecolors=colour, label=label)
    drawn.set_xlabel(f"principal axis 1 ({shares[0]:.0%} of variance)")
    drawn.set_ylabel(f"principal axis 2 ({shares[1]:.0%} of variance)")
    drawn.set_title(title)
    if len(states):
        drawn.legend()
    return drawn


def _principal(states: Array) -> tuple[Array, Array]:
    """Return the states on their first two principal axes, (k, 2), and the variance shares, (2,)."""
    if not len(states):
        return np.zeros((0, 2)), np.zeros(2)
    centred = states - states.mean(axis=0)
    _, singular, basis = np.linalg.svd(centred, full_matrices=False)
    projected, shares = np.zeros((len(states), 2)), np.zeros(2)
    n_axes = min(2, len(singular))
    # The largest loading of an axis is positive: the sign is otherwise the library's whim.
    signs = np.sign(basis[np.arange(n_axes), np.abs(basis[:n_axes]).argmax(axis=1)])
    projected[:, :n_axes] = (centred @ basis[:n_axes].T) * signs
    total = float(np.sum(singular**2))
    if total > 0:
        shares[:n_axes] = singular[:n_axes] ** 2 / total
    return projected, shares
