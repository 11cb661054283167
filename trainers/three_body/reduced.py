"""The exact low-dimensional dynamics of a low-rank network.

In form ``rate`` every update adds only vectors in the span of the left factors, the input weights and the input
bias. From a start in that span, and without noise, x_t = Σ_r κ_r L_r + Σ_k v_k I_k + β b holds exactly, with::

    κ_r ← (1 − α) κ_r + α c1 N_r·φ(x)                    two-body components
    κ_r ← (1 − α) κ_r + α c2 (M_r·φ(x)) (N_r·φ(x))       three-body components
    v_k ← (1 − α) v_k + α u_k         β ← (1 − α) β + α

so that a network of rank R with K inputs is a map on R + K (+ 1) numbers, whatever its size.
"""

import torch
from torch import Tensor

from ...errors import InputError
from ..activations import ACTIVATIONS
from .lowrank import LowRankModel


class ReducedDynamics:
    """The reduced map z' = F(z, u) of one low-rank network, z = (κ, v, β).

    Attributes
    ----------
    basis : (unit, coordinate), the columns [two-body left, three-body left, input weights, bias]
    names : one word per coordinate: ``kappa_1`` …, ``v_1`` …, ``beta``

    Raises
    ------
    InputError
        If the model is not low-rank, has form ``voltage`` or a member axis: there is no exact reduction.
    """

    def __init__(self, model: LowRankModel) -> None:
        if not isinstance(model, LowRankModel) or model.config.form != "rate" or model.members is not None:
            raise InputError("reduced dynamics: expected one low-rank network of form 'rate' (not a GRU)")
        self.model = model
        self.n_two_body, self.n_three_body = model.ranks()
        lefts = [model.two_body_left] if self.n_two_body else []
        lefts += [model.left_factor()] if self.n_three_body else []
        inputs = [model.input_weight] + ([model.input_bias.unsqueeze(1)] if model.config.input_bias else [])
        self.basis = torch.cat([*lefts, *inputs], dim=1).detach()
        self.names = (
            *(f"kappa_{r + 1}" for r in range(self.rank)),
            *(f"v_{k + 1}" for k in range(model.config.n_inputs)),
            *(("beta",) if model.config.input_bias else ()),
        )

    @property
    def rank(self) -> int:
        """Number of components, R1 + R2."""
        return self.n_two_body + self.n_three_body

    @property
    def size(self) -> int:
        """Number of reduced coordinates, R + K (+ 1 with a bias)."""
        return len(self.names)

    def lift(self, z: Tensor) -> Tensor:
        """Return the state x (…, unit) of reduced coordinates z (…, coordinate)."""
        return z @ self.basis.to(z).mT

    def project(self, x: Tensor) -> Tensor:
        """Return the coordinates (…, coordinate) whose lift is nearest to x (…, unit) in least squares."""
        inverse: Tensor = torch.linalg.pinv(self.basis.to(x))
        return x @ inverse.mT

    def step(self, z: Tensor, input: Tensor) -> Tensor:
        """Return z one time step later: (trial, coordinate), (trial, input) → (trial, coordinate)."""
        model = self.model
        alpha = model.config.alpha if model.config.mode == "cont" else 1.0
        rates = ACTIVATIONS[model.config.nonlinearity].function(self.lift(z))
        drives = self._component_drives(rates)
        target = torch.cat([drives, input.to(z).expand(*z.shape[:-1], -1)], dim=-1)
        if model.config.input_bias:
            target = torch.cat([target, torch.ones_like(z[..., :1])], dim=-1)
        return torch.lerp(z, target, alpha)

    def _component_drives(self, rates: Tensor) -> Tensor:
        """Return what pulls each κ: scaled, gated overlaps of the right factors with the rates."""
        model, drives = self.model, []
        gate = model.gate_value()
        weight = None if gate is None else torch.sigmoid(gate.to(rates))
        if self.n_two_body:
            overlap = model.two_body_scale() * (rates @ model.two_body_right.to(rates))
            drives.append(overlap if weight is None else weight * overlap)
        if self.n_three_body:
            first, second = model.three_body_middle.to(rates), model.three_body_right.to(rates)
            overlap = model.three_body_scale() * (rates @ first) * (rates @ second)
            drives.append(overlap if weight is None else (1 - weight) * overlap)
        return torch.cat(drives, dim=-1)
