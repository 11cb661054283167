"""Distributions of saccade errors at stages of training."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError
from ...results import digest_arrays
from ..psth.bands import confidence
from ..psth.checkpoints import Checkpoints
from ..psth.nested import Resampled, pairs
from ..psth.stage_average import stage_members
from ..validation import Array, whole_number
from .error_table import ErrorTable
from .medians import binned_median
from .saccade_record import SaccadeErrors
from .stage_means import checkpoint_shares, stage_means

# Bins, at least, in which resampled medians are looked for: of a degree.
_FINE = 180
_MEASURES = {"correct": "", "mean error": "rad", "median error": "rad"}


def saccade_errors(
    checkpoints: Sequence[Any],
    stages: Any = None,
    *,
    errors: str = "error",
    groups: Any = None,
    also: Any = (),
    criterion: float = 0.2 * np.pi,
    n_bins: int = 30,
    relative_to: str = "target",
    networks: Any = None,
    performance: Any = None,
    trials_seen: Any = None,
    interval: str = "student",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
) -> SaccadeErrors:
    """Return how far responses land from where they should, as a distribution for each stage of training.

    The distribution of a stage is the mean of those of its checkpoints, which count alike, and then of networks, which
    count alike: for one network with equally many trials at every checkpoint that of all trials together, as published.

    Parameters
    ----------
    checkpoints : sequence of Recording, or of (trial,)
        Absolute circular errors in rad, 0 to π; recordings have them in the trial column ``errors``. Checkpoints
        outside all stages are not looked at.
    stages : Stages or (checkpoint,) of names, optional
        As for :func:`stage_psth`.
    errors : str
        The trial column of recordings.
    groups : str or list of (trial,), optional
        Trials to keep apart, such as by distance of the distractor: a trial column, or one array per checkpoint.
    also : names, or mapping of name to list of (trial,)
        Trial columns to average beside the errors, NaN left out: reaction times, breaks of fixation.
    criterion : float
        rad; errors below it (not at it) count as correct.
    n_bins : int
        Of the histogram, from 0 to π.
    relative_to : str
        What the errors are distances to, for axes: in the anti-saccade tasks the target is opposite the cue.
    networks, performance, trials_seen, interval, level, n_resamples, seed
        As for :func:`stage_psth`. With one network its checkpoints are drawn.

    Raises
    ------
    InputError
        If errors are not within 0 and π, lengths disagree, a column is missing or no checkpoint has a stage.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    Performance and errors of the study look at the last time step alone; fast responses, and those before the go
    signal, show in ``also``. Estimates are exact; resampled medians are read from bins of a degree.

    Keeps the errors of the checkpoints with a stage; takes ``n_resamples`` × stages × groups × 182 numbers.

    Source: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> runs = [np.abs(rng.vonmises(0, kappa, 1000)) for kappa in (0.1, 0.1, 20, 20)]
    >>> found = saccade_errors(runs, ["early", "early", "mature", "mature"])
    >>> found.of("correct")[0][:, 0].round(1).tolist()
    [0.2, 1.0]
    """
    level, n_resamples = confidence(level), whole_number("n_resamples", n_resamples, least=1)
    n_bins = whole_number("n_bins", n_bins, least=1)
    if isinstance(criterion, bool) or not isinstance(criterion, (int, float)) or not 0 < criterion <= np.pi:
        raise ConfigurationError(f"criterion: expected an angle in rad, above 0 and up to π, found {criterion!r}")
    run = Checkpoints(checkpoints, None, None, networks=networks)
    scores, seen = run.numbers("performance", performance), run.numbers("trials_seen", trials_seen)
    names, membership = stage_members(stages, scores, seen, run)
    per_bin = -(-_FINE // n_bins)
    edges = np.linspace(0, np.pi, n_bins * per_bin + 1)
    table = ErrorTable(run, errors, groups, also, np.flatnonzero(membership.any(axis=0)))
    rows = table.rows(edges, float(criterion))
    options: dict[str, Any] = {"interval": interval, "level": level, "n_resamples": n_resamples, "seed": seed}
    means, drawn = stage_means(rows, membership, run.codes, **options)
    histogram = _coarse(means[..., : -len(table.also) - 2], n_bins)
    of_bins = _with(drawn, lambda m: _coarse(m[..., : len(edges) - 1], n_bins))
    fraction_low, fraction_high = (np.clip(bound, 0, 1) for bound in of_bins.stage_bounds(histogram))
    value = _measured(means, edges)
    value[..., 2] = table.medians(checkpoint_shares(membership, run.codes))
    of_measures = _with(drawn, lambda m: _measured(m, edges))
    low, high = (_possible(bound) for bound in of_measures.stage_bounds(value))
    gap, gap_low, gap_high = of_measures.differences(value)
    with_stage = membership.astype(float)
    return SaccadeErrors(
        fraction=histogram, fraction_low=fraction_low, fraction_high=fraction_high, bin_edges=edges[::per_bin],
        value=value, low=low, high=high, difference=gap, difference_low=gap_low, difference_high=gap_high,
        n_checkpoints=membership.sum(axis=1), n_networks=_n_networks(membership, run.codes), n_drawn=drawn.counts,
        n_trials=np.stack([table.counts[own].sum(axis=0) for own in membership]),
        performance=None if scores is None else with_stage @ scores / with_stage.sum(axis=1),
        stages=names, groups=table.groups, measures=(*_MEASURES, *table.also),
        units=(*_MEASURES.values(), *table.units), pairs=tuple((names[a], names[b]) for a, b in pairs(len(names))),
        criterion=float(criterion), relative_to=relative_to, drawn=drawn.over, level=level,
        parameters={
            "errors": errors, "groups": groups if isinstance(groups, str) else None, "n_bins": n_bins,
            "interval": interval, "n_resamples": n_resamples, "seed": seed,
        },
        input_digest=digest_arrays([*table.digested(), membership, run.codes]),
    )  # fmt: skip


def _with(drawn: Resampled, function: Any) -> Resampled:
    return dataclasses.replace(drawn, means=function(drawn.means))


def _coarse(fine: Array, n_bins: int) -> Array:
    return np.asarray(fine.reshape(*fine.shape[:-1], n_bins, -1).sum(axis=-1))


def _measured(rows: Array, edges: Array) -> Array:
    """Return correct, mean, median and further means (…, measure) from rows of the table."""
    n = len(edges) - 1
    median = binned_median(rows[..., :n], edges)[..., np.newaxis]
    return np.concatenate([rows[..., n : n + 2], median, rows[..., n + 2 :]], axis=-1)


def _possible(bounds: Array) -> Array:
    """Return bounds (…, measure) of fractions within 0 and 1, of errors within 0 and π."""
    limits = np.full(bounds.shape[-1], np.inf)
    limits[:3] = 1, np.pi, np.pi
    return np.clip(bounds, np.where(np.isinf(limits), -np.inf, 0), limits)


def _n_networks(membership: Array, codes: Array) -> Array:
    return np.array([len(np.unique(codes[own])) for own in membership])
