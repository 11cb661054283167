"""How well single units tell two conditions apart over time: areas under the ROC curve, by group of units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import InputError
from ..results import Result, axes, digest_arrays
from . import validation
from .samples import row_chunks
from .spikes import unit_groups
from .trial_time import sample_times
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Numbers in the largest temporary array: 32 MB of float64.
_BLOCK = 2**22
_BAND = 0.95


@dataclass(frozen=True, eq=False, kw_only=True)
class Discrimination(Result):
    """How well each unit tells label 1 from label 0 at each time, and how well groups of units do on average.

    Attributes
    ----------
    auc : ndarray, shape (time, unit)
        Area under the ROC curve: the probability that the activity on a trial of ``labels[1]`` exceeds that on a
        trial of ``labels[0]``, ties counting half.
    z : ndarray, shape (time, unit)
        The Mann-Whitney statistic, standardised with tie and continuity correction; its sign is that of the index, and
        it is 0 where all trials tie.
    p_values : ndarray, shape (time, unit)
        Two-sided, from the normal approximation to z; not corrected for the number of units and times.
    unit_groups : ndarray of int, shape (unit,)
        The group of each unit, an index into ``groups``.
    selectivity : ndarray, shape (group, time)
        Mean of |2 AUC − 1| over the units of a group. The sign of a unit's preference does not matter, so that it is
        above 0 without any selectivity.
    chance, chance_bound : ndarray, shape (group, time)
        Mean and 95 % quantile of the same over shuffles of the labels, the same for all units and times: units
        that vary together count as they do in the data.
    time : ndarray, shape (time,)
        In ``time_unit``: "s", or "sample" when no times were given.
    labels : tuple of two str
    n_trials : tuple of two int
        Trials of each label.
    groups : tuple of str
        Sorted.
    """

    auc: Array = axes("time", "unit")
    z: Array = axes("time", "unit")
    p_values: Array = axes("time", "unit")
    unit_groups: Array = axes("unit")
    selectivity: Array = axes("group", "time")
    chance: Array = axes("group", "time")
    chance_bound: Array = axes("group", "time")
    time: Array = axes("time")
    time_unit: str
    labels: tuple[str, str]
    n_trials: tuple[int, int]
    groups: tuple[str, ...]

    kind: ClassVar[str] = "discrimination"

    @property
    def index(self) -> Array:
        """2 AUC − 1 (time, unit): 1 when every trial of ``labels[1]`` has the higher activity, −1 the lower."""
        return 2 * self.auc - 1

    def summary(self) -> str:
        """Return what was compared, and for each group its largest mean selectivity beside chance."""
        sizes = f"{self.auc.shape[1]} units × {self.auc.shape[0]} times"
        width = max(len("group"), *(len(name) for name in self.groups))
        lines = [
            f"{self._question()}, {sizes}",
            f"{'group':<{width}} {'units':>6} {'peak |2 AUC − 1|':>17} {'chance':>7} {'at':>9} {'above chance':>13}",
        ]
        for index, name in enumerate(self.groups):
            peak = int(np.argmax(self.selectivity[index] - self.chance[index]))
            above = (self.selectivity[index] > self.chance_bound[index]).mean()
            when = f"{self.time[peak]:.4g} {'s' if self.time_unit == 's' else ''}".rstrip()
            values = f"{self.selectivity[index, peak]:>17.3f} {self.chance[index, peak]:>7.3f} {when:>9}"
            lines.append(f"{name:<{width}} {(self.unit_groups == index).sum():>6} {values} {above:>13.0%}")
        lines.append("peak: furthest above chance; above chance: share of times beyond 95 % of label shuffles")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the mean |2 AUC − 1| of every group over time, and thin beside it what shuffled labels give."""
        ax = plotting.axes_or_new(ax, width=6.4)
        for index, (name, style) in enumerate(plotting.group_styles(self.groups).items()):
            ax.plot(self.time, self.selectivity[index], label=f"{name} ({(self.unit_groups == index).sum()})", **style)
            ax.plot(self.time, self.chance[index], color=style["color"], linewidth=0.6, alpha=0.7)
        ax.plot([], [], color=plotting.GREY, linewidth=0.6, label="shuffled labels")
        ax.set(xlabel="time (s)" if self.time_unit == "s" else "sample", ylabel="mean |2 AUC − 1|")
        ax.margins(x=0.01)
        ax.set_ylim(bottom=0)
        ax.set_title(f"Selectivity for {self._question()}")
        ax.legend(title="group (units)", loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small", frameon=False)
        return ax

    def _question(self) -> str:
        (low, high), (n_low, n_high) = self.labels, self.n_trials
        return f"label {high} ({n_high} trials) against {low} ({n_low} trials)"


def discrimination(
    activity: Any,
    labels: Any,
    *,
    groups: Sequence[Any] | Array | None = None,
    time: Any = None,
    n_shuffles: int = 200,
    seed: int = 0,
) -> Discrimination:
    """Return how well each unit's activity tells two labels apart at each time, and the mean over groups of units.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers: rates, filtered spikes, spike counts.
    labels : (trial,) of exactly two values
        The larger one is the positive class: an AUC above ½ says that activity is higher with it.
    groups : (unit,) labels, optional
        For example cell types; one group of all units when None.
    time : (time,), optional
        Times of the samples, s.
    n_shuffles, seed : int
        Shuffles of the labels behind the chance level of the groups, and their seed; AUC, z and p need none.

    Raises
    ------
    InputError
        If ``activity`` is not (trial, time, unit) of finite real numbers, there are not exactly two labels, or
        ``labels``, ``groups``, ``time`` or ``n_shuffles`` does not fit.

    Notes
    -----
    With the mid-ranks R of one unit and time over n trials, of which n₁ are positive, and U = Σ₁ R − n₁(n₁ + 1)/2,
    AUC = U / (n₁ n₀). Without selectivity Σ₁ R is the sum of n₁ of the n ranks drawn without replacement, with the
    variance n₁ n₀ / (n (n − 1)) · Σ (R − R̄)², which is the tie-corrected variance of Mann and Whitney's U.
    The approximation is good from about 8 trials of each label.

    Takes O(units · times · trials · (log trials + shuffles)); temporary arrays stay near 100 MB.

    References
    ----------
    Mann and Whitney (1947), Ann. Math. Stat. 18:50; Green and Swets (1966), Signal detection theory (ROC area).

    Examples
    --------
    >>> import numpy as np
    >>> activity = np.random.default_rng(0).standard_normal((40, 5, 3))
    >>> labels = np.repeat(["left", "right"], 20)
    >>> activity[labels == "right", 3:, 0] += 5
    >>> found = discrimination(activity, labels)
    >>> found.labels, found.index[:, 0].round(1).tolist()
    (('left', 'right'), [-0.1, 0.1, 0.1, 1.0, 1.0])
    """
    found = validation.trajectories("activity", activity)
    validation.finite("activity", found)
    n_trials, n_samples, n_units = found.shape
    names, positive = _two_labels(labels, n_trials)
    group_names, members = unit_groups(groups, n_units)
    times, unit = sample_times(time, n_samples)
    n_shuffles = validation.whole_number("n_shuffles", n_shuffles, least=1)
    shuffled = np.random.default_rng(seed).permuted(np.tile(positive, (n_shuffles, 1)), axis=1).astype(float)
    share = (members == np.arange(len(group_names))[:, None]) / np.bincount(members)[:, None]  # (group, unit)
    n_pairs = float(positive.sum() * (~positive).sum())

    excess, deviation = np.empty((2, n_samples, n_units))
    group_means = np.empty((3, len(group_names), n_samples))
    for start, stop in row_chunks(n_samples, max(1, _BLOCK // (n_units * max(n_trials, n_shuffles)))):
        ranks = _centred_ranks(found[:, start:stop])  # (time, unit, trial)
        excess[start:stop] = ranks @ positive.astype(float)
        spread = n_pairs / (n_trials * (n_trials - 1)) * np.square(ranks).sum(axis=-1)
        deviation[start:stop] = np.sqrt(spread)
        by_chance = np.abs(ranks.reshape(-1, n_trials) @ shuffled.T)
        by_chance = share @ by_chance.reshape(stop - start, n_units, n_shuffles)  # (time, group, shuffle)
        group_means[0, :, start:stop] = share @ np.abs(excess[start:stop]).T
        group_means[1, :, start:stop] = by_chance.mean(axis=-1).T
        group_means[2, :, start:stop] = np.quantile(by_chance, _BAND, axis=-1).T
    selectivity, chance, bound = 2 / n_pairs * group_means
    z, p_values = _normal_test(excess, deviation)
    return Discrimination(
        auc=0.5 + excess / n_pairs, z=z, p_values=p_values, unit_groups=members, selectivity=selectivity, chance=chance,
        chance_bound=bound, time=times, time_unit=unit, labels=names,
        n_trials=(int((~positive).sum()), int(positive.sum())), groups=group_names,
        parameters={"n_shuffles": int(n_shuffles), "seed": seed}, input_digest=digest_arrays([found, positive]),
    )  # fmt: skip


def _two_labels(labels: Any, n_trials: int) -> tuple[tuple[str, str], Array]:
    """Return the names of the two labels and which trials have the second."""
    values, codes = validation.label_codes("labels", labels, n_trials)
    if len(values) != 2:
        shown = ", ".join(str(value) for value in values[:5]) + (", …" if len(values) > 5 else "")
        raise InputError(f"labels: expected exactly 2 different values, found {len(values)} ({shown}); choose trials")
    return (str(values[0]), str(values[1])), codes == 1


def _centred_ranks(activity: Array) -> Array:
    """Return the mid-ranks over trials of (trial, time, unit) minus their mean, (time, unit, trial)."""
    from scipy.stats import rankdata

    ranks = rankdata(np.ascontiguousarray(np.moveaxis(activity, 0, -1)), axis=-1)
    centred: Array = np.asarray(ranks, dtype=np.float64) - (len(activity) + 1) / 2
    return centred


def _normal_test(excess: Array, deviation: Array) -> tuple[Array, Array]:
    """Return z with continuity correction and its two-sided p value; 0 and 1 where all trials tie."""
    from scipy.special import ndtr

    corrected = np.sign(excess) * np.maximum(np.abs(excess) - 0.5, 0)
    z = np.divide(corrected, deviation, out=np.zeros_like(excess), where=deviation > 0)
    return z, 2 * ndtr(-np.abs(z))
