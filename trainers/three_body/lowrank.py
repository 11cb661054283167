"""Low-rank networks: their drive costs O(N·R) per trial and step and never forms N² or N³ weights."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..activations import TANH_CURVATURE
from ..initial_weights import xavier
from ..model import Trajectory
from .config import ThreeBodyConfig
from .full import gate_weights, mixed
from .model import Dims, Draws, Shapes, ThreeBodyModel

if TYPE_CHECKING:
    from .reduced import ReducedDynamics


class LowRankModel(ThreeBodyModel):
    """Base of the low-rank classes: up to R1 two-body and R2 three-body components.

    rec(r)_i = c1 Σ_r M_ir (N_r·r) + c2 Σ_r L_ir (M'_r·r)(N'_r·r), with M, N named ``two_body_left`` and
    ``two_body_right``, and L, M', N' named ``three_body_left``, ``three_body_middle`` and ``three_body_right``.
    """

    two_body_left: Tensor
    two_body_right: Tensor
    three_body_left: Tensor
    three_body_middle: Tensor
    three_body_right: Tensor
    gate: Tensor

    def ranks(self) -> tuple[int, int]:
        """Return (R1, R2)."""
        raise TypeError(f"{type(self).__name__} has no ranks")

    def recurrent_shapes(self) -> Shapes:
        """Return the shapes of the factors, and of the gate of a network with both terms."""
        two, three = self.ranks()
        n = self.config.n_units
        shapes: Shapes = {}
        if two:
            shapes |= {f"two_body_{side}": (n, two) for side in ("left", "right")}
        if three:
            shapes |= {f"three_body_{side}": (n, three) for side in ("left", "middle", "right")}
        if two and three:
            shapes["gate"] = ()
        return shapes

    def recurrent_dims(self) -> Dims:
        """Return the axis names of the factors."""
        return {
            "two_body_left": ("unit", "rank_two_body"),
            "two_body_right": ("unit", "rank_two_body"),
            "three_body_left": ("unit", "rank_three_body"),
            "three_body_middle": ("unit", "rank_three_body"),
            "three_body_right": ("unit", "rank_three_body"),
            "gate": (),
        }

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw all factors from the xavier distribution; a gate starts at 0."""
        return {
            name: xavier(shape, shape[1], shape[0], generator) if shape else np.zeros(())
            for name, shape in self.recurrent_shapes().items()
        }

    def left_factor(self) -> Tensor:
        """Return L as the dynamics use it."""
        return self.three_body_left

    def gate_value(self) -> Tensor | None:
        """Return the gate's parameter when the network is gated."""
        return self.gate if self.config.gated else None

    def two_body_drive(self, r: Tensor) -> Tensor:
        """Return c1 Σ_r M_ir (N_r·r)."""
        return (r @ self.two_body_right) @ (self.two_body_scale() * self.two_body_left).mT

    def three_body_drive(self, r: Tensor) -> Tensor:
        """Return c2 Σ_r L_ir (M'_r·r)(N'_r·r)."""
        pairs = (r @ self.three_body_middle) * (r @ self.three_body_right)
        return pairs @ (self.three_body_scale() * self.left_factor()).mT

    def drive_jacobian(self, r: Tensor) -> Tensor:
        """Return Σ_r c1 M_r N_rᵀ + c2 L_r [(M'_r·r) N'_r + (N'_r·r) M'_r]ᵀ, the terms weighted by the gate."""
        two, three = self.ranks()
        two_gate, three_gate = gate_weights(self.gate_value())
        total = r.new_zeros(self.config.n_units, self.config.n_units)
        if two:
            total = total + two_gate * self.two_body_scale() * (self.two_body_left @ self.two_body_right.mT).detach()
        if three:
            left, first, second = (
                factor.detach() for factor in (self.left_factor(), self.three_body_middle, self.three_body_right)
            )
            rows = (r @ first).unsqueeze(1) * second + (r @ second).unsqueeze(1) * first  # (trial, unit, rank)
            total = total + three_gate * self.three_body_scale() * (left @ rows.mT)
        return total

    def run(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Trajectory:
        """Return the trajectory; on the CPU by the compiled equivalent of the loop over ``step``."""
        if not self.has_kernel(self.config) or next(self.parameters()).device.type != "cpu":
            return super().run(inputs, state, noise)
        return self._run_kernel(inputs, state, None if noise is None else self.config.noise_std * noise)

    @classmethod
    def has_kernel(cls, config: ThreeBodyConfig) -> bool:
        """Return whether the compiled run covers such networks: φ = tanh, a readout of rates that it computes.

        In form ``rate`` these are tanh(x), or x itself where the outputs are the states; in ``voltage`` always x.
        """
        direct = _reads_states(config) and (config.form == "voltage" or config.readout == "identity")
        return config.nonlinearity == "tanh" and (direct or config.output_nonlinearity == "tanh")

    def _run_kernel(self, inputs: Tensor, state: Tensor, noise: Tensor | None) -> Trajectory:
        from .kernel import run_differentiably  # compiling and loading numba waits until it is needed

        single = self.members is None
        weights = self._kernel_weights()
        if single:
            inputs, state, *weights = (tensor.unsqueeze(0) for tensor in (inputs, state, *weights))
            noise = None if noise is None else noise.unsqueeze(0)
        alpha = self.config.alpha if self.config.mode == "cont" else 1.0
        states, rates, outputs = run_differentiably(self.config.form, alpha, inputs, state, noise, weights)
        if self.config.readout == "identity":
            outputs = (states if _reads_states(self.config) else rates)[..., : self.config.n_outputs]
        return Trajectory(states[0], outputs[0]) if single else Trajectory(states, outputs)

    def _kernel_weights(self) -> list[Tensor]:
        """Return the nine weights of the kernel: absent terms are empty, scales and gate are in the left factors."""
        config, (two, three) = self.config, self.ranks()
        empty = self.input_weight[..., :0]
        unit = self.input_weight[..., 0]
        pair, triple = self.two_body_scale(), self.three_body_scale()
        gate = self.gate_value()
        two_gate = unit.new_ones(()) if gate is None else torch.sigmoid(gate).reshape(*gate.shape, 1, 1)
        three_gate = two_gate if gate is None else 1 - two_gate
        pairs = [two_gate * pair * self.two_body_left, self.two_body_right] if two else [empty, empty]
        triples = [empty, empty, empty]
        if three:
            triples = [
                three_gate * triple * self.left_factor(),
                self.three_body_middle,
                self.three_body_right,
            ]
        is_linear = config.readout == "linear"
        readout = self.output_weight if is_linear else self.input_weight.mT[..., :0, :]
        output_bias = self.output_bias if is_linear and config.output_bias else torch.zeros_like(readout[..., 0])
        input_bias = self.input_bias if config.input_bias else torch.zeros_like(unit)
        return [self.input_weight, input_bias, *pairs, *triples, readout, output_bias]

    def reduced(self) -> "ReducedDynamics | None":
        """Return the exact reduced dynamics; there are none in form ``voltage`` or with a member axis."""
        from .reduced import ReducedDynamics

        return ReducedDynamics(self) if self.config.form == "rate" and self.members is None else None

    def recorded_states(self, states: Tensor) -> dict[str, Tensor]:
        """Return x, and the reduced coordinates κ (…, rank) where the reduction is exact."""
        recorded = super().recorded_states(states)
        reduced = self.reduced()
        if reduced is not None:
            recorded["kappa"] = reduced.project(states)[..., : reduced.rank]
        return recorded

    def drive_lipschitz(self) -> float:
        """Return a Lipschitz constant of the drive's Jacobian for φ = tanh.

        Two-body part: c1 ‖M Nᵀ‖₂ max|φ''|. A three-body component L (M·φ)(N·φ) has the Jacobian
        L [(N·φ) M + (M·φ) N]ᵀ diag(φ'), which varies by at most ‖L‖ (2 ‖M‖ ‖N‖ + max|φ''| (‖N‖₁ ‖M‖ + ‖M‖₁ ‖N‖))
        per unit distance, because |φ| and |φ'| are at most 1.
        """
        two, three = self.ranks()
        bound = torch.zeros((), dtype=torch.float64)
        if two:
            product = (self.two_body_left @ self.two_body_right.mT).detach().double()
            bound = bound + self.two_body_scale() * TANH_CURVATURE * torch.linalg.matrix_norm(product, 2)
        if three:
            left, m, n = (
                factor.detach().double()
                for factor in (self.left_factor(), self.three_body_middle, self.three_body_right)
            )
            size_m, size_n = m.norm(dim=0), n.norm(dim=0)
            bends = n.abs().sum(0) * size_m + m.abs().sum(0) * size_n
            terms = left.norm(dim=0) * (2 * size_m * size_n + TANH_CURVATURE * bends)
            bound = bound + self.three_body_scale() * terms.sum()
        return float(bound)

    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return the drive of all components."""
        two, three = self.ranks()
        if not three:
            return self.two_body_drive(r)
        if not two:
            return self.three_body_drive(r)
        return mixed(self.two_body_drive(r), self.three_body_drive(r), self.gate_value())


class LowRankRNN(LowRankModel):
    """Low-rank additive network: rec(r)_i = c1 Σ_r M_ir (N_r·r). Its factors start at unit variance."""

    kind = "lowrank_rnn"

    def ranks(self) -> tuple[int, int]:
        """Return (R, 0)."""
        return self.config.rank, 0

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw M and N from N(0, 1)."""
        return {name: generator.normal(size=shape) for name, shape in self.recurrent_shapes().items()}


class LowRankTBRNN(LowRankModel):
    """Low-rank three-body network: rec(r)_i = c2 Σ_r L_ir (M_r·r)(N_r·r)."""

    kind = "lowrank_tbrnn"

    def ranks(self) -> tuple[int, int]:
        """Return (0, R)."""
        return 0, self.config.rank

    def left_factor(self) -> Tensor:
        """Return L, made orthogonal to the columns of [W_in, b_in] under ``hard_orth``."""
        left = super().left_factor()
        if not self.config.hard_orth:
            return left
        columns = self.input_weight
        if self.config.input_bias:
            columns = torch.cat([columns, self.input_bias.unsqueeze(-1)], dim=-1)
        return orthogonal_to(left, columns)


class LowRankHORNN(LowRankModel):
    """Low-rank network with both terms: ``rank_two_body`` pair and ``rank`` three-body components."""

    kind = "lowrank_hornn"
    bias_start = "zero"

    def ranks(self) -> tuple[int, int]:
        """Return (R1, R2)."""
        return self.config.rank_two_body, self.config.rank


def orthogonal_to(vectors: Tensor, columns: Tensor) -> Tensor:
    """Return vectors − P vectors, P = Q (QᵀQ)⁺ Qᵀ the orthogonal projector on the span of the columns Q."""
    gram = torch.linalg.pinv(columns.mT @ columns, hermitian=True)
    projected: Tensor = columns @ (gram @ (columns.mT @ vectors))
    return vectors - projected


def _reads_states(config: ThreeBodyConfig) -> bool:
    """Return whether the readout sees x."""
    return config.form == "voltage" or config.output_nonlinearity == "identity"
