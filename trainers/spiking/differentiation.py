"""Every rule as automatic differentiation with stopped gradients: slow, short, and the reference of all other forms.

e-prop stops the gradient of a spike on its way to other units but not on its way to its own reset and adaptation. MDGL
adds to the spike that the readout sees a number that is zero and whose gradient is the term of one hop,
stop(ψ_t) (1 − α) (y − stop(y)) with y = C z_{t−1}. Random feedback replaces the readout's weights in its gradient only.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..model import Trajectory, linear
from ..task import Batch, Task

if TYPE_CHECKING:
    from .model import SpikingNetwork


def differentiated(
    model: "SpikingNetwork",
    task: Task,
    batch: Batch,
    inputs: Tensor,
    noise: Tensor | None,
    *,
    coupling: Tensor | None,
    feedback: Tensor | None,
    gain: float,
    secrete_regularizer: bool,
    exact: bool,
) -> dict[str, Tensor]:
    """Return the gradients of a rule; ``exact`` is BPTT, ``feedback`` (member, output, unit) random or None."""
    config = model.config
    kappa, hop = config.readout_decay, gain * (1 - config.membrane_decay)
    noises = [None] * inputs.shape[-2] if noise is None else noise.unbind(-2)
    state, recurrent = model.initial_state(inputs.shape[1]), model.recurrent()
    spiking = model.state_layout[2]
    filtered = torch.zeros_like(spiking.of(state))
    seen_by_readout, counted = [], []
    for input, draw in zip(inputs.unbind(-2), noises, strict=True):
        before = spiking.of(state)
        state = model.advance(state, input, draw, recurrent, local=not exact)
        spikes = shown = spiking.of(state)
        if coupling is not None:
            received = before @ coupling
            shown = spikes + model.pseudo_derivative(state).detach() * hop * (received - received.detach())
        filtered = kappa * filtered + (1 - kappa) * shown
        seen_by_readout.append(filtered)
        counted.append(shown if secrete_regularizer else spikes)
    rates = torch.stack(seen_by_readout, dim=-2)
    outputs = linear(rates, model.output_weight, model.output_bias)
    if feedback is not None:
        outputs = linear(rates.detach(), model.output_weight, model.output_bias)
        outputs = outputs + linear(rates - rates.detach(), feedback)
    mean = torch.stack(counted, dim=-2).mean(-2)
    trajectory = Trajectory(state.unsqueeze(-2)[..., :0, :], outputs, mean)
    terms = {**task.loss(trajectory, batch), **model.regularization(trajectory)}
    names = model.trainable
    loss = torch.stack(list(terms.values())).sum()
    found = torch.autograd.grad(loss, [getattr(model, name) for name in names], materialize_grads=True)
    return dict(zip(names, found, strict=True))
