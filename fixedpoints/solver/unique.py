"""Deduplication: which converged states are the same fixed point.

Every state joins a leader within a fixed distance, or becomes one. Distances are to the leader and never to a
member, so a chain of close points cannot run together as it does in single-linkage clustering. States are
sorted along one fixed direction and compared only within a window: memory O(k·state), no (n, n) matrix.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def typical_size(states: Array, starts: Array) -> float:
    """Return the root-mean-square norm of ``states``: the scale to which tolerances refer.

    A tenth of that of ``starts`` is the least, for when all points sit at the origin; 1 if all is zero.
    """
    norms = [np.sqrt(np.mean(np.sum(rows**2, axis=1))) if len(rows) else 0.0 for rows in (states, starts)]
    return float(max(norms[0], 0.1 * norms[1])) or 1.0


def group_rows(rows: Array | None, n_rows: int) -> Array:
    """Return for each row the number of its group of equal rows, shape (n,); all 0 when there are no rows."""
    if rows is None:
        return np.zeros(n_rows, dtype=np.int64)
    return np.asarray(np.unique(rows, axis=0, return_inverse=True)[1]).reshape(-1)


def merge_close(states: Array, groups: Array, tolerance: float, *, priority: Array) -> Array:
    """Return for each state the index of the state that stands for it, shape (k,).

    Parameters
    ----------
    states : ndarray, shape (k, state)
    groups : ndarray of int, shape (k,)
        Only states of one group can be the same point (equal inputs).
    tolerance : float ≥ 0
        Largest distance between a state and the leader of its cluster; leaders are farther apart.
    priority : ndarray, shape (k,)
        Within a cluster the member with the lowest value stands for all.

    Examples
    --------
    >>> x = np.array([[0.0], [1.0], [1e-12]])
    >>> merge_close(x, np.zeros(3, dtype=int), 1e-9, priority=np.array([2.0, 1.0, 1.0]))
    array([2, 1, 2])
    """
    order, position = _sorted_by_projection(states, groups)
    leader = np.full(len(states), -1)
    for rank, index in enumerate(order):
        if leader[index] >= 0:
            continue
        candidates = _window(order, position, rank, tolerance)
        candidates = candidates[(leader[candidates] < 0) & (groups[candidates] == groups[index])]
        near = np.linalg.norm(states[candidates] - states[index], axis=1) <= tolerance
        leader[candidates[near]] = index
    return _best_member(leader, priority)


def merge_certified(states: Array, groups: Array, tolerance: float, *, certified: Array, error_bound: Array) -> Array:
    """Return for each state the index of the state that stands for it, using certificates, shape (k,).

    Two certified states are the same fixed point if and only if their error balls touch: one zero lies in
    each ball, and each ball lies deep inside a region that holds one zero only. Where a certificate is
    missing, states within ``tolerance`` of a leader join it. Certified states lead first.
    """
    order, position = _sorted_by_projection(states, groups)
    rank = np.empty(len(states), dtype=np.int64)
    rank[order] = np.arange(len(states))
    reach = np.where(certified, error_bound, 0.0)
    widest = max(tolerance, 2 * float(reach.max(initial=0.0)))
    leader = np.full(len(states), -1)
    for index in np.concatenate([order[certified[order]], order[~certified[order]]]):
        if leader[index] >= 0:
            continue
        candidates = _window(order, position, int(rank[index]), widest, both_sides=True)
        candidates = candidates[(leader[candidates] < 0) & (groups[candidates] == groups[index])]
        distance = np.linalg.norm(states[candidates] - states[index], axis=1)
        both = certified[candidates] & certified[index]
        allowed = np.where(both, reach[candidates] + reach[index], tolerance)
        leader[candidates[distance <= allowed]] = index
    return leader


def _sorted_by_projection(states: Array, groups: Array) -> tuple[Array, Array]:
    """Return the order of the states along a fixed direction and their positions there, sorted.

    The direction is the same for every call: results then do not depend on the order of the states. Groups
    are laid end to end, far apart.
    """
    direction = np.random.default_rng(0).standard_normal(states.shape[1])
    along = states @ (direction / np.linalg.norm(direction))
    order = np.lexsort((along, groups))
    return order, along[order]


def _window(order: Array, position: Array, rank: int, width: float, *, both_sides: bool = False) -> Array:
    """Return the states whose projection is within ``width`` of that at ``rank``, itself included.

    A projection is never longer than the distance, so nothing close is missed; equal states in round-off get
    a little extra room.
    """
    width = width + 1e-12 * abs(float(position[rank]))
    end = rank + 1
    while end < len(order) and 0 <= position[end] - position[rank] <= width:
        end += 1
    begin = rank
    while both_sides and begin > 0 and 0 <= position[rank] - position[begin - 1] <= width:
        begin -= 1
    return order[begin:end]


def _best_member(leader: Array, priority: Array) -> Array:
    """Return ``leader`` with every cluster renamed after its member of lowest priority value."""
    order = np.lexsort((np.arange(len(leader)), priority, leader))
    first = np.ones(len(order), dtype=bool)
    first[1:] = leader[order][1:] != leader[order][:-1]
    best = np.empty(len(leader), dtype=leader.dtype)
    best[leader[order][first]] = order[first]
    return best[leader]
