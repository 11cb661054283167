"""The selection of units by tests that hold their level over conditions and units: see ``select_units``."""

from dataclasses import dataclass

import numpy as np

from ..statistics import adjust_p_values
from ..validation import Array
from .anova import fit
from .design import make_design
from .paired import paired_t, signed_rank
from .responses import Factor


@dataclass(frozen=True)
class Selection:
    """What a way of selecting decides, all (unit,) or (unit, condition); the fields of ``SelectedUnits``."""

    selected: Array
    active: Array
    active_p_values: Array
    p_values: Array
    adjusted_p_values: Array
    response_p_values: Array
    preferred: Array
    responses: Array
    changes: Array
    deterministic: Array
    undefined: Array


def corrected_selection(
    rates: Array,
    before: Array,
    compared: Array,
    groups: Factor,
    alpha: float,
    rounding: float,
    *,
    response_test: str,
    correction: str,
    least_response: float | None,
) -> Selection:
    """Return the selection by tests that hold their level for all conditions and units together."""
    members = [groups.codes == code for code in range(len(groups.levels))]
    differences = compared - before
    scale = rounding * np.maximum(np.abs(compared), np.abs(before)).max(axis=0)
    response_p = np.stack(
        [
            signed_rank(differences[own])[1] if response_test == "wilcoxon" else paired_t(differences[own], scale)[1]
            for own in members
        ],
        axis=1,
    )
    unit_p = _any_change(differences, groups, scale) if response_test == "joint" else _any_of(response_p)
    table = fit(rates, make_design([groups], None, 2), rounding)
    responses = np.stack([rates[own].mean(axis=0) for own in members], axis=1)
    active_p = adjust_p_values(unit_p, correction)
    active = active_p <= alpha
    if least_response is not None:
        active &= responses.max(axis=1) > least_response
    adjusted = adjust_p_values(table.p_values[0], correction)
    return Selection(
        selected=active & (adjusted <= alpha), active=active, active_p_values=active_p,
        p_values=table.p_values[0], adjusted_p_values=adjusted,
        response_p_values=response_p, preferred=responses.argmax(axis=1), responses=responses,
        changes=responses - np.stack([before[own].mean(axis=0) for own in members], axis=1),
        deterministic=table.deterministic, undefined=table.constant,
    )  # fmt: skip


def _any_change(differences: Array, groups: Factor, scale: Array) -> Array:
    """Return p of the F test that the mean difference (trial, unit) is zero in every condition; NaN without scatter.

    One test for all conditions, its residual variance from the trials of all of them.
    """
    from scipy.special import fdtrc

    counts = np.bincount(groups.codes)
    members = (groups.codes == np.arange(len(counts))[:, np.newaxis]).astype(float)
    means = members @ differences / counts[:, np.newaxis]
    within = np.square(differences - means[groups.codes]).sum(axis=0)
    freedom = len(differences) - len(counts)
    explained = (counts[:, np.newaxis] * np.square(means)).sum(axis=0) / len(counts)
    f = np.full(within.shape, np.nan)
    np.divide(explained, within / freedom, out=f, where=within > len(differences) * np.square(scale))
    return np.asarray(fdtrc(len(counts), freedom, f))


def _any_of(p: Array) -> Array:
    """Return the p of the smallest of several tests (unit, test) by Bonferroni; NaN tests do not count."""
    made = ~np.isnan(p)
    least = np.where(made, p, 1.0).min(axis=1) * made.sum(axis=1)
    return np.where(made.any(axis=1), np.minimum(1.0, least), np.nan)
