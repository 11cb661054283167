"""How differently two populations move, whatever the coordinates that are recorded."""

from typing import Any

import numpy as np

from ...errors import InputError
from .. import validation
from .conjugation import conjugation_angle
from .eigenvalues import wasserstein
from .operators import DynamicModes, dynamic_modes

METRICS = ("wasserstein", "angular")


def dynamical_distance(
    x: Any, y: Any, *, rank: int = 10, n_delays: int = 1, metric: str = "wasserstein", seed: int = 0
) -> float:
    """Return the distance between the linear operators fitted to the delay-embedded activity of two populations.

    Parameters
    ----------
    x, y : array (trial, time, unit), or DynamicModes
        Trials, times and units may differ; the time step must not. Results of :func:`dynamic_modes`
        serve as well, to fit each of many once.
    rank, n_delays : int
        As for :func:`dynamic_modes`; both populations have the same rank.
    metric : {"wasserstein", "angular"}
        Wasserstein: mean distance of eigenvalues in the complex plane under their best assignment; exact and fast; does
        not see how far operators are from normal. Angular: least angle in radians between A and C B Cᵀ over
        orthogonal C, [0, π].
    seed : int
        Of the random starts of the angular metric.

    Raises
    ------
    InputError
        As :func:`dynamic_modes`; operators of different rank.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    Zero for populations with the same dynamics in rotated coordinates, and for invertible maps of the activity with one
    delay when no component is dropped. Networks driven by input or noise move as those make them: compare under the
    same input.

    The angular metric has no closed form. It starts where symmetric and skew parts match, which is exact for equal
    operators, and improves several starts by quasi-Newton steps; it is an upper bound otherwise.

    References
    ----------
    Ostrow, Eisen, Kozachkov, Fiete (2023), Beyond geometry: comparing the temporal structure of computation in neural
    circuits with dynamical similarity analysis.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> slow, fast = (np.exp(-rate * np.arange(30.0))[:, np.newaxis] for rate in (0.1, 0.5))
    >>> starts = generator.standard_normal((20, 1, 1))
    >>> round(dynamical_distance(starts * slow, starts * fast, rank=1), 2)
    0.3
    """
    validation.choice("metric", metric, METRICS)
    seed = validation.whole_number("seed", seed, least=0)
    modes = [
        value if isinstance(value, DynamicModes) else dynamic_modes(value, rank=rank, n_delays=n_delays, name=name)
        for name, value in (("x", x), ("y", y))
    ]
    if len(modes[0].operator) != len(modes[1].operator):
        raise InputError(
            f"y: has {len(modes[1].operator)} dynamic modes, x has {len(modes[0].operator)}; expected the same"
        )
    if metric == "wasserstein":
        return wasserstein(modes[0].eigenvalues, modes[1].eigenvalues)
    operators = [each.operator for each in modes]
    for name, operator in zip(("x", "y"), operators, strict=True):
        if not np.linalg.norm(operator) > 1e-12:
            raise InputError(f"{name}: its operator is zero (no sample predicts the next), so it has no direction")
    return conjugation_angle(*operators, seed=seed)
