"""Inputs as lists of events for the compiled kernel, made once for a tensor that stays the same."""

from collections.abc import MutableMapping
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from ...results import Array
from .kernel import Events, list_events

Lists = list[list[Events | None]]

# Of each tensor, which is not kept alive, what was listed of it, and of what state of it and for which kernel.
_CACHE: MutableMapping[Tensor, tuple[Any, Lists]] = WeakTensorKeyDictionary()


def densest_listed(n_weights: int) -> float:
    """Return the share of inputs that are not zero above which a dense product is faster, at ``n_weights`` per input.

    Measured with 4 units and with 200: many weights at once are what dense products are good at.
    """
    return min(0.5, 0.05 + 2 / n_weights)


def listed(inputs: Tensor, blocks: list[slice], n_sources: int, n_units: int, of: Any) -> Lists:
    """Return the events of each network (only one, if all share their inputs) and block, None where they are dense.

    The lists live as long as the tensor, and take 16 or 20 bytes per event.
    """
    # Tensors of the inference mode do not count their changes.
    version = None if inputs.is_inference() else inputs._version
    key = (version, inputs.data_ptr(), inputs.shape, inputs.stride(), n_sources, n_units, blocks[0].stop, of)
    known = _CACHE.get(inputs)
    if version is not None and known is not None and known[0] == key:
        return known[1]
    arrays, most = inputs.detach().numpy(), densest_listed(n_sources * n_units)
    networks = arrays if arrays.ndim == 4 else arrays[np.newaxis]
    networks = networks if networks.strides[0] else networks[:1]
    made = [[events_of(network[block], n_units, most, of) for block in blocks] for network in networks]
    if version is not None:
        _CACHE[inputs] = (key, made)
    return made


def events_of(inputs: Array, n_units: int, most: float, of: Any) -> Events | None:
    """Return the events of a block (trial, time, input), with counts of type ``of``; None above a share ``most``."""
    n_steps, count = inputs.shape[1], list_events(inputs, n_units, no_events(of))
    if count > most * inputs.size:
        return None
    if not count:
        return no_events(of)._replace(starts=np.zeros(n_steps + 1, np.int64))
    events = Events(
        np.empty(n_steps + 1, np.int64), np.empty(count, np.int64), np.empty(count, np.int32), np.empty(count, of)
    )
    list_events(inputs, n_units, events)
    return events


def no_events(of: Any) -> Events:
    """Return a list of no length, not even in time."""
    return Events(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, of))
