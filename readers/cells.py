"""Cells of arrays (one array for each trial, or each unit and trial) as one array, or as spike counts."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .aligned import Aligned, Spend
from .alignment import DEFAULT_BIN
from .axes import STANDARD, Axes
from .counts import bin_edges, place_in_bins

Array = npt.NDArray[Any]


def is_cells(value: Any) -> bool:
    """Return whether a value is an array of arrays."""
    return isinstance(value, np.ndarray) and value.dtype == object


def squeezed(cells: Array) -> Array:
    """Return cells without axes of length 1, but with one axis at least (MATLAB's lists are 1 × n or n × 1)."""
    shape = tuple(length for length in cells.shape if length > 1) or (1,)
    return cells.reshape(shape)


def stack_cells(cells: Array, axes: Axes, where: str, spend: Spend) -> tuple[Array, Array | None]:
    """Return cells of matrices as one array, and the length of each trial when they differ.

    Parameters
    ----------
    cells
        Array of objects with one or two axes, each a numeric array.
    axes
        The names of the cells' axes, then those of the arrays in them: ``("trial", "unit", "time")`` for one unit ×
        time matrix in the cell of each trial.
    where, spend
        Name of the value for messages; called with the bytes that will be needed.

    Raises
    ------
    InputError
        If a cell holds no numbers, has another number of axes than is named, or differs from the first in an axis
        other than time.
    """
    cells = squeezed(cells)
    inner = axes[cells.ndim :]
    if not inner:
        raise InputError(f"{where}: found cells of shape {cells.shape}, expected axes for them and what they hold")
    arrays = [_shaped(cell, len(inner), f"{where}{list(index)}") for index, cell in np.ndenumerate(cells)]
    shapes = np.array([array.shape for array in arrays])
    ragged = inner.index("time") if "time" in inner else None
    for axis, name in enumerate(inner):
        if axis != ragged and np.ptp(shapes[:, axis]):
            index = int(np.argmax(shapes[:, axis] != shapes[0, axis]))
            raise InputError(
                f"{where}: cell {index} has {shapes[index, axis]} along {name}, "
                f"expected {shapes[0, axis]} as in the first"
            )
    shape = tuple(int(length) for length in shapes.max(axis=0))
    spend(8 * len(arrays) * int(np.prod(shape, dtype=object)), where)
    full = np.full((len(arrays), *shape), np.nan)
    for number, array in enumerate(arrays):
        full[number][tuple(slice(length) for length in array.shape)] = array
    lengths = None
    if ragged is not None and np.ptp(shapes[:, ragged]):
        lengths = _trial_lengths(shapes[:, ragged].reshape(cells.shape), axes[: cells.ndim])
    return full.reshape(*cells.shape, *shape), lengths


def _shaped(cell: Any, n_axes: int, where: str) -> Array:
    array = np.asarray(cell)
    if array.dtype.kind not in "biuf":
        raise InputError(f"{where}: found {array.dtype} values, expected numbers")
    if array.ndim > n_axes:
        array = array.reshape([length for length in array.shape if length != 1])
    if array.ndim > n_axes:
        raise InputError(f"{where}: found shape {np.shape(cell)}, expected {n_axes} axes")
    return array.reshape(*array.shape, *(1,) * (n_axes - array.ndim))


def _trial_lengths(lengths: Array, axes: Axes) -> Array | None:
    """Return (trial,) lengths when all units of a trial have the same."""
    if axes == ("trial",):
        return lengths
    by_trial = lengths if axes[0] == "trial" else lengths.T
    return by_trial[:, 0] if axes[0] in ("trial", "unit") and not np.ptp(by_trial, axis=1).any() else None


def count_cells(cells: Array, axes: Axes, *, window: Any, bin: float | None, where: str, spend: Spend) -> Aligned:
    """Return spike counts (trial, time, unit) of cells that hold spike times, in seconds from a moment of the trial.

    Parameters
    ----------
    cells
        Array of objects, each a list of times; its axes are ``axes``: trial, unit, or both.
    window
        (start, stop) seconds, a whole number of bins.
    bin
        Seconds; None is 0.02.

    Raises
    ------
    InputError
        If the window is missing or impossible, or a cell holds no times.
    """
    cells = squeezed(cells)
    if window is None:
        raise InputError(f"{where}: found spike times; give window=(start, stop) in seconds")
    if cells.ndim < len(axes):
        cells = cells.reshape(*cells.shape, *(1,) * (len(axes) - cells.ndim))
    if cells.ndim != len(axes) or "time" in axes:
        raise InputError(f"{where}: found cells of shape {cells.shape}, expected axes=… for them: trial, unit or both")
    step = DEFAULT_BIN if bin is None else float(bin)
    edges = bin_edges(window, step)
    full = (*axes, *(name for name in STANDARD if name not in axes and name != "time"))
    by_trial = cells.reshape(cells.shape + (1,) * (2 - cells.ndim))
    by_trial = by_trial if full == ("trial", "unit") else by_trial.T
    spend(12 * by_trial.size * (len(edges) - 1), where)
    n_trials, n_units, n_bins = len(by_trial), by_trial.size // len(by_trial), len(edges) - 1
    lists = [_times(cell, f"{where}[{number}]") for number, cell in enumerate(by_trial.flat)]
    trial, unit = np.divmod(np.repeat(np.arange(len(lists)), [len(times) for times in lists]), n_units)
    bins = place_in_bins(np.concatenate(lists), edges)
    cell_of = ((trial * n_bins + bins) * n_units + unit)[bins >= 0]
    counts = np.bincount(cell_of, minlength=n_trials * n_bins * n_units).reshape(n_trials, n_bins, n_units)
    return Aligned.in_bins(counts.astype(np.float32), edges, {}, f"counts in bins of {step:g} s")


def _times(cell: Any, where: str) -> Array:
    """Return the spike times in a cell; an empty one holds none."""
    times = _shaped(cell, 1, where).astype(np.float64) if np.size(cell) else np.empty(0)
    if not np.isfinite(times).all():
        raise InputError(f"{where}: found a spike time that is not finite")
    return times
