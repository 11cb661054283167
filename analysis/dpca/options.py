"""The options of demixed PCA, checked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from .. import validation
from ..validation import Array
from .axes import ENCODERS
from .marginalizations import Terms
from .scores import LOSSES

ENGINES = ("exact", "package")
DEFAULT_COMPONENTS = 10


@dataclass(frozen=True, eq=False, kw_only=True)
class Options:
    """What a fit was asked for; see :func:`dpca` for the meaning. ``strength`` is None when it is to be chosen."""

    engine: str
    strength: float | None
    regularizers: Array
    n_splits: int
    loss: str
    encoder: str
    permutations: int
    seed: int

    @classmethod
    def checked(cls, *, regularizer: Any, regularizers: Any, **given: Any) -> Self:
        """Return the options after refusing those that make no sense.

        Raises
        ------
        ConfigurationError
            If a name is unknown or a number out of range.
        """
        for kind, valid in (("engine", ENGINES), ("loss", LOSSES), ("encoder", ENCODERS)):
            if given[kind] not in valid:
                raise ConfigurationError(unknown_name(kind, given[kind], valid))
        for name, least in (("n_splits", 1), ("permutations", 0), ("seed", 0)):
            given[name] = validation.whole_number(name, given[name], least=least)
        return cls(strength=_strength(regularizer), regularizers=_candidates(regularizers), **given)


def component_counts(wanted: Any, terms: Terms, shape: tuple[int, int, int], n_cells: int) -> dict[str, int]:
    """Return the number of components of each marginalization; ``shape`` is that of the activity.

    Raises
    ------
    ConfigurationError
        If a number is out of range or a name unknown or left out.
    """
    limit = min(shape[2], n_cells * shape[1])
    if isinstance(wanted, Mapping):
        for name in wanted:
            if name not in terms:
                raise ConfigurationError(f"n_components: {unknown_name('marginalization', name, terms)}")
        missing = [name for name in terms if name not in wanted]
        if missing:
            raise ConfigurationError(f"n_components: found none for {missing[0]!r}; expected {', '.join(terms)}")
        return {name: _count(f"n_components[{name!r}]", wanted[name], limit, shape[2]) for name in terms}
    if wanted == DEFAULT_COMPONENTS:
        wanted = min(wanted, limit)
    return dict.fromkeys(terms, _count("n_components", wanted, limit, shape[2]))


def sample_times(time: Any, n_times: int) -> Array | None:
    """Return sample times in seconds after checking that they match the activity and increase.

    Raises
    ------
    InputError
        If they do not.
    """
    if time is None:
        return None
    found = np.asarray(time)
    validation.real_numbers("time", found)
    if found.shape != (n_times,):
        raise InputError(
            f"time: has shape {found.shape}, activity has {n_times} time samples; expected one time per sample"
        )
    found = found.astype(np.float64)
    validation.finite("time", found)
    if (np.diff(found) <= 0).any():
        raise InputError("time: expected increasing seconds")
    return found


def _count(name: str, value: Any, limit: int, n_units: int) -> int:
    number = validation.whole_number(name, value, least=1)
    if number > limit:
        of = f"{n_units} units" if limit == n_units else f"{limit} conditions × times"
        raise ConfigurationError(f"{name}: found {number} components, too many for {of}; expected at most {limit}")
    return number


def _strength(value: Any) -> float | None:
    if isinstance(value, str) and value == "auto":
        return None
    if value is None:
        return 0.0
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not (math.isfinite(number) and number >= 0):
        raise ConfigurationError(f"regularizer: expected None, 'auto' or a number of at least 0, found {value!r}")
    return number


def _candidates(values: Any) -> Array:
    """Return the candidates, ascending; by default the grid of the dPCA package, each 1.4 times the one before."""
    if values is None:
        return 1e-7 * 1.4 ** np.arange(45)
    found = np.asarray(values)
    if found.ndim != 1 or not found.size or found.dtype.kind not in "iuf":
        raise ConfigurationError(f"regularizers: expected a list of positive numbers, found {values!r}")
    found = np.unique(found.astype(np.float64))
    if not (np.isfinite(found).all() and found[0] > 0):
        raise ConfigurationError(f"regularizers: expected a list of positive numbers, found {values!r}")
    return found
