"""Means over units, networks and seeds at stages of training, with intervals that count networks, not units."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...errors import InputError
from .. import validation
from ..statistics import bootstrap_interval, hierarchical_bootstrap
from ..statistics.intervals import bounds
from ..validation import Array
from .averages import divide
from .record import PSTH

INTERVALS = ("student", "percentile")


class UnitSums:
    """Weighted sums over checkpoints of the curves of every unit of every network, for some moments of training.

    A checkpoint's mean over units counts once, checkpoints of a moment count alike, and so do networks within a seed,
    and seeds. Unit i of a network is the same unit at all its checkpoints, so that it is one row, and differences
    between moments are within units.
    """

    def __init__(self, network_codes: Array, seed_codes: Array, n_moments: int) -> None:
        self._seeds = [int(seed_codes[network_codes == code][0]) for code in range(int(network_codes.max()) + 1)]
        self._sums: list[dict[str, Array] | None] = [None] * len(self._seeds)
        self.n_checkpoints = np.zeros((len(self._seeds), n_moments), np.int64)
        self.n_units = np.zeros((len(self._seeds), n_moments))

    def add(self, network: int, moments: Sequence[int], mean: Array, weights: Array, where: str) -> None:
        """Add a checkpoint to some moments: ``mean`` (…, unit), NaN where there is none, and ``weights`` (unit,).

        Raises
        ------
        InputError
            If the network had other units, or another time axis, at an earlier checkpoint.
        """
        known = ~np.isnan(mean) & (weights > 0)
        weight = np.where(known, weights, 0)
        share = np.nan_to_num(divide(weight, weight.sum(axis=-1, keepdims=True)))
        shape = (self.n_checkpoints.shape[1], *mean.shape)
        held = self._sums[network]
        if held is None:
            held = self._sums[network] = {"value": np.zeros(shape), "weight": np.zeros(shape)}
        if held["value"].shape != shape:
            raise InputError(
                f"{where}: has (condition, time, unit) {mean.shape}, an earlier checkpoint of the same network "
                f"{held['value'].shape[1:]}; expected the same units and times"
            )
        for moment in moments:
            held["value"][moment] += share * np.where(known, mean, 0)
            held["weight"][moment] += share
            self.n_checkpoints[network, moment] += 1
            self.n_units[network, moment] += known.any(axis=tuple(range(known.ndim - 1))).sum()

    def rows(self) -> "UnitRows":
        """Return the sums as one table, weighted so that plain sums over rows are means as described above.

        Raises
        ------
        InputError
            If networks have different conditions or times.
        """
        held = [(network, sums) for network, sums in enumerate(self._sums) if sums is not None]
        shapes = {sums["value"].shape[:-1] for _, sums in held}
        if len(shapes) > 1:
            raise InputError(f"checkpoints: networks differ in conditions or times: shapes {sorted(shapes)}")
        present = self.n_checkpoints > 0
        parts: dict[str, list[Array]] = {"value": [], "weight": [], "network": [], "seed": []}
        for network, sums in held:
            siblings = [other for other, seed in enumerate(self._seeds) if seed == self._seeds[network]]
            count = np.maximum(self.n_checkpoints[network] * present[siblings].sum(axis=0), 1)
            for name in ("value", "weight"):
                scaled = sums[name] / count.reshape(-1, *[1] * (sums[name].ndim - 1))
                parts[name].append(np.moveaxis(scaled, -1, 0))
            n_units = sums["value"].shape[-1]
            parts["network"].append(np.full(n_units, network))
            parts["seed"].append(np.full(n_units, self._seeds[network]))
        return UnitRows(**{name: np.concatenate(arrays) for name, arrays in parts.items()})


@dataclass(frozen=True, eq=False)
class UnitRows:
    """``value`` and ``weight`` (unit of any network, moment, …), with the ``network`` and ``seed`` (unit,) of each."""

    value: Array
    weight: Array
    network: Array
    seed: Array

    def estimate(self) -> Array:
        """Return the mean at each moment, (moment, …)."""
        return divide(self.value.sum(axis=0), self.weight.sum(axis=0))

    def resample(self, n_resamples: int, seed: int, level: float, interval: str) -> "Resampled":
        """Return means of resamples; a level with one group only (one seed, one network) is not resampled."""
        validation.choice("interval", interval, INTERVALS)
        both = np.stack([self.value, self.weight], axis=1)
        levels = [("seeds", self.seed), ("networks", self.network)]
        levels = [(name, codes) for name, codes in levels if len(np.unique(codes)) > 1]
        if len(np.unique(self.seed)) == len(np.unique(self.network)):
            levels = levels[1:]  # one network per seed: one level
        weighted = np.asarray(self.weight.reshape(*self.weight.shape[:2], -1).any(axis=2))  # (unit, moment)
        if not levels:
            drawn = bootstrap_interval(both, n_resamples=n_resamples, seed=seed, level=level).resamples
            over, counts = "units", weighted.sum(axis=0)
        else:
            drawn = hierarchical_bootstrap(
                both, [codes for _, codes in levels], n_resamples=n_resamples, seed=seed, level=level,
                resampled="outermost" if interval == "student" else "all",
            ).resamples  # fmt: skip
            over, outer = levels[0]
            counts = np.stack([weighted[outer == code].any(axis=0) for code in np.unique(outer)]).sum(axis=0)
        return Resampled(divide(drawn[:, 0], drawn[:, 1]), counts, over, level, interval)


@dataclass(frozen=True, eq=False)
class Resampled:
    """``means`` (resample, moment, …); at each moment ``counts`` independent ones of what was drawn, ``over``."""

    means: Array
    counts: Array
    over: str
    level: float
    interval: str

    def bounds(self, estimate: Array, moment: int, other: int | None = None) -> tuple[Array, Array]:
        """Return the interval around the estimate (…) at a moment, or of its difference from an ``other`` one.

        NaN with fewer than two to draw from.
        """
        drawn, count = self.means[:, moment], int(self.counts[moment])
        if other is not None:
            drawn, count = drawn - self.means[:, other], min(count, int(self.counts[other]))
        if count < 2:
            return np.full(estimate.shape, np.nan), np.full(estimate.shape, np.nan)
        # A draw in which nobody had a value says nothing: it stands at the estimate.
        drawn = np.where(np.isnan(drawn), estimate, drawn)
        if self.interval == "percentile":
            low, high = bounds(estimate, drawn, self.level, "percentile", count, lambda: drawn)
            return np.asarray(low), np.asarray(high)
        from scipy.special import stdtrit

        # Drawing n of n makes a variance of a mean too small by (n − 1) / n.
        error = drawn.std(axis=0) * np.sqrt(count / (count - 1))
        reach = stdtrit(count - 1, (1 + self.level) / 2) * error
        return estimate - reach, estimate + reach

    def stage_bounds(self, estimates: Array) -> tuple[Array, Array]:
        """Return the intervals around the estimates (moment, …) at all moments, each (moment, …)."""
        low, high = zip(*(self.bounds(each, moment) for moment, each in enumerate(estimates)), strict=True)
        return np.stack(low), np.stack(high)

    def differences(self, estimates: Array) -> tuple[Array, Array, Array]:
        """Return the differences of later less earlier moments and their bounds, each (pair, …): see :func:`pairs`."""
        both = pairs(len(estimates))
        if not both:
            none = np.zeros((0, *estimates.shape[1:]))
            return none, none, none
        gaps = np.stack([estimates[after] - estimates[before] for before, after in both])
        found = [self.bounds(gap, after, before) for gap, (before, after) in zip(gaps, both, strict=True)]
        low, high = zip(*found, strict=True)
        return gaps, np.stack(low), np.stack(high)


def pairs(n_moments: int) -> list[tuple[int, int]]:
    """Return all pairs of moments, the earlier first.

    >>> pairs(3)
    [(0, 1), (0, 2), (1, 2)]
    """
    return list(combinations(range(n_moments), 2))


def usable_weights(found: PSTH) -> Array:
    """Return the weights of units in the population, 0 for those that could not be normalised."""
    return np.where(found.excluded, 0, found.weights)
