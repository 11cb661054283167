"""Selectivity of single units: tests of responses, analysis of variance, effect sizes, mixed selectivity, selection.

``cells`` sums the trials of each condition, ``design`` factorises a design once, ``anova`` and ``permutation`` test
every unit and time with them; ``unit_tests`` (``paired``, ``rank_nulls``), ``effect_sizes`` (``noncentral``),
``mixed`` and ``select_units`` (``published``) are the other questions; ``drawing`` has the pictures.
"""

from .anova import anova
from .anova_table import AnovaTable
from .effect_sizes import EffectSizes, effect_sizes
from .mixed import MixedSelectivity, mixed_selectivity
from .responses import epoch_means
from .select_units import SelectedUnits, select_units
from .unit_tests import UnitTests, paired_test, rank_test

__all__ = [
    "AnovaTable",
    "EffectSizes",
    "MixedSelectivity",
    "SelectedUnits",
    "UnitTests",
    "anova",
    "effect_sizes",
    "epoch_means",
    "mixed_selectivity",
    "paired_test",
    "rank_test",
    "select_units",
]
