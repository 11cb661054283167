"""The published training of one network, as one would write it with torch alone: the reference for the grid's loop."""

import numpy as np
import torch
from torch import nn

OPTIMIZERS = {"adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop, "sgd": torch.optim.SGD}


def train_plainly(weights, mask, training, validation, *, nonlinearity, optimizer, rate, batch_size, epochs, keep=None):
    """Train from a state dict of arrays; return (epoch, 2) train and validation losses and the trained state dict.

    ``training`` and ``validation`` are pairs of inputs (trial, time, input) and targets: numbers (trial, time), or
    classes with more than one output; steps with target 0 are not scored. ``keep`` is called with each epoch and a
    function that returns the state dict.
    """
    cell, readout = network(weights, nonlinearity)
    optimizer = OPTIMIZERS[optimizer]([*cell.parameters(), *readout.parameters()], lr=rate)
    forbidden = np.where(mask == 0)

    def loss_on(inputs, targets):
        outputs = readout(cell(inputs)[0])
        scored = targets != 0
        if outputs.shape[-1] == 1:
            return nn.functional.mse_loss(outputs[..., 0][scored], targets[scored])
        return nn.functional.nll_loss(outputs.log_softmax(-1)[scored], targets[scored].long())

    def state():
        found = {f"rnn.{name}": value for name, value in cell.state_dict().items()}
        return found | {f"fc.{name}": value for name, value in readout.state_dict().items()}

    losses = []
    for epoch in range(epochs):
        seen = []
        for inputs, targets in batches(training, batch_size):
            optimizer.zero_grad()
            loss = loss_on(inputs, targets)
            loss.backward()
            cell.weight_hh_l0.grad[forbidden] = 0
            optimizer.step()
            seen.append(loss.item())
        # With gradients, which nobody asks for: as published.
        held_out = [loss_on(inputs, targets).item() for inputs, targets in batches(validation, batch_size)]
        losses.append((np.mean(seen), np.mean(held_out)))
        if keep is not None:
            keep(epoch, state)
    return np.array(losses), {name: value.numpy() for name, value in state().items()}


def network(weights, nonlinearity):
    """Return the recurrent layer and the readout with these weights."""
    tensors = {name: torch.as_tensor(array) for name, array in weights.items()}
    units, inputs = tensors["rnn.weight_ih_l0"].shape
    made = {"dtype": tensors["rnn.weight_ih_l0"].dtype}
    cell = nn.RNN(inputs, units, batch_first=True, nonlinearity=nonlinearity, **made)
    readout = nn.Linear(units, len(tensors["fc.bias"]), **made)
    cell.load_state_dict({name[4:]: tensor for name, tensor in tensors.items() if name.startswith("rnn.")})
    readout.load_state_dict({name[3:]: tensor for name, tensor in tensors.items() if name.startswith("fc.")})
    return cell, readout


def batches(trials, size):
    """Yield the trials in batches of fixed order, the last one as small as it comes."""
    inputs, targets = (torch.as_tensor(array) for array in trials)
    for first in range(0, len(inputs), size):
        yield inputs[first : first + size], targets[first : first + size]


def published_targets(targets):
    """Return our targets (trial, time, output) as the published programs have them, (trial, time)."""
    return targets[..., 0] if targets.shape[-1] == 1 else targets.argmax(-1).astype(np.float32)
