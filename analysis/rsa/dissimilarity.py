"""Representational dissimilarity matrices, one per time, as a result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..validation import Array
from . import distances
from .noise import whitened
from .patterns import Patterns, patterns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_NAMED = 24


@dataclass(frozen=True, eq=False, kw_only=True)
class DissimilarityMatrices(Result):
    """Dissimilarities of all pairs of conditions, at every time.

    ``values`` (time, pair): pairs (0, 1), (0, 2), … in the order of ``conditions``; one time when activity had none.
    ``method`` is the measure, ``n_runs`` the number of runs behind it.
    """

    values: Array = axes("time", "pair")
    conditions: tuple[str, ...]
    method: str
    n_runs: int

    kind: ClassVar[str] = "dissimilarity_matrices"

    def square(self) -> Array:
        """Return (time, condition, condition) matrices with zero diagonals."""
        k = len(self.conditions)
        matrices = np.zeros((len(self.values), k, k))
        rows, columns = np.triu_indices(k, k=1)
        matrices[:, rows, columns] = matrices[:, columns, rows] = self.values
        return matrices

    def summary(self) -> str:
        """Return what was compared, and the most and least alike conditions of the mean over times."""
        rows, columns = np.triu_indices(len(self.conditions), k=1)
        mean = self.values.mean(axis=0)
        lines = [f"{self.method} dissimilarity of {len(self.conditions)} conditions, {len(self.values)} times"]
        for label, at in (("most alike ", int(np.argmin(mean))), ("least alike", int(np.argmax(mean)))):
            lines.append(f"{label}  {self.conditions[rows[at]]} and {self.conditions[columns[at]]}: {mean[at]:.4g}")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the matrix of the mean over times."""
        k = len(self.conditions)
        ax = plotting.axes_or_new(ax, width=4.2, height=3.6)
        image = ax.imshow(self.square().mean(axis=0), cmap=plotting.SEQUENTIAL)
        if k <= _MOST_NAMED:
            ax.set_xticks(range(k), self.conditions, rotation=45, ha="right", rotation_mode="anchor")
            ax.set_yticks(range(k), self.conditions)
        ax.set_title(f"{self.method} dissimilarity" + (", mean over times" if len(self.values) > 1 else ""))
        label = "1 − correlation" if self.method == "correlation" else "squared distance per unit"
        plotting.figure_of(ax).colorbar(image, ax=ax, label=label, shrink=0.8)
        return ax


def dissimilarities(
    activity: Any, labels: Any, *, method: str = "crossnobis", runs: Any = None, noise: Any = "none"
) -> DissimilarityMatrices:
    """Return the representational dissimilarity matrix of conditions at every time.

    Parameters
    ----------
    activity : array (trial, time, unit) or (trial, unit)
        A matrix of activity counts as one time. For one matrix over an epoch, average over time first.
    labels : (trial,)
        The condition of each trial.
    method : {"euclidean", "correlation", "crossnobis"}
        Euclidean: squared distance of mean patterns, divided by the number of units; Mahalanobis with ``noise``.
        Correlation: 1 − Pearson's r over units. Crossnobis: the squared distance with its two factors from different
        runs, averaged over ordered pairs of runs; unbiased, so zero on average for equal conditions, and at times
        negative (Walther et al. 2016).
    runs : (trial,), optional
        Independent parts of the data (sessions, blocks, halves); needed for crossnobis. Every condition must have a
        trial in every run; runs count alike.
    noise : {"none", "univariate", "multivariate"} or array (unit, unit)
        Divide every unit by its standard deviation over repeats; undo the covariance over repeats, shrunk as in
        Schäfer and Strimmer (2005); or undo a given covariance. Repeats are trials of one condition and run; all times
        share one covariance.

    Raises
    ------
    InputError
        If arrays do not match, hold NaN or infinity, conditions are missing from runs, or noise is unknown.
    ConfigurationError
        If crossnobis is asked for without runs, or with fewer than two.

    Notes
    -----
    All times are computed together from Gram matrices: O(times · conditions² · (runs + 1) · units).

    Noise makes all euclidean distances too large, by (σ_a²/n_a + σ_b²/n_b): with unequal numbers of trials they order
    conditions by number. Crossnobis has no such bias.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> labels, runs = np.tile([0, 1, 2], 20), np.repeat(range(4), 15)
    >>> activity = generator.standard_normal((60, 10)) + 3 * (labels == 2)[:, np.newaxis]
    >>> dissimilarities(activity, labels, runs=runs).values.round()
    array([[0., 8., 8.]])
    """
    validation.choice("method", method, distances.METHODS)
    if method == "crossnobis" and runs is None:
        raise ConfigurationError("runs: crossnobis multiplies patterns of different runs; expected a run per trial")
    found: Patterns = patterns_of(activity, labels, runs)
    n_runs = len(found.means)
    if method == "crossnobis" and n_runs < 2:
        raise ConfigurationError("runs: all trials are of one run; expected at least two for crossnobis")
    if method == "correlation" and found.means.shape[-1] < 2:
        raise InputError("activity: has 1 unit; expected at least 2, over which patterns are correlated")
    return DissimilarityMatrices(
        values=getattr(distances, method)(whitened(found, noise)),
        conditions=found.conditions,
        method=method,
        n_runs=n_runs,
        parameters={"method": method, "noise": noise if isinstance(noise, str) else "given"},
        input_digest=digest_arrays([activity, labels] if runs is None else [activity, labels, runs]),
    )
