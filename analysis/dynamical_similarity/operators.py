"""Dynamic mode decomposition of delay-embedded activity: the linear operator that best advances it one sample."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ... import plotting
from ...errors import ConfigurationError, InputError
from ...results import Result, axes, digest_arrays
from .. import validation
from ..validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, kw_only=True)
class DynamicModes(Result):
    """A linear operator fitted to delay-embedded activity.

    Attributes
    ----------
    operator : (component, component_before)
        ``next = operator @ now`` for scores of the leading principal components of the embedding, each scaled to unit
        mean square: coordinates in which the operator depends on the activity only up to rotation.
    eigenvalues : (component,) complex
        Of the operator, largest magnitude first. |λ| < 1 decays; the angle is radians per sample.
    r2 : float
        Share of the variance of the next scores that the operator explains, on the data it was fitted to.
    kept : float
        Share of the embedding's variance in the components.
    n_delays : int
    """

    operator: Array = axes("component", "component_before")
    eigenvalues: Array = axes("component")
    r2: float
    kept: float
    n_delays: int

    kind: ClassVar[str] = "dynamic_modes"

    def summary(self) -> str:
        """Return the size of the operator, how well it fits, and its slowest eigenvalues."""
        shown = ", ".join(f"{abs(value):.3f}∠{abs(np.angle(value)):.3f}" for value in self.eigenvalues[:6])
        return (
            f"{len(self.operator)} dynamic modes of {self.n_delays} delays holding {100 * self.kept:.1f} % of "
            f"variance, one-step R² {self.r2:.4f}\neigenvalues |λ|∠rad per sample  {shown}"
        )

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the eigenvalues in the complex plane with the unit circle."""
        ax = plotting.axes_or_new(ax, width=3.4)
        angle = np.linspace(0, 2 * np.pi, 200)
        ax.plot(np.cos(angle), np.sin(angle), color=plotting.GREY, linewidth=0.8)
        ax.plot(self.eigenvalues.real, self.eigenvalues.imag, "o", color=plotting.INK, markersize=4)
        ax.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
        ax.set_title(f"Eigenvalues of {len(self.operator)} dynamic modes")
        return ax


def dynamic_modes(activity: Any, *, rank: int = 10, n_delays: int = 1, name: str = "activity") -> DynamicModes:
    """Return the linear operator that advances delay-embedded activity by one sample, fitted by least squares.

    Parameters
    ----------
    activity : array (trial, time, unit)
        Finite real numbers; trials are not joined across their ends. The mean over trials and times is subtracted.
    rank : int
        Leading principal components of the embedding that are kept; at most what the data have.
    n_delays : int
        Successive samples stacked to one state: more than one lets few units show hidden state.
    name : str
        What to call the array in messages.

    Raises
    ------
    InputError
        If activity is not (trial, time, unit) of finite real numbers, has too few times, or fewer dimensions than
        ``rank``.
    ConfigurationError
        If a number is out of range.

    Notes
    -----
    O(samples · (n_delays · units) · min(…)); memory n_delays times the activity.

    References
    ----------
    Schmid (2010); Arbabi and Mezić (2017), delays; Ostrow et al. (2023), who compare such operators.
    """
    rank = validation.whole_number("rank", rank, least=1)
    n_delays = validation.whole_number("n_delays", n_delays, least=1)
    values = validation.trajectories(name, activity).astype(np.float64)
    validation.finite(name, values)
    n_times = values.shape[1]
    if n_times < n_delays + 1:
        raise InputError(f"{name}: has {n_times} times; expected at least {n_delays + 1} for n_delays={n_delays}")
    values = values - values.mean(axis=(0, 1))
    windows = np.lib.stride_tricks.sliding_window_view(values, n_delays, axis=1)
    embedded = windows.transpose(0, 1, 3, 2).reshape(*windows.shape[:2], -1)
    flat = embedded.reshape(-1, embedded.shape[2])
    u, singular, _ = np.linalg.svd(flat, full_matrices=False)
    available = int((singular > max(flat.shape) * np.finfo(np.float64).eps * singular[0]).sum())
    if rank > available:
        raise ConfigurationError(f"rank: found {rank}; {name} with {n_delays} delays has {available} dimensions")
    scores = (u[:, :rank] * np.sqrt(len(flat))).reshape(*embedded.shape[:2], rank)
    now, after = scores[:, :-1].reshape(-1, rank), scores[:, 1:].reshape(-1, rank)
    solution, *_ = np.linalg.lstsq(now, after, rcond=None)
    eigenvalues = np.linalg.eigvals(solution.T)
    return DynamicModes(
        operator=solution.T,
        eigenvalues=eigenvalues[np.lexsort((eigenvalues.imag, -np.abs(eigenvalues).round(12)))],
        r2=float(1 - ((after - now @ solution) ** 2).sum() / (after**2).sum()),
        kept=float((singular[:rank] ** 2).sum() / (singular**2).sum()),
        n_delays=n_delays,
        parameters={"rank": rank, "n_delays": n_delays},
        input_digest=digest_arrays([activity]),
    )
