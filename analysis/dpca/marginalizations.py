"""Marginalizations: the parts of trial-averaged activity that depend on given factors and on nothing less."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, unknown_name
from ..validation import Array
from .design import TIME, Design, subsets

Terms = Mapping[str, tuple[str, ...]]


def marginalizations(letters: str, n_times: int, join: Any = None) -> dict[str, tuple[str, ...]]:
    """Return name → terms: every combination of factors and time, with those of ``join`` put together.

    A term is written in the order of the factors, time last. Terms of time are left out of recordings of one sample.

    Raises
    ------
    ConfigurationError
        If ``join`` names an unknown term, a term twice, or takes the name of a term that it leaves apart.
    """
    every = subsets(letters + TIME)[1:]
    present = [term for term in every if TIME not in term or n_times > 1]
    joined = _joined(letters, every, {} if join is None else join)
    found: dict[str, tuple[str, ...]] = {}
    for term in present:
        name = next((name for name, members in joined.items() if term in members), term)
        found[name] = (*found.get(name, ()), term)
    return found


def factors_of(term: str) -> str:
    """Return a term without time."""
    return term.replace(TIME, "")


def _joined(letters: str, every: Sequence[str], join: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(join, Mapping):
        raise ConfigurationError(f"join: expected a mapping such as {{'st': ['s', 'st']}}, found {join!r}")
    joined: dict[str, tuple[str, ...]] = {}
    taken: list[str] = []
    for name, members in join.items():
        if isinstance(members, str) or not isinstance(members, Sequence) or not members:
            raise ConfigurationError(f"join[{name!r}]: expected a list of marginalizations, found {members!r}")
        joined[str(name)] = tuple(_canonical(letters, every, str(name), member) for member in members)
        taken += joined[str(name)]
    for term in taken:
        if taken.count(term) > 1:
            raise ConfigurationError(f"join: found {term!r} twice; expected each marginalization in one group")
    for name in joined:
        if name in every and name not in taken:
            raise ConfigurationError(f"join: {name!r} names a group that leaves out the marginalization {name!r}")
    return joined


def _canonical(letters: str, every: Sequence[str], name: str, member: Any) -> str:
    ordered = "".join(letter for letter in letters + TIME if letter in str(member))
    if ordered not in every or len(ordered) != len(str(member)):
        raise ConfigurationError(f"join[{name!r}]: {unknown_name('marginalization', member, every)}")
    return ordered


@dataclass(frozen=True, eq=False)
class Marginals:
    """Averaged activity in orthonormal coordinates that keep marginalizations apart.

    ``rows`` (row, unit) are the averages with the grand mean removed, turned so that each marginalization has rows of
    its own, ``slices[name]``: rows[a].T @ rows[a] is the second moment of marginalization a, and the rows of two
    marginalizations have no product.
    """

    rows: Array
    slices: Mapping[str, slice]

    @classmethod
    def of(cls, means: Array, design: Design, terms: Terms) -> "Marginals":
        """Return the coordinates of averages (observed cell, time, unit)."""
        _, n_times, n_units = means.shape
        lengths = {name: _n_rows(design, n_times, members) for name, members in terms.items()}
        ends = np.cumsum([0, *lengths.values()]).tolist()
        slices = {name: slice(*ends[i : i + 2]) for i, name in enumerate(lengths)}
        rows = np.empty((ends[-1], n_units))
        for name, members in terms.items():
            _fill(rows[slices[name]], means, design, members)
        return cls(rows, slices)

    def __getitem__(self, name: str) -> Array:
        found: Array = self.rows[self.slices[name]]
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.slices)


def dimensions(design: Design, n_times: int, members: Sequence[str]) -> int:
    """Return how many dimensions a marginalization can fill at most, given enough units."""
    sizes = {**dict(zip(design.letters, design.shape, strict=True)), TIME: n_times}
    return sum(math.prod(sizes[letter] - 1 for letter in term) for term in members)


def _n_rows(design: Design, n_times: int, members: Sequence[str]) -> int:
    sizes = dict(zip(design.letters, design.shape, strict=True))
    return sum(
        math.prod(sizes[letter] - 1 for letter in factors_of(term)) * (n_times if TIME in term else 1)
        for term in members
    )


def _fill(rows: Array, means: Array, design: Design, members: Sequence[str]) -> None:
    """Write the rows of each term: over time its mean, scaled to keep sums of squares, or what varies around it."""
    _, n_times, n_units = means.shape
    start = 0
    for letters in dict.fromkeys(map(factors_of, members)):
        table = (design.of_means(letters) @ means.reshape(len(means), -1)).reshape(-1, n_times, n_units)
        mean = table.mean(axis=1, keepdims=True)
        if letters in members:
            rows[start : start + len(table)] = mean[:, 0] * math.sqrt(n_times)
            start += len(table)
        if letters + TIME in members:
            stop = start + len(table) * n_times
            np.subtract(table, mean, out=rows[start:stop].reshape(table.shape))
            start = stop
