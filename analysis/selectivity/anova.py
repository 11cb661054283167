"""Analysis of variance with any number of factors, of many units and times at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import InputError
from ...results import digest_arrays
from ..trial_time import sample_times
from ..validation import Array, whole_number
from .anova_table import AnovaTable
from .cells import CellSums, cell_sums
from .design import Design, make_design
from .permutation import permuted_p_values
from .responses import factors_of, refuse_non_finite, response_array

# A residual below this share of the total sum of squares is rounding (squared, times some cells).
_EXACT = 1e-28


def anova(
    values: Any,
    factors: Any,
    *,
    interactions: Any = "all",
    sums_of_squares: int = 2,
    permutations: int = 0,
    groups: Any = None,
    seed: int = 0,
    time: Any = None,
    rounding: float | None = None,
) -> AnovaTable:
    """Return the analysis of variance of every unit (and time) over the conditions of the trials.

    Parameters
    ----------
    values : (trial,), (trial, unit) or (trial, time, unit)
        Finite real numbers, such as mean rates in an epoch.
    factors : mapping of name to (trial,) labels, or (trial,) labels
        Labels of any type are categories, also numbers. A single array is the factor "condition".
    interactions : "all", None, int or list
        All; none; those of at most so many factors; or those listed, as "a:b" or ("a", "b").
    sums_of_squares : {1, 2, 3}
        Type of the sums of squares; they differ only where cells have unequal numbers of trials. 1: effects one
        after the other, in the order given. 2 (default): each effect beyond all effects that do not contain it.
        3: each beyond all others (as in SPSS and MATLAB's ``anovan``).
    permutations : int
        When above 0, also p-values from so many permutations of trials, with familywise error over all tests.
    groups : (trial,), optional
        Trials change places only within a group (session, block) when permuted; the F tests do not use it.
    seed : int
        Of the permutations.
    time : (time,), optional
        Times of the samples, s, for pictures.
    rounding : float, optional
        Relative difference of trials that count as equal, by which units are found to be deterministic or constant; by
        default 8 units in the last place of the type of ``values``. Means of float32 data kept as float64 need that of
        float32.

    Raises
    ------
    InputError
        If ``values`` has another shape or holds NaN, labels do not match trials, a factor has one level, cells without
        trials make an effect inestimable, or no trials are left for the residual.
    ConfigurationError
        If an option is not one of those above, or type 3 is asked for with empty cells that make it ill-defined.

    Notes
    -----
    Every sum of squares is a difference between the residual sums of two linear models; the design is factorised once,
    and all units need is the sums of each cell (combination of levels): O(trials · tests) in all, about 1 µs per
    test and 200 trials. With empty cells (types 1 and 2) degrees of freedom are those of the ranks of the models.

    p-values of permutations are for the largest F over all units and times (Westfall and Young). For a main effect,
    trials change places only where all other factors are the same: exact for the hypothesis that the factor does
    nothing. For interactions there is no exact rearrangement: residuals of the model without the interaction are
    rearranged (Freedman and Lane 1983).

    Examples
    --------
    >>> import numpy as np
    >>> rates = np.random.default_rng(0).standard_normal((40, 3))
    >>> stimulus, choice = np.tile(["a", "b"], 20), np.repeat(["left", "right"], 20)
    >>> rates[stimulus == "b", 0] += 3
    >>> table = anova(rates, {"stimulus": stimulus, "choice": choice})
    >>> table.effects, (table.p_values < 0.001)[:, 0].tolist()
    (('stimulus', 'choice', 'stimulus:choice'), [True, False, False])
    """
    found = response_array("values", values, check_finite=False)
    shape, n_trials = found.shape[1:], len(found)
    design = make_design(factors_of(factors, n_trials), interactions, sums_of_squares)
    flat = found.reshape(n_trials, -1)
    fitted = fit(flat, design, rounding)
    extra: dict[str, Any] = {}
    if whole_number("permutations", permutations, least=0):
        extra = permuted_p_values(flat, design, fitted.tested, sums_of_squares, permutations, groups=groups, seed=seed)
    return AnovaTable(
        effects=design.names, df=np.array(design.df), df_residual=design.df_residual,
        sums_of_squares=fitted.explained, residual_sum_of_squares=fitted.residual, total_sum_of_squares=fitted.total,
        f=fitted.f, p_values=fitted.p_values, deterministic=fitted.deterministic, constant=fitted.constant,
        levels=tuple(item.level_names for item in design.factors), n_trials=n_trials, shape=shape,
        time=_times(time, shape), **extra,
        parameters={
            "interactions": interactions if isinstance(interactions, (str, int, type(None))) else list(design.names),
            "sums_of_squares": sums_of_squares, "permutations": permutations, "seed": seed,
            "restricted": groups is not None,
        },
        # What the tests saw of the data. Hashing all trials would take as long as the analysis.
        input_digest=digest_arrays([design.cells, fitted.explained, fitted.residual]),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Fit:
    """Sums of squares, F and p of a design: (effect, test) or (test,); the fields of :class:`AnovaTable`."""

    sums: CellSums
    explained: Array
    residual: Array
    total: Array
    f: Array
    p_values: Array
    deterministic: Array
    constant: Array

    @property
    def tested(self) -> Array:
        """Tests that have an F, (test,) bool."""
        return ~(self.deterministic | self.constant)


def fit(values: Array, design: Design, rounding: float | None = None) -> Fit:
    """Return the analysis of variance of ``values`` (trial, test); :func:`anova` checks the arguments.

    Raises
    ------
    InputError
        If a value is not finite, or too large to be squared.
    """
    from scipy.special import fdtrc

    sums = cell_sums(values, design.cells, rounding)
    if not np.isfinite(sums.within).all():
        refuse_non_finite("values", values)
        raise InputError("values: too large to be squared; divide them by their standard deviation first")
    weights = np.sqrt(design.counts)[:, np.newaxis]
    mean = weights.T @ sums.scaled_means / design.counts.sum()
    scaled = sums.scaled_means - weights * mean  # deviations from the grand mean
    explained = np.stack([_squared(basis, scaled) for basis in design.bases])
    residual = sums.within + _squared(design.unexplained, scaled)
    total = sums.within + np.square(scaled).sum(axis=0)
    # Without two trials of one cell there is no telling whether trials repeat themselves; the model may fit exactly.
    repeated = sums.repeated & (len(values) > len(design.counts))
    deterministic = (repeated | (residual <= _EXACT * total)) & ~sums.constant
    df = np.array(design.df)[:, np.newaxis]
    f = np.full(explained.shape, np.nan)
    tested = np.broadcast_to(~(deterministic | sums.constant), f.shape)
    np.divide(explained / df, residual / design.df_residual, out=f, where=tested)
    return Fit(
        sums=sums, explained=explained, residual=residual, total=total, f=f,
        p_values=fdtrc(df, design.df_residual, f), deterministic=deterministic, constant=sums.constant,
    )  # fmt: skip


def _squared(basis: Array, scaled: Array) -> Array:
    return np.asarray(np.square(basis.T @ scaled).sum(axis=0))


def _times(time: Any, shape: tuple[int, ...]) -> Array | None:
    if time is None:
        return None
    if len(shape) != 2:
        raise InputError(f"time: expected None, since values have no time axis; found {np.shape(time)} times")
    return sample_times(time, shape[0])[0]
