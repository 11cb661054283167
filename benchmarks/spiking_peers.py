"""BPTT of recurrent spiking layers by snnTorch and norse, with the weights of one of our networks; see spiking.py."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from dynascope.trainers import Batch

Layer = tuple[Callable[[Iterator[Tensor]], Iterator[Tensor]], list[torch.nn.Module]]


def snntorch_layer(model: Any) -> Layer:
    """Return a recurrent layer of snnTorch with a network's weights: what maps inputs to spikes, and its modules."""
    import snntorch

    config = model.config
    scale = (1 - config.membrane_decay) / config.threshold  # its inputs and thresholds have no unit
    into = torch.nn.Linear(config.n_inputs, config.n_units, bias=False)
    cell = snntorch.RLeaky(beta=config.membrane_decay, linear_features=config.n_units)
    _set(into.weight, scale * model.input_weight[0])
    _set(cell.recurrent.weight, scale * model.recurrent()[0])
    _set(cell.recurrent.bias, torch.zeros(config.n_units))

    def spikes(inputs: Iterator[Tensor]) -> Iterator[Tensor]:
        spiked, membrane = cell.init_rleaky()
        for input in inputs:
            spiked, membrane = cell(into(input), spiked, membrane)
            yield spiked

    return spikes, [into, cell]


def norse_layer(model: Any, kind: str) -> Layer:
    """Return the same of norse; its synaptic current is made to last a step, and its threshold may adapt."""
    import norse.torch

    config = model.config
    numbers = {"tau_syn_inv": 1 / config.dt, "tau_mem_inv": 1 / config.tau_membrane, "v_th": config.threshold}
    parameter_class = norse.torch.LIFParameters
    if kind == "LSNNRecurrentCell":
        numbers |= {"tau_adapt_inv": 1 / config.tau_adaptation, "beta": config.adaptation_strength}
        parameter_class = norse.torch.LSNNParameters
    parameters = parameter_class(**{name: torch.tensor(value) for name, value in numbers.items()})
    cell = getattr(norse.torch, kind)(config.n_inputs, config.n_units, p=parameters, dt=config.dt)
    _set(cell.input_weights, model.input_weight[0])
    _set(cell.recurrent_weights, model.recurrent()[0])

    def spikes(inputs: Iterator[Tensor]) -> Iterator[Tensor]:
        state = None
        for input in inputs:
            spiked, state = cell(input, state)
            yield spiked

    return spikes, [cell]


def _set(parameter: Tensor, value: Tensor) -> None:
    with torch.no_grad():
        parameter.copy_(value)


def peer_gradient(model: Any, batch: Batch, layer: Layer) -> Callable[[], float]:
    """Return what computes BPTT of a peer's layer by autograd, step by step, and returns its mean rate in Hz."""
    spikes, modules = layer
    kappa = model.config.readout_decay
    readout = torch.nn.Linear(model.config.n_units, model.config.n_outputs)
    _set(readout.weight, model.output_weight[0])
    parameters = [parameter for module in (*modules, readout) for parameter in module.parameters()]
    inputs, labels = batch.inputs[0].float(), batch.targets[0, :, -1].argmax(-1)

    def compute() -> float:
        filtered = torch.zeros(len(inputs), model.config.n_units)
        total = torch.zeros(())
        for now in spikes(iter(inputs.unbind(1))):
            filtered = kappa * filtered + (1 - kappa) * now
            total += now.detach().mean()
        torch.autograd.grad(functional.cross_entropy(readout(filtered), labels), parameters)
        return float(total) / inputs.shape[1] / model.config.dt

    return compute
