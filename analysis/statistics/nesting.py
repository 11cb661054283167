"""Drawing with replacement from groups within groups, level by level."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..validation import Array, label_codes


class Nesting:
    """A tree of observations: units in networks in seeds, any number of levels.

    Groups of an inner level are told apart by their path, so network 0 of seed 1 is not network 0 of seed 2.
    """

    def __init__(self, n: int, groups: Sequence[Any]) -> None:
        path = np.zeros(n, dtype=np.intp)
        paths = [path]
        for level, labels in enumerate(groups):
            codes = label_codes(f"groups[{level}]", labels, n, "values")[1]
            path = np.unique(path * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
            paths.append(path)
        self._order = np.argsort(path, kind="stable")
        # Node i of a level has the children first[i] … first[i] + count[i] − 1 of the next level.
        self._children = []
        for parents, nodes in zip(paths, [*paths[1:], np.arange(n)], strict=True):
            parent_of_node = parents[np.unique(nodes, return_index=True)[1]]
            counts = np.bincount(parent_of_node)
            self._children.append((np.cumsum(counts) - counts, counts))
        self.n_outermost = int(self._children[0][1][0])
        outermost = paths[1] if len(paths) > 1 else np.arange(n)
        self._outermost = outermost

    def draw(self, generator: np.random.Generator, *, outermost_only: bool) -> Array:
        """Return the observations of one resample: (m,) indices, m varying when groups differ in size.

        At each level as many children are drawn from each chosen group, with replacement, as it has; with
        ``outermost_only``, groups below the outermost are taken whole.
        """
        chosen = np.zeros(1, dtype=np.intp)
        for depth, (first, count) in enumerate(self._children):
            sizes = count[chosen]
            starts, repeated = np.repeat(first[chosen], sizes), np.repeat(sizes, sizes)
            if depth and outermost_only:
                within = np.arange(len(starts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            else:
                within = (generator.random(len(starts)) * repeated).astype(np.intp)
            chosen = starts + within
        return self._order[chosen]

    def without(self, group: int) -> Array:
        """Return the observations outside the outermost group number ``group``: (m,) indices."""
        return np.flatnonzero(self._outermost != group)
