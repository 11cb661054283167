"""What every decomposition reports: how close it came, how it got there, and where it stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ...results import Result, axes
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class Decomposition(Result):
    """Base of the low-rank forms of a tensor (axis_0, axis_1, axis_2).

    ``relative_error`` is ‖X − X̂‖ / ‖X‖ over the observed entries, and ``errors`` (sweep,) its values after each
    sweep, which never rise; ``converged`` says whether they settled to the tolerance and ``message`` tells the
    outcome in words. ``n_parameters`` counts the free numbers of the form, its exact symmetries taken off.
    """

    shape: tuple[int, ...]
    relative_error: float
    errors: Array = axes("sweep")
    converged: bool = True
    message: str = ""

    @property
    def tensor(self) -> Array:
        """The approximation itself, shape (axis_0, axis_1, axis_2)."""
        raise NotImplementedError

    @property
    def n_parameters(self) -> int:
        """The number of free parameters."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """The form and its ranks in words."""
        raise NotImplementedError

    @property
    def explained(self) -> float:
        """Share of the sum of squares that the approximation accounts for, 1 − relative_error²."""
        return 1 - self.relative_error**2

    @property
    def n_sweeps(self) -> int:
        """The number of sweeps, 0 where one decomposition solves the problem."""
        return len(self.errors)

    def summary(self) -> str:
        """Return the form, its ranks, size, error and how the fit ended."""
        size = " × ".join(map(str, self.shape))
        return (
            f"{self.title} of {size}, {self.n_parameters} parameters\n"
            f"relative error {self.relative_error:.6f}, {self.explained:.2%} of the sum of squares\n{self.message}"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the relative error after each sweep; a line across where there were none."""
        ax = plotting.axes_or_new(ax)
        if self.n_sweeps:
            ax.plot(np.arange(1, self.n_sweeps + 1), self.errors, ".-", color=plotting.INK, markersize=4)
        else:
            ax.axhline(self.relative_error, color=plotting.INK)
        ax.set(xlabel="sweep", ylabel="relative error", title=self.title)
        return ax


def relative(residual: Array, norm: float) -> float:
    """Return ‖residual‖ / norm; 0 for a tensor of zeros, which every form fits exactly."""
    return float(np.linalg.norm(residual)) / norm if norm else 0.0


def outcome(errors: Sequence[float], *, converged: bool, tolerance: float) -> str:
    """Return the sentence that tells how the sweeps ended."""
    if converged:
        return f"converged after {len(errors)} sweeps (change below {tolerance:.0e})"
    last = errors[-2] - errors[-1] if len(errors) > 1 else errors[-1]
    return f"stopped after {len(errors)} sweeps; the last one still lowered the relative error by {last:.1e}"


def settled(errors: Sequence[float], tolerance: float) -> bool:
    """Return whether the last sweep changed the relative error by at most ``tolerance``, or it cannot fall further."""
    if len(errors) < 2:
        return False
    # Below this only rounding is left to fit.
    return errors[-1] < 1e-15 or abs(errors[-2] - errors[-1]) <= tolerance


def describe(values: Sequence[Any]) -> str:
    """Return ranks as text: (2, 1, 1)."""
    return f"({', '.join(map(str, values))})"
