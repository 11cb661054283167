"""The pictures of tuning: mean curves, and preferred angles with widths."""

from typing import TYPE_CHECKING

import numpy as np

from ... import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .curves import TuningCurves
    from .fits import TuningFits

# Thin curves of single units: more would hide the mean.
_UNITS = 40


def angle_unit(period: float) -> tuple[float, str]:
    """Return a factor to degrees and "°" for radians and degrees, else 1 and no unit."""
    if np.isclose(period, 2 * np.pi):
        return 180 / np.pi, "°"
    return 1.0, "°" if np.isclose(period, 360) else ""


def mean_curve(curves: "TuningCurves", ax: "Axes") -> "Axes":
    """Draw the mean aligned curve with its standard error, and thin behind it the curves of up to 40 units."""
    ranked = curves.alignment == "ranked"
    factor, sign = (1.0, "") if ranked else angle_unit(curves.period)
    x = curves.offsets * factor + (1 if ranked else 0)
    shown = np.flatnonzero(curves.used)
    for unit in shown[:: max(1, -(-len(shown) // _UNITS))]:
        ax.plot(x, curves.aligned[unit], color=plotting.GREY, linewidth=0.5, alpha=0.35, zorder=1)
    colour = plotting.BLUE
    error = np.nan_to_num(curves.mean_curve_errors)
    ax.fill_between(
        x, curves.mean_curve - error, curves.mean_curve + error, color=colour, alpha=0.25, linewidth=0, zorder=2
    )
    ax.plot(x, curves.mean_curve, "o-", color=colour, markersize=3.5, label="mean ± s.e.m. over units", zorder=3)
    if ranked:
        ax.set(xlabel="rank of the condition on other trials", xticks=x)
    else:
        steps = curves.offsets * factor
        ax.set(xlabel="distance from preferred" + (f" ({sign})" if sign else " (steps)"))
        ax.set_xticks(steps if len(steps) <= 9 else steps[::2])
    ax.set(ylabel="response")
    ax.set_title(f"{curves.mode} tuning, {curves.used.sum()} of {len(curves.used)} units")
    ax.legend(fontsize="small", frameon=False)
    return ax


def preferred_and_width(fits: "TuningFits", ax: "Axes") -> "Axes":
    """Draw preferred angle against full width of the usable fits, with standard errors."""
    factor, sign = angle_unit(fits.period)
    ok = fits.ok
    label = f" ({sign})" if sign else " (steps)"
    ax.errorbar(
        fits.preferred[ok] * factor,
        fits.full_width[ok] * factor,
        xerr=np.nan_to_num(fits.standard_errors[ok, 2]) * factor,
        yerr=np.nan_to_num(fits.full_width_errors[ok]) * factor,
        fmt="o",
        color=plotting.VERMILION,
        ecolor=plotting.GREY,
        elinewidth=0.6,
        markersize=3,
    )
    ax.set(xlabel="preferred" + label, ylabel="full width at half height" + label)
    ax.set_xlim(0, fits.period * factor)
    ax.set_ylim(bottom=0)
    ax.set_title(f"{fits.model.replace('_', ' ')} fits: {ok.sum()} of {len(ok)} units usable")
    return ax
