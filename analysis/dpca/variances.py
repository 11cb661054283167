"""Variances of the activity itself, with what trial noise adds to those of the averages taken off (U-statistics)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..validation import Array
from .averages import CellAverages, projected_noise
from .design import TIME, Design
from .marginalizations import Marginals, Terms, factors_of


@dataclass(frozen=True, eq=False)
class Variances:
    """Variances per sample of the averages, summed over units.

    ``total`` is that of the averages as they are. ``marginal`` (marginalization,) is that of the activity behind them
    and ``noise`` (marginalization,) what trial noise added; ``noise_error`` is the standard error of the sum of
    ``noise``. ``explained`` (component,) is 2 pᵀSd − dᵀSd, how much each component reduces the squared error, and
    ``projected`` (component, marginalization) how its own variance dᵀSd divides, both with noise removed from S.
    """

    total: float
    marginal: Array
    noise: Array
    noise_error: float
    explained: Array
    projected: Array


def variances(
    activity: Array, design: Design, averages: CellAverages, terms: Terms, encoders: Array, decoders: Array
) -> Variances:
    """Return the variances of averages and of components (unit, component) on the trials of ``activity``.

    The square of an average over n trials exceeds in expectation the square of what it estimates by σ²/n. Taking off
    the unbiased estimate of that leaves the sum over pairs of different trials: unbiased for any noise, and negative
    as often as not where there is nothing. Without two trials in any cell nothing is taken off.
    """
    marginals = Marginals.of(averages.means, design, terms)
    n_samples = design.n_cells * averages.means.shape[1]
    squares = np.array([np.square(marginals[name]).sum() for name in terms])
    raw = np.stack([_products(marginals[name], encoders, decoders) for name in terms])
    noise, noise_raw = np.zeros(len(terms)), np.zeros_like(raw)
    error = 0.0
    if averages.noise is not None:
        weights = _noise_weights(design, terms, averages.counts)
        noise = np.einsum("mcp,cp->m", weights, averages.noise)
        seen = projected_noise(activity, design, averages.means, lambda block: _products(block, encoders, decoders))
        noise_raw = np.einsum("mcp,cpqk->mqk", weights, seen)
        n_trials, n_cells = averages.counts.sum(), len(averages.counts)
        error = averages.spread * noise.sum() * np.sqrt(1 / n_cells + 1 / max(n_trials - n_cells, 1))
    cross, own = (raw - noise_raw).swapaxes(0, 1) / n_samples
    return Variances(
        total=float(squares.sum() / n_samples),
        marginal=(squares - noise) / n_samples,
        noise=noise / n_samples,
        noise_error=float(error / n_samples),
        explained=(2 * cross - own).sum(axis=0),
        projected=own.T,
    )


def _products(block: Array, encoders: Array, decoders: Array) -> Array:
    """Return (2, component): sums over samples of encoder × decoder projections, and of squared decoder projections."""
    rows = block.reshape(-1, block.shape[-1])
    n = encoders.shape[1]
    both = rows @ np.concatenate([encoders, decoders], axis=1)
    p, d = both[:, :n], both[:, n:]
    return np.stack([np.einsum("sk,sk->k", p, d), np.einsum("sk,sk->k", d, d)])


def _noise_weights(design: Design, terms: Terms, counts: Array) -> Array:
    """Return (marginalization, observed cell, 2): the weight of a single trial's noise in each marginal's square."""
    return np.stack([_weights_of(design, members) / counts[:, np.newaxis] for members in terms.values()])


def _weights_of(design: Design, members: Sequence[str]) -> Array:
    weights = np.zeros((len(design.observed), 2))
    for term in members:
        weights[:, int(TIME in term)] += np.square(design.of_means(factors_of(term))).sum(axis=0)
    return weights
