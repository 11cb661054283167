"""Which entries each fold of a cross-validation hides."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ..validation import Array, whole_number
from . import checks


def held_out_folds(
    shape: Sequence[int], *, share: float = 0.1, block: Sequence[int] = (1, 1, 1), folds: int = 5, seed: int = 0
) -> Array:
    """Return which entries each fold hides: bool, shape (fold, axis_0, axis_1, axis_2), disjoint between folds.

    The tensor is tiled with boxes of ``block`` entries from a random offset; the tiles are shuffled and dealt out, the
    same number of them to each fold, a share ``share`` of all. Blocks longer than the correlation time along an axis
    keep neighbours of a hidden entry from giving it away (Pellegrino et al. 2024, methods).

    Raises
    ------
    InputError
        If the share is not in (0, ½], the folds would hide more than there is, or a block does not fit.

    Examples
    --------
    >>> hidden = held_out_folds((4, 5, 6), share=0.25, folds=4)
    >>> hidden.sum(axis=(1, 2, 3)).tolist(), hidden.any(axis=0).all().item()
    ([30, 30, 30, 30], True)
    """
    share = _share(share)
    folds = whole_number("folds", folds, least=1)
    sizes = [
        whole_number(f"block[{axis}]", length, least=1, most=shape[axis])
        for axis, length in enumerate(checks.three_ranks("block", block))
    ]
    rng = np.random.default_rng(seed)
    offsets = [int(rng.integers(length)) for length in sizes]
    tiles = [(np.arange(size) + offset) // length for size, offset, length in zip(shape, offsets, sizes, strict=True)]
    counts = [int(tile[-1]) + 1 for tile in tiles]
    n_tiles = math.prod(counts)
    per_fold = max(1, round(share * n_tiles))
    if folds * per_fold > n_tiles:
        raise InputError(
            f"folds: {folds} folds of {per_fold} blocks each need more than the {n_tiles} there are; "
            f"expected at most {n_tiles // per_fold} folds"
        )
    places = rng.permutation(n_tiles)  # tile → its place in the shuffled row
    fold_of_tile = (places // per_fold).reshape(counts)[np.ix_(*tiles)]
    return np.stack([fold_of_tile == fold for fold in range(folds)])


def _share(value: Any) -> float:
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = math.nan
    if not 0 < share <= 0.5:
        raise InputError(f"share: expected a number above 0 and at most 0.5, found {value!r}")
    return share
