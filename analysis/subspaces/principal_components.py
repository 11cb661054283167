"""Principal components of activity, with the spectrum that noise alone would show."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from ..validation import Array, whole_number
from .bases import leading
from .cross_validated_rank import dimensionality
from .spectra import repeated_floor, shifted_floor, signal_participation
from .trials import condition_means, conditions_of, read_trials, times_if_given

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class PrincipalComponents(Result):
    """Orthogonal directions of largest variance, and what of that variance noise alone would show.

    Attributes
    ----------
    components : ndarray, shape (unit, component)
        Orthonormal; the entry of largest magnitude of each is positive.
    variance : ndarray, shape (component,)
        Of the samples along each kept component, in squared units of the activity.
    total_variance : float
        Summed over units.
    participation_ratio : float
        (Σλ)²/Σλ² over all components, of the samples as they are.
    signal_participation_ratio : float or None
        The same of what repeats between trials, free of the bias of trial noise; with at least 4 trials of every
        condition, and where these tell signal from noise.
    mean : ndarray, shape (unit,)
    scores : ndarray, shape (condition, time, component)
        Condition means (or trials, without labels) along the components; NaN where there is no sample.
    noise_floor : ndarray, shape (component,)
        Spectrum of noise alone: of trial-to-trial noise left in the condition means, or without labels of units whose
        trials are shuffled and rolled in time independently of each other. Mean over surrogates.
    noise_bound : float
        95 % quantile over surrogates of the largest variance that noise alone shows.
    signal_variance : ndarray, shape (component,), optional
        What repeats between halves of the trials along components of one half (cross-validated PCA); with labels only.
        Negative values are chance.
    labels : tuple of str
        The conditions; empty without labels.
    time : ndarray, shape (time,), optional
        s; None when no times were given.
    """

    components: Array = axes("unit", "component")
    variance: Array = axes("component")
    total_variance: float
    participation_ratio: float
    signal_participation_ratio: float | None
    mean: Array = axes("unit")
    scores: Array = axes("condition", "time", "component")
    noise_floor: Array = axes("component")
    noise_bound: float
    signal_variance: Array | None = axes("component", optional=True)
    labels: tuple[str, ...] = ()
    time: Array | None = axes("time", units="s", optional=True)

    kind: ClassVar[str] = "principal_components"

    @property
    def variance_ratio(self) -> Array:
        """Fraction of the total variance along each component."""
        found: Array = self.variance / self.total_variance
        return found

    @property
    def n_above_noise(self) -> int:
        """How many leading components have more variance than noise shows along its largest direction."""
        below = self.variance <= self.noise_bound
        return int(below.argmax()) if below.any() else len(self.variance)

    def leading(self, n_components: int) -> "PrincipalComponents":
        """Return the result with its first ``n_components`` only."""
        kept = slice(whole_number("n_components", n_components, least=1, most=len(self.variance)))
        signal = None if self.signal_variance is None else self.signal_variance[kept]
        return replace(
            self, components=self.components[:, kept], variance=self.variance[kept], scores=self.scores[..., kept],
            noise_floor=self.noise_floor[kept], signal_variance=signal,
        )  # fmt: skip

    def transform(self, activity: Any) -> Array:
        """Return activity (…, unit) along the components, (…, component).

        Raises InputError if the last axis is not the units of the fit.
        """
        found = np.asarray(activity)
        if not found.ndim or found.shape[-1] != len(self.mean):
            raise InputError(f"activity: expected (…, {len(self.mean)}) units as in the fit, found shape {found.shape}")
        scores: Array = (found - self.mean) @ self.components
        return scores

    def summary(self) -> str:
        """Return how variance is spread over components, and how much of it is signal."""
        ratios = np.cumsum(self.variance_ratio)
        what = f"means of {len(self.labels)} conditions" if self.labels else f"{len(self.scores)} trials"
        shown = ", ".join(f"{value:.1%}" for value in self.variance_ratio[:5])
        lines = [
            f"PCA of {what} × {self.scores.shape[1]} times, {len(self.mean)} units: "
            f"participation ratio {self.participation_ratio:.2f}",
            f"variance of components 1 to {min(5, len(ratios))}: {shown}; {len(ratios)} hold {ratios[-1]:.1%}",
            f"leading components above noise: {self.n_above_noise}",
        ]
        if self.signal_variance is not None:
            share = self.signal_variance.sum() / self.variance.sum()
            lines.append(f"signal that repeats between halves of the trials: {share:.1%} of the components' variance")
        if self.signal_participation_ratio is not None:
            lines.append(f"participation ratio of the signal alone: {self.signal_participation_ratio:.2f}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the spectrum with the noise floor, and the signal where trials repeat."""
        from .drawing import draw_spectrum

        return draw_spectrum(self, ax)

    def plot_trajectories(self, ax: "Axes | None" = None, *, components: tuple[int, int] = (0, 1)) -> "Axes":
        """Draw the trajectories of conditions (or trials) in the plane of two components, counted from 0."""
        from .drawing import draw_trajectories

        first, second = (f"component {index + 1} ({self.variance_ratio[index]:.0%})" for index in components)
        return draw_trajectories(self.scores[..., list(components)], self.labels, ax, xlabel=first, ylabel=second)


def pca(
    activity: Any,
    labels: Any = None,
    *,
    n_components: int | str | None = None,
    time: Any = None,
    n_surrogates: int = 20,
    seed: int = 0,
) -> PrincipalComponents:
    """Return the principal components of single trials, or of condition means, with a noise floor.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers; padding of shorter trials (NaN in every unit) is dropped. Samples (sample, unit) that are
        not trials go in as ``x[:, np.newaxis]``.
    labels : (trial,), optional
        The condition of each trial: the components are those of the means of conditions at each time, one sample for
        each. Without labels, every time of every trial is a sample.
    n_components : int, "cv" or None
        How many to keep; "cv" keeps as many as :func:`dimensionality` finds (at least 1); all when None.
    time : (time,), optional
        Times of the samples, s.
    n_surrogates : int
        Random halves of trials, or surrogates, behind the noise floor.
    seed : int

    Raises
    ------
    InputError
        If ``activity`` is not (trial, time, unit) of real numbers, a sample has NaN in some units but not all, every
        unit is constant, or ``labels`` or ``time`` does not fit; or a condition has one trial only.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    Takes O(n p²) for n samples of p units, once for each surrogate too. Signs are fixed: the same data give the same
    components.

    References
    ----------
    Horn (1965), A rationale and test for the number of factors (parallel analysis); Stringer et al. (2019),
    High-dimensional geometry of population responses in visual cortex (cross-validated PCA).

    Examples
    --------
    >>> import numpy as np
    >>> generator = np.random.default_rng(0)
    >>> rhythm = np.sin(np.linspace(0, 6, 30))[:, np.newaxis] * np.ones(10)  # (time, unit)
    >>> activity = rhythm + 0.1 * generator.standard_normal((20, 30, 10))
    >>> found = pca(activity, np.repeat(["left", "right"], 10))
    >>> found.n_above_noise, found.scores.shape
    (1, (2, 30, 10))
    """
    trials = read_trials("activity", activity)
    times = times_if_given(time, trials.values.shape[1])
    conditions = None if labels is None else conditions_of(labels, len(trials.values))
    n_surrogates = whole_number("n_surrogates", n_surrogates, least=1)
    generator = np.random.default_rng(whole_number("seed", seed, least=0))
    shown = trials if conditions is None else condition_means(trials, conditions)
    samples = shown.samples
    mean = samples.mean(axis=0)
    found = leading(samples - mean)
    kept = _kept(n_components, len(found.variance), activity, labels, seed)
    if conditions is None:
        floor, signal_ratio = shifted_floor(trials, kept, n_surrogates=n_surrogates, generator=generator), None
    else:
        floor = repeated_floor(trials, conditions, kept, n_splits=n_surrogates, generator=generator)
        signal_ratio = signal_participation(trials, conditions, n_splits=n_surrogates, generator=generator)
    return PrincipalComponents(
        components=found.axes[:, :kept],
        variance=found.variance[:kept],
        total_variance=float(found.variance.sum()),
        participation_ratio=float(found.variance.sum() ** 2 / np.square(found.variance).sum()),
        signal_participation_ratio=signal_ratio,
        mean=mean,
        scores=(shown.values - mean) @ found.axes[:, :kept],
        noise_floor=floor.noise,
        noise_bound=floor.bound,
        signal_variance=floor.signal,
        labels=() if conditions is None else conditions.names,
        time=times,
        parameters={"n_components": n_components, "n_surrogates": n_surrogates, "seed": seed},
        input_digest=digest_arrays([trials.values]),
    )


def _kept(n_components: int | str | None, rank: int, activity: Any, labels: Any, seed: int) -> int:
    if n_components is None:
        return rank
    if n_components == "cv":
        return min(rank, max(1, dimensionality(activity, labels, seed=seed).rank))
    if isinstance(n_components, str):
        raise ConfigurationError(f"n_components: expected a whole number, 'cv' or None, found {n_components!r}")
    return whole_number("n_components", n_components, least=1, most=rank)
