"""Basins of attraction: which attractor each of many starts leads to, and what share of them each attractor draws."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from ... import plotting
from ...results import Result, axes, count_noun, digest_arrays
from ..options import check_count, check_positive
from ..problem import ArrayLike, Dynamics, Step, host, make_problem, precision
from ..record import FixedPoints
from .ends import attractor_names, count_outcomes, default_limit, follow_to_the_end
from .scene import make_scene
from .settling import SENTENCES, Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[Any]

_NORMAL_95 = 1.959963984540054


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Basins(Result):
    """Where each of n starts ends, under x' = F(x, u) or dx/dt = f(x, u).

    Attributes
    ----------
    dynamics : {"map", "flow"}
    starts : ndarray, shape (start, unit)
    assignment : ndarray of int, shape (start,)
        Number of the attractor that the start leads to, −1 for none.
    outcomes : ndarray of int8, shape (start,)
        Codes of :class:`~dynascope.fixedpoints.landscape.settling.Outcome`; :meth:`reasons` gives the sentences.
    ages : ndarray, shape (start,)
        Steps (map) or time (flow) until the start was seen to have settled, or until it was given up.
    resting : ndarray of int, shape (start,)
        Row of the unstable or marginal point that the start came to rest at, −1 if it did not.
    attractors : ndarray, shape (attractor, unit)
        One state of each: the stable points given, in their order, then those found, by period and place.
    periods : ndarray, shape (attractor,)
        Of a map 1 for a fixed point, k for a cycle; of a flow 0 for a fixed point, the time for a cycle.
    points : ndarray of int, shape (attractor,)
        Row of the attractor in the list of points given, −1 if it was found on the way.
    counts : ndarray of int, shape (attractor,)
    fractions, lower, upper : ndarray, shape (attractor,)
        Share of all starts, with Wilson's 95 % interval (J. Am. Stat. Assoc. 22 (1927) 209). The interval is that of
        starts drawn independently; on a grid it is a guide only.
    """

    dynamics: Dynamics
    starts: Array = axes("start", "unit")
    assignment: Array = axes("start")
    outcomes: Array = axes("start")
    ages: Array = axes("start")
    resting: Array = axes("start")
    attractors: Array = axes("attractor", "unit")
    periods: Array = axes("attractor")
    points: Array = axes("attractor")
    counts: Array = axes("attractor")
    fractions: Array = axes("attractor")
    lower: Array = axes("attractor")
    upper: Array = axes("attractor")

    kind: ClassVar[str] = "basins"

    def __len__(self) -> int:
        return len(self.attractors)

    def names(self) -> list[str]:
        """Return what each attractor is called: its point's number, or its period."""
        return attractor_names(self.periods, self.points, self.dynamics)

    def reasons(self) -> list[str]:
        """Return for each start how it ended, in a sentence."""
        return [SENTENCES[Outcome(code)] for code in self.outcomes.tolist()]

    def endings(self) -> Mapping[str, int]:
        """Return how many starts ended in each way."""
        return count_outcomes(self.outcomes)

    def summary(self) -> str:
        """Return the share of each attractor with its interval, and how the other starts ended, as text."""
        n_settled, attractors = int((self.assignment >= 0).sum()), count_noun(len(self), "attractor")
        lines = [f"{count_noun(len(self.starts), 'start')}, {n_settled} of them led to {attractors}"]
        for number, name in enumerate(self.names()):
            lines.append(
                f"  {name:<22} {self.fractions[number]:7.2%}  "
                f"(95 % interval {self.lower[number]:.2%} to {self.upper[number]:.2%})"
            )
        settled = (SENTENCES[Outcome.KNOWN], SENTENCES[Outcome.FOUND])
        lines += [f"  {count} {sentence}" for sentence, count in self.endings().items() if sentence not in settled]
        return "\n".join(lines)

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the share of each attractor with its 95 % interval, in the colours of the basins picture."""
        from ..drawing.basins import draw_fractions

        drawn = plotting.axes_or_new(ax)
        draw_fractions(drawn, self)
        return drawn


def basins(
    step: Step,
    initial_states: ArrayLike,
    points: FixedPoints | ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    *,
    dynamics: Dynamics = "map",
    n_steps: int | None = None,
    duration: float | None = None,
    dtype: torch.dtype = torch.float64,
) -> Basins:
    """Return which attractor each start leads to, and the share of starts that each attractor draws.

    All starts are followed as one batch until each has settled: captured by a stable point, drawn into a
    cycle or a point that was not in ``points``, escaped, or not settled in time. Attractors missing from ``points`` are
    found on the way, if orbits settle at them. The shares are those of the starts given: draw the starts from
    the distribution that you mean.

    Parameters
    ----------
    step : callable
        As for :func:`~dynascope.fixedpoints.find_fixed_points`.
    initial_states : array or tensor, shape (n, state), floating point
    points : FixedPoints, array of shape (k, state), or None
        Fixed points known: the stable ones are attractors, the unstable ones mark where basins end. Only those found
        under ``inputs`` are used.
    inputs : array or tensor, shape (input,), or None
        One constant input: basins belong to one system.
    dynamics : {"map", "flow"}
    n_steps : int ≥ 1 or None
        Longest orbit of a map, in iterates; 10 000 when None.
    duration : float > 0 or None
        Longest orbit of a flow; 200 times the slowest time constant 1/|Re λ| of the points when None.
    dtype : torch.float64 or torch.float32

    Returns
    -------
    Basins

    Raises
    ------
    InputError
        If an argument has a wrong shape, dtype or range, or ``points`` are not at rest under ``step`` and ``inputs``.

    Notes
    -----
    An orbit is assigned to a stable point once it has spent 10 steps inside an ellipsoid around the point where
    a quadratic Lyapunov function falls, and has itself been seen to fall there
    (:mod:`dynascope.fixedpoints.landscape.regions`). Cycles of a map up to period 128 are found by recurrence,
    limit cycles of a flow by two returns to a section; both are kept if the Jacobian along one period says that they
    attract. A flow is integrated with Dormand and Prince's method, each orbit with its own
    step, at a relative error of 1e-8 per step.

    Cost: one evaluation of ``step`` per iterate (seven per step of a flow) on all orbits not yet settled.

    Examples
    --------
    >>> points = np.array([[-0.957504], [0.957504]])
    >>> found = basins(lambda x: torch.tanh(2 * x), np.linspace(-2, 1, 30)[:, None], points)
    >>> found.counts
    array([20, 10])
    """
    if n_steps is not None:
        check_count("n_steps", n_steps)
    if duration is not None:
        check_positive("duration", duration)
    with precision(dtype), torch.inference_mode(mode=False), torch.enable_grad():
        problem = make_problem(step, initial_states, inputs, dtype=dtype, dynamics=dynamics)
        scene = make_scene(problem, points)
        given = n_steps if dynamics == "map" else duration
        limit = default_limit(scene) if given is None else float(given)
        ends = follow_to_the_end(scene, problem.starts, limit=limit)
    counts = np.bincount(ends.assignment[ends.assignment >= 0], minlength=len(ends.attractors))
    lower, upper = wilson_interval(counts, len(ends.assignment))
    digested = [host(problem.starts), scene.points, *([] if problem.inputs is None else [host(problem.inputs[0])])]
    return Basins(
        dynamics=dynamics,
        starts=host(problem.starts),
        assignment=ends.assignment,
        outcomes=ends.settled.outcomes.astype(np.int8),
        ages=ends.settled.ages,
        resting=ends.resting,
        attractors=ends.attractors,
        periods=ends.periods,
        points=ends.points,
        counts=counts,
        fractions=counts / len(ends.assignment),
        lower=lower,
        upper=upper,
        parameters={"limit": limit, "dtype": str(dtype).removeprefix("torch.")},
        input_digest=digest_arrays(digested),
    )


def wilson_interval(counts: Array, n_trials: int) -> tuple[Array, Array]:
    """Return the lower and upper end of Wilson's 95 % interval for shares ``counts`` / ``n_trials``, each (k,).

    With p = c/n and z the normal quantile: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n).

    Examples
    --------
    >>> [round(float(end[0]), 4) for end in wilson_interval(np.array([5]), 10)]
    [0.2366, 0.7634]
    """
    share, square = np.asarray(counts) / n_trials, _NORMAL_95**2
    middle = (share + square / (2 * n_trials)) / (1 + square / n_trials)
    half = _NORMAL_95 * np.sqrt(share * (1 - share) / n_trials + square / (4 * n_trials**2)) / (1 + square / n_trials)
    # Exactly 0 and 1 at the ends, where rounding may leave −1e-17.
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)
