"""The record of a limit cycle."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...results import Result, axes
from ..drawing.portrait import Plane
from ..stability import MARGIN, growth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

OUTCOMES = {
    "converged": "converged",
    "shrunk": "Newton's method shrank the orbit to a fixed point; start farther from it, or there is no cycle here",
    "stalled": "Newton's method stalled far from a closed orbit; give a state nearer to the cycle and its period",
    "iterations": "Newton's method used all iterations; raise max_iterations or give a better guess",
    "not finite": "the integration failed: states grow without bound, or the flow is too stiff for an explicit method",
    "at rest": "the trajectory came to rest at a fixed point; no cycle from this state",
    "no return": "the trajectory never came back close to itself; give period (and raise max_time if it is slow)",
}
_SHOWN = 6


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LimitCycle(Result):
    """A closed orbit of a flow dx/dt = f(x, u), or the record of a search that found none.

    Attributes
    ----------
    converged : bool
    outcome : str
        How the search ended, a key of :data:`OUTCOMES`; :meth:`reason` gives the sentence.
    period : float
        T in the flow's unit of time; NaN unless converged.
    orbit : ndarray, shape (sample, state)
        One period, evenly spaced in time; where the search ended if it did not converge.
    time : ndarray, shape (sample,)
        From 0 to just below T; 0 if the search did not converge.
    multipliers : ndarray, shape (state,), complex
        Floquet multipliers, largest modulus first; NaN unless converged. One of them is 1 in truth.
    accuracy : float
        How far the multiplier nearest to 1 is from it: the error of the multipliers.
    stable : bool
        All others inside the unit circle, by more than the larger of ``accuracy`` and
        :data:`~dynascope.fixedpoints.stability.MARGIN`.
    n_unstable : int
        How many are outside, by as much; −1 unless converged.
    amplitude : ndarray, shape (state,)
        Half the distance between the largest and the smallest value of each state variable; NaN unless converged.
    residual : float
        Largest miss of the closed orbit as a share of the largest state.
    n_iterations : int
        Newton iterations of the last attempt.
    """

    converged: bool
    outcome: str
    period: float
    orbit: Array = axes("sample", "unit")
    time: Array = axes("sample")
    multipliers: Array = axes("multiplier")
    accuracy: float
    stable: bool
    n_unstable: int
    amplitude: Array = axes("unit")
    residual: float
    n_iterations: int

    kind: ClassVar[str] = "limit-cycle"

    def __post_init__(self) -> None:
        # Files keep numbers as JSON, which knows no NaN: it comes back as None.
        for name in ("period", "accuracy", "residual"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, math.nan)

    @property
    def frequency(self) -> float:
        """1 / T, in Hz when the unit of time is the second."""
        return 1.0 / self.period

    def nontrivial(self) -> Array:
        """Return the multipliers without the one nearest to 1, (state − 1,) complex."""
        return nontrivial(self.multipliers)

    def reason(self) -> str:
        """Return how the search ended, in a sentence."""
        return OUTCOMES[self.outcome]

    def summary(self) -> str:
        """Return period, amplitude, stability and multipliers, or why there is no cycle, as text."""
        if not self.converged:
            return f"no limit cycle: {self.reason()}"
        kind = "stable" if self.stable else "neutral"
        if self.n_unstable:
            kind = f"unstable ({_directions(self.n_unstable)})"
        others = self.nontrivial()
        shown = [f"{abs(value):.4g}" + ("" if value.imag == 0 else " (complex)") for value in others[:_SHOWN]]
        more = len(others) - len(shown)
        lines = [f"{kind} limit cycle of period {self.period:.10g}"]
        lines.append(f"amplitude up to {self.amplitude.max():.6g}; closes to {self.residual:.1e} of the state")
        if shown:
            lines.append("|nontrivial multipliers| " + ", ".join(shown) + (f" and {more} more" if more else ""))
        lines.append(f"the multiplier 1 is met to {self.accuracy:.1e}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the orbit: in the plane of two state variables, on two principal axes of more, or over time."""
        drawn = plotting.axes_or_new(ax)
        colour = plotting.STABLE if self.stable else plotting.UNSTABLE
        label = {True: "stable", False: "unstable" if self.n_unstable > 0 else "neutral"}[self.stable]
        if not self.converged:
            colour, label = plotting.GREY, "where the search ended"
        if self.orbit.shape[1] < 2 or len(self.orbit) < 2:
            drawn.plot(self.orbit[:, 0], ".", color=colour, label=label)
            names = ("sample", "state variable 1")
        else:
            points, names = self._plane()
            closed = np.append(points, points[:1], axis=0) if self.converged else points
            drawn.plot(closed[:, 0], closed[:, 1], color=colour, linestyle="-" if self.stable else "--", label=label)
            # Where the orbit is fastest an arrow lies along it.
            fast = int(np.linalg.norm(np.diff(points, axis=0), axis=1).argmax())
            drawn.annotate(
                "", xy=points[fast + 1], xytext=points[fast],
                arrowprops={"arrowstyle": "-|>", "color": colour, "mutation_scale": 14},
            )  # fmt: skip
        drawn.set_xlabel(names[0])
        drawn.set_ylabel(names[1])
        drawn.set_title(f"limit cycle, period {self.period:.5g}" if self.converged else "no limit cycle")
        drawn.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        return drawn

    def _plane(self) -> tuple[Array, tuple[str, str]]:
        if self.orbit.shape[1] == 2:
            return self.orbit, ("state variable 1", "state variable 2")
        plane = Plane.principal(self.orbit)
        return plane.project(self.orbit), plane.names


def nontrivial(multipliers: Array) -> Array:
    """Return Floquet multipliers (state,) without the one nearest to 1."""
    return np.delete(multipliers, np.abs(multipliers - 1).argmin())


def floquet_stability(multipliers: Array) -> tuple[float, bool, int]:
    """Return the error of the multiplier nearest to 1, whether all others decay, and how many grow."""
    accuracy = float(np.abs(multipliers - 1).min())
    others = growth(nontrivial(multipliers))
    margin = max(MARGIN, accuracy)
    return accuracy, bool((others < -margin).all()), int(np.count_nonzero(others > margin))


def _directions(count: int) -> str:
    return "1 unstable direction" if count == 1 else f"{count} unstable directions"
