"""The record of a Lyapunov spectrum: exponents, errors, how they settled, and what they say."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...results import Result, axes
from ..problem import Dynamics
from .dimension import kaplan_yorke
from .estimate import is_neutral

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

# Growth below this per step is rounding.
_ROUNDING = 1e-10
_SHOWN, _LABELLED = 12, 6
_INACCURATE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LyapunovSpectrum(Result):
    """Lyapunov exponents of a map or a flow, largest first, in 1 / ``time_unit``.

    Attributes
    ----------
    exponents : ndarray, shape (exponent,)
        Mean over the trajectories that stayed finite; −inf where the Jacobian sends a direction to 0, NaN when
        no trajectory stayed finite.
    standard_errors : ndarray, shape (exponent,)
        The larger of the errors from spans of time and from the spread of trajectories; 0 beside −inf.
    exponent_converged : ndarray of bool, shape (exponent,)
        Error below ``parameters["tolerance"]`` times |λ| (of the first exponent that is not 0, if that is larger),
        and both halves of the run agree.
    trajectory_exponents : ndarray, shape (trajectory, exponent)
        NaN for a trajectory that diverged. Very different rows are different attractors.
    history : ndarray, shape (sample, exponent)
        The estimates that would have been returned after ``history_times``.
    history_times : ndarray, shape (sample,)
        In ``time_unit``, counted from the end of the transient.
    diverged_at : ndarray of int, shape (trajectory,)
        The step by which the state or its tangent vectors were no longer finite (looked at every ``qr_every`` steps,
        the transient counts), −1 for trajectories that stayed finite.
    n_states : int
        Number of state variables; more than the exponents when only the leading ones were asked for.
    dynamics : {"map", "flow"}
    time_unit : str
        ``step``, ``s`` (a map whose ``dt`` is given) or ``unit of time`` (a flow).
    duration : float
        Measured time per trajectory.
    step_error : float
        Error of one Runge-Kutta step as a share of the state, by comparison with two half steps; 0 for a map.
    trajectories_agree : bool
        Whether the trajectories' exponents differ by no more than their errors explain.
    """

    exponents: Array = axes("exponent")
    standard_errors: Array = axes("exponent")
    exponent_converged: Array = axes("exponent")
    trajectory_exponents: Array = axes("trajectory", "exponent")
    history: Array = axes("sample", "exponent")
    history_times: Array = axes("sample")
    diverged_at: Array = axes("trajectory")
    n_states: int
    dynamics: Dynamics = "map"
    time_unit: str
    duration: float
    step_error: float = 0.0
    trajectories_agree: bool = True

    kind: ClassVar[str] = "lyapunov-spectrum"

    def __len__(self) -> int:
        return len(self.exponents)

    @property
    def converged(self) -> bool:
        """Whether all exponents have converged and no trajectory was lost."""
        return bool(self.exponent_converged.all()) and not (self.diverged_at >= 0).any()

    @property
    def complete(self) -> bool:
        """Whether there is an exponent for each state variable."""
        return len(self) == self.n_states

    @property
    def neutral(self) -> Array:
        """Which exponents are 0 within three standard errors, (exponent,) bool."""
        step = self.duration / max(int(self.parameters.get("n_steps", 1)), 1)
        return is_neutral(self.exponents, self.standard_errors, _ROUNDING / step)

    @property
    def kaplan_yorke(self) -> float:
        """The Kaplan-Yorke dimension, NaN when too few exponents are known; :meth:`notes` says why.

        Exponents that are converged and 0 within their errors count as 0: a limit cycle has dimension 1 whatever
        the sign of rounding.
        """
        if np.isnan(self.exponents).any():
            return math.nan
        clean = np.where(self.neutral & self.exponent_converged, 0.0, self.exponents)
        return kaplan_yorke(clean, n_states=self.n_states)

    def verdict(self) -> str:
        """Return what the signs of the exponents say about the attractor, in a few words."""
        if np.isnan(self.exponents).any():
            return "diverged: no trajectory stayed finite"
        neutral = self.neutral
        positive = int(np.count_nonzero((self.exponents > 0) & ~neutral))
        if positive:
            return "chaotic" if positive == 1 else f"hyperchaotic: {positive} positive exponents"
        if not neutral[0]:
            return "fixed point" if self.dynamics == "flow" else "fixed point or periodic orbit"
        if not self.exponent_converged[0]:
            return "undecided: the leading exponent is 0 within a large error"
        zeros = int(np.count_nonzero(neutral))
        if self.dynamics == "flow" and zeros == 1:
            return "limit cycle"
        if self.dynamics == "flow":
            return f"torus or continuous attractor: {zeros} neutral directions"
        return "limit cycle-like: a closed curve, or a continuous attractor, or a bifurcation"

    def notes(self) -> list[str]:
        """Return what to keep in mind about this estimate, one sentence each; often empty."""
        found = []
        lost = int(np.count_nonzero(self.diverged_at >= 0))
        if lost:
            first = self.diverged_at[self.diverged_at >= 0].min()
            found.append(
                f"{lost} of {len(self.diverged_at)} trajectories were no longer finite, the first by step {first}; "
                "left out"
            )
        if np.isnan(self.exponents).any():
            return found
        unsettled = np.flatnonzero(~self.exponent_converged)
        if len(unsettled):
            names = ", ".join(f"λ{index + 1}" for index in unsettled[:_SHOWN])
            found.append(f"not converged: {names}; use more steps, trajectories or a longer transient")
        if np.isneginf(self.exponents).any():
            found.append(
                f"{int(np.isneginf(self.exponents).sum())} exponents are −inf: the Jacobian sends directions to 0 "
                "within rounding"
            )
        if not self.trajectories_agree:
            found.append("trajectories differ by more than their errors: several attractors? see trajectory_exponents")
        if self.step_error > _INACCURATE:
            found.append(f"the Runge-Kutta step errs by {self.step_error:.0e} of the state: use a smaller dt")
        if math.isnan(self.kaplan_yorke):
            found.append(
                f"Kaplan-Yorke dimension unknown: the sum of the {len(self)} exponents is not negative yet; "
                "ask for more"
            )
        elif self.kaplan_yorke == self.n_states and self.exponents[0] > 0:
            found.append("the sum of all exponents is not negative: the dimension is that of the whole state space")
        return found

    def summary(self) -> str:
        """Return the exponents with their errors, the dimension, the verdict and the notes, as text."""
        lines = [f"{self.verdict()}; {self._dimension_line()}"]
        lines.append(f"exponents per {self.time_unit} ± standard error, from {self._effort()}:")
        for index in range(min(len(self), _SHOWN)):
            mark = "" if self.exponent_converged[index] else "  not converged"
            lines.append(f"  λ{index + 1:<3} {self.exponents[index]:+12.6f} ± {self.standard_errors[index]:.6f}{mark}")
        if len(self) > _SHOWN:
            lines.append(f"  … and {len(self) - _SHOWN} more")
        if self.complete:
            lines.append(f"  sum  {self.exponents.sum():+12.6f}")
        return "\n".join([*lines, *self.notes()])

    def _dimension_line(self) -> str:
        dimension = self.kaplan_yorke
        return "Kaplan-Yorke dimension " + ("unknown" if math.isnan(dimension) else f"{dimension:.3f}")

    def _effort(self) -> str:
        kept = int(np.count_nonzero(self.diverged_at < 0))
        return f"{kept} {'trajectory' if kept == 1 else 'trajectories'} of {self.duration:g} {self._plural_unit()}"

    def _plural_unit(self) -> str:
        return {"step": "steps", "unit of time": "units of time"}.get(self.time_unit, self.time_unit)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how the estimate of each exponent settled: the leading six in colour, zero as a dotted line."""
        drawn = plotting.axes_or_new(ax)
        colours = self._colours()
        for index in range(len(self) - 1, -1, -1):
            curve = self.history[:, index]
            label = f"λ{index + 1} = {self.exponents[index]:+.4g}" if index < _LABELLED else None
            curve = np.where(np.isfinite(curve), curve, np.nan)
            drawn.plot(self.history_times, curve, color=colours[index], label=label, linewidth=1.4 if label else 0.6)
        drawn.axhline(0.0, color=plotting.GREY, linewidth=0.8, linestyle=":")
        drawn.set_xlabel(f"averaging time ({self._plural_unit()})")
        drawn.set_ylabel(f"estimated exponent (per {self.time_unit})")
        known = not math.isnan(self.kaplan_yorke)
        drawn.set_title(self.verdict().partition(":")[0] + (f", {self._dimension_line()}" if known else ""))
        handles, labels = drawn.get_legend_handles_labels()
        # Beside the picture: spectra of networks fill it from top to bottom.
        drawn.legend(handles[::-1], labels[::-1], fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        return drawn

    def plot_spectrum(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the exponents against their rank, with two standard errors: filled if converged, open if not."""
        from matplotlib.ticker import MaxNLocator

        drawn = plotting.axes_or_new(ax)
        known = np.isfinite(self.exponents)
        ranks = np.arange(1, len(self) + 1)
        for wanted, face, label in ((True, plotting.INK, "converged"), (False, "white", "not converged")):
            chosen = known & (self.exponent_converged == wanted)
            if chosen.any():
                drawn.errorbar(
                    ranks[chosen], self.exponents[chosen], yerr=2 * self.standard_errors[chosen],
                    fmt="o", markersize=4, color=plotting.INK, markerfacecolor=face, label=label, capsize=2,
                )  # fmt: skip
        drawn.axhline(0.0, color=plotting.GREY, linewidth=0.8, linestyle=":")
        drawn.set_xlabel("rank")
        drawn.xaxis.set_major_locator(MaxNLocator(integer=True))
        drawn.set_ylabel(f"exponent (per {self.time_unit})")
        missing = len(self) - int(known.sum())
        drawn.set_title("Lyapunov spectrum ± 2 standard errors" + (f"; {missing} not finite" if missing else ""))
        if not self.exponent_converged[known].all():
            drawn.legend(fontsize="small")
        return drawn

    def _colours(self) -> list[Any]:
        from matplotlib import colormaps

        leading = min(len(self), _LABELLED)
        named = list(colormaps[plotting.SEQUENTIAL](np.linspace(0.0, 0.9, leading)))
        return named + [plotting.GREY] * (len(self) - leading)
