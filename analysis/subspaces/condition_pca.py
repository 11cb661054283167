"""Principal components of condition means in which every unit counts alike."""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...errors import InputError
from ...results import axes
from ..validation import Array
from .principal_components import PrincipalComponents, pca
from .trials import condition_means, conditions_of, read_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the largest value of a unit: what rounding leaves of a constant.
_LEAST_SPREAD = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class ConditionPCA(PrincipalComponents):
    """Principal components of z-scored condition means.

    All fields are those of :class:`PrincipalComponents` for activity over ``scale``.

    Attributes
    ----------
    scale : ndarray, shape (unit,)
        Standard deviation of each unit over conditions and times; 1 for units that are constant.
    """

    scale: Array = axes("unit")

    kind: ClassVar[str] = "condition_pca"

    def transform(self, activity: Any) -> Array:
        """Return activity (…, unit) along the components, (…, component).

        Raises InputError if the last axis is not the units of the fit.
        """
        found = np.asarray(activity)
        if not found.ndim or found.shape[-1] != len(self.scale):
            raise InputError(f"activity: expected (…, {len(self.scale)}) units as in the fit, found {found.shape}")
        return super().transform(found / self.scale)

    def plot_components(self, n_components: int = 2) -> "Figure":
        """Draw each of the first components against time, one line for each condition.

        Raises
        ------
        InputError
            If there are not so many components.
        """
        from .drawing import draw_component_times

        if not 1 <= n_components <= len(self.variance):
            raise InputError(f"n_components: expected 1 to {len(self.variance)}, found {n_components}")
        return draw_component_times(self, n_components)


def condition_pca(
    activity: Any, labels: Any, *, n_components: int = 3, time: Any = None, n_surrogates: int = 20, seed: int = 0
) -> ConditionPCA:
    """Return the principal components of condition means, each unit z-scored over conditions and times.

    The trajectories of all conditions are one after the other in time, and a unit with large activity counts as much as
    one with small: :func:`pca` without the z-score lets the largest units decide.

    Parameters
    ----------
    activity : (trial, time, unit)
    labels : (trial,)
    n_components : int
    time : (time,), optional
        s.
    n_surrogates, seed : int
        Of the noise floor, as for :func:`pca`.

    Raises
    ------
    InputError
        As :func:`pca`.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    A unit that does nothing but vary by chance is stretched to the same variance as one that responds: the noise floor
    says how much of a component is that.

    Examples
    --------
    >>> import numpy as np
    >>> rng, labels = np.random.default_rng(0), np.repeat(np.arange(4), 10)
    >>> drive = np.sin(labels * np.pi / 2)[:, np.newaxis] * np.linspace(0, 1, 20)  # (trial, time)
    >>> activity = drive[..., np.newaxis] * [0.1, 1.0, 10.0] + 0.01 * rng.standard_normal((40, 20, 3))
    >>> found = condition_pca(activity, labels, n_components=1)
    >>> np.abs(found.components[:, 0]).round(2).tolist()
    [0.58, 0.58, 0.58]
    """
    trials = read_trials("activity", activity)
    samples = condition_means(trials, conditions_of(labels, len(trials.values))).samples
    spread = samples.std(axis=0)
    scale = np.where(spread > _LEAST_SPREAD * np.abs(samples).max(axis=0), spread, 1.0)
    found = pca(
        trials.values / scale, labels, n_components=n_components, time=time, n_surrogates=n_surrogates, seed=seed
    )
    return ConditionPCA(scale=scale, **{field.name: getattr(found, field.name) for field in fields(found)})
