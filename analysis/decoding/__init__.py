"""Decoding of trial labels from activity over time: how well, how stably, and how surely.

``cross_temporal`` is the analysis. It makes ``folds``, averages activity in ``windows``, and asks a decoder for
predictions: those with a closed form (``linear``, on the algebra of ``projected_ridge``, and ``covariance``) through
``predictions``, all others through ``estimators``; ``classifiers`` knows their names. ``significance`` scores
predictions and permutes labels, ``record`` and ``drawing`` are the result. ``pseudo_population`` makes one population
of several recordings, ``leaks`` checks that a pipeline finds nothing in noise, ``published`` repeats a published scheme
that does.
"""

from .cross_temporal import cross_temporal_decoding
from .leaks import LeakCheck, leak_check
from .pseudo_population import PseudoPopulation, pseudo_population
from .record import CrossTemporalDecoding
from .stability import stability_index

__all__ = [
    "CrossTemporalDecoding",
    "LeakCheck",
    "PseudoPopulation",
    "cross_temporal_decoding",
    "leak_check",
    "pseudo_population",
    "stability_index",
]
