"""Cluster-based permutation tests along time, or over train × test time."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import validation
from ..validation import Array
from .p_values import TAILS, coarser, permutation_p_values

MASSES = ("sum", "excess")

_BLOCK_ENTRIES = 2**20


@dataclass(frozen=True, eq=False)
class ClusterTest:
    """Clusters of neighbouring cells above a threshold, and their familywise p-values.

    ``labels`` (t,) or (t, t') int holds 0 outside clusters and k inside cluster k = 1, 2, …; ``masses`` (cluster,)
    is negative for clusters below; ``p_values`` (cluster,). Entry k − 1 belongs to cluster k.
    """

    labels: Array
    masses: Array
    p_values: Array

    def cell_p_values(self) -> Array:
        """Return the p-value of the cluster that each cell belongs to, 1 outside clusters; shape of ``labels``."""
        found: Array = np.concatenate([[1.0], self.p_values])[self.labels]
        return found

    def significant(self, alpha: float = 0.05) -> Array:
        """Return which cells belong to a cluster with p ≤ ``alpha``; shape of ``labels``, bool."""
        return self.cell_p_values() <= alpha


def cluster_test(
    observed: Any, null: Any, threshold: Any, tail: str = "greater", *, mass: str = "sum", exact: bool = False
) -> ClusterTest:
    """Return the clusters of cells beyond a threshold, tested against the heaviest cluster of each permutation.

    Neighbours are the next cell in time, or the four cells that share an edge in a matrix. Cells strictly beyond the
    threshold belong to clusters; positive and negative cells to different ones.

    Parameters
    ----------
    observed : (t,) or (t, t')
        A statistic per cell.
    null : (n, t) or (n, t, t')
        The statistic under each permutation.
    threshold : float or array of the shape of ``observed``
        Statistic > threshold makes a cluster ("greater"), statistic < threshold ("less"), or statistic beyond
        ± threshold, which is then at least 0 ("two-sided"). Choose it without looking at ``observed``, for instance
        as a quantile of the null in each cell: it sets what is found, not the error rate.
    tail : {"greater", "less", "two-sided"}
    mass : {"sum", "excess"}
        The mass of a cluster is the sum of its statistics ("sum", Maris and Oostenveld 2007), which is for statistics
        centred on 0, or the sum of statistic − threshold ("excess"), which also suits accuracies, where the sum would
        count chance level in every cell, and thresholds that differ between cells.
    exact : bool
        ``Permutations.exact``.

    Returns
    -------
    ClusterTest
        Clusters in order of their first cell, positive ones before negative ones.

    Raises
    ------
    InputError
        If shapes do not match, or a value is not finite.
    ConfigurationError
        If a threshold has the wrong sign for ``tail`` and ``mass``.

    Notes
    -----
    A small p says that the effect is somewhere; it does not say where a cluster begins or ends (Sassenhagen and
    Draschkow 2019). O(entries of null).

    Examples
    --------
    >>> found = cluster_test([0.1, 3.0, 4.0, 0.2], [[0.0, 2.5, 0.1, 0.3], [1.0, 0.3, 0.2, 0.1]], 2.0)
    >>> found.labels.tolist(), found.masses.tolist(), found.p_values.round(3).tolist()
    ([0, 1, 1, 0], [7.0], [0.333])
    """
    validation.choice("tail", tail, TAILS)
    validation.choice("cluster mass", mass, MASSES)
    statistics, rows = _checked(observed, null)
    limit = _threshold(threshold, statistics.shape, tail, mass)
    signs = {"greater": (1,), "less": (-1,), "two-sided": (1, -1)}[tail]
    labels, masses = np.zeros(statistics.shape, dtype=np.intp), np.zeros(0)
    heaviest = np.zeros(rows.shape[0])
    size = max(1, _BLOCK_ENTRIES // statistics.size)
    for sign in signs:
        # Turned so that clusters are above: below −threshold is above threshold of the negated statistic.
        bound = limit if tail == "two-sided" else sign * limit
        found, found_masses = _clusters(sign * statistics[np.newaxis], bound, mass)
        labels = np.where(found[0] > 0, found[0] + len(masses), labels)
        masses = np.concatenate([masses, sign * found_masses])
        for start in range(0, rows.shape[0], size):
            block = np.asarray(rows[start : start + size], dtype=np.float64)
            validation.finite("null", block, offset=start)
            part = heaviest[start : start + size]
            np.maximum(part, _heaviest(sign * block, bound, mass), out=part)
    # The sums are no more accurate than the statistics they are made of.
    heaviest = heaviest.astype(coarser(np.asarray(observed).dtype, rows.dtype))
    null_masses = np.broadcast_to(heaviest[:, np.newaxis], (len(heaviest), len(masses)))
    return ClusterTest(labels, masses, permutation_p_values(np.abs(masses), null_masses, exact=exact))


def _checked(observed: Any, null: Any) -> tuple[Array, Any]:
    statistics = np.asarray(validation.sliceable("observed", observed)[...])
    rows = validation.sliceable("null", null)
    for name, array in (("observed", statistics), ("null", rows)):
        validation.real_numbers(name, array)
    if statistics.ndim not in (1, 2) or not statistics.size:
        raise InputError(f"observed: expected shape (t,) or (t, t') with no empty axis, found {statistics.shape}")
    if tuple(rows.shape[1:]) != statistics.shape or rows.shape[0] < 1:
        raise InputError(
            f"null: has shape {tuple(rows.shape)}, observed has {statistics.shape}; "
            "expected (permutation, *shape of observed)"
        )
    validation.finite("observed", statistics)
    return statistics.astype(np.float64), rows


def _threshold(threshold: Any, shape: tuple[int, ...], tail: str, mass: str) -> Array:
    found = np.asarray(threshold, dtype=np.float64)
    if found.shape not in ((), shape):
        raise InputError(f"threshold: expected a number or shape {shape}, found shape {found.shape}")
    validation.finite("threshold", found)
    if tail == "two-sided" and (found < 0).any():
        raise ConfigurationError(f"threshold: expected at least 0 for a two-sided test, found {found.min():g}")
    wrong = found[found < 0] if tail == "greater" else found[found > 0]
    if mass == "sum" and tail != "two-sided" and wrong.size:
        expected = "at least 0" if tail == "greater" else "at most 0"
        raise ConfigurationError(
            f"threshold: expected {expected} for tail '{tail}' with mass 'sum', found {wrong[0]:g}; "
            "use mass='excess' for statistics that are not centred on 0"
        )
    return found


def _clusters(maps: Array, bound: Array, mass: str) -> tuple[Array, Array]:
    """Return cluster labels of each map, (map, …), counted through all maps, and the masses, (cluster,)."""
    from scipy.ndimage import generate_binary_structure, label

    neighbours = generate_binary_structure(maps.ndim, 1)
    neighbours[[0, 2]] = False  # maps are not neighbours of each other
    labels, count = label(maps > bound, structure=neighbours)
    weights = maps if mass == "sum" else maps - bound
    inside = labels > 0
    return labels, np.bincount(labels[inside] - 1, weights=weights[inside], minlength=count)


def _heaviest(maps: Array, bound: Array, mass: str) -> Array:
    """Return the mass of the heaviest cluster of each map, 0 where there is none: (map,)."""
    labels, masses = _clusters(maps, bound, mass)
    of_cell = np.concatenate([[0.0], masses])[labels]
    found: Array = of_cell.reshape(len(maps), -1).max(axis=1)
    return found
