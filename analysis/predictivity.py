"""How well does one population predict another, linearly, on samples it was not fitted to? Both ways."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import plotting
from ..errors import ConfigurationError, InputError
from ..results import Result, axes, digest_arrays
from . import validation
from .leave_one_out_ridge import PENALTIES, fit_and_predict, penalty_grid
from .statistics import bootstrap_interval
from .validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearPredictivity(Result):
    """Held-out R² of ridge regression from x to y and from y to x; rows of "direction" are in that order.

    Attributes
    ----------
    r2 : (direction,)
        1 − Σ error² / Σ deviation², sums over held-out samples and all units.
    low, high : (direction,)
        Bootstrap interval over groups of samples.
    ceiling : (direction,) or None
        The share of variance that repeats, the most that any predictor can reach; known from a repeat.
    r2_y, r2_x : (unit of y,), (unit of x,)
        R² of each predicted unit; NaN for units that are constant (listed in ``n_constant``).
    penalties_chosen : (direction, fold)
        Penalty per fold, as a multiple of the mean variance of the predicting units times samples.
    """

    r2: Array = axes("direction")
    low: Array = axes("direction")
    high: Array = axes("direction")
    ceiling: Array | None = axes("direction", optional=True)
    r2_y: Array = axes("unit_y")
    r2_x: Array = axes("unit_x")
    penalties_chosen: Array = axes("direction", "fold")
    n_constant: int
    n_samples: int
    n_groups: int
    level: float

    kind: ClassVar[str] = "linear_predictivity"

    def summary(self) -> str:
        """Return R² in both directions with intervals, ceilings and medians over units."""
        lines = [
            f"ridge regression, {self.n_samples} samples, {self.penalties_chosen.shape[1]} folds of {self.n_groups} "
            f"groups, {100 * self.level:g} % intervals"
        ]
        for index, (name, units) in enumerate((("x → y", self.r2_y), ("y → x", self.r2_x))):
            ceiling = "" if self.ceiling is None else f", ceiling {self.ceiling[index]:.4f}"
            lines.append(
                f"{name}  R² {self.r2[index]:.4f} ({self.low[index]:.4f} to {self.high[index]:.4f}){ceiling}; "
                f"median unit {np.nanmedian(units):.4f}"
            )
        if self.n_constant:
            lines.append(f"{self.n_constant} constant units have no R² of their own")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw R² in both directions with intervals, single units as dots, and ceilings as dashes."""
        ax = plotting.axes_or_new(ax, width=3.4)
        lowest = 0.0
        for index, units in enumerate((self.r2_y, self.r2_x)):
            shown = np.sort(units[np.isfinite(units)])
            spread = index + 0.3 * (np.arange(len(shown)) / max(1, len(shown) - 1) - 0.5)
            ax.plot(spread, shown, ".", color=plotting.GREY, markersize=3, alpha=0.6, label="units"[: 5 * (index == 0)])
            lowest = min(lowest, float(np.min(shown, initial=0.0)), float(self.low[index]))
            if self.ceiling is not None:
                label = "ceiling" if index == 0 else ""
                ax.hlines(
                    self.ceiling[index], index - 0.3, index + 0.3, linestyle="dashed", color=plotting.INK, label=label
                )
        errors = [self.r2 - self.low, self.high - self.r2]
        ax.errorbar([0, 1], self.r2, yerr=errors, fmt="o", color=plotting.INK, capsize=3, label="all units")
        ax.set_xticks([0, 1], ["x → y", "y → x"])
        ax.set(xlim=(-0.5, 1.5), ylim=(max(-1.0, lowest) - 0.03, 1.03), ylabel="held-out R²")
        ax.set_title("Linear predictivity")
        ax.legend(fontsize="small", loc="best")
        return ax


def linear_predictivity(
    x: Any,
    y: Any,
    *,
    groups: Any = None,
    folds: int = 5,
    penalties: Sequence[float] = PENALTIES,
    repeat_x: Any = None,
    repeat_y: Any = None,
    level: float = 0.95,
    n_resamples: int = 1000,
    seed: int = 0,
) -> LinearPredictivity:
    """Return how well each of two populations is predicted from the other by ridge regression, cross-validated.

    Parameters
    ----------
    x, y : array (samples, features)
        Row i of both is the same sample. Computed in float64, in memory.
    groups : (samples,), optional
        Samples of one label (a trial, a session) are never on both sides of a fold, and are drawn together for the
        interval. By default every sample is its own group: right for averages of conditions, far too hopeful for
        successive times of a trial.
    folds : int
        Groups are dealt at random into this many parts.
    penalties : sequence of float
        Candidates, in units of the mean variance of predicting units times training samples; chosen within each
        training part by leaving one sample out, in closed form.
    repeat_x, repeat_y : array like x, y, optional
        The same samples measured again with independent noise; give the ceiling of the direction that predicts them.
    level, n_resamples, seed
        Of the bootstrap interval over groups (the fits stay as they are). ``seed`` also deals the folds.

    Raises
    ------
    InputError
        Arrays that are not (samples, features) of finite real numbers with as many samples; a population that is
        constant; fewer groups than folds; repeats of another shape.
    ConfigurationError
        If folds or penalties are out of range.

    Notes
    -----
    R² is about the mean of the training samples, and below zero when prediction is worse than that. A direction has its
    own ceiling: with repeats y and y', Σ cov(y, y') / Σ var y over units. R² of the two directions differ when one
    population has more dimensions: only together do they say that populations hold the same.

    One singular value decomposition per direction and fold, O(n p min(n, p)); penalties cost O(rank q) each.

    References
    ----------
    Golub, Heath and Wahba (1979), leaving one out by the hat matrix; Schrimpf et al. (2018), neural predictivity.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.standard_normal((200, 4))
    >>> linear_predictivity(x, x[:, :2]).r2.round(2).tolist()
    [1.0, 0.44]
    """
    arrays = [_matrix(name, value) for name, value in (("x", x), ("y", y))]
    n = validation.same_samples(("x", "y"), arrays)
    grid = penalty_grid(penalties)
    codes = _group_codes(groups, n)
    folds, seed = validation.whole_number("folds", folds, least=2), validation.whole_number("seed", seed, least=0)
    parts = _deal(codes, folds, seed)
    if not 0 < level < 1:
        raise ConfigurationError(f"level: expected a confidence between 0 and 1, found {level!r}")
    repeats = [_repeat(name, value, array) for name, value, array in zip(
        ("repeat_x", "repeat_y"), (repeat_x, repeat_y), arrays, strict=True)]  # fmt: skip
    found = [_direction(arrays[i], arrays[1 - i], parts, grid) for i in (0, 1)]
    intervals = [
        bootstrap_interval(_by_group(errors, deviations, codes), _ratio, n_resamples, seed, level)
        for errors, deviations, _ in found
    ]
    units = [
        _unit_r2(errors, deviations, target)
        for (errors, deviations, _), target in zip(found, arrays[::-1], strict=True)
    ]
    return LinearPredictivity(
        r2=np.array([each.estimate for each in intervals]),
        low=np.array([each.low for each in intervals]),
        high=np.array([each.high for each in intervals]),
        ceiling=_ceilings(arrays, repeats),
        r2_y=units[0],
        r2_x=units[1],
        penalties_chosen=np.array([chosen for _, _, chosen in found]),
        n_constant=int(sum(np.isnan(each).sum() for each in units)),
        n_samples=n,
        n_groups=int(codes.max()) + 1,
        level=level,
        parameters={
            "folds": folds, "penalties": list(grid), "grouped": groups is not None, "level": level,
            "n_resamples": n_resamples, "seed": seed,
        },
        input_digest=digest_arrays([array for array in (x, y, repeat_x, repeat_y) if array is not None]),
    )  # fmt: skip


def _direction(source: Array, target: Array, parts: Sequence[Array], penalties: Array) -> tuple[Array, Array, Array]:
    """Return squared errors and deviations of held-out samples (samples, unit), and the penalty of each fold."""
    errors, deviations, chosen = np.empty_like(target), np.empty_like(target), []
    for test in parts:
        train = np.ones(len(source), bool)
        train[test] = False
        mean = target[train].mean(axis=0)
        predicted, penalty = fit_and_predict(source[train], target[train] - mean, source[test], penalties)
        errors[test] = (target[test] - mean - predicted) ** 2
        deviations[test] = (target[test] - mean) ** 2
        chosen.append(penalty)
    return errors, deviations, np.array(chosen)


def _matrix(name: str, value: Any) -> Array:
    matrix = np.array(validation.samples_matrix(name, value)[...], dtype=np.float64)
    validation.finite(name, matrix)
    if not (matrix != matrix[0]).any():
        raise InputError(f"{name}: every feature is constant; expected at least one that varies over the samples")
    return matrix


def _repeat(name: str, value: Any, array: Array) -> Array | None:
    if value is None:
        return None
    found = _matrix(name, value)
    validation.same_shape(name, found, name.removeprefix("repeat_"), array)
    return found


def _ceilings(arrays: Sequence[Array], repeats: Sequence[Array | None]) -> Array | None:
    """Return the share of variance that repeats, of y and of x (NaN where there is no repeat)."""
    if all(repeat is None for repeat in repeats):
        return None
    ceilings = []
    for array, repeat in ((arrays[1], repeats[1]), (arrays[0], repeats[0])):
        if repeat is None:
            ceilings.append(np.nan)
            continue
        first, second = array - array.mean(axis=0), repeat - repeat.mean(axis=0)
        ceilings.append(float((first * second).sum() / (first**2).sum()))
    return np.array(ceilings)


def _group_codes(groups: Any, n: int) -> Array:
    if groups is None:
        return np.arange(n)
    return validation.label_codes("groups", groups, n, "samples")[1]


def _deal(codes: Array, folds: int, seed: int) -> list[Array]:
    n_groups = int(codes.max()) + 1
    if n_groups < folds:
        raise InputError(f"groups: found {n_groups} groups; expected at least as many as folds, {folds}")
    order = np.random.default_rng(seed).permutation(n_groups)
    return [np.flatnonzero(np.isin(codes, part)) for part in np.array_split(order, folds)]


def _by_group(errors: Array, deviations: Array, codes: Array) -> Array:
    return np.stack([np.bincount(codes, weights=each.sum(axis=1)) for each in (errors, deviations)], axis=1)


def _ratio(sums: Array) -> float:
    errors, deviations = sums.sum(axis=0)
    return float(1 - errors / deviations)


def _unit_r2(errors: Array, deviations: Array, target: Array) -> Array:
    found: Array = np.full(target.shape[1], np.nan)
    varies = (target != target[0]).any(axis=0)
    found[varies] = 1 - errors.sum(axis=0)[varies] / deviations.sum(axis=0)[varies]
    return found
