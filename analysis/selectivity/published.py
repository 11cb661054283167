"""The selection of units as the brain-maturation study published it, with its faults: see ``select_units``."""

import numpy as np

from ..validation import Array
from .anova import fit
from .corrected import Selection
from .design import make_design
from .responses import Factor


def published_selection(
    rates: Array, before: Array, cue: Array, groups: Factor, alpha: float, *, normalize: bool, floor: float
) -> Selection:
    """Return the selection from epoch means (trial, unit) of the epoch, the fixation period and the cue.

    Three faults are part of it: any of several uncorrected t tests makes a unit active; dividing by each condition's
    own mean baseline adds variation between conditions; and what is undefined (0 / 0) is skipped in silence by the
    original but reported here, with preferred −1.
    """
    members = [groups.codes == code for code in range(len(groups.levels))]
    response_p = np.stack([_paired_p(before[own], cue[own]) for own in members], axis=1)
    responses = np.stack([rates[own].mean(axis=0) for own in members], axis=1)
    fixation = np.stack([before[own].mean(axis=0) for own in members], axis=1)  # (unit, condition)
    divisible = (fixation != 0).all(axis=1)
    divisor = np.where(fixation == 0, 1.0, fixation)
    changes = np.where(divisible[:, np.newaxis], responses / divisor - 1, np.nan)
    tested = rates / divisor[:, groups.codes].T - 1 if normalize else rates
    table = fit(tested, make_design([groups], None, 2))
    p = np.where(table.deterministic, 0.0, table.p_values[0])  # F = inf in the original
    shown = responses
    undefined = table.constant
    if normalize:
        p, shown, undefined = np.where(divisible, p, np.nan), changes, undefined | ~divisible
    made = ~np.isnan(response_p).all(axis=1)
    least = np.where(np.isnan(response_p), np.inf, response_p).min(axis=1)
    active = (response_p <= alpha).any(axis=1) & (responses.max(axis=1) > floor)
    preferred = np.where(np.isnan(shown).any(axis=1), -1, shown.argmax(axis=1))
    return Selection(
        selected=active & (p <= alpha), active=active, active_p_values=np.where(made, least, np.nan),
        p_values=p, adjusted_p_values=p, response_p_values=response_p,
        preferred=preferred, responses=responses, changes=changes, deterministic=table.deterministic,
        undefined=undefined,
    )  # fmt: skip


def _paired_p(first: Array, second: Array) -> Array:
    """Return two-sided p-values of paired t tests, 0 for equal differences (t = inf) and NaN for none, as in scipy."""
    from scipy.special import stdtr

    differences = first - second
    n = len(differences)
    mean, error = differences.mean(axis=0), differences.std(axis=0, ddof=1) / np.sqrt(n)
    t = np.divide(mean, error, out=np.full(mean.shape, np.nan), where=error > 0)
    t[(error == 0) & (mean != 0)] = np.inf
    return np.asarray(2 * stdtr(n - 1, -np.abs(t)))
