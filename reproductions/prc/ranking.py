"""Which kind of neuron is best on equal terms, and how sure that is."""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np

from ..study import FindingsTable
from ..words import interval, of_shares, with_interval
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
    order : the kinds from best to worst mean at these rates
    pairs : (better, worse) → mean difference over seeds, with the bounds of an interval that holds for all pairs
        together; bounds are NaN with fewer than two seeds
    """

    accuracy: Mapping[float, Mapping[str, np.ndarray]]
    rates: Mapping[str, float]
    order: tuple[str, ...]
    pairs: Mapping[tuple[str, str], tuple[float, float, float]]

    def at_best(self, kind: str) -> np.ndarray:
        """Return the accuracy of the networks of a kind at its best rate, (seed,)."""
        return self.accuracy[self.rates[kind]][kind]

    @property
    def apart(self) -> list[tuple[str, str]]:
        """The pairs (better, worse) whose interval lies above 0."""
        return [pair for pair, (_, low, _) in self.pairs.items() if low > 0]

    def table(self) -> FindingsTable:
        """Return the ranking, with the accuracy at every rate."""
        rows = [
            [
                str(place), NAMES[kind], of_shares(self.at_best(kind), 3),
                *(f"{own[kind].mean():.3f}" for own in self.accuracy.values()),
            ]
            for place, kind in enumerate(self.order, 1)
        ]  # fmt: skip
        header = ["place", "kind", "accuracy at the best rate [95 %]", *(f"rate {rate:g}" for rate in self.accuracy)]
        note = (
            "Final accuracy on equal terms: kernels of gain 1, initial weights of one standard deviation, a readout "
            "bias, a rate floor of 0.01, rates in units of the initial weights. Bootstrap intervals over seeds. The "
            "best of the rates is chosen on the same networks, alike for all kinds."
        )
        return FindingsTable("Ranking on equal terms", header, rows, note)

    def pairs_table(self) -> FindingsTable:
        """Return the differences between kinds, seed by seed."""
        rows = [
            [f"{NAMES[a]} − {NAMES[b]}", with_interval(*found, 3, "+"), "yes" if (a, b) in self.apart else "no"]
            for (a, b), found in self.pairs.items()
        ]
        note = (
            "Mean over seeds of the difference between networks that learnt the same patterns; Student's intervals, "
            f"which hold for all {len(rows)} pairs together at 95 % (Bonferroni). Apart: the interval lies above 0."
        )
        return FindingsTable("Differences on equal terms", ["kinds", "difference", "apart"], rows, note)

    def remark(self) -> str:
        """Return what can be said of the order."""
        order = " > ".join(f"{NAMES[kind]} {self.at_best(kind).mean():.3f}" for kind in self.order)
        apart = "; ".join(f"{NAMES[a]} over {NAMES[b]}" for a, b in self.apart)
        sure = f"of {len(self.pairs)} pairs these are apart: {apart}" if apart else "no two kinds are apart"
        return f"On equal terms: {order}; {sure}."


def rank(accuracy: Mapping[float, Mapping[str, np.ndarray]]) -> Ranking:
    """Return the ranking of kinds from rate → kind → final accuracy of each seed."""
    kinds = next(iter(accuracy.values()))
    rates = {kind: max(accuracy, key=lambda rate: accuracy[rate][kind].mean()) for kind in kinds}
    best = {kind: accuracy[rates[kind]][kind] for kind in kinds}
    order = tuple(sorted(best, key=lambda kind: -best[kind].mean()))
    pairs = list(itertools.combinations(order, 2))
    return Ranking(
        accuracy, rates, order, {(a, b): interval(best[a] - best[b], 1 - _ERROR / len(pairs)) for a, b in pairs}
    )
