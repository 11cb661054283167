"""The Gaussian fit of a mean tuning curve as the brain-maturation study made it: on a line, from one start."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from ...errors import InputError
from ..selectivity.responses import response_array


class PublishedTuningFit(NamedTuple):
    """The curve minimum + area · exp(−(x − centre)² / 2 sd²) / (sd √2π) over positions x = 0, 1, 2, ….

    ``width`` is what the study reports, 2 sd, in steps between conditions.
    """

    area: float
    centre: float
    sd: float
    minimum: float

    @property
    def width(self) -> float:
        """2 sd, in steps between conditions."""
        return 2 * self.sd

    def predict(self, positions: Any) -> Any:
        """Return the curve at ``positions``."""
        x = np.asarray(positions, dtype=float)
        return self.minimum + _gaussian(x, self.area, self.centre, self.sd)


def published_tuning_fit(curve: Any) -> PublishedTuningFit:
    """Return the study's fit of an aligned mean curve (position,): least squares after its minimum is subtracted.

    For fits on the circle, with a free baseline and standard errors, see :func:`~dynascope.analysis.fit_tuning`.

    Parameters
    ----------
    curve : (position,)
        ``TuningCurves.mean_curve``: nine positions for eight locations, the fifth the preferred one.

    Raises
    ------
    InputError
        If the curve is not a vector of at least four finite numbers, or least squares does not converge from the
        study's start.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(9)
    >>> found = published_tuning_fit(2 * np.exp(-((x - 4) ** 2) / (2 * 0.65**2)))
    >>> round(found.width, 2)
    1.3
    """
    from scipy.optimize import OptimizeWarning, curve_fit

    found = response_array("curve", curve).astype(np.float64)
    if found.ndim != 1 or len(found) < 4:
        raise InputError(f"curve: expected a vector of at least 4 positions, found shape {found.shape}")
    x, minimum = np.arange(len(found), dtype=float), found.min()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # the covariance is not used
        try:
            (area, centre, sd), _ = curve_fit(_gaussian, x, found - minimum, p0=(found.max() + 1, 4, 1))
        except RuntimeError as error:
            raise InputError(f"curve: the published fit does not converge ({error}); use fit_tuning") from None
    sign = -1.0 if sd < 0 else 1.0  # the formula is the same with both signs turned
    return PublishedTuningFit(float(sign * area), float(centre), float(sign * sd), float(minimum))


def _gaussian(x: Any, area: float, centre: float, sd: float) -> Any:
    return area * np.exp(-np.square(x - centre) / (2 * sd**2)) / (sd * np.sqrt(2 * np.pi))
