"""Pure, linear mixed and nonlinear mixed selectivity, from an analysis of variance with interactions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import axes
from .. import validation
from ..statistics import ADJUSTMENTS, adjust_p_values
from ..validation import Array
from .anova_table import AnovaTable
from .record import UnitResult, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLASSES = ("untuned", "pure", "linear mixed", "nonlinear mixed", "deterministic", "constant")
"""What ``MixedSelectivity.classes`` counts through."""


@dataclass(frozen=True, eq=False, kw_only=True)
class MixedSelectivity(UnitResult):
    """The class of every unit, or of every time and unit; "…" is the shape of the values beyond trials.

    Attributes
    ----------
    classes : ndarray of int, shape (…)
        Index into :data:`CLASSES`.
    significant : ndarray of bool, shape (effect, …)
        Which effects each unit has after correction; none where it was not tested.
    effects : tuple of str
    alpha : float
    correction : str
    """

    classes: Array = axes("time", "unit")
    significant: Array = axes("effect", "time", "unit")
    effects: tuple[str, ...]
    alpha: float
    correction: str

    kind: ClassVar[str] = "mixed_selectivity"

    def counts(self) -> dict[str, int]:
        """Return how many units (and times) are in each class."""
        found = np.bincount(self.classes.ravel(), minlength=len(CLASSES))
        return dict(zip(CLASSES, found.tolist(), strict=True))

    def pure(self) -> dict[str, int]:
        """Return how many units are selective for each factor alone."""
        is_pure = self.classes == CLASSES.index("pure")
        return {
            name: int((is_pure & self.significant[index]).sum())
            for index, name in enumerate(self.effects)
            if ":" not in name
        }

    def summary(self) -> str:
        """Return the number of units in each class, pure ones by factor."""
        total = self.classes.size
        lines = [f"{self.describe_size()}, {self.correction} ≤ {self.alpha:g}, each effect over all units"]
        for name, count in self.counts().items():
            if count or name in CLASSES[:4]:
                parts = ", ".join(f"{factor} {n}" for factor, n in self.pure().items()) if name == "pure" else ""
                lines.append(f"{name:<16} {counted(count, total)}" + (f": {parts}" if parts else ""))
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the number of units in each class, pure ones by factor."""
        from .drawing import class_counts

        return class_counts(self, plotting.axes_or_new(ax, width=5.0))


def mixed_selectivity(table: AnovaTable, *, alpha: float = 0.05, correction: str | None = "fdr_bh") -> MixedSelectivity:
    """Return which units mix factors, and whether they mix them linearly.

    ==================  =================================================================================
    nonlinear mixed     an interaction is significant: the response is no sum of effects of the factors
    linear mixed        main effects of two factors or more are, and no interaction
    pure                the main effect of one factor is, and no interaction
    untuned             nothing is
    deterministic       trials of the same condition are equal, so that nothing can be tested
    constant            all trials are equal
    ==================  =================================================================================

    Parameters
    ----------
    table : AnovaTable
        From :func:`anova` with two factors or more and their interactions.
    alpha : float
        Significant: adjusted p ≤ alpha.
    correction : str, optional
        One of ``analysis.statistics.ADJUSTMENTS``, or "familywise" for the permutation p-values of the table; each
        effect is a family over all units and times. None: the plain p-values.

    Raises
    ------
    InputError
        If the table has no interaction, or no permutation p-values where they are asked for.
    ConfigurationError
        If ``alpha`` is not between 0 and 1.

    Notes
    -----
    "Not significant" is not "absent": with few trials mixed units count as pure. Compare classes only at equal numbers
    of trials. Source of the classes: Rigotti et al. 2013, Nature 497:585.

    Examples
    --------
    >>> import numpy as np
    >>> from dynascope.analysis import anova
    >>> a, b = np.tile([0, 1], 40), np.repeat([0, 1], 40)
    >>> rates = np.stack([2.0 * a, a + b, 2.0 * (a == b)], axis=1)
    >>> rates += np.random.default_rng(0).standard_normal(rates.shape) / 2
    >>> [CLASSES[c] for c in mixed_selectivity(anova(rates, {"a": a, "b": b})).classes]
    ['pure', 'linear mixed', 'nonlinear mixed']
    """
    if not any(":" in name for name in table.effects):
        raise InputError("table: has no interaction, which tells linear from nonlinear; give anova two factors or more")
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise ConfigurationError(f"alpha: expected a number between 0 and 1, found {alpha!r}")
    significant = _adjusted(table, correction) <= alpha
    interactions = np.array([":" in name for name in table.effects])
    n_main = significant[~interactions].sum(axis=0)
    classes = np.minimum(n_main, 2)  # untuned, pure, linear mixed
    classes[significant[interactions].any(axis=0)] = CLASSES.index("nonlinear mixed")
    classes[table.deterministic] = CLASSES.index("deterministic")
    classes[table.constant] = CLASSES.index("constant")
    return MixedSelectivity(
        classes=classes, significant=significant, effects=table.effects, alpha=float(alpha),
        correction=correction or "uncorrected", shape=table.shape, time=table.time,
        parameters={**table.parameters, "alpha": alpha, "correction": correction}, input_digest=table.input_digest,
    )  # fmt: skip


def _adjusted(table: AnovaTable, correction: str | None) -> Array:
    if correction is None:
        return table.p_values
    if correction == "familywise":
        if table.familywise_p_values is None:
            raise InputError("table: has no familywise p-values; call anova with permutations=1000")
        return table.familywise_p_values
    validation.choice("correction", correction, (*ADJUSTMENTS, "familywise"))
    return np.stack([adjust_p_values(p, correction) for p in table.p_values])
