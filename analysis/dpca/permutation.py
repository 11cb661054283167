"""Does a component tell conditions apart on trials that its axes were not fitted to? Restricted permutation tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..statistics import Permutations, max_statistic_p_values, permutation_p_values
from ..validation import Array
from .design import Design, subsets
from .marginalizations import Terms, factors_of

# Entries of the null distribution of cell means that are in memory at once.
_BLOCK = 2**21


@dataclass(frozen=True, eq=False)
class Significance:
    """p-values (component, time) by marginalization: of each test alone, and familywise over components and times."""

    p_values: Mapping[str, Array]
    familywise: Mapping[str, Array]


def component_tests(
    traces: Mapping[str, Array], design: Design, terms: Terms, *, n_permutations: int, seed: int
) -> Significance:
    """Test the components of each marginalization that has factors.

    ``traces`` name → (component, trial, time) are projections of trials on axes fitted to other trials. The
    statistic, at each time, is the variance between conditions that belongs to the marginalization, V, over the
    variance within conditions W, as V / (V + W). Labels are exchanged whole trials at a time:

    - for one factor, only among trials that have the same levels of all other factors: exact if the factor does
    nothing;
    - for an interaction, residuals from all lower terms of its factors are exchanged (Freedman and Lane), again
      within levels of the other factors, so that main effects of any size are kept.

    Raises
    ------
    InputError
        If there are no more trials than cells.
    """
    if len(design.cell) <= len(design.observed):
        raise InputError(
            f"activity: {len(design.cell)} trials in {len(design.observed)} cells say nothing about the variance "
            "within cells; expected more trials than cells (with permutations > 0, some cells of at least 3 trials)"
        )
    p_values, familywise = {}, {}
    for name, members in terms.items():
        sets = sorted({factors_of(term) for term in members} - {""}, key=len)
        if not sets:
            continue
        test = _Test(design, sets, n_permutations, seed)
        observed, null = test.statistics(traces[name])
        p_values[name] = permutation_p_values(observed, null, exact=test.permutations.exact)
        familywise[name] = max_statistic_p_values(observed, null, exact=test.permutations.exact)
    return Significance(p_values, familywise)


class _Test:
    """The test of one marginalization: what is exchanged, what is kept, what is measured."""

    def __init__(self, design: Design, sets: Sequence[str], n_permutations: int, seed: int) -> None:
        core = "".join(letter for letter in design.letters if all(letter in some for some in sets))
        # Without a smallest effect that all others contain, nothing less than all of their factors is exchangeable.
        exchanged = core if core in sets else "".join(sorted(set("".join(sets)), key=design.letters.index))
        kept = subsets(exchanged)[:-1] if core in sets else [""]
        others = "".join(letter for letter in design.letters if letter not in exchanged)
        codes = np.array(np.unravel_index(design.cell, design.shape))
        groups = _joint(codes, design, others)
        self.permutations = Permutations.of_labels(design.cell, n_permutations, seed, groups=groups)
        self._counts = design.counts[design.observed]
        self._averaging = (design.cell == design.observed[:, np.newaxis]) / self._counts[:, np.newaxis]
        self._contrast = np.concatenate([design.of_means(letters) for letters in sets])
        self._keep(design, kept, others)

    def _keep(self, design: Design, kept: Sequence[str], others: str) -> None:
        """Prepare the removal of what stays: every term of ``kept``, separately for each combination of ``others``."""
        sets = {"".join(sorted(term + other, key=design.letters.index)) for term in kept for other in subsets(others)}
        model = np.concatenate([design.contrast(letters) for letters in sorted(sets)]).T[design.cell]
        left, strength, _ = np.linalg.svd(model, full_matrices=False)
        self._kept = left[:, strength > len(model) * np.finfo(np.float64).eps * strength[0]]

    def statistics(self, traces: Array) -> tuple[Array, Array]:
        """Return the observed statistics (component, time) and their null (permutation, component, time)."""
        k, n, t = traces.shape
        y = traces.transpose(1, 0, 2).reshape(n, k * t)
        # Rounding must not pass for noise where trials are equal: residuals below it are zero.
        floor = n * np.finfo(np.float64).eps * np.abs(y).max(axis=0)
        y = y - self._kept @ (self._kept.T @ y)
        y[:, np.abs(y).max(axis=0) <= floor] = 0
        total = np.square(y).sum(axis=0)
        rows = max(1, _BLOCK // (len(self._averaging) * k * t))
        null = self.permutations.null(lambda orders: self._measure(self._averaging[:, orders], y, total), rows)
        observed = self._measure(self._averaging[:, np.newaxis], y, total)[0]
        return observed.reshape(k, t), null.reshape(-1, k, t)

    def _measure(self, averaging: Array, y: Array, total: Array) -> Array:
        """Return (row, test): V / (V + W) for averaging weights (cell, row, trial)."""
        means = averaging.swapaxes(0, 1) @ y
        between = np.square(self._contrast @ means).sum(axis=1)
        within = total - (self._counts[:, np.newaxis] * np.square(means)).sum(axis=1)
        within = np.maximum(within, 0) / (len(y) - len(self._counts))
        both = between + within
        found: Array = np.divide(between, both, out=np.zeros_like(both), where=both > 0)
        return found


def _joint(codes: Array, design: Design, letters: str) -> Array | None:
    """Return one code per combination of the levels of ``letters``, (trial,); None when there are none."""
    if not letters:
        return None
    chosen = [design.letters.index(letter) for letter in letters]
    found: Array = np.ravel_multi_index(tuple(codes[chosen]), tuple(design.shape[at] for at in chosen))
    return found
