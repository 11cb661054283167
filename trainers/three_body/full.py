"""Networks with a full recurrent matrix, a full three-body tensor, or both."""

import math

import numpy as np
import torch
from torch import Tensor

from ..activations import TANH_CURVATURE
from .model import Dims, Draws, Shapes, ThreeBodyModel


def two_body_drive(r: Tensor, weight: Tensor) -> Tensor:
    """Return Σ_j W_ij r_j for r (…, trial, unit) and W (…, unit, unit)."""
    return r @ weight.mT


def three_body_drive(r: Tensor, weight: Tensor) -> Tensor:
    """Return Σ_jk W_ijk r_j r_k for r (…, trial, unit) and W (…, unit, unit, unit).

    One matrix product of r rᵀ as (trial, N²) with W as (N, N²): O(N³) per trial and step, O(N²) memory.
    """
    pairs = (r.unsqueeze(-1) * r.unsqueeze(-2)).flatten(-2)
    return pairs @ weight.flatten(-2).mT


def three_body_jacobian(r: Tensor, weight: Tensor) -> Tensor:
    """Return Σ_k (W_ijk + W_ikj) r_k, (trial, unit, unit), for r (trial, unit) and W (unit, unit, unit)."""
    both = weight + weight.transpose(-1, -2)
    return (both @ r.mT).permute(2, 0, 1)


def two_body_lipschitz(weight: Tensor) -> float:
    """Return ‖W‖₂ max|φ''|, a Lipschitz constant of the Jacobian W diag(φ') of W tanh(x)."""
    return TANH_CURVATURE * float(torch.linalg.matrix_norm(weight.detach(), 2))


def three_body_lipschitz(weight: Tensor) -> float:
    """Return a Lipschitz constant of the Jacobian of Σ_jk W_ijk φ_j φ_k for φ = tanh(x).

    The Jacobian is K(φ) diag(φ') with K(φ) v = S (v ⊗ φ), S the unfolding (N, N²) of W_ijk + W_ikj. With |φ| and |φ'|
    at most 1 it varies by at most ‖S‖₂ (1 + max|φ''| √N) per unit distance.
    """
    both = (weight + weight.transpose(-1, -2)).detach().flatten(-2)
    norm = float(torch.linalg.matrix_norm(both, 2))
    return norm * (1 + TANH_CURVATURE * math.sqrt(len(weight)))


class _Full(ThreeBodyModel):
    input_start = "normal"
    bias_start = "zero"
    output_start = "default"

    def recurrent_dims(self) -> Dims:
        """Return the axis names of the recurrent parameters."""
        return {
            "recurrent": ("unit", "unit_pre"),
            "three_body": ("unit", "unit_pre", "unit_pre_second"),
            "gate": (),
        }

    def _draw_two_body(self, generator: np.random.Generator) -> np.ndarray:
        n = self.config.n_units
        return generator.normal(scale=0.1 / np.sqrt(n), size=(n, n))

    def _draw_three_body(self, generator: np.random.Generator) -> np.ndarray:
        n = self.config.n_units
        return generator.normal(scale=0.1 / n, size=(n, n, n))


class RNN(_Full):
    """Additive network: rec(r)_i = Σ_j W_ij r_j."""

    kind = "rnn"
    recurrent: Tensor

    def recurrent_shapes(self) -> Shapes:
        """Return the shape of W."""
        return {"recurrent": (self.config.n_units, self.config.n_units)}

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw W from N(0, (0.1/√N)²)."""
        return {"recurrent": self._draw_two_body(generator)}

    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return Σ_j W_ij r_j."""
        return two_body_drive(r, self.recurrent)

    def drive_jacobian(self, r: Tensor) -> Tensor:
        """Return W."""
        return self.recurrent.detach()

    def drive_lipschitz(self) -> float:
        """Return the constant of the additive drive."""
        return two_body_lipschitz(self.recurrent)


class TBRNN(_Full):
    """Three-body network: rec(r)_i = Σ_jk W_ijk r_j r_k. Only the part of W symmetric in (j, k) acts."""

    kind = "tbrnn"
    three_body: Tensor

    def recurrent_shapes(self) -> Shapes:
        """Return the shape of W."""
        return {"three_body": (self.config.n_units,) * 3}

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw W from N(0, (0.1/N)²)."""
        return {"three_body": self._draw_three_body(generator)}

    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return Σ_jk W_ijk r_j r_k."""
        return three_body_drive(r, self.three_body)

    def drive_jacobian(self, r: Tensor) -> Tensor:
        """Return the derivative of the three-body drive."""
        return three_body_jacobian(r, self.three_body.detach())

    def drive_lipschitz(self) -> float:
        """Return the constant of the three-body drive."""
        return three_body_lipschitz(self.three_body)


class HORNN(_Full):
    """Network with both terms: Σ_j A_ij r_j + Σ_jk W_ijk r_j r_k, weighted g and 1 − g when gated."""

    kind = "hornn"
    recurrent: Tensor
    three_body: Tensor
    gate: Tensor
    output_start = "wide"

    def recurrent_shapes(self) -> Shapes:
        """Return the shapes of A, W and the gate."""
        n = self.config.n_units
        return {"recurrent": (n, n), "three_body": (n, n, n), "gate": ()}

    def draw_recurrent(self, generator: np.random.Generator) -> Draws:
        """Draw A and W; the gate starts at sigmoid(0) = ½."""
        return {
            "recurrent": self._draw_two_body(generator),
            "three_body": self._draw_three_body(generator),
            "gate": np.zeros(()),
        }

    def recurrent_drive(self, r: Tensor) -> Tensor:
        """Return the two drives, gated or summed."""
        return mixed(
            two_body_drive(r, self.recurrent),
            three_body_drive(r, self.three_body),
            self.gate if self.config.gated else None,
        )

    def drive_jacobian(self, r: Tensor) -> Tensor:
        """Return the weighted sum of the two drives' derivatives."""
        two, three = gate_weights(self.gate if self.config.gated else None)
        return two * self.recurrent.detach() + three * three_body_jacobian(r, self.three_body.detach())

    def drive_lipschitz(self) -> float:
        """Return the weighted sum of the two drives' constants."""
        two, three = gate_weights(self.gate if self.config.gated else None)
        return two * two_body_lipschitz(self.recurrent) + three * three_body_lipschitz(self.three_body)


def gate_weights(gate: Tensor | None) -> tuple[float, float]:
    """Return how much the two terms weigh: g and 1 − g, or 1 and 1 without a gate."""
    if gate is None:
        return 1.0, 1.0
    g = float(torch.sigmoid(gate.detach()))
    return g, 1 - g


def mixed(pair: Tensor, triple: Tensor, gate: Tensor | None) -> Tensor:
    """Return g · pair + (1 − g) · triple with g = sigmoid(gate), or the plain sum without a gate."""
    if gate is None:
        return pair + triple
    g = torch.sigmoid(gate).reshape(*gate.shape, 1, 1)
    return torch.lerp(triple, pair, g)
