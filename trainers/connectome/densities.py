"""From densities of neurons to numbers of neurons per area."""

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ...results import Array

_FILLS = ("mean", "median")


def scale_densities(densities: Array, seed_number: int = 1, *, method: str = "rank", fill: str | None = None) -> Array:
    """Return a number of neurons for each area, (area,) whole numbers, from densities (area,).

    ``rank`` gives the least dense area ``seed_number`` neurons, the next twice as many, and so on; equal densities are
    ranked in the order of their areas. ``ratio`` gives round(``seed_number`` · density / least density), half to even.
    Source: the public package bio2art.

    Parameters
    ----------
    densities
        Of neurons in any unit, above 0; NaN where unknown.
    seed_number
        Neurons of the least dense area, at least 1.
    method
        ``rank`` or ``ratio``.
    fill
        What stands for unknown densities: the ``mean`` or ``median`` of the known ones. None refuses them.

    Raises
    ------
    InputError
        If a density is unknown without a fill rule, is not above 0 or is infinite, or all are unknown.
    ConfigurationError
        If the method or the fill rule is unknown, or ``seed_number`` is below 1.
    """
    if method not in ("rank", "ratio"):
        raise ConfigurationError(unknown_name("method", method, ("rank", "ratio")))
    if isinstance(seed_number, bool) or not isinstance(seed_number, int | np.integer) or seed_number < 1:
        raise ConfigurationError(f"seed_number = {seed_number!r}: expected a whole number of at least 1")
    known = _filled(np.asarray(densities, dtype=float), fill)
    if (known <= 0).any() or not np.isfinite(known).all():
        raise InputError(f"densities: expected finite numbers above 0, found {known.min():g} to {known.max():g}")
    if method == "ratio":
        ratios: Array = np.rint(seed_number * known / known.min()).astype(int)
        return ratios
    numbers = np.empty(len(known), dtype=int)
    numbers[np.argsort(known, kind="stable")] = seed_number * np.arange(1, len(known) + 1)
    return numbers


def _filled(densities: Array, fill: str | None) -> Array:
    if densities.ndim != 1 or not len(densities):
        raise InputError(f"densities: expected one for each area, found shape {densities.shape}")
    unknown = np.isnan(densities)
    if fill is not None and fill not in _FILLS:
        raise ConfigurationError(unknown_name("fill", fill, _FILLS))
    if not unknown.any():
        return densities
    if fill is None:
        raise InputError(
            f"densities: unknown (NaN) in {unknown.sum()} of {len(densities)} areas; set fill to 'mean' or 'median'"
        )
    if unknown.all():
        raise InputError("densities: unknown (NaN) in every area")
    known = densities[~unknown]
    return np.where(unknown, known.mean() if fill == "mean" else np.median(known), densities)
