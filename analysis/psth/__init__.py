"""Peri-stimulus time histograms, and how they grow over training.

``preparation`` smooths, aligns and cuts trials (``smoothing``, ``epochs``); ``averages``, ``bands`` and
``normalization`` make curves of them for ``average`` (psth), ``spike_times`` and ``preferred``, which chooses on some
trials (``folds``, ``population``) and averages others. ``assignment`` sorts checkpoints of training into ``stages``
(``stage_rules``); ``stage_average`` and ``growth`` average over them (``checkpoints``, ``nested``). ``record``,
``stage_record`` and ``drawing`` show the results.
"""

from .assignment import assign_stages
from .average import psth
from .growth import TrainingGrowth, training_growth
from .preferred import preferred_psth
from .record import PSTH
from .smoothing import forward_average, smooth_activity
from .spike_times import psth_of_spikes
from .stage_average import stage_psth
from .stage_record import StagePSTH
from .stages import Stages

__all__ = [
    "PSTH",
    "StagePSTH",
    "Stages",
    "TrainingGrowth",
    "assign_stages",
    "forward_average",
    "preferred_psth",
    "psth",
    "psth_of_spikes",
    "smooth_activity",
    "stage_psth",
    "training_growth",
]
