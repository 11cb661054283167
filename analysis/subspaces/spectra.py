"""What part of a spectrum is signal and what noise alone would show."""

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..validation import Array
from .bases import leading
from .trials import Conditions, Trials, condition_means, stratified_folds


@dataclass(frozen=True, eq=False)
class Floor:
    """What noise alone shows: the mean spectrum (component,) and the 95 % quantile of its largest variance.

    ``signal`` (component,) is the variance of the signal, where trials repeat.
    """

    noise: Array
    bound: float
    signal: Array | None

    @classmethod
    def of(cls, spectra: list[Array], n_components: int, signal: Array | None = None) -> "Floor":
        """Return the floor from the spectra of surrogates."""
        noise = np.mean([_padded(spectrum, n_components) for spectrum in spectra], axis=0)
        return cls(noise, float(np.quantile([spectrum[0] for spectrum in spectra], 0.95)), signal)


def repeated_floor(
    trials: Trials, conditions: Conditions, n_components: int, *, n_splits: int, generator: np.random.Generator
) -> Floor:
    """Return signal and noise of condition means from random halves of each condition's trials.

    Half the difference of two halves' means has the noise of the mean of all trials, and no signal. Components of one
    half, with their variance the covariance of both halves along them, give the signal without bias (cross-validated
    PCA). Both are averages over ``n_splits`` splits.
    """
    if conditions.counts.min() < 2:
        which = conditions.names[int(conditions.counts.argmin())]
        raise InputError(f"labels: condition {which} has 1 trial; expected at least 2, to tell signal from noise")
    spectra, signal = [], np.zeros(n_components)
    for _ in range(n_splits):
        halves = stratified_folds(conditions.codes, 2, generator)
        first, second = (_means_of(trials, conditions, halves == half) for half in (0, 1))
        shared = first.valid & second.valid
        a, b = (_centred(half.values[shared]) for half in (first, second))
        spectra.append(_spectrum((a - b) / 2))
        for fitted, other in ((a, b), (b, a)):
            axes = leading(fitted).axes[:, :n_components]
            covariance = ((fitted @ axes) * (other @ axes)).sum(axis=0) / (len(a) - 1)
            signal += _padded(covariance, n_components) / 2
    return Floor.of(spectra, n_components, signal / n_splits)


def signal_participation(
    trials: Trials, conditions: Conditions, *, n_splits: int, generator: np.random.Generator
) -> float | None:
    """Return the participation ratio of condition means without their noise; None where trials cannot tell.

    The trials of each condition are dealt into four groups. With G_ab the symmetric part of M_aᵀ M_b, from the centred
    means of groups a and b, tr G_12 tr G_34 and tr G_12 G_34 estimate (Σλ)² and Σλ² of the signal without bias, since
    every factor has its own noise. Averages over ``n_splits`` deals and the three ways to pair four groups; needs 4
    trials of every condition.
    """
    if conditions.counts.min() < 4:
        return None
    squared_trace = trace_of_square = 0.0
    for _ in range(n_splits):
        groups = stratified_folds(conditions.codes, 4, generator)
        quarters = [_means_of(trials, conditions, groups == group) for group in range(4)]
        shared = np.all([quarter.valid for quarter in quarters], axis=0)
        m = [_centred(quarter.values[shared]) for quarter in quarters]
        for a, b, c, d in ((0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)):
            squared_trace += float((m[a] * m[b]).sum() * (m[c] * m[d]).sum())
            trace_of_square += float((_symmetric(m[a].T @ m[b]) * _symmetric(m[c].T @ m[d])).sum())
    # A mean of no more than noise can come out negative.
    return squared_trace / trace_of_square if min(squared_trace, trace_of_square) > 0 else None


def shifted_floor(trials: Trials, n_components: int, *, n_surrogates: int, generator: np.random.Generator) -> Floor:
    """Return the spectra of surrogates in which every unit has its own order of trials, each rolled by a random time.

    Each unit keeps its distribution and its autocorrelation (but for the seams), and shares nothing with the others
    except by chance: Horn's parallel analysis for time series.
    """
    samples, lengths = trials.samples, trials.valid.sum(axis=1)
    spectra = []
    for _ in range(n_surrogates):
        rows = np.stack([_shuffled_rows(lengths, generator) for _ in range(samples.shape[1])], axis=1)
        spectra.append(_spectrum(np.take_along_axis(samples, rows, axis=0)))
    return Floor.of(spectra, n_components)


def _means_of(trials: Trials, conditions: Conditions, chosen: Array) -> Trials:
    part = Trials(trials.values[chosen], trials.valid[chosen])
    return condition_means(part, Conditions(conditions.names, conditions.codes[chosen]))


def _symmetric(matrix: Array) -> Array:
    found: Array = (matrix + matrix.T) / 2
    return found


def _shuffled_rows(lengths: Array, generator: np.random.Generator) -> Array:
    """Return sample numbers with trials (of ``lengths``) in random order, each rolled by a random number of samples."""
    order = generator.permutation(np.flatnonzero(lengths))
    sizes = lengths[order]
    ends = np.cumsum(sizes)
    within = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes) + np.repeat(generator.integers(sizes), sizes)
    first = np.repeat((np.cumsum(lengths) - lengths)[order], sizes)
    found: Array = first + within % np.repeat(sizes, sizes)
    return found


def _spectrum(rows: Array) -> Array:
    """Return the descending eigenvalues of the covariance: a floor needs no more digits than this squaring leaves."""
    centred = _centred(rows)
    small = centred.T @ centred if len(centred) > centred.shape[1] else centred @ centred.T
    found: Array = np.maximum(np.linalg.eigvalsh(small)[::-1], 0.0) / (len(centred) - 1)
    return found


def _centred(rows: Array) -> Array:
    found: Array = rows - rows.mean(axis=0)
    return found


def _padded(values: Array, size: int) -> Array:
    found: Array = np.pad(values[:size], (0, max(0, size - len(values))))
    return found
