"""Bumps on a circle: value and derivatives of the models of tuning, for many units at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..validation import Array

Bump = Callable[[Array, Array], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Model:
    """A tuning curve: baseline + amplitude · bump(θ − preferred; width), angles in radians.

    ``bump(δ, width)`` returns the bump, 1 at δ = 0, and its derivatives by the preferred angle and by the
    logarithm of the width. ``limits(gap)`` returns the narrowest and the broadest width that angles with this largest
    gap can tell; ``half_width(width)`` the distance at which the bump is ½.
    """

    name: str
    formula: str
    bump: Bump
    limits: Callable[[float], tuple[float, float]]
    half_width: Callable[[Array], Array]

    def value(self, parameters: Array, angles: Array) -> Array:
        """Return the curve (unit, angle) of parameters (unit, 4): baseline, amplitude, preferred, width."""
        baseline, amplitude, preferred, width = (parameters[:, i, np.newaxis] for i in range(4))
        return np.asarray(baseline + amplitude * self.bump(angles - preferred, width)[0])

    def value_and_jacobian(self, parameters: Array, angles: Array) -> tuple[Array, Array]:
        """Return the curve and its derivatives by baseline, amplitude, preferred and log width, (unit, angle, 4)."""
        baseline, amplitude, preferred, width = (parameters[:, i, np.newaxis] for i in range(4))
        bump, by_preferred, by_log_width = self.bump(angles - preferred, width)
        jacobian = np.stack([np.ones_like(bump), bump, amplitude * by_preferred, amplitude * by_log_width], axis=-1)
        return baseline + amplitude * bump, jacobian


def _von_mises(delta: Array, kappa: Array) -> tuple[Array, Array, Array]:
    depth = kappa * (np.cos(delta) - 1)
    bump = np.exp(depth)
    return bump, kappa * np.sin(delta) * bump, depth * bump


def _gaussian(delta: Array, sigma: Array) -> tuple[Array, Array, Array]:
    scaled = (np.mod(delta + np.pi, 2 * np.pi) - np.pi) / sigma
    bump = np.exp(-np.square(scaled) / 2)
    return bump, scaled / sigma * bump, np.square(scaled) * bump


def _von_mises_half_width(kappa: Array) -> Array:
    # Bumps of κ < ln(2) / 2 do not fall to ½ anywhere.
    return np.asarray(np.arccos(np.maximum(1 - np.log(2) / kappa, -1.0)))


MODELS: dict[str, Model] = {
    "gaussian": Model(
        "gaussian",
        "exp(−d² / 2σ²), d the distance on the circle",
        _gaussian,
        lambda gap: (gap / 4, np.pi),
        lambda sigma: np.minimum(sigma * np.sqrt(2 * np.log(2)), np.pi),
    ),
    "von_mises": Model(
        "von_mises",
        "exp(κ (cos(θ − preferred) − 1))",
        _von_mises,
        lambda gap: (1 / np.pi**2, (4 / gap) ** 2),
        _von_mises_half_width,
    ),
}


def half_width_slope(model: Model, width: Array) -> Array:
    """Return the derivative of the half width by the width, for errors carried over from one to the other."""
    step: Any = 1e-6 * width
    return np.asarray((model.half_width(width + step) - model.half_width(width - step)) / (2 * step))
