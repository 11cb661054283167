"""The eigenvalues of fixed points in the complex plane."""

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...results import count_noun
from ..problem import Dynamics
from ..stability import point_types

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_BOUNDARY = "#f1f1f1"
# type of point: (colour, filled, marker)
_MARKS = {
    "stable": (plotting.STABLE, True, "o"),
    "marginal": (plotting.GREY, True, "D"),
    "saddle": (plotting.UNSTABLE, False, "o"),
    "repeller": (plotting.UNSTABLE, False, "s"),
}


class HasSpectrum(Protocol):
    """Fixed points or their linearisation."""

    @property
    def eigenvalues(self) -> Array:
        """Eigenvalues, (k, state)."""

    @property
    def dynamics(self) -> Dynamics:
        """Whether they are of a map or of a flow."""


def spectrum_plot(points: HasSpectrum, ax: "Axes | None" = None) -> "Axes":
    """Draw the eigenvalues of each point's Jacobian and return the axes.

    What lies in the shaded region decays: inside the unit circle of a map, left of the imaginary axis of a
    flow. The mark says which type of point an eigenvalue belongs to: filled green of a stable point, grey diamonds
    of a marginal one, open red circles of a saddle, open red squares of a repeller.

    Parameters
    ----------
    points : FixedPoints or Linearization
    ax : where to draw; a new figure when None
    """
    drawn = plotting.axes_or_new(ax, width=4.4, height=4.4)
    values, dynamics = points.eigenvalues, points.dynamics
    types = np.array(point_types(values, dynamics), dtype=object)
    _draw_boundary(drawn, values, dynamics)
    for name, (colour, filled, marker) in _MARKS.items():
        if (types == name).any():
            _scatter(drawn, values[types == name], name, colour=colour, filled=filled, marker=marker)
    drawn.set_aspect("equal", adjustable="box")
    unit = "" if dynamics == "map" else " (per unit of time)"
    drawn.set_xlabel(f"real part of λ{unit}")
    drawn.set_ylabel(f"imaginary part of λ{unit}")
    drawn.set_title(f"eigenvalues of {count_noun(len(values), 'fixed point')}")
    if values.size:
        # Below the axes: a spectrum may fill all of them.
        drawn.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, frameon=False)
    return drawn


def _scatter(ax: "Axes", values: Array, name: str, *, colour: str, filled: bool, marker: str) -> None:
    ax.scatter(
        values.real.ravel(),
        values.imag.ravel(),
        s=16,
        marker=marker,
        facecolors=colour if filled else "none",
        edgecolors=colour,
        linewidths=1.0,
        alpha=0.8,
        label=f"{name} ({count_noun(len(values), 'point')})",
        zorder=3,
    )


def _draw_boundary(ax: "Axes", values: Array, dynamics: Dynamics) -> None:
    """Shade where perturbations decay and set limits around all eigenvalues, at most twice as wide as high."""
    from matplotlib.patches import Circle, Rectangle

    low, high = float(values.real.min(initial=0.0)), float(values.real.max(initial=0.0))
    side = float(np.abs(values.imag).max(initial=0.0))
    if dynamics == "map":
        low, high, side = min(low, -1.0), max(high, 1.0), max(side, 1.0)
    size = max(high - low, 2 * side) or 1.0
    # Equal scales on both axes: the shorter one gets at least half the length of the other.
    low, high = low - 0.06 * size, high + 0.06 * size
    room = max(0.0, 0.56 * size - (high - low)) / 2
    low, high, side = low - room, high + room, max(side + 0.06 * size, 0.28 * size)
    if dynamics == "map":
        ax.add_patch(Circle((0, 0), 1, facecolor=_BOUNDARY, edgecolor=plotting.INK, linewidth=0.8, zorder=0))
    else:
        ax.add_patch(Rectangle((low, -side), -low, 2 * side, facecolor=_BOUNDARY, edgecolor="none", zorder=0))
        ax.axvline(0, color=plotting.INK, linewidth=0.8, zorder=1)
    ax.set_xlim(low, high)
    ax.set_ylim(-side, side)
