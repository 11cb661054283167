"""Jacobians of torch's recurrent modules in closed form: products of gates and weights, no backward pass.

Measured (CPU time against :func:`~dynascope.fixedpoints.jacobian.together`): GRU with 16 units, 1 024 rows, a quarter;
tanh RNN with 256 units, a tenth.
"""

from typing import Any

import torch
from torch import Tensor, nn

# One layer, one direction; deeper modules are differentiated by autograd.
_KNOWN = (nn.RNN, nn.GRU, nn.LSTM, nn.RNNCell, nn.GRUCell, nn.LSTMCell)


def has_formula(module: nn.Module) -> bool:
    """Return whether :func:`module_jacobian` knows the module: one layer of RNN, GRU or LSTM, or one of their cells."""
    return (
        isinstance(module, _KNOWN)
        and getattr(module, "num_layers", 1) == 1
        and not getattr(module, "bidirectional", False)
        and not getattr(module, "proj_size", 0)
    )


def module_jacobian(module: nn.Module, states: Tensor, inputs: Tensor) -> Tensor:
    """Return the Jacobian ∂x′/∂x of one step of a recurrent torch module, shape (n, state, state).

    Parameters
    ----------
    module : torch.nn.RNN, GRU or LSTM of one layer, RNNCell, GRUCell or LSTMCell
    states : tensor, shape (n, state)
        Hidden states; of an LSTM (h, c), side by side.
    inputs : tensor, shape (n, input)

    Notes
    -----
    Differentiates the update rules in torch's documentation of the modules. Costs a few passes over the result.

    Examples
    --------
    >>> cell = nn.RNNCell(1, 2)
    >>> _ = nn.init.eye_(cell.weight_hh), nn.init.zeros_(cell.bias_ih), nn.init.zeros_(cell.bias_hh)
    >>> module_jacobian(cell, torch.zeros(1, 2), torch.zeros(1, 1))
    tensor([[[1., 0.],
             [0., 1.]]])
    """
    with torch.no_grad():
        driven, recurrent, weight = _drives(module, states, inputs)
        if isinstance(module, (nn.GRU, nn.GRUCell)):
            return _gru(driven, recurrent, weight, states)
        if isinstance(module, (nn.LSTM, nn.LSTMCell)):
            return _lstm(driven + recurrent, weight, states)
        drive = driven + recurrent
        slope = (drive > 0).to(drive) if module.nonlinearity == "relu" else 1 - torch.tanh(drive).square()
        return slope[..., None] * weight


def _drives(module: Any, states: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what arrives from the input and from the hidden state, both (n, gate·unit), and the recurrent weight."""
    end = "" if isinstance(module, nn.RNNCellBase) else "_l0"
    biases = [getattr(module, f"bias_{kind}{end}", None) for kind in ("ih", "hh")]
    weights = [getattr(module, f"weight_{kind}{end}").detach() for kind in ("ih", "hh")]
    hidden = states[:, : weights[1].shape[1]]
    driven = nn.functional.linear(inputs, weights[0], biases[0])
    return driven, nn.functional.linear(hidden, weights[1], biases[1]), weights[1]


def _gru(driven: Tensor, recurrent: Tensor, weight: Tensor, states: Tensor) -> Tensor:
    """Return the Jacobian of h′ = (1 − z) n + z h with n = tanh(u_n + r q_n), q = W h + b; gates r, z, n."""
    reset, update = torch.sigmoid((driven + recurrent)[:, : 2 * states.shape[1]]).chunk(2, dim=1)
    pulled = recurrent.chunk(3, dim=1)[2]
    new = torch.tanh(driven.chunk(3, dim=1)[2] + reset * pulled)
    to_new = (1 - update) * (1 - new.square())
    made = _scaled_rows(
        weight.chunk(3),
        (to_new * pulled * reset * (1 - reset), (states - new) * update * (1 - update), to_new * reset),
    )
    made.diagonal(dim1=1, dim2=2).add_(update)
    return made


def _lstm(drive: Tensor, weight: Tensor, states: Tensor) -> Tensor:
    """Return the Jacobian of c′ = f c + i g, h′ = o tanh(c′) in (h, c); gates i, f, g, o."""
    size = weight.shape[1]
    cell = states[:, size:]
    enter, forget, _, leave = torch.sigmoid(drive).chunk(4, dim=1)
    new = torch.tanh(drive.chunk(4, dim=1)[2])
    shown = torch.tanh(forget * cell + enter * new)
    slope = leave * (1 - shown.square())  # ∂h′/∂c′
    made = states.new_zeros(len(states), 2 * size, 2 * size)
    cell_from_hidden = _scaled_rows(
        weight.chunk(4)[:3],
        (new * enter * (1 - enter), cell * forget * (1 - forget), enter * (1 - new.square())),
    )
    made[:, size:, :size] = cell_from_hidden
    made[:, :size, :size] = slope[..., None] * cell_from_hidden
    made[:, :size, :size].addcmul_((shown * leave * (1 - leave))[..., None], weight.chunk(4)[3])
    made[:, size:, size:].diagonal(dim1=1, dim2=2).copy_(forget)
    made[:, :size, size:].diagonal(dim1=1, dim2=2).copy_(slope * forget)
    return made


def _scaled_rows(weights: tuple[Tensor, ...], factors: tuple[Tensor, ...]) -> Tensor:
    """Return Σₖ diag(fₖ) Wₖ per row of the batch, (n, unit, unit)."""
    made = factors[0][..., None] * weights[0]
    for factor, weight in zip(factors[1:], weights[1:], strict=True):
        made.addcmul_(factor[..., None], weight)
    return made
