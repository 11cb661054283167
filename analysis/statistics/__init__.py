"""Statistics that every analysis shares: permutations, p-values, corrections and bootstrap intervals.

Random numbers are counter-based: permutation or resample number i is a function of the seed and of i alone, so the
answer does not depend on how the work is cut into blocks, nor on the machine or process that does a block.

The work is done in ``streams`` (random numbers by number), ``arrangements`` (counting and listing the distinct
orders of labels), ``permutations``, ``p_values``, ``familywise`` (maximum statistic), ``clusters``, ``adjustment``
(p-values of many tests), ``nesting`` (drawing from groups within groups), ``intervals`` and ``bootstrap``.
"""

from .adjustment import ADJUSTMENTS, adjust_p_values
from .bootstrap import bootstrap_interval, hierarchical_bootstrap
from .clusters import ClusterTest, cluster_test
from .familywise import max_statistic_p_values
from .intervals import INTERVALS, Interval
from .p_values import TAILS, permutation_p_values
from .permutations import Permutations

__all__ = [
    "ADJUSTMENTS",
    "INTERVALS",
    "TAILS",
    "ClusterTest",
    "Interval",
    "Permutations",
    "adjust_p_values",
    "bootstrap_interval",
    "cluster_test",
    "hierarchical_bootstrap",
    "max_statistic_p_values",
    "permutation_p_values",
]
