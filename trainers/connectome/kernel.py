"""Gradients of one Elman network on CPU, in place and without autograd in time; ``step`` is the definition.

Arrays are time-major. With z_t the logits, λ_t = dL/dh_t and h_{−1} = 0::

    h_t = f(a_t),  a_t = W_in x_t + b + U h_{t−1}        z_t = W_out h_t + b_out
    λ_t = W_outᵀ ∂L/∂z_t + Uᵀ δ_{t+1}                    δ_t = λ_t f'(a_t)
    dL/dU = Σ_{t>0} δ_t h_{t−1}ᵀ                         dL/d[W_in | b] = Σ_t δ_t [x_t | 1]ᵀ

:mod:`~dynascope.trainers.leaky_kernel` runs any leaky network; this is half its cost for this one: no product with the
zeros before the first step, f' from the states instead of the drives, a tanh of another formula, oneDNN's products, and
arrays that are kept between batches. Cost: 6 (T − 1) B N² operations for a batch.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeGuard

import torch
from torch import Tensor

from ..model import Generators, Model, Trajectory
from ..rules import Gradients, Response
from ..task import Batch, Task
from .model import ConnectomeNetwork
from .products import linear


class _Nonlinearity(NamedTuple):
    """out ← f(a) from ``scale`` · a, and out ← λ f'(a) from λ and f(a)."""

    scale: float
    apply: Callable[[Tensor, Tensor], object]
    backward: Callable[[Tensor, Tensor, Tensor], object]


def _tanh_of_half(drive: Tensor, out: Tensor) -> None:
    # tanh a = 2 σ(2a) − 1: a sixth of the time of torch.tanh, and exact to the rounding of numbers near 1.
    torch.sigmoid(drive, out=out).mul_(2).sub_(1)


_NONLINEARITIES = {
    "tanh": _Nonlinearity(
        2.0,
        _tanh_of_half,
        lambda flow, states, out: torch.ops.aten.tanh_backward.grad_input(flow, states, grad_input=out),
    ),
    "relu": _Nonlinearity(
        1.0,
        lambda drive, out: torch.clamp_min(drive, 0, out=out),
        lambda flow, states, out: torch.ops.aten.threshold_backward.grad_input(flow, states, 0, grad_input=out),
    ),
}


class _Arrays(NamedTuple):
    """Room for batches of one shape: [x | 1] (time, trial, input + 1), h and δ (time, trial, unit)."""

    inputs: Tensor
    states: Tensor
    deltas: Tensor


class ElmanKernel:
    """The learning rule ``bptt`` and its forward run for one network with a member axis of length 1, on CPU.

    Recurrent weights are taken to be 0 where the network has no connection, as they are after any training.
    """

    def __init__(self, model: ConnectomeNetwork) -> None:
        self.f = _NONLINEARITIES[model.config.nonlinearity]
        self.mask = (model.template.detach()[0] != 0).to(model.dtype)
        self.arrays: dict[tuple[int, ...], _Arrays] = {}

    def __call__(self, model: Model, task: Task, batch: Batch, generators: Generators | None) -> Gradients:
        """Return the gradients of one batch, as :func:`~dynascope.trainers.rules.bptt` does."""
        arrays, outputs = self._forward(model, batch)
        outputs.requires_grad_()
        response = self._response(task, batch, arrays, outputs)
        (by_outputs,) = torch.autograd.grad(torch.stack(list(response.terms.values())).sum(), outputs)
        gradients = self._backward(model, arrays, by_outputs[0].transpose(0, 1).contiguous())
        terms = {name: term.detach() for name, term in response.terms.items()}
        return Gradients(Response(terms, outputs.detach(), {}), gradients)

    def respond(self, model: Model, task: Task, batch: Batch) -> Response:
        """Return the response of one forward run."""
        return self._response(task, batch, *self._forward(model, batch))

    def _response(self, task: Task, batch: Batch, arrays: _Arrays, outputs: Tensor) -> Response:
        # The family has no penalties, so that gradients arrive through the outputs alone.
        trajectory = Trajectory(arrays.states.transpose(0, 1)[None], outputs)
        return Response(dict(task.loss(trajectory, batch)), outputs, {})

    def _forward(self, model: Model, batch: Batch) -> tuple[_Arrays, Tensor]:
        """Return the arrays, with inputs and states of the batch, and its outputs (1, trial, time, output)."""
        weight, scale = {name: value.detach()[0] for name, value in model.named_parameters()}, self.f.scale
        arrays = self._arrays_for(batch, model)
        arrays.inputs[..., :-1] = batch.inputs[0].transpose(0, 1)
        bias = weight["input_bias"] + weight["recurrent_bias"]
        feed = scale * torch.cat([weight["input_weight"], bias[:, None]], dim=1)
        states, recurrent = arrays.states, scale * weight["recurrent_weight"]
        drives = (arrays.inputs.flatten(0, 1) @ feed.mT).view_as(states)
        for t in range(len(states)):
            drive = linear(states[t - 1], recurrent, drives[t]) if t else drives[0]
            self.f.apply(drive, states[t])
        logits = torch.addmm(weight["output_bias"], states.flatten(0, 1), weight["output_weight"].mT)
        return arrays, logits.view(*states.shape[:2], -1).transpose(0, 1)[None]

    def _backward(self, model: Model, arrays: _Arrays, by_outputs: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the trained parameters from dL/d(logits) (time, trial, output)."""
        weight = {name: value.detach()[0] for name, value in model.named_parameters()}
        inputs, states, deltas = arrays
        arrived = (by_outputs.flatten(0, 1) @ weight["output_weight"]).view_as(deltas)
        for t in range(len(deltas) - 1, -1, -1):
            last = t + 1 == len(deltas)
            flow = arrived[t] if last else linear(deltas[t + 1], weight["recurrent_weight"].mT, arrived[t])
            self.f.backward(flow, states[t], deltas[t])
        # In this order: the product of a few rows is fast, that of a few columns is not.
        feed = (inputs.flatten(0, 1).mT @ deltas.flatten(0, 1)).mT
        found = {
            "input_weight": feed[:, :-1].contiguous(),
            "input_bias": feed[:, -1].clone(),
            "recurrent_bias": feed[:, -1].clone(),
            "output_weight": by_outputs.flatten(0, 1).mT @ states.flatten(0, 1),
            "output_bias": by_outputs.sum((0, 1)),
        }
        if "recurrent_weight" in model.trainable:
            by_weights = linear(deltas[1:].flatten(0, 1).mT, states[:-1].flatten(0, 1).mT)
            found["recurrent_weight"] = by_weights.mul_(self.mask)
        return {name: found[name][None] for name in model.trainable}

    def _arrays_for(self, batch: Batch, model: Model) -> _Arrays:
        _, trials, steps, channels = batch.inputs.shape
        if (trials, steps) not in self.arrays:
            units = model.state_size
            self.arrays[trials, steps] = _Arrays(
                torch.ones(steps, trials, channels + 1, dtype=model.dtype),
                torch.empty(steps, trials, units, dtype=model.dtype),
                torch.empty(steps, trials, units, dtype=model.dtype),
            )
        return self.arrays[trials, steps]


def fits(model: Model) -> TypeGuard[ConnectomeNetwork]:
    """Return whether a model is one that :class:`ElmanKernel` runs."""
    on_cpu = all(value.device.type == "cpu" for value in model.parameters())
    return isinstance(model, ConnectomeNetwork) and model.members == 1 and on_cpu
