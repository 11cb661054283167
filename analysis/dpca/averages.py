"""Trials turned into cell averages, and how much the trials of a cell differ: one cell in memory at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..validation import Array
from .design import Design


@dataclass(frozen=True, eq=False)
class CellAverages:
    """Averages over the trials of each observed cell.

    ``means`` (observed cell, time, unit) and ``counts`` (observed cell,). ``noise`` (observed cell, 2) is the variance
    of a single trial around its cell's mean, summed over units and times: of its mean over time, and of what varies
    over time; both without bias, None when no cell has two trials. ``spread`` is the standard deviation of a trial's
    squared deviation relative to its mean.
    """

    means: Array
    counts: Array
    noise: Array | None
    spread: float

    @classmethod
    def of(cls, activity: Array, design: Design) -> "CellAverages":
        """Read activity (trial, time, unit) once."""
        counts = design.counts[design.observed]
        means = np.empty((len(counts), *activity.shape[1:]))
        squares = np.empty((len(activity), 2))
        for at, trials, block in cells(activity, design):
            means[at] = block.mean(axis=0)
            block -= means[at]
            over_time = block.mean(axis=1)
            squares[trials, 0] = activity.shape[1] * np.einsum("iu,iu->i", over_time, over_time)
            squares[trials, 1] = np.einsum("itu,itu->i", block, block) - squares[trials, 0]
        if counts.max() < 2:
            return cls(means, counts, None, 0.0)
        noise = unbiased(_cell_sums(np.maximum(squares, 0), design), counts)
        # A trial's deviation from a mean that contains it is too small by the factor (n − 1) / n.
        n = design.counts[design.cell]
        total = squares.sum(axis=1)[n > 1] * (n / np.maximum(n - 1, 1))[n > 1]
        return cls(means, counts, noise, float(total.std() / total.mean()) if total.mean() > 0 else 0.0)


def cells(activity: Array, design: Design) -> Iterator[tuple[int, Array, Array]]:
    """Yield (position among observed cells, trials, float64 copy of their activity) cell by cell."""
    for at, cell in enumerate(design.observed):
        trials = design.trials_of(cell)
        # Indexing with an array copies: the caller may write to the block.
        yield at, trials, activity[trials].astype(np.float64, copy=False)


def unbiased(sums: Array, counts: Array) -> Array:
    """Return variances of single trials from sums of squared deviations (observed cell, …).

    A cell of one trial says nothing about noise: it is given the mean of the others.
    """
    several = counts > 1
    shape = (-1, *[1] * (sums.ndim - 1))
    found: Array = sums / np.maximum(counts - 1, 1).reshape(shape)
    found[~several] = found[several].mean(axis=0)
    return found


def projected_noise(activity: Array, design: Design, means: Array, project: Callable[[Array], Array]) -> Array:
    """Return the variance of single trials as seen by a projection, (observed cell, 2, …).

    ``project`` maps deviations (trial, time or 1, unit) from the cell's mean to sums of squares (…) over trials and
    times. The two parts are those of :class:`CellAverages`: mean over time, and around it.
    """
    sums = []
    for at, _, block in cells(activity, design):
        block -= means[at]
        over_time = block.mean(axis=1, keepdims=True)
        constant = len(block[0]) * project(over_time)
        sums.append(np.stack([constant, project(block) - constant]))
    return unbiased(np.stack(sums), design.counts[design.observed])


def _cell_sums(values: Array, design: Design) -> Array:
    sums = np.zeros((design.n_cells, values.shape[1]))
    np.add.at(sums, design.cell, values)
    return sums[design.observed]
