"""Single-unit analyses of maturation: what changes between stages of training, with intervals over networks.

``stage_means`` averages numbers of checkpoints over stages. ``saccade_errors`` (``error_table``, ``medians``,
``saccade_record``) and ``distractor`` are about responses, ``period_activity`` (``period_record``) and
``period_comparison`` about activity in an epoch, ``direction_overlap`` and ``fixed_population`` (``selections``) about
which units are selective, ``sample_unit`` (``unit_drawing``, ``most_selective``) about one unit; ``drawing`` has the
other pictures.
"""

from .direction_overlap import DirectionOverlap, direction_overlap
from .distractor import DistractorPerformance, distractor_performance
from .fixed_population import fixed_population
from .most_selective import most_selective_unit
from .period_activity import period_activity
from .period_comparison import PeriodComparison, compare_periods
from .period_record import PeriodActivity
from .saccade_errors import saccade_errors
from .saccade_record import SaccadeErrors
from .sample_unit import SampleUnit, sample_unit

__all__ = [
    "DirectionOverlap",
    "DistractorPerformance",
    "PeriodActivity",
    "PeriodComparison",
    "SaccadeErrors",
    "SampleUnit",
    "compare_periods",
    "direction_overlap",
    "distractor_performance",
    "fixed_population",
    "most_selective_unit",
    "period_activity",
    "saccade_errors",
    "sample_unit",
]
