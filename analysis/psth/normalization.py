"""Activity relative to a baseline, in standard deviations or to its largest response, guarded against tiny divisors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError
from .. import validation
from ..validation import Array
from .averages import divide
from .epochs import sums_over

NORMALIZATIONS = ("raw", "subtract", "baseline", "zscore", "max", "softmax")

_QUANTITIES = {
    "subtract": "{quantity}, change from baseline",
    "baseline": "change / baseline",
    "zscore": "z-score",
    "max": "fraction of largest response",
    "softmax": "fraction of largest response, softened",
}
# Of the median baseline: below it, ratios say more about the baseline than about the response.
_LEAST_BASELINE = 0.05
# Of the largest value: what rounding leaves of a constant.
_LEAST_SPREAD = 1e-9


@dataclass(frozen=True, eq=False)
class Rule:
    """How activity is normalised.

    ``kind`` is one of :data:`NORMALIZATIONS`; ``relative`` says that there is a baseline to subtract; ``floor`` is the
    least divisor (None: see :func:`constants`), ``softening`` what "softmax" adds to the largest response.
    """

    kind: str
    relative: bool = False
    floor: float | None = None
    softening: float = 5.0

    @property
    def needs_moments(self) -> bool:
        """Whether the mean and standard deviation of the baseline (of all samples without one) are looked at."""
        return self.kind != "raw" and (self.relative or self.kind == "zscore")

    def quantity(self, of: str) -> str:
        """Return what the numbers are, for an axis."""
        return _QUANTITIES.get(self.kind, "{quantity}").format(quantity=of)


def rule(normalize: str | None, baseline: Any, *, floor: float | None, softening: float) -> Rule:
    """Return the rule that the arguments of :func:`psth` ask for."""
    kind = normalize if normalize is not None else "raw" if baseline is None else "subtract"
    validation.choice("normalization", kind, NORMALIZATIONS)
    if kind in ("subtract", "baseline") and baseline is None:
        raise ConfigurationError(f"normalize={kind!r} needs baseline=(start, stop)")
    if floor is not None and not (isinstance(floor, (int, float)) and np.isfinite(floor) and floor >= 0):
        raise ConfigurationError(f"floor: expected a number from 0 in the units of the activity, found {floor!r}")
    return Rule(kind, baseline is not None, floor, validation.positive("softening", softening))


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and standard deviation of each unit's samples, (condition, unit), or (1, unit) for all trials together."""

    mean: Array
    deviation: Array

    @classmethod
    def none(cls, n_units: int) -> "Moments":
        """Return those of a rule that does not need them."""
        return cls(np.zeros((1, n_units)), np.ones((1, n_units)))


@dataclass(frozen=True, eq=False)
class EpochSums:
    """Number, sum and sum of squares of each unit's samples in an epoch, (trial, unit), as deviations from ``origin``.

    Sums of any trials give the moments of those trials; squares of small deviations keep their digits.
    """

    count: Array
    total: Array
    squares: Array
    origin: Array

    @classmethod
    def of(cls, values: Array, inside: Array) -> "EpochSums":
        """Return the sums over the samples ``inside`` (trial, time) of ``values`` (trial, time, unit)."""
        known = ~np.isnan(values)
        origin = np.nan_to_num(divide(np.where(known, values, 0).sum(axis=(0, 1)), known.sum(axis=(0, 1))))
        return cls(*sums_over(values - origin, inside), origin)

    @classmethod
    def joined(cls, blocks: Sequence["EpochSums"]) -> "EpochSums":
        """Return the sums of all units from those of blocks of units."""
        parts = [(block.count, block.total, block.squares, block.origin) for block in blocks]
        return cls(*(np.concatenate(part, axis=-1) for part in zip(*parts, strict=True)))

    def moments(self, members: Array) -> Moments:
        """Return the moments of groups of trials: ``members`` are (group, trial) bool."""
        chosen = members.astype(float)
        count, total, squares = (chosen @ part for part in (self.count, self.total, self.squares))
        mean = divide(total, count)
        return Moments(self.origin + mean, np.sqrt(np.maximum(divide(squares, count) - np.square(mean), 0)))


@dataclass(frozen=True, eq=False)
class Constants:
    """(x − ``shift``) / ``scale``, each (condition or 1, unit); NaN for ``excluded`` (unit,) ones."""

    shift: Array
    scale: Array
    excluded: Array

    def value(self, values: Array) -> Array:
        """Return (condition, time, unit) shifted and scaled."""
        return np.asarray((values - self.shift[:, np.newaxis]) / self.scale[:, np.newaxis])

    def error(self, errors: Array) -> Array:
        """Return standard errors (condition, time, unit) scaled: shift and scale count as known."""
        return np.asarray(errors / self.scale[:, np.newaxis])


def constants(chosen: Rule, moments: Moments, means: Array) -> Constants:
    """Return what to subtract from and divide each unit by.

    Units whose divisor is not above the floor are excluded, and those without a known baseline. By default the floor
    is 5 % of the median over units of the positive baselines ("baseline"), what rounding leaves of a constant
    ("zscore", "max"), and none for "softmax".

    Parameters
    ----------
    chosen : Rule
    moments : Moments
        Of the baseline, or of all samples.
    means : (condition, time, unit)
        Means over trials: where the largest response is looked for.
    """
    shift = moments.mean if chosen.needs_moments else np.zeros_like(moments.mean)
    largest = np.abs(np.nan_to_num(means)).max(axis=(0, 1))
    if chosen.kind in ("raw", "subtract"):
        scale, least = np.ones_like(shift), 0.0
    elif chosen.kind == "baseline":
        positive = shift[shift > 0]
        scale, least = shift, _LEAST_BASELINE * float(np.median(positive)) if positive.size else 0.0
    elif chosen.kind == "zscore":
        scale, least = moments.deviation, _LEAST_SPREAD * largest
    else:
        scale = np.abs(np.nan_to_num(means - shift[:, np.newaxis])).max(axis=(0, 1))[np.newaxis]
        least = _LEAST_SPREAD * largest.max(initial=0) if chosen.kind == "max" else -1.0
    if chosen.floor is not None and chosen.kind not in ("raw", "subtract"):
        least = chosen.floor
    usable = np.asarray((scale > least).all(axis=0) & np.isfinite(shift).all(axis=0))
    if chosen.kind == "softmax":
        scale = scale + chosen.softening
    return Constants(shift, np.where(usable, scale, np.nan), ~usable)
