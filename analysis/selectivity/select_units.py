"""Units that respond in an epoch and tell conditions apart: the corrected tests, or those of the published study."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import axes, digest_arrays
from .. import validation
from ..validation import Array
from .cells import rounding_of
from .corrected import corrected_selection
from .published import published_selection
from .record import UnitResult, counted
from .responses import Factor, epoch_means, factor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODES = ("corrected", "published")
RESPONSE_TESTS = ("joint", "t", "wilcoxon")
CLASSES = ("none", "excitatory", "inhibitory", "mixed")
"""What ``SelectedUnits.classes`` counts through."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SelectedUnits(UnitResult):
    """Which units are selective in an epoch.

    Attributes
    ----------
    selected : ndarray of bool, shape (unit,)
        ``active`` and selective for the labels.
    active : ndarray of bool, shape (unit,)
        Responds: the epoch differs from the baseline for some label (and, published, some mean rate is above the
        least).
    active_p_values : ndarray, shape (unit,)
        What ``active`` looks at: p of a response, adjusted for the number of units; published: the smallest of
        ``response_p_values``. NaN where differences from the baseline do not vary.
    p_values : ndarray, shape (unit,)
        Of the analysis of variance over labels; corrected mode: ``adjusted_p_values`` for the number of units.
    adjusted_p_values : ndarray, shape (unit,)
        What ``selected`` looks at: the same as ``p_values`` in published mode.
    response_p_values : ndarray, shape (unit, condition)
        Of the paired tests of each condition, not corrected.
    preferred : ndarray of int, shape (unit,)
        The condition with the largest mean, an index into ``conditions``; −1 where it is undefined. Found on the same
        trials as ``responses``: tuning around it is biased, see :func:`~dynascope.analysis.tuning_curves`.
    classes : ndarray of int, shape (unit,)
        Index into :data:`CLASSES`, of selected units: change from baseline ≥ 0 for all conditions (excitatory), < 0
        for all (inhibitory), or either (mixed).
    responses : ndarray, shape (unit, condition)
        Mean activity in the epoch.
    changes : ndarray, shape (unit, condition)
        Mean change from baseline: difference (corrected), or ratio to the condition's mean baseline, less 1
        (published).
    deterministic : ndarray of bool, shape (unit,)
        Trials of the same condition are equal: corrected mode does not test them; published mode selects them with p =
        0.
    undefined : ndarray of bool, shape (unit,)
        No analysis of variance: constant, or a mean baseline of 0 to divide by (published).
    conditions : ndarray, shape (condition,)
        The labels, sorted.
    mode : str
    alpha : float
    """

    selected: Array = axes("unit")
    active: Array = axes("unit")
    active_p_values: Array = axes("unit")
    p_values: Array = axes("unit")
    adjusted_p_values: Array = axes("unit")
    response_p_values: Array = axes("unit", "condition")
    preferred: Array = axes("unit")
    classes: Array = axes("unit")
    responses: Array = axes("unit", "condition")
    changes: Array = axes("unit", "condition")
    deterministic: Array = axes("unit")
    undefined: Array = axes("unit")
    conditions: Array = axes("condition")
    mode: str
    alpha: float
    n_trials: int

    kind: ClassVar[str] = "selected_units"

    @property
    def population(self) -> Array:
        """Selected units that are excited by some condition, (unit,) bool: the population of the published analyses."""
        return np.asarray(self.selected & np.isin(self.classes, [CLASSES.index("excitatory"), CLASSES.index("mixed")]))

    def class_names(self) -> list[str]:
        """Return the class of every unit as text."""
        return [CLASSES[code] for code in self.classes]

    def summary(self) -> str:
        """Return how many units are active, selective, of which class, and which could not be tested."""
        n = len(self.selected)
        lines = [
            f"{self.mode}: {n} units, {self.n_trials} trials of {len(self.conditions)} conditions, "
            f"α = {self.alpha:g}{'' if self.mode == 'corrected' else ' (no correction for 8 tests or many units)'}",
            f"active {counted(self.active.sum(), n)}; selected {counted(self.selected.sum(), n)}",
        ]
        kinds = [f"{name} {(self.classes == code).sum()}" for code, name in enumerate(CLASSES) if code]
        lines.append("of the selected: " + ", ".join(kinds))
        if self.deterministic.any():
            fate = "selected with p = 0" if self.mode == "published" else "not tested"
            words = f"deterministic (equal trials within every condition), {fate}"
            lines.append(f"{words}: {counted(self.deterministic.sum(), n)}")
        if self.undefined.any():
            lines.append(f"undefined (constant, or no baseline to divide by): {counted(self.undefined.sum(), n)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean change of every selected unit by condition, sorted by preferred condition."""
        from .drawing import responses_by_condition

        return responses_by_condition(self, plotting.axes_or_new(ax, width=4.6, height=4.2))


def select_units(
    activity: Any,
    time: Any,
    labels: Any,
    epoch: Any,
    baseline: Any,
    mode: str = "corrected",
    *,
    alpha: float = 0.05,
    response_test: str = "joint",
    correction: str = "fdr_bh",
    responsive_epoch: Any = None,
    normalize: bool = True,
    least_response: float | None = None,
) -> SelectedUnits:
    """Return the units that respond in an epoch and are selective for the labels of the trials.

    ``corrected`` (default): a unit is active when its change from the baseline is not zero in all conditions, by one
    test for all of them and ``correction`` over units; it is selected when the one-way analysis of variance of its mean
    rates in the epoch rejects too, after ``correction`` over units.

    ``published``: the selection of the brain-maturation study. Paired t tests of each condition, active when any has
    p ≤ alpha and some mean response is above 0.001; analysis of variance of responses divided by their own condition's
    mean baseline, p ≤ alpha; nothing corrected. On noise alone it calls a third of the units active and a quarter
    selective.

    Parameters
    ----------
    activity : (trial, time, unit)
    time : (time,)
        s.
    labels : (trial,)
        The condition of each trial, such as the cue location.
    epoch, baseline : (start, stop) in s, or (trial, 2)
        Samples with start ≤ t < stop. A baseline that begins with a network's start-up transient hides responses.
    mode : {"corrected", "published"}
    alpha : float
    response_test : {"joint", "t", "wilcoxon"}
        Corrected mode: the F test that all mean changes are zero; or paired tests of each condition, after Bonferroni
        over conditions, which need many trials of each ("wilcoxon": of any distribution that is symmetric).
    correction : str
        One of ``analysis.statistics.ADJUSTMENTS`` (corrected mode).
    responsive_epoch : (start, stop), optional
        Where activity is compared with the baseline, by default the epoch itself; the published study always takes the
        cue, whatever the epoch, and so misses units that are active in the delay alone.
    normalize : bool
        Divide by the baseline (published mode); switch off where rates can be 0 or negative.
    least_response : float, optional
        Some condition's mean response must be above it; by default 0.001 in published mode, none in corrected mode.

    Raises
    ------
    InputError
        If labels or times do not match, an epoch has no sample, activity in it is not finite, a condition has fewer
        than two trials, or there is only one condition.
    ConfigurationError
        If an option is unknown or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.tile(np.arange(8), 16)
    >>> time = np.arange(0, 2, 0.1)
    >>> activity = np.random.default_rng(0).normal(10, 1, (128, 20, 3))
    >>> activity[labels == 5, 10:, 0] += 2
    >>> found = select_units(activity, time, labels, epoch=(1, 2), baseline=(0, 1))
    >>> found.selected.tolist(), found.conditions[found.preferred[0]].item()
    ([True, False, False], 5)
    """
    validation.choice("mode", mode, MODES)
    validation.choice("response_test", response_test, RESPONSE_TESTS)
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < 1:
        raise ConfigurationError(f"alpha: expected a number between 0 and 1, found {alpha!r}")
    rates = epoch_means("activity", activity, time, epoch, "epoch")
    before = epoch_means("activity", activity, time, baseline, "baseline")
    compared = rates
    if responsive_epoch is not None:
        compared = epoch_means("activity", activity, time, responsive_epoch, "responsive_epoch")
    groups = factor("labels", labels, len(rates))
    _at_least_two(groups)
    if mode == "published":
        floor = 1e-3 if least_response is None else float(least_response)
        found = published_selection(rates, before, compared, groups, alpha, normalize=normalize, floor=floor)
    else:
        rounding = rounding_of(validation.sliceable("activity", activity).dtype)
        found = corrected_selection(
            rates, before, compared, groups, alpha, rounding,
            response_test=response_test, correction=correction, least_response=least_response,
        )  # fmt: skip
    classes = np.select([(found.changes >= 0).all(axis=1), (found.changes < 0).all(axis=1)], [1, 2], 3)
    return SelectedUnits(
        selected=found.selected, active=found.active, active_p_values=found.active_p_values, p_values=found.p_values,
        adjusted_p_values=found.adjusted_p_values, response_p_values=found.response_p_values,
        preferred=found.preferred, classes=np.where(found.selected, classes, 0), responses=found.responses,
        changes=found.changes, deterministic=found.deterministic, undefined=found.undefined,
        conditions=groups.levels, mode=mode, alpha=float(alpha), n_trials=len(rates), shape=(rates.shape[1],),
        parameters={
            "epoch": np.asarray(epoch).tolist(),
            "baseline": np.asarray(baseline).tolist(), "mode": mode, "alpha": alpha,
            "responsive_epoch": None if responsive_epoch is None else np.asarray(responsive_epoch).tolist(),
            "response_test": response_test, "correction": correction, "normalize": normalize,
            "least_response": least_response,
        },
        input_digest=digest_arrays([rates, before, compared, groups.codes]),
    )  # fmt: skip


def _at_least_two(groups: Factor) -> None:
    counts = np.bincount(groups.codes)
    if counts.min() < 2:
        alone = groups.level_names[int(counts.argmin())]
        raise InputError(
            f"labels: condition {alone} has 1 trial; expected at least 2 of each: drop it or join conditions"
        )
