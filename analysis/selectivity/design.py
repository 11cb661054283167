"""Designs of an analysis of variance: effects, and an orthonormal basis of what each sum of squares measures."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError, unknown_name
from ..validation import Array
from .responses import Factor

TYPES = (1, 2, 3)
Effect = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Design:
    """A factorial design, reduced to its cells (the combinations of levels that occur).

    Attributes
    ----------
    factors : tuple of Factor
    effects : tuple of tuples of str
        Main effects, then interactions.
    cells : ndarray of int, shape (trial,)
        The cell of each trial.
    counts : ndarray, shape (cell,)
        Trials per cell.
    cell_levels : ndarray of int, shape (cell, factor)
    bases : tuple of ndarray, shape (cell, df)
        For each effect: orthonormal columns such that ‖basisᵀ √n ȳ‖² is its sum of squares, ȳ the cell means.
    model, unexplained : ndarray, shape (cell, df)
        The same for all effects together, without the mean, and for what no effect explains.
    """

    factors: tuple[Factor, ...]
    effects: tuple[Effect, ...]
    cells: Array
    counts: Array
    cell_levels: Array
    bases: tuple[Array, ...]
    model: Array
    unexplained: Array

    @property
    def names(self) -> tuple[str, ...]:
        """The effects as text, factors of an interaction joined by ':'."""
        return tuple(":".join(effect) for effect in self.effects)

    @property
    def df(self) -> tuple[int, ...]:
        """Degrees of freedom of the effects."""
        return tuple(basis.shape[1] for basis in self.bases)

    @property
    def df_residual(self) -> int:
        """Degrees of freedom of the residual: trials less estimated means."""
        return int(len(self.cells) - self.model.shape[1] - 1)


def make_design(factors: Sequence[Factor], interactions: Any, sums_of_squares: int) -> Design:
    """Return the design of trials with these factors.

    Sums of squares of type 1 add effects in the order given; type 2 adds an effect to all that do not contain it;
    type 3 adds it to all others, levels coded to sum to zero. All are differences of residual sums of two models.

    Raises
    ------
    ConfigurationError
        If an interaction or the type is unknown, or type 3 is asked for where empty cells make it depend on the coding.
    InputError
        If an effect cannot be told from the others with the cells there are, or nothing is left for the residual.
    """
    if sums_of_squares not in TYPES or isinstance(sums_of_squares, bool):
        raise ConfigurationError(f"sums_of_squares: expected 1, 2 or 3, found {sums_of_squares!r}")
    effects = _effects([item.name for item in factors], interactions)
    levels = np.stack([item.codes for item in factors], axis=1)
    cell_levels, cells, counts = np.unique(levels, axis=0, return_inverse=True, return_counts=True)
    weights = np.sqrt(counts)[:, np.newaxis]
    columns = {effect: weights * _columns(effect, factors, cell_levels) for effect in effects}
    everything = np.hstack([weights, *columns.values()])
    full = _orthonormal(everything)
    if sums_of_squares == 3 and full.shape[1] < everything.shape[1]:
        raise ConfigurationError(
            f"sums_of_squares: type 3 depends on the coding of levels where cells are empty "
            f"({_empty(factors, cell_levels)} has no trial); use type 2, or leave out the interaction"
        )
    bases = []
    for position, effect in enumerate(effects):
        others = _others(effects, position, sums_of_squares)
        basis = _orthonormal(columns[effect], _orthonormal(np.hstack([weights, *(columns[other] for other in others)])))
        if not basis.shape[1]:
            raise InputError(
                f"effect {':'.join(effect)!r}: cannot be told from the other effects, "
                f"{_empty(factors, cell_levels)} has no trial; leave it out or drop levels"
            )
        bases.append(basis)
    mean = weights / np.linalg.norm(weights)
    made = Design(
        factors=tuple(factors), effects=effects, cells=np.asarray(cells).reshape(-1), counts=counts.astype(float),
        cell_levels=cell_levels, bases=tuple(bases), model=_orthonormal(full, mean),
        unexplained=_orthonormal(np.eye(len(counts)), full),
    )  # fmt: skip
    if made.df_residual < 1:
        raise InputError(
            f"factors: {len(cells)} trials for {full.shape[1]} estimated means leave nothing to judge them by; "
            "expected more than one trial in some cell, or fewer interactions"
        )
    return made


def _others(effects: Sequence[Effect], position: int, sums_of_squares: int) -> list[Effect]:
    """Return the effects that an effect is added to."""
    if sums_of_squares == 1:
        return list(effects[:position])
    own = set(effects[position])
    if sums_of_squares == 2:
        return [effect for effect in effects if not own <= set(effect)]
    return [effect for index, effect in enumerate(effects) if index != position]


def _effects(names: Sequence[str], interactions: Any) -> tuple[Effect, ...]:
    """Return main effects and the interactions asked for, by order and then as given."""
    mains = [(name,) for name in names]
    if interactions is None or (isinstance(interactions, str) and interactions == "none"):
        return tuple(mains)
    if isinstance(interactions, str) and interactions == "all":
        interactions = len(names)
    if isinstance(interactions, (int, np.integer)) and not isinstance(interactions, bool):
        if interactions < 1:
            raise ConfigurationError(f"interactions: expected the largest number of factors, found {interactions}")
        orders = range(2, min(int(interactions), len(names)) + 1)
        return tuple(mains + [chosen for order in orders for chosen in itertools.combinations(names, order)])
    if isinstance(interactions, (str, bool)) or not isinstance(interactions, Sequence):
        raise ConfigurationError(
            "interactions: expected 'all', None, the largest number of factors, or a list such as ['a:b'], "
            f"found {interactions!r}"
        )
    chosen = []
    for item in interactions:
        parts = tuple(item.split(":")) if isinstance(item, str) else tuple(item)
        for part in parts:
            if part not in names:
                raise ConfigurationError(f"interactions: {unknown_name('factor', part, names)}")
        if len(parts) < 2 or len(set(parts)) < len(parts):
            raise ConfigurationError(f"interactions: expected two or more different factors, found {item!r}")
        chosen.append(tuple(sorted(parts, key=list(names).index)))
    return tuple(mains + sorted(dict.fromkeys(chosen), key=len))


def _columns(effect: Effect, factors: Sequence[Factor], cell_levels: Array) -> Array:
    """Return the columns of an effect (cell, column): products of contrasts that sum to zero over levels."""
    made = np.ones((len(cell_levels), 1))
    for index, item in enumerate(factors):
        if item.name in effect:
            n_levels = len(item.levels)
            if made.shape[1] * (n_levels - 1) > 10 * len(cell_levels) + 100:
                raise InputError(
                    f"effect {':'.join(effect)!r}: far more combinations of levels than the {len(cell_levels)} that "
                    "have trials; leave out that interaction"
                )
            contrasts = np.vstack([np.eye(n_levels - 1), -np.ones(n_levels - 1)])[cell_levels[:, index]]
            made = (made[:, :, np.newaxis] * contrasts[:, np.newaxis, :]).reshape(len(cell_levels), -1)
    return made


def _orthonormal(columns: Array, without: Array | None = None) -> Array:
    """Return an orthonormal basis of ``columns``, less what the orthonormal columns ``without`` span."""
    scale = np.linalg.norm(columns)
    if without is not None:
        for _ in range(2):  # the second pass removes what rounding left of the first
            columns = columns - without @ (without.T @ columns)
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    tolerance = max(columns.shape) * np.finfo(float).eps * scale * 10
    return left[:, values > tolerance]


def _empty(factors: Sequence[Factor], cell_levels: Array) -> str:
    """Return the first combination of levels that has no trial, as text."""
    found = set(map(tuple, cell_levels.tolist()))
    for combination in itertools.product(*(range(len(item.levels)) for item in factors)):
        if combination not in found:
            named = zip(factors, combination, strict=True)
            return ", ".join(f"{item.name}={item.level_names[code]}" for item, code in named)
    return "no combination"


def residual_basis(design: Design, index: int, sums_of_squares: int) -> Array:
    """Return orthonormal columns (cell, df) that span the model an effect is added to, the mean included."""
    weights = np.sqrt(design.counts)[:, np.newaxis]
    others = _others(design.effects, index, sums_of_squares)
    return _orthonormal(
        np.hstack([weights, *(weights * _columns(other, design.factors, design.cell_levels) for other in others)])
    )
