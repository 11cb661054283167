"""Graphs of subunits as the tables that the compiled kernel walks through."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .graph import Subunit
from .kernel import AT_ONCE, LATE, SIGMOID, SPIKE, Numbers, Tables
from .kernels import Recursion
from .nonlinearities import Identity, Nonlinearity, Sigmoid, Spike
from .variants import SOMA

if TYPE_CHECKING:
    from .model import DendriticNetwork


def is_known(one: Subunit, recursion: Recursion) -> bool:
    """Return whether the kernel knows a subunit's recursion, delay and nonlinearity."""
    if set(recursion.lags) != {1} or len(recursion.feedback) not in (1, 2):
        return False
    return one.is_linear if one.delay == 0 else one.delay == 1 and _kind(one) is not None


def _kind(one: Subunit) -> int | None:
    kinds: dict[type[Nonlinearity], int] = {Identity: LATE, Sigmoid: SIGMOID, Spike: SPIKE}
    return kinds.get(type(one.nonlinearity)) if one.delay else AT_ONCE


def tables_of(model: "DendriticNetwork", of: Any) -> Tables:
    """Return the graph of a model as tables, with numbers of NumPy type ``of``."""
    cell, recursions = model.cell, [model.recursions[one.name] for one in model.cell.subunits]
    number = {name: i for i, name in enumerate((*cell.inputs, *(one.name for one in cell.subunits)))}
    kinds = [_kind(one) for one in cell.subunits]
    sloped = np.cumsum([kind in (SIGMOID, SPIKE) for kind in kinds]) - 1
    edges = [
        (number[source.name], source.weight, source.differentiable, recursion.lags[1] * source.weight)
        for one, recursion in zip(cell.subunits, recursions, strict=True)
        for source in one.inlets
    ]
    reached, sets = {number[SOMA]}, []
    for source, _, through, _ in edges:
        sets.append(through and source not in reached)
        reached |= {source} if through else set()
    sources, weights, throughs, backs = zip(*edges, strict=True)
    return Tables(
        feedback=np.array([(*one.feedback, 0.0)[:2] for one in recursions], of),
        scale=np.array([one.lags[1] for one in recursions], of),
        kind=np.array(kinds, np.int64),
        numbers=np.array([_parameters(one.nonlinearity) for one in cell.subunits], of),
        slope=sloped.astype(np.int64),
        first=np.cumsum([0, *(len(one.inlets) for one in cell.subunits)]),
        source=np.array(sources, np.int64),
        weight=np.array(weights, of),
        through=np.array(throughs),
        back=np.array(backs, of),
        sets=np.array(sets),
        soma=number[SOMA],
    )


def _parameters(nonlinearity: Nonlinearity) -> tuple[float, ...]:
    found = () if isinstance(nonlinearity, Identity) else dataclasses.astuple(nonlinearity)  # type: ignore[call-overload]
    return (*found, *[0.0] * (4 - len(found)))


def numbers_of(model: "DendriticNetwork", of: Any) -> Numbers:
    """Return the numbers of the readout, and those of exponentials, in NumPy type ``of``."""
    synaptic, leak, gain = model.readout_decays()
    share = 1 - leak if gain != 1 else 1.0
    constants, terms = exponential_constants(of)
    return Numbers(of(synaptic), of(leak), of(gain), of(share), of(1), constants, terms)


def exponential_constants(of: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the constants of the kernel's e^x in NumPy type ``of``, and the terms of its series, highest first."""
    # ln 2 comes in two parts: the first has so few digits that its products with k are exact. The bounds of x keep 2^k
    # a normal number, and the series ends where the next term is below the rounding for |x| ≤ ln 2 / 2.
    if of is np.float32:
        mantissa, degree, lowest, highest, first, second = 23, 7, -87.0, 88.0, 0.693359375, -2.1219444005469058e-4
    else:
        first, second = float.fromhex("0x1.62e42feep-1"), 1.9082149292705877e-10
        mantissa, degree, lowest, highest = 52, 13, -708.0, 709.0
    constants = (1 / math.log(2), 1.5 * 2.0**mantissa, first, second, lowest, highest)
    terms = [1 / math.factorial(n) for n in range(degree, -1, -1)]
    return tuple(of(value) for value in constants), tuple(of(value) for value in terms)
