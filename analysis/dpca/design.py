"""Which trial belongs to which cell of the crossed factors, and what stands in for cells without trials."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ..validation import Array

TIME = "t"

# A table of more cells would hold hardly any trials in each; it is also a matter of memory.
_MOST_CELLS = 20_000


@dataclass(frozen=True, eq=False)
class Design:
    """Trials sorted into the cells of all factors crossed.

    ``letters`` are the factors in order and ``levels`` the distinct labels of each. Cells are numbered with the last
    factor fastest. ``cell`` (trial,) is each trial's cell and ``counts`` (cell,) the number of trials in each.
    ``completion`` (cell, observed cell) turns the averages of the cells that have trials into a full table:
    the identity where none is missing.
    """

    letters: str
    levels: tuple[Array, ...]
    cell: Array
    counts: Array
    completion: Array

    @classmethod
    def of(cls, factors: Any, n_trials: int, levels: Mapping[str, Sequence[Any]] | None = None) -> "Design":
        """Return the design of labelled trials; ``levels`` are those of an earlier design to match.

        Raises
        ------
        ConfigurationError
            If a factor's name is not one letter, or is the letter of time.
        InputError
            If labels do not match the trials, one is missing, a factor has one level, a label is none of ``levels``,
            or a cell without trials cannot be estimated from the others.
        """
        letters = factor_letters(factors)
        found, codes = [], []
        for letter in letters:
            labels = _labels(letter, factors[letter], n_trials)
            distinct, code = np.unique(labels, return_inverse=True)
            if levels is not None:
                distinct, code = _matched(letter, labels, levels)
            if len(distinct) < 2:
                raise InputError(
                    f"factors[{letter!r}]: every trial has the label {distinct[0]!s}; expected at least 2 levels"
                )
            found.append(distinct)
            codes.append(code.ravel())
        shape = tuple(map(len, found))
        if math.prod(shape) > _MOST_CELLS:
            sizes = " × ".join(map(str, shape))
            raise InputError(
                f"factors: {sizes} levels of {', '.join(letters)} make {math.prod(shape)} cells, expected at most "
                f"{_MOST_CELLS}; are the labels of a factor measurements? put them into classes"
            )
        cell = np.ravel_multi_index(tuple(codes), shape)
        counts = np.bincount(cell, minlength=math.prod(shape))
        return cls(letters, tuple(found), cell, counts, _completion(letters, found, counts))

    def of_trials(self, trials: Array) -> "Design":
        """Return the design of some of the trials, with the same factors and levels.

        Raises
        ------
        InputError
            If a cell that has none of them cannot be estimated from the others.
        """
        cell = self.cell[trials]
        counts = np.bincount(cell, minlength=self.n_cells)
        return Design(self.letters, self.levels, cell, counts, _completion(self.letters, self.levels, counts))

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of levels of each factor."""
        return tuple(map(len, self.levels))

    @property
    def n_cells(self) -> int:
        """The number of cells, with and without trials."""
        return len(self.counts)

    @property
    def observed(self) -> Array:
        """The numbers of the cells that have trials."""
        return np.flatnonzero(self.counts)

    def trials_of(self, cell: int) -> Array:
        """Return the trials of a cell, ascending."""
        return np.flatnonzero(self.cell == cell)

    def contrast(self, letters: str) -> Array:
        """Return (row, cell): orthonormal rows that span the interaction of ``letters``; "" is the grand mean."""
        return contrast(self.letters, self.shape, letters)

    def of_means(self, letters: str) -> Array:
        """Return :meth:`contrast` applied to the averages of the observed cells, (row, observed cell)."""
        found: Array = self.contrast(letters) @ self.completion
        return found

    def name_of(self, cell: int) -> str:
        """Return a cell in words: s=1, d=left."""
        return _cell_name(self.letters, self.levels, cell)


def factor_letters(factors: Any) -> str:
    """Return the letters of the factors in order after checking them."""
    if not isinstance(factors, Mapping) or not factors:
        raise InputError(f"factors: expected a mapping from letters to labels (trial,), found {factors!r}")
    for letter in factors:
        if not (isinstance(letter, str) and len(letter) == 1 and letter.isalpha()):
            raise ConfigurationError(f"factors: expected one letter per factor, such as 's', found {letter!r}")
        if letter == TIME:
            raise ConfigurationError(f"factors: the letter {TIME!r} stands for time; choose another for a factor")
    return "".join(factors)


def contrast(letters: str, shape: Sequence[int], wanted: str) -> Array:
    """Return orthonormal rows (row, cell) that span the interaction of the factors in ``wanted``.

    Contrasts of different sets of factors are orthogonal, and all sets together make a basis of the cells.
    """
    rows: Array = np.ones((1, 1))
    for letter, n in zip(letters, shape, strict=True):
        basis = _helmert(n)
        rows = np.kron(rows, basis[1:] if letter in wanted else basis[:1])
    return rows


def subsets(letters: str) -> list[str]:
    """Return all subsets of ``letters``, the empty one first, by size and then by order."""
    sizes = range(len(letters) + 1)
    return ["".join(chosen) for size in sizes for chosen in itertools.combinations(letters, size)]


def _helmert(n: int) -> Array:
    """Return an orthonormal basis (n, n) whose first row is constant; row i compares level i with those before."""
    basis: Array = np.tril(np.ones((n, n)), -1) - np.diag(np.arange(n, dtype=float))
    basis[0] = 1
    scaled: Array = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    return scaled


def _labels(letter: str, labels: Any, n_trials: int) -> Array:
    found = np.asarray(labels)
    if found.dtype.kind == "O":  # columns of text from tables
        found = np.asarray(found.tolist())
    if found.dtype.kind == "S":
        found = np.char.decode(found, "utf-8")
    if found.ndim != 1 or len(found) != n_trials:
        raise InputError(
            f"factors[{letter!r}]: has shape {found.shape}, activity has {n_trials} trials; expected a label per trial"
        )
    if found.dtype.kind not in "biufU":
        raise InputError(f"factors[{letter!r}]: expected numbers or text, found dtype {found.dtype}")
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        trial = int(np.argmin(np.isfinite(found)))
        raise InputError(
            f"factors[{letter!r}]: found {found[trial]} at trial {trial}; expected a label: drop trials without one"
        )
    return found


def _matched(letter: str, labels: Array, levels: Mapping[str, Sequence[Any]]) -> tuple[Array, Array]:
    """Return the levels of an earlier design and the position of each label among them."""
    if letter not in levels:
        raise InputError(f"factors: found {letter!r}; expected the factors of the fit: {', '.join(levels)}")
    known = np.asarray(levels[letter])
    if (known.dtype.kind == "U") != (labels.dtype.kind == "U"):
        raise InputError(
            f"factors[{letter!r}]: found dtype {labels.dtype}; expected labels of the fit's, {known.dtype}"
        )
    position = np.minimum(np.searchsorted(known, labels), len(known) - 1)
    strange = known[position] != labels
    if strange.any():
        raise InputError(
            f"factors[{letter!r}]: found label {labels[strange][0]!s}, which is none of the fit's: "
            f"{', '.join(map(str, known))}"
        )
    return known, position


def _completion(letters: str, levels: Sequence[Array], counts: Array) -> Array:
    """Return what fills missing cells, (cell, observed cell): the least-squares fit without the highest interactions.

    Filling in the values of a model fitted to the observed cells gives the full table whose interactions left out of
    the model are smallest (Yates' missing-plot rule). The model keeps interactions up to the highest order that
    the observed cells determine at every missing one.
    """
    observed, missing = np.flatnonzero(counts), np.flatnonzero(counts == 0)
    completion: Array = (np.arange(len(counts))[:, np.newaxis] == observed).astype(np.float64)
    if not len(missing):
        return completion
    shape = [len(values) for values in levels]
    determined = len(observed) > sum(n - 1 for n in shape)  # else not even main effects are, in whatever cells
    for order in range(len(letters) - 1, 0, -1) if determined else ():
        terms = [term for term in subsets(letters) if len(term) <= order]
        model = np.concatenate([contrast(letters, shape, term) for term in terms]).T
        weights = model[missing] @ np.linalg.pinv(model[observed])
        if np.abs(weights @ model[observed] - model[missing]).max() < 1e-8:
            completion[missing] = weights
            return completion
    raise InputError(
        f"factors: no trial has {_cell_name(letters, levels, int(missing[0]))} "
        f"({len(missing)} of {len(counts)} cells have no trials), and the other cells are too few to estimate it, "
        "even without interactions; leave out levels or join factors into one"
    )


def _cell_name(letters: str, levels: Iterable[Array], cell: int) -> str:
    levels = list(levels)
    position = np.unravel_index(cell, [len(values) for values in levels])
    pairs = zip(letters, levels, position, strict=True)
    return ", ".join(f"{letter}={values[at]!s}" for letter, values, at in pairs)
