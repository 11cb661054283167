"""White noise through the cell of figure 3: how widely its drives vary, and how often they rise through threshold.

Filtered Gaussian noise is a Gaussian process. Its standard deviation σ, and its correlation ρ from one sample to the
next, follow from the samples of the kernel; per sample it rises through the level b σ with probability
2 T(b, √((1 − ρ) / (1 + ρ))), T being Owen's function. These exact figures stand beside those of a long run.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import special, stats

from ...errors import InputError
from ...results import Array
from ...trainers import randomness
from ...trainers.prc import cells
from ...trainers.prc.kernels import Kernel
from ...trainers.prc.simulation import simulate
from ...trainers.prc.stimuli import white_noise
from .published import half_unit

_DT = cells.DT
_TRIAL, _SETTLED = 5001.0, 100.0  # ms: one published trace, and the memory of the kernels
_N_SAMPLES = int(_TRIAL / _DT + 1e-6)
_CHUNK = 10  # trials in memory at a time
#: s: ten published traces; the run behind the printed figures is of unknown length
RUN = 50.0


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure of the noise: exact, and measured with its standard error and the s.d. over runs of :data:`RUN`."""

    exact: float
    measured: float
    error: float
    scatter: float

    @classmethod
    def of_trials(cls, exact: float, trials: Array, seconds: float) -> "Estimate":
        """Return the mean over independent trials (trial,) of that many seconds each."""
        spread = float(trials.std(ddof=1))
        error, scatter = spread / np.sqrt(len(trials)), spread * np.sqrt(seconds / RUN)
        return cls(exact, float(trials.mean()), float(error), float(scatter))

    def explains(self, printed: str) -> bool:
        """Return whether a run of :data:`RUN` could have given the printed figure: within two s.d. and its rounding."""
        return abs(float(printed) - self.exact) <= 2 * self.scatter + half_unit(printed)


def published_trace(seed: int) -> Array:
    """Return noise of mean 0, (time,), as long as the published; the seed of that one is not known."""
    return white_noise(0.0, 1.0, _N_SAMPLES, _DT, randomness.generator(seed, "trace"))


def gaussian(kernel: Kernel) -> tuple[float, float]:
    """Return s.d. and correlation from sample to sample of white noise (σ = 1) after a kernel of 100 ms, exactly."""
    samples = kernel.samples(_DT, int(_SETTLED / _DT) + 1)
    power = float(samples @ samples)
    return float(np.sqrt(1000 / _DT * power)), float(samples[1:] @ samples[:-1]) / power


def crossing_rate(level: float, deviation: float, correlation: float) -> float:
    """Return how often per second a Gaussian process of mean 0, sampled as the cell, rises through ``level``."""
    slant = np.sqrt((1 - correlation) / (1 + correlation))
    return float(2 * special.owens_t(level / deviation, slant) * 1000 / _DT)


def stay(level: float, deviation: float, correlation: float) -> float:
    """Return for how many milliseconds on average the process stays above ``level`` after it has risen through it."""
    return float(1000 * stats.norm.sf(level / deviation) / crossing_rate(level, deviation, correlation))


def measure(
    levels: Mapping[float, Sequence[float]], n_trials: int, seed: int
) -> tuple[dict[str | float, Estimate], dict[tuple[float, float], Estimate]]:
    """Give noise of mean 0 to cells of several time constants of sodium.

    A mean other than 0 needs no run of its own: all kernels have unit gain, so that it shifts the settled drive by as
    much, or the level by the opposite.

    Parameters
    ----------
    levels : time constant (ms) → levels to cross
    n_trials : independent traces of the published length, at least 2
    seed : of the noise

    Returns
    -------
    deviations : standard deviation of V_L, "membrane", and of the sodium drive by time constant
    crossings : (time constant, level) → upward crossings per second

    Raises
    ------
    InputError
        If there are fewer than two trials, which have no standard error.
    """
    if n_trials < 2:
        raise InputError(f"noise trials: expected 2 or more, found {n_trials}")
    generator = randomness.generator(seed, "noise")
    settled = int(_SETTLED / _DT + 1e-6)
    seconds = (_N_SAMPLES - settled) * _DT / 1000
    squares: dict[str | float, list[Array]] = {"membrane": [], **{tau: [] for tau in levels}}
    counts: dict[tuple[float, float], list[Array]] = {(tau, b): [] for tau, own in levels.items() for b in own}
    for start in range(0, n_trials, _CHUNK):
        n_here = min(_CHUNK, n_trials - start)
        noise = np.stack([white_noise(0.0, 1.0, _N_SAMPLES, _DT, generator) for _ in range(n_here)])
        for tau, own in levels.items():
            traces = simulate(cells.lnl(tau), {"dendritic": noise}, _DT)
            drive = traces["sodium_drive"][:, settled:]
            squares[tau].append((drive**2).mean(1))
            for level in dict.fromkeys(own):
                above = drive >= level
                counts[tau, level].append((above[:, 1:] & ~above[:, :-1]).sum(1))
        squares["membrane"].append((traces["membrane"][:, settled:] ** 2).mean(1))  # the same in all cells
    deviations = {name: _deviation(np.concatenate(found), name, seconds) for name, found in squares.items()}
    crossings = {
        (tau, level): Estimate.of_trials(
            crossing_rate(level, *gaussian(cells.lnl(tau)["sodium"].kernel)), np.concatenate(found) / seconds, seconds
        )
        for (tau, level), found in counts.items()
    }
    return deviations, crossings


def _deviation(squares: Array, name: str | float, seconds: float) -> Estimate:
    is_membrane = isinstance(name, str)
    cell = cells.lnl() if is_membrane else cells.lnl(float(name))
    exact, _ = gaussian(cell["membrane" if is_membrane else "sodium"].kernel)
    # The root is taken of the mean over trials, where it is without bias; d√x = dx / 2√x gives the spread.
    root = np.sqrt(squares.mean())
    return Estimate.of_trials(exact / 2 if is_membrane else exact, root + (squares - root**2) / (2 * root), seconds)
