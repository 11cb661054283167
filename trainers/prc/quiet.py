"""Dendritic networks at rest: the one state in which silent neurons stay, and spiking that goes on without input.

Without spikes the graph of a neuron is a cascade, sources first. Under constant input every drive settles at the sum of
its sources times the gain of its kernel for constant input, one subunit after the other::

    drive* = g Σ_s w_s s*        output* = f(drive*)        g = Σ_lag c_lag / (1 − a_1 − a_2)

so that there is exactly one such state, whatever the input. It is a fixed point of the network if no membrane potential
there is above ϑ. Neurons do not hear each other, and the Jacobian of the map is triangular: its eigenvalues are the
decays of the kernels, all below 1, and 0.

A second kind of rest has units spike in every step: the same formulas with the soma's output held at 1, a fixed point
of the network if the membrane potential is above ϑ. As the spikes of a fixed point are constant, there is no third.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import special
from torch import Tensor

from ...results import Array
from ..model import linear
from ..quiet import QuietDynamics
from .kernels import Recursion
from .model import summed
from .nonlinearities import Sigmoid
from .variants import SOMA

if TYPE_CHECKING:
    from .model import DendriticNetwork

_AFTER_SPIKES = ("spikes", "filtered", "readout")  # variables that are 0 without spikes
_STEEPEST_BEND = math.log(2 + math.sqrt(3))  # where |σ''| is largest


class QuietDendrites(QuietDynamics):
    """The map of the drives, pasts and outputs of all compartments while no unit spikes."""

    model: "DendriticNetwork"

    def __init__(self, model: "DendriticNetwork") -> None:
        super().__init__(model, [part.name for part in model.state_layout if part.name not in _AFTER_SPIKES])

    def fixed_point(self, input: Tensor) -> Tensor:
        """Return the state of rest under constant inputs (…, input), (…, state)."""
        return _at_rest(self.model, input.to(self.model.dtype), spikes=0.0).index_select(-1, self._kept)

    def distance_to_threshold(self, state: Tensor) -> Tensor:
        """Return (ϑ − v) / ϑ of each unit, (…, unit); below 0 it would spike."""
        threshold = self.model.config.threshold
        return (threshold - self.parts(state)[SOMA]) / threshold

    def jacobian_lipschitz(self, states: Array, radii: Array) -> Array:
        """Return the largest |f''| of any sigmoid f in balls around states (k, state) with radii (k,), (k,).

        Only sigmoids bend. The output of each is late by a step: it is a state variable f(drive) of its own, and what
        hears it does so linearly. Two Jacobians then differ by f'(drive) − f'(other drive) in the row of that output
        and the column of that drive, one entry per row and column: the spectral norm is the largest of them. In a ball
        no drive is farther than the radius from that of its centre, and |σ''| falls off on both sides of its maximum.
        """
        largest = np.zeros(len(states))
        drives = self.parts(torch.as_tensor(states))
        for one in self.model.cell.subunits:
            shape = one.nonlinearity
            if isinstance(shape, Sigmoid):
                away = (np.abs(drives[one.name].numpy() - shape.threshold) - radii[:, None]).min(-1) / shape.width
                low = special.expit(-np.maximum(away, _STEEPEST_BEND))
                bend = abs(shape.gain) / shape.width**2 * low * (1 - low) * (1 - 2 * low)
                largest = np.maximum(largest, bend)
        return largest


@torch.no_grad()
def saturated(model: "DendriticNetwork", input: Tensor) -> Tensor:
    """Return which units can spike in every step for ever under constant inputs (…, input): bool, (…, unit).

    A unit may have this state and the quiet one: then the loop through the dendrite remembers.
    """
    v = model.parts(_at_rest(model, input.to(model.dtype), spikes=1.0))[SOMA]
    return v > model.config.threshold


@torch.no_grad()
def persists(model: "DendriticNetwork", input: Tensor, n_steps: int = 2000) -> Tensor:
    """Return which units go on spiking once they have spiked in every step, under constant inputs (trial, input).

    The run starts where such spiking leads to. It shows also what is no fixed point, such as bursts that return; a unit
    counts if it spikes in the second half of the run: bool, (trial, unit).
    """
    state = _at_rest(model, input.to(model.dtype), spikes=1.0)
    run = model(input.to(model.dtype).unsqueeze(-2).expand(-1, n_steps, -1), state)
    return model.parts(run.states[:, n_steps // 2 :])["spikes"].any(-2)


def constant_gain(recursion: Recursion) -> float:
    """Return the sum of a kernel's samples, from its recursive form."""
    return sum(recursion.lags.values()) / (1 - sum(recursion.feedback))


def _at_rest(model: "DendriticNetwork", input: Tensor, *, spikes: float) -> Tensor:
    """Return the state (…, state) in which neurons rest if each keeps sending ``spikes``; readouts are left at 0."""
    sent = {name: linear(input, model.weight(f"{name}_weight")) for name in model.cell.inputs}
    z = torch.full_like(sent[model.cell.inputs[0]], spikes)
    sent[SOMA] = z
    found: dict[str, Tensor] = {}
    for one in model.cell.subunits:  # sources come first, except the soma
        heard, recursion = summed(one, sent), model.recursions[one.name]
        drive = constant_gain(recursion) * heard
        found[one.name] = drive
        past = [drive] * (len(recursion.feedback) - 1) + [heard] * (max(recursion.lags) - 1)
        if past:
            found[f"{one.name}_past"] = torch.cat(past, dim=-1)
        if one.name != SOMA:
            sent[one.name] = found[f"{one.name}_output"] = one.nonlinearity(drive)
    found |= {"spikes": z, "filtered": 0 * z, "readout": z.new_zeros(*z.shape[:-1], model.config.n_outputs)}
    return torch.cat([found[part.name] for part in model.state_layout], dim=-1)
