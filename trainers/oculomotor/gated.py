"""The gated cells: a leaky GRU, and the plain GRU and LSTM.

``recurrent`` is W_rec of each kernel and ``drive`` is W_in x + b of all gates side by side, in the order of ``gates``.
"""

from typing import ClassVar

import torch
from torch import Tensor

from ..activations import ACTIVATIONS
from ..model import StateVariable, linear
from .model import OculomotorModel


class LeakyGRU(OculomotorModel):
    """Leaky gated network; a large update gate u moves the state.

    ::

        r, u = sigmoid(W_rec h + W_in x + b)           c = f(W_rec (r ⊙ h) + W_in x + b + σ ξ)
        h'   = (1 − α u) ⊙ h + α u ⊙ c
    """

    kind = "leaky_gru"
    kernels = (("reset_gate_", "update_gate_"), ("candidate_",))
    start_biases: ClassVar[dict[str, float]] = {"reset_gate_": 1.0, "update_gate_": 1.0}

    def advance(self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]) -> Tensor:
        """Return h one step later."""
        update, candidate = self._gated(state, drive, noise, recurrent)
        return torch.lerp(state, candidate, self.config.alpha * update)

    def _gated(
        self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """Return u and c, (…, unit) each."""
        n = self.config.n_units
        by_gates, by_candidate = torch.split(drive, [2 * n, n], dim=-1)
        reset, update = torch.sigmoid(linear(state, recurrent[0]) + by_gates).chunk(2, dim=-1)
        total = linear(reset * state, recurrent[1]) + by_candidate
        if noise is not None:
            total = total + self.config.noise_std * noise
        return update, ACTIVATIONS[self.config.activation].function(total)


class GRU(LeakyGRU):
    """Plain gated network without noise; a large gate u keeps the state: h' = u ⊙ h + (1 − u) ⊙ c."""

    kind = "gru"

    def noise_size(self) -> int:
        """Return 0: there is no noise."""
        return 0

    def advance(self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]) -> Tensor:
        """Return h one step later."""
        update, candidate = self._gated(state, drive, None, recurrent)
        return torch.lerp(candidate, state, update)


class LSTM(OculomotorModel):
    """Long short-term memory without noise. The flat state is (c, h).

    ::

        i, j, k, o = W_rec h + W_in x + b      c' = sigmoid(k) ⊙ c + sigmoid(i) ⊙ f(j)      h' = sigmoid(o) ⊙ f(c')
    """

    kind = "lstm"
    kernels = (("input_gate_", "forget_gate_", "output_gate_", "candidate_"),)
    start_biases: ClassVar[dict[str, float]] = {"forget_gate_": 1.0}

    @property
    def state_layout(self) -> tuple[StateVariable, ...]:
        """The cell state c and the output h, one number per unit each."""
        n = self.config.n_units
        return (StateVariable("c", 0, n), StateVariable("h", n, 2 * n))

    def noise_size(self) -> int:
        """Return 0: there is no noise."""
        return 0

    def advance(self, state: Tensor, drive: Tensor, noise: Tensor | None, recurrent: tuple[Tensor, ...]) -> Tensor:
        """Return (c, h) one step later."""
        function = ACTIVATIONS[self.config.activation].function
        cell, hidden = state.chunk(2, dim=-1)
        total = linear(hidden, recurrent[0]) + drive
        gates, proposed = torch.split(total, [3 * self.config.n_units, self.config.n_units], dim=-1)
        admit, keep, emit = torch.sigmoid(gates).chunk(3, dim=-1)
        cell = keep * cell + admit * function(proposed)
        return torch.cat([cell, emit * function(cell)], dim=-1)
