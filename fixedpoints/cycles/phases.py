"""Which stretches of k states are one orbit at another phase, and which repeat before they end."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..solver.unique import merge_certified, merge_close

Array = npt.NDArray[Any]

# As in the search: what differs by this share of the scale only is one in round-off.
_SAME = 1e-10
# First coordinates are compared after rounding to this share of the scale, so that round-off does not choose.
_ORDER = 1e-6


def distinct_orbits(
    paths: Array, groups: Array, tolerance: float, *, scale: float, certified: Array, error_bound: Array
) -> tuple[Array, Array]:
    """Return for each stretch the orbit that it belongs to and whether its period is minimal, both (k,).

    All phases of all stretches are compared as the points of a search are: certified ones are the same orbit if
    and only if their error balls touch, others within a tolerance.

    Parameters
    ----------
    paths : ndarray, shape (k, phase, state)
    groups : ndarray of int, shape (k,)
        Only stretches of one group can be the same (equal inputs).
    tolerance : float
        As a share of ``scale``, the size of a stretch.
    certified, error_bound : ndarray, shape (k,)
    """
    count, period, size = paths.shape
    shifted = np.stack([np.roll(paths, -phase, axis=1) for phase in range(period)], axis=1)
    rows = shifted.reshape(count * period, period * size)
    of = np.repeat(np.arange(count), period)  # the stretch that each row shows
    first = merge_close(rows, groups[of], _SAME * scale, priority=np.arange(len(rows), dtype=float))
    kept, position = np.unique(first, return_inverse=True)
    chosen = of[kept]
    second = merge_certified(
        rows[kept],
        groups[chosen],
        tolerance * scale,
        certified=certified[chosen],
        error_bound=error_bound[chosen],
    )
    leaders = kept[second][position.reshape(-1)]
    links = coo_array((np.ones(len(of)), (of, of[leaders])), shape=(count, count))
    _, orbits = connected_components(links, directed=False)
    table = leaders.reshape(count, period)
    divisors = [phase for phase in range(1, period) if period % phase == 0]
    minimal = np.array([all(row[phase] != row[0] for phase in divisors) for row in table], dtype=bool)
    # Members of one orbit agree on its period; where tolerances make them differ, one that repeats speaks for all.
    repeats = np.zeros(int(orbits.max(initial=-1)) + 1, dtype=bool)
    np.logical_or.at(repeats, orbits, ~minimal)
    return np.asarray(orbits), ~repeats[orbits]


def first_phase(path: Array, scale: float) -> int:
    """Return the phase to start an orbit (phase, state) at: the smallest first coordinate, then the second, …."""
    rounded = np.round(path / (_ORDER * scale)) + 0.0
    return int(np.lexsort(tuple(rounded.T[::-1]))[0])
