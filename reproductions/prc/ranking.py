"""Which kind of neuron is best on equal terms, and how sure that is."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from ...analysis.statistics import Interval, bootstrap_interval
from ..study import FindingsTable
from .published_networks import NAMES

#: error of the whole table of pairs, shared out among them (Bonferroni)
_ERROR = 0.05


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Final accuracy of every kind at its best rate.

    Attributes
    ----------
    accuracy : rate → kind → accuracy of each network, (seed,); networks of one seed learnt the same patterns
    rates : the rate of highest mean accuracy of each kind
    means : with their 95 % interval over seeds; None with fewer than two seeds
    pairs : (better, worse) → mean difference over seeds, with an interval that holds for all pairs together
    """

    accuracy: Mapping[float, Mapping[str, np.ndarray]]
    rates: Mapping[str, float]
    means: Mapping[str, Interval | None]
    pairs: Mapping[tuple[str, str], Interval | None]

    @property
    def order(self) -> list[str]:
        """The kinds from best to worst mean."""
        return sorted(self.rates, key=lambda kind: -self.at_best(kind).mean())

    def at_best(self, kind: str) -> np.ndarray:
        """Return the accuracy of the networks of a kind at its best rate, (seed,)."""
        return self.accuracy[self.rates[kind]][kind]

    def table(self, rates: Sequence[float]) -> FindingsTable:
        """Return the ranking, with the accuracy at every rate."""
        rows = []
        for place, kind in enumerate(self.order, 1):
            others = [f"{self.accuracy[rate][kind].mean():.3f}" for rate in rates]
            rows.append([str(place), NAMES[kind], _words(self.at_best(kind), self.means[kind]), *others])
        header = ["place", "kind", "accuracy at the best rate [95 %]", *(f"rate {rate:g}" for rate in rates)]
        note = (
            "Final accuracy on equal terms: kernels of gain 1, initial weights of one standard deviation, a readout "
            "bias, a rate floor of 0.01, rates in units of the initial weights. Bootstrap intervals over seeds. The "
            "best of the rates is chosen on the same networks, alike for all kinds."
        )
        return FindingsTable("Ranking on equal terms", header, rows, note)

    def pairs_table(self) -> FindingsTable:
        """Return the differences between kinds, seed by seed."""
        rows = [
            [
                f"{NAMES[better]} − {NAMES[worse]}",
                _words(self.at_best(better) - self.at_best(worse), interval, sign="+"),
                "yes" if _is_apart(interval) else "no",
            ]
            for (better, worse), interval in self.pairs.items()
        ]
        note = (
            f"Mean over seeds of the difference between networks that learnt the same patterns; intervals hold for all "
            f"{len(rows)} pairs together at 95 % (Bonferroni)."
        )
        return FindingsTable("Differences on equal terms", ["kinds", "difference", "apart"], rows, note)

    def remarks(self) -> list[str]:
        """Return what can be said of the order."""
        apart = [f"{NAMES[a]} over {NAMES[b]}" for (a, b), interval in self.pairs.items() if _is_apart(interval)]
        order = ", ".join(f"{NAMES[kind]} {self.at_best(kind).mean():.3f}" for kind in self.order)
        sure = f"of {len(self.pairs)} pairs these are apart: {', '.join(apart)}" if apart else "no two kinds are apart"
        return [f"On equal terms: {order}; {sure}."]


def rank(accuracy: Mapping[float, Mapping[str, np.ndarray]]) -> Ranking:
    """Return the ranking of kinds from rate → kind → final accuracy of each seed."""
    kinds = list(next(iter(accuracy.values())))
    rates = {kind: max(accuracy, key=lambda rate: accuracy[rate][kind].mean()) for kind in kinds}
    best = {kind: accuracy[rates[kind]][kind] for kind in kinds}
    order = sorted(kinds, key=lambda kind: -best[kind].mean())
    pairs = list(itertools.combinations(order, 2))
    level = 1 - _ERROR / len(pairs)
    return Ranking(
        accuracy,
        rates,
        {kind: _interval(values, 0.95) for kind, values in best.items()},
        {(a, b): _interval(best[a] - best[b], level) for a, b in pairs},
    )


def _interval(values: np.ndarray, level: float) -> Interval | None:
    if len(values) < 2:
        return None
    # Many resamples: the quantiles of a corrected level are far out.
    return bootstrap_interval(values, n_resamples=20000, level=level, interval="expanded")


def _is_apart(interval: Interval | None) -> bool:
    return interval is not None and float(interval.low) > 0


def _words(values: np.ndarray, interval: Interval | None, sign: str = "") -> str:
    mean = f"{values.mean():{sign}.3f}"
    return mean if interval is None else f"{mean} [{float(interval.low):{sign}.3f}, {float(interval.high):{sign}.3f}]"
