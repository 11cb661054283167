"""Maps whose fixed points are known, for every test of the room."""

import numpy as np
import pytest
import torch
from scipy.optimize import brentq


class Flipflop(torch.nn.Module):
    """A rank-3 tanh network x' = W tanh(x) whose three bits do not interact: 27 points in closed form."""

    def __init__(self, n_units: int = 30, gain: float = 2.0, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        signs = np.sign(np.random.default_rng(3).standard_normal(n_units))
        blocks = np.zeros((n_units, 3))
        for bit in range(3):
            blocks[bit::3, bit] = signs[bit::3]
        self.directions = blocks
        # (1/n) Σᵢ mᵢ tanh(κ mᵢ) = tanh κ because mᵢ = ±1, so that κ' = g tanh κ for each bit exactly.
        weight = gain * blocks @ (blocks / (blocks**2).sum(0)).T
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=dtype))
        self.root = brentq(lambda k: gain * np.tanh(k) - k, 0.1, 10, xtol=1e-15)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return torch.tanh(states) @ self.weight.T

    def known(self) -> np.ndarray:
        levels = np.array([-self.root, 0.0, self.root])
        grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(-1, 3)
        return grid @ self.directions.T


@pytest.fixture
def flipflop():
    return Flipflop(dtype=torch.float64)


@pytest.fixture
def flipflop_class():
    return Flipflop


@pytest.fixture
def box():
    """Starts drawn uniformly from a cube: box(n, state, size)."""

    def draw(n_starts, n_states, size=2.0, seed=0):
        return np.random.default_rng(seed).uniform(-size, size, (n_starts, n_states))

    return draw


@pytest.fixture
def same_set():
    """Assert that two lists of points are equal as sets: every point has exactly one partner."""

    def check(found, known, tolerance):
        assert len(found) == len(known)
        distance = np.linalg.norm(found[:, None] - known[None], axis=-1)
        partner = distance.argmin(axis=1)
        assert sorted(partner) == list(range(len(known)))
        assert distance.min(axis=1).max() <= tolerance

    return check
