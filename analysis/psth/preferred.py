"""Curves for the condition that each unit prefers and for its opposite, chosen and averaged on different trials."""

from typing import Any

import numpy as np

from ...errors import ConfigurationError
from ...results import digest_arrays
from .. import validation
from ..selectivity.responses import factor
from ..trial_time import samples_of
from ..validation import Array
from .average import baseline_samples
from .averages import divide
from .bands import confidence, student
from .folds import Fold, Reduced, no_folds, reduce_trials, stratified_folds
from .normalization import Rule, constants, rule
from .population import Population, population_rule
from .preparation import prepare
from .record import PSTH

MODES = ("crossfit", "published")
DIRECTIONS = ("preferred", "opposite")


def preferred_psth(
    activity: Any,
    time: Any,
    labels: Any,
    epoch: Any,
    *,
    mode: str = "crossfit",
    n_folds: int = 4,
    seed: int = 0,
    population: Any = None,
    responsive_epoch: Any = None,
    baseline: Any = None,
    normalize: str | None = None,
    floor: float | None = None,
    softening: float = 5.0,
    kernel: str | None = None,
    width: float = 0.05,
    align: Any = None,
    window: Any = None,
    level: float = 0.95,
    quantity: str = "activity",
) -> PSTH:
    """Return the mean activity for the label that each unit prefers, and for the opposite label.

    The preferred label has the largest mean in ``epoch``. Chosen and averaged on the same trials, the preferred
    curve is high by construction: with 8 labels of 16 trials, noise alone lifts it by 0.36 standard deviations of a
    trial's response. ``mode="crossfit"`` (default) chooses label, population and normalisation on the trials outside a
    fold, averages those inside, and takes the mean over folds: noise gives no difference. ``mode="published"`` is that
    of the brain-maturation study: one choice on all trials, which are also averaged.

    Parameters
    ----------
    activity, time, kernel, width, align, window, level, quantity
        As for :func:`psth`.
    labels : (trial,)
        Two labels or more. Sorted, they go round: the opposite of one is half the labels on, and for an odd number the
        mean of the two on either side of it.
    epoch : (start, stop) or (trial, 2)
        Where the preference shows, s, on the clock of ``time``.
    mode : {"crossfit", "published"}
    n_folds, seed : int
        Folds keep the share of each label; which trials go where follows from the seed.
    population : None, "selective", (unit,) bool or callable
        Which units. "selective": those of :func:`select_units` against ``baseline``, in the mode "corrected" or
        "published" (their excited ones). A callable gets responses (trial, unit) and labels of the training trials and
        returns (unit,) bool. An array counts as chosen elsewhere, on other data.
    responsive_epoch : (start, stop) or (trial, 2), optional
        Where "selective" units must differ from the baseline, by default ``epoch``; the published study takes the cue
        whatever the epoch.
    baseline, normalize, floor, softening
        As for :func:`psth`. "baseline" in published mode divides by the mean baseline of the same label, and without a
        floor only a baseline of 0 or below is refused.

    Returns
    -------
    PSTH
        Of the conditions "preferred" and "opposite". ``weights`` are the share of folds in which a unit was in the
        population; units never in it are NaN, and so is everything when nobody is. Standard errors and Student's
        intervals of single units are those given the choices.

    Raises
    ------
    InputError
        As :func:`psth`; fewer than two labels, or fewer trials of a label than folds.
    ConfigurationError
        As :func:`psth`; fewer than two folds.

    Notes
    -----
    A fold's mean over held-out trials is independent of its choices, so that every fold, and the mean over folds and
    units (with ``weights``), is unbiased given the units chosen. A single unit's own curve is not quite, when it was
    chosen in some folds only.

    Costs what :func:`psth` costs, once more per fold for sums of ``labels`` × times × units.

    Source of the published mode: Liu, Zhu, Constantinidis and Zhou 2021, iScience 24:103178.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.tile(np.arange(8), 16)
    >>> noise = np.random.default_rng(0).standard_normal((128, 10, 200))
    >>> gap = {}
    >>> for mode in ("crossfit", "published"):
    ...     preferred, opposite = preferred_psth(noise, np.arange(10.0), labels, (0, 10), mode=mode).population()[0]
    ...     gap[mode] = round(float((preferred - opposite).mean()), 2)
    >>> gap["published"] > 0.1 > 0.02 > abs(gap["crossfit"])
    True
    """
    validation.choice("mode", mode, MODES)
    level = confidence(level)
    chosen = rule(normalize, baseline, floor=floor, softening=softening)
    prepared = prepare(activity, time, kernel=kernel, width=width, align=align, window=window)
    n_trials, _, n_units = prepared.activity.shape
    groups = factor("labels", labels, n_trials)
    codes = groups.codes.ravel()
    if mode == "crossfit" and validation.whole_number("n_folds", n_folds, least=1) < 2:
        raise ConfigurationError("n_folds: expected at least 2, found 1; mode='published' holds nothing out")
    folds = stratified_folds(codes, n_folds, seed) if mode == "crossfit" else no_folds(n_trials)
    epochs = {"epoch": samples_of(prepared.whole_time, epoch, n_trials, "epoch")}
    if responsive_epoch is not None:
        epochs["cue"] = samples_of(prepared.whole_time, responsive_epoch, n_trials, "responsive_epoch")
    epochs["baseline"] = baseline_samples(prepared, baseline)
    members = population_rule(
        population, n_units, published=mode == "published", normalized=chosen.kind == "baseline",
        has_baseline=baseline is not None,
    )  # fmt: skip
    reduced = reduce_trials(prepared, codes, folds, epochs, with_moments=chosen.needs_moments)
    found = _combined(reduced, codes, folds, chosen, members, published=mode == "published")
    mean, sem, counts, weights, excluded = found
    low, high = student(mean, sem, counts, level)
    return PSTH(
        mean=mean, sem=sem, low=low, high=high, n_trials=counts, time=prepared.time, weights=weights,
        excluded=excluded, conditions=DIRECTIONS, quantity=chosen.quantity(quantity), interval="sem", level=level,
        time_unit=prepared.time_unit, aligned=prepared.aligned, n_left_out=prepared.n_left_out,
        parameters={
            "mode": mode, "n_folds": len(folds), "seed": seed, "epoch": np.asarray(epoch, float).tolist(),
            "responsive_epoch": None if responsive_epoch is None else np.asarray(responsive_epoch, float).tolist(),
            "labels": list(groups.level_names), "population": members.name, "kernel": kernel,
            "width": width if kernel else None,
            "window": None if window is None else [float(edge) for edge in window],
            "baseline": None if baseline is None else np.asarray(baseline, float).tolist(),
            "normalize": chosen.kind, "floor": floor, "softening": softening,
        },
        input_digest=digest_arrays([prepared.activity, codes, prepared.time]),
    )  # fmt: skip


def _combined(
    reduced: Reduced, codes: Array, folds: list[Fold], chosen: Rule, members: Population, *, published: bool
) -> tuple[Array, Array, Array, Array, Array]:
    """Return mean, standard error and number of trials (direction, time, unit), and weights and exclusions (unit,)."""
    n_labels, n_times, n_units = reduced.variance.shape
    directions = opposites(n_labels)
    labels = np.arange(n_labels)[:, np.newaxis]
    own_label = published and chosen.kind == "baseline"
    if own_label and chosen.floor is None:
        chosen = Rule(chosen.kind, chosen.relative, 0.0, chosen.softening)
    shape = (2, n_times, n_units)
    total, variance, share = (np.zeros(shape) for _ in range(3))
    counts = np.zeros(shape, np.int64)
    weights, refused = np.zeros(n_units), np.zeros(n_units)
    for index, fold in enumerate(folds):
        per_label = (codes == labels) & fold.training  # (label, trial)
        moments = reduced.moments(per_label if own_label else fold.training[np.newaxis])
        used = constants(chosen, moments, reduced.training_mean(index))
        responses = _label_means(reduced.epochs["epoch"], per_label)
        if own_label:
            responses = used.value(responses[:, np.newaxis])[:, 0]
        preferred = np.where(np.isnan(responses), -np.inf, responses).argmax(axis=0)
        known = np.isfinite(responses).any(axis=0)
        belongs = members.of(reduced.epochs, codes, fold.training) & known
        refused += used.excluded
        weights += belongs & ~used.excluded
        mean, n_trials = reduced.held_out(index)
        mean, error = used.value(mean), np.square(used.error(np.sqrt(divide(reduced.variance, n_trials))))
        for direction, matrix in enumerate(directions):
            pick = matrix[preferred].T[:, np.newaxis]  # (label, 1, unit)
            there = (pick == 0) | ~np.isnan(mean)
            use = there.all(axis=0) & (belongs & ~used.excluded)
            total[direction] += np.where(use, (pick * np.nan_to_num(mean)).sum(axis=0), 0)
            # One trial of a label has no variance: NaN there must not pass for certainty.
            uncertain = np.where(pick == 0, 0, np.square(pick) * error).sum(axis=0)
            variance[direction] += np.where(use, uncertain, 0)
            share[direction] += use
            counts[direction] += np.where(use, ((pick > 0) * n_trials).sum(axis=0), 0).astype(np.int64)
    mean = divide(total, share)
    sem = np.sqrt(divide(variance, np.square(share)))
    return mean, sem, counts, weights / len(folds), refused == len(folds)


def opposites(n_labels: int) -> Array:
    """Return (2, label, label): the weights of all labels in the preferred and the opposite curve of each label.

    >>> opposites(3)[1].tolist()
    [[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
    """
    same = np.eye(n_labels)
    before, after = (np.roll(same, shift, axis=1) for shift in (n_labels // 2, (n_labels + 1) // 2))
    return np.stack([same, (before + after) / 2])


def _label_means(responses: Array, per_label: Array) -> Array:
    """Return the means over the trials of each label, (label, unit), of responses (trial, unit) with NaN missing."""
    known = ~np.isnan(responses)
    members = per_label.astype(float)
    return divide(members @ np.where(known, responses, 0), members @ known)
