"""Mean activity in an epoch against training trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, digest_arrays
from ..trial_time import samples_of
from ..validation import Array, whole_number
from .bands import confidence, percent
from .checkpoints import Checkpoints
from .nested import UnitSums, usable_weights
from .stage_average import checkpoint_psth, measured_epoch

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingGrowth(Result):
    """Mean activity of the population in an epoch at each point of training.

    Attributes
    ----------
    value, low, high : ndarray, shape (point, condition)
        Mean over units, then networks and seeds, with its interval of confidence ``level``; NaN bounds at points that
        fewer than two of what is ``drawn`` have.
    trials_seen : ndarray, shape (point,)
        Increasing.
    performance : ndarray, shape (point,), or None
        Mean over the networks of the point.
    n_networks, n_drawn : ndarray of int, shape (point,)
        Networks, and how many of ``drawn`` ("seeds", "networks" or "units") the interval counts as independent.
    conditions : tuple of str
    """

    value: Array = axes("point", "condition")
    low: Array = axes("point", "condition")
    high: Array = axes("point", "condition")
    trials_seen: Array = axes("point")
    performance: Array | None = axes("point", optional=True)
    n_networks: Array = axes("point")
    n_drawn: Array = axes("point")
    conditions: tuple[str, ...]
    quantity: str
    drawn: str
    level: float

    kind: ClassVar[str] = "training_growth"

    def summary(self) -> str:
        """Return the values at the first, middle and last point, and the correlation with performance."""
        n = len(self.trials_seen)
        lines = [f"{self.quantity}, {n} points of training, {percent(self.level)} intervals over {self.drawn}"]
        for point in sorted({0, n // 2, n - 1}):
            for index, name in enumerate(self.conditions):
                band = f"{self.low[point, index]:.4g} to {self.high[point, index]:.4g}"
                known = not np.isnan(self.low[point, index])
                lines.append(
                    f"{self.trials_seen[point]:>12g} trials  {name:<10} {self.value[point, index]:>9.4g}"
                    + (f"  {band}" if known else "  no interval")
                )
        if self.drawn == "units":
            lines.append("one network: the intervals are for other units of it, not for other networks")
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the values against training trials with their bands, and performance in grey on the right."""
        from .drawing import growth_curves

        return growth_curves(self, plotting.axes_or_new(ax, width=6.0))


def training_growth(
    checkpoints: Sequence[Any],
    measure: Any,
    time: Any = None,
    labels: Any = None,
    *,
    epoch: Any = None,
    trials_seen: Any = None,
    performance: Any = None,
    networks: Any = None,
    seeds: Any = None,
    interval: str = "student",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    **options: Any,
) -> TrainingGrowth:
    """Return the mean activity of the population in an epoch against training trials, with bands.

    Parameters
    ----------
    checkpoints, time, labels, epoch, networks, seeds, performance, interval, level, n_resamples, seed, **options
        As for :func:`stage_psth`. Without ``labels`` all trials are averaged.
    measure : str or (start, stop)
        The epoch whose mean is followed, on the clock of the curves.
    trials_seen : (checkpoint,), optional
        Training trials before each checkpoint; by default the attributes of recordings. Networks meet at equal numbers.

    Raises
    ------
    InputError
        As :func:`stage_psth`; no trials_seen, or two checkpoints of one network at the same trial.
    ConfigurationError
        As :func:`stage_psth`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> runs = [rng.normal(level, 1, (20, 10, 30)) for level in (1, 2, 3)]
    >>> found = training_growth(runs, (0.5, 1.0), 0.1 * np.arange(10), trials_seen=[0, 1280, 2560])
    >>> found.value[:, 0].round(1).tolist(), found.drawn
    ([1.0, 2.0, 3.0], 'units')
    """
    level, n_resamples = confidence(level), whole_number("n_resamples", n_resamples, least=1)
    run = Checkpoints(checkpoints, time, labels, networks=networks, seeds=seeds)
    seen = run.numbers("trials_seen", trials_seen)
    if seen is None:
        raise InputError("trials_seen: expected one number per checkpoint; the recordings have no such attribute")
    scores = run.numbers("performance", performance)
    points, place = np.unique(seen, return_inverse=True)
    place = place.ravel()
    pairs, count = np.unique(np.stack([run.codes, place]), axis=1, return_counts=True)
    if (count > 1).any():
        network, point = pairs[:, int(np.argmax(count > 1))]
        raise InputError(
            f"trials_seen: network {run.names[network]} has two checkpoints at {points[point]:g} trials; say which "
            "belongs to which network with networks=…"
        )
    sums = UnitSums(run.codes, run.seed_codes, len(points))
    digests = []
    for checkpoint in run:
        found = checkpoint_psth(checkpoint, epoch, options, seed=seed, level=level)
        inside = samples_of(found.time, measured_epoch(checkpoint, measure, found), 1, "measure")[0]
        # A unit's mean over the epoch needs all of it, or units recorded at other times would change the mean.
        sums.add(
            int(run.codes[checkpoint.index]), [int(place[checkpoint.index])], found.mean[:, inside].mean(axis=1),
            usable_weights(found), f"checkpoints[{checkpoint.index}]",
        )  # fmt: skip
        digests.append(found.input_digest)
    rows = sums.rows()
    value = rows.estimate()
    drawn = rows.resample(n_resamples, seed, level, interval)
    low, high = zip(*(drawn.bounds(value[point], point) for point in range(len(points))), strict=True)
    return TrainingGrowth(
        value=value, low=np.stack(low), high=np.stack(high), trials_seen=points,
        performance=None if scores is None else np.bincount(place, scores) / np.bincount(place),
        n_networks=(sums.n_checkpoints > 0).sum(axis=0), n_drawn=drawn.counts, conditions=found.conditions,
        quantity=f"{found.quantity}, {epoch_name(measure)}", drawn=drawn.over, level=level,
        parameters={**found.parameters, "interval": interval, "n_resamples": n_resamples, "seed": seed},
        input_digest=digest_arrays([np.array(digests), place, run.codes, run.seed_codes]),
    )  # fmt: skip


def epoch_name(measure: Any) -> str:
    """Return an epoch as text: its name, or its edges in seconds."""
    if isinstance(measure, str):
        return measure
    start, stop = np.asarray(measure, dtype=float)
    return f"{start:g} to {stop:g}"
