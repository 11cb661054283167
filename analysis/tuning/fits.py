"""Gaussian and von Mises fits of tuning, with standard errors and a word on every fit that should not be used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...results import axes
from ..selectivity.noncentral import confidence_level
from ..selectivity.record import UnitResult, counted
from ..validation import Array
from .models import MODELS, half_width_slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STATUS = ("ok", "constant", "no better than flat", "width at its limit", "not converged")
"""What ``TuningFits.status`` counts through."""
PARAMETERS = ("baseline", "amplitude", "preferred", "width")


@dataclass(frozen=True, eq=False, kw_only=True)
class TuningFits(UnitResult):
    """One fitted tuning curve per unit: baseline + amplitude · bump(θ − preferred; width).

    Attributes
    ----------
    parameters_found, standard_errors : ndarray, shape (unit, parameter)
        In the order of :data:`PARAMETERS`; preferred in [0, period), and the σ of a Gaussian, in units of the period;
        the κ of a von Mises bump is a pure number. Errors are from the Jacobian; NaN where ``status`` is not "ok" or
        the unit is deterministic.
    full_width, full_width_errors : ndarray, shape (unit,)
        Width of the bump at half its height, in units of the period.
    r_squared : ndarray, shape (unit,)
        Share of the variation between angles (of the means) that the curve accounts for; NaN for constant units.
    lack_of_fit_p_values : ndarray, shape (unit,)
        Of the F test of the curve against free means of the angles; NaN without repeated angles, or more than four of
        them.
    status : ndarray of int, shape (unit,)
        Index into :data:`STATUS`.
    deterministic : ndarray of bool, shape (unit,)
        Trials of the same angle are equal: the curve holds, but nothing is known of its errors, which are NaN.
    model : str
    period : float
    df_residual : int
        Samples less parameters; 0 when errors of the responses were given and the normal distribution holds.
    n_samples : int
    """

    parameters_found: Array = axes("unit", "parameter")
    standard_errors: Array = axes("unit", "parameter")
    full_width: Array = axes("unit")
    full_width_errors: Array = axes("unit")
    r_squared: Array = axes("unit")
    lack_of_fit_p_values: Array = axes("unit")
    status: Array = axes("unit")
    deterministic: Array = axes("unit")
    model: str
    period: float
    df_residual: int
    n_samples: int

    kind: ClassVar[str] = "tuning_fits"

    @property
    def ok(self) -> Array:
        """Fits to use, (unit,) bool."""
        return np.asarray(self.status == STATUS.index("ok"))

    @property
    def baseline(self) -> Array:
        """Response far from the preferred angle, (unit,)."""
        return np.asarray(self.parameters_found[:, 0])

    @property
    def amplitude(self) -> Array:
        """Height of the peak above the baseline, (unit,)."""
        return np.asarray(self.parameters_found[:, 1])

    @property
    def preferred(self) -> Array:
        """Angle of the peak, (unit,)."""
        return np.asarray(self.parameters_found[:, 2])

    @property
    def width(self) -> Array:
        """σ or κ, (unit,)."""
        return np.asarray(self.parameters_found[:, 3])

    def predict(self, angles: Any) -> Array:
        """Return the fitted curves at ``angles``, (unit, angle)."""
        to_radians = 2 * np.pi / self.period
        scaled = self.parameters_found * [1.0, 1.0, to_radians, self._width_scale()]
        return MODELS[self.model].value(scaled, np.asarray(angles, dtype=float).reshape(-1) * to_radians)

    def intervals(self, level: float = 0.95) -> Array:
        """Return confidence intervals of the parameters, (2, unit, parameter), from Student's t; NaN where not "ok".

        Raises ConfigurationError if ``level`` is not between 0 and 1.
        """
        from scipy.special import ndtri, stdtrit

        upper = (1 + confidence_level(level)) / 2
        reach = (stdtrit(self.df_residual, upper) if self.df_residual else ndtri(upper)) * self.standard_errors
        return np.stack([self.parameters_found - reach, self.parameters_found + reach])

    def summary(self) -> str:
        """Return how many fits can be used, why others cannot, and the medians of the good ones."""
        n = len(self.status)
        shape = MODELS[self.model]
        lines = [f"{self.model.replace('_', ' ')} tuning, {shape.formula}: {n} units, {self.n_samples} samples"]
        lines += [
            f"{name}: {counted((self.status == code).sum(), n)}"
            for code, name in enumerate(STATUS)
            if code == 0 or (self.status == code).any()
        ]
        if self.ok.any():
            middle = {
                name: np.median(getattr(self, name)[self.ok]) for name in ("amplitude", "full_width", "r_squared")
            }
            lines.append(
                f"medians: amplitude {middle['amplitude']:.4g}, full width at half height {middle['full_width']:.4g} "
                f"(period {self.period:.4g}), R² {middle['r_squared']:.3f}"
            )
            poor = self.ok & (self.lack_of_fit_p_values <= 0.01)
            if poor.any():
                lines.append(
                    f"of these the shape is rejected (lack of fit, p ≤ 0.01): {counted(poor.sum(), self.ok.sum())}"
                )
        if self.deterministic.any():
            words = "equal trials within every angle (deterministic), no standard errors"
            lines.append(f"{words}: {counted(self.deterministic.sum(), n)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw preferred angle against full width of the usable fits, with standard errors."""
        from .drawing import preferred_and_width

        return preferred_and_width(self, plotting.axes_or_new(ax, width=4.6))

    def _width_scale(self) -> float:
        return 2 * np.pi / self.period if self.model == "gaussian" else 1.0


def full_widths(model: str, width: Array, errors: Array, period: float) -> tuple[Array, Array]:
    """Return the full width at half height and its standard error, in units of the period, from widths in radians."""
    shape = MODELS[model]
    scale = 2 * period / (2 * np.pi)
    return scale * shape.half_width(width), scale * np.abs(half_width_slope(shape, width)) * errors
