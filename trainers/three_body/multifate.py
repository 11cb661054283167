"""MultiFate: a circuit of transcription factors that inhibit each other by competing for dimers.

D_i = 2 X_i² / (Kd + 4 S + √(Kd² + 8 Kd S)),  S = Σ_j X_j
dX_i/dt = a − X_i + b D_iⁿ / (1 + D_iⁿ),      Kd = 1, n = 1.5, a = 3.6, b = 90

Concentrations are divided by a + b. (Zhu, Del Rio-Salgado, Garcia-Ojalvo and Elowitz 2022.)
"""

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigurationError
from ..config import choice, positive
from ..task import Batch, Task, Trials

KD, HILL, BASAL, GAIN = 1.0, 1.5, 3.6, 90.0
SCALE = BASAL + GAIN
_EDGE = 1e-6  # concentrations this close to 0 or 1 have no usable logit
ON = 0.2  # a factor whose final concentration is at least this is on


def production(x: np.ndarray) -> np.ndarray:
    """Return dX/dt for concentrations X (…, factor) in their own units."""
    total = x.sum(-1, keepdims=True)
    dimers = 2 * x**2 / (KD + 4 * total + np.sqrt(KD**2 + 8 * KD * total))
    activation = dimers**HILL
    result: np.ndarray = BASAL - x + GAIN * activation / (1 + activation)
    return result


def integrate(start: np.ndarray, *, dt: float, n_samples: int, substeps: int = 1) -> np.ndarray:
    """Return concentrations (trial, time, factor) by the classical Runge–Kutta method, all trials at once, compiled.

    ``start`` (trial, factor) is the first sample; ``substeps`` steps lead from one sample to the next. One
    step of 0.2 is within 0.005 (normalised, worst entry) of the exact solution.
    """
    from .circuit_kernel import integrate as compiled  # loading numba waits until it is needed

    first = np.ascontiguousarray(start, float)
    samples = np.empty((len(first), n_samples, first.shape[1]))
    compiled(first, dt / substeps, substeps, (KD, BASAL, GAIN), samples)
    return samples


def integrate_plainly(start: np.ndarray, *, dt: float, n_samples: int, substeps: int = 1) -> np.ndarray:
    """Return what :func:`integrate` returns, written out: the reference in tests."""
    h = dt / substeps
    x = np.asarray(start, float)
    samples = [x]
    for _ in range(n_samples - 1):
        for _ in range(substeps):
            k1 = production(x)
            k2 = production(x + h / 2 * k1)
            k3 = production(x + h / 2 * k2)
            k4 = production(x + h * k3)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        samples.append(x)
    return np.stack(samples, axis=-2)


@dataclasses.dataclass(frozen=True)
class MultiFateConfig:
    """Options of the gene circuit.

    Attributes
    ----------
    n_factors, n_steps, dt : number of factors N, samples T, sampling step
    initial_state : where a network starts. ``value``: at the concentrations themselves (the published choice,
        although outputs are sigmoid(x)); ``logit``: where its outputs equal them
    hidden_units : further units, which start at 0 and have no output (the first N units do)
    """

    n_factors: int = positive(30)
    n_steps: int = positive(100)
    dt: float = positive(0.2)
    initial_state: str = choice("value", "logit", default="value")
    hidden_units: int = positive(0, zero=True)

    def __post_init__(self) -> None:
        if self.n_factors < 2 or self.n_steps < 2:
            raise ConfigurationError("task multifate: expected n_factors and n_steps of at least 2")


class MultiFate(Task):
    """Reproduce the circuit's concentrations from their initial values; inputs are zero.

    Trials whose final state has exactly half of the factors on are kept. A network starts from the
    normalised concentrations at t = 0 and is asked for those at the later samples.
    """

    name = "multifate"
    config_class = MultiFateConfig
    config: MultiFateConfig

    @property
    def n_inputs(self) -> int:
        """One channel per factor, always zero."""
        return self.config.n_factors

    @property
    def n_outputs(self) -> int:
        """One channel per factor."""
        return self.config.n_factors

    def draw(self, n_trials: int, generator: np.random.Generator) -> Trials:
        """Draw circuits until ``n_trials`` of them end with half of the factors on; always that many."""
        kept: list[np.ndarray] = []
        while sum(map(len, kept)) < n_trials:
            starts = np.concatenate([initial_states(self.config.n_factors, p, 80, generator) for p in range(1, 6)])
            runs = integrate(starts, dt=self.dt, n_samples=self.config.n_steps) / SCALE
            half_on = (runs[:, -1] >= ON).sum(-1) == self.config.n_factors // 2
            kept.append(runs[half_on])
        runs = np.concatenate(kept)
        runs = runs[generator.permutation(len(runs))[:n_trials]]
        columns = {"n_on": (runs[:, -1] >= ON).sum(-1)}
        return Trials(np.zeros_like(runs[:, 1:]), runs[:, 1:], initial_state=self._start(runs[:, 0]), columns=columns)

    def _start(self, first: np.ndarray) -> np.ndarray:
        """Return the initial states (trial, unit) of networks from the first samples (trial, factor)."""
        if self.config.initial_state == "logit":
            inside = np.clip(first, _EDGE, 1 - _EDGE)
            first = np.log(inside / (1 - inside))
        return np.pad(first, ((0, 0), (0, self.config.hidden_units)))

    def performance(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the share of factors whose final on or off state is right."""
        right: Tensor = (outputs[..., -1, :] >= ON) == (batch.targets[..., -1, :] >= ON)
        return right.to(torch.get_default_dtype()).mean(-1)


def initial_states(n_factors: int, pieces: int, n_draws: int, generator: np.random.Generator) -> np.ndarray:
    """Draw initial concentrations (draw, factor) that fall into ``pieces`` groups of similar level.

    [0, 1] is cut at ``pieces`` − 1 uniform points; in each piece, mapped to [a, a + b], factors share a random
    subinterval; the remainder of N / pieces is uniform on [a, a + b]; the order of the factors is shuffled.
    """
    drawn = np.empty((n_draws, n_factors))
    per_piece = n_factors // pieces
    for row in drawn:
        cuts = np.concatenate([[0.0], np.sort(generator.random(pieces - 1)), [1.0]])
        left, right = BASAL + GAIN * cuts[:-1], BASAL + GAIN * cuts[1:]
        length = right - left
        start = generator.uniform(left, right - 0.1 * length)
        end = generator.uniform(start + 0.01 * length, right)
        grouped = generator.uniform(start[:, None], end[:, None], (pieces, per_piece)).ravel()
        rest = generator.uniform(BASAL, SCALE, n_factors - grouped.size)
        row[:] = generator.permutation(np.concatenate([grouped, rest]))
    return drawn
