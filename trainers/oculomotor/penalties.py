"""Costs on activity and weights, and the constants that they need; both exist only where an option asks for them.

A matrix is a group of parameters: the weights of input and recurrence that a cell multiplies with [x, h] count as one.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ..model import Trajectory
from .config import OculomotorConfig

if TYPE_CHECKING:
    from .model import OculomotorModel

# Prefixes of constants: the weights at the start, and 1 for the entries that are held back.
_INITIAL, _HELD = "initial_", "held_"
# An entry that is held back costs ½ (0.1 (W − W₀))².
_HOLD = 0.1


@dataclasses.dataclass(frozen=True)
class Penalties:
    """The penalties of one configuration; ``matrices`` names the parameters of each weight matrix."""

    config: OculomotorConfig
    matrices: Sequence[Sequence[str]]

    @staticmethod
    def is_constant(name: str) -> bool:
        """Return whether a parameter is one of the constants of penalties."""
        return name.startswith((_INITIAL, _HELD))

    def constant_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the constants from those of all other parameters."""
        return {constant: shapes[name] for constant, name in self._constants()}

    def constant_dims(self, dims: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """Return the axis names of the constants from those of all other parameters."""
        return {constant: dims[name] for constant, name in self._constants()}

    def constants(self, drawn: Mapping[str, np.ndarray], generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Return the constants of one network: a copy of the initial weights, and which entries are held back."""
        held = self._draw_held(drawn, generator) if self.config.trained_fraction is not None else {}
        return {
            constant: drawn[name].copy() if constant.startswith(_INITIAL) else held[name]
            for constant, name in self._constants()
        }

    def of(self, model: "OculomotorModel", trajectory: Trajectory) -> dict[str, Tensor]:
        """Return each penalty that is on, (member,) or a scalar without a member axis."""
        config, found = self.config, {}
        if config.l1_activity:
            found["l1_activity"] = config.l1_activity * model.rates(trajectory.states).abs().mean((-3, -2, -1))
        if config.l2_activity:
            squares = model.rates(trajectory.states).square()
            found["l2_activity"] = config.l2_activity * squares.sum((-3, -2, -1)) / 2
        if config.l1_weight:
            means = [_flat(model, group).abs().mean(-1) for group in self.matrices]
            found["l1_weight"] = config.l1_weight * torch.stack(means).sum(0)
        if config.l2_weight:
            halves = [_flat(model, group).square().sum(-1) / 2 for group in self.matrices]
            found["l2_weight"] = config.l2_weight * torch.stack(halves).sum(0)
        return found | self._held_near_start(model)

    def _held_near_start(self, model: "OculomotorModel") -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        if not self._needs_start:
            return found
        moved = {
            name: model.trained_weight(name) - model.get_parameter(_INITIAL + name)
            for group in self.matrices
            for name in group
        }
        if self.config.l2_initial:
            squares = [change.square().sum((-2, -1)) for change in moved.values()]
            found["l2_initial"] = self.config.l2_initial * torch.stack(squares).sum(0) / 2
        if self.config.trained_fraction is not None:
            held = [(change * model.get_parameter(_HELD + name)).square() for name, change in moved.items()]
            found["held"] = _HOLD**2 / 2 * torch.stack([square.sum((-2, -1)) for square in held]).sum(0)
        return found

    @property
    def _needs_start(self) -> bool:
        return bool(self.config.l2_initial) or self.config.trained_fraction is not None

    def _constants(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each constant and of the parameter that it belongs to."""
        prefixes = [_INITIAL] * self._needs_start + [_HELD] * (self.config.trained_fraction is not None)
        for group in self.matrices:
            for name in group:
                yield from ((prefix + name, name) for prefix in prefixes)

    def _draw_held(self, drawn: Mapping[str, np.ndarray], generator: np.random.Generator) -> dict[str, np.ndarray]:
        """Draw which entries are held back: in each matrix the share 1 − p, rounded to whole entries."""
        held: dict[str, np.ndarray] = {}
        assert self.config.trained_fraction is not None
        for group in self.matrices:
            sizes = [drawn[name].size for name in group]
            free = round(self.config.trained_fraction * sum(sizes))
            order = generator.permutation((np.arange(sum(sizes)) >= free).astype(float))
            for name, part in zip(group, np.split(order, np.cumsum(sizes)[:-1]), strict=True):
                held[name] = part.reshape(drawn[name].shape)
        return held


def _flat(model: "OculomotorModel", group: Sequence[str]) -> Tensor:
    """Return the entries of a matrix in one row, (…, entry)."""
    return torch.cat([model.trained_weight(name).flatten(-2) for name in group], dim=-1)
