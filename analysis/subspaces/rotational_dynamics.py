"""jPCA: the planes in which condition means rotate, how fast, how well that fits, and whether chance does as well."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..validation import Array
from .bases import leading
from .rotations import (
    DERIVATIVES,
    by_plane,
    by_variance,
    fit_skew,
    frequencies,
    oriented,
    permuted_r2,
    plane_fits,
    rotation_planes,
    states_and_derivatives,
)
from .trials import condition_means, conditions_of, read_trials, time_step

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class RotationalDynamics(Result):
    """Planes of rotation of condition means, those of largest variance first (not the fastest, as published).

    Attributes
    ----------
    components : ndarray, shape (unit, component)
        Orthonormal, in units divided by ``scale``; columns 2j and 2j + 1 span plane j, activity rotates from the first
        to the second, and initial states spread along the first.
    frequencies : ndarray, shape (plane,)
        Hz.
    variance_captured : ndarray, shape (plane,)
        Fraction of the variance of the (scaled, mean-subtracted) condition means in each plane.
    r2_planes : ndarray, shape (plane,)
        Fraction of the derivative within each plane that its rotation explains.
    r2_skew, r2_unconstrained : float
        Fraction of the derivative explained by the best rotation and by the best linear dynamics, in all components.
    dynamics : ndarray, shape (component, component_from)
        The skew-symmetric matrix in the coordinates of ``components``, s⁻¹.
    scores : ndarray, shape (condition, time, component)
        Condition means along ``components``.
    scale : ndarray, shape (unit,)
        What each unit was divided by; ones without soft normalisation.
    null_r2 : ndarray, shape (permutation,)
        ``r2_skew`` when every unit's conditions are permuted independently; empty without permutations.
    p_value : float or None
        Of ``r2_skew`` against ``null_r2``.
    labels : tuple of str
    time : ndarray, shape (time,)
        s.
    """

    components: Array = axes("unit", "component")
    frequencies: Array = axes("plane", units="Hz")
    variance_captured: Array = axes("plane")
    r2_planes: Array = axes("plane")
    r2_skew: float
    r2_unconstrained: float
    dynamics: Array = axes("component", "component_from", units="1/s")
    scores: Array = axes("condition", "time", "component")
    scale: Array = axes("unit")
    null_r2: Array = axes("permutation")
    p_value: float | None
    labels: tuple[str, ...]
    time: Array = axes("time", units="s")

    kind: ClassVar[str] = "rotational_dynamics"

    def summary(self) -> str:
        """Return the planes, and how well rotation fits beside unconstrained dynamics and chance."""
        lines = [
            f"jPCA of {len(self.labels)} conditions × {len(self.time)} times in {self.components.shape[1]} components: "
            f"rotation explains {self.r2_skew:.3f} of the derivative, any linear dynamics {self.r2_unconstrained:.3f}"
        ]
        if self.p_value is not None:
            lines.append(
                f"chance (conditions permuted for each unit): mean {self.null_r2.mean():.3f}, p = {self.p_value:.4g}"
            )
        lines.append("plane  frequency  variance  R² in plane")
        for number, (frequency, variance, r2) in enumerate(
            zip(self.frequencies, self.variance_captured, self.r2_planes, strict=True), start=1
        ):
            lines.append(f"{number:>5}  {frequency:>6.3g} Hz  {variance:>8.1%}  {r2:>11.3f}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None, *, plane: int = 0) -> "Axes":
        """Draw the trajectories of conditions in one plane, counted from 0."""
        from .drawing import draw_trajectories

        columns = slice(2 * plane, 2 * plane + 2)
        ax = draw_trajectories(
            self.scores[..., columns], self.labels, ax, xlabel=f"jPC {2 * plane + 1}", ylabel=f"jPC {2 * plane + 2}"
        )
        ax.set_aspect("equal", adjustable="datalim")
        title = f"Plane {plane + 1}: {self.frequencies[plane]:.3g} Hz, {self.variance_captured[plane]:.0%} of variance"
        ax.set_title(title)
        return ax

    def plot_fit(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the R² of rotation beside that of unconstrained dynamics and of permuted conditions."""
        from .drawing import draw_rotation_fit

        return draw_rotation_fit(self, ax)


def jpca(
    activity: Any,
    labels: Any,
    time: Any,
    *,
    n_components: int = 6,
    subtract_mean: bool = True,
    soft_normalize: float | None = None,
    derivative: str = "midpoint",
    n_permutations: int = 0,
    seed: int = 0,
) -> RotationalDynamics:
    """Return the planes in which condition means rotate: the best skew-symmetric dynamics among their components.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers; trials of equal length.
    labels : (trial,)
        The condition of each trial; at least 2 conditions.
    time : (time,)
        Times of the samples, s, equally spaced; at least 3.
    n_components : int
        Principal components kept, an even number: half as many planes.
    subtract_mean : bool
        Subtract the mean over conditions at each time first: what is common to conditions is no rotation of them.
    soft_normalize : float, optional
        Divide each unit by its range over the condition means plus this constant (5 spikes/s in the source), so that
        strong units do not decide alone. None: units as they are.
    derivative : {"midpoint", "forward"}
        "midpoint" pairs a difference with the mean of the two states: the fit of a rotation is then exact whatever the
        time step, and frequencies are corrected for the step. "forward" pairs it with the state before, as published:
        too slow, by sin(ωΔt)/ωΔt.
    n_permutations : int
        Permutations behind the p-value: each unit keeps its time courses, but which condition has which is drawn for
        each unit alone; needs 3 conditions. 0: no p-value.
    seed : int

    Raises
    ------
    InputError
        If the arrays do not fit, trials differ in length, times are not equally spaced, or there are too few
        conditions or times.
    ConfigurationError
        If ``n_components`` is odd or above the rank of the condition means, or another option is out of range.

    Notes
    -----
    Takes O(n p min(n, p)) for n = conditions · times samples of p units, again for each permutation. A high R² alone
    says little: smooth activity rotates in some plane by chance. The permutation keeps smoothness and breaks what units
    do together, all of it: a small p says that units are coordinated in a way that rotation describes, not that nothing
    but rotation would do.

    References
    ----------
    Churchland et al. (2012), Neural population dynamics during reaching; Elsayed and Cunningham (2017), Structure in
    neural population recordings (why a null that keeps the units' own structure is needed).

    Examples
    --------
    >>> import numpy as np
    >>> time, phase = np.arange(0, 0.5, 0.01), np.arange(4) * np.pi / 2
    >>> angle = 2 * np.pi * 2.0 * time + phase[:, np.newaxis]  # 2 Hz, four starting points
    >>> plane = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    >>> weights = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 2)))[0].T
    >>> found = jpca(plane @ weights, ["a", "b", "c", "d"], time, n_components=2)
    >>> found.frequencies.round(6).tolist(), round(found.r2_skew, 6)
    ([2.0], 1.0)
    """
    trials = read_trials("activity", activity)
    trials.refuse_padding("activity")
    conditions = conditions_of(labels, len(trials.values))
    dt = time_step(time, trials.values.shape[1])
    validation.choice("derivative", derivative, DERIVATIVES)
    n_permutations = validation.whole_number("n_permutations", n_permutations, least=0)
    if len(conditions.names) < 2:
        raise InputError(f"labels: found 1 condition ({conditions.names[0]}); expected at least 2")
    means = condition_means(trials, conditions).values
    if n_permutations and subtract_mean and len(conditions.names) < 3:
        raise InputError(
            "labels: found 2 conditions; permuting them for each unit only flips its sign, which changes no fit: "
            "expected at least 3, or n_permutations=0"
        )
    scale = _scale(means, soft_normalize)
    means = means / scale
    if subtract_mean:
        means = means - means.mean(axis=0)
    centred = means - means.mean(axis=(0, 1))
    basis = leading(centred.reshape(-1, centred.shape[2]))
    n_components = validation.whole_number("n_components", n_components, least=1, most=len(basis.variance))
    if n_components % 2:
        raise ConfigurationError(f"n_components: expected an even number (planes have two axes), found {n_components}")
    components = basis.axes[:, :n_components]
    states, steps = states_and_derivatives(centred @ components, dt, derivative)
    fit = fit_skew(states, steps)
    planes, speeds = by_variance(*rotation_planes(fit.skew), centred @ components)
    axes_of_planes = oriented(components @ planes, centred[:, 0])
    planes = components.T @ axes_of_planes
    null = permuted_r2(centred, n_components, dt, derivative, n_permutations, seed)
    scores = centred @ axes_of_planes
    return RotationalDynamics(
        components=axes_of_planes,
        frequencies=frequencies(speeds, dt, derivative),
        variance_captured=by_plane(np.square(scores).sum(axis=(0, 1))) / np.square(centred).sum(),
        r2_planes=plane_fits(fit, states, steps, planes),
        r2_skew=fit.r2_skew,
        r2_unconstrained=fit.r2_unconstrained,
        dynamics=planes.T @ fit.skew @ planes,
        scores=scores,
        scale=scale,
        null_r2=null,
        p_value=_p_value(fit.r2_skew, null),
        labels=conditions.names,
        time=np.asarray(time, dtype=np.float64),
        parameters={
            "n_components": n_components, "subtract_mean": subtract_mean, "soft_normalize": soft_normalize,
            "derivative": derivative, "n_permutations": n_permutations, "seed": seed,
        },
        input_digest=digest_arrays([trials.values]),
    )  # fmt: skip


def _p_value(observed: float, null: Array) -> float | None:
    from ..statistics import permutation_p_values

    return float(permutation_p_values(observed, null)) if len(null) else None


def _scale(means: Array, soft_normalize: float | None) -> Array:
    if soft_normalize is None:
        return np.ones(means.shape[2])
    found: Array = np.ptp(means, axis=(0, 1)) + validation.positive("soft_normalize", soft_normalize)
    return found
