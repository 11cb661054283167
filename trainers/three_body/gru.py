"""Low-rank gated recurrent network."""

import numpy as np
import torch
from torch import Tensor

from ..activations import ACTIVATIONS
from ..initial_weights import xavier
from .model import Dims, Draws, Shapes, ThreeBodyModel

GATES = ("reset", "update", "candidate")


class LowRankGRU(ThreeBodyModel):
    """Low-rank GRU. With state x, and no nonlinearity on the state.

    ::

        g_r = sigmoid(W_ir u + c1 M_hr (N_hrᵀ x))      g_z likewise      n = φ(W_ih u + c1 M_hh (N_hhᵀ (g_r ⊙ x)))
        s   = (1 − g_z) ⊙ n + g_z ⊙ x

    In mode ``cont`` the cell is a leak around s. The output nonlinearity is not used.
    """

    kind = "lowrank_gru"

    def input_groups(self) -> tuple[str, ...]:
        """Return one set of input weights per gate."""
        return tuple(f"{gate}_" for gate in GATES)

    def recurrent_shapes(self) -> Shapes:
        """Return the shapes of the six factors."""
        shape = (self.config.n_units, self.config.rank)
        return {f"{gate}_{side}": shape for gate in GATES for side in ("left", "right")}

    def recurrent_dims(self) -> Dims:
        """Return the axis names of the six factors."""
        return {name: ("unit", "rank") for name in self.recurrent_shapes()}

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw all factors from the xavier distribution."""
        shapes = self.recurrent_shapes()
        return {name: xavier(shape, shape[1], shape[0], generator) for name, shape in shapes.items()}

    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return the drive of the candidate."""
        return self.gate_drive("candidate", r)

    def gate_drive(self, gate: str, r: Tensor) -> Tensor:
        """Return c1 M (Nᵀ r) of one gate."""
        left, right = self.weight(f"{gate}_left"), self.weight(f"{gate}_right")
        return (r @ right) @ (self.two_body_scale() * left).mT

    def input_drive(self, input: Tensor, group: str = "") -> Tensor:
        """Return the input drives of the three gates side by side, (…, 3 unit)."""
        return torch.cat([super(LowRankGRU, self).input_drive(input, f"{gate}_") for gate in GATES], dim=-1)

    def target(self, x: Tensor, drive: Tensor) -> Tensor:
        """Return s."""
        reset_drive, update_drive, candidate_drive = drive.chunk(3, dim=-1)
        reset = torch.sigmoid(self.gate_drive("reset", x) + reset_drive)
        update = torch.sigmoid(self.gate_drive("update", x) + update_drive)
        phi = ACTIVATIONS[self.config.nonlinearity].function
        candidate = phi(self.gate_drive("candidate", reset * x) + candidate_drive)
        return (1 - update) * candidate + update * x

    def rates(self, state: Tensor) -> Tensor:
        """Return x: the readout of a GRU is linear."""
        return state

    def activity(self, states: Tensor) -> Tensor:
        """Return x, the activity of a GRU."""
        return states
