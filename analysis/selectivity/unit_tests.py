"""Tests of every unit, and time, at once: paired t and Wilcoxon, Mann-Whitney and Kruskal-Wallis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import axes, digest_arrays
from .. import validation
from ..discrimination import discrimination
from ..samples import row_chunks
from ..statistics import adjust_p_values
from ..validation import Array
from .cells import rounding_of
from .paired import paired_t, signed_rank
from .rank_nulls import rank_sum_distribution, two_sided
from .record import UnitResult, counted
from .responses import factor, response_array, with_both_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRED_TESTS = ("t", "wilcoxon")
RANK_TESTS = ("mann_whitney", "kruskal_wallis")
# As in scipy: exact up to this size of the smaller sample.
_EXACT_RANK_SUM = 8
_BLOCK = 2**21


@dataclass(frozen=True, eq=False, kw_only=True)
class UnitTests(UnitResult):
    """One test per unit, or per time and unit; "…" is the shape of the values beyond trials.

    Attributes
    ----------
    test : str
        Which test, in words.
    statistic : ndarray, shape (…)
        t; the sum W of the ranks of positive differences; U of the second label over the first; or H.
    p_values : ndarray, shape (…)
        Two-sided (H: one-sided). NaN where there is no test, see ``undefined``.
    adjusted_p_values : ndarray, shape (…)
        Adjusted over all units and times by ``correction``.
    effect_sizes : ndarray, shape (…)
        ``effect_name``: d_z = mean / s.d. of the differences (t); rank-biserial correlation, −1 to 1 (W, U); ε² (H).
    undefined : ndarray of bool, shape (…)
        No variation to judge by: all differences equal (t) or zero (W), or all trials tie (U, H).
    labels : tuple of str
    n_trials : tuple of int
        Trials of each label, or the number of pairs.
    correction : str
    """

    test: str
    statistic: Array = axes("time", "unit")
    p_values: Array = axes("time", "unit")
    adjusted_p_values: Array = axes("time", "unit")
    effect_sizes: Array = axes("time", "unit")
    undefined: Array = axes("time", "unit")
    effect_name: str
    labels: tuple[str, ...] = ()
    n_trials: tuple[int, ...]
    correction: str

    kind: ClassVar[str] = "unit_tests"

    def summary(self) -> str:
        """Return the test, how many units are significant, and what could not be tested."""
        tested = ~self.undefined
        n = int(tested.sum())
        lines = [
            f"{self.test}, {' + '.join(map(str, self.n_trials))} trials, {self.describe_size()}",
            f"p ≤ 0.05: {counted((self.p_values <= 0.05).sum(), n)}; "
            f"{self.correction} ≤ 0.05: {counted((self.adjusted_p_values <= 0.05).sum(), n)}",
        ]
        if n:
            middle = np.median(np.abs(self.effect_sizes[tested]))
            lines.append(f"median |{self.effect_name}|: {middle:.3f}")
        if self.undefined.any():
            lines.append(f"not tested, no variation: {counted(self.undefined.sum(), self.undefined.size)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw effect sizes against p-values, significant ones after correction in colour."""
        from .drawing import effects_against_p

        return effects_against_p(self, plotting.axes_or_new(ax, width=5.0))


def paired_test(values: Any, baseline: Any, *, test: str = "t", correction: str = "fdr_bh") -> UnitTests:
    """Return a paired test of ``values`` against ``baseline`` for every unit (and time).

    Parameters
    ----------
    values, baseline : (trial,), (trial, unit) or (trial, time, unit)
        Pairs in the same place, such as mean rates in an epoch and before it; ``baseline`` may be (trial, unit) beside
        (trial, time, unit).
    test : {"t", "wilcoxon"}
        Student's t of the differences; or Wilcoxon's signed ranks, zero differences dropped, exact where there are at
        most 50 pairs and no zero or tie, else by the normal approximation with tie correction.
    correction : str
        One of ``analysis.statistics.ADJUSTMENTS``.

    Raises
    ------
    InputError
        If shapes do not match, there are fewer than two trials, values are not finite, or a name is unknown.

    Notes
    -----
    Statistics and p are those of ``scipy.stats.ttest_rel`` and ``scipy.stats.wilcoxon`` for one unit at a time, to
    1e-12. (Given many units at once, scipy's Wilcoxon leaves the exact distribution for all of them as soon as one has
    a tie.)

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> rates = rng.standard_normal((20, 2)) + [2, 0]
    >>> (paired_test(rates, rng.standard_normal((20, 2))).adjusted_p_values < 0.05).tolist()
    [True, False]
    """
    validation.choice("test", test, PAIRED_TESTS)
    found, reference = response_array("values", values), response_array("baseline", baseline)
    if found.ndim == 3 and reference.shape == (found.shape[0], found.shape[2]):
        reference = reference[:, np.newaxis, :]
    elif reference.shape != found.shape:
        raise InputError(f"baseline: has shape {reference.shape}, values has {found.shape}; expected the same")
    if len(found) < 2:
        raise InputError(f"values: expected at least 2 trials, found shape {found.shape}")
    differences = (found.astype(np.float64) - reference).reshape(len(found), -1)
    if test == "t":
        statistic, p, effect, undefined = paired_t(differences, _rounding(found, reference))
        name, effect_name = "paired t test", "d_z"
    else:
        statistic, p, effect, undefined = signed_rank(differences)
        name, effect_name = "Wilcoxon signed-rank test", "rank-biserial correlation"
    return _result(
        name, found.shape[1:], statistic, p, effect, undefined, correction, effect_name=effect_name,
        n_trials=(len(found),), parameters={"test": test}, input_digest=digest_arrays([differences]),
    )  # fmt: skip


def rank_test(values: Any, labels: Any, *, test: str | None = None, correction: str = "fdr_bh") -> UnitTests:
    """Return a rank test of whether labels differ, for every unit (and time).

    Parameters
    ----------
    values : (trial,), (trial, unit) or (trial, time, unit)
    labels : (trial,)
        Two labels or more.
    test : {"mann_whitney", "kruskal_wallis"}, optional
        By default Mann-Whitney's U for two labels and Kruskal-Wallis's H for more. U is exact where the smaller sample
        has at most 8 trials and nothing ties, else by the normal approximation with tie and continuity correction;
        H by the χ² approximation with tie correction.
    correction : str
        One of ``analysis.statistics.ADJUSTMENTS``.

    Raises
    ------
    InputError
        If labels do not match trials or are all the same, Mann-Whitney is asked for with other than two labels, values
        are not finite, or a name is unknown.

    Notes
    -----
    Statistics and p are those of ``scipy.stats.mannwhitneyu(second, first)`` and ``scipy.stats.kruskal``, to 1e-12.
    For the area under the ROC curve with groups of units and shuffles see :func:`~dynascope.analysis.discrimination`.

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.random.default_rng(0).standard_normal((30, 2))
    >>> labels = np.repeat(["a", "b", "c"], 10)
    >>> rates[labels == "c", 0] += 3
    >>> (rank_test(rates, labels).adjusted_p_values < 0.05).tolist()
    [True, False]
    """
    found = response_array("values", values)
    groups = factor("labels", labels, len(found))
    if test is None:
        test = RANK_TESTS[0] if len(groups.levels) == 2 else RANK_TESTS[1]
    validation.choice("test", test, RANK_TESTS)
    if test == "mann_whitney":
        if len(groups.levels) != 2:
            raise InputError(f"labels: the Mann-Whitney test compares 2 labels, found {len(groups.levels)}")
        statistic, p, effect, undefined = _mann_whitney(found, groups.codes)
        name, effect_name = "Mann-Whitney test", "rank-biserial correlation"
    else:
        statistic, p, effect, undefined = _kruskal_wallis(found.reshape(len(found), -1), groups.codes)
        name, effect_name = "Kruskal-Wallis test", "ε²"
    return _result(
        name, found.shape[1:], statistic, p, effect, undefined, correction, effect_name=effect_name,
        labels=groups.level_names, n_trials=tuple(np.bincount(groups.codes).tolist()), parameters={"test": test},
        input_digest=digest_arrays([found, groups.codes]),
    )  # fmt: skip


def _rounding(values: Array, baseline: Array) -> Array:
    """Return the difference that counts as none, (test,), from the types and sizes of what is subtracted."""
    largest = np.maximum(np.abs(values).max(axis=0), np.abs(baseline).max(axis=0))
    found = rounding_of(values.dtype, baseline.dtype) * np.broadcast_to(largest, values.shape[1:])
    return np.asarray(found, dtype=float).reshape(-1)


def _mann_whitney(values: Array, codes: Array) -> tuple[Array, Array, Array, Array]:
    found = discrimination(with_both_axes(values), codes, n_shuffles=1)
    n_first, n_second = found.n_trials
    auc, p = found.auc.ravel(), found.p_values.ravel()
    statistic = np.round(2 * auc * n_first * n_second) / 2
    ordered = np.sort(values.reshape(len(values), -1), axis=0)
    ties = ordered[1:] == ordered[:-1]
    undefined = ties.all(axis=0)
    if min(n_first, n_second) <= _EXACT_RANK_SUM:
        exact = ~ties.any(axis=0)
        p[exact] = two_sided(statistic[exact], rank_sum_distribution(n_second, n_first))
    p[undefined] = np.nan
    return statistic, p, 2 * auc - 1, undefined


def _kruskal_wallis(values: Array, codes: Array) -> tuple[Array, Array, Array, Array]:
    """H as an analysis of variance of ranks: (n − 1) · between / total, which contains the correction for ties."""
    from scipy.special import chdtrc
    from scipy.stats import rankdata

    n, n_tests = values.shape
    counts = np.bincount(codes).astype(float)
    members = (codes == np.arange(len(counts))[:, np.newaxis]) / np.sqrt(counts)[:, np.newaxis]
    share, undefined = np.zeros(n_tests), np.zeros(n_tests, dtype=bool)
    for start, stop in row_chunks(n_tests, max(1, _BLOCK // n)):
        ranks = rankdata(values[:, start:stop], axis=0) - (n + 1) / 2
        total = np.square(ranks).sum(axis=0)
        undefined[start:stop] = total == 0
        between = np.square(members @ ranks).sum(axis=0)
        np.divide(between, total, out=share[start:stop], where=total > 0)
    statistic, p = (n - 1) * share, chdtrc(len(counts) - 1, (n - 1) * share)
    for array in (statistic, p, share):
        array[undefined] = np.nan
    return statistic, p, share, undefined


def _result(
    test: str, shape: tuple[int, ...], statistic: Array, p: Array, effect: Array, undefined: Array, correction: str,
    **fields: Any,
) -> UnitTests:  # fmt: skip
    return UnitTests(
        test=test, shape=shape, statistic=statistic, p_values=p, adjusted_p_values=adjust_p_values(p, correction),
        effect_sizes=effect, undefined=undefined, correction=correction, **fields,
    )  # fmt: skip
