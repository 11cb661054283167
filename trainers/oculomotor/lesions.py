"""Lesions: a network some of whose units no longer reach the others or the readout."""

import copy
from collections.abc import Sequence

import torch

from ...errors import InputError
from .model import OculomotorModel


@torch.no_grad()
def lesioned(model: OculomotorModel, units: Sequence[int]) -> OculomotorModel:
    """Return a copy of ``model`` in which ``units`` are silent to all others.

    Their outgoing recurrent weights, of every gate, and their readout weights are zero. They still receive input, so
    that their own activity stays to be looked at. With members, the same units are silenced in each network.

    Raises
    ------
    InputError
        If a unit does not exist.
    """
    n_units = model.config.n_units
    for unit in units:
        if not 0 <= unit < n_units:
            raise InputError(f"lesion of unit {unit}: the network has units 0 to {n_units - 1}")
    changed = copy.deepcopy(model)
    for name in ("output_weight", *(f"{gate}recurrent_weight" for gate in model.gates)):
        changed.get_parameter(name)[..., list(units)] = 0
    return changed
