"""Pictures of one unit: a polar plot, and panels of its activity at every location round it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ... import plotting
from ...errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.projections.polar import PolarAxes

    from .sample_unit import SampleUnit

# Panels of a 3 × 3 grid, row by row, clockwise from the top middle.
_RING = (1, 2, 5, 8, 7, 6, 3, 0)
_CENTRE = 4
_PER_ROW = 6
_COLOUR = plotting.BLUE


def polar_rates(found: "SampleUnit", ax: Any) -> "PolarAxes":
    """Draw rates over the largest at their angles, 0 at the top and clockwise; a black spoke where preferred."""
    if ax is None:
        ax = _polar(plotting.figure(width=3.2, height=3.4), 0)
        ax.set_title(f"unit {found.unit}: {found.quantity} / largest (rings: 0.5, 1)", loc="left", fontsize="medium")
    if getattr(ax, "name", "") != "polar":
        raise InputError(f"ax: expected polar axes, found {type(ax).__name__}")
    polar: PolarAxes = ax
    polar.set_theta_zero_location("N")
    polar.set_theta_direction(-1)
    rates = np.maximum(found.normalized_rates, 0)  # a radius is not negative
    order = np.argsort(np.mod(found.angles, 2 * np.pi))
    closed = np.append(order, order[0])
    if np.isfinite(rates).all():
        polar.plot(found.angles[closed], rates[closed], color=_COLOUR, marker="o", markersize=3)
        polar.fill(found.angles[closed], rates[closed], color=_COLOUR, alpha=0.18, linewidth=0)
        polar.plot([found.angles[found.preferred]] * 2, [0, 1], color=plotting.INK, linewidth=1.6)
    polar.set_ylim(0, 1.05)
    polar.set_yticks([0.5, 1.0], ["", ""])
    polar.set_xticks(np.arange(8) * np.pi / 4)
    polar.tick_params(labelsize="x-small", pad=-1)
    polar.grid(color=plotting.GREY, alpha=0.4, linewidth=0.5)
    return polar


def location_grid(found: "SampleUnit") -> "Figure":
    """Draw the activity at every location with its standard error, in one range, and the polar plot."""
    n = len(found.locations)
    if n == len(_RING):
        drawn = plotting.figure(rows=3, columns=3, width=2.3, height=1.9)
        # Locations take their places round the circle by angle, whatever the order of their labels.
        order = np.argsort(np.mod(found.angles + np.pi / n, 2 * np.pi), kind="stable")
        places = dict(zip(order.tolist(), _RING, strict=True))
        centre, left, lowest = _CENTRE, {0, 3, 6}, {6, 7, 8}
    else:
        rows = -(-(n + 1) // _PER_ROW)
        columns = -(-(n + 1) // rows)
        drawn = plotting.figure(rows=rows, columns=columns, width=2.1, height=2.0)
        places = {location: location + 1 for location in range(n)}
        for spare in drawn.axes[n + 1 :]:
            spare.set_visible(False)
        centre, left = 0, {1, *range(columns, n + 1, columns)}
        lowest = {place for place in range(n + 1) if place + columns > n}
    panels = list(drawn.axes)
    low, high = _range(found)
    for location, place in places.items():
        _panel(found, panels[place], location, outer_left=place in left, outer_low=place in lowest)
        panels[place].set_ylim(low, high)
    polar_rates(found, _polar(drawn, centre))
    start, stop = found.epoch
    about = (
        f"unit {found.unit}, prefers {_degrees(found, found.preferred)}, {start:g} to {stop:g} s shaded; ± SEM; "
        "circle: mean there / largest"
    )
    with plotting.style():
        lines = [line for line in (found.description, about) if line]
        drawn.suptitle("\n".join(lines), x=0.01, ha="left", fontsize="medium")
    return drawn


def _panel(found: "SampleUnit", ax: "Axes", location: int, *, outer_left: bool, outer_low: bool) -> None:
    mean, error = found.mean[location], np.nan_to_num(found.sem[location])
    ax.axvspan(*found.epoch, color=plotting.INK, alpha=0.07, linewidth=0)
    plotting.banded_curve(ax, found.time, mean, mean - error, mean + error, label=None, color=_COLOUR)
    ax.set_title(_degrees(found, location), fontsize="small", pad=2)
    ax.margins(x=0)
    ax.tick_params(labelsize="x-small", labelleft=outer_left, labelbottom=outer_low)
    if outer_left:
        ax.set_ylabel(found.quantity, fontsize="small")
    if outer_low:
        ax.set_xlabel("time (s)", fontsize="small")


def _degrees(found: "SampleUnit", location: int) -> str:
    return f"{np.rad2deg(found.angles[location]):.4g}°"


def _range(found: "SampleUnit") -> tuple[float, float]:
    error = np.nan_to_num(found.sem)
    low, high = float(np.nanmin(found.mean - error)), float(np.nanmax(found.mean + error))
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _polar(drawn: "Figure", place: int) -> Any:
    """Return polar axes in the place of a panel."""
    panel = drawn.axes[place]
    where = panel.get_subplotspec()
    assert where is not None
    panel.remove()
    with plotting.style():
        return drawn.add_subplot(where, projection="polar")
