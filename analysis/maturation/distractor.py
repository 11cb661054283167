"""Performance by the distance of a distractor from the cue, at stages of training."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..psth.averages import divide
from ..psth.bands import confidence, percent
from ..psth.checkpoints import Checkpoints
from ..psth.nested import pairs
from ..psth.stage_average import stage_members
from ..tuning.circle import signed_distance
from ..validation import Array
from .stage_means import band, describe_drawn, stage_means

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class DistractorPerformance(Result):
    """Performance at each stage of training by the distance between cue and distractor.

    Attributes
    ----------
    performance, low, high : ndarray, shape (stage, distance)
        Fraction correct, the mean over all combinations at that distance, with its interval of confidence ``level``.
    difference, difference_low, difference_high : ndarray, shape (pair, distance)
        The second stage of each of ``pairs`` less the first, within networks.
    rise, rise_low, rise_high : ndarray, shape (stage,)
        Performance at the largest distance less that with the distractor on the cue.
    by_checkpoint : ndarray, shape (checkpoint, distance)
        The same for every checkpoint that was given.
    distance : ndarray, shape (distance,)
        rad.
    n_combinations : ndarray of int, shape (distance,)
        Of cue and distractor.
    n_checkpoints, n_networks, n_drawn : ndarray of int, shape (stage,)
        The last: how many of ``drawn`` ("networks", or "checkpoints" of the only one) count as independent.
    stages : tuple of str
    pairs : tuple of pairs of stages
    """

    performance: Array = axes("stage", "distance")
    low: Array = axes("stage", "distance")
    high: Array = axes("stage", "distance")
    difference: Array = axes("pair", "distance")
    difference_low: Array = axes("pair", "distance")
    difference_high: Array = axes("pair", "distance")
    rise: Array = axes("stage")
    rise_low: Array = axes("stage")
    rise_high: Array = axes("stage")
    by_checkpoint: Array = axes("checkpoint", "distance")
    distance: Array = axes("distance", units="rad")
    n_combinations: Array = axes("distance")
    n_checkpoints: Array = axes("stage")
    n_networks: Array = axes("stage")
    n_drawn: Array = axes("stage")
    stages: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    drawn: str
    level: float

    kind: ClassVar[str] = "distractor_performance"

    def summary(self) -> str:
        """Return performance by stage and distance, and how much it rises from the cue to the farthest distractor."""
        degrees = "".join(f"{np.rad2deg(angle):>7.4g}°" for angle in self.distance)
        lines = [
            f"fraction correct by distance of the distractor, {percent(self.level)} intervals over {self.drawn}",
            f"{'':<7}{degrees}   rise",
        ]
        for stage, name in enumerate(self.stages):
            values = "".join(f"{value:>8.3f}" for value in self.performance[stage])
            around = band(self.rise_low[stage], self.rise_high[stage], ".3f")
            lines.append(f"{name:<7}{values}  {self.rise[stage]:>+6.3f} ({around})")
        return "\n".join(lines + describe_drawn(self.drawn, self.n_drawn))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw performance against distance, every stage in its colour."""
        from .drawing import distance_curves

        return distance_curves(self, plotting.axes_or_new(ax, width=4.8))


def distractor_performance(
    performance: Any,
    stages: Any = None,
    *,
    stage_performance: Any = None,
    trials_seen: Any = None,
    networks: Any = None,
    interval: str = "student",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> DistractorPerformance:
    """Return performance by the distance between cue and distractor at each stage of training.

    Every combination of cue and distractor counts alike: a ring of n locations has n combinations with the distractor
    on the cue, n opposite it (n even), and 2 n at every other distance.

    Parameters
    ----------
    performance : (checkpoint, cue, distractor)
        Fraction correct with the cue at one location of a ring and the distractor at another; the locations are equally
        spaced and in order. NaN for combinations that were not run.
    stages : Stages or (checkpoint,) of names, optional
        As for :func:`stage_psth`. By default assigned by ``stage_performance``.
    stage_performance, trials_seen : (checkpoint,), optional
        Performance on the task itself, by which stages are assigned, and training trials before each checkpoint.
    networks, interval, level, n_resamples, seed
        As for :func:`stage_psth`. With one network its checkpoints are drawn.

    Raises
    ------
    InputError
        If shapes disagree, a value is not a fraction, or no checkpoint has a stage.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    Training never shows a distractor on the cue, so that distance 0 is a test of generalisation. The published average
    over distances is the same for rings of 8 and of odd numbers, and weighs wrongly for 6, 10, ….

    Source: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> import numpy as np
    >>> apart = np.abs(np.arange(8)[:, np.newaxis] - np.arange(8))
    >>> grid = 0.2 + 0.1 * np.minimum(apart, 8 - apart)
    >>> found = distractor_performance([grid, grid + 0.1, grid + 0.3], ["early", "early", "mature"])
    >>> found.performance.round(2).tolist(), found.n_combinations.tolist()
    ([[0.25, 0.35, 0.45, 0.55, 0.65], [0.5, 0.6, 0.7, 0.8, 0.9]], [8, 16, 16, 16, 8])
    """
    level, n_resamples = confidence(level), validation.whole_number("n_resamples", n_resamples, least=1)
    grids = _grids(performance)
    run = Checkpoints(list(grids), None, None, networks=networks)
    scores, seen = run.numbers("stage_performance", stage_performance), run.numbers("trials_seen", trials_seen)
    names, membership = stage_members(stages, scores, seen, run)
    n = grids.shape[1]
    steps = np.arange(n)
    apart = np.abs(signed_distance(steps[:, np.newaxis], steps, n)).astype(int)
    distances = np.arange(n // 2 + 1)
    at = (apart == distances[:, np.newaxis, np.newaxis]).reshape(len(distances), -1).astype(float)
    flat = grids.reshape(len(grids), -1)
    rows = divide(np.nan_to_num(flat) @ at.T, ~np.isnan(flat) @ at.T)
    options: dict[str, Any] = {"interval": interval, "level": level, "n_resamples": n_resamples, "seed": seed}
    means, drawn = stage_means(rows, membership, run.codes, **options)
    low, high = (np.clip(bound, 0, 1) for bound in drawn.stage_bounds(means))
    gap, gap_low, gap_high = drawn.differences(means)
    rises = dataclasses.replace(drawn, means=drawn.means[..., -1] - drawn.means[..., 0])
    rise = means[:, -1] - means[:, 0]
    rise_low, rise_high = rises.stage_bounds(rise)
    return DistractorPerformance(
        performance=means, low=low, high=high, difference=gap, difference_low=gap_low, difference_high=gap_high,
        rise=rise, rise_low=rise_low, rise_high=rise_high, by_checkpoint=rows, distance=2 * np.pi * distances / n,
        n_combinations=at.sum(axis=1).astype(int), n_checkpoints=membership.sum(axis=1),
        n_networks=np.array([len(np.unique(run.codes[own])) for own in membership]), n_drawn=drawn.counts,
        stages=names, pairs=tuple((names[a], names[b]) for a, b in pairs(len(names))), drawn=drawn.over, level=level,
        parameters={"interval": interval, "n_resamples": n_resamples, "seed": seed},
        input_digest=digest_arrays([grids, membership, run.codes]),
    )  # fmt: skip


def _grids(performance: Any) -> Array:
    found = np.asarray(performance)
    if found.ndim != 3 or found.shape[1] != found.shape[2] or found.shape[1] < 2 or not len(found):
        raise InputError(
            "performance: expected (checkpoint, cue, distractor) with as many distractor as cue locations, "
            f"found shape {found.shape}"
        )
    validation.real_numbers("performance", found)
    found = found.astype(float)
    validation.refuse("performance", found, (found < 0) | (found > 1), "fractions correct, 0 to 1, or NaN")
    return found
