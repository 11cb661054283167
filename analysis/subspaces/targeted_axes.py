"""Axes of task variables: the analysis, its cross-validation and its result."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import Result, axes, digest_arrays
from ..validation import Array, whole_number
from .regressors import combinations, correlation_p_values, held_out_correlations, scaled_regressors
from .targeted import fit_targeted, held_out_projections
from .trials import conditions_of, read_trials, stratified_folds, times_if_given

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class TargetedAxes(Result):
    """One axis of activity for each task variable, and how well held-out trials follow it.

    Attributes
    ----------
    regressors : tuple of str
        In the order in which axes were made orthogonal: an axis loses what it shares with those before it.
    components : ndarray, shape (unit, regressor)
        The orthonormal axes, in standardised units; projections rise with the regressor.
    directions : ndarray, shape (unit, regressor)
        The same before they were made orthogonal, of length 1.
    strengths : ndarray, shape (regressor, time)
        Length of the denoised regression vector, standard deviations per unit of the scaled regressor.
    peaks : ndarray, shape (regressor,)
        The sample at which ``strengths`` is largest, from which the axis comes.
    correlations : ndarray, shape (axis, regressor, time)
        Correlation, over trials that an axis was not fitted to, of their projection with each regressor. Off the
        diagonal it shows what else an axis carries. NaN where the projections of all trials are equal.
    p_values : ndarray, shape (regressor, time), optional
        Of the diagonal of ``correlations``, two-sided, corrected for all regressors and times; with permutations only.
    variance_captured : ndarray, shape (regressor,)
        Fraction of the variance of condition means of held-out trials along each axis.
    scores : ndarray, shape (condition, time, regressor)
        Condition means of all trials along the axes.
    labels : tuple of str
        The conditions.
    mean, deviation : ndarray, shape (unit,)
        What standardises each unit.
    time : ndarray, shape (time,), optional
        s.
    """

    regressors: tuple[str, ...]
    components: Array = axes("unit", "regressor")
    directions: Array = axes("unit", "regressor")
    strengths: Array = axes("regressor", "time")
    peaks: Array = axes("regressor")
    correlations: Array = axes("axis", "regressor", "time")
    p_values: Array | None = axes("regressor", "time", optional=True)
    variance_captured: Array = axes("regressor")
    scores: Array = axes("condition", "time", "regressor")
    labels: tuple[str, ...]
    mean: Array = axes("unit")
    deviation: Array = axes("unit")
    time: Array | None = axes("time", units="s", optional=True)

    kind: ClassVar[str] = "targeted_axes"

    def transform(self, activity: Any) -> Array:
        """Return activity (…, unit) along the axes, (…, regressor).

        Raises InputError if the last axis is not the units of the fit.
        """
        found = np.asarray(activity)
        if not found.ndim or found.shape[-1] != len(self.mean):
            raise InputError(f"activity: expected (…, {len(self.mean)}) units as in the fit, found shape {found.shape}")
        scores: Array = ((found - self.mean) / self.deviation) @ self.components
        return scores

    def summary(self) -> str:
        """Return for each axis when it was taken, and what held-out trials say about it."""
        width = max(len("axis"), *(len(name) for name in self.regressors))
        lines = [
            f"targeted dimensionality reduction, {len(self.mean)} units, {len(self.labels)} conditions",
            f"{'axis':<{width}}  taken at  held-out correlation (peak, mean)  variance of held-out means",
        ]
        for index, name in enumerate(self.regressors):
            own = self.correlations[index, index]
            best = own[np.nanargmax(np.abs(own))] if np.isfinite(own).any() else np.nan
            lines.append(
                f"{name:<{width}}  {self._when(int(self.peaks[index])):>8}  {best:>20.3f} {np.nanmean(own):>13.3f}"
                f"  {self.variance_captured[index]:>25.1%}"
            )
        return "\n".join(lines)

    def _when(self, sample: int) -> str:
        return f"sample {sample}" if self.time is None else f"{self.time[sample]:.4g} s"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw over time the correlation of held-out projections with each axis' own regressor."""
        from .drawing import draw_correlations

        return draw_correlations(self, ax)

    def plot_trajectories(self, ax: "Axes | None" = None, *, regressors: tuple[int, int] = (0, 1)) -> "Axes":
        """Draw the condition means in the plane of two axes, counted from 0."""
        from .drawing import draw_trajectories

        first, second = (f"{self.regressors[index]} axis (SD)" for index in regressors)
        return draw_trajectories(self.scores[..., list(regressors)], self.labels, ax, xlabel=first, ylabel=second)


def targeted_dimensionality_reduction(
    activity: Any,
    regressors: Mapping[str, Any],
    *,
    labels: Any = None,
    time: Any = None,
    n_components: int | None = 12,
    n_folds: int = 5,
    n_permutations: int = 0,
    seed: int = 0,
) -> TargetedAxes:
    """Return an axis of activity for each task variable, made orthogonal in the order given, and cross-validated.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers; trials of equal length. Rates should be smoothed as finely as they are to be understood.
    regressors : mapping of str to (trial,)
        Task variables: numbers, or exactly two labels (−1 and +1, in sorted order). Each is centred on the middle of
        its range and divided by half of it. Products of variables are interactions.
    labels : (trial,), optional
        The condition of each trial, for the means that denoise; distinct combinations of regressors when None.
    time : (time,), optional
        Times of the samples, s.
    n_components : int or None
        Principal components of the condition means that regression vectors are projected on; all when None. At most
        what the condition means span.
    n_folds : int
        Of trials, dealt evenly within conditions, for what is called held-out.
    n_permutations : int
        Permutations of the regressors against the held-out projections, within folds; 0: no p-values.
    seed : int

    Raises
    ------
    InputError
        If arrays do not fit or hold NaN, trials differ in length, a regressor is constant or follows from others, or
        there are fewer trials than folds.

    Notes
    -----
    Units are standardised over all trials and times. At each time, each unit is regressed on all regressors and a
    constant; the vector of coefficients over units is projected on the leading components of the condition means, and
    each variable's axis is this vector at the time when it is longest. QR makes them orthogonal. In every fold all of
    this is done without the held-out trials.

    References
    ----------
    Mante, Sussillo, Shenoy and Newsome (2013), Context-dependent computation by recurrent dynamics in prefrontal
    cortex, supplementary information 6.

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> motion, colour = generator.choice([-1.0, 1.0], (2, 80))
    >>> activity = generator.standard_normal((80, 10, 20))
    >>> activity[:, :, 0] += 2 * motion[:, np.newaxis]
    >>> activity[:, :, 1] += 2 * colour[:, np.newaxis]
    >>> found = targeted_dimensionality_reduction(activity, {"motion": motion, "colour": colour}, n_components=2)
    >>> np.abs(found.components[:2]).round().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    trials = read_trials("activity", activity)
    trials.refuse_padding("activity")
    values = trials.values
    names, design = scaled_regressors(regressors, len(values))
    conditions = conditions_of(labels, len(values)) if labels is not None else combinations(regressors)
    n_folds = whole_number("n_folds", n_folds, least=2)
    if n_components is not None:
        n_components = whole_number("n_components", n_components, least=len(names))
    if len(values) < 2 * n_folds:
        raise InputError(f"activity: has {len(values)} trials for {n_folds} folds; expected at least 2 per fold")
    seed = whole_number("seed", seed, least=0)
    n_permutations = whole_number("n_permutations", n_permutations, least=0)
    folds = stratified_folds(conditions.codes, n_folds, np.random.default_rng(seed))
    fit = fit_targeted(values, design, conditions, n_components)
    projected, captured = held_out_projections(values, design, conditions, n_components, folds)
    return TargetedAxes(
        regressors=names, components=fit.axes, directions=fit.directions, strengths=fit.strengths, peaks=fit.peaks,
        correlations=held_out_correlations(projected, design, folds), variance_captured=captured,
        p_values=correlation_p_values(projected, design, folds, n_permutations, seed), scores=fit.means @ fit.axes,
        labels=conditions.names, mean=fit.mean, deviation=fit.deviation, time=times_if_given(time, values.shape[1]),
        parameters={
            "n_components": n_components, "n_folds": n_folds, "n_permutations": n_permutations, "seed": seed,
        },
        input_digest=digest_arrays([values, design]),
    )  # fmt: skip
