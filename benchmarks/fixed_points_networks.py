"""Networks for the fixed-point benchmarks: 3-bit flip-flops, trained here with plain torch or constructed."""

import numpy as np
import torch
from torch import nn


class LowRankFlipflop(nn.Module):
    """x' = W tanh(x) with W = (g/N) M Mᵀ, M (N, 3) with orthogonal columns: 3 bits.

    27 fixed points with seed 1. The bits interact through tanh; other seeds may have fewer points.
    """

    def __init__(self, n_units: int = 30, gain: float = 2.0, seed: int = 0) -> None:
        super().__init__()
        draws = np.random.default_rng(seed).standard_normal((n_units, 3))
        directions = np.linalg.qr(draws)[0] * np.sqrt(n_units)
        weight = gain * directions @ directions.T / n_units
        self.weight = nn.Parameter(torch.tensor(weight, dtype=torch.float32))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the next states."""
        return torch.tanh(states) @ self.weight.T

    def trajectories(self, n_trials: int = 100, n_steps: int = 30, seed: int = 1) -> np.ndarray:
        """Return noisy orbits (trial, time, unit): what a recording of the network would hold."""
        generator = torch.Generator().manual_seed(seed)
        size = (n_trials, self.weight.shape[0])
        state, visited = torch.randn(size, generator=generator), []
        with torch.no_grad():
            for _ in range(n_steps):
                state = self(state) + 0.05 * torch.randn(size, generator=generator)
                visited.append(state)
        return torch.stack(visited, dim=1).double().numpy()


class BlockFlipflop(nn.Module):
    """x' = W tanh(x) with three bits that do not interact, each on every third unit: 27 points in closed form."""

    def __init__(self, n_units: int, gain: float = 2.0) -> None:
        super().__init__()
        self.directions = np.zeros((n_units, 3))
        for bit in range(3):
            self.directions[bit::3, bit] = 1.0
        weight = gain * self.directions @ (self.directions / self.directions.sum(axis=0)).T
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the next states."""
        return torch.tanh(states) @ self.weight.T

    def starts(self, n_starts: int, seed: int = 0) -> np.ndarray:
        """Return states around the space of the bits, (n_starts, unit)."""
        generator = np.random.default_rng(seed)
        bits = generator.uniform(-2.5, 2.5, (n_starts, 3))
        return bits @ self.directions.T + 0.1 * generator.standard_normal((n_starts, len(self.directions)))


def flipflop_trials(n_trials: int, n_steps: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pulses and targets (trial, time, bit): a pulse of ±1 with probability 0.1, and the last one so far."""
    shape = (n_trials, n_steps, 3)
    signs = 2.0 * torch.randint(0, 2, shape, generator=generator) - 1
    shown = torch.rand(shape, generator=generator) < 0.1
    shown[:, 0] = True
    pulses = torch.where(shown, signs, 0.0)
    times = torch.arange(n_steps)[None, :, None].expand(shape)
    last = torch.where(shown, times, 0).cummax(dim=1).values
    return pulses, torch.gather(pulses, 1, last)


def train_flipflop(kind: str, n_units: int, *, seed: int, n_steps: int, rate: float) -> tuple[nn.Module, np.ndarray]:
    """Return a ``torch.nn.GRU`` or ``RNN`` (tanh) trained on the 3-bit flip-flop, and its states (trial, time, unit).

    Adam on the mean squared error of a linear readout, cosine decay, gradient norm clipped at 1, batches of 64 trials
    of 40 steps.
    """
    # Torch's modules draw their weights from the global generator.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = getattr(nn, kind)(3, n_units, batch_first=True)
        readout = nn.Linear(n_units, 3)
    generator = torch.Generator().manual_seed(seed)
    parameters = [*network.parameters(), *readout.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    for _ in range(n_steps):
        pulses, targets = flipflop_trials(64, 40, generator)
        loss = nn.functional.mse_loss(readout(network(pulses)[0]), targets)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        states, _ = network(flipflop_trials(256, 40, generator)[0])
    return network, states.double().numpy()
