"""Mean activity of a population at each stage of training, with intervals over networks."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from ...results import digest_arrays
from ..trial_time import samples_of
from ..validation import Array, whole_number
from .assignment import assign_stages
from .average import psth
from .bands import confidence
from .checkpoints import Checkpoint, Checkpoints
from .nested import Resampled, UnitSums, pairs, usable_weights
from .preferred import preferred_psth
from .record import PSTH
from .stage_record import StagePSTH
from .stages import Stages

# Of preferred_psth alone: meaningless without a preference.
_OF_PREFERENCE = ("mode", "n_folds", "population", "responsive_epoch")


def stage_psth(
    checkpoints: Sequence[Any],
    time: Any = None,
    labels: Any = None,
    stages: Any = None,
    *,
    epoch: Any = None,
    networks: Any = None,
    seeds: Any = None,
    performance: Any = None,
    trials_seen: Any = None,
    measure: Any = None,
    interval: str = "student",
    level: float = 0.95,
    n_resamples: int = 2000,
    seed: int = 0,
    **options: Any,
) -> StagePSTH:
    """Return the mean activity of the population at each stage of training, and how it differs between stages.

    Units are averaged within a checkpoint, checkpoints within a stage, then networks and seeds, each counting alike.

    Parameters
    ----------
    checkpoints : sequence of Recording, or of (trial, time, unit)
        In any order. Arrays may be on disk: one is in memory at a time.
    time : (time,), optional
        s, of arrays; recordings bring their own.
    labels : str, (trial,) or list of (trial,), optional
        The condition of each trial: a trial column of recordings, labels that all share, or one array per checkpoint.
    stages : Stages or (checkpoint,) of names, optional
        "" or None leaves a checkpoint out. By default :func:`assign_stages` of the performance.
    epoch : str, (start, stop) or (trial, 2), optional
        Where each unit's preferred label shows, at each checkpoint anew: curves are then for the preferred and the
        opposite label (:func:`preferred_psth`, cross-fitted), else for each label (:func:`psth`). Names are those of
        recordings' epochs, here and for ``baseline``, ``responsive_epoch``, ``measure`` and ``align`` (its start).
    networks, seeds : (checkpoint,), optional
        Which network a checkpoint belongs to, and the seed of that network; one network when None.
    performance, trials_seen : (checkpoint,), optional
        By default the attributes of recordings.
    measure : str or (start, stop), optional
        An epoch over which means are compared, on the clock of the curves.
    interval : {"student", "percentile"}
        "student": ± t · standard error of a bootstrap of whole seeds (of networks where there is one network per seed,
        or one seed), for n − 1 of them: covers from two networks on. "percentile": seeds, networks and units all drawn
        again.
    level, n_resamples, seed
        Of the intervals; ``seed`` also of the folds.
    **options
        Of :func:`preferred_psth` with an ``epoch`` (``mode``, ``n_folds``, ``population``, ``baseline``,
        ``normalize``, ``kernel`` …), of :func:`psth` without. ``population`` may be a mapping from network to its
        units, such as :func:`fixed_population` makes.

    Raises
    ------
    InputError
        If checkpoints, labels, stages or epochs do not match, no checkpoint has a stage, or a network changes its
        units.
    ConfigurationError
        If an option does not apply or a number is out of range.

    Notes
    -----
    A unit is followed through training: its curves at the checkpoints of one stage are averaged before anything is
    drawn, and differences are taken within resamples, so that thousands of checkpoints of one network do not count as
    thousands of networks. With a single network units are drawn, and the bands say nothing about other networks.

    ``mode="published"`` with ``population="selective"``, ``normalize="baseline"`` and ``responsive_epoch`` the cue
    gives the stage curves of the maturation study; that had no intervals.

    Memory: networks × stages × 2 × conditions × times × units, and one checkpoint. Time: one :func:`psth` each.

    Sources: Liu et al. 2021, iScience 24:103178; Saravanan, Berman and Sober 2020 (hierarchical bootstrap).

    Examples
    --------
    >>> import numpy as np
    >>> rng, labels = np.random.default_rng(0), np.tile(np.arange(4), 10)
    >>> tuned = (np.arange(6) % 4 == labels[:, np.newaxis])[:, np.newaxis]  # (trial, 1, unit)
    >>> runs = [gain * tuned + rng.normal(5, 1, (40, 8, 6)) for gain in (0.0, 0.1, 1.0, 1.2)]
    >>> found = stage_psth(runs, np.arange(8.0), labels, performance=[0.2, 0.3, 0.9, 1.0], epoch=(0, 8), measure=(0, 8))
    >>> found.stages, found.pairs
    (('early', 'mature'), (('early', 'mature'),))
    """
    level, n_resamples = confidence(level), whole_number("n_resamples", n_resamples, least=1)
    run = Checkpoints(checkpoints, time, labels, networks=networks, seeds=seeds)
    scores, seen = run.numbers("performance", performance), run.numbers("trials_seen", trials_seen)
    names, membership = stage_members(stages, scores, seen, run)
    sums = UnitSums(run.codes, run.seed_codes, len(names))
    last: PSTH | None = None
    digests = []
    for checkpoint in run:
        moments = np.flatnonzero(membership[:, checkpoint.index]).tolist()
        if moments:
            last = checkpoint_psth(checkpoint, epoch, options, seed=seed, level=level)
            sums.add(
                int(run.codes[checkpoint.index]), moments, last.mean, usable_weights(last),
                f"checkpoints[{checkpoint.index}]",
            )  # fmt: skip
            digests.append(last.input_digest)
    assert last is not None
    rows = sums.rows()
    means = rows.estimate()  # (stage, condition, time)
    drawn = rows.resample(n_resamples, seed, level, interval)
    low, high = drawn.stage_bounds(means)
    gap, gap_low, gap_high = drawn.differences(means)
    measured: dict[str, Array] = {}
    if measure is not None:
        edges = measured_epoch(run[0], measure, last)
        measured = _measured(means, drawn, samples_of(last.time, edges, 1, "measure")[0])
    with_stage = membership.astype(float)
    return StagePSTH(
        mean=means, low=low, high=high,
        difference=gap, difference_low=gap_low, difference_high=gap_high, time=last.time, time_unit=last.time_unit,
        stages=names, conditions=last.conditions, pairs=tuple((names[a], names[b]) for a, b in pairs(len(names))),
        n_checkpoints=sums.n_checkpoints.sum(axis=0), n_networks=(sums.n_checkpoints > 0).sum(axis=0),
        n_units=sums.n_units.sum(axis=0) / np.maximum(sums.n_checkpoints.sum(axis=0), 1),
        performance=None if scores is None else with_stage @ scores / with_stage.sum(axis=1),
        quantity=last.quantity, drawn=drawn.over, n_drawn=drawn.counts, interval=interval, level=level,
        aligned=last.aligned, **measured,
        parameters={**last.parameters, "measure": None if measure is None else np.asarray(edges, float).tolist(),
                    "n_resamples": n_resamples, "seed": seed},
        input_digest=digest_arrays([np.array(digests), membership, run.codes, run.seed_codes]),
    )  # fmt: skip


def checkpoint_psth(checkpoint: Checkpoint, epoch: Any, options: dict[str, Any], *, seed: int, level: float) -> PSTH:
    """Return the curves of one checkpoint, of preferred and opposite label with an ``epoch``, else of all labels."""
    own = dict(options)
    if isinstance(own.get("population"), Mapping):
        own["population"] = checkpoint.of_network("population", own["population"])
    for name in ("baseline", "responsive_epoch"):
        if name in own:
            own[name] = checkpoint.edges(own[name])
    if isinstance(own.get("align"), str):
        own["align"] = np.asarray(checkpoint.edges(own["align"]), dtype=float)[..., 0]
    if epoch is None:
        wrong = [name for name in _OF_PREFERENCE if name in own]
        if wrong:
            raise ConfigurationError(f"{wrong[0]}: applies to preferred labels; give the epoch that shows them")
        return psth(checkpoint.activity, checkpoint.time, checkpoint.labels, interval=None, level=level, **own)
    if checkpoint.labels is None:
        raise ConfigurationError("labels: expected the condition of each trial, since epoch asks for preferred ones")
    edges = checkpoint.edges(epoch)
    return preferred_psth(checkpoint.activity, checkpoint.time, checkpoint.labels, edges, seed=seed, level=level, **own)


def measured_epoch(checkpoint: Checkpoint, measure: Any, found: PSTH) -> Any:
    """Return the (start, stop) of an epoch on the clock of the curves."""
    if isinstance(measure, str) and found.aligned:
        raise ConfigurationError(f"measure={measure!r}: curves are aligned to an event; give (start, stop) from it")
    return checkpoint.edges(measure)


def stage_members(
    stages: Any, scores: Array | None, seen: Array | None, run: Checkpoints
) -> tuple[tuple[str, ...], Array]:
    """Return the names of the stages that have checkpoints, in order, and their members (stage, checkpoint)."""
    if stages is None:
        if scores is None:
            raise InputError("stages: expected the stage of each checkpoint, or performance to assign them by")
        stages = assign_stages(scores, seen, networks=np.array(run.names)[run.codes])
    if isinstance(stages, Stages):
        names, membership = stages.names, stages.membership
    else:
        labels = ["" if name is None else str(name) for name in stages]
        names = tuple(dict.fromkeys(name for name in labels if name))
        membership = np.array([[label == name for label in labels] for name in names]).reshape(len(names), len(labels))
    if membership.shape[1] != len(run):
        raise InputError(f"stages: expected one for each of {len(run)} checkpoints, found {membership.shape[1]}")
    kept = np.asarray(membership.any(axis=1))
    if not kept.any():
        raise InputError("stages: no checkpoint has a stage")
    return tuple(name for name, keep in zip(names, kept, strict=True) if keep), membership[kept]


def _measured(means: Array, drawn: Resampled, inside: Array) -> dict[str, Array]:
    """Return the means over an epoch and their differences, with intervals."""
    of_epoch = dataclasses.replace(drawn, means=drawn.means[..., inside].mean(axis=-1))
    levels = means[..., inside].mean(axis=-1)
    low, high = of_epoch.stage_bounds(levels)
    gap, gap_low, gap_high = of_epoch.differences(levels)
    return {
        "epoch_mean": levels, "epoch_low": low, "epoch_high": high,
        "epoch_difference": gap, "epoch_difference_low": gap_low, "epoch_difference_high": gap_high,
    }  # fmt: skip
