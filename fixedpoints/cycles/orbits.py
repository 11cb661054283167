"""The record of periodic orbits of a map."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...results import Result, axes
from ..certificates.kantorovich import REASONS, Certificate
from ..drawing.portrait import Plane
from ..solver.newton import OUTCOME_SENTENCES, Outcome
from ..stability import point_types

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

# Lines between the states of more orbits than this hide the states.
_JOINED = 4


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class PeriodicOrbits(Result):
    """Orbits of minimal period k of a map, one per row of every array; there may be none.

    Orbits are ordered by input, then by the number of unstable directions, then by their first state.

    Attributes
    ----------
    orbits : ndarray, shape (orbit, phase, state)
        F maps each state to the next and the last to the first. The first has the smallest first coordinate.
    inputs : ndarray, shape (orbit, input), or None
    multipliers : ndarray, shape (orbit, state), complex
        Eigenvalues of the Jacobian of the k-fold map, largest modulus first.
    stable : ndarray of bool, shape (orbit,)
        All |multiplier| < 1 by more than :data:`~dynascope.fixedpoints.stability.MARGIN`.
    n_unstable : ndarray of int, shape (orbit,)
    speeds : ndarray, shape (orbit,)
        q = ½ Σ ‖F(xⱼ) − xⱼ₊₁‖² over the k steps.
    certified : ndarray of bool, shape (orbit,)
    radius, error_bound : ndarray, shape (orbit,)
        The orbit is the only one of its period within ``radius``, and within ``error_bound`` of the truth, as
        distances between all k states taken together (single shooting: between first states); NaN without a
        certificate.
    certificate : ndarray of int8, shape (orbit,)
        Codes of :class:`~dynascope.fixedpoints.Certificate`; :meth:`reasons` gives the sentences.
    certificate_kind : str
        ``bounded``, ``estimated`` or ``none``, as for :class:`~dynascope.fixedpoints.FixedPoints`.
    multiplicity : ndarray of int, shape (orbit,)
        How many starts led to the orbit.
    start_orbits : ndarray of int, shape (start,)
        The orbit that each start led to, −1 if it led to none.
    period : int
    shooting : str
        ``multiple`` or ``single``.
    n_starts, n_converged, n_lower : int
        Starts; those that converged; those of them that led to orbits whose period is a proper divisor of k.
    outcomes : mapping of str to int
        How many starts ended in each way.
    """

    orbits: Array = axes("orbit", "phase", "unit")
    inputs: Array | None = axes("orbit", "channel")
    multipliers: Array = axes("orbit", "eigenvalue")
    stable: Array = axes("orbit")
    n_unstable: Array = axes("orbit")
    speeds: Array = axes("orbit")
    certified: Array = axes("orbit")
    radius: Array = axes("orbit")
    error_bound: Array = axes("orbit")
    certificate: Array = axes("orbit")
    certificate_kind: str
    multiplicity: Array = axes("orbit")
    start_orbits: Array = axes("start")
    period: int
    shooting: str
    n_starts: int
    n_converged: int
    n_lower: int
    outcomes: Mapping[str, int]

    kind: ClassVar[str] = "periodic-orbits"

    def __len__(self) -> int:
        return len(self.orbits)

    def types(self) -> list[str]:
        """Return ``stable``, ``saddle``, ``repeller`` or ``marginal`` for each orbit."""
        return point_types(self.multipliers, "map")

    def reasons(self) -> list[str]:
        """Return for each orbit what its certificate says, in a sentence."""
        return [REASONS[Certificate(code)] for code in self.certificate.tolist()]

    def summary(self) -> str:
        """Return how many orbits there are, of which type, with what certificates, and how the starts fared."""
        count = len(self)
        head = f"{count} {'orbit' if count == 1 else 'orbits'} of period {self.period}" if count else self._none()
        if count:
            names = self.types()
            kinds = [name for name in ("stable", "marginal", "saddle", "repeller") if name in names]
            head += ": " + ", ".join(f"{names.count(name)} {name}" for name in kinds)
        lines = [head]
        if count:
            certificates = f"{int(self.certified.sum())} of {count} certified ({self.certificate_kind} curvature)"
            lines.append(
                f"largest q {self.speeds.max():.1e}; "
                + ("no certificates asked for" if self.certificate_kind == "none" else certificates)
            )
            size = np.abs(self.multipliers[:, 0])
            lines.append(f"largest |multiplier| from {size.min():.4g} to {size.max():.4g}")
        lower = f", {self.n_lower} of them to orbits of lower period" if self.n_lower else ""
        lines.append(f"{self.n_converged} of {self.n_starts} starts converged{lower}")
        reached = OUTCOME_SENTENCES[Outcome.CONVERGED]
        return "\n".join(
            [*lines, *(f"  {number} {sentence}" for sentence, number in self.outcomes.items() if sentence != reached)]
        )

    def _none(self) -> str:
        return f"no orbit of period {self.period} found"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the states of the orbits, filled if stable, open if not; of few orbits joined in order.

        One state variable is drawn against its next value, two as they are, more on their first two principal axes.
        """
        drawn = plotting.axes_or_new(ax)
        points, names = self._plane()
        for stable, label in ((True, "stable"), (False, "unstable")):
            colour = plotting.STABLE if stable else plotting.UNSTABLE
            chosen = points[self.stable.astype(bool) == stable]
            for path in chosen if len(self) <= _JOINED else []:
                x, y = np.append(path, path[:1], axis=0).T
                drawn.plot(x, y, color=colour, linewidth=0.7, alpha=0.5, zorder=1)
            if len(chosen):
                x, y = chosen.reshape(-1, 2).T
                face = colour if stable else "white"
                drawn.scatter(x, y, s=22, facecolors=face, edgecolors=colour, label=label, zorder=2)
        drawn.set_xlabel(names[0])
        drawn.set_ylabel(names[1])
        drawn.set_title(self.summary().partition("\n")[0].partition(":")[0])
        if len(self):
            drawn.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return drawn

    def _plane(self) -> tuple[Array, tuple[str, str]]:
        """Return the coordinates of all states in the picture, (orbit, phase, 2), and what they are called."""
        size = self.orbits.shape[2]
        if size == 1:
            return np.concatenate([self.orbits, np.roll(self.orbits, -1, axis=1)], axis=2), ("x(t)", "x(t + 1)")
        if size == 2 or self.orbits.shape[0] * self.period < 2:
            return self.orbits[..., :2], ("state variable 1", "state variable 2")
        plane = Plane.principal(self.orbits)
        return plane.project(self.orbits), plane.names
