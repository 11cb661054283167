"""The record of a search: the fixed points, what is known about each, and how the starts fared."""

import dataclasses
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .. import plotting
from ..results import Result, axes
from .certificates.kantorovich import REASONS, Certificate
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

    kind: ClassVar[str] = "fixed-points"

    def __len__(self) -> int:
        return len(self.states)

    def types(self) -> list[str]:
        """Return ``stable``, ``saddle``, ``repeller`` or ``marginal`` for each point."""
        return point_types(self.eigenvalues, self.dynamics)

    def reasons(self) -> list[str]:
        """Return for each point what its certificate says, in a sentence."""
        return [REASONS[Certificate(code)] for code in self.certificate.tolist()]

    def summary(self) -> str:
        """Return counts by type, the worst speed, the certificates and how the starts fared, as text."""
        if not len(self):
            return "\n".join(["no fixed points found", self._starts_line(), *self._failures()])
        lines = [f"{_count(len(self), 'fixed point')}: {self._types_line()}"]
        lines.append(f"largest q {self.speeds.max():.1e}; {self._certificates_line()}")
        if self.outside.any():
            lines.append(f"{_count(int(self.outside.sum()), 'point')} outside the region of the starts")
        return "\n".join([*lines, self._starts_line(), *self._failures()])

    def _types_line(self) -> str:
        counts = Counter(zip(self.types(), self.n_unstable.tolist(), strict=True))
        rank = ["stable", "marginal", "saddle", "repeller"]
        parts = []
        for (name, unstable), count in sorted(counts.items(), key=lambda item: (rank.index(item[0][0]), item[0])):
            if name == "saddle":
                parts.append(f"{_count(count, name)} with {_count(unstable, 'unstable direction')}")
            else:
                parts.append(_count(count, name) if name == "repeller" else f"{count} {name}")
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

    def _starts_line(self) -> str:
        return f"{self.n_converged} of {_count(self.n_starts, 'start')} converged"

    def _failures(self) -> list[str]:
        reached = OUTCOME_SENTENCES[Outcome.CONVERGED]
        return [f"  {count} {sentence}" for sentence, count in self.outcomes.items() if sentence != reached]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the points on their first two principal axes: filled if stable, open if not."""
        drawn = plotting.axes_or_new(ax)
        projected, shares = _principal(self.states)
        for wanted, colour, label in (
            (self.stable, plotting.STABLE, "stable"),
            (~self.stable.astype(bool), plotting.UNSTABLE, "unstable"),
        ):
            chosen = projected[wanted.astype(bool)]
            if len(chosen):
                face = colour if label == "stable" else "none"
                drawn.scatter(chosen[:, 0], chosen[:, 1], s=28, facecolors=face, edgecolors=colour, label=label)
        drawn.set_xlabel(f"principal axis 1 ({shares[0]:.0%} of variance)")
        drawn.set_ylabel(f"principal axis 2 ({shares[1]:.0%} of variance)")
        drawn.set_title(f"{_count(len(self), 'fixed point')}")
        if len(self):
            drawn.legend()
        return drawn


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


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
