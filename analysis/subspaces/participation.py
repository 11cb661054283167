"""The participation ratio, as it is in the samples and unbiased for finite trials and units."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigurationError, InputError
from .. import samples, validation
from ..kernel_alignment import linear_kernel_sums
from ..validation import Array, Samples
from .captured import varying_mean


def participation_ratio(
    x: Samples, *, unbiased: bool = False, trials: Any = None, n_units: float | None = None
) -> float:
    """Return the participation ratio (Σλ)² / Σλ² of the eigenvalues λ of the covariance of ``x``.

    It counts the dimensions over which variance is spread: 1 when one direction holds all of it, p when it is
    equal in all p directions. With n samples the plain value cannot exceed n − 1 and is biased downwards when n is
    not many times p: compare arrays with the same n only, or ask for the unbiased estimate.

    Parameters
    ----------
    x : array (samples, features)
        Finite real numbers; may be on disk, unless ``unbiased``.
    unbiased : bool
        Estimate numerator and denominator without bias from products of four different trials. The ratio of two
        unbiased estimates is nearly so; it can exceed p when the data say little.
    trials : (samples,), optional
        The trial of each sample: samples of one trial are correlated, trials are independent. Every sample is a trial
        of its own when None. Only with ``unbiased``; at least 4 trials.
    n_units : int or inf, optional
        The units in ``x`` are a random draw from this many, whose participation ratio is estimated; ``math.inf`` for a
        population without bound. None: the units of ``x`` are all there are. Only with ``unbiased``.

    Raises
    ------
    InputError
        If ``x`` is not (samples, features) of finite real numbers, all its features are constant, there are fewer than
        4 trials, or the samples are too few to tell Σλ² from 0.
    ConfigurationError
        If ``n_units`` is below the number of features, or options of the unbiased estimate are given without it.

    Notes
    -----
    With the second moment S_i and the mean m_i of the samples of trial i, (S_i + S_j)/2 − (m_i m_jᵀ + m_j m_iᵀ)/2
    estimates the covariance Σ without bias, and products of two such matrices from four different trials estimate
    (tr Σ)² and tr Σ². Their means over all quadruples of trials have a closed form. Trials of unequal length weigh
    alike. Terms of one unit with itself, Σ_a Σ_aa², grow with the units and the others with their square: knowing both
    gives the value of a larger population. Time O(n p min(n, p)).

    References
    ----------
    Gao et al. (2017), A theory of multineuronal dimensionality, dynamics and measurement; Chun et al. (2025),
    Estimating dimensionality of neural representations from finite samples (both axes, independent samples).

    Examples
    --------
    >>> import numpy as np
    >>> participation_ratio(np.vstack([np.eye(3), -np.eye(3)]))
    3.0
    >>> x = np.random.default_rng(0).standard_normal((30, 20))  # twenty equal directions
    >>> round(participation_ratio(x), 1), round(participation_ratio(x, unbiased=True), 1)
    (12.0, 20.8)
    """
    found = validation.samples_matrix("x", x)
    if unbiased:
        return _unbiased(found, trials, n_units)
    if trials is not None or n_units is not None:
        raise ConfigurationError("trials and n_units belong to the unbiased estimate: pass unbiased=True")
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        mean = varying_mean("x", found)
        sums = linear_kernel_sums([found], [mean])
        ratio = float(sums.diagonal[0] ** 2 / sums.products[0, 0])
    if not np.isfinite(ratio) or ratio < 0.5:
        raise samples.out_of_range("x")
    return ratio


def _unbiased(x: Samples, trials: Any, n_units: float | None) -> float:
    p = x.shape[1]
    if n_units is not None and not (n_units == math.inf or (n_units >= p and float(n_units).is_integer())):
        raise ConfigurationError(
            f"n_units: expected a whole number of at least {p} (the features of x) or inf, found {n_units!r}"
        )
    if n_units not in (None, p) and p < 2:
        raise InputError("x: has 1 feature; expected at least 2 to estimate the ratio of a larger population")
    mean = varying_mean("x", x)
    centred = np.asarray(x[...], dtype=np.float64) - mean
    # The ratio does not depend on scale; fourth powers of tiny or huge numbers would leave the range of floats.
    centred /= np.abs(centred).max()
    blocks = _blocks(centred, trials)
    whole, units = _whole_moments(blocks), _unit_moments(blocks)
    square, traced = whole.squared_trace, whole.trace_of_square
    if n_units is not None and n_units != p:
        square, traced = (_enlarged(total, units, p, n_units) for total in (square, traced))
    if not traced > 0:
        raise InputError(
            f"x: {len(blocks)} trials of {p} features cannot tell the sum of squared eigenvalues from 0; "
            "expected more trials or stronger activity"
        )
    return float(square / traced)


@dataclass(frozen=True)
class _Moments:
    """Unbiased estimates of (tr Σ)² and tr Σ²."""

    squared_trace: float
    trace_of_square: float


def _enlarged(total: float, same: float, p: int, n_units: float) -> float:
    """Return the sum over pairs of units scaled to ``n_units`` units, divided by n_units²."""
    between, within = (total - same) / (p * (p - 1)), same / p
    return between if n_units == math.inf else between + (within - between) / n_units


def _blocks(centred: Array, trials: Any) -> list[Array]:
    """Return the samples of each trial."""
    if trials is None:
        blocks = list(centred[:, np.newaxis])
    else:
        codes = validation.label_codes("trials", trials, len(centred), "samples")[1]
        order = np.argsort(codes, kind="stable")
        blocks = np.split(centred[order], np.flatnonzero(np.diff(codes[order])) + 1)
    if len(blocks) < 4:
        raise InputError(f"x: has {len(blocks)} trials; expected at least 4, the unbiased estimate multiplies four")
    return blocks


def _whole_moments(blocks: list[Array]) -> _Moments:
    """Average over quadruples of different trials, by taking away the terms in which trials coincide."""
    r = len(blocks)
    means = np.stack([block.mean(axis=0) for block in blocks])
    scaled = [block / np.sqrt(len(block)) for block in blocks]  # S_i = scaledᵀ scaled
    total = means.sum(axis=0)
    traces = np.array([np.square(block).sum() for block in scaled])
    norms = np.square(means).sum(axis=1)
    rows = means @ total - norms  # Σ_j≠i m_i·m_j
    squares = _product_square(means, means) - np.square(norms).sum()
    quadruples = (rows.sum() ** 2 - 4 * np.square(rows).sum() + 2 * squares) / _orders(r, 4)
    # (tr Σ)²: s_i s_k − 2 s_i m_k·m_l + (m_i·m_j)(m_k·m_l), all trials different.
    pairs = (traces.sum() ** 2 - np.square(traces).sum()) / _orders(r, 2)
    triples = (traces.sum() * rows.sum() - 2 * traces @ rows) / _orders(r, 3)
    squared_trace = pairs - 2 * triples + quadruples
    # tr Σ²: ⟨S_i, S_k⟩ − 2 m_kᵀ S_i m_l + (m_i·m_k)(m_j·m_l), all trials different.
    stacked = np.concatenate(scaled)
    own = sum(_product_square(block, block) for block in scaled)
    pairs = (_product_square(stacked, stacked) - own) / _orders(r, 2)
    through_total = [block @ total for block in scaled]
    through_own = [block @ mean for block, mean in zip(scaled, means, strict=True)]
    triples = np.square(stacked @ total).sum() - _product_square(means, stacked)
    for whole, one in zip(through_total, through_own, strict=True):
        triples += 2 * (one @ one) - 2 * (one @ whole)
    return _Moments(float(squared_trace), float(pairs - 2 * triples / _orders(r, 3) + quadruples))


def _unit_moments(blocks: list[Array]) -> float:
    """Return the unbiased estimate of Σ_a Σ_aa², the sum of what :func:`_whole_moments` gives for each unit alone."""
    r = len(blocks)
    m = np.stack([block.mean(axis=0) for block in blocks])
    s = np.stack([np.square(block).mean(axis=0) for block in blocks])
    m1, m2, m3, m4 = (np.sum(m**power, axis=0) for power in (1, 2, 3, 4))
    s1, s2 = s.sum(axis=0), np.square(s).sum(axis=0)
    sm, smm = (s * m).sum(axis=0), (s * m * m).sum(axis=0)
    pairs = (s1**2 - s2) / _orders(r, 2)
    triples = (s1 * m1**2 - 2 * sm * m1 - s1 * m2 + 2 * smm) / _orders(r, 3)
    quadruples = (m1**4 - 6 * m1**2 * m2 + 3 * m2**2 + 8 * m1 * m3 - 6 * m4) / _orders(r, 4)
    return float((pairs - 2 * triples + quadruples).sum())


def _product_square(a: Array, b: Array) -> float:
    """Return ‖A Bᵀ‖² = ⟨AᵀA, BᵀB⟩ by the smaller of the two products."""
    if len(a) * len(b) < a.shape[1] ** 2:
        return float(np.square(a @ b.T).sum())
    return float(((a.T @ a) * (b.T @ b)).sum())


def _orders(r: int, k: int) -> float:
    """Return the number of ordered choices of ``k`` different ones among ``r``."""
    return float(math.perm(r, k))
