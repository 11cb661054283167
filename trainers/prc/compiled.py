"""Layers of dendritic neurons run by the compiled kernel: tensors in, differentiable tensors out."""

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...results import Array
from ..model import Trajectory
from .event_lists import listed, no_events
from .kernel import Events, run_backward, run_forward
from .kernel_tables import is_known, numbers_of, tables_of

if TYPE_CHECKING:
    from .model import DendriticNetwork

# Lanes of a block of trials: the rows of a step then fit the fastest cache, and outweigh the walk through the tables.
LANES = 1024


def can_compile(model: "DendriticNetwork", inputs: Tensor) -> bool:
    """Return whether the kernel runs this network: with a member axis, on the CPU, of a graph that it knows."""
    on_cpu = inputs.device.type == "cpu" and all(value.device.type == "cpu" for value in model.parameters())
    return (
        model.config.compiled
        and model.members is not None
        and on_cpu
        and model.dtype in (torch.float32, torch.float64)
        and all(is_known(one, model.recursions[one.name]) for one in model.cell.subunits)
    )


def run_compiled(model: "DendriticNetwork", inputs: Tensor) -> Trajectory:
    """Run networks over ``inputs`` (member, trial, time, input) or (trial, time, input) from rest.

    Inputs may be bytes. Events are listed once for a tensor that stays the same, and again when torch has changed it in
    place; what NumPy changes in memory that it shares with a tensor goes unseen.

    Returns
    -------
    Trajectory
        No states, outputs (member, trial, time, output), and mean spikes per step (member, trial, unit), both of them
        differentiable, once, by all parameters; NaN outputs for a network with a weight that is not finite. Without
        gradients nothing that grows with time is kept but the outputs.

    Raises
    ------
    InputError
        If the inputs do not fit the model.
    """
    # A view of a single number has the shape of the inputs and costs nothing to check.
    checked, start, _ = model.prepared(torch.zeros((), dtype=model.dtype).expand(inputs.shape), None, None)
    names = [*(f"{name}_weight" for name in model.cell.inputs), "output_weight"]
    names += ["output_bias"] if model.config.readout_bias else []
    weights = [model.weight(name) for name in names]
    keep = torch.is_grad_enabled() and any(weight.requires_grad for weight in weights)
    run = _Run(model, inputs, tuple(checked.shape), keep)
    outputs, mean = _Differentiable.apply(run, *weights)  # type: ignore[no-untyped-call]
    return Trajectory(start.unsqueeze(-2)[..., :0, :], outputs, mean)


class _Differentiable(torch.autograd.Function):
    """A run whose gradients the kernel computes."""

    @staticmethod
    def forward(ctx: Any, run: "_Run", *weights: Tensor) -> tuple[Tensor, Tensor]:
        ctx.run = run
        ctx.save_for_backward(*weights)
        ctx.set_materialize_grads(False)
        return run.forward(weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_outputs: Tensor | None, by_mean: Tensor | None) -> Any:
        return None, *ctx.run.backward(ctx.saved_tensors, by_outputs, by_mean)


class _Run:
    """One run of all networks of a model, block after block of trials, and what its gradients need."""

    def __init__(self, model: "DendriticNetwork", inputs: Tensor, shape: tuple[int, ...], keep: bool) -> None:  # noqa: FBT001
        self.members, self.trials, self.steps, _ = shape
        self.config, self.dtype, self.keep = model.config, model.dtype, keep
        self.n_sources, self.diverged = len(model.cell.inputs), model.diverged()
        of = np.float32 if model.dtype == torch.float32 else np.float64
        self.tables, self.numbers = tables_of(model, of), numbers_of(model, of)
        per_block = max(1, LANES // model.config.n_units)
        self.blocks = [slice(b, min(b + per_block, self.trials)) for b in range(0, self.trials, per_block)]
        self.inputs = inputs.detach()
        self.events = listed(inputs, self.blocks, self.n_sources, model.config.n_units, of)
        self.kept: list[list[tuple[Array, ...]]] = []
        # Slopes of all networks (member, trial, numbers), or of one step of a block.
        n_slopes = int(self.tables.slope.max()) + 1
        if keep:
            self.room = (self.steps, n_slopes)
            shape = (self.members, self.trials, math.prod(self.room) * model.config.n_units)
            memory = _borrow(math.prod(shape), of)
            weakref.finalize(self, _give_back, memory)
            self.slopes = memory[: math.prod(shape)].reshape(shape)
        else:
            self.room = (1, n_slopes)
            self.slopes = np.empty((1, per_block, n_slopes * model.config.n_units), of)

    def forward(self, weights: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Return outputs (member, trial, time, output) and mean spikes per step (member, trial, unit)."""
        outputs = torch.empty((self.members, self.trials, self.steps, self.config.n_outputs), dtype=self.dtype)
        totals = torch.zeros((self.members, self.trials, self.config.n_units), dtype=self.dtype)
        for m in range(self.members):
            own = self._weights(weights, m)
            blocks = [self._forward_block(m, i, own, totals[m], outputs[m]) for i in range(len(self.blocks))]
            if self.keep:
                self.kept.append(blocks)
        if self.config.readout_bias:
            outputs += weights[-1][:, None, None]
        outputs[self.diverged] = torch.nan
        return outputs, totals / self.steps

    def _forward_block(
        self, m: int, i: int, weights: tuple[Array, ...], totals: Tensor, outputs: Tensor
    ) -> tuple[Array, ...]:
        block, w_in = self.blocks[i], weights[0]
        n_lanes = (block.stop - block.start) * w_in.shape[2]
        steps = self.steps if self.keep else 0
        slopes = self.slopes[m, block] if self.keep else self.slopes[0, : block.stop - block.start]
        slopes = slopes.reshape(*self.room, n_lanes)  # a view, as trials of a block lie one after the other
        starts, listed = np.empty(steps + 1 if steps else 0, np.int64), np.empty(steps * n_lanes, np.int32)
        events, dense = self._events(m, i), np.empty((0, self.n_sources, n_lanes), w_in.dtype)
        if events is None:
            flat = torch.from_numpy(w_in).flatten(1)
            product = self._rows(m, block) @ flat
            shape = (self.steps, block.stop - block.start, self.n_sources, -1)
            dense = product.view(shape).transpose(1, 2).reshape(self.steps, self.n_sources, n_lanes).numpy()
            events = no_events(w_in.dtype)
        given = (weights, (slopes, starts, listed), totals[block].view(-1).numpy(), outputs[block].numpy())
        n_listed = run_forward(self.tables, self.numbers, events, dense, *given)
        return slopes, starts, listed[:n_listed].copy()

    def backward(self, weights: tuple[Tensor, ...], by_outputs: Tensor | None, by_mean: Tensor | None) -> list[Tensor]:
        """Return the gradient by each weight, from those by outputs and by mean spikes."""
        n_inputs, n_units, n_outputs = self.config.n_inputs, self.config.n_units, self.config.n_outputs
        if by_outputs is None:
            by_outputs = torch.zeros((), dtype=self.dtype).expand(self.members, self.trials, self.steps, n_outputs)
        w_in = torch.zeros((self.members, n_inputs, self.n_sources, n_units), dtype=self.dtype)
        w_out = torch.zeros((self.members, n_units, n_outputs), dtype=self.dtype)
        # Backwards here too: what was kept last may still be in the cache.
        for m in reversed(range(self.members)):
            own = self._weights(weights, m)
            for i, block in reversed([*enumerate(self.blocks)]):
                by_output = by_outputs[m, block].contiguous().numpy()
                by_spike = np.empty(0, own[0].dtype)
                if by_mean is not None:
                    by_spike = (by_mean[m, block].reshape(-1) / self.steps).numpy()
                self._backward_block(m, i, own, (by_output, by_spike), (w_in[m], w_out[m]))
        found = [w_in[:, :, k].mT.contiguous() for k in range(self.n_sources)] + [w_out.mT.contiguous()]
        return [*found, by_outputs.sum((1, 2))] if self.config.readout_bias else found

    def _backward_block(
        self, m: int, i: int, weights: tuple[Array, ...], given: tuple[Array, Array], grads: tuple[Tensor, Tensor]
    ) -> None:
        events, kept, block = self._events(m, i), self.kept[m][i], self.blocks[i]
        n_lanes, dtype = kept[0].shape[2], weights[0].dtype
        dense = np.empty((self.steps if events is None else 0, self.n_sources, n_lanes), dtype)
        # Sums of a block are small against those of all trials, and rounding with them.
        own = tuple(np.zeros(grad.shape, dtype) for grad in grads)
        given_events = no_events(dtype) if events is None else events
        run_backward(self.tables, self.numbers, given_events, dense, weights, kept, given, own)
        if events is None:
            shape = (self.steps, self.n_sources, block.stop - block.start, -1)
            by_input = torch.from_numpy(dense).view(shape).transpose(1, 2).flatten(2).flatten(0, 1)
            grads[0].add_((self._rows(m, block).mT @ by_input).view_as(grads[0]))
        for grad, part in zip(grads, own, strict=True):
            grad.add_(torch.from_numpy(part))

    def _events(self, m: int, i: int) -> Events | None:
        return self.events[m if len(self.events) > 1 else 0][i]

    def _rows(self, m: int, block: slice) -> Tensor:
        """Return the inputs of a block, in order of time, (time · trial, input)."""
        own = self.inputs if self.inputs.ndim == 3 else self.inputs[m]
        return own[block].transpose(0, 1).to(self.dtype).flatten(0, 1)

    def _weights(self, weights: tuple[Tensor, ...], m: int) -> tuple[Array, Array]:
        """Return W_in (channel, input of the neuron, unit) and W_out (unit, output) of one network."""
        by_source = torch.stack([weight[m].detach().mT for weight in weights[: self.n_sources]], 1)
        return by_source.contiguous().numpy(), weights[self.n_sources][m].detach().mT.contiguous().numpy()


_SPARE: list[Array] = []


def _borrow(size: int, of: Any) -> Array:
    """Return memory for at least ``size`` numbers, that of an earlier run if it is enough; fresh memory costs more."""
    spare = _SPARE.pop() if _SPARE else np.empty(0, of)
    return spare if spare.dtype == of and spare.size >= size else np.empty(size, of)


def _give_back(memory: Array) -> None:
    _SPARE[:] = [memory]
