"""Units that two epochs or tasks have in common, and whether they prefer the same direction in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, digest_arrays
from ..psth.bands import confidence
from ..psth.checkpoints import Checkpoints
from ..statistics import Permutations, permutation_p_values
from ..validation import Array, whole_number
from .selections import Selection, selections

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class DirectionOverlap(Result):
    """Overlap of two selections of units at each checkpoint.

    Attributes
    ----------
    n_first, n_second, both, same, different : ndarray of int, shape (checkpoint,)
        Units in either population, in both, and of these with the same and with different preferred labels.
    n_units : ndarray of int, shape (checkpoint,)
    both_expected, both_low, both_high : ndarray, shape (checkpoint,)
        What two populations of these sizes share by chance (hypergeometric): mean and central interval of ``level``.
    both_p_values : ndarray, shape (checkpoint,)
        Probability of at least as many shared units by chance.
    same_expected, same_low, same_high : ndarray, shape (checkpoint,)
        The same for equal preferences, when those of the shared units are exchanged between units: NaN without any.
    same_p_values : ndarray, shape (checkpoint,)
        Of permutations of preferences, greater; NaN without a shared unit.
    trials_seen : ndarray, shape (checkpoint,)
        Or the number of the checkpoint.
    network_codes : ndarray of int, shape (checkpoint,)
        An index into ``networks``.
    names : pair of str
        Of the selections.
    """

    n_first: Array = axes("checkpoint")
    n_second: Array = axes("checkpoint")
    both: Array = axes("checkpoint")
    same: Array = axes("checkpoint")
    different: Array = axes("checkpoint")
    n_units: Array = axes("checkpoint")
    both_expected: Array = axes("checkpoint")
    both_low: Array = axes("checkpoint")
    both_high: Array = axes("checkpoint")
    both_p_values: Array = axes("checkpoint")
    same_expected: Array = axes("checkpoint")
    same_low: Array = axes("checkpoint")
    same_high: Array = axes("checkpoint")
    same_p_values: Array = axes("checkpoint")
    trials_seen: Array = axes("checkpoint")
    network_codes: Array = axes("checkpoint")
    networks: tuple[str, ...]
    names: tuple[str, str]
    level: float

    kind: ClassVar[str] = "direction_overlap"

    def summary(self) -> str:
        """Return a table of the first, middle and last checkpoint of each network, chance in brackets."""
        lines = [
            f"units selective for {self.names[0]} and {self.names[1]}, in brackets as many by chance",
            f"{'trials':>10} {'units':>6} {'first':>6} {'second':>6} {'both':>13} {'same':>13} {'different':>9}",
        ]
        for code, network in enumerate(self.networks):
            if len(self.networks) > 1:
                lines.append(network)
            own = np.flatnonzero(self.network_codes == code)
            own = own[np.argsort(self.trials_seen[own], kind="stable")]
            for at in dict.fromkeys(own[[0, len(own) // 2, -1]].tolist()):
                both = f"{self.both[at]} ({self.both_expected[at]:.1f})"
                expected = self.same_expected[at]
                same = f"{self.same[at]}" + ("" if np.isnan(expected) else f" ({expected:.1f})")
                lines.append(
                    f"{self.trials_seen[at]:>10g} {self.n_units[at]:>6} {self.n_first[at]:>6} {self.n_second[at]:>6} "
                    f"{both:>13} {same:>13} {self.different[at]:>9}"
                )
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the units in both, with the same and with different preferences against training, chance shaded."""
        from .drawing import overlap_curves

        return overlap_curves(self, plotting.axes_or_new(ax, width=6.0))


def direction_overlap(
    first: Sequence[Any],
    second: Sequence[Any],
    *,
    trials_seen: Any = None,
    networks: Any = None,
    names: tuple[str, str] = ("first", "second"),
    n_permutations: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> DirectionOverlap:
    """Return how many units two selections share at each checkpoint, and how many prefer the same label in both.

    Parameters
    ----------
    first, second : sequence of SelectedUnits, or of (units, preferred labels)
        For each checkpoint the selection in one task and epoch, and in another: of the same units. The population of
        :class:`SelectedUnits` counts, as in the study: selected and excited by some condition.
    trials_seen : (checkpoint,), optional
        Training trials before each checkpoint; its number when None.
    networks : (checkpoint,), optional
    names : pair of str
        Of the selections.
    n_permutations, seed : int
    level : float
        Of the intervals of chance.

    Raises
    ------
    InputError
        If the selections are not of the same checkpoints and units, or a selected unit has no preferred label.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    Preferences are compared as labels: give both tasks the same ones, such as the location of the cue. Where most units
    are selected, sharing nearly all of them is what chance gives; equal preferences are not, unless one label is
    preferred by most. Two selections on the same trials share their noise, and more units than chance for that reason.

    Time: permutations × shared units × checkpoints, some 0.02 µs each.

    Source of the counts: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> import numpy as np
    >>> everything = np.ones(80, bool)
    >>> cue, delay = np.arange(80) % 8, np.arange(80) % 8
    >>> delay[:8] = (delay[:8] + 4) % 8
    >>> found = direction_overlap([(everything, cue)], [(everything, delay)])
    >>> found.both.tolist(), found.same.tolist(), found.different.tolist(), found.same_expected.tolist()
    ([80], [72], [8], [10.0])
    """
    level, n_permutations = confidence(level), whole_number("n_permutations", n_permutations, least=1)
    pair = selections("first", first), selections("second", second)
    if len(pair[0]) != len(pair[1]):
        raise InputError(f"second: expected {len(pair[0])} checkpoints as in first, found {len(pair[1])}")
    run = Checkpoints(pair[0], None, None, networks=networks)
    seen = run.numbers("trials_seen", np.arange(len(run)) if trials_seen is None else trials_seen)
    assert seen is not None
    rows = [
        _overlap(index, one, other, n_permutations, level, seed)
        for index, (one, other) in enumerate(zip(*pair, strict=True))
    ]
    return DirectionOverlap(
        **{name: np.array([row[name] for row in rows]) for name in rows[0]},
        trials_seen=seen, network_codes=run.codes, networks=run.names, names=(str(names[0]), str(names[1])),
        level=level, parameters={"n_permutations": n_permutations, "seed": seed},
        input_digest=digest_arrays([
            array for one in (*pair[0], *pair[1]) for array in (one.population, one.preferred)
        ]),
    )  # fmt: skip


def _overlap(
    index: int, first: Selection, second: Selection, n_permutations: int, level: float, seed: int
) -> dict[str, Any]:
    """Return the numbers of one checkpoint."""
    from scipy.stats import hypergeom

    n = len(first.population)
    if len(second.population) != n:
        raise InputError(f"second[{index}]: expected {n} units as in first, found {len(second.population)}")
    shared = first.population & second.population
    one, other = first.preferred[shared], second.preferred[shared]
    both, same = int(shared.sum()), int((one == other).sum())
    sizes = int(first.population.sum()), int(second.population.sum())
    chance = hypergeom(n, *sizes)
    low, high = chance.ppf([(1 - level) / 2, (1 + level) / 2])
    return {
        "n_units": n, "n_first": sizes[0], "n_second": sizes[1], "both": both, "same": same, "different": both - same,
        "both_expected": sizes[0] * sizes[1] / n, "both_low": low, "both_high": high,
        "both_p_values": min(1.0, float(chance.sf(both - 1))),
        **_same_by_chance(one, other, n_permutations, level, seed),
    }  # fmt: skip


def _same_by_chance(one: Array, other: Array, n_permutations: int, level: float, seed: int) -> dict[str, float]:
    """Return mean, interval and p-value of the number of equal labels when one of the lists is rearranged."""
    if not len(one):
        return dict.fromkeys(("same_expected", "same_low", "same_high", "same_p_values"), float("nan"))
    labels = np.union1d(one, other)
    expected = float(((one == labels[:, np.newaxis]).sum(axis=1) * (other == labels[:, np.newaxis]).sum(axis=1)).sum())
    expected /= len(one)
    if len(np.unique(other)) == 1 or len(np.unique(one)) == 1:  # any order of them is the same
        return {"same_expected": expected, "same_low": expected, "same_high": expected, "same_p_values": 1.0}
    orders = Permutations.of_labels(other, n_permutations, seed)
    null = orders.null(lambda rows: (other[rows] == one).sum(axis=1))
    low, high = np.quantile(null, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    p = permutation_p_values((one == other).sum(), null, exact=orders.exact)
    return {"same_expected": expected, "same_low": float(low), "same_high": float(high), "same_p_values": float(p)}
