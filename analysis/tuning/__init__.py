"""Tuning to a circular variable: curves aligned without bias, and fits with standard errors.

``circle`` knows angles, ``alignment`` splits trials and aligns, ``measure`` makes the result of ``curves``; ``models``
and ``solver`` fit bumps, ``fit`` makes the result of ``fits``; ``published`` is the fit of the brain-maturation study.
"""

from .curves import TuningCurves
from .fit import fit_tuning
from .fits import TuningFits
from .measure import tuning_curves
from .published import PublishedTuningFit, published_tuning_fit

__all__ = [
    "PublishedTuningFit",
    "TuningCurves",
    "TuningFits",
    "fit_tuning",
    "published_tuning_fit",
    "tuning_curves",
]
