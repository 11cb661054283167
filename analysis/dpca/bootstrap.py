"""How well trials determine the axes: encoders fitted again to trials drawn with replacement from each cell."""

from collections.abc import Iterator, Mapping

import numpy as np

from ...errors import InputError
from ..validation import Array
from .averages import CellAverages
from .axes import solve
from .design import Design
from .marginalizations import Marginals, Terms


def axis_angles(
    activity: Array,
    design: Design,
    terms: Terms,
    encoders: Mapping[str, Array],
    *,
    regularizer: float,
    encoder: str,
    n_resamples: int,
    seed: int,
) -> dict[str, Array]:
    """Return the angle, in radians, between each encoder and its resampled self: name → (resample, component).

    The axes of a resample are paired with those of the fit so that the sum of |cosines| is largest: components of
    nearly equal variance change places from one resample to the next.

    Raises
    ------
    InputError
        If no cell has two trials.
    """
    averages = CellAverages.of(activity, design)
    if averages.noise is None:
        raise InputError("activity: every cell has one trial; expected at least 2 in some, to draw from")
    sizes = {name: axes.shape[1] for name, axes in encoders.items()}
    angles: dict[str, list[Array]] = {name: [] for name in terms}
    for means in _resampled(activity, design, averages, n_resamples, seed):
        again = solve(Marginals.of(means, design, terms), sizes, regularizer, encoder).encoders
        for name in terms:
            order = matched(encoders[name], again[name])
            angles[name].append(angles_between(encoders[name], again[name][:, order]))
    return {name: np.stack(found) for name, found in angles.items()}


def matched(reference: Array, other: Array) -> Array:
    """Return which column of ``other`` belongs to each of ``reference``: the assignment of largest total |cosine|."""
    from scipy.optimize import linear_sum_assignment

    order: Array = linear_sum_assignment(-np.abs(reference.T @ other))[1]
    return order


def angles_between(first: Array, second: Array) -> Array:
    """Return the angle of each pair of unit columns as lines, in [0, π/2]; accurate near zero."""
    signs = np.where(np.einsum("ij,ij->j", first, second) < 0, -1.0, 1.0)
    apart, along = first - signs * second, first + signs * second
    found: Array = 2 * np.arctan2(np.linalg.norm(apart, axis=0), np.linalg.norm(along, axis=0))
    return found


def _resampled(activity: Array, design: Design, averages: CellAverages, n_resamples: int, seed: int) -> Iterator[Array]:
    """Yield resampled averages (observed cell, time, unit).

    The mean of n draws from n trials varies by (n − 1) / n of what the mean of n new trials would: deviations are
    scaled up by the root of that. A cell of one trial stays as it is.
    """
    flat = np.asarray(activity, dtype=np.float64).reshape(len(activity), -1)
    for number in range(n_resamples):
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, number)))
        means = averages.means.reshape(len(averages.counts), -1).copy()
        for at, cell in enumerate(design.observed):
            trials = design.trials_of(cell)
            n = len(trials)
            if n > 1:
                weights = generator.multinomial(n, np.full(n, 1 / n)) / n - 1 / n
                means[at] += np.sqrt(n / (n - 1)) * (weights @ flat[trials])
        yield means.reshape(averages.means.shape)
