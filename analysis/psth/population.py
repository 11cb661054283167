"""Which units an average over units is about, chosen on given trials only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ..selectivity.select_units import select_units
from ..validation import Array

Means = dict[str, Array]
Chooser = Callable[[Means, Array], Any]


@dataclass(frozen=True, eq=False)
class Population:
    """A rule that says which units belong, and its name for the record."""

    name: str
    n_units: int
    choose: Chooser

    def of(self, means: Means, codes: Array, trials: Array) -> Array:
        """Return (unit,) bool, from the means in epochs (trial, unit) and the labels of the chosen trials alone."""
        found = np.asarray(self.choose({name: values[trials] for name, values in means.items()}, codes[trials]))
        return _checked(found, self.n_units)


def population_rule(
    population: Any, n_units: int, *, published: bool, normalized: bool, has_baseline: bool
) -> Population:
    """Return the rule that the argument of :func:`preferred_psth` asks for."""
    if population is None:
        return Population("all units", n_units, lambda means, codes: np.ones(n_units, bool))
    if isinstance(population, str):
        if population != "selective":
            raise InputError(f"population: expected 'selective', booleans, a callable or None, found {population!r}")
        if not has_baseline:
            raise ConfigurationError("population='selective' needs baseline=(start, stop) to compare the epoch with")
        options = {"mode": "published", "normalize": normalized} if published else {"mode": "corrected"}
        return Population("selective", n_units, lambda means, codes: _selective(means, codes, options))
    if callable(population):
        return Population("callable", n_units, lambda means, codes: population(means["epoch"], codes))
    mask = _checked(np.asarray(population), n_units)
    return Population("given", n_units, lambda means, codes: mask)


def _selective(means: Means, codes: Array, options: dict[str, Any]) -> Array:
    # select_units only looks at means in epochs: trials of two or three samples hold them.
    activity = np.stack([means["baseline"], means["epoch"], means.get("cue", means["epoch"])], axis=1)
    found = select_units(
        activity, [0.0, 1.0, 2.0], codes, epoch=(1, 2), baseline=(0, 1), responsive_epoch=(2, 3), **options
    )
    return found.population


def _checked(found: Array, n_units: int) -> Array:
    if found.shape != (n_units,) or found.dtype != np.bool_:
        raise InputError(
            f"population: expected {n_units} booleans, one per unit, found shape {found.shape} of {found.dtype}"
        )
    return found
