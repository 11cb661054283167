"""Marks of fixed points: the shape says the type, filled means stable, open unstable. And colours of attractors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ... import plotting
from ...errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

# A word in the name of a type → marker; the first that fits. Circles attract or repel in all directions.
_MARKERS = {"saddle": "D", "marginal": "s", "stable": "o", "repeller": "o"}

# Paul Tol's muted scheme: nine colours that stay apart under the common colour-vision deficiencies. Its green stands
# late: next to the green of stable points it would be read as that.
_MUTED = ("#332288", "#DDCC77", "#88CCEE", "#CC6677", "#AA4499", "#999933", "#882255", "#44AA99", "#117733")


def attractor_colours(number: int) -> list[str]:
    """Return one colour per attractor, the same for the same number in every picture of the suite.

    Beyond nine attractors no scheme keeps all apart: the rest is taken from a ramp of lightness, and numbers on the
    marks tell them apart.
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    ramp = colormaps["cividis"](np.linspace(0.05, 0.95, max(number - len(_MUTED), 1)))
    return [*_MUTED, *(to_hex(colour) for colour in ramp)][:number]


def legend_groups(stable: Array, types: Sequence[str] | None) -> dict[str, Array]:
    """Return which points (k,) bool each entry of the legend holds: the types, or stable and unstable.

    Raises
    ------
    InputError
        If there are not as many types as points.
    """
    stable = np.asarray(stable, bool)
    if types is None:
        groups = {"stable": stable, "unstable": ~stable}
    else:
        if len(types) != len(stable):
            raise InputError(f"types: expected one per point ({len(stable)}), found {len(types)}")
        names = np.array(list(types), dtype=object)
        groups = {name: names == name for name in dict.fromkeys(sorted(types, key=_rank))}
    return {name: rows for name, rows in groups.items() if rows.any()}


def draw_points(
    ax: "Axes", places: Array, stable: Array, types: Sequence[str] | None = None, *, size: float = 34
) -> None:
    """Draw points at ``places`` (k, 2), or (k, 3) on axes in space: filled if stable, open if not.

    Without ``types`` all marks are circles; with them (as :meth:`FixedPoints.types` gives them, or any names
    that contain ``saddle``, ``marginal``, ``stable`` or ``repeller``) saddles are diamonds, marginal points squares.
    """
    stable = np.asarray(stable, bool)
    for name, rows in legend_groups(stable, types).items():
        style: dict[str, Any] = {"s": size, "linewidths": 1.4, "zorder": 4, "marker": _marker(name, types)}
        if places.shape[1] == 3:
            style["depthshade"] = False
        # One group may hold both kinds ("focus"): filled and open are drawn apart, and named once.
        label: str | None = name
        for chosen, face, edge in (
            (rows & stable, plotting.STABLE, plotting.STABLE),
            (rows & ~stable, "white", plotting.UNSTABLE),
        ):
            if chosen.any():
                ax.scatter(*places[chosen].T, facecolors=face, edgecolors=edge, label=label, **style)
                label = None


def legend_below(ax: "Axes") -> None:
    """Put the legend under the axis label, where it hides neither points nor curves."""
    entries = len(ax.get_legend_handles_labels()[1])
    ax.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=min(entries, 3), fontsize="small", frameon=False,
        borderpad=0,
    )  # fmt: skip


def _marker(name: str, types: Sequence[str] | None) -> str:
    if types is None:
        return "o"
    return next((marker for word, marker in _MARKERS.items() if word in name), "o")


def _rank(name: str) -> tuple[int, str]:
    order = ("stable", "saddle", "repeller", "marginal")
    return next((i for i, word in enumerate(order) if name.startswith(word)), len(order)), name
