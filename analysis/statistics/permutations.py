"""Rearrangements of labels and flips of signs, by number: seeded, restricted to groups, exact when there are few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np

from ...errors import ConfigurationError, InputError
from ..validation import Array, label_codes, whole_number
from .arrangements import arrangements, count_arrangements
from .streams import random_words

_WORD = 64


@dataclass(frozen=True, eq=False)
class _Exchangeable:
    """Items that may change places with each other, sorted by label: ``places`` (item,), ``label_counts`` (label,)."""

    places: Array
    label_counts: Array
    n_arrangements: int


@dataclass(frozen=True, eq=False)
class Permutations:
    """A numbered set of rearrangements for a permutation test; made by :meth:`of_labels` or :meth:`of_signs`.

    Attributes
    ----------
    n : int
        How many there are: ``n_permutations``, or the number of all distinct ones when ``exact``.
    n_items : int
        How many labels are rearranged or signs flipped: the width of a row.
    exact : bool
        True when every distinct rearrangement is in the set once, because there are at most ``n_permutations``. The
        unchanged order is then number 0. Otherwise rows are independent uniform draws; hand ``exact`` to
        :func:`permutation_p_values`, which counts the observed statistic among the draws.
    seed : int

    Examples
    --------
    >>> labels = np.array(["a", "a", "b"])
    >>> permutations = Permutations.of_labels(labels, 1000)
    >>> permutations.n, permutations.exact
    (3, True)
    >>> labels[permutations.indices()].tolist()
    [['a', 'a', 'b'], ['a', 'b', 'a'], ['b', 'a', 'a']]
    """

    n: int
    n_items: int
    exact: bool
    seed: int
    _kind: Literal["labels", "signs"]
    _groups: tuple[_Exchangeable, ...] = ()

    @classmethod
    def of_labels(cls, n_or_labels: Any, n_permutations: int, seed: int = 0, groups: Any = None) -> Self:
        """Return rearrangements of labels: ``labels[permutations.indices(block)]`` are the rearranged labels.

        Parameters
        ----------
        n_or_labels : int or (item,)
            The labels, of any type that sorts; or the number of items, which then all count as different.
        n_permutations : int
            How many to draw; when there are no more distinct rearrangements than this, all of them are taken.
        seed : int
        groups : (item,), optional
            Items change places only with items of the same group (restricted permutation): the level of a factor to
            hold fixed, a session, a block of trials.

        Raises
        ------
        InputError
            If labels hold NaN, groups do not match them, or no rearrangement changes anything.
        ConfigurationError
            If a number is not a whole number in range.
        """
        n_permutations = whole_number("n_permutations", n_permutations, least=1)
        codes = _label_codes(n_or_labels)
        exchangeable = tuple(_exchangeable(codes, _group_codes(groups, len(codes)), n_permutations))
        n_arrangements = 1
        for group in exchangeable:
            n_arrangements *= group.n_arrangements
            if n_arrangements > n_permutations:
                break
        if n_arrangements == 1:
            within = "" if groups is None else " within every group"
            raise InputError(f"labels: all {len(codes)} are equal{within}; expected labels that can be rearranged")
        exact = n_arrangements <= n_permutations
        n = n_arrangements if exact else n_permutations
        return cls(n, len(codes), exact, whole_number("seed", seed, least=0), "labels", exchangeable)

    @classmethod
    def of_signs(cls, n: int, n_permutations: int, seed: int = 0) -> Self:
        """Return flips of ``n`` signs: rows of +1 and −1 by which to multiply ``n`` symmetric values.

        All 2ⁿ are taken when they are at most ``n_permutations``. Raises ConfigurationError for numbers out of range.
        """
        n = whole_number("n", n, least=1)
        n_permutations = whole_number("n_permutations", n_permutations, least=1)
        exact = n < _WORD - 1 and 2**n <= n_permutations
        return cls(2**n if exact else n_permutations, n, exact, whole_number("seed", seed, least=0), "signs")

    def indices(self, block: slice | None = None) -> Array:
        """Return the rows of a slice of permutation numbers (all when None): (row, item) int.

        A row of :meth:`of_labels` holds indices of items, a row of :meth:`of_signs` holds +1 and −1. Row i is the
        same in any block. Time and memory O(rows · items), about 0.01 µs per entry.
        """
        start, stop, step = (block or slice(None)).indices(self.n)
        if step != 1:
            raise ConfigurationError(f"block: expected a slice of step 1, found step {step}")
        stop = max(start, stop)
        if self._kind == "signs":
            return self._signs(start, stop)
        return self._all_orders(start, stop) if self.exact else self._random_orders(start, stop)

    def blocks(self, size: int = 64) -> Iterator[slice]:
        """Yield slices that cover all permutation numbers in order, ``size`` numbers each."""
        size = whole_number("size", size, least=1)
        return (slice(start, min(start + size, self.n)) for start in range(0, self.n, size))

    def null(self, statistic: Callable[[Array], Any], block_size: int = 64) -> Array:
        """Return the statistic of every row, (n, …), asking for ``block_size`` rows at a time.

        ``statistic`` maps rows (row, item) to values (row, …). Raises InputError if it returns another number of rows.
        """
        found = []
        for block in self.blocks(block_size):
            values = np.asarray(statistic(self.indices(block)))
            if values.ndim == 0 or len(values) != block.stop - block.start:
                raise InputError(
                    f"statistic: returned shape {values.shape} for {block.stop - block.start} permutations; "
                    "expected one entry per permutation along the first axis"
                )
            found.append(values)
        return np.concatenate(found)

    def _signs(self, start: int, stop: int) -> Array:
        if self.exact:
            words = np.arange(start, stop, dtype=np.uint64)[:, np.newaxis]
        else:
            words = random_words(self.seed, "signs", start, stop, -(-self.n_items // _WORD))
        bits = (words[:, :, np.newaxis] >> np.arange(_WORD, dtype=np.uint64)) & np.uint64(1)
        flips = bits.reshape(stop - start, words.shape[1] * _WORD)[:, : self.n_items]
        return 1 - 2 * flips.astype(np.intp)

    def _random_orders(self, start: int, stop: int) -> Array:
        """Sort random words: the group in the highest bits, then random bits, then the item's position.

        Positions in the lowest bits make all words different, so the order does not depend on the sorting algorithm.
        """
        position_bits, group_bits = self.n_items.bit_length(), (len(self._groups) - 1).bit_length()
        position_mask = np.uint64(2**position_bits - 1)
        places = np.concatenate([group.places for group in self._groups])
        words = random_words(self.seed, "labels", start, stop, self.n_items) >> np.uint64(group_bits)
        words &= ~position_mask
        words |= np.arange(self.n_items, dtype=np.uint64)
        if group_bits:
            codes = np.repeat(np.arange(len(self._groups)), [len(group.places) for group in self._groups])
            words[:, places] |= codes.astype(np.uint64) << np.uint64(_WORD - group_bits)
        words.sort(axis=1)
        rows = np.empty(words.shape, dtype=np.intp)
        rows[:, places] = words & position_mask
        return rows

    def _all_orders(self, start: int, stop: int) -> Array:
        """Read the number in mixed radix: one digit per group, the rank of that group's order."""
        rows = np.empty((stop - start, self.n_items), dtype=np.intp)
        numbers = np.arange(start, stop)
        for group in self._groups:
            numbers, ranks = np.divmod(numbers, group.n_arrangements)
            codes = arrangements(ranks, group.label_counts, group.n_arrangements)
            # Items are sorted by label, so the rank of each code among the codes is an item that carries it.
            order = np.argsort(codes, axis=1, kind="stable")
            rows[:, group.places] = group.places[np.argsort(order, axis=1, kind="stable")]
        return rows


def _label_codes(n_or_labels: Any) -> Array:
    if np.ndim(n_or_labels) == 0:
        return np.arange(whole_number("n", n_or_labels, least=2))
    if np.ndim(n_or_labels) != 1 or not np.size(n_or_labels):
        raise InputError(f"labels: expected a vector (item,), found shape {np.shape(n_or_labels)}")
    return label_codes("labels", n_or_labels, len(n_or_labels), "items")[1]


def _group_codes(groups: Any, n_items: int) -> Array:
    if groups is None:
        return np.zeros(n_items, dtype=np.intp)
    return label_codes("groups", groups, n_items, "items")[1]


def _exchangeable(codes: Array, group_codes: Array, limit: int) -> Iterator[_Exchangeable]:
    by_group_and_label = np.lexsort((codes, group_codes))
    ends = np.flatnonzero(np.diff(group_codes[by_group_and_label])) + 1
    for places in np.split(by_group_and_label, ends):
        counts = np.unique(codes[places], return_counts=True)[1]
        yield _Exchangeable(places, counts, count_arrangements(counts.tolist(), limit))
