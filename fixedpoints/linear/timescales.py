"""Time constants, frequencies and types of fixed points, from their eigenvalues."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..problem import Dynamics
from ..stability import MARGIN, growth, point_types

Array = npt.NDArray[Any]

# Moduli of 1 and real parts of 0 are computed to this accuracy at best: their time constants are infinite.
_ROUND_OFF = 1e-12


def time_scales(values: Array, dynamics: Dynamics, dt: float = 1.0) -> tuple[Array, Array]:
    """Return time constants and frequencies of eigenvalues, each of the shape of ``values``.

    τ = −dt / ln |λ| and |arg λ| / (2π dt) of a map, −1 / Re λ and |Im λ| / 2π of a flow. Growth no larger than
    1e-12 (of a flow, of the largest |λ| of its point) is neutral, τ = inf.

    Examples
    --------
    >>> time_scales(np.array([[1.0, -0.5, 0.0]], dtype=complex), "map")
    (array([[       inf, 1.44269504, 0.        ]]), array([[0. , 0.5, 0. ]]))
    """
    moving = np.abs(growth(values, dynamics)) > _ROUND_OFF
    if dynamics == "flow":
        rates = -values.real
        frequencies = np.abs(values.imag) / (2 * np.pi)
    else:
        size = np.abs(values)
        rates = -np.log(size, out=np.full(size.shape, -np.inf), where=size > 0) / dt
        # The angle of +0.0 - 0.0i is 0 and that of -0.0 is π: zero does not turn.
        frequencies = np.where(size > 0, np.abs(np.angle(values)), 0.0) / (2 * np.pi * dt)
    return np.divide(1.0, rates, out=np.full(values.shape, np.inf), where=moving), frequencies


def detailed_types(values: Array, dynamics: Dynamics = "map") -> list[str]:
    """Return the type of each point: node or focus, number of unstable directions, for eigenvalues (k, state).

    ``stable``, ``saddle``, repeller and ``marginal`` as :func:`~dynascope.fixedpoints.stability.point_types` has it.
    Focus: the leading eigenvalue is complex; of a saddle, that of those that grow or that of those that decay.

    Examples
    --------
    >>> detailed_types(np.array([[2.0, 0.5, 0.1], [0.5, 0.1, 0.0], [1.0, 0.2, 0.0]], dtype=complex))
    ['saddle with 1 unstable direction', 'stable node', 'marginal']
    """
    rates = growth(values, dynamics)
    turning = np.abs(values.imag) > MARGIN * np.abs(values).max(axis=-1, keepdims=True, initial=0.0)
    return [
        _detailed(name, rate, turn)
        for name, rate, turn in zip(point_types(values, dynamics), rates, turning, strict=True)
    ]


def _detailed(name: str, rates: Array, turning: Array) -> str:
    if name in ("stable", "repeller"):
        return f"{'stable' if name == 'stable' else 'repelling'} {'focus' if turning[0] else 'node'}"
    if name == "marginal":
        return name
    unstable, decaying = int(np.count_nonzero(rates > MARGIN)), np.flatnonzero(rates < -MARGIN)
    # Eigenvalues are in descending order of growth: the first that decays is the slowest to do so.
    focus = turning[0] or (len(decaying) > 0 and turning[decaying[0]])
    return f"saddle{'-focus' * bool(focus)} with {unstable} unstable direction{'s' * (unstable > 1)}"
