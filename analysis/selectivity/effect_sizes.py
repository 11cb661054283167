"""How far apart two conditions are, for every unit: Cohen's d, Hedges' g and the ROC area, with intervals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import axes, digest_arrays
from ..discrimination import discrimination
from ..validation import Array
from .cells import cell_sums
from .noncentral import confidence_level, t_noncentrality_interval
from .record import UnitResult, counted
from .responses import factor, response_array, with_both_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HALVINGS = 60


@dataclass(frozen=True, eq=False, kw_only=True)
class EffectSizes(UnitResult):
    """The difference between two labels per unit, or per time and unit; "…" is the shape of the values beyond trials.

    All are above their neutral value when activity is higher with ``labels[1]``.

    Attributes
    ----------
    cohens_d : ndarray, shape (…)
        Difference of means over the pooled standard deviation; NaN for ``deterministic`` and ``constant`` units.
    hedges_g : ndarray, shape (…)
        d without its bias in small samples.
    auc : ndarray, shape (…)
        Area under the ROC curve: probability that a trial of ``labels[1]`` exceeds one of ``labels[0]``, ties half.
    d_interval, g_interval, auc_interval : ndarray, shape (2, …)
        Lower and upper bound of the interval of level ``level``. That of g is that of d times the same factor.
    deterministic, constant : ndarray of bool, shape (…)
        Trials of the same label are equal (and labels differ); all trials are equal.
    labels : tuple of two str
    n_trials : tuple of two int
    level : float
    """

    cohens_d: Array = axes("time", "unit")
    hedges_g: Array = axes("time", "unit")
    auc: Array = axes("time", "unit")
    d_interval: Array = axes("bound", "time", "unit")
    g_interval: Array = axes("bound", "time", "unit")
    auc_interval: Array = axes("bound", "time", "unit")
    deterministic: Array = axes("time", "unit")
    constant: Array = axes("time", "unit")
    labels: tuple[str, str]
    n_trials: tuple[int, int]
    level: float

    kind: ClassVar[str] = "effect_sizes"

    def summary(self) -> str:
        """Return what was compared, the median sizes, and how many intervals leave out no effect."""
        (low, high), (n_low, n_high) = self.labels, self.n_trials
        tested = ~(self.deterministic | self.constant)
        n = int(tested.sum())
        lines = [f"{high} ({n_high} trials) against {low} ({n_low} trials), {self.describe_size()}"]
        if n:
            for name, size, (below, above), neutral in (
                ("Hedges' g", self.hedges_g, self.g_interval, 0.0),
                ("AUC", self.auc, self.auc_interval, 0.5),
            ):
                outside = tested & ((below > neutral) | (above < neutral))
                lines.append(
                    f"{name}: median |{name} − {neutral:g}| {np.median(np.abs(size[tested] - neutral)):.3f}; "
                    f"{self.level:.0%} interval without {neutral:g}: {counted(outside.sum(), n)}"
                )
        for words, which in (("deterministic", self.deterministic), ("constant", self.constant)):
            if which.any():
                lines.append(f"{words}, no d: {counted(which.sum(), which.size)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw Hedges' g of every unit, sorted, with its interval; over time: the mean of |g| over units."""
        from .drawing import sorted_effects

        return sorted_effects(self, plotting.axes_or_new(ax, width=5.0))


def effect_sizes(values: Any, labels: Any, *, level: float = 0.95) -> EffectSizes:
    """Return Cohen's d, Hedges' g and the ROC area of every unit (and time) between two labels, with intervals.

    Parameters
    ----------
    values : (trial,), (trial, unit) or (trial, time, unit)
        Finite real numbers.
    labels : (trial,) of exactly two values
        The larger one counts as positive.
    level : float
        Of the intervals.

    Raises
    ------
    InputError
        If labels do not match trials or are not two, there are fewer than four trials, or values are not finite.
    ConfigurationError
        If ``level`` is not between 0 and 1.

    Notes
    -----
    d: exact interval from the noncentral t distribution (normal values of equal variance). g = d · Γ(ν/2) / (√(ν/2)
    Γ((ν − 1)/2)) with ν = n − 2 (Hedges 1981). AUC: all areas A for which the one found lies within z standard errors,
    with Hanley and McNeil's variance for equal sizes at A (Newcombe 2006, method 5); it stays inside [0, 1] and has a
    width when the labels do not overlap.

    About 20 µs per unit, nearly all for the interval of d.

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.random.default_rng(0).standard_normal((40, 1))
    >>> rates[20:] += 1
    >>> found = effect_sizes(rates, np.repeat(["a", "b"], 20))
    >>> found.cohens_d.round(2).tolist(), found.d_interval.round(2).tolist()
    ([1.56], [[0.84], [2.27]])
    """
    from scipy.special import gammaln

    confidence_level(level)
    found = response_array("values", values)
    groups = factor("labels", labels, len(found))
    if len(groups.levels) != 2:
        raise InputError(f"labels: expected exactly 2 different values, found {len(groups.levels)}; choose trials")
    if len(found) < 4:
        raise InputError(f"values: expected at least 4 trials, found shape {found.shape}")
    flat = found.reshape(len(found), -1)
    roc = discrimination(with_both_axes(found), groups.codes, n_shuffles=1)
    auc = roc.auc.ravel()
    n_low, n_high = roc.n_trials
    sums = cell_sums(flat, groups.codes)
    freedom = len(found) - 2
    pooled = np.sqrt(sums.within / freedom)
    tested = ~(sums.repeated | sums.constant)
    low, high = sums.scaled_means / np.sqrt([[n_low], [n_high]])
    d = np.divide(high - low, pooled, out=np.full(len(pooled), np.nan), where=tested)
    to_t = np.sqrt(n_low * n_high / (n_low + n_high))
    d_interval = t_noncentrality_interval(d * to_t, freedom, level) / to_t
    unbiased = float(np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))
    shape = found.shape[1:]
    return EffectSizes(
        cohens_d=d, hedges_g=unbiased * d, auc=auc, d_interval=d_interval.reshape(2, *shape),
        g_interval=(unbiased * d_interval).reshape(2, *shape),
        auc_interval=roc_area_interval(auc, n_low, n_high, level).reshape(2, *shape),
        deterministic=sums.repeated & ~sums.constant, constant=sums.constant,
        labels=(groups.level_names[0], groups.level_names[1]),
        n_trials=(n_low, n_high), level=float(level), shape=shape,
        parameters={"level": level}, input_digest=digest_arrays([found, groups.codes]),
    )  # fmt: skip


def roc_area_interval(auc: Array, n_low: int, n_high: int, level: float) -> Array:
    """Return the interval of ROC areas, (2, …): Newcombe (2006), method 5."""
    from scipy.special import ndtri

    z = ndtri((1 + confidence_level(level)) / 2)
    auc = np.asarray(auc, dtype=float)
    size = (n_low + n_high) / 2 - 1

    def too_far(area: Array) -> Array:
        pairs = (1 - area) / (2 - area) + area / (1 + area)
        variance = area * (1 - area) * (1 + size * pairs) / (n_low * n_high)
        return np.asarray(np.abs(auc - area) > z * np.sqrt(variance))

    bounds = []
    for end in (0.0, 1.0):
        outer, inner = np.full(auc.shape, end), auc.copy()
        for _ in range(_HALVINGS):
            middle = (outer + inner) / 2
            far = too_far(middle)
            outer, inner = np.where(far, middle, outer), np.where(far, inner, middle)
        bounds.append(inner)
    return np.stack(bounds)
