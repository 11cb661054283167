"""The record of fixed points through training: branches with their births and deaths, and every bifurcation."""

import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...errors import InputError, unknown_name
from ...results import Result, axes, count_noun
from ..linear.timescales import time_scales
from ..problem import Dynamics
from .record import TYPES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TrainingDiagram(Result):
    """Fixed points at every checkpoint of a training, the branches that connect them, and their bifurcations.

    A *branch* is one point moving while the network learns. Its number stays the same from its birth to its death.

    Attributes
    ----------
    dynamics : {"map", "flow"}
    dt : float or None
        Duration of a step (s), None if it was not said, and for flows.
    trials_seen : ndarray, shape (checkpoint,)
    checkpoint : ndarray of int, shape (point,)
        Of each point, from 0.
    branch : ndarray of int, shape (point,)
        Of each point; −1 for the points of a continuum, which are not followed one by one.
    states : ndarray, shape (point, state)
    speeds : ndarray, shape (point,)
        q = ½‖F(x) − x‖² (½‖f(x)‖² of a flow).
    eigenvalues : ndarray, shape (point, state), complex
        Slowest to decay first.
    stable, certified : ndarray of bool, shape (point,)
    n_unstable : ndarray of int, shape (point,)
    manifold : ndarray of int, shape (point,)
        The continuum (line, ring, …) that the point is a sample of, −1 for an isolated one.
    manifold_checkpoint, manifold_dimensions : ndarray of int, shape (continuum,)
    manifold_closed : ndarray of bool, shape (continuum,)
        A ring rather than a line.
    angles : ndarray, shape (point,), or None
        Where the readout points at each point, rad.
    slow_checkpoint : ndarray of int, shape (slow,)
    slow_states, slow_speeds, slow_eigenvalues, slow_angles : ndarray
        Slow points: minima of q that are no zeros. Never among ``states``.
    event_types : ndarray of str, shape (event,)
        As :class:`~dynascope.fixedpoints.BifurcationDiagram` calls them; in order of training.
    event_trials : ndarray, shape (event,)
        Where on the straight line between two checkpoints, in trials.
    event_branch : ndarray of int, shape (event,)
        The branch on which it lies: of a pair that is born or dies the first. −1 if it reaches no checkpoint.
    event_eigenvalue : ndarray, shape (event,), complex
        The eigenvalue that crosses; of a pair the one in the upper half plane.
    event_states : ndarray, shape (event, state)
    birth_event, death_event : ndarray of int, shape (branch,)
        The event at which a branch begins and ends; −1 if it is there from the first, to the last checkpoint, or if its
        end could not be resolved (``notes``).
    path_branch : ndarray of int, shape (row,)
        The branches between and at the checkpoints, row by row as they were followed.
    path_trials : ndarray, shape (row,)
    path_states : ndarray, shape (row, state)
    path_eigenvalue : ndarray, shape (row,), complex
        The leading eigenvalue.
    path_n_unstable : ndarray of int, shape (row,)
    path_stable : ndarray of bool, shape (row,)
    notes : list of str
        What could not be settled, in sentences.
    """

    dynamics: Dynamics
    dt: float | None
    trials_seen: Array = axes("moment", units="trials")
    checkpoint: Array = axes("point")
    branch: Array = axes("point")
    states: Array = axes("point", "unit")
    speeds: Array = axes("point")
    eigenvalues: Array = axes("point", "eigenvalue")
    stable: Array = axes("point")
    n_unstable: Array = axes("point")
    certified: Array = axes("point")
    manifold: Array = axes("point")
    manifold_checkpoint: Array = axes("continuum")
    manifold_dimensions: Array = axes("continuum")
    manifold_closed: Array = axes("continuum")
    angles: Array | None = axes("point", units="rad", optional=True)
    slow_checkpoint: Array = axes("slow_point")
    slow_states: Array = axes("slow_point", "unit")
    slow_speeds: Array = axes("slow_point")
    slow_eigenvalues: Array = axes("slow_point", "eigenvalue")
    slow_angles: Array | None = axes("slow_point", units="rad", optional=True)
    event_types: Array = axes("event")
    event_trials: Array = axes("event", units="trials")
    event_branch: Array = axes("event")
    event_eigenvalue: Array = axes("event")
    event_states: Array = axes("event", "unit")
    birth_event: Array = axes("numbered_branch")
    death_event: Array = axes("numbered_branch")
    path_branch: Array = axes("row")
    path_trials: Array = axes("row", units="trials")
    path_states: Array = axes("row", "unit")
    path_eigenvalue: Array = axes("row")
    path_n_unstable: Array = axes("row")
    path_stable: Array = axes("row")
    notes: list[str]

    kind: ClassVar[str] = "training-diagram"

    def __len__(self) -> int:
        return len(self.states)

    @property
    def n_branches(self) -> int:
        """Number of branches."""
        return len(self.birth_event)

    @property
    def time_unit(self) -> str:
        """What time constants are measured in."""
        return "units of time" if self.dynamics == "flow" else "steps" if self.dt is None else "s"

    def counts(self, which: str = "all") -> Array:
        """Return the number of points at each checkpoint, shape (checkpoint,): all, stable, or slow ones.

        Raises
        ------
        InputError
            If ``which`` is none of these words.
        """
        kinds = {
            "all": self.checkpoint,
            "stable": self.checkpoint[self.stable.astype(bool)],
            "slow": self.slow_checkpoint,
        }
        if which not in kinds:
            raise InputError(unknown_name("kind of point", which, kinds))
        return np.bincount(kinds[which], minlength=len(self.trials_seen))

    def of_type(self, name: str) -> Array:
        """Return the trials at which bifurcations of one type happen, ascending.

        Raises
        ------
        InputError
            If there is no such type.
        """
        if name not in TYPES:
            raise InputError(unknown_name("type of bifurcation", name, TYPES))
        return np.sort(self.event_trials[self.event_types == name])

    def spans(self) -> Array:
        """Return the trials at which each branch begins and ends, shape (branch, 2).

        The bifurcation where it is known, otherwise the first and the last place at which the branch was found.
        """
        places = np.concatenate([self.trials_seen[self.checkpoint], self.path_trials])
        numbers = np.concatenate([self.branch, self.path_branch])
        found = [places[numbers == number] for number in range(self.n_branches)]
        spans = np.array([[own.min(), own.max()] for own in found]).reshape(-1, 2)
        for column, event in enumerate((self.birth_event, self.death_event)):
            spans[event >= 0, column] = self.event_trials[event[event >= 0]]
        return spans

    def time_constants(self, which: str = "points") -> Array:
        """Return −dt / ln|λ| (−1 / Re λ of a flow) of every mode of every point, shape (point, state).

        In units of ``time_unit``: how long a memory along the mode lasts. Negative for modes that grow, infinite for
        neutral ones. ``which`` is ``points``, or ``path`` for the leading mode of each row (row,).

        Raises
        ------
        InputError
            If ``which`` is neither.
        """
        kinds = {"points": self.eigenvalues, "path": self.path_eigenvalue[:, None]}
        if which not in kinds:
            raise InputError(unknown_name("time constants", which, kinds))
        found = time_scales(kinds[which], self.dynamics, self.dt or 1.0)[0]
        return found[:, 0] if which == "path" else found

    def summary(self) -> str:
        """Return the points at each checkpoint and the bifurcations with the trials at which they happen, as text."""
        counted = ", ".join(f"{count} {name}" for name, count in Counter(self.event_types.tolist()).items())
        first, last = self.trials_seen[0], self.trials_seen[-1]
        lines = [
            f"{count_noun(self.n_branches, 'branch', 'es')} of fixed points through {len(self.trials_seen)} "
            f"checkpoints, {first:.10g} to {last:.10g} trials: {counted or 'no bifurcations'}"
        ]
        lines += [self._checkpoint_line(index) for index in range(len(self.trials_seen))]
        lines += [self._event_line(index) for index in range(len(self.event_types))]
        return "\n".join([*lines, *self.notes])

    def _checkpoint_line(self, index: int) -> str:
        here = self.checkpoint == index
        stable = here & self.stable.astype(bool)
        words = [count_noun(int(here.sum()), "point"), f"{stable.sum()} stable"]
        n_slow = int((self.slow_checkpoint == index).sum())
        words += [f"{n_slow} slow"] * (n_slow > 0)
        for number in np.flatnonzero(self.manifold_checkpoint == index):
            shape = (
                "ring" if self.manifold_closed[number] else f"continuum of dimension {self.manifold_dimensions[number]}"
            )
            words.append(f"a {shape} of {(self.manifold[here] == number).sum()} of them")
        if stable.any():
            longest = self.time_constants()[stable, 0].max()
            words.append(f"longest time constant of a stable one {longest:.4g} {self.time_unit}")
        return f"  {self.trials_seen[index]:.10g}: {', '.join(words)}"

    def _event_line(self, index: int) -> str:
        value = complex(self.event_eigenvalue[index])
        angle = f", λ = {value:.4g}" if abs(value.imag) > 1e-7 else ""
        where = f"branch {self.event_branch[index]}{angle}" if self.event_branch[index] >= 0 else "no branch"
        fates = [
            f"{'branch' if len(found) == 1 else 'branches'} {', '.join(map(str, found))} {word}"
            for word, events in (("born", self.birth_event), ("gone", self.death_event))
            if len(found := np.flatnonzero(events == index))
        ]
        fate = f": {'; '.join(fates)}" if fates else ""
        return f"  {self.event_types[index]} at {self.event_trials[index]:.10g} trials ({where}){fate}"

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the branches over the trials seen; see :func:`~dynascope.fixedpoints.drawing.training.draw_branches`."""
        from ..drawing.training import draw_branches

        return draw_branches(self, ax)

    def figure(self) -> "Figure":
        """Draw the branches, their angles, how many points there are, and their leading eigenvalues."""
        from ..drawing.training import training_figure

        return training_figure(self)
