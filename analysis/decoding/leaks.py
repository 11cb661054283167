"""A leak detector: a decoding pipeline must find nothing where there is nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import Result, axes
from ..validation import Array, whole_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class LeakCheck(Result):
    """What a pipeline makes of noise that has nothing to do with the labels.

    Attributes
    ----------
    accuracy : ndarray, shape (train time, test time)
        Mean over the sets of noise.
    standard_error : float
        Of one cell of it, from the spread over sets of noise, pooled over cells.
    chance : float
    threshold : float
        In standard errors.
    n_sets : int
    """

    accuracy: Array = axes("train_time", "test_time")
    standard_error: float
    chance: float
    threshold: float
    n_sets: int

    kind: ClassVar[str] = "leak_check"

    @property
    def excess(self) -> Array:
        """How far each cell is above chance, in standard errors (train time, test time)."""
        above = self.accuracy - self.chance
        found: Array = above / self.standard_error if self.standard_error > 0 else np.where(above > 0, np.inf, 0.0)
        return found

    @property
    def leaks(self) -> bool:
        """Whether any cell is more than ``threshold`` standard errors above chance."""
        return bool((self.excess > self.threshold).any())

    def summary(self) -> str:
        """Return the verdict and the worst cell."""
        train, test = np.unravel_index(int(np.argmax(self.accuracy)), self.accuracy.shape)
        verdict = "LEAKS" if self.leaks else "no leak found"
        return (
            f"{verdict}: {self.n_sets} sets of noise, accuracy {self.accuracy[train, test]:.3f} at worst (trained at "
            f"sample {train}, tested at sample {test}), chance {self.chance:.3f}\n"
            f"{int((self.excess > self.threshold).sum())} of {self.accuracy.size} cells are more than "
            f"{self.threshold:g} standard errors above chance, the worst {self.excess.max():.1f}"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how far every cell is above chance, in standard errors."""
        ax = plotting.axes_or_new(ax)
        limit = max(self.threshold, float(np.abs(self.excess[np.isfinite(self.excess)]).max(initial=0)))
        with plotting.style():
            image = ax.imshow(self.excess, cmap="RdBu_r", vmin=-limit, vmax=limit, origin="lower")
            ax.set(xlabel="test time (sample)", ylabel="train time (sample)")
            ax.set_title("Leaks" if self.leaks else "No leak found")
            plotting.figure_of(ax).colorbar(image, ax=ax, label="standard errors above chance")
        return ax


def leak_check(
    pipeline: Callable[[Array, Array], Any],
    *,
    n_trials: int = 64,
    n_times: int = 10,
    n_units: int = 40,
    n_labels: int = 4,
    correlation: float = 0.95,
    n_sets: int = 20,
    threshold: float = 4.0,
    seed: int = 0,
) -> LeakCheck:
    """Return whether a decoding pipeline scores above chance on slow noise that knows nothing of the labels.

    Parameters
    ----------
    pipeline : callable
        Takes activity (trial, time, unit) and labels (trial,) and returns accuracies (train time, test time), or a
        result that has them as ``accuracy``. Selection of units, scaling and smoothing belong inside: they leak too.
    n_trials, n_times, n_units, n_labels : int
        Size of each set of noise; every label has equally many trials, in turn.
    correlation : float
        Of neighbouring samples of a unit in a trial, in [0, 1): slow noise is what gives a trial away.
    n_sets : int
        Sets of noise.
    threshold : float
        Standard errors above chance that count as a leak, in any cell.
    seed : int

    Raises
    ------
    InputError
        If the pipeline returns something else than finite accuracies of one shape.
    ConfigurationError
        If a size or the correlation is out of range, or trials are not a multiple of labels.

    Notes
    -----
    With the default threshold a sound pipeline is accused in about 3 of 100 000 cells.

    Examples
    --------
    >>> from dynascope.analysis import cross_temporal_decoding
    >>> leak_check(cross_temporal_decoding).leaks
    False
    >>> leak_check(lambda activity, labels: cross_temporal_decoding(activity, labels, mode="published")).leaks
    True
    """
    sizes = {"n_times": (n_times, 1), "n_units": (n_units, 1), "n_labels": (n_labels, 2), "n_sets": (n_sets, 2)}
    for name, (value, least) in sizes.items():
        whole_number(name, value, least=least)
    if whole_number("n_trials", n_trials, least=2 * n_labels) % n_labels:
        raise ConfigurationError(f"n_trials: expected a multiple of the {n_labels} labels, found {n_trials}")
    if not 0 <= correlation < 1:
        raise ConfigurationError(f"correlation: expected a number in [0, 1), found {correlation!r}")
    rng = np.random.default_rng(seed)
    labels = np.arange(n_trials) % n_labels
    noise = (slow_noise(rng, n_trials, n_times, n_units, correlation) for _ in range(n_sets))
    found = np.stack([_accuracies(pipeline(activity, labels.copy())) for activity in noise])
    return LeakCheck(
        accuracy=found.mean(axis=0),
        standard_error=float(np.sqrt(found.var(axis=0, ddof=1).mean() / n_sets)),
        chance=1 / n_labels,
        threshold=float(threshold),
        n_sets=n_sets,
        parameters={
            "n_trials": n_trials, "n_times": n_times, "n_units": n_units, "n_labels": n_labels,
            "correlation": correlation, "seed": seed,
        },
    )  # fmt: skip


def slow_noise(rng: np.random.Generator, n_trials: int, n_times: int, n_units: int, correlation: float) -> Array:
    """Return independent trials and units of stationary autoregressive noise of unit variance (trial, time, unit)."""
    noise = rng.standard_normal((n_trials, n_times, n_units))
    for time in range(1, n_times):
        noise[:, time] = correlation * noise[:, time - 1] + np.sqrt(1 - correlation**2) * noise[:, time]
    return noise


def _accuracies(returned: Any) -> Array:
    found = np.asarray(getattr(returned, "accuracy", returned), dtype=float)
    if found.ndim != 2 or not np.isfinite(found).all():
        raise InputError(
            f"pipeline: returned shape {found.shape}, expected finite accuracies (train time, test time) or a result "
            "with them"
        )
    return found
