"""Bursts and single spikes: when they happen, how often, and which of them says what.

``table`` lists spikes and groups them, ``trains`` makes arrays of them; ``measure`` counts rates, fractions and
intervals (``record``); ``codes`` decodes what the trials were from each kind of event (``features``, ``comparison``).
``drawing`` shows both.
"""

from .codes import compare_codes
from .comparison import CodeComparison
from .measure import burst_statistics
from .record import BurstStatistics
from .trains import BurstTrains, burst_trains

__all__ = [
    "BurstStatistics",
    "BurstTrains",
    "CodeComparison",
    "burst_statistics",
    "burst_trains",
    "compare_codes",
]
