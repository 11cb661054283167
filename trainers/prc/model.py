"""Networks of dendritic neurons: input spikes → one layer of neurons declared as graphs → leaky readouts.

There is no recurrence between neurons, no bias and no sign constraint. Every input of the neuron's graph has its own
weight per unit and input channel. With z the spikes of the hidden units, in step n::

    r[n+1] = d_syn r[n] + z[n]                  filtered spikes, what the readout sees
    o[n+1] = d_mem o[n] + W_out r[n]            readouts (+ bias)

Source: Harkin et al., Neuroscience 489:200 (2022), whose readouts filter W_out z instead, which is the same.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from ..model import Generators, Model, StateVariable, Trajectory, linear
from .config import PrcConfig
from .graph import Cell, Subunit
from .kernels import Recursion
from .variants import SOMA, cell_of, decay

if TYPE_CHECKING:
    from .quiet import QuietDendrites

#: mean spikes per step from which a unit counts as saturated: 60 in the 200 steps of a published trial
SATURATED = 0.3


class DendriticNetwork(Model):
    """A layer of dendritic neurons with readouts.

    Its flat state is, for every subunit of the neuron, the drive (under the subunit's name), whatever of the past its
    kernel still needs (``…_past``) and the output where that is late by a step (``…_output``; ``spikes`` for the
    soma), one number per unit each; then ``filtered`` (unit) and ``readout`` (output).
    """

    family = "prc"
    kind = "dendritic"
    activity_unit = "Hz"
    is_smooth = False
    config: PrcConfig
    cell: Cell
    recursions: dict[str, Recursion]
    output_weight: Tensor
    output_bias: Tensor

    def __init__(self, config: PrcConfig, **options: Any) -> None:
        self.cell = cell_of(config)
        self.recursions = {one.name: one.kernel.recursion(config.dt) for one in self.cell.subunits}
        super().__init__(config, **options)

    @classmethod
    def has_kernel(cls, config: PrcConfig) -> bool:
        """Return whether the kernel runs such networks: of a graph that it knows."""
        from .kernel_tables import is_known  # loading numba waits until it is needed

        subunits = cell_of(config).subunits
        return config.compiled and all(is_known(one, one.kernel.recursion(config.dt)) for one in subunits)

    @functools.cached_property
    def _layout(self) -> tuple[StateVariable, ...]:
        n, parts = self.config.n_units, list[StateVariable]()

        def add(name: str, size: int) -> None:
            start = parts[-1].stop if parts else 0
            parts.append(StateVariable(name, start, start + size))

        for one in self.cell.subunits:
            add(one.name, n)
            drives, inputs = _past_sizes(self.recursions[one.name])
            if drives + inputs:
                add(f"{one.name}_past", n * (drives + inputs))
            if one.delay:
                add(_output_name(one), n)
        add("filtered", n)
        add("readout", self.config.n_outputs)
        return tuple(parts)

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """Drives, pasts and outputs of the subunits, filtered spikes and readouts."""
        return self._layout

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of a weight per input of the neuron, and those of the readout."""
        config = self.config
        shapes: dict[str, tuple[int, ...]]
        shapes = {f"{name}_weight": (config.n_units, config.n_inputs) for name in self.cell.inputs}
        shapes["output_weight"] = (config.n_outputs, config.n_units)
        return shapes | ({"output_bias": (config.n_outputs,)} if config.readout_bias else {})

    def parameter_dims(self) -> dict[str, tuple[str, ...]]:
        """Return the axis names of the parameters; sources are the last axis."""
        dims = {f"{name}_weight": ("unit", "input") for name in self.cell.inputs}
        every: dict[str, tuple[str, ...]] = {**dims, "output_weight": ("output", "unit"), "output_bias": ("output",)}
        return {name: every[name] for name in self.parameter_shapes()}

    def initial_parameters(self, generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw normal weights of the standard deviations of :meth:`weight_scales`; biases are zero."""
        scales = self.weight_scales()
        shapes = self.parameter_shapes().items()
        return {
            name: generator.normal(0, scales[name], shape) if name in scales else np.zeros(shape)
            for name, shape in shapes
        }

    def weight_scales(self) -> dict[str, float]:
        """Return the standard deviations of the initial weights; dendritic and somatic ones share theirs."""
        config = self.config
        unit = 1 - decay(config, config.tau_membrane)
        if config.normalized_kernels:
            # What reaches a soma through its synapse, or a readout, is then as large as without.
            unit /= (1 - decay(config, config.tau_synapse)) * (1 - decay(config, config.tau_membrane))
        return {
            name: (config.output_scale if name == "output_weight" else config.weight_scale) * unit / shape[-1] ** 0.5
            for name, shape in self.parameter_shapes().items()
            if len(shape) > 1
        }

    def step(self, state: Tensor, input: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return the state one step later; the derivative of a spike is the surrogate."""
        parts = self.parts(state)
        input = self.with_member_axis(input, 2)
        sent = {name: linear(input, self.weight(f"{name}_weight")) for name in self.cell.inputs}
        for one in self.cell.subunits:
            sent[one.name] = parts[_output_name(one)] if one.delay else one.nonlinearity(parts[one.name])
        new: dict[str, Tensor] = {}
        for one in self.cell.subunits:
            new |= self._advanced(one, parts, sent)
        synaptic, leak, gain = self.readout_decays()
        new["filtered"] = synaptic * parts["filtered"] + gain * sent[SOMA]
        arriving = linear(parts["filtered"], self.output_weight)
        new["readout"] = leak * parts["readout"] + ((1 - leak) * arriving if gain != 1 else arriving)
        return torch.cat([new[part.name] for part in self.state_layout], dim=-1)

    def _advanced(self, one: Subunit, parts: dict[str, Tensor], sent: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the new state variables of one subunit."""
        heard = summed(one, sent)
        recursion = self.recursions[one.name]
        n_drives, n_inputs = _past_sizes(recursion)
        past = parts[f"{one.name}_past"].chunk(n_drives + n_inputs, dim=-1) if n_drives + n_inputs else ()
        drives, inputs = [parts[one.name], *past[:n_drives]], [heard, *past[n_drives:]]
        new = _weighted(
            [(a, drives[back]) for back, a in enumerate(recursion.feedback)]
            + [(c, inputs[lag - 1]) for lag, c in recursion.lags.items()]
        )
        found = {one.name: new}
        if past:
            found[f"{one.name}_past"] = torch.cat([*drives[:n_drives], *inputs[:n_inputs]], dim=-1)
        if one.delay:
            found[_output_name(one)] = one.nonlinearity(parts[one.name])
        return found

    def readout_decays(self) -> tuple[float, float, float]:
        """Return the decays of filtered spikes and of readouts, and what a spike adds to the former."""
        config = self.config
        synaptic = decay(config, config.tau_synapse)
        return synaptic, decay(config, config.tau_membrane), 1 - synaptic if config.normalized_kernels else 1.0

    def parts(self, states: Tensor) -> dict[str, Tensor]:
        """Return the state variables of states (…, state) by name."""
        return {part.name: part.of(states) for part in self.state_layout}

    def readout(self, state: Tensor) -> Tensor:
        """Return the outputs o + bias, (…, output) from states (…, state)."""
        outputs = self.parts(state)["readout"]
        return outputs + self._bias(outputs.ndim) if self.config.readout_bias else outputs

    def _bias(self, ndim: int) -> Tensor:
        bias = self.weight("output_bias")
        return bias if self.members is None else bias.view(self.members, *[1] * (ndim - 2), -1)

    def rates(self, state: Tensor) -> Tensor:
        """Return what the readout sees, the filtered spikes r (…, unit)."""
        return self.parts(state)["filtered"]

    def activity(self, states: Tensor) -> Tensor:
        """Return the firing rates in Hz (…, unit): spikes filtered by the readout's synapse, of gain 1."""
        synaptic, _, gain = self.readout_decays()
        return self.rates(states) * ((1 - synaptic) / gain / self.config.dt)

    def recorded_states(self, states: Tensor) -> dict[str, Tensor]:
        """Return the drive and the output of every compartment; spikes are bytes."""
        kept = {
            name: value
            for name, value in self.parts(states).items()
            if not name.endswith("_past") and name not in ("filtered", "readout")
        }
        return {**kept, "spikes": kept["spikes"].to(torch.uint8)}

    def respond(
        self, inputs: Tensor, state: Tensor | None = None, generator: torch.Generator | Generators | None = None
    ) -> Trajectory:
        """Run the network for its outputs and mean spikes per step alone; compiled where that is possible.

        The outputs of a network that has diverged are NaN.
        """
        from .compiled import can_compile, run_compiled  # compiling and loading numba waits until it is needed

        if state is None and can_compile(self, inputs):
            return run_compiled(self, inputs)
        run: Trajectory = self(inputs, state, generator)
        diverged = self.diverged().view(-1, *[1] * (run.outputs.ndim - 1))
        return dataclasses.replace(run, outputs=run.outputs.masked_fill(diverged, torch.nan))

    def regularization(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return the penalty on units that stay silent, λ · mean over trials and units of max(0, 1 − count)²."""
        if not self.config.rate_floor:
            return {}
        counts = self._mean_spikes(trajectory) * trajectory.outputs.shape[-2]
        return {"rate_floor": self.config.rate_floor * (1 - counts).clamp_min(0).square().mean((-2, -1))}

    def metrics(self, trajectory: Trajectory) -> dict[str, Tensor]:
        """Return the mean firing rate in Hz, and shares.

        Of units: ``silent``, never spiking, and ``saturated``, spiking in more than 0.3 of all steps. Of trials:
        ``silent_trials``, without any spike.
        """
        spikes = self._mean_spikes(trajectory).detach()
        by_unit = spikes.mean(-2)
        return {
            "firing_rate": by_unit.mean(-1) / self.config.dt,
            "silent": (by_unit == 0).to(spikes).mean(-1),
            "saturated": (by_unit > SATURATED).to(spikes).mean(-1),
            "silent_trials": (spikes.sum(-1) == 0).to(spikes).mean(-1),
        }

    def _mean_spikes(self, trajectory: Trajectory) -> Tensor:
        """Return the mean spikes per step of each unit in each trial, (…, trial, unit)."""
        if trajectory.mean_activity is not None:
            return trajectory.mean_activity
        return self.parts(trajectory.states)["spikes"].mean(-2)

    def quiet(self) -> "QuietDendrites":
        """Return the dynamics of all compartments while no unit spikes."""
        from .quiet import QuietDendrites

        return QuietDendrites(self)

    def blocked(self, channels: Sequence[str]) -> Self:
        """Return this network under drugs that block ``channels``."""
        config = dataclasses.replace(self.config, block=tuple(dict.fromkeys((*self.config.block, *channels))))
        return self._with_arrays(self.arrays(), self.members, config)

    def unit_columns(self) -> dict[str, Any]:
        """Return the readout weights of each unit."""
        output = self.output_weight.detach().cpu().double().numpy()
        return {f"output_weight_{k}": row for k, row in enumerate(output)}


def summed(one: Subunit, sent: dict[str, Tensor]) -> Tensor:
    """Return the weighted sum of a subunit's sources, from what everything sends."""
    terms = []
    for source in one.inlets:
        value = sent[source.name]
        terms.append((source.weight, value if source.differentiable else value.detach()))
    return _weighted(terms)


def _weighted(terms: Sequence[tuple[float, Tensor]]) -> Tensor:
    """Return Σ weight · value; the compiled kernel adds in the same order."""
    total: Tensor | None = None
    for weight, value in terms:
        value = value if weight == 1 else weight * value
        total = value if total is None else total + value
    assert total is not None
    return total


def _past_sizes(recursion: Recursion) -> tuple[int, int]:
    """Return how many past drives and past inputs a recursion needs beside the present ones."""
    return max(len(recursion.feedback) - 1, 0), max(recursion.lags) - 1


def _output_name(one: Subunit) -> str:
    return "spikes" if one.name == SOMA else f"{one.name}_output"
