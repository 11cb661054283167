"""What a cell does with given inputs: whole traces where nothing comes back, steps where there is a loop."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import InputError
from ...results import Array
from .graph import Cell, Subunit, components
from .kernels import Recursion

Traces = dict[str, Array]


def simulate(cell: Cell, inputs: Mapping[str, Any], dt: float) -> Traces:
    """Return drive and output of every subunit from rest.

    Subunits outside loops are filtered as whole traces; those of a loop step by step, all trials at once. Costs O(T)
    for T samples of kernels made of exponentials, O(T · K) for tables of K samples.

    Parameters
    ----------
    cell : the cell
    inputs : name → (…, time); inputs that are missing are silent, and shapes are broadcast
    dt : step, in the unit of the time constants

    Returns
    -------
    dict
        (…, time) each: the output of a subunit under its name; the drive of one that is not linear, or whose output is
        late, under its name with ``_drive``

    Raises
    ------
    InputError
        If an input is unknown or holds values that are not finite, the step is not above 0, or the cell has a loop that
        takes no time.
    """
    if not 0 < dt < math.inf:
        raise InputError(f"dt {dt}: expected a step above 0")
    given = _checked(cell, inputs)
    recursions = {one.name: one.kernel.recursion(dt) for one in cell.subunits}
    outputs, drives = dict(given), Traces()
    for group in components(cell, {name: recursion.least_lag == 0 for name, recursion in recursions.items()}):
        is_loop = len(group) > 1 or any(source.name == group[0].name for source in group[0].inlets)
        compute = _run_loop if is_loop else _filter
        compute(group, recursions, outputs, drives)
    found = Traces()
    for one in cell.subunits:
        found[one.name] = outputs[one.name]
        if one.delay or not one.is_linear:
            found[f"{one.name}_drive"] = drives[one.name]
    return found


def _checked(cell: Cell, inputs: Mapping[str, Any]) -> Traces:
    for name in inputs:
        if name not in cell.inputs:
            raise InputError(f"input '{name}': the cell has {', '.join(cell.inputs)}")
    if not inputs:
        raise InputError(f"inputs: expected at least one of {', '.join(cell.inputs)}")
    arrays = [np.asarray(value, np.float64) for value in inputs.values()]
    for name, array in zip(inputs, arrays, strict=True):
        if array.ndim == 0 or not np.isfinite(array).all():
            raise InputError(f"input '{name}': expected finite samples (…, time)")
    try:
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(inputs, arrays, strict=True))
        raise InputError(f"inputs: expected shapes (…, time) that go together, found {shapes}") from None
    given = {name: np.broadcast_to(array, shape) for name, array in zip(inputs, arrays, strict=True)}
    return {name: given.get(name, np.zeros(shape)) for name in cell.inputs}


def _sum(subunit: Subunit, outputs: Traces, at: Any = ...) -> Array:
    """Return the weighted sum of a subunit's sources."""
    total: Any = 0.0
    for source in subunit.inlets:
        value = outputs[source.name][at]
        total = total + (value if source.weight == 1 else source.weight * value)
    return np.asarray(total)


def _filter(group: tuple[Subunit, ...], recursions: Mapping[str, Recursion], outputs: Traces, drives: Traces) -> None:
    (subunit,) = group
    shape = next(iter(outputs.values())).shape
    drive = recursions[subunit.name].apply(np.broadcast_to(_sum(subunit, outputs), shape))
    late = np.zeros_like(drive)
    late[..., subunit.delay :] = subunit.nonlinearity(drive)[..., : max(drive.shape[-1] - subunit.delay, 0)]
    drives[subunit.name], outputs[subunit.name] = drive, late


def _run_loop(group: tuple[Subunit, ...], recursions: Mapping[str, Recursion], outputs: Traces, drives: Traces) -> None:
    # Time comes first here, so that a step is one row.
    shape = next(iter(outputs.values())).shape
    own = {one.name for one in group}
    rows = {name: np.moveaxis(trace, -1, 0) for name, trace in outputs.items()}
    rows |= {name: np.zeros((shape[-1], *shape[:-1])) for name in own}
    received = {name: np.zeros((shape[-1], *shape[:-1])) for name in own}
    drive = {name: np.zeros((shape[-1], *shape[:-1])) for name in own}
    for n in range(shape[-1]):
        for one in group:
            if 0 < one.delay <= n:
                rows[one.name][n] = one.nonlinearity(drive[one.name][n - one.delay])
        for one in group:
            _advance(one, n, recursions[one.name], rows, received[one.name], drive[one.name])
    for name in own:
        outputs[name], drives[name] = np.moveaxis(rows[name], 0, -1), np.moveaxis(drive[name], 0, -1)


def _advance(subunit: Subunit, n: int, recursion: Recursion, rows: Traces, received: Array, drive: Array) -> None:
    """Compute the drive of one subunit of a loop in step n, and its output unless that is late."""
    # What a kernel with a lag hears in this step may not be known yet, and is not needed before the next one.
    heard = n - min(recursion.least_lag, 1)
    if heard >= 0:
        received[heard] = _sum(subunit, rows, heard)
    value: Any = 0.0
    for lag, coefficient in recursion.lags.items():
        if lag <= n:
            value = value + coefficient * received[n - lag]
    for back, coefficient in enumerate(recursion.feedback, 1):
        if back <= n:
            value = value + coefficient * drive[n - back]
    drive[n] = value
    if not subunit.delay:
        rows[subunit.name][n] = subunit.nonlinearity(drive[n])
