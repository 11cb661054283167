"""Torch's recurrent modules as maps: ``as_map(module)`` is a step on one flat state.

``torch.nn.RNN``, ``GRU`` and ``LSTM`` (any number of layers, ``batch_first`` or not) and the cells ``RNNCell``,
``GRUCell`` and ``LSTMCell`` compute next states by themselves; what is adapted is the layout of their states.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from .analytic import has_formula, module_jacobian
from .problem import ArrayLike

_CELLS = (nn.RNNCell, nn.GRUCell, nn.LSTMCell)
_LAYERED = (nn.RNN, nn.GRU, nn.LSTM)


class TorchMap(nn.Module):
    """One step of a recurrent torch module on flat states; made by :func:`as_map`.

    The state vector holds the hidden state of layer 1, 2, …, then, for an LSTM, the cell state of layer 1, 2, ….

    Attributes
    ----------
    n_states : length of the flat state vector
    layout : name → slice of the flat state: ``h`` or ``h1``, ``h2``, … and ``c`` or ``c1``, ``c2``, …
    """

    def __init__(self, module: nn.Module, input: Tensor | None) -> None:
        super().__init__()
        self.module = module
        self.register_buffer("input", input)
        self.n_layers = int(getattr(module, "num_layers", 1))
        self.n_units = int(module.hidden_size)  # type: ignore[arg-type]
        self.parts = ("h", "c") if isinstance(module, (nn.LSTM, nn.LSTMCell)) else ("h",)
        self.n_states = len(self.parts) * self.n_layers * self.n_units
        names = [
            part if self.n_layers == 1 else f"{part}{layer + 1}"
            for part in self.parts
            for layer in range(self.n_layers)
        ]
        self.layout = {
            name: slice(index * self.n_units, (index + 1) * self.n_units) for index, name in enumerate(names)
        }

    def forward(self, states: Tensor, inputs: Tensor | None = None) -> Tensor:
        """Return the next states (n, state) of states (n, state) and, unless one was bound, inputs (n, input)."""
        inputs = self._inputs(states, inputs)
        blocks = states.reshape(len(states), len(self.parts), self.n_layers, self.n_units)
        parts = [block.transpose(0, 1).contiguous() for block in blocks.unbind(1)]  # each (layer, n, unit)
        parts = self._advanced(parts, inputs)
        return torch.stack([part.transpose(0, 1) for part in parts], dim=1).flatten(1)

    def jacobian(self, states: Tensor, inputs: Tensor | None = None) -> Tensor | None:
        """Return ∂x′/∂x (n, state, state) in closed form for one layer; None for several, which are differentiated."""
        if not has_formula(self.module):
            return None
        return module_jacobian(self.module, states, self._inputs(states, inputs))

    def _inputs(self, states: Tensor, inputs: Tensor | None) -> Tensor:
        if inputs is not None:
            return inputs
        bound = self.input
        if not isinstance(bound, Tensor):
            raise InputError(f"inputs: no input is bound to this map; expected (n, {self.module.input_size})")
        return bound.expand(len(states), -1)

    def _advanced(self, parts: list[Tensor], inputs: Tensor) -> list[Tensor]:
        if isinstance(self.module, _CELLS):
            single = [part[0] for part in parts]
            moved = self.module(inputs, tuple(single) if len(single) > 1 else single[0])
            return [part[None] for part in (moved if isinstance(moved, tuple) else (moved,))]
        time = 1 if self.module.batch_first else 0
        _, moved = self.module(inputs.unsqueeze(time), tuple(parts) if len(parts) > 1 else parts[0])
        return list(moved) if isinstance(moved, tuple) else [moved]


def as_map(module: nn.Module, input: ArrayLike | None = None) -> TorchMap:
    """Return one step of a torch recurrent module as a map on flat states.

    Parameters
    ----------
    module : torch.nn.RNN, GRU, LSTM, RNNCell, GRUCell or LSTMCell
        Several layers and either ``batch_first`` are fine. Dropout between layers is switched off: the map is
        that of evaluation mode.
    input : array or tensor, shape (input,), or None
        The constant input, which the map then holds: it takes states alone. With None the map takes states
        (n, state) and inputs (n, input), as ``find_fixed_points(step, starts, inputs)`` wants.

    Returns
    -------
    TorchMap
        A module: (n, state) → (n, state). The state of a GRU or RNN is its hidden state, layer after layer;
        that of an LSTM (h, c), hidden states of all layers before cell states; ``layout`` names the slices.
        The caller's module is used and not changed; searches work on a float64 copy.

    Raises
    ------
    InputError
        If the module is of another kind, bidirectional or an LSTM with projections, or ``input`` has a wrong
        shape.

    Examples
    --------
    >>> step = as_map(torch.nn.LSTM(3, 8, num_layers=2), torch.zeros(3))
    >>> step(torch.zeros(5, 32)).shape, list(step.layout)
    (torch.Size([5, 32]), ['h1', 'h2', 'c1', 'c2'])
    """
    _refuse(module)
    size = int(module.input_size)  # type: ignore[arg-type]
    bound = None
    if input is not None:
        reference = next(module.parameters())
        bound = torch.as_tensor(input).detach().to(reference)
        if tuple(bound.shape) != (size,) or not bool(torch.isfinite(bound).all()):
            raise InputError(
                f"input: expected {size} finite numbers, shape ({size},), for {type(module).__name__}, found "
                f"shape {tuple(bound.shape)}" + ("" if tuple(bound.shape) != (size,) else " with NaN or infinity")
            )
    return TorchMap(_in_evaluation_mode(module), bound)


def _refuse(module: Any) -> None:
    if not isinstance(module, (*_CELLS, *_LAYERED)):
        raise InputError(
            f"module: expected torch.nn.RNN, GRU, LSTM or one of their cells, found {type(module).__name__}; pass "
            "other modules to find_fixed_points directly if they map (n, state) to (n, state)"
        )
    if getattr(module, "bidirectional", False):
        raise InputError(
            "module: a bidirectional network also runs from the future to the past: it has no step and no fixed points"
        )
    if getattr(module, "proj_size", 0):
        raise InputError("module: an LSTM with projections (proj_size) is not supported; expected proj_size=0")


def _in_evaluation_mode(module: nn.Module) -> nn.Module:
    """Return the module, or, where dropout is switched on, a copy that has none."""
    dropout: float = module.dropout if isinstance(module, _LAYERED) else 0.0
    return copy.deepcopy(module).eval() if module.training and dropout else module
