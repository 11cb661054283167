"""The table of an analysis of variance of many units: sums of squares, F, p, and effect sizes with intervals."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError, unknown_name
from ...results import axes
from ..statistics import adjust_p_values
from ..validation import Array
from .noncentral import f_noncentrality_interval
from .record import UnitResult, counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALPHA = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class AnovaTable(UnitResult):
    """An analysis of variance per unit, or per time and unit; "…" is the shape of the values beyond trials.

    Attributes
    ----------
    effects : tuple of str
        Main effects, then interactions such as "stimulus:choice".
    df : ndarray of int, shape (effect,)
    df_residual : int
    sums_of_squares : ndarray, shape (effect, …)
    residual_sum_of_squares, total_sum_of_squares : ndarray, shape (…)
    f, p_values : ndarray, shape (effect, …)
        p from the F distribution, not corrected for the number of tests (see :meth:`adjusted`). NaN where there is no
        test: units that are ``deterministic`` or ``constant``.
    deterministic : ndarray of bool, shape (…)
        Trials of the same condition are equal, conditions are not (or the model fits every trial exactly): there is no
        variation to judge by. Networks without noise are like this; their sums of squares and effect sizes hold.
    constant : ndarray of bool, shape (…)
        All trials are equal.
    permutation_p_values, familywise_p_values : ndarray, shape (effect, …), or None
        From permutations of trials, for each test, and for the largest F over all units and times.
    n_permutations : tuple of int
        Behind them, for each effect; empty without.
    levels : tuple of tuples of str
        Of each factor, in the order of the main effects.
    n_trials : int
    """

    effects: tuple[str, ...]
    df: Array = axes("effect")
    df_residual: int
    sums_of_squares: Array = axes("effect", "time", "unit")
    residual_sum_of_squares: Array = axes("time", "unit")
    total_sum_of_squares: Array = axes("time", "unit")
    f: Array = axes("effect", "time", "unit")
    p_values: Array = axes("effect", "time", "unit")
    deterministic: Array = axes("time", "unit")
    constant: Array = axes("time", "unit")
    permutation_p_values: Array | None = axes("effect", "time", "unit", optional=True)
    familywise_p_values: Array | None = axes("effect", "time", "unit", optional=True)
    n_permutations: tuple[int, ...] = ()
    levels: tuple[tuple[str, ...], ...] = ()
    n_trials: int

    kind: ClassVar[str] = "anova_table"

    @property
    def eta_squared(self) -> Array:
        """Share of all variation that an effect accounts for in this sample, (effect, …); NaN for constant units."""
        return _ratio(self.sums_of_squares, self.total_sum_of_squares, self.constant)

    @property
    def partial_eta_squared(self) -> Array:
        """Share of what the other effects leave, SS / (SS + SS residual), (effect, …); 1 for deterministic units."""
        residual = np.where(self.deterministic, 0, self.residual_sum_of_squares)
        return _ratio(self.sums_of_squares, self.sums_of_squares + residual, self.constant)

    @property
    def omega_squared(self) -> Array:
        """Share of the population's variance, nearly unbiased, (effect, …); may be negative."""
        residual = np.where(self.deterministic, 0, self.residual_sum_of_squares) / self.df_residual
        excess = self.sums_of_squares - self._per_effect(self.df) * residual
        return _ratio(excess, self.total_sum_of_squares + residual, self.constant)

    def partial_eta_squared_interval(self, level: float = 0.95) -> Array:
        """Return the confidence interval of the population's partial η², (2, effect, …), from the noncentral F.

        λ / (λ + df + df_residual + 1) at the bounds of the noncentrality λ. The lower bound is 0 where p > (1 −
        level)/2. NaN where there is no F. The sample's partial η² is biased upwards, ω² is what the interval is about.

        Raises
        ------
        ConfigurationError
            If ``level`` is not between 0 and 1.
        """
        df = self._per_effect(self.df)
        bounds = f_noncentrality_interval(self.f, df, self.df_residual, level)
        return np.asarray(bounds / (bounds + df + self.df_residual + 1))

    def adjusted(self, method: str = "fdr_bh") -> Array:
        """Return p-values adjusted over all units and times, each effect a family of its own, (effect, …).

        Raises
        ------
        InputError
            If the method is not one of ``analysis.statistics.ADJUSTMENTS``.
        """
        return np.stack([adjust_p_values(p, method) for p in self.p_values])

    def effect(self, name: str) -> int:
        """Return the number of an effect.

        Raises
        ------
        InputError
            If there is no such effect; the nearest is suggested.
        """
        if name not in self.effects:
            raise InputError(unknown_name("effect", name, self.effects))
        return self.effects.index(name)

    def summary(self) -> str:
        """Return how many tests of each effect are significant, its median size, and what was not tested."""
        tested = ~(self.deterministic | self.constant)
        n_tested = int(tested.sum())
        adjusted = self.adjusted()
        width = max(len("effect"), *(len(name) for name in self.effects))
        head = f"{'effect':<{width}} {'df':>8} {'p ≤ 0.05':>16} {'FDR ≤ 0.05':>16}"
        lines = [
            f"analysis of variance (sums of squares of type {self.parameters.get('sums_of_squares', '?')}), "
            f"{self.n_trials} trials, {self.describe_size()}",
            head + (f" {'familywise':>16}" if self.familywise_p_values is not None else "") + f" {'median ω²':>10}",
        ]
        for index, name in enumerate(self.effects):
            columns = [self.p_values, adjusted]
            if self.familywise_p_values is not None:
                columns.append(self.familywise_p_values)
            counts = " ".join(f"{counted((column[index] <= ALPHA).sum(), n_tested):>16}" for column in columns)
            size = f"{np.median(self.omega_squared[index][tested]):>10.3f}" if n_tested else f"{'–':>10}"
            lines.append(f"{name:<{width}} {f'{self.df[index]}, {self.df_residual}':>8} {counts} {size}")
        if self.n_permutations:
            lines.append(
                f"familywise: largest F over all tests, {', '.join(map(str, self.n_permutations))} permutations"
            )
        for words, which in (
            ("not tested, equal trials within every condition (deterministic)", self.deterministic),
            ("not tested, constant", self.constant),
        ):
            if which.any():
                lines.append(f"{words}: {counted(which.sum(), which.size)}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the share of significant units over time, or how ω² is distributed over units, for each effect."""
        from .drawing import effect_sizes_over_units, significant_over_time

        ax = plotting.axes_or_new(ax, width=5.4)
        return significant_over_time(self, ax) if len(self.shape) == 2 else effect_sizes_over_units(self, ax)

    def _per_effect(self, values: Array) -> Array:
        return np.asarray(values).reshape((-1,) + (1,) * len(self.shape))


def _ratio(part: Array, whole: Array, undefined: Array) -> Array:
    """Return part / whole, NaN where ``undefined`` and 0 where both are 0."""
    part, whole, undefined = np.broadcast_arrays(part, whole, undefined)
    found = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    found[undefined] = np.nan
    return found
