"""How far and how fast loss curves fall: their minimum, when it comes, and when they have all but settled."""

from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from . import validation
from .validation import Array

#: what is compared: the lowest loss, its epoch, and the epoch at which nearly all of the way down is behind
QUANTITIES = ("minimum", "minimum_epoch", "settled_epoch")


class LearningSpeed(NamedTuple):
    """Where loss curves end up and when, (…) float each; epochs count from 0 at the start of the whole curve.

    ``minimum`` and ``minimum_epoch`` (the first one), ``settled_epoch`` (NaN when not reached) and ``final``, the last
    loss. A curve without a finite loss has NaN for all but the last.
    """

    minimum: Array
    minimum_epoch: Array
    settled_epoch: Array
    final: Array


def learning_speed(losses: Any, *, first_epoch: int = 1, percent: float = 1.0) -> LearningSpeed:
    """Return the lowest loss of each curve, its epoch, and when the loss had all but settled.

    A curve has settled at the first epoch at which 100 · (L − min) / (max − min) ≤ ``percent``: 99 % of the way down,
    as published. Losses that are not finite are left out; a constant curve never settles.

    Parameters
    ----------
    losses : (…, epoch)
    first_epoch : int
        Epochs before it are left out, as the published figures leave out epoch 0, when networks are hardly trained.
    percent : float

    Raises
    ------
    InputError
        If losses are not numbers with at least one epoch to look at, or a number is out of range.

    Notes
    -----
    Source: Goulas, Damicelli and Hilgetag 2021, Neural Networks 142:608–618.

    Examples
    --------
    >>> found = learning_speed([9.0, 1.0, 0.5, 0.004, 0.0, 0.0])
    >>> float(found.minimum), int(found.minimum_epoch), int(found.settled_epoch)
    (0.0, 4, 3)
    """
    curves = np.asarray(validation.sliceable("losses", losses)[...])
    validation.real_numbers("losses", curves)
    first = validation.whole_number("first_epoch", first_epoch, least=0)
    percent = validation.positive("percent", percent)
    if curves.ndim < 1 or curves.shape[-1] <= first:
        raise InputError(f"losses: expected (…, epoch) with more than {first} epochs, found shape {curves.shape}")
    seen = curves[..., first:].astype(np.float64)
    finite = np.isfinite(seen)
    minimum = np.where(finite, seen, np.inf).min(axis=-1)
    fall = np.where(finite, seen, -np.inf).max(axis=-1) - minimum
    above = np.where(finite, seen, np.inf) - np.where(np.isfinite(minimum), minimum, 0)[..., np.newaxis]
    # Multiplied out: a constant curve would divide by zero.
    settled = (100 * above <= percent * fall[..., np.newaxis]) & (fall > 0)[..., np.newaxis]
    exists = finite.any(axis=-1)
    return LearningSpeed(
        np.where(exists, minimum, np.nan),
        np.where(exists, first + above.argmin(axis=-1), np.nan),
        np.where(settled.any(axis=-1), first + settled.argmax(axis=-1), np.nan),
        seen[..., -1],
    )
